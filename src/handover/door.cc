#include "handover/door.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>

namespace weir::handover {
namespace {

constexpr Duration kAskTimeout = std::chrono::seconds(5);
constexpr std::size_t kAskersMax = 16;  // at once; more are cut off
constexpr const char* kNewName = "upgrade.sock.new";

struct Place {
  net::Descriptor directory;
  sockaddr_un address{};
  socklen_t bytes = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&address); }
};

// By the directory's descriptor: a socket's address holds 107 bytes.
Result<Place> place_in(const std::string& directory, std::string_view name) {
  Place place;
  place.directory = net::Descriptor(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory) return fail(system_error(errno, "cannot open the data directory"));
  const std::string path = "/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + std::string(name);
  place.address.sun_family = AF_UNIX;
  std::ranges::copy(path, place.address.sun_path);
  place.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return place;
}

Result<net::Descriptor> make_socket() {
  net::Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(system_error(errno, "cannot make a socket"));
  return socket;
}

}  // namespace

Result<net::Descriptor> knock(const std::string& directory) {
  auto place = place_in(directory, kDoorName);
  if (!place) return fail(place.error());
  auto socket = make_socket();
  if (!socket) return fail(socket.error());
  if (::connect(socket->get(), place->get(), place->bytes) != 0) {
    return fail(system_error(errno, "nobody answers there"));
  }
  return socket;
}

Result<std::unique_ptr<Door>> Door::open(net::Loop& loop, net::EpollPoller& poller,
                                         const std::string& directory, Asked asked) {
  auto place = place_in(directory, kNewName);
  if (!place) return fail(place.error());
  auto socket = make_socket();
  if (!socket) return fail(socket.error());
  const int in = place->directory.get();
  (void)::unlinkat(in, kNewName, 0);
  // Nobody can come in before listen(), and by then nobody else may.
  if (::bind(socket->get(), place->get(), place->bytes) != 0) {
    return fail(system_error(errno, "cannot be made"));
  }
  if (::fchmodat(in, kNewName, 0600, 0) != 0 || ::listen(socket->get(), static_cast<int>(kAskersMax)) != 0 ||
      ::renameat(in, kNewName, in, kDoorName.data()) != 0) {
    return fail(system_error(errno, "cannot be put in place"));
  }
  std::unique_ptr<Door> door(new Door(loop, poller, std::move(*socket), std::move(asked)));
  auto added = poller.add(door->socket_.get(), EPOLLIN, *door);
  if (!added) return fail(added.error());
  door->watched_ = true;
  return door;
}

Door::~Door() {
  if (watched_) poller_.remove(socket_.get());
}

void Door::on_events(std::uint32_t /*events*/) {
  net::Descriptor who(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!who || tasks_.size() >= kAskersMax) return;
  tasks_.spawn(hear(std::move(who)));
}

net::Task<void> Door::hear(net::Descriptor who) {
  auto channel = Channel::create(loop_, poller_, std::move(who));
  if (!channel || !(*channel)->is_ours()) co_return;
  auto letter = co_await (*channel)->receive(kAskTimeout);
  if (letter) co_await asked_(std::move(*letter), **channel);
}

}  // namespace weir::handover
