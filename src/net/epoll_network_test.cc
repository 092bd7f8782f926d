#include "net/epoll_network.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/socket.h"
#include "net/task_group.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::RealEnv;

const Address kLoopback = Address::v4({127, 0, 0, 1}, 0);

std::unique_ptr<Listener> listen(RealEnv& real, Address at = kLoopback) {
  auto listener = real.network.listen(at);
  REQUIRE(listener.has_value());
  return std::move(*listener);
}

Error connect_error(RealEnv& real, Address to, Duration timeout) {
  auto made = real.run(real.network.connect(to, timeout));
  if (!made) return {Code::kInternal, Side::kInternal, Retry::kNever, 0, "still waiting"};
  return *made ? Error{Code::kExists, Side::kInternal, Retry::kNever, 0, "connected"} : made->error();
}

TEST_CASE("who connects and who accepts agree on their addresses, in both families") {
  RealEnv real;
  for (const Address& at : {kLoopback, *Address::parse("[::1]:0")}) {
    CAPTURE(at.to_string());
    auto listener = real.network.listen(at);
    if (!listener && at.is_v6()) continue;  // a machine without IPv6
    REQUIRE(listener.has_value());
    CHECK((*listener)->address().port() != 0);
    CHECK((*listener)->address().ip() == at.ip());
    auto client = real.run(real.network.connect((*listener)->address(), 5s));
    REQUIRE((client && *client));
    auto accepted = real.run((*listener)->accept());
    REQUIRE((accepted && *accepted));
    CHECK((*accepted)->peer.ip() == at.ip());
    CHECK((*accepted)->peer.port() != (*listener)->address().port());
    for (Stream* end : {client->value().get(), (*accepted)->stream.get()}) {
      int no_delay = 0;
      socklen_t bytes = sizeof no_delay;
      const int descriptor = end->plain_socket()->descriptor();
      REQUIRE(::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &bytes) == 0);
      CHECK(no_delay == 1);
    }
  }
}

TEST_CASE("[::] is every address of the machine, and IPv4 clients have IPv4 addresses there") {
  RealEnv real;
  auto listener = listen(real, Address::v6({}, 0));
  const Address bound = listener->address();
  for (const Address& to :
       {*Address::parse_ip("127.0.0.1", bound.port()), *Address::parse_ip("::1", bound.port())}) {
    CAPTURE(to.to_string());
    auto client = real.run(real.network.connect(to, 5s));
    if (to.is_v6() && (!client || !*client)) continue;  // a machine without IPv6
    REQUIRE((client && *client));
    auto accepted = real.run(listener->accept());
    REQUIRE((accepted && *accepted));
    CHECK((*accepted)->peer.ip() == to.ip());
  }
  CHECK(real.network.check_unused(Address::v4({127, 0, 0, 1}, bound.port())).error().code ==
        Code::kAddressInUse);
}

TEST_CASE("[::] is not free when IPv4 alone is taken") {
  RealEnv real;
  const auto listener = listen(real);
  const Address every = Address::v6({}, listener->address().port());
  CHECK(real.network.check_unused(every).error().code == Code::kAddressInUse);
}

TEST_CASE("nobody listens: connect fails at once, and may be tried elsewhere") {
  RealEnv real;
  Address to = listen(real)->address();  // closed again
  const Error error = connect_error(real, to, 20s);
  CHECK(error.code == Code::kConnectFailed);
  CHECK(error.side == Side::kUpstream);
  CHECK(error.retry == Retry::kSafe);
  CHECK(error.os_errno == ECONNREFUSED);
}

// A listener with the smallest backlog, which nobody accepts from: once it is full, the kernel drops a SYN.
TEST_CASE("nobody answers: connect fails at its deadline, and may be tried elsewhere") {
  RealEnv real;
  const Descriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(full.get(), generic, bytes) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  REQUIRE(::getsockname(full.get(), generic, &bytes) == 0);
  const Address to = Address::v4({127, 0, 0, 1}, ntohs(address.sin_port));
  std::vector<std::unique_ptr<Stream>> held;
  Error error;
  for (int i = 0; i < 10; ++i) {
    auto made = real.run(real.network.connect(to, 50ms));
    REQUIRE(made.has_value());
    if (!*made) {
      error = made->error();
      break;
    }
    held.push_back(std::move(**made));
  }
  CHECK(error.code == Code::kTimedOut);
  CHECK(error.side == Side::kUpstream);
  CHECK(error.retry == Retry::kSafe);

  Result<std::unique_ptr<Stream>> result;
  TaskGroup group(real.loop);
  group.spawn([](RealEnv& env, Address at, Result<std::unique_ptr<Stream>>& out) -> Task<void> {
    out = co_await env.network.connect(at, 20s);
  }(real, to, result));
  group.cancel();
  CHECK(real.run_until([&] { return group.size() == 0; }));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Code::kCancelled);
  CHECK(result.error().retry == Retry::kNever);
}

