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

// Of datagrams that wait for the loop, or for the link: the kernel cuts it to net.core.rmem_max and wmem_max.
constexpr int kDatagramBufferBytes = 4 << 20U;

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

// As a socket of that family has it: one for both has IPv4 addresses within IPv6.
SocketAddress to_system(const Address& address, bool socket_is_v6) {
  if (address.is_v6() || !socket_is_v6) return to_system(address);
  std::array<std::uint8_t, 16> mapped{};
  mapped[10] = mapped[11] = 0xff;
  std::copy_n(address.bytes().begin(), 4, mapped.begin() + 12);
  return to_system(Address::v6(mapped, address.port()));
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
Result<Descriptor> socket_for(Address& at, int type = SOCK_STREAM) {
  type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
  Descriptor made(::socket(at.is_v6() ? AF_INET6 : AF_INET, type, 0));
  if (!made && errno == EAFNOSUPPORT && at.is_any() && at.is_v6()) {
    at = Address::v4({}, at.port());
    made = Descriptor(::socket(AF_INET, type, 0));
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

// Arrays for recvmmsg and sendmmsg that stay as they are from one batch to the next.
class EpollDatagrams final : public Datagrams, private EpollPoller::Handler {
 public:
  EpollDatagrams(EpollNetwork& network, Descriptor socket, Address address)
      : network_(network), socket_(std::move(socket)), address_(address), places_(kBatch) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      Place& place = places_[i];
      place.into = {{{place.head.data(), kHeadBytes}, {rest_of(i), kBytesMax - kHeadBytes}}};
      messages_[i].msg_hdr.msg_name = &place.peer.storage;
      messages_[i].msg_hdr.msg_iov = place.into.data();
      messages_[i].msg_hdr.msg_iovlen = place.into.size();
      // Where it was sent to, which is told by no other means when the socket is bound to all addresses.
      if (address_.is_any()) messages_[i].msg_hdr.msg_control = place.control.data();
    }
  }
  ~EpollDatagrams() override {
    WEIR_CHECK(waiting_ == nullptr);
    network_.poller_.take_out(socket_.get());
  }

  Result<void> watch() { return network_.poller_.add(socket_.get(), EPOLLIN | EPOLLET, *this); }

  Address address() const override { return address_; }

  Correspondent correspondent_of(const Datagram& datagram) const override {
    const auto place = static_cast<std::size_t>(&datagram - batch_.data());
    WEIR_CHECK(place < received_);
    Correspondent found{.peer = datagram.peer, .local = {}};
    if (!address_.is_any()) return found;
    const cmsghdr* control = CMSG_FIRSTHDR(&messages_[place].msg_hdr);
    if (control == nullptr) return found;
    SocketAddress local;
    if (control->cmsg_level == IPPROTO_IP) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(local.storage);
      v4.sin_family = AF_INET;
      v4.sin_addr = reinterpret_cast<const in_pktinfo*>(CMSG_DATA(control))->ipi_spec_dst;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(local.storage);
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = reinterpret_cast<const in6_pktinfo*>(CMSG_DATA(control))->ipi6_addr;
    }
    found.local = from_system(local);
    return found;
  }

  std::span<std::uint8_t> room_for(const Datagram& datagram) override {
    const auto place = static_cast<std::size_t>(&datagram - batch_.data());
    WEIR_CHECK(place < received_);
    if (answered_ != nullptr && answered_ != &datagram) {
      reply_at_ += (answered_->reply_bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
    answered_ = &datagram;
    std::uint8_t* room = replies_room_.get() + reply_at_;
    places_[place].from.iov_base = room;
    return {room, kReplyBytesMax};
  }

  void send(const Correspondent& to, std::span<const std::uint8_t> bytes) override {
    SocketAddress peer = to_system(to.peer, address_.is_v6());
    iovec from{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_name = peer.get();
    header.msg_namelen = peer.bytes;
    header.msg_iov = &from;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    if (!to.local.is_any()) set_source(header, control, to_system(to.local, address_.is_v6()));
    while (::sendmsg(socket_.get(), &header, MSG_DONTWAIT) < 0 && errno == EINTR) {
    }
  }

  Task<Result<std::span<Datagram>>> next_batch() override {
    send_replies();
    if (++batches_ % kBatchesBeforeYield == 0) {
      if (auto yielded = co_await network_.loop_.sleep(Duration::zero()); !yielded) {
        co_return fail(yielded.error());
      }
    }
    for (;;) {
      if (readable_) {
        auto count = receive();
        if (!count) co_return fail(count.error());
        if (*count > 0) co_return std::span(batch_).first(*count);
        readable_ = false;
      }
      if (auto woken = co_await Wait(*this); !woken) co_return fail(woken.error());
    }
  }

 private:
  static constexpr std::size_t kBatchesBeforeYield = 8;  // a flood does not stop what else there is to do

  // What most datagrams are within: theirs and their replies lie close together, so that a batch stays in the
  // core's cache.
  static constexpr std::size_t kHeadBytes = 512;
  static constexpr std::size_t kAlignment = 64;  // of replies: no two write to one line

  struct Place {
    SocketAddress peer;
    std::array<iovec, 2> into{};
    iovec from{};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    std::array<std::uint8_t, kHeadBytes> head;
  };

  class Wait final : public Operation {
   public:
    explicit Wait(EpollDatagrams& owner) : Operation(owner.network_.loop_), owner_(owner) {}
    ~Wait() override {
      if (owner_.waiting_ == this) owner_.waiting_ = nullptr;
    }
    bool await_ready() const { return owner_.readable_; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      owner_.waiting_ = this;
      return suspend(waiter, std::nullopt);
    }
    Result<void> await_resume() const { return result_; }

   private:
    void give_up(const Error& why) override {
      owner_.waiting_ = nullptr;
      result_ = fail(why);
    }
    EpollDatagrams& owner_;
    Result<void> result_;
  };

  void on_events(std::uint32_t /*events*/) override {
    readable_ = true;
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->resume();
  }

  // How many there are now.
  Result<std::size_t> receive() {
    for (std::size_t i = 0; i < received_; ++i) {
      msghdr& header = messages_[i].msg_hdr;
      header.msg_namelen = sizeof(sockaddr_storage);
      if (header.msg_control != nullptr) header.msg_controllen = places_[i].control.size();
    }
    received_ = 0;
    answered_ = nullptr;
    reply_at_ = 0;
    const int got = ::recvmmsg(socket_.get(), messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (got < 0) {
      // Of replies to those who are gone (ICMP), which the next call is not about.
      if (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED) return std::size_t{0};
      return fail(system_error(errno, "receive failed"));
    }
    received_ = static_cast<std::size_t>(got);
    if (received_ < kBatch) readable_ = false;
    for (std::size_t i = 0; i < received_; ++i) {
      Place& place = places_[i];
      if (address_.is_any()) forget_interface(messages_[i].msg_hdr);
      const bool whole = (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) == 0;
      batch_[i] = {.bytes = together(i, whole ? messages_[i].msg_len : 0), .peer = from_system(place.peer)};
    }
    return received_;
  }

  // Behind room for the head
  std::uint8_t* rest_of(std::size_t place) { return rests_.get() + place * kBytesMax + kHeadBytes; }

  std::span<const std::uint8_t> together(std::size_t place, std::size_t bytes) {
    const auto& head = places_[place].head;
    if (bytes <= kHeadBytes) return std::span(head).first(bytes);
    std::uint8_t* begin = rest_of(place) - kHeadBytes;
    std::memcpy(begin, head.data(), kHeadBytes);
    return {begin, bytes};
  }

  static void set_source(msghdr& header, std::span<std::uint8_t> room, const SocketAddress& source) {
    header.msg_control = room.data();
    header.msg_controllen = room.size();
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    if (source.storage.ss_family == AF_INET) {
      control->cmsg_level = IPPROTO_IP;
      control->cmsg_type = IP_PKTINFO;
      control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(control))->ipi_spec_dst =
          reinterpret_cast<const sockaddr_in&>(source.storage).sin_addr;
    } else {
      control->cmsg_level = IPPROTO_IPV6;
      control->cmsg_type = IPV6_PKTINFO;
      control->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
      reinterpret_cast<in6_pktinfo*>(CMSG_DATA(control))->ipi6_addr =
          reinterpret_cast<const sockaddr_in6&>(source.storage).sin6_addr;
    }
    header.msg_controllen = CMSG_SPACE(control->cmsg_len - CMSG_LEN(0));
  }

  // The reply goes by whatever way leads to the client, which need not be that by which it came.
  static void forget_interface(msghdr& header) {
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    if (control == nullptr) return;
    if (control->cmsg_level == IPPROTO_IP) {
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(control))->ipi_ifindex = 0;
      return;
    }
    auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(control));
    if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
  }

  void send_replies() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < received_; ++i) {
      if (batch_[i].reply_bytes == 0) continue;
      places_[i].from.iov_len = batch_[i].reply_bytes;
      replies_[count].msg_hdr = messages_[i].msg_hdr;
      replies_[count].msg_hdr.msg_iov = &places_[i].from;
      replies_[count].msg_hdr.msg_iovlen = 1;
      ++count;
    }
    for (std::size_t sent = 0; sent < count;) {
      const int went = ::sendmmsg(socket_.get(), &replies_[sent], static_cast<unsigned>(count - sent), 0);
      if (went > 0) sent += static_cast<std::size_t>(went);
      if (went > 0 || errno == EINTR) continue;
      if (errno == EAGAIN) return;  // there is no room for any
      ++sent;                       // this one can't be sent
    }
  }

  EpollNetwork& network_;
  Descriptor socket_;
  Address address_;
  std::unique_ptr<std::uint8_t[]> rests_ = std::make_unique_for_overwrite<std::uint8_t[]>(kBatch * kBytesMax);
  std::unique_ptr<std::uint8_t[]> replies_room_ =
      std::make_unique_for_overwrite<std::uint8_t[]>(kBatch * kReplyBytesMax);
  std::size_t reply_at_ = 0;            // in it: of the last datagram that has room
  const Datagram* answered_ = nullptr;  // that one
  std::vector<Place> places_;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<mmsghdr, kBatch> replies_{};
  std::array<Datagram, kBatch> batch_;
  std::size_t batches_ = 0;
  std::size_t received_ = kBatch;  // of messages_: their lengths are to be set anew
  Wait* waiting_ = nullptr;
  bool readable_ = true;
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

