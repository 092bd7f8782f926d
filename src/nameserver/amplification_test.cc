// How many octets go to a network in whose name somebody else asks: never more than came, beyond the limit.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"
#include "dns/tsig.h"
#include "dnspeer/keys.h"
#include "nameserver/nameserver.h"
#include "nameserver/query_fixture.h"
#include "testing/fake_env.h"

namespace weir::nameserver {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint32_t kLimit = 20;

struct Octetted {
  std::size_t in = 0;
  std::size_t out = 0;
  std::size_t replies = 0;
};

// A UDP socket that a test writes to in anybody's name.
class BorrowedNames final : public net::Datagrams {
 public:
  BorrowedNames(net::Loop& loop, net::Address at, BorrowedNames*& self) : loop_(loop), at_(at), self_(self) {
    self_ = this;
  }
  ~BorrowedNames() override { self_ = nullptr; }
  net::Address address() const override { return at_; }
  net::Task<Result<std::span<net::Datagram>>> next_batch() override {
    take_replies();
    (void)co_await came_.wait(loop_);
    if (batch_.empty()) co_return fail(Code::kCancelled, "the test is over");
    came_.reset();
    co_return std::span(batch_);
  }
  std::span<std::uint8_t> room_for(const net::Datagram& /*datagram*/) override { return room_; }
  net::Correspondent correspondent_of(const net::Datagram& datagram) const override {
    return {.peer = datagram.peer, .local = {}};
  }
  void send(const net::Correspondent& /*to*/, std::span<const std::uint8_t> bytes) override {
    counted_.out += bytes.size();
    ++counted_.replies;
  }
  // From the hosts of that /24 in turn.
  void put(const Octets& message, std::size_t times, std::uint8_t network) {
    messages_.assign(times, message);
    for (std::size_t i = 0; i < times; ++i) {
      counted_.in += message.size();
      batch_.push_back({.bytes = messages_[i],
                        .peer = net::Address::v4({198, 51, network, static_cast<std::uint8_t>(i)}, 53)});
    }
    came_.set();
  }
  Octetted counted() { return std::exchange(counted_, {}); }

 private:
  void take_replies() {
    for (const net::Datagram& one : batch_) {
      counted_.out += one.reply_bytes;
      counted_.replies += one.reply_bytes > 0 ? 1 : 0;
    }
    batch_.clear();
  }

  net::Loop& loop_;
  net::Address at_;
  BorrowedNames*& self_;
  net::Event came_;
  std::vector<Octets> messages_;
  Octets room_ = Octets(kReplyBytesMax);
  std::vector<net::Datagram> batch_;
  Octetted counted_;
};

class BorrowedNetwork final : public net::Network {
 public:
  explicit BorrowedNetwork(testing::FakeEnv& fake) : fake_(fake) {}
  Result<std::unique_ptr<net::Listener>> listen(net::Address at) override { return fake_.network.listen(at); }
  Result<void> check_unused(net::Address at) override { return fake_.network.check_unused(at); }
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override {
    return fake_.network.connect(to, timeout);
  }
  net::Task<Result<net::Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override {
    return fake_.network.resolve(std::move(name), port, timeout);
  }
  Result<std::unique_ptr<net::Datagrams>> datagrams(net::Address at) override {
    return std::make_unique<BorrowedNames>(fake_.loop, at, socket);
  }
  BorrowedNames* socket = nullptr;

 private:
  testing::FakeEnv& fake_;
};

std::string with_many_texts() {
  std::string records = "ns1 A 192.0.2.53\\nchild NS ns.child\\nns.child A 192.0.2.1\\n";
  for (int i = 0; i < 15; ++i) records += "big TXT " + std::to_string(i) + std::string(60, 'x') + "\\n";
  return "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], transfers: {keys: [k]}, "
         "updates: [{key: k}], records: \"" +
         records + "\"}}";
}

struct World {
  World() {
    REQUIRE(nameserver.listen(net::Address::v4({192, 0, 2, 53}, 53)));
    nameserver.on_update(
        [](const dnsupdate::UpdateRequest&) -> net::Task<dns::Rcode> { co_return dns::Rcode::kNoError; });
    nameserver.set_domain("weir.example");
    put("{kind: Secret, metadata: {name: k}, spec: {values: {secret: c2VjcmV0, algorithm: hmac-sha256}}}");
    put(with_many_texts());
    put("{kind: Service, metadata: {name: db}, spec: {protocol: TCP, discovery: {type: _db._tcp}}}");
    for (int i = 1; i < 30; ++i) {
      const std::string number = std::to_string(i);
      put("{kind: Endpoint, metadata: {name: db-" + number + "}, spec: {service: db, address: '192.0.2." +
          number + ":5432', instance: instance-" + number + "}}");
    }
    nameserver.apply(*config::build_snapshot(1, whole));
    fake.run_until_idle();
  }
  ~World() { CHECK(fake.run(nameserver.stop())); }
  void put(const std::string& yaml) {
    auto object = config::parse_object(config::read_yaml(yaml)->front().json, config::Origin::kClient);
    REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
    whole.put(std::make_shared<const config::Object>(std::move(*object)));
  }
  static config::ServiceStatus all_healthy() {
    config::ServiceStatus status;
    for (int i = 1; i < 30; ++i) {
      status.endpoints.push_back({.applied = {},
                                  .refused = {},
                                  .address = "192.0.2." + std::to_string(i) + ":5432",
                                  .name = {},
                                  .health = config::EndpointHealth::kHealthy,
                                  .reason = {}});
    }
    return status;
  }
  Octetted ask(const Octets& message, std::size_t times, std::uint8_t network) {
    network_.socket->put(message, times, network);
    fake.run_until_idle();
    return network_.socket->counted();
  }
  Octets sign(Octets message, const char* secret, const char* name) {
    const auto since = fake.clock.wall_now().time_since_epoch();
    const auto now =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
    const std::size_t bytes = message.size();
    message.resize(bytes + dns::kTsigBytesMax);
    dns::TsigChain chain(*dnspeer::tsig_key_of(name, {.values = {{"secret", secret}}}));
    message.resize(chain.sign(message, bytes, now));
    return message;
  }

