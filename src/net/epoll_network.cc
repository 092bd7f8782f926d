#include "net/epoll_network.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "net/socket.h"

namespace weir::net {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_system(const Address& address) {
  SocketAddress result;
  if (address.is_v6()) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
    result.bytes = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
    result.bytes = sizeof v4;
  }
  return result;
}

Address from_system(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {  // an IPv4 client of a socket for both families
      return Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}, ntohs(v6.sin6_port));
    }
    return Address::v6(bytes, ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &v4.sin_addr, 4);
  return Address::v4(bytes, ntohs(v4.sin_port));
}

void set_option(int fd, int level, int option, int value = 1) {
  (void)::setsockopt(fd, level, option, &value, sizeof value);  // a hint: the socket works without it
}

// A socket to be bound to an address. [::] is every address of this machine, in both families; where the
// kernel has no IPv6, those of IPv4 are all.
Result<Descriptor> socket_for(Address& at) {
  constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  Descriptor made(::socket(at.is_v6() ? AF_INET6 : AF_INET, kType, IPPROTO_TCP));
  if (!made && errno == EAFNOSUPPORT && at.is_any() && at.is_v6()) {
    at = Address::v4({}, at.port());
    made = Descriptor(::socket(AF_INET, kType, IPPROTO_TCP));
  }
  if (!made) return fail(system_error(errno, "cannot make a socket"));
  if (at.is_v6()) set_option(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, at.is_any() ? 0 : 1);
  set_option(made.get(), SOL_SOCKET, SO_REUSEADDR);
  return made;
}

// The peer has seen nothing yet, so that another try is always right, unless nobody wants it any more.
std::unexpected<Error> connect_failed(Error error) {
  error.side = Side::kUpstream;
  if (error.code != Code::kCancelled) error.retry = Retry::kSafe;
  return fail(error);
}

}  // namespace

// On one socket, or on several of the same address.
class EpollListener final : public Listener, private EpollPoller::Handler {
 public:
  EpollListener(EpollNetwork& network, std::vector<Descriptor> sockets, Address address)
      : network_(network), sockets_(std::move(sockets)), address_(address) {
    if (network_.sockets_ == nullptr) return;
    for (const Descriptor& socket : sockets_) network_.sockets_->add(address_, socket.get());
  }
  ~EpollListener() {
    WEIR_CHECK(acceptor_ == nullptr);
    std::erase(network_.waiting_, this);
    for (std::size_t i = 0; i < watched_; ++i) network_.poller_.take_out(sockets_[i].get());
    if (network_.sockets_ == nullptr) return;
    for (const Descriptor& socket : sockets_) network_.sockets_->remove(socket.get());
  }

  Result<void> watch() {
    for (; watched_ < sockets_.size(); ++watched_) {
      auto added = network_.poller_.add(sockets_[watched_].get(), EPOLLIN | EPOLLET, *this);
      if (!added) return added;
    }
    return {};
  }

  // It accepts nothing until release().
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    on_events(0);
  }

  Address address() const override { return address_; }

  Task<Result<Accepted>> accept() override {
    for (;;) {
      if (held_) {
        if (auto woken = co_await Wait(*this); !woken) co_return fail(woken.error());
        continue;
      }
      if (auto watched = watch(); !watched) co_return fail(watched.error());
      SocketAddress peer;
      Descriptor accepted(
          ::accept4(sockets_[turn_].get(), peer.get(), &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted) {
        empty_ = 0;
        auto socket = Socket::create(network_.loop_, network_.poller_, std::move(accepted), false);
        if (!socket) co_return fail(socket.error());
        co_return Accepted{std::move(*socket), from_system(peer)};
      }
      switch (errno) {
        case EAGAIN:
          turn_ = (turn_ + 1) % sockets_.size();
          if (++empty_ < sockets_.size()) break;
          empty_ = 0;
          if (auto woken = co_await Wait(*this); !woken) co_return fail(woken.error());
          break;
        case EINTR:
        case ECONNABORTED:
        case EPROTO: break;  // that connection is gone; there may be others
        default: co_return fail(system_error(errno, "accept failed"));
      }
    }
  }

 private:
  class Wait final : public Operation {
   public:
    explicit Wait(EpollListener& listener) : Operation(listener.network_.loop_), listener_(listener) {}
    ~Wait() override {
      if (listener_.acceptor_ == this) listener_.acceptor_ = nullptr;
    }
    bool await_ready() const { return std::exchange(listener_.pending_, false); }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      listener_.acceptor_ = this;
      return suspend(waiter, std::nullopt);
    }
    Result<void> await_resume() const { return result_; }

   private:
    void give_up(const Error& why) override {
      listener_.acceptor_ = nullptr;
      result_ = fail(why);
    }
    EpollListener& listener_;
    Result<void> result_;
  };

  void on_events(std::uint32_t /*events*/) override {
    if (acceptor_ == nullptr) {
      pending_ = true;
    } else {
      std::exchange(acceptor_, nullptr)->resume();
    }
  }

  EpollNetwork& network_;
  std::vector<Descriptor> sockets_;
  Address address_;
  Wait* acceptor_ = nullptr;
  std::size_t watched_ = 0;  // sockets
  std::size_t turn_ = 0;     // the socket that is asked next
  std::size_t empty_ = 0;    // asked in a row, that had nothing
  bool pending_ = false;
  bool held_ = false;
};

