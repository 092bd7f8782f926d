// The commands that work without the API: weir ca, and weir store copy, which takes a whole store from one
// place to another while no weir uses either.
#include <unistd.h>

#include <string>

#include "cli/commands.h"
#include "enroll/authority_file.h"
#include "role/machine.h"
#include "store/copy.h"
#include "tls/certificate.h"

namespace weir::cli {

int ca_command(const Arguments& arguments, Terminal& terminal) {
  const std::string path =
      enroll::authority_path(arguments.up.options.data_dir, enroll::kAuthorityCertificate);
  const auto pem = role::read_file(path, tls::kPemBytesMax);
  if (!pem) {
    terminal.say("weir ca: " + path + ": " + why_not(pem.error()) +
                 "; `weir up` makes it at its first start");
    return kFailed;
  }
  terminal.print(*pem);
  return kDone;
}

int store_command(const Arguments& arguments, Terminal& terminal) {
  const StoreFlags& flags = arguments.store_flags;
  const bool person = ::isatty(STDERR_FILENO) == 1;
  const auto progress = [&](std::size_t entries) {
    if (person) terminal.say(std::to_string(entries) + " objects and events read");
  };
  const auto copied = store::copy_store(flags.from, flags.to, progress);
  if (!copied) {
    terminal.say("weir store copy: " + copied.error().sentence);
    return kFailed;
  }
  terminal.say("copied " + std::to_string(copied->entries) + " objects and events and " +
               std::to_string(copied->changes) + " changes of the history, at revision " +
               std::to_string(copied->revision) + ", from " + copied->from + " to " + copied->to);
  return kDone;
}

}  // namespace weir::cli
