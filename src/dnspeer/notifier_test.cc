// Notices of changes, to servers that answer, that do not, and that do late.
#include "dnspeer/notifier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dns/zone_fixture.h"
#include "testing/fake_env.h"

namespace weir::dnspeer {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

// Datagrams that go nowhere, and come when the test says so.
struct Wire {
  struct One {
    net::Address peer;
    Octets bytes;
  };
  std::vector<One> sent;
  std::deque<One> coming;
  net::Event came;
  std::vector<net::Address> opened;
};

class WireDatagrams final : public net::Datagrams {
 public:
  WireDatagrams(Wire& wire, net::Loop& loop) : wire_(wire), loop_(loop) {}
  net::Address address() const override { return {}; }
  net::Task<Result<std::span<net::Datagram>>> next_batch() override {
    while (wire_.coming.empty()) {
      if (const auto woken = co_await wire_.came.wait(loop_); !woken) co_return fail(woken.error());
      wire_.came.reset();
    }
    last_ = std::move(wire_.coming.front());
    wire_.coming.pop_front();
    datagram_ = {.bytes = last_.bytes, .peer = last_.peer};
    co_return std::span(&datagram_, 1);
  }
  std::span<std::uint8_t> room_for(const net::Datagram& /*datagram*/) override { return {}; }  // it only asks
  net::Correspondent correspondent_of(const net::Datagram& datagram) const override {
    return {.peer = datagram.peer, .local = {}};
  }
  void send(const net::Correspondent& to, std::span<const std::uint8_t> bytes) override {
    wire_.sent.push_back({to.peer, {bytes.begin(), bytes.end()}});
  }

 private:
  Wire& wire_;
  net::Loop& loop_;
  Wire::One last_;
  net::Datagram datagram_;
};

class WireNetwork final : public net::Network {
 public:
  WireNetwork(Wire& wire, net::Loop& loop, net::Network& below) : wire_(wire), loop_(loop), below_(below) {}
  Result<std::unique_ptr<net::Listener>> listen(net::Address at) override { return below_.listen(at); }
  Result<std::unique_ptr<net::Datagrams>> datagrams(net::Address at) override {
    wire_.opened.push_back(at);
    return std::make_unique<WireDatagrams>(wire_, loop_);
  }
  Result<void> check_unused(net::Address at) override { return below_.check_unused(at); }
  net::Task<Result<net::Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override {
    return below_.resolve(std::move(name), port, timeout);
  }
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override {
    return below_.connect(to, timeout);
  }

 private:
  Wire& wire_;
  net::Loop& loop_;
  net::Network& below_;
};

struct Told {
  ~Told() { REQUIRE(fake.run(notifier.stop(), 1min)); }

  void tell(int serial, std::vector<std::string> servers) {
    config::Zone zone{
        .name = "x", .serial = static_cast<std::uint64_t>(serial), .spec = {}, .record_sets = {}};
    zone.spec.transfers =
        config::ZoneTransfers{.networks = {}, .keys = keys_of, .notify = std::move(servers)};
    made = dns::fixture::zone(
        "x.", "x. 300 SOA ns.x. h.x. " + std::to_string(serial) + " 1 2 3 4\nx. 300 NS ns.y.\n");
    notifier.tell(zone, *made, keys);
    fake.run_until_idle();
  }
  // The answer to the last one that was sent.
  void answer(std::uint16_t flags = 0xA000, int id_off = 0, const char* from = nullptr) {
    Wire::One reply = wire.sent.back();
    dns::store_u16(reply.bytes.data(),
                   static_cast<std::uint16_t>(dns::load_u16(reply.bytes.data()) + id_off));
    dns::store_u16(&reply.bytes[2], flags);
    if (from != nullptr) reply.peer = *net::Address::parse(from);
    wire.coming.push_back(std::move(reply));
    wire.came.set();
    fake.run_until_idle();
  }
  std::vector<std::string> peers() {
    std::vector<std::string> all;
    for (const auto& one : std::exchange(wire.sent, {})) all.push_back(one.peer.to_string());
    return all;
  }

