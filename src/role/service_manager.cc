#include "role/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

#include "net/epoll.h"

namespace weir::role {

void tell_service_manager(std::string_view name, std::string_view state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || (name.front() != '/' && name.front() != '@') ||
      name.size() >= sizeof address.sun_path) {
    return;
  }
  std::ranges::copy(name, address.sun_path);
  if (name.front() == '@') address.sun_path[0] = '\0';  // an abstract one (unix(7))
  const net::Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  // Who does not listen does not want to know.
  (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), bytes);
}

}  // namespace weir::role