namespace {

Result<Descriptor> listening_socket(Address at) {
  auto descriptor = socket_for(at);
  if (!descriptor) return fail(descriptor.error());
  set_option(descriptor->get(), SOL_SOCKET, SO_REUSEPORT);
  SocketAddress local = to_system(at);
  if (::bind(descriptor->get(), local.get(), local.bytes) != 0)
    return fail(system_error(errno, "cannot bind"));
  if (::listen(descriptor->get(), kBacklog) != 0) return fail(system_error(errno, "cannot listen"));
  return descriptor;
}

}  // namespace

// Where the kernel has no IPv6, what was asked for as [::] is bound as 0.0.0.0.
Address EpollNetwork::inherited_as(const Address& at) const {
  const bool both = at.is_v6() && at.is_any() && !sockets_->has(at);
  return both ? Address::v4({}, at.port()) : at;
}

Result<std::vector<Descriptor>> EpollNetwork::inherited(const Address& at) {
  if (sockets_ == nullptr || at.port() == 0) return std::vector<Descriptor>();
  return sockets_->take(inherited_as(at));
}

Result<std::unique_ptr<Listener>> EpollNetwork::listen(Address at) {
  auto sockets = inherited(at);
  if (!sockets) return fail(sockets.error());
  if (sockets->empty()) {
    auto made = listening_socket(at);
    if (!made) return fail(made.error());
    sockets->push_back(std::move(*made));
  }
  // What is accepted has it from there.
  for (const Descriptor& socket : *sockets) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY);
  SocketAddress bound;
  if (::getsockname(sockets->front().get(), bound.get(), &bound.bytes) != 0) {
    return fail(system_error(errno, "cannot tell the bound address"));
  }
  auto listener = std::make_unique<EpollListener>(*this, std::move(*sockets), from_system(bound));
  if (held_) {
    listener->hold();
    waiting_.push_back(listener.get());
    return listener;
  }
  if (auto watched = listener->watch(); !watched) return fail(watched.error());
  return listener;
}

void EpollNetwork::release() {
  held_ = false;
  for (EpollListener* listener : std::exchange(waiting_, {})) listener->release();
}

Task<Result<std::unique_ptr<Stream>>> EpollNetwork::connect(Address to, Duration timeout) {
  if (to.is_tunnel()) co_return fail(Code::kConnectFailed, "there are no tunnels here");
  Descriptor descriptor(
      ::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!descriptor) co_return connect_failed(system_error(errno, "cannot make a socket"));
  set_option(descriptor.get(), IPPROTO_TCP, TCP_NODELAY);
  SocketAddress remote = to_system(to);
  if (::connect(descriptor.get(), remote.get(), remote.bytes) != 0 && errno != EINPROGRESS) {
    Error error = system_error(errno, "cannot connect");
    if (errno == EADDRNOTAVAIL) {
      error.code = Code::kNoLocalPort;
      error.text = "all local ports towards that address are in use";
    }
    co_return connect_failed(error);
  }
  auto socket = Socket::create(loop_, poller_, std::move(descriptor), true);
  if (!socket) co_return connect_failed(socket.error());
  if (auto connected = co_await (*socket)->write(Slice{}, timeout); !connected) {
    co_return connect_failed(connected.error());
  }
  if (const int os_errno = (*socket)->take_error(); os_errno != 0) {
    co_return connect_failed(system_error(os_errno, "cannot connect"));
  }
  co_return std::move(*socket);
}

Task<Result<Resolved>> EpollNetwork::resolve(std::string name, std::uint16_t port, Duration timeout) {
  if (auto literal = Address::parse_ip(name, port)) {
    co_return Resolved{{*literal}, Duration::max()};
  }
  co_return co_await resolver_.resolve(std::move(name), port, timeout);
}

Result<void> EpollNetwork::check_unused(Address at) {
  if (at.port() == 0) return {};
  if (sockets_ != nullptr && sockets_->has(inherited_as(at))) return {};
  const auto probe = socket_for(at);
  if (!probe) return fail(probe.error());
  SocketAddress local = to_system(at);
  if (::bind(probe->get(), local.get(), local.bytes) != 0) return fail(system_error(errno, "cannot bind"));
  return {};
}

}  // namespace weir::net