Task<void> accept_counting(Listener& listener, std::size_t& count, Code& ended_by) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) {
      ended_by = accepted.error().code;
      co_return;
    }
    ++count;
  }
}

TEST_CASE("several listeners on one address share its connections; an acceptor can be cancelled") {
  RealEnv real;
  auto first = listen(real);
  auto second = listen(real, first->address());
  CHECK(first->address() == second->address());
  std::array<std::size_t, 2> counts{};
  std::array<Code, 2> ended_by{};
  TaskGroup group(real.loop);
  group.spawn(accept_counting(*first, counts[0], ended_by[0]));
  group.spawn(accept_counting(*second, counts[1], ended_by[1]));
  constexpr std::size_t kConnections = 64;
  for (std::size_t i = 0; i < kConnections; ++i) {
    CHECK(connect_error(real, first->address(), 5s).code == Code::kExists);
  }
  CHECK(real.run_until([&] { return counts[0] + counts[1] == kConnections; }));
  CHECK(counts[0] > 0);  // the kernel hashes: all on one side has the odds of 2^-63
  CHECK(counts[1] > 0);
  group.cancel();
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK(ended_by[0] == Code::kCancelled);
  CHECK(ended_by[1] == Code::kCancelled);
}

TEST_CASE("an address that is not this machine's cannot be listened on") {
  RealEnv real;
  const auto listener = real.network.listen(*Address::parse("192.0.2.1:0"));
  REQUIRE_FALSE(listener.has_value());
  CHECK(listener.error().os_errno == EADDRNOTAVAIL);
}

// Leaves this process as many free descriptors as asked, while it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int free) {
    const Descriptor next(::open("/dev/null", O_RDONLY | O_CLOEXEC));  // the lowest free number
    REQUIRE(next);
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(next.get() + free);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("out of descriptors: listen, connect and accept say so, and go on when there are some again") {
  RealEnv real;
  auto listener = listen(real);
  std::optional<Result<Accepted>> accepted;
  std::unique_ptr<Stream> client;
  {
    const DescriptorLimit limit(1);
    auto made = real.run(real.network.connect(listener->address(), 5s));  // takes the last
    REQUIRE((made && *made));
    client = std::move(**made);
    CHECK(connect_error(real, listener->address(), 5s).code == Code::kNoDescriptors);
    const auto second = real.network.listen(kLoopback);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::kNoDescriptors);
    accepted = real.run(listener->accept());
    REQUIRE((accepted && !*accepted));
    CHECK(accepted->error().code == Code::kNoDescriptors);
  }
  accepted = real.run(listener->accept());  // the connection has waited
  REQUIRE((accepted && *accepted));
  CHECK(real.run(client->write(as_slice("hello"), 1s)) == Result<std::size_t>(5));
  std::array<std::byte, 5> bytes{};
  CHECK(real.run((*accepted)->stream->read(bytes, 5s)) == Result<std::size_t>(5));
}

TEST_CASE("a literal address needs no resolver") {
  RealEnv real;
  auto found = real.run(real.network.resolve("::1", 443, 1s));
  REQUIRE((found && *found));
  CHECK((*found)->addresses == std::vector{*Address::parse("[::1]:443")});
  CHECK((*found)->ttl == Duration::max());
}

