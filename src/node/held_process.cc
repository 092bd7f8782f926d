#include "node/held_process.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

namespace weir::node {

std::optional<HeldProcess> HeldProcess::find(std::uint64_t process, std::string_view group) {
  if (process == 0 || process > std::numeric_limits<pid_t>::max()) return std::nullopt;
  net::Descriptor handle(
      static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process), 0U)));  // close-on-exec
  if (!handle) return std::nullopt;
  // Read behind that: what the number stands for is what is held, or nothing.
  std::ifstream file("/proc/" + std::to_string(process) + "/cgroup");
  const std::string groups{std::istreambuf_iterator<char>(file), {}};
  if (groups.find(group) == std::string::npos) return std::nullopt;
  return HeldProcess(std::move(handle));
}

void HeldProcess::signal(int number) const {
  (void)::syscall(SYS_pidfd_send_signal, handle_.get(), number, nullptr, 0U);
}

}  // namespace weir::node