  testing::FakeEnv fake;
  BorrowedNetwork network_{fake};
  net::Env env{fake.loop, network_, fake.random, fake.log};
  std::array<net::Env*, 1> workers{&env};
  Nameserver nameserver{env,
                        workers,
                        {.replies_per_second = kLimit, .cookies = {}},
                        {.now = [](std::string_view) { return all_healthy(); },
                         .epoch = [](std::string_view) { return std::uint64_t{0}; }}};
  config::Whole whole;
};

// With an OPT: up to 4,096 octets may come.
Octets wide(Octets message) {
  message[11] = 1;
  message.insert(message.end(), {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0});
  return message;
}
Octets with_opcode(Octets message, unsigned opcode) {
  message[2] = static_cast<std::uint8_t>(opcode << 3U);
  return message;
}

std::vector<std::pair<std::string, Octets>> questions(World& world) {
  const Octets update = with_opcode(query("a.example", "SOA"), 5);
  Octets bad_version = wide(query("big.a.example", "TXT"));
  bad_version[bad_version.size() - 5] = 1;
  Octets bad_cookie = wide(query("big.a.example", "TXT"));
  bad_cookie.back() = 20;
  bad_cookie.insert(bad_cookie.end(), {0, 10, 0, 16});
  bad_cookie.resize(bad_cookie.size() + 16, 7);
  return {
      {"TXT", wide(query("big.a.example", "TXT"))},
      {"PTR of DNS-SD", wide(query("_db._tcp.weir.example", "PTR"))},
      {"A of DNS-SD", wide(query("db.service.weir.example", "A"))},
      {"ANY", wide(query("big.a.example", "ANY"))},
      {"a referral", wide(query("x.child.a.example", "A"))},
      {"no such name", wide(query("nothing.a.example", "A"))},
      {"another's zone", query("b.example", "A")},
      {"a copy", query("a.example", "AXFR")},
      {"an update", update},
      {"a notice", with_opcode(query("a.example", "SOA"), 4)},
      {"no such opcode", with_opcode(query("a.example", "SOA"), 2)},
      {"no such version of EDNS", bad_version},
      {"a cookie of others", bad_cookie},
      {"no question", Octets{0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {"signed with another's key", world.sign(query("big.a.example", "TXT"), "c2VjcmV0", "other")},
      {"signed wrongly", world.sign(query("big.a.example", "TXT"), "b3RoZXI=", "k")},
      {"an update signed wrongly", world.sign(update, "b3RoZXI=", "k")},
      {"signed, and sent once more", world.sign(wide(query("big.a.example", "TXT")), "c2VjcmV0", "k")},
  };
}

TEST_CASE("a network in whose name others ask gets no more than they send, beyond its limit") {
  World world;
  std::uint8_t network = 0;
  std::size_t largest = 0;
  for (const auto& [what, message] : questions(world)) {
    CAPTURE(what);
    ++network;
    const Octetted first = world.ask(message, kLimit, network);
    CHECK(first.replies == kLimit);
    largest = std::max(largest, first.out / kLimit);
    const Octetted beyond = world.ask(message, 200, network);
    CHECK(beyond.replies == 100);
    CHECK(2 * beyond.out <= beyond.in);
  }
  // These were worth asking, else.
  CHECK(largest > 1000);
  CHECK(largest <= dns::kUdpBytesMax);
}

}  // namespace
}  // namespace weir::nameserver
