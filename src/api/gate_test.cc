#include "api/gate.h"

#include <doctest/doctest.h>

#include "api/api_fixture.h"

namespace weir::api {
namespace {

net::Task<void> end(http::Server& server) {
  server.drain();
  server.cut();
  co_await server.join();
}

TEST_CASE("before there is an API, everybody is told why, and that the process lives") {
  ApiFixture world;
  Gate gate;
  http::Server server(world.fake.env, gate, {});
  server.listen(*world.fake.network.listen(*net::Address::parse("127.0.0.1:1")));
  testing::Peer peer(world.fake, "127.0.0.1:1");
  const auto call = [&](std::string_view method, std::string_view target) {
    peer.send(world.text_of(method, target));
    return ApiFixture::parse(peer.take());
  };
  gate.close("the store is damaged");
  for (const char* target : {"/readyz", "/v1/services", "/metrics", "/nowhere"}) {
    const ApiAnswer answer = call("GET", target);
    CHECK(answer.status == 503);
    CHECK(answer.field("Retry-After") == "1");
    CHECK(answer.body.find(R"("detail":"the store is damaged")") != std::string::npos);
  }
  CHECK(call("GET", "/healthz").status == 200);
  gate.open(world.api);
  CHECK(call("GET", "/readyz").status == 200);  // on the same connection
  CHECK(call("GET", "/v1/services").status == 200);
  CHECK(world.fake.run(end(server)));
}

}  // namespace
}  // namespace weir::api
