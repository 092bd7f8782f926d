#include "tls/dial.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "testing/fake_env.h"

namespace weir::tls {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(10);

net::Address at(std::string_view ip) { return *net::Address::parse_ip(ip, 80); }

// By which of the addresses of its name a host is reached, and after how long; nothing: by none.
struct Dialled {
  testing::FakeEnv fake;
  std::vector<std::unique_ptr<net::Listener>> listeners;

  void listen(std::string_view ip) { listeners.push_back(*fake.network.listen(at(ip))); }

  std::optional<Duration> dial(std::string_view name, Duration patience = std::chrono::minutes(1)) {
    const Instant began = fake.env.loop.now();
    auto stream =
        fake.run(tls::dial(fake.env, {.name = std::string(name), .port = 80}, nullptr, kTimeout), patience);
    REQUIRE(stream);
    if (!*stream) {
      error = stream->error();
      return std::nullopt;
    }
    return fake.env.loop.now() - began;
  }
  Error error{};
};

TEST_CASE("dial: an address that refuses costs no time, one that is silent 250 ms") {
  Dialled test;
  test.fake.network.set_name("two.example", {at("2001:db8::1"), at("192.0.2.1")}, std::chrono::hours(1));
  test.listen("192.0.2.1");
  test.fake.network.refuse(at("2001:db8::1"));
  CHECK(test.dial("two.example") == Duration::zero());

  test.fake.network.refuse(at("2001:db8::1"), false);
  test.fake.network.blackhole(at("2001:db8::1"));
  CHECK(test.dial("two.example") == kNextAddressAfter);
  CHECK(test.fake.network.connects(at("2001:db8::1")) == 2);

  test.fake.network.blackhole(at("192.0.2.1"));
  CHECK(!test.dial("two.example"));
  CHECK(test.error.code == Code::kTimedOut);
}

TEST_CASE("dial: the first answer wins, the family of the first address goes first, and they take turns") {
  Dialled test;
  test.fake.network.set_name("many.example",
                             {at("2001:db8::1"), at("2001:db8::2"), at("192.0.2.1"), at("192.0.2.2")},
                             std::chrono::hours(1));
  for (const char* silent : {"2001:db8::1", "2001:db8::2", "192.0.2.2"}) {
    test.fake.network.blackhole(at(silent));
  }
  test.listen("192.0.2.1");
  CHECK(test.dial("many.example") == kNextAddressAfter);
  CHECK(test.fake.network.connects(at("2001:db8::1")) == 1);
  CHECK(test.fake.network.connects(at("2001:db8::2")) == 0);

  test.fake.network.blackhole(at("192.0.2.1"));
  test.listen("192.0.2.2");
  test.fake.network.blackhole(at("192.0.2.2"), false);
  CHECK(test.dial("many.example") == 3 * kNextAddressAfter);
}

TEST_CASE("dial: localhost is this machine by either family") {
  for (const char* ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    Dialled test;
    test.listen(ip);
    CHECK(test.dial("localhost") == Duration::zero());
    CHECK(test.dial("hello.localhost") == Duration::zero());
  }
  Dialled nobody;
  CHECK(!nobody.dial("localhost"));
  CHECK(nobody.error.code == Code::kConnectFailed);
}

TEST_CASE("dial: a task that is told to stop leaves no connection behind") {
  Dialled test;
  test.fake.network.set_name("two.example", {at("2001:db8::1"), at("192.0.2.1")}, std::chrono::hours(1));
  test.fake.network.blackhole(at("2001:db8::1"));
  test.fake.network.blackhole(at("192.0.2.1"));
  // Its end is waited for, and found, when the patience is over.
  CHECK(!test.fake.run(tls::dial(test.fake.env, {.name = "two.example", .port = 80}, nullptr, kTimeout),
                       std::chrono::seconds(1)));
  CHECK(test.fake.network.connected(at("192.0.2.1")) == 0);
}

}  // namespace
}  // namespace weir::tls
