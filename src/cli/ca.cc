#include "cli/commands.h"
#include "enroll/authority_file.h"
#include "role/machine.h"
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

}  // namespace weir::cli
