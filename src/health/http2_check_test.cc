#include "health/http2_check.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "h2/server_fixture.h"

namespace weir::health {
namespace {

using namespace std::string_view_literals;

// Says of a service what it is told to.
class HealthService final : public http::Service {
 public:
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    path = request.head.path;
    asked.clear();
    while (request.body != nullptr && !request.body->at_end()) {
      const auto piece = co_await request.body->read();
      if (!piece) co_return fail(piece.error());
      asked += net::as_text(*piece);
    }
    auto response = std::make_unique<http::TextResponse>(status, "application/grpc", answer);
    response->add_field("grpc-status", grpc_status);
    co_return response;
  }
  int status = 200;
  std::string grpc_status = "0";
  std::string answer{"\0\0\0\0\2\x8\1"sv};
  std::string path;
  std::string asked;
};

struct Fixture {
  Fixture() : server(fake.env, service, {.h2 = h2::make_connection}) {
    server.listen(*fake.network.listen(address), std::make_shared<h2::PriorKnowledge>());
    check.timeout = std::chrono::seconds(2);
    check.transport.http2 = true;
  }
  ~Fixture() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), std::chrono::seconds(60)));
  }
  bool passes() {
    const auto result = fake.run(run_check(fake.env, {address}, check), std::chrono::seconds(10));
    return result && result->has_value();
  }
  net::Address address = *net::Address::parse("127.0.0.1:80");
  testing::FakeEnv fake;
  HealthService service;
  http::Server server;
  Check check;
};

TEST_CASE("a gRPC server is asked whether it serves") {
  Fixture fixture;
  fixture.check.grpc = GrpcCheck{.service = "shop", .host = "a"};
  CHECK(fixture.passes());
  CHECK(fixture.service.path == "/grpc.health.v1.Health/Check");
  CHECK(fixture.service.asked == "\0\0\0\0\6\x0a\4shop"sv);
  fixture.service.answer = "\0\0\0\0\2\x8\2"sv;  // NOT_SERVING
  CHECK_FALSE(fixture.passes());
  fixture.service.answer = "\0\0\0\0\2\x8\1"sv;
  fixture.service.grpc_status = "12";
  CHECK_FALSE(fixture.passes());
  fixture.service.grpc_status = "0";
  fixture.service.status = 404;
  CHECK_FALSE(fixture.passes());
}

TEST_CASE("a GET over HTTP/2 passes by its status") {
  Fixture fixture;
  fixture.check.http = HttpCheck{.path = "/healthz", .host = "a", .expected_statuses = {{200, 299}}};
  CHECK(fixture.passes());
  CHECK(fixture.service.path == "/healthz");
  fixture.service.status = 503;
  CHECK_FALSE(fixture.passes());
}

TEST_CASE("messages of the health service") {
  CHECK(health_request("") == "\0\0\0\0\0"sv);
  CHECK(health_request(std::string(200, 'x')).starts_with("\0\0\0\0\xcb\x0a\xc8\x01xxx"sv));
  CHECK(judge_health_response("\0\0\0\0\2\x8\1"sv));
  CHECK(judge_health_response("\0\0\0\0\5\x12\1x\x8\1"sv));  // beside an unknown field
  for (const std::string_view bad : {""sv, "\0\0\0\0\0"sv, "\1\0\0\0\2\x8\1"sv, "\0\0\0\0\2\x8\x81"sv,
                                     "\0\0\0\0\2\x12\x7f"sv, "\0\0\0\0\1\x0b"sv}) {
    CHECK_FALSE(judge_health_response(bad));
  }
}

}  // namespace
}  // namespace weir::health
