#include "ssh/server.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ssh/key.h"
#include "ssh/session.h"
#include "testing/real_env.h"

namespace weir::ssh {
namespace {

using namespace std::chrono_literals;
using testing::RealEnv;

// Lets nobody in. What foreign clients get from a gate that does is in lab/black_box/test_ssh.py.
class Closed final : public Gate {
 public:
  Result<void> trusts(const Session&, std::string_view, const Certificate&) override {
    return fail(Code::kUnauthenticated, "no");
  }
  bool authenticate(const Session&, const Credential&) override { return false; }
  void began(Session&) override { ++calls; }
  Result<std::uint16_t> forward(Session&, std::string_view, std::uint16_t) override {
    ++calls;
    return fail(Code::kForbidden, "no");
  }
  void cancelled(Session&, std::string_view, std::uint16_t) override { ++calls; }
  void terminal(Session&, Terminal&, TerminalEvent) override { ++calls; }
  void ended(Session&, const Error&) override { ++calls; }

  int calls = 0;
};

const std::string& host_key() {
  static const std::string key = make_host_key().value_or("");
  return key;
}

net::Task<void> serve(Server& server, net::Listener& listener) { co_await server.serve(listener); }
net::Task<void> stop(Server& server, bool& stopped) {
  co_await server.stop();
  stopped = true;
}

struct Site {
  explicit Site(ServerOptions options = {}) : tasks(real.loop) {
    options.host_keys = {host_key()};
    server = std::move(*Server::create(real.env, gate, std::move(options)));
    listener = std::move(*real.network.listen(net::Address::v4({127, 0, 0, 1}, 0)));
    tasks.spawn(serve(*server, *listener));
  }
  ~Site() {
    tasks.cancel();
    bool stopped = false;
    net::TaskGroup last(real.loop);
    last.spawn(stop(*server, stopped));
    CHECK(real.run_until([&] { return stopped && tasks.size() == 0 && last.size() == 0; }));
    CHECK(server->sessions() == 0);
    CHECK(server->handshakes() == 0);
    CHECK(gate.calls == 0);  // about nobody who is not known
  }

  std::unique_ptr<net::Stream> connect() {
    auto connected = real.run(real.network.connect(listener->address(), 5s));
    REQUIRE((connected && *connected));
    return std::move(**connected);
  }
  // What the server says until it closes, or `bytes` of it; "reset" behind it when it resets.
  std::string hear(net::Stream& client, std::size_t bytes = 100'000) {
    std::string text;
    std::array<std::byte, 4096> piece{};
    while (text.size() < bytes) {
      const auto got = real.run(client.read(piece, 10s));
      if (!got || !*got) return text + "reset";
      if (**got == 0) break;
      text += net::as_text(net::Slice(piece).first(**got));
    }
    return text;
  }

  RealEnv real;
  Closed gate;
  std::unique_ptr<Server> server;
  std::unique_ptr<net::Listener> listener;
  net::TaskGroup tasks;
};

TEST_CASE("a host key is needed, and a good one") {
  RealEnv real;
  Closed gate;
  CHECK(Server::create(real.env, gate, {}).error().code == Code::kInvalid);
  CHECK(Server::create(real.env, gate, {.host_keys = {"no key"}}).error().code == Code::kInvalid);
  CHECK(Server::create(real.env, gate, {.host_keys = {host_key()}}).has_value());
  CHECK(host_key().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
  CHECK(host_key() != make_host_key());
  CHECK(public_line_of(host_key())->starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"));
  CHECK(public_line_of("no key").error().code == Code::kInvalid);
}

TEST_CASE("the server says its version first, and what is no SSH ends its connection") {
  Site site;
  auto client = site.connect();
  CHECK(site.hear(*client, 14).starts_with("SSH-2.0-weir\r\n"));
  CHECK(site.server->handshakes() == 1);
  CHECK(site.real.run(client->write(net::as_slice("GET / HTTP/1.1\r\n\r\n"), 1s))->has_value());
  site.hear(*client);
  CHECK(site.real.run_until([&] { return site.server->handshakes() == 0; }));
  CHECK(site.server->counters().unauthenticated.get() == 1);
}

TEST_CASE("who says nothing is sent away, and who sends half a packet too") {
  Site site({.key_exchange_timeout = 50ms});
  auto silent = site.connect();
  auto slow = site.connect();
  CHECK(site.real.run(slow->write(net::as_slice("SSH-2.0-x\r\n\0\0\1"), 1s))->has_value());
  CHECK(site.hear(*silent).starts_with("SSH-2.0-weir\r\n"));
  CHECK(site.hear(*slow).starts_with("SSH-2.0-weir\r\n"));
  CHECK(site.server->counters().timed_out.get() == 2);
}

TEST_CASE("connections of nobody are bounded, of one source and in all") {
  Site site({.handshakes_max = 3, .handshakes_per_source_max = 2});
  std::vector<std::unique_ptr<net::Stream>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(site.connect());
    CHECK(site.hear(*clients.back(), 14).starts_with("SSH-2.0-weir\r\n"));
  }
  // It is reset at once, so that even the connect may hear of it.
  const auto third = site.real.run(site.real.network.connect(site.listener->address(), 5s));
  REQUIRE(third.has_value());
  if (*third) CHECK(site.hear(***third) == "reset");
  CHECK(site.real.run_until([&] { return site.server->counters().refused_per_source.get() == 1; }));
  clients.pop_back();
  CHECK(site.real.run_until([&] { return site.server->handshakes() == 1; }));
  auto again = site.connect();
  CHECK(site.hear(*again, 14).starts_with("SSH-2.0-weir\r\n"));
}

TEST_CASE("stopping ends the connections") {
  auto site = std::make_unique<Site>();
  auto client = site->connect();
  CHECK(site->hear(*client, 14).starts_with("SSH-2.0-weir\r\n"));
  CHECK(site->server->sessions() == 1);
  client.reset();
  site.reset();  // checks that all is gone
}

}  // namespace
}  // namespace weir::ssh
