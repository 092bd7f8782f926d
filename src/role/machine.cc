#include "role/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/host_port.h"
#include "base/text.h"
#include "config/formats.h"
#include "net/epoll.h"

namespace weir::role {

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const bool from_stdin = path == "-";
  const int fd = from_stdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(system_error(errno, "can't be opened"));
  std::string text;
  std::array<char, 16384> piece;
  Result<std::string> result;
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      result = std::unexpected(system_error(errno, "can't be read"));
      break;
    }
    if (got == 0) {
      result = std::move(text);
      break;
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      result = fail(Code::kBodyTooLarge, "is too large");
      break;
    }
  }
  if (!from_stdin) ::close(fd);
  return result;
}

std::vector<std::string> names_of_this_machine() {
  std::vector<std::string> names;
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  if (const std::string name = to_lower(host.data()); config::check_hostname(name).empty())
    names.push_back(name);
  names.insert(names.end(), {"localhost", "127.0.0.1", "::1"});
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) != 0) return names;
  for (const ifaddrs* one = interfaces; one != nullptr; one = one->ifa_next) {
    const sockaddr* address = one->ifa_addr;
    if (address == nullptr || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address->sa_family == AF_INET) {
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(),
                  text.size());
    } else if (address->sa_family == AF_INET6) {
      const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
      // One that means something on its link only is not called from elsewhere.
      if (!IN6_IS_ADDR_LINKLOCAL(&v6)) ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
    }
    if (text.front() != '\0') names.emplace_back(text.data());
  }
  ::freeifaddrs(interfaces);
  return names;
}

std::string name_of_this_machine() {
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  std::string name = host.data();
  name = to_lower(name.substr(0, name.find('.')));
  return config::check_name(name).empty() ? name : "edge";
}

std::string reached_at(net::Address at) {
  if (at.is_any()) {
    for (const std::string& name : names_of_this_machine()) {
      const auto address = net::Address::parse_ip(name, 0);
      if (!address || address->is_loopback()) continue;
      at = *address;
      break;
    }
  }
  return in_brackets(at.ip());
}

std::string reached_with_port(net::Address at) { return with_port(reached_at(at), at.port()); }

Result<net::Address> address_towards(net::Address to) {
  if (to.is_loopback() || to.is_any()) return to.is_any() ? net::Address::v4({127, 0, 0, 1}, 0) : to;
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (to.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(to.port());
    std::memcpy(&v6->sin6_addr, to.bytes().data(), sizeof v6->sin6_addr);
    size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(to.port());
    std::memcpy(&v4->sin_addr, to.bytes().data(), sizeof v4->sin_addr);
    size = sizeof *v4;
  }
  const net::Descriptor socket(::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (!socket || ::connect(socket.get(), name, size) != 0 || ::getsockname(socket.get(), name, &size) != 0) {
    return std::unexpected(system_error(errno, "no way leads there"));
  }
  if (!to.is_v6()) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(name)->sin_addr, bytes.size());
    return net::Address::v4(bytes, 0);
  }
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(name)->sin6_addr, bytes.size());
  return net::Address::v6(bytes, 0);
}

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = ::sched_getaffinity(0, sizeof(set), &set) == 0;
  const unsigned cores = known ? static_cast<unsigned>(std::max(CPU_COUNT(&set), 1)) : 1;
  constexpr std::size_t kBytesMax = 256;
  // Within a container this is its own group; elsewhere the file is not there.
  const auto quota = read_file("/sys/fs/cgroup/cpu.max", kBytesMax);
  return quota ? limit_by_quota(cores, *quota) : cores;
}

std::uint64_t usable_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  const std::uint64_t bytes =
      pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 0;
  constexpr std::size_t kBytesMax = 256;
  const auto most = read_file("/sys/fs/cgroup/memory.max", kBytesMax);
  return most ? limit_by_memory_max(bytes, *most) : bytes;
}

std::uint64_t limit_by_memory_max(std::uint64_t bytes, std::string_view memory_max) {
  while (memory_max.ends_with('\n')) memory_max.remove_suffix(1);
  const auto most = parse_decimal(memory_max);
  return most ? std::min(bytes, *most) : bytes;
}

unsigned limit_by_quota(unsigned cores, std::string_view cpu_max) {
  while (cpu_max.ends_with('\n')) cpu_max.remove_suffix(1);
  const std::size_t space = cpu_max.find(' ');
  if (space == std::string_view::npos) return cores;
  const auto quota = parse_decimal(cpu_max.substr(0, space));
  const auto period = parse_decimal(cpu_max.substr(space + 1));
  if (!quota || !period || *quota == 0 || *period == 0) return cores;
  const std::uint64_t allowed = *quota / *period + (*quota % *period == 0 ? 0 : 1);
  return static_cast<unsigned>(std::min<std::uint64_t>(cores, allowed));
}

}  // namespace weir::role
