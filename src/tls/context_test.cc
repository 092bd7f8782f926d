// What both contexts decide: versions, names, certificates, protocols, sessions.
#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tls/tls_fixture.h"

namespace weir::tls {
namespace {

using namespace std::chrono_literals;

// One byte each way, so that a client has seen the tickets and a server the client's whole flight.
bool talk(World& world, World::Ends& ends) {
  if (!ends.client || !ends.server) return false;
  std::byte byte{};
  const auto ping = [&](TlsStream& from, TlsStream& to) {
    const auto sent = world.fake.run(from.write(net::as_slice("x"), 1s));
    const auto got = world.fake.run(to.read(std::span(&byte, 1), 1s));
    return sent && *sent && got && *got && **got == 1;
  };
  return ping(**ends.server, **ends.client) && ping(**ends.client, **ends.server);
}

std::string_view text_of(const Result<std::unique_ptr<TlsStream>>& end) {
  return end ? "" : end.error().text;
}

TEST_CASE("TLS 1.2 is spoken with clients that have nothing newer, unless it is switched off") {
  for (const bool tls13_only : {false, true}) {
    World world;
    world.server_options.tls13_only = tls13_only;
    const auto client = world.client();
    SSL_CTX_set_max_proto_version(client->handle(), TLS1_2_VERSION);
    auto ends = world.connect(client, world.server());
    CHECK(ends.server.has_value() == !tls13_only);
    if (tls13_only) {
      CHECK(text_of(ends.server) == "the peer speaks no TLS version that is allowed");
      CHECK(text_of(ends.client) == "the peer speaks no TLS version that is allowed");
      CHECK(ends.client.error().code == Code::kConnectFailed);
      CHECK(ends.client.error().retry == Retry::kSafe);
      CHECK(ends.server.error().side == Side::kDownstream);
      continue;
    }
    CHECK((*ends.server)->details().version == "TLSv1.2");
    CHECK((*ends.server)->details().cipher == "ECDHE-ECDSA-AES128-GCM-SHA256");
    CHECK(talk(world, ends));
  }
}

TEST_CASE("the server picks the cipher: AES-128 where it is offered") {
  struct Case {
    std::string suites13;
    std::string suites12;
    std::uint16_t version;
    std::string_view chosen;
  };
  for (const Case& row : {
           Case{"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "ALL",
                TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
           Case{"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", "ALL",
                TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
           Case{"TLS_AES_256_GCM_SHA384", "ALL", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
           Case{"TLS_CHACHA20_POLY1305_SHA256", "ALL", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
           Case{"TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
                TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
           Case{"TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION,
                "ECDHE-ECDSA-CHACHA20-POLY1305"},
       }) {
    CAPTURE(row.suites13);
    World world;
    const auto client = world.client();
    REQUIRE(SSL_CTX_set_ciphersuites(client->handle(), row.suites13.c_str()) == 1);
    REQUIRE(SSL_CTX_set_cipher_list(client->handle(), row.suites12.c_str()) == 1);
    SSL_CTX_set_max_proto_version(client->handle(), row.version);
    auto ends = world.connect(client, world.server());
    REQUIRE(talk(world, ends));
    CHECK((*ends.server)->details().cipher == row.chosen);
  }
}

TEST_CASE("a session is worth no more than the client's certificate that it was made with") {
  World world;
  world.server_options.client_certificates = ClientCertificates::kRequired;
  world.server_options.client_authorities = world.trust();
  world.client_options.certificate =
      load(world.issue({"client.example"}, Usage::kClient, std::chrono::hours(1)));
  const auto client = world.client();
  const auto server = world.server();
  const ServerName name{.name = "a.example", .endpoint = "a"};
  auto first = world.connect(client, server, name);
  REQUIRE(first.server.has_value());
  REQUIRE(talk(world, first));
  auto second = world.connect(client, server, name);
  REQUIRE(second.server.has_value());
  CHECK((*second.server)->details().resumed);
  REQUIRE(talk(world, second));
  world.fake.advance(std::chrono::hours(1));
  const auto third = world.connect(client, server, name);
  REQUIRE_FALSE(third.server.has_value());
  CHECK(third.server.error().code == Code::kUnauthenticated);
  CHECK(std::string(third.server.error().text) == "the peer's certificate has expired");
}

TEST_CASE("a session resumes in another context with the same ticket keys") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    World world;
    const auto one = world.server();
    const auto other = world.server();
    const auto client = world.client();
    SSL_CTX_set_max_proto_version(client->handle(), static_cast<std::uint16_t>(version));
    const ServerName name{.name = "a.example", .endpoint = "10.0.0.1:443"};
    auto first = world.connect(client, one, name);
    CHECK(talk(world, first));
    CHECK_FALSE((*first.server)->details().resumed);
    auto second = world.connect(client, other, name);
    CHECK(talk(world, second));
    CHECK((*second.server)->details().resumed);
    CHECK((*second.client)->details().resumed);
    auto elsewhere = world.connect(client, other, {.name = "a.example", .endpoint = "10.0.0.2:443"});
    CHECK(talk(world, elsewhere));
    CHECK_FALSE((*elsewhere.server)->details().resumed);
    auto never = world.connect(client, other, {.name = "a.example", .endpoint = {}});
    CHECK(talk(world, never));
    CHECK_FALSE((*never.server)->details().resumed);

    world.fake.advance(TicketKeys::kPeriod * 2);  // with an older key, and the ticket is made anew
    auto rotated = world.connect(client, one, name);
    CHECK(talk(world, rotated));
    CHECK((*rotated.server)->details().resumed);
    world.fake.advance(TicketKeys::kPeriod * 4);
    auto forgotten = world.connect(client, one, name);
    CHECK(talk(world, forgotten));
    CHECK_FALSE((*forgotten.server)->details().resumed);
  }
}

TEST_CASE("a session is worth nothing where more is asked of clients") {
  World world;
  const auto open = world.server();
  world.server_options.client_certificates = ClientCertificates::kRequested;
  world.server_options.client_authorities = world.trust();
  const auto demanding = world.server();
  const auto client = world.client();
  const ServerName name{.name = "a.example", .endpoint = "e"};
  auto first = world.connect(client, open, name);
  CHECK(talk(world, first));
  auto second = world.connect(client, demanding, name);
  CHECK(talk(world, second));
  CHECK_FALSE((*second.server)->details().resumed);
}

TEST_CASE("the certificate follows the name that the client asks for, and a new set the next handshake") {
  World world;
  const auto one = load(world.issue({"one.example"}));
  const auto wild = load(world.issue({"*.wild.example"}));
  const auto server = *ServerContext::create(world.server_options, set_of({one, wild}), world.ticket_keys);
  const auto connects = [&](std::string name) {
    auto ends = world.connect(world.client(), server, {.name = std::move(name), .endpoint = {}});
    return talk(world, ends);
  };
  CHECK(connects("one.example"));
  CHECK(connects("x.wild.example"));
  CHECK_FALSE(connects("two.example"));
  auto live = world.connect(world.client(), server, {.name = "one.example", .endpoint = {}});
  server->replace(set_of({load(world.issue({"two.example"}))}));
  CHECK(connects("two.example"));
  CHECK_FALSE(connects("one.example"));
  CHECK(talk(world, live));
  server->replace(set_of({}));
  CHECK_FALSE(connects("two.example"));
}

struct Verified {
  std::string_view what;
  std::vector<std::string> names;
  std::string name;
  std::string_view text;
  Duration validity = 24h;
  Usage usage = Usage::kServer;
  bool own_authority = true;
};

TEST_CASE("what a client verifies") {
  constexpr std::string_view kOtherName = "the peer's certificate is for another name";
  for (const Verified& row : {
           Verified{"good", {"a.example"}, "a.example", ""},
           Verified{"wildcard", {"*.b.example"}, "a.b.example", ""},
           Verified{"address", {"10.1.2.3"}, "10.1.2.3", ""},
           Verified{"address v6", {"fd00::1"}, "fd00::1", ""},
           Verified{"other name", {"b.example"}, "a.example", kOtherName},
           Verified{"deep wildcard", {"*.b.example"}, "a.a.b.example", kOtherName},
           Verified{
               "other address", {"10.1.2.3"}, "10.1.2.4", "the peer's certificate is for another address"},
           Verified{"expired", {"a.example"}, "a.example", "the peer's certificate has expired", -30min},
           Verified{"a client's",
                    {"a.example"},
                    "a.example",
                    "the peer's certificate is not made for this use",
                    24h,
                    Usage::kClient},
           Verified{"unknown authority",
                    {"a.example"},
                    "a.example",
                    "the peer's certificate is of an authority that is not trusted",
                    24h,
                    Usage::kServer,
                    false},
       }) {
    CAPTURE(row.what);
    World world;
    if (!row.own_authority) world.client_options.authorities = World().trust();
    const auto set = set_of({load(world.issue(row.names, row.usage, row.validity))});
    const auto server = *ServerContext::create(world.server_options, set, world.ticket_keys);
    auto ends = world.connect(world.client(), server, {.name = row.name, .endpoint = {}});
    CHECK(text_of(ends.client) == row.text);
    if (row.text.empty()) continue;
    REQUIRE_FALSE(ends.client);
    CHECK(ends.client.error().code == Code::kConnectFailed);
    CHECK(ends.client.error().side == Side::kUpstream);
    CHECK_FALSE(ends.server.has_value());
  }
}

TEST_CASE("a client that was told to verifies nothing") {
  World world;
  world.client_options.authorities = nullptr;
  const auto server = world.server({"b.example"});
  auto named = world.connect(world.client(), server, {.name = "a.example", .endpoint = {}});
  CHECK(talk(world, named));
  auto nameless = world.connect(world.client(), server, {.name = {}, .endpoint = {}});
  CHECK(talk(world, nameless));
  world.client_options.authorities = world.trust();
  auto refused = world.connect(world.client(), server, {.name = {}, .endpoint = {}});
  CHECK(text_of(refused.client) == "not a host name that TLS can verify");
}

TEST_CASE("client certificates: off, requested, required") {
  enum class Shown { kNone, kGood, kOther };
  struct Case {
    ClientCertificates demand;
    Shown shown;
    bool good;
    std::string_view text;
  };
  constexpr std::string_view kUntrusted = "the peer's certificate is of an authority that is not trusted";
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Case& row : {
             Case{ClientCertificates::kOff, Shown::kGood, true, ""},
             Case{ClientCertificates::kRequested, Shown::kNone, true, ""},
             Case{ClientCertificates::kRequested, Shown::kGood, true, ""},
             Case{ClientCertificates::kRequested, Shown::kOther, false, kUntrusted},
             Case{ClientCertificates::kRequired, Shown::kGood, true, ""},
             Case{ClientCertificates::kRequired, Shown::kOther, false, kUntrusted},
             Case{ClientCertificates::kRequired, Shown::kNone, false,
                  "a client certificate is required and none came"},
         }) {
      CAPTURE(static_cast<int>(row.demand));
      CAPTURE(static_cast<int>(row.shown));
      World world;
      world.server_options.client_certificates = row.demand;
      if (row.demand != ClientCertificates::kOff) world.server_options.client_authorities = world.trust();
      if (row.shown == Shown::kGood) {
        world.client_options.certificate = load(world.issue({"me.example", "10.9.9.9"}, Usage::kClient));
      } else if (row.shown == Shown::kOther) {
        world.client_options.certificate = load(World().issue({"me.example"}, Usage::kClient));
      }
      const auto client = world.client();
      SSL_CTX_set_max_proto_version(client->handle(), static_cast<std::uint16_t>(version));
      auto ends = world.connect(client, world.server(), {.name = "a.example", .endpoint = "e"});
      CHECK(text_of(ends.server) == row.text);
      if (!row.good) {
        REQUIRE_FALSE(ends.server);
        CHECK(ends.server.error().code == Code::kUnauthenticated);
        CHECK_FALSE(talk(world, ends));
        continue;
      }
      REQUIRE(talk(world, ends));
      const bool named = row.demand != ClientCertificates::kOff && row.shown == Shown::kGood;
      CHECK((*ends.server)->details().client_subject == (named ? "CN=me.example" : ""));
      CHECK((*ends.server)->details().client_names == (named ? "DNS:me.example, IP:10.9.9.9" : ""));
      CHECK((*ends.server)->details().client_fingerprint.size() == (named ? 64U : 0U));
      // A resumed session remembers who it was.
      auto again = world.connect(client, world.server(), {.name = "a.example", .endpoint = "e"});
      REQUIRE(talk(world, again));
      CHECK((*again.server)->details().client_fingerprint == (*ends.server)->details().client_fingerprint);
    }
  }
}

TEST_CASE("ALPN: the server's order counts, and no common protocol is a refusal") {
  struct Case {
    std::vector<std::string> server;
    std::vector<std::string> client;
    std::string_view chosen;
    bool good;
  };
  for (const Case& row : {
           Case{{"h2", "http/1.1"}, {"http/1.1", "h2"}, "h2", true},
           Case{{"h2", "http/1.1"}, {"http/1.1"}, "http/1.1", true},
           Case{{"h2", "http/1.1"}, {}, "", true},
           Case{{}, {"h2"}, "", true},
           Case{{"h2"}, {"http/1.1"}, "", false},
       }) {
    World world;
    world.server_options.protocols = row.server;
    world.client_options.protocols = row.client;
    auto ends = world.connect(world.client(), world.server());
    CHECK(ends.server.has_value() == row.good);
    if (!row.good) {
      CHECK(text_of(ends.server) == "no application protocol that both sides take");
      CHECK(text_of(ends.client) == "the peer speaks no application protocol that is offered");
      continue;
    }
    CHECK((*ends.server)->protocol() == row.chosen);
    CHECK((*ends.client)->protocol() == row.chosen);
  }
}

TEST_CASE("handshakes end by their deadline, by cancellation, and when the other side is not TLS") {
  World world;
  auto [near, far] = world.pipe();
  Result<std::unique_ptr<TlsStream>> end = fail(Code::kInternal, "");
  net::TaskGroup group(world.fake.loop);
  group.spawn(World::run(TlsStream::accept(std::move(far), world.server(), {}, 5s), end));
  SUBCASE("deadline") {
    CHECK(world.fake.run(near->write(net::as_slice(std::string("\x16\x03\x01", 3)), 1s)));
    world.fake.advance(6s);
    CHECK(end.error().code == Code::kTimedOut);
  }
  SUBCASE("cancellation") {
    group.cancel();
    world.fake.run_until_idle();
    CHECK(end.error().code == Code::kCancelled);
  }
  SUBCASE("HTTP") {
    CHECK(world.fake.run(near->write(net::as_slice("GET / HTTP/1.1\r\n\r\n"), 1s)));
    CHECK(text_of(end) == "HTTP without TLS on a TLS port");
    CHECK(end.error().code == Code::kMalformed);
  }
  SUBCASE("SSH") {
    CHECK(world.fake.run(near->write(net::as_slice("SSH-2.0-OpenSSH_9.2\r\n"), 1s)));
    CHECK(text_of(end) == "what came is not TLS");
  }
  SUBCASE("the end") {
    near.reset();
    world.fake.run_until_idle();
    CHECK(end.error().code == Code::kClosed);
  }
  CHECK(group.size() == 0);
}

TEST_CASE("contexts refuse what cannot work") {
  const World world;
  const auto set = set_of({load(world.issue({"a.example"}))});
  CHECK_FALSE(ServerContext::create({.protocols = {""}}, set, world.ticket_keys));
  CHECK_FALSE(ServerContext::create({.protocols = {std::string(256, 'a')}}, set, world.ticket_keys));
  CHECK_FALSE(
      ServerContext::create({.client_certificates = ClientCertificates::kRequired}, set, world.ticket_keys));
  CHECK(TrustStore::parse("").error().code == Code::kInvalid);
  CHECK(TrustStore::parse("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error().code ==
        Code::kInvalid);
  CHECK(TrustStore::parse(std::string(TrustStore::kBundleBytesMax + 1, ' ')).error().code == Code::kInvalid);
  CHECK(TrustStore::system().has_value());
}

TEST_CASE("ticket keys: the current one changes with time, old ones are found for a while") {
  TicketKeys keys;
  Instant now = testing::ManualClock::kStart;
  const auto first = *keys.current(now);
  CHECK(keys.current(now + TicketKeys::kPeriod - 1ns)->name == first.name);
  REQUIRE(keys.find(first.name, now));
  CHECK(keys.find(first.name, now)->is_current);
  for (std::size_t i = 1; i < TicketKeys::kKept; ++i) {
    now += TicketKeys::kPeriod;
    const auto found = keys.find(first.name, now);
    REQUIRE(found);
    CHECK_FALSE(found->is_current);
    CHECK(found->key.mac == first.mac);
    CHECK(keys.current(now)->name != first.name);
  }
  CHECK_FALSE(keys.find(first.name, now + TicketKeys::kPeriod));
  CHECK_FALSE(keys.find(TicketKeys::Key{}.name, now));

  const auto last = *keys.current(now + TicketKeys::kPeriod);
  const Instant much_later = now + TicketKeys::kPeriod * 100;
  CHECK_FALSE(keys.find(last.name, much_later));  // nobody was there to forget it in time
  CHECK(keys.current(much_later)->name != last.name);
}

// Each core has its own loop; the contexts and keys are everybody's.
TEST_CASE("cores share contexts while certificates change") {
  constexpr int kCores = 3;
  constexpr int kHandshakes = 8;
  World world;
  const auto server = world.server();
  const auto client = world.client();
  std::array<int, kCores> resumed{};
  std::vector<std::thread> cores;
  for (int core = 0; core < kCores; ++core) {
    cores.emplace_back([&server, &client, &count = resumed.at(core)] {
      World own;  // for its loop and its pipes
      for (int i = 0; i < kHandshakes; ++i) {
        auto ends = own.connect(client, server, {.name = "a.example", .endpoint = "e"});
        if (talk(own, ends) && (*ends.server)->details().resumed) ++count;
      }
    });
  }
  for (int i = 0; i < 50; ++i) server->replace(set_of({load(world.issue({"a.example"}))}));
  for (std::thread& core : cores) core.join();
  int all = 0;
  for (const int count : resumed) all += count;
  CHECK(all > 0);
}

TEST_CASE("an authority is kept as text, and what it issues names what was asked for") {
  const WallTime now = testing::ManualClock::kWallStart;
  const auto root = *Authority::create("weir of nobody", now);
  const auto authority = Authority::load(root);
  REQUIRE(authority);
  CHECK(authority->root_pem() == root.certificate);
  const std::vector<std::string> names{"weir.localhost", "*.weir.localhost", "127.0.0.1", "::1"};
  const auto leaf = authority->issue(names, Usage::kServer, now);
  REQUIRE(leaf);
  const auto info = inspect(leaf->certificate, leaf->private_key);
  REQUIRE(info);
  CHECK(info->names == names);
  CHECK(info->subject == "CN=weir.localhost");
  CHECK(info->issuer == "CN=weir of nobody");
  CHECK(authority->issue(names, Usage::kServer, now)->certificate != leaf->certificate);
  // Not beyond its own end
  CHECK(authority->derive_secret("a") == Authority::load(root)->derive_secret("a"));
  CHECK(authority->derive_secret("a") != authority->derive_secret("b"));
  const auto stranger = Authority::load(*Authority::create("another", now));
  CHECK(authority->derive_secret("a") != stranger->derive_secret("a"));
  const auto long_lived = authority->issue(names, Usage::kServer, now, std::chrono::days(5000));
  CHECK(inspect(long_lived->certificate, long_lived->private_key)->not_after == authority->not_after());

  const auto other = *Authority::create("other", now);
  CHECK_FALSE(Authority::load({.certificate = root.certificate, .private_key = other.private_key}));
  CHECK_FALSE(Authority::load({.certificate = leaf->certificate, .private_key = leaf->private_key}));
  CHECK_FALSE(Authority::load({.certificate = "", .private_key = root.private_key}));
  CHECK_FALSE(Authority::load({.certificate = root.certificate, .private_key = ""}));
  for (const std::string& name : {std::string(), std::string("a,DNS:b"), std::string("a b"),
                                  std::string(300, 'a'), std::string("*"), std::string("a\0b", 3)}) {
    CHECK_FALSE(authority->issue(std::vector{name}, Usage::kServer, now));
  }
  CHECK_FALSE(authority->issue({}, Usage::kServer, now));
}

}  // namespace
}  // namespace weir::tls
