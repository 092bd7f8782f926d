// Signed requests, copies and updates, by UDP and TCP, as a worker takes them.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"
#include "dns/tsig.h"
#include "dns/zone_fixture.h"
#include "nameserver/nameserver.h"
#include "testing/real_env.h"

namespace weir::nameserver {
namespace {

namespace fixture = dns::fixture;
using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

constexpr const char* kKey =
    "{kind: Secret, metadata: {name: k}, spec: {values: {secret: c2VjcmV0, algorithm: hmac-sha512}}}";
constexpr const char* kZone =
    "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], transfers: {keys: [k]}, updates: "
    "[{key: k}], records: \"ns1 A 192.0.2.53\\nwww A 192.0.2.1\"}}";

struct World {
  explicit World(bool takes_updates = true) {
    if (takes_updates) {
      nameserver.on_update(
          [this](dnsupdate::UpdateRequest request) { return carry_out(std::move(request)); });
    }
    const auto bound = nameserver.listen(net::Address::v4({127, 0, 0, 1}, 0));
    REQUIRE(bound);
    at = *bound;
    config::Whole whole;
    for (const char* text : {kKey, kZone}) {
      auto object = config::parse_object(config::read_yaml(text)->front().json, config::Origin::kClient);
      REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
      whole.put(std::make_shared<const config::Object>(std::move(*object)));
    }
    nameserver.apply(*config::build_snapshot(1, whole));
    real.settle();
  }
  ~World() { CHECK(real.run(nameserver.stop())); }

  net::Task<dns::Rcode> carry_out(dnsupdate::UpdateRequest request) {
    updates.push_back(std::move(request));
    if (hold) (void)co_await held.wait(real.loop);
    co_return rcode;
  }

  std::uint64_t now() {
    const auto since = real.clock.wall_now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  }
  dns::TsigKey key(const char* secret = "c2VjcmV0") {
    return *dnspeer::tsig_key_of("k", {.values = {{"secret", secret}, {"algorithm", "hmac-sha512"}}});
  }
  Octets sign(dns::TsigChain& chain, Octets message) {
    const std::size_t bytes = message.size();
    message.resize(bytes + dns::kTsigBytesMax);
    message.resize(chain.sign(message, bytes, now()));
    return message;
  }

  net::Task<Octets> by_udp(Octets message) {
    auto socket = real.network.datagrams(net::Address::v4({127, 0, 0, 1}, 0));
    (*socket)->send({.peer = at, .local = {}}, message);
    const auto batch = co_await (*socket)->next_batch();
    if (!batch) co_return Octets();
    co_return Octets(batch->front().bytes.begin(), batch->front().bytes.end());
  }
  // The messages that come until one ends with `end`, or the connection.
  net::Task<Octets> by_tcp(Octets message) {
    auto stream = co_await real.network.connect(at, 5s);
    if (!stream) co_return Octets();
    Octets framed{static_cast<std::uint8_t>(message.size() >> 8U), static_cast<std::uint8_t>(message.size())};
    framed.insert(framed.end(), message.begin(), message.end());
    (void)co_await (*stream)->write(std::as_bytes(std::span(framed)), 5s);
    Octets got(2 + dns::kMessageBytesMax);
    std::size_t have = 0;
    while (have < 2 || have < 2U + dns::load_u16(got.data())) {
      const auto read = co_await (*stream)->read(std::as_writable_bytes(std::span(got)).subspan(have), 5s);
      if (!read || *read == 0) co_return Octets();
      have += *read;
    }
    co_return Octets(got.begin() + 2, got.begin() + 2 + dns::load_u16(got.data()));
  }
  Octets ask(const Octets& message, bool tcp) {
    auto reply = real.run(tcp ? by_tcp(message) : by_udp(message));
    REQUIRE(reply);
    return *reply;
  }
  // Signed, and the reply checked likewise.
  std::string ask_signed(const Octets& message, bool tcp, std::optional<dns::TsigKey> with = std::nullopt) {
    dns::TsigChain chain(with ? *with : key());
    const Octets reply = ask(sign(chain, message), tcp);
    const auto tsig = dns::find_tsig(reply);
    if (!tsig || !*tsig) return "not signed: " + fixture::show(reply);
    const auto error =
        (*tsig)->error == dns::TsigError::kNone ? chain.check(reply, **tsig, now()) : (*tsig)->error;
    if (error != dns::TsigError::kNone) return "error " + std::to_string(static_cast<int>(error));
    return fixture::show(dns::without_tsig(reply, **tsig));
  }

