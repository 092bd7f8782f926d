// Calls of a DnsProvider: handed on, waited for, and refused.
#include <doctest/doctest.h>

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "api/api_fixture.h"

namespace weir::api {
namespace {

constexpr const char* kObjects =
    R"([{"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"token":"x"}}},
        {"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1"]}},
        {"kind":"DnsProvider","metadata":{"name":"cf"},"spec":{"type":"CLOUDFLARE","credentials":"key",
         "zones":["a.example"]}}])";

TEST_CASE("a provider's calls are handed on, and their answers waited for, but not for ever") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/apply", kObjects).status == 200);
  CHECK(world.call("GET", "/v1/dnsproviders/cf/plan").status == 404);  // nobody can
  std::vector<std::string> asked;
  std::expected<std::string, std::string> told = R"({"zones":[]})";
  bool mute = false;
  world.api.set_provider_source([&](const std::string& name, ProviderCall call, const Api::Explained& done) {
    asked.push_back(name + ' ' + std::to_string(static_cast<int>(call)));
    if (!mute) done(told);
  });
  CHECK(world.call("GET", "/v1/dnsproviders/cf/plan").body == "{\"zones\":[]}\n");
  CHECK(world.call("POST", "/v1/dnsproviders/cf/sync").status == 200);
  CHECK(world.call("POST", "/v1/dnsproviders/cf/sync?force=true").status == 200);
  CHECK(asked == std::vector<std::string>{"cf 0", "cf 1", "cf 2"});
  CHECK(world.call("GET", "/v1/dnsproviders/nobody/plan").status == 404);
  CHECK(world.call("GET", "/v1/dnsproviders/cf/sync").status == 405);
  CHECK(world.call("POST", "/v1/dnsproviders/cf/sync?force=maybe").status == 400);
  CHECK(world.call("GET", "/v1/dnsproviders/cf/plan?force=true").status == 400);
  CHECK(asked.size() == 3);
  told = std::unexpected("it is gone");
  CHECK(world.call("GET", "/v1/dnsproviders/cf/plan").status == 503);
  mute = true;
  testing::Peer peer(world.fake, ApiFixture::kAddress);
  peer.send(world.text_of("GET", "/v1/dnsproviders/cf/plan"));
  world.fake.advance(std::chrono::seconds(24));
  CHECK(peer.received().empty());
  world.fake.advance(std::chrono::seconds(2));
  CHECK(ApiFixture::parse(peer.take()).status == 503);
}

}  // namespace
}  // namespace weir::api