  testing::FakeEnv fake;
  Wire wire;
  WireNetwork network{wire, fake.loop, fake.network};
  net::Env env{fake.loop, network, fake.random, fake.log};
  Notifier notifier{env};
  Keys keys;
  std::vector<std::string> keys_of;
  std::shared_ptr<const dns::Zone> made;
};

const std::string kFirst = "192.0.2.1:53";
const std::string kSecond = "192.0.2.2:53";

TEST_CASE("notices: each server is told once when it answers") {
  Told told;
  told.tell(7, {kFirst});
  REQUIRE(told.wire.sent.size() == 1);
  const Octets& message = told.wire.sent[0].bytes;
  CHECK(dns::fixture::show(message) == "NOERROR aa\nan x. 300 SOA ns.x. h.x. 7 1 2 3 4\n");
  CHECK(dns::load_u16(&message[2]) == (4U << 11U | 0x0400U));
  told.answer();
  told.fake.advance(10min);
  CHECK(told.wire.sent.size() == 1);
  CHECK(told.notifier.counters().answered.get() == 1);
  told.tell(7, {kFirst, kSecond});  // nothing new to the first
  CHECK(told.peers() == std::vector{kFirst, kSecond});
  told.tell(8, {kFirst});
  CHECK(told.peers() == std::vector{kFirst});
}

TEST_CASE("notices: five tries, each waiting twice as long, then it is given up") {
  Told told;
  told.tell(7, {kFirst});
  CHECK(told.peers().size() == 1);
  for (const Duration pause : {2s, 4s, 8s, 16s}) {
    told.fake.advance(pause - 1ms);
    CHECK(told.wire.sent.empty());
    told.fake.advance(1ms);
    CHECK(told.peers().size() == 1);
  }
  told.fake.advance(10min);
  CHECK(told.wire.sent.empty());
  CHECK(told.notifier.counters().given_up.get() == 1);
  told.tell(8, {kFirst});
  CHECK(told.peers().size() == 1);
}

TEST_CASE("notices: only the server's own answer to the last try counts") {
  Told told;
  told.tell(7, {kFirst});
  told.answer(0xA000, 1);
  told.answer(0xA000, 0, "192.0.2.99:53");
  told.answer(0x8000);
  told.answer(0x2000);
  told.wire.coming.push_back({*net::Address::parse(kFirst), Octets(5)});
  told.wire.came.set();
  told.fake.advance(2s);
  CHECK(told.wire.sent.size() == 2);
  told.answer(0xA005);  // it refuses, and has heard of it
  told.fake.advance(10min);
  CHECK(told.wire.sent.size() == 2);
}

TEST_CASE("notices: what is newer takes the place of what is being told") {
  Told told;
  told.tell(7, {kFirst});
  CHECK(told.peers().size() == 1);
  told.tell(8, {kFirst});
  REQUIRE(told.wire.sent.size() == 1);
  CHECK(dns::fixture::show(told.wire.sent[0].bytes).contains(" 8 1 2 3 4"));
  told.answer();
  told.fake.advance(10min);
  CHECK(told.wire.sent.size() == 1);
}

TEST_CASE("notices: who is not to be told any more is not, nor of zones that are gone") {
  Told told;
  told.tell(7, {kFirst, kSecond});
  CHECK(told.peers().size() == 2);
  told.tell(7, {kFirst});
  told.fake.advance(2s);
  CHECK(told.peers() == std::vector{kFirst});
  told.notifier.forget("x");
  told.fake.advance(10min);
  CHECK(told.wire.sent.empty());
}

TEST_CASE("notices: by name, signed with the first key, from the server's own address") {
  Told told;
  told.fake.network.set_name("ns.example", {*net::Address::parse("198.51.100.7:1")}, 1min);
  REQUIRE(told.keys.add({.name = "k", .uid = {}, .spec = {.values = {{"secret", "c2VjcmV0"}}}}));
  told.keys_of = {"none", "k"};
  told.notifier.open(*net::Address::parse("192.0.2.77:53"));
  told.tell(7, {"ns.example:5353"});
  REQUIRE(told.wire.sent.size() == 1);
  CHECK(told.wire.sent[0].peer.ip() == "198.51.100.7");
  CHECK(told.wire.opened.front().to_string() == "192.0.2.77:0");
  const auto tsig = dns::find_tsig(told.wire.sent[0].bytes);
  REQUIRE((tsig && *tsig));
  CHECK((*tsig)->key.to_text() == "k.");
  told.tell(8, {"nobody.example:53"});
  told.fake.advance(10min);
  CHECK(told.wire.sent.size() == 1);
}

TEST_CASE("notices: a server of loopback tells others from any of its addresses") {
  Told told;
  told.notifier.open(*net::Address::parse("127.0.0.1:53"));
  told.tell(7, {kFirst});
  CHECK(told.wire.opened.front().to_string() == "0.0.0.0:0");
}

}  // namespace
}  // namespace weir::dnspeer
