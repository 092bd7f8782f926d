#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "api/api_fixture.h"

namespace weir::api {
namespace {

TEST_CASE("a browser gets the console wherever the API has nothing") {
  ApiFixture world;
  constexpr std::string_view kBrowser = "Accept: text/html,*/*;q=0.8\r\nAuthorization: none\r\n";
  const ApiAnswer page = world.call("GET", "/", "", kBrowser);
  CHECK(page.status == 200);
  CHECK(page.field("Content-Security-Policy").starts_with("default-src 'none'"));
  CHECK(world.call("GET", "/loadbalancers/web", "", kBrowser).body == page.body);
  const std::size_t script = page.body.find("/assets/main-");
  REQUIRE(script != std::string::npos);
  const std::string path = page.body.substr(script, page.body.find('"', script) - script);
  CHECK(world.call("GET", path).field("Cache-Control") == "public, max-age=31536000, immutable");
  const ApiAnswer packed = world.call("GET", path, "", "Accept-Encoding: gzip\r\n");
  CHECK(packed.field("Content-Encoding") == "gzip");
  CHECK(packed.body.size() == static_cast<std::size_t>(std::stoi(packed.field("Content-Length"))));
  CHECK(world.call("HEAD", path).status == 200);

  CHECK(world.call("GET", "/v1/nothing", "", "Accept: text/html\r\n").status == 404);
  CHECK(world.call("GET", "/v1", "", kBrowser).status == 401);
  CHECK(world.call("GET", "/loadbalancers").status == 404);
  CHECK(world.call("POST", "/loadbalancers", "{}", kBrowser).status == 404);
  CHECK(world.call("GET", "/assets/gone.js", "", kBrowser).status == 404);
}

TEST_CASE("the health of a service is told as edges see it, of one that is there") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", R"({"kind":"Service","metadata":{"name":"web"}})").status ==
          201);
  CHECK(world.call("GET", "/v1/services/web/health").status == 404);  // nobody knows
  world.api.set_health_source([](std::string_view service) { return "\"" + std::string(service) + "\""; });
  CHECK(world.call("GET", "/v1/services/web/health").body == "\"web\"\n");
  CHECK(world.call("GET", "/v1/services/other/health").status == 404);
  CHECK(world.call("GET", "/v1/services/web/health?x=1").status == 400);
  CHECK(world.call("POST", "/v1/services/web/health").status == 405);
  CHECK(world.call("GET", "/v1/services/web/health", "", "Authorization: Bearer no\r\n").status == 401);
}

}  // namespace
}  // namespace weir::api
