// The API over TLS, with a real handshake on both sides, and what a person is told when it goes wrong.
#include <doctest/doctest.h>
#include <stdio.h>
#include <stdlib.h>

#include <optional>
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "cli/session.h"
#include "enroll/door.h"
#include "http/server.h"
#include "testing/fake_env.h"
#include "tls/dial.h"

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const tls::Authority> make_authority(const std::string& name) {
  return std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create(name, testing::ManualClock::kWallStart)));
}

std::shared_ptr<tls::ClientContext> trusting(const tls::Authority& authority,
                                             std::shared_ptr<const tls::Certificate> shown = nullptr) {
  return *tls::ClientContext::create({.authorities = *tls::TrustStore::parse(authority.root_pem()),
                                      .protocols = {"http/1.1"},
                                      .certificate = std::move(shown)});
}

std::shared_ptr<const tls::Certificate> client_certificate(const tls::Authority& authority,
                                                           Duration validity = 24h) {
  const auto pair = *authority.issue(std::vector<std::string>{"client.example"}, tls::Usage::kClient,
                                     testing::ManualClock::kWallStart, validity);
  return *tls::Certificate::load(pair.certificate, pair.private_key);
}

class Empty final : public http::Service {
 public:
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    client_names = request.tls == nullptr ? "no TLS" : request.tls->client_names;
    co_return std::make_unique<http::TextResponse>(200, "application/json", R"({"items":[],"revision":"1"})");
  }
  std::string client_names;
};

// An API at weir.example (192.0.2.7) over TLS, and one at 127.0.0.1 without.
struct World {
  World() : server(fake.env, service, {}), plain(fake.env, service, {}) {
    tls = *enroll::Door::create(
        fake.env, authority, {.names = [] { return std::vector<std::string>{"weir.example", "192.0.2.7"}; }});
    tls->on_refused([this](const net::Address& from, const char* why) { refused = from.ip() + ": " + why; });
    server.listen(*fake.network.listen(*net::Address::parse("192.0.2.7:8480")), tls);
    plain.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:8480")));
    for (const char* name : {"weir.example", "other.example"}) {
      fake.network.set_name(name, {*net::Address::parse("192.0.2.7:0")}, 1h);
    }
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (http::Server* each : {&server, &plain}) {
      each->drain();
      each->cut();
      CHECK(fake.run(each->join(), 60s));
    }
  }

  // The exit code and what is said of `weir get services`.
  std::string get(const std::string& url, std::shared_ptr<tls::ClientContext> context) {
    char* text = nullptr;
    std::size_t bytes = 0;
    std::FILE* file = ::open_memstream(&text, &bytes);
    Terminal terminal(file, file, false);
    Settings settings{
        .api = *parse_url(url), .token = {}, .token_source = {}, .ca_path = {}, .ca_source = {}};
    const auto arguments = parse_arguments(std::vector<std::string>{"get", "services"}, 1);
    std::string told = "still going on";
    {
      Session session(fake.env, settings, std::move(context), terminal);
      if (const auto code = fake.run(arguments->command->with_api(session, *arguments), 60s)) {
        std::fflush(file);
        told = std::to_string(*code) + " " + std::string(text, bytes);
      }
    }
    std::fclose(file);
    std::free(text);
    return told;
  }

  testing::FakeEnv fake;
  std::shared_ptr<const tls::Authority> authority = make_authority("weir");
  Empty service;
  http::Server server;
  http::Server plain;
  std::shared_ptr<enroll::Door> tls;
  std::string refused;
};

TEST_CASE("the API answers over TLS, for its names and its addresses") {
  World world;
  CHECK(world.get("https://weir.example:8480", trusting(*world.authority)).starts_with("0 "));
  CHECK(world.get("https://192.0.2.7:8480", trusting(*world.authority)).starts_with("0 "));
  CHECK(world.service.client_names.empty());
  CHECK(world.get("http://127.0.0.1:8480", nullptr).starts_with("0 "));
  CHECK(world.service.client_names == "no TLS");
}

TEST_CASE(
    "a client's certificate of weir's authority is known to the API; another one is refused and told of") {
  World world;
  const auto other = make_authority("another organisation");
  CHECK(
      world.get("https://weir.example:8480", trusting(*world.authority, client_certificate(*world.authority)))
          .starts_with("0 "));
  CHECK(world.service.client_names == "DNS:client.example");
  CHECK(world.refused.empty());
  world.service.client_names = "not asked";
  CHECK(world.get("https://weir.example:8480", trusting(*world.authority, client_certificate(*other)))
            .starts_with("1 weir: "));
  CHECK(world.refused == "127.0.0.1: the peer's certificate is of an authority that is not trusted");
  const auto short_lived = client_certificate(*world.authority, 1min);
  world.fake.advance(2min);
  CHECK(world.get("https://weir.example:8480", trusting(*world.authority, short_lived))
            .starts_with("1 weir: "));
  CHECK(world.refused == "127.0.0.1: the peer's certificate has expired");
  CHECK(world.service.client_names == "not asked");
}

TEST_CASE("what is wrong with the TLS of an API is said, and what to do about it") {
  World world;
  CHECK(
      world.get("https://weir.example:8480", trusting(*make_authority("stranger"))) ==
      "1 weir: https://weir.example:8480 is not who it should be: the peer's certificate is of an authority "
      "that is not trusted; `weir ca` on the controller prints its authority: keep that in a file, and name "
      "the file in WEIR_CA or as `ca:` in ~/.config/weir/config.yaml\n");
  CHECK(world.get("https://other.example:8480", trusting(*world.authority)) ==
        "1 weir: https://other.example:8480 is not who it should be: the peer's certificate is for another "
        "name; `weir up --api-name other.example` on the controller adds this one\n");
  CHECK(world.get("https://127.0.0.1:8480", trusting(*world.authority)) ==
        "1 weir: what answers at https://127.0.0.1:8480 does not speak TLS; an API on a loopback address is "
        "http://\n");
  CHECK(world.get("http://weir.example:8480", nullptr) ==
        "1 weir: what answers at http://weir.example:8480 does not speak HTTP without TLS; an API beyond "
        "loopback is https://\n");
  world.fake.advance(std::chrono::days(91));
  CHECK(world.get("https://weir.example:8480", trusting(*world.authority)) ==
        "1 weir: https://weir.example:8480 is not who it should be: the peer's certificate has expired\n");
}

TEST_CASE("the certificate is made anew long before it ends") {
  World world;
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(world.tls->keep_fresh());
  for (int day = 0; day < 100; ++day) world.fake.advance(24h);
  CHECK(world.get("https://weir.example:8480", trusting(*world.authority)).starts_with("0 "));
  const auto stop = [](net::TaskGroup& group) -> net::Task<void> { co_await group.stop(); };
  CHECK(world.fake.run(stop(tasks)));
}

}  // namespace
}  // namespace weir::cli