// Of the datagram socket of this process that is bound to that port.
int option_of(const Address& bound, int level, int option) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_storage name{};
    socklen_t bytes = sizeof name;
    int value = 0;
    socklen_t value_bytes = sizeof value;
    const auto get = [&](int at, int what) { return ::getsockopt(fd, at, what, &value, &value_bytes) == 0; };
    if (!get(SOL_SOCKET, SO_TYPE) || value != SOCK_DGRAM) continue;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &bytes) != 0) continue;
    const auto port = name.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                                                 : reinterpret_cast<const sockaddr_in&>(name).sin_port;
    if (ntohs(port) == bound.port() && get(level, option)) return value;
  }
  return -1;
}

// Sends back what comes, but for what begins with "!".
Task<void> echo_datagrams(Datagrams& socket) {
  for (;;) {
    const auto batch = co_await socket.next_batch();
    if (!batch) co_return;
    for (Datagram& one : *batch) {
      if (one.bytes.empty() || one.bytes.front() == '!') continue;
      std::ranges::copy(one.bytes, socket.room_for(one).begin());
      one.reply_bytes = one.bytes.size();
    }
  }
}

struct UdpClient {
  explicit UdpClient(int family) : socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {}
  // To `to`, with what comes back, from whom; both empty: nothing did.
  std::pair<std::string, std::string> ask(RealEnv& real, const Address& to, std::string_view text) {
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(to.port()), .sin_addr = {}, .sin_zero = {}};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port());
    std::memcpy(&v4.sin_addr, to.bytes().data(), 4);
    std::memcpy(&v6.sin6_addr, to.bytes().data(), 16);
    const auto* name = to.is_v6() ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
    const socklen_t size = to.is_v6() ? sizeof v6 : sizeof v4;
    REQUIRE(::sendto(socket.get(), text.data(), text.size(), 0, name, size) ==
            static_cast<ssize_t>(text.size()));
    std::array<char, 8192> buffer{};
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    ssize_t got = -1;
    (void)real.run_until([&] {
      if (got >= 0) return true;
      got = ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                       &from_size);
      return got >= 0;
    });
    if (got < 0) return {};
    std::array<char, INET6_ADDRSTRLEN> ip{};
    const void* address = to.is_v6() ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(from).sin6_addr)
                                     : static_cast<void*>(&reinterpret_cast<sockaddr_in&>(from).sin_addr);
    ::inet_ntop(from.ss_family, address, ip.data(), ip.size());
    return {std::string(buffer.data(), static_cast<std::size_t>(got)), ip.data()};
  }
  Descriptor socket;
};

TEST_CASE("datagrams: who asks is answered, from the address that was asked") {
  struct Case {
    const char* bound;
    const char* asked;
  };
  for (const Case& one :
       {Case{"127.0.0.1:0", "127.0.0.1"}, Case{"0.0.0.0:0", "127.0.0.1"}, Case{"0.0.0.0:0", "127.0.0.7"},
        Case{"[::1]:0", "::1"}, Case{"[::]:0", "::1"}, Case{"[::]:0", "127.0.0.7"}}) {
    CAPTURE(one.bound);
    CAPTURE(one.asked);
    RealEnv real;
    auto socket = real.network.datagrams(*Address::parse(one.bound));
    if (!socket) continue;  // a machine without IPv6
    const auto to = *Address::parse_ip(one.asked, (*socket)->address().port());
    if (to.is_v6() && !(*socket)->address().is_v6()) continue;
    TaskGroup group(real.loop);
    group.spawn(echo_datagrams(**socket));
    UdpClient client(to.is_v6() ? AF_INET6 : AF_INET);
    for (const std::string& text : {std::string("a"), std::string(Datagrams::kBytesMax, 'b')}) {
      const auto [answer, from] = client.ask(real, to, text);
      CHECK((answer == text));
      CHECK(from == one.asked);
    }
    group.cancel();
    CHECK(real.run_until([&] { return group.size() == 0; }));
  }
}

