// The commands that work without the API: weir ca; weir store copy, which takes a whole store from one place
// to another while no weir uses either; and weir upgrade, which asks a weir of this machine to give way.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include "cli/commands.h"
#include "enroll/authority_file.h"
#include "handover/channel.h"
#include "handover/door.h"
#include "role/machine.h"
#include "store/copy.h"
#include "tls/certificate.h"

namespace weir::cli {
namespace {

std::uint64_t milliseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string process_of(const handover::Letter& answer) {
  return "process " + std::string(answer.get("process"));
}

}  // namespace

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

int upgrade_command(const Arguments& arguments, Terminal& terminal) {
  // Beyond the time to be ready: for what comes before and after.
  constexpr Duration kMargin = std::chrono::seconds(30);
  constexpr Duration kAskTimeout = std::chrono::seconds(5);
  const UpgradeFlags& flags = arguments.upgrade;
  const std::string& directory = arguments.up.options.data_dir;
  const auto refuse = [&terminal](const std::string& why) {
    terminal.say("weir upgrade: " + why);
    return kFailed;
  };
  std::error_code failed;
  const std::filesystem::path binary = flags.binary.empty()
                                           ? std::filesystem::read_symlink("/proc/self/exe", failed)
                                           : std::filesystem::absolute(flags.binary, failed);
  if (failed) return refuse("cannot tell where the binary is: " + failed.message());
  const auto socket = handover::knock(directory);
  if (!socket) {
    return refuse("no weir that can be replaced runs on " + directory + " (" + sentence_of(socket.error()) +
                  "): start one, or stop and start one that is too old for it");
  }
  handover::Letter asked = handover::make_letter("replace");
  asked.set("binary", binary.string());
  asked.set("timeout", milliseconds(flags.timeout));
  if (flags.drain_limit) asked.set("limit", milliseconds(*flags.drain_limit));
  if (const auto sent = handover::send_now(*socket, asked, kAskTimeout); !sent) {
    return refuse(sentence_of(sent.error()));
  }
  const auto answer = handover::receive_now(*socket, flags.timeout + kMargin);
  if (!answer) return refuse("the weir that was to be replaced: " + sentence_of(answer.error()));
  if (answer->word != "done") {
    return refuse(std::string(answer->get("why")) + "; " + process_of(*answer) + " goes on as before");
  }
  terminal.print("replaced by " + process_of(*answer) + ", weir " + std::string(answer->get("version")) +
                 "\n");
  if (const auto remark = answer->get("remark"); !remark.empty()) terminal.say(std::string(remark));
  return kDone;
}

}  // namespace weir::cli
