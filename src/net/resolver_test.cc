#include "net/resolver.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "net/task_group.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::RealEnv;

std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>((value >> (8 * i)) & 0xff);
  return text;
}

struct Record {
  std::string ip;
  std::uint32_t ttl = 60;
};

struct Alias {
  std::string of;  // "" for none
  std::uint32_t ttl = 60;
};

struct Name {
  std::vector<Record> records;  // of both families
  int rcode = 0;
  int unanswered = 0;      // so many questions are dropped first
  bool truncated = false;  // over UDP
  Alias alias;             // then the records are those of that name
};

// A name server on loopback, UDP and TCP, that answers from a table (RFC 1035).
class NameServer final : private EpollPoller::Handler {
 public:
  explicit NameServer(RealEnv& real) : real_(real), group_(real.loop) {
    while (listener_ == nullptr) {  // a port that is free for both
      udp_ = Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t bytes = sizeof address;
      auto* generic = reinterpret_cast<sockaddr*>(&address);
      REQUIRE(::bind(udp_.get(), generic, bytes) == 0);
      REQUIRE(::getsockname(udp_.get(), generic, &bytes) == 0);
      address_ = Address::v4({127, 0, 0, 1}, ntohs(address.sin_port));
      auto listener = real_.network.listen(address_);
      if (listener) listener_ = std::move(*listener);
    }
    REQUIRE(real_.poller->add(udp_.get(), EPOLLIN | EPOLLET, *this).has_value());
    group_.spawn(serve_tcp(*this));
  }
  ~NameServer() {
    group_.cancel();
    CHECK(real_.run_until([this] { return group_.size() == 0; }));
    real_.poller->remove(udp_.get());
  }

  std::string address() const { return address_.to_string(); }
  std::map<std::string, Name> names;  // lower case; others do not exist
  int asked_by_udp = 0;
  int asked_by_tcp = 0;

 private:
  void on_events(std::uint32_t /*events*/) override {
    for (;;) {
      std::array<char, 512> question{};
      sockaddr_in from{};
      socklen_t bytes = sizeof from;
      auto* generic = reinterpret_cast<sockaddr*>(&from);
      const auto got = ::recvfrom(udp_.get(), question.data(), question.size(), 0, generic, &bytes);
      if (got < 0) return;
      ++asked_by_udp;
      const std::string reply = answer({question.data(), static_cast<std::size_t>(got)}, true);
      if (!reply.empty()) (void)::sendto(udp_.get(), reply.data(), reply.size(), 0, generic, bytes);
    }
  }

  static Task<void> serve_tcp(NameServer& server) {
    for (;;) {
      auto accepted = co_await server.listener_->accept();
      if (!accepted) co_return;
      server.group_.spawn(serve_connection(server, std::move(accepted->stream)));
    }
  }

  // Questions and answers, each behind its length in two bytes.
  static Task<void> serve_connection(NameServer& server, std::unique_ptr<Stream> stream) {
    std::string received;
    std::array<std::byte, 600> bytes{};
    for (;;) {
      const auto got = co_await stream->read(bytes, 20s);
      if (!got || *got == 0) co_return;
      received += as_text(Slice(bytes).first(*got));
      while (received.size() > 2) {
        const std::size_t question_bytes = static_cast<unsigned char>(received[1]);  // below 256
        if (received.size() < 2 + question_bytes) break;
        ++server.asked_by_tcp;
        const std::string reply = server.answer(received.substr(2, question_bytes), false);
        received.erase(0, 2 + question_bytes);
        const std::string framed = big_endian(reply.size(), 2) + reply;
        (void)co_await stream->write(as_slice(framed), 20s);
      }
    }
  }