TEST_CASE("datagrams: a reply that is made later comes from the address that was asked") {
  struct Case {
    const char* bound;
    const char* asked;
  };
  for (const Case& one : {Case{"127.0.0.1:0", "127.0.0.1"}, Case{"0.0.0.0:0", "127.0.0.7"},
                          Case{"[::]:0", "::1"}, Case{"[::]:0", "127.0.0.7"}}) {
    CAPTURE(one.bound);
    CAPTURE(one.asked);
    RealEnv real;
    auto socket = real.network.datagrams(*Address::parse(one.bound));
    if (!socket) continue;  // a machine without IPv6
    const auto to = *Address::parse_ip(one.asked, (*socket)->address().port());
    TaskGroup group(real.loop);
    const auto echo_late = [](Datagrams& datagrams, Loop& loop) -> Task<void> {
      const auto batch = co_await datagrams.next_batch();
      if (!batch) co_return;
      const Correspondent asker = datagrams.correspondent_of(batch->front());
      const std::vector<std::uint8_t> bytes(batch->front().bytes.begin(), batch->front().bytes.end());
      if (co_await loop.sleep(Duration::zero())) datagrams.send(asker, bytes);
    };
    group.spawn(echo_late(**socket, real.loop));
    UdpClient client(to.is_v6() ? AF_INET6 : AF_INET);
    const auto [answer, from] = client.ask(real, to, "later");
    CHECK(answer == "later");
    CHECK(from == one.asked);
    CHECK(real.run_until([&] { return group.size() == 0; }));
  }
}

TEST_CASE("datagrams: are never cut into pieces") {
  RealEnv real;
  for (const char* at : {"127.0.0.1:0", "[::1]:0"}) {
    auto socket = real.network.datagrams(*Address::parse(at));
    REQUIRE(socket.has_value());
    const bool v6 = (*socket)->address().is_v6();
    CHECK(option_of((*socket)->address(), IPPROTO_IP, IP_MTU_DISCOVER) == IP_PMTUDISC_PROBE);
    if (v6) CHECK(option_of((*socket)->address(), IPPROTO_IPV6, IPV6_MTU_DISCOVER) == IPV6_PMTUDISC_PROBE);
  }
}

TEST_CASE("datagrams: short and long ones of one batch come back as they were") {
  RealEnv real;
  auto socket = real.network.datagrams(kLoopback);
  REQUIRE(socket.has_value());
  const Address to = (*socket)->address();
  UdpClient client(AF_INET);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(to.port()), .sin_addr = {}, .sin_zero = {}};
  std::memcpy(&name.sin_addr, to.bytes().data(), 4);
  std::vector<std::string> wanted;
  for (const std::size_t bytes : {1UL, 4096UL, 63UL, 64UL, 65UL, 0UL, 511UL, 512UL, 513UL, 2000UL, 2UL}) {
    std::string text = bytes == 0 ? "!" : std::string(bytes, static_cast<char>('a' + wanted.size()));
    REQUIRE(::sendto(client.socket.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&name),
                     sizeof name) == static_cast<ssize_t>(text.size()));
    if (bytes > 0) wanted.push_back(std::move(text));
  }
  TaskGroup group(real.loop);
  group.spawn(echo_datagrams(**socket));
  std::vector<std::string> got;
  CHECK(real.run_until([&] {
    std::array<char, 8192> buffer{};
    const auto receive = [&] {
      return ::recv(client.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    };
    for (ssize_t bytes = receive(); bytes >= 0; bytes = receive()) {
      got.emplace_back(buffer.data(), static_cast<std::size_t>(bytes));
    }
    return got.size() == wanted.size();
  }));
  CHECK(got == wanted);
  group.cancel();
  CHECK(real.run_until([&] { return group.size() == 0; }));
}

TEST_CASE("datagrams: what is too long, or gets no reply, holds up no other") {
  RealEnv real;
  auto socket = real.network.datagrams(kLoopback);
  REQUIRE(socket.has_value());
  TaskGroup group(real.loop);
  group.spawn(echo_datagrams(**socket));
  const Address to = (*socket)->address();
  UdpClient client(AF_INET);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(to.port()), .sin_addr = {}, .sin_zero = {}};
  std::memcpy(&name.sin_addr, to.bytes().data(), 4);
  for (const std::string& text : {std::string("!no"), std::string(Datagrams::kBytesMax + 1, 'c')}) {
    for (int i = 0; i < 200; ++i) {
      (void)::sendto(client.socket.get(), text.data(), text.size(), MSG_DONTWAIT,
                     reinterpret_cast<sockaddr*>(&name), sizeof name);
    }
  }
  const auto [answer, from] = client.ask(real, to, "yes");
  CHECK(answer == "yes");
  group.cancel();
  CHECK(real.run_until([&] { return group.size() == 0; }));
}

}  // namespace
}  // namespace weir::net