  testing::RealEnv real;
  std::array<net::Env*, 1> workers{&real.env};
  Nameserver nameserver{
      real.env,
      workers,
      {},
      {.now = [](auto) { return config::ServiceStatus(); }, .epoch = [](auto) { return std::uint64_t{0}; }}};
  net::Address at;
  std::vector<dnsupdate::UpdateRequest> updates;
  dns::Rcode rcode = dns::Rcode::kNoError;
  bool hold = false;
  net::Event held;
};

Octets update() {
  Octets message = fixture::query("a.example.", "SOA");
  message[2] = 0x28;
  return message;
}

TEST_CASE("a signed query is answered signed; a wrong signature is told so") {
  World world;
  for (const bool tcp : {false, true}) {
    CHECK(world.ask_signed(fixture::query("www.a.example.", "A"), tcp) ==
          "NOERROR aa\nan www.a.example. 300 A 192.0.2.1\n");
    CHECK(world.ask_signed(fixture::query("www.a.example.", "A"), tcp, world.key("b3RoZXI=")) == "error 16");
    Octets notify = fixture::query("a.example.", "SOA");
    notify[2] = 0x20;
    CHECK(world.ask_signed(notify, tcp) == "NOTIMP\n");
  }
}

TEST_CASE("copies: with the key by TCP, the SOA alone by UDP, none without") {
  World world;
  const std::string whole = world.ask_signed(fixture::query("a.example.", "AXFR"), true);
  CHECK(whole.starts_with("NOERROR aa\nan a.example. 300 SOA "));
  CHECK(whole.contains("an www.a.example. 300 A 192.0.2.1\n"));
  CHECK(world.ask_signed(fixture::query("a.example.", "AXFR"), false) == "REFUSED\n");
  CHECK(world.ask_signed(fixture::query("b.example.", "AXFR"), true) == "9\n");
  CHECK(world.ask_signed(fixture::query("www.a.example.", "AXFR"), true) == "9\n");
  for (const bool tcp : {false, true}) {
    CHECK(fixture::show(world.ask(fixture::query("a.example.", "AXFR"), tcp)) == "REFUSED\n");
    Octets ixfr = fixture::query("a.example.", "AXFR");
    ixfr[ixfr.size() - 3] = 251;
    CHECK(world.ask_signed(ixfr, tcp) == "FORMERR\n");
    ixfr[9] = 1;
    ixfr.insert(ixfr.end(), {0xC0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0});
    ixfr.resize(ixfr.size() + 20);
    const std::string shown = world.ask_signed(ixfr, tcp);
    CHECK(shown.starts_with("NOERROR aa\nan a.example. 300 SOA "));
    CHECK(shown.contains("an www.a.example.") == tcp);
  }
  std::string metrics;
  world.nameserver.write_metrics(metrics);
  CHECK(metrics.contains("weir_dns_transfers_total 2\n"));
  CHECK(metrics.contains("weir_dns_zone_serial{zone=\"a.example\"} 1\n"));
}

TEST_CASE("updates: passed on with who signed them, answered when that is done") {
  World world;
  for (const bool tcp : {false, true}) {
    world.rcode = dns::Rcode::kNoError;
    CHECK(world.ask_signed(update(), tcp) == "NOERROR\n");
    REQUIRE(world.updates.size() == 1);
    CHECK(world.updates[0].message == update());
    CHECK(world.updates[0].secret == "k");
    CHECK(world.updates[0].from == "127.0.0.1");
    world.rcode = dns::Rcode::kNxRrset;
    CHECK(world.ask_signed(update(), tcp) == "8\n");
    CHECK(fixture::show(world.ask(update(), tcp)) == "REFUSED\n");
    CHECK(world.updates.size() == 2);
    world.updates.clear();
  }
}

TEST_CASE("updates: without anybody who carries them out they are refused, as are too many at once") {
  World led(false);
  CHECK(led.ask_signed(update(), false) == "REFUSED\n");
  CHECK(led.real.log.text().contains("led by controllers"));
  World world;
  world.hold = true;
  auto socket = world.real.network.datagrams(net::Address::v4({127, 0, 0, 1}, 0));
  REQUIRE(socket);
  for (std::size_t i = 0; i < kUpdatesMax; ++i) {
    dns::TsigChain chain(world.key());
    (*socket)->send({.peer = world.at, .local = {}}, world.sign(chain, update()));
  }
  REQUIRE(world.real.run_until([&] { return world.updates.size() == kUpdatesMax; }));
  CHECK(world.ask_signed(update(), true) == "SERVFAIL\n");
}

}  // namespace
}  // namespace weir::nameserver