  // "": none is given.
  std::string answer(std::string_view question, bool over_udp) {
    constexpr std::size_t kHeaderBytes = 12;
    std::string asked;
    std::size_t at = kHeaderBytes;
    while (at < question.size() && question[at] != 0) {
      const auto label_bytes = static_cast<std::size_t>(question[at]);
      asked += (asked.empty() ? "" : ".") + to_lower(question.substr(at + 1, label_bytes));
      at += 1 + label_bytes;
    }
    constexpr int kTypeCname = 5;
    constexpr int kTypeAaaa = 28;
    const bool v6 = question.at(at + 2) == kTypeAaaa;
    const std::string_view echoed = question.substr(kHeaderBytes, at + 5 - kHeaderBytes);

    const auto found = names.find(asked);
    Name name;
    name.rcode = 3;  // NXDOMAIN
    if (found != names.end()) {
      if (found->second.unanswered > 0) {
        --found->second.unanswered;
        return "";
      }
      name = found->second;
    }
    const bool truncated = name.truncated && over_udp;
    std::string answers;
    std::uint64_t count = 0;
    std::string owner = "\xc0\x0c";  // the name that was asked for
    while (!truncated && !name.alias.of.empty()) {
      std::string target;
      for (std::size_t begin = 0; begin < name.alias.of.size();) {
        const std::size_t end = std::min(name.alias.of.find('.', begin), name.alias.of.size());
        target += big_endian(end - begin, 1) + name.alias.of.substr(begin, end - begin);
        begin = end + 1;
      }
      target += big_endian(0, 1);
      answers += owner + big_endian(kTypeCname, 2) + big_endian(1, 2) + big_endian(name.alias.ttl, 4) +
                 big_endian(target.size(), 2) + target;
      ++count;
      owner = target;
      name = names.at(std::string(name.alias.of));
    }
    for (const Record& record : name.records) {
      const auto ip = Address::parse_ip(record.ip, 0);
      if (truncated || ip->is_v6() != v6) continue;
      const std::size_t bytes = v6 ? 16 : 4;
      answers += owner + big_endian(v6 ? kTypeAaaa : 1, 2) + big_endian(1, 2) + big_endian(record.ttl, 4) +
                 big_endian(bytes, 2) + std::string(reinterpret_cast<const char*>(ip->bytes().data()), bytes);
      ++count;
    }
    const std::uint64_t flags = 0x8180U | (truncated ? 0x0200U : 0U) | static_cast<unsigned>(name.rcode);
    return std::string(question.substr(0, 2)) + big_endian(flags, 2) + big_endian(1, 2) +
           big_endian(count, 2) + big_endian(0, 4) + std::string(echoed) + answers;
  }

  RealEnv& real_;
  TaskGroup group_;
  Descriptor udp_;
  Address address_;
  std::unique_ptr<Listener> listener_;
};

struct World {
  RealEnv real;
  NameServer server{real};
  Resolver resolver{real.loop, *real.poller, server.address()};

  Result<Resolved> resolve(const std::string& name, Duration timeout = 10s) {
    auto found = real.run(resolver.resolve(name, 8080, timeout));
    REQUIRE(found.has_value());
    return *found;
  }
};

std::vector<std::string> texts(const Result<Resolved>& resolved) {
  if (!resolved) return {std::string(name_of(resolved.error().code))};
  std::vector<std::string> all;
  for (const Address& address : resolved->addresses) all.push_back(address.to_string());
  return all;
}

TEST_CASE("a name becomes its addresses, IPv4 first, and the shortest time to live") {
  struct Case {
    std::string name;
    std::vector<std::string> addresses;
    Duration ttl;
  };
  const Case kCases[] = {
      {"one.test", {"10.0.0.1:8080"}, 300s},
      {"two.test", {"10.0.0.1:8080", "10.0.0.2:8080"}, 30s},
      {"swapped.test", {"10.0.0.1:8080", "10.0.0.2:8080"}, 30s},
      {"six.test", {"[2001:db8::1]:8080"}, 40s},
      {"both.test", {"10.0.0.3:8080", "[2001:db8::1]:8080"}, 10s},
      {"ONE.test", {"10.0.0.1:8080"}, 300s},
      {"zero.test", {"10.0.0.5:8080"}, 0s},
      {"one-is-zero.test", {"10.0.0.5:8080", "10.0.0.6:8080"}, 0s},
      {"alias.test", {"10.0.0.1:8080"}, 1s},
      {"long-alias.test", {"10.0.0.1:8080"}, 300s},
      {"alias-of-alias.test", {"10.0.0.1:8080"}, 1s},
      {"passing-alias.test", {"10.0.0.1:8080"}, 0s},
      {"six-alias.test", {"[2001:db8::1]:8080"}, 7s},
      {"no-address.test", {"not_resolved"}, 0s},
      {"no-such-name.test", {"not_resolved"}, 0s},
      {"refused.test", {"not_resolved"}, 0s},
      {"", {"not_resolved"}, 0s},
      {"..", {"not_resolved"}, 0s},
      {std::string(300, 'a') + ".test", {"not_resolved"}, 0s},
  };
  World world;
  world.server.names["one.test"] = {.records = {{"10.0.0.1", 300}}};
  world.server.names["two.test"] = {.records = {{"10.0.0.1", 60}, {"10.0.0.2", 30}}};
  world.server.names["swapped.test"] = {.records = {{"10.0.0.1", 30}, {"10.0.0.2", 60}}};
  world.server.names["six.test"] = {.records = {{"2001:db8::1", 40}}};
  world.server.names["both.test"] = {.records = {{"2001:db8::1", 10}, {"10.0.0.3", 50}}};
  world.server.names["zero.test"] = {.records = {{"10.0.0.5", 0}}};
  world.server.names["one-is-zero.test"] = {.records = {{"10.0.0.5", 60}, {"10.0.0.6", 0}}};
  world.server.names["alias.test"] = {.alias = {"one.test", 1}};
  world.server.names["long-alias.test"] = {.alias = {"one.test", 600}};
  world.server.names["alias-of-alias.test"] = {.alias = {"alias.test", 400}};
  world.server.names["passing-alias.test"] = {.alias = {"one.test", 0}};
  world.server.names["six-alias.test"] = {.alias = {"six.test", 7}};
  world.server.names["no-address.test"] = {};
  world.server.names["refused.test"] = {.rcode = 5};
  for (const Case& test : kCases) {
    CAPTURE(test.name);
    const auto found = world.resolve(test.name);
    CHECK(texts(found) == test.addresses);
    if (found) {
      CHECK(found->ttl == test.ttl);
    } else {
      CHECK(found.error().side == Side::kUpstream);
    }
  }
  CHECK(world.server.asked_by_tcp == 0);
}