Result<std::unique_ptr<Datagrams>> EpollNetwork::datagrams(Address at) {
  auto socket = socket_for(at, SOCK_DGRAM);
  if (!socket) return fail(socket.error());
  set_option(socket->get(), SOL_SOCKET, SO_REUSEPORT);
  set_option(socket->get(), SOL_SOCKET, SO_RCVBUF, kDatagramBufferBytes);
  set_option(socket->get(), SOL_SOCKET, SO_SNDBUF, kDatagramBufferBytes);
  // Never cut into pieces, neither on the way nor here because a forged ICMP message says so: pieces can be
  // forged. It costs less, too: the kernel need not choose an identification.
  set_option(socket->get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (at.is_v6()) set_option(socket->get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  if (at.is_any()) {
    set_option(socket->get(), at.is_v6() ? int{IPPROTO_IPV6} : int{IPPROTO_IP},
               at.is_v6() ? IPV6_RECVPKTINFO : IP_PKTINFO);
  }
  SocketAddress local = to_system(at);
  if (::bind(socket->get(), local.get(), local.bytes) != 0) return fail(system_error(errno, "cannot bind"));
  SocketAddress bound;
  if (::getsockname(socket->get(), bound.get(), &bound.bytes) != 0) {
    return fail(system_error(errno, "cannot tell the bound address"));
  }
  auto datagrams = std::make_unique<EpollDatagrams>(*this, std::move(*socket), from_system(bound));
  if (auto watched = datagrams->watch(); !watched) return fail(watched.error());
  return datagrams;
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