TEST_CASE("a name of the hosts file needs no server, and is good for a while") {
  World world;
  const auto found = world.resolve("localhost");
  CHECK(texts(found) == std::vector<std::string>{"127.0.0.1:8080"});
  CHECK(found->ttl > 0s);
  CHECK(found->ttl <= 1min);
  CHECK(world.server.asked_by_udp == 0);
}

TEST_CASE("no answer ends at the deadline; the resolver serves on, and a lost packet is asked again") {
  World world;
  world.server.names["silent.test"] = {.records = {{"10.0.0.1"}}, .unanswered = 1'000'000};
  world.server.names["lossy.test"] = {.records = {{"10.0.0.2"}}, .unanswered = 2};  // A and AAAA
  world.server.names["good.test"] = {.records = {{"10.0.0.3"}}};
  CHECK(texts(world.resolve("silent.test", 30ms)) == std::vector<std::string>{"timed_out"});
  CHECK(texts(world.resolve("good.test")) == std::vector<std::string>{"10.0.0.3:8080"});
  CHECK(texts(world.resolve("lossy.test", 15s)) == std::vector<std::string>{"10.0.0.2:8080"});
}  // the silent question is still open when the resolver goes

TEST_CASE("an answer that does not fit a datagram is fetched over TCP") {
  World world;
  Name& name = world.server.names["long.test"];
  name.truncated = true;
  for (int i = 1; i <= 60; ++i) name.records.push_back({"10.0.1." + std::to_string(i)});
  const auto found = world.resolve("long.test", 15s);
  REQUIRE(found.has_value());
  CHECK(found->addresses.size() == 60);
  CHECK(world.server.asked_by_tcp > 0);
}

TEST_CASE("questions run side by side, and some are cancelled") {
  World world;
  world.server.names["good.test"] = {.records = {{"10.0.0.3"}}};
  world.server.names["silent.test"] = {.unanswered = 1'000'000};
  std::map<std::string, int> outcomes;
  const auto ask = [](Resolver& resolver, std::string name, std::map<std::string, int>& out) -> Task<void> {
    ++out[texts(co_await resolver.resolve(name, 8080, 20s)).front()];
  };
  TaskGroup staying(world.real.loop);
  TaskGroup leaving(world.real.loop);
  for (int i = 0; i < 20; ++i) {
    staying.spawn(ask(world.resolver, "good.test", outcomes));
    leaving.spawn(ask(world.resolver, i % 2 == 0 ? "good.test" : "silent.test", outcomes));
  }
  leaving.cancel();
  CHECK(world.real.run_until([&] { return staying.size() == 0 && leaving.size() == 0; }));
  CHECK(outcomes == std::map<std::string, int>{{"10.0.0.3:8080", 20}, {"cancelled", 20}});
}

TEST_CASE("a list of servers that is none is said to be") {
  RealEnv real;
  Resolver resolver(real.loop, *real.poller, "not an address");
  for (int i = 0; i < 2; ++i) {
    auto found = real.run(resolver.resolve("one.test", 1, 1s));
    REQUIRE((found && !*found));
    CHECK(found->error().code == Code::kInvalid);
  }
}

}  // namespace
}  // namespace weir::net
