#include "h2/grpc.h"

#include <doctest/doctest.h>

#include "h2/server_fixture.h"

namespace weir::h2 {
namespace {

TEST_CASE("gRPC is told by its content type") {
  const auto type = [](std::string_view value) {
    http::Fields fields;
    fields.add("content-type", value);
    return is_grpc(fields);
  };
  CHECK(type("application/grpc"));
  CHECK(type("application/grpc+proto"));
  CHECK(type("Application/gRPC;x=y"));
  CHECK_FALSE(type("application/grpc-web"));
  CHECK_FALSE(type("application/json"));
  CHECK_FALSE(is_grpc({}));
}

TEST_CASE("what weir itself refuses is told to a client of gRPC in its own words, to others as it is") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/error", {{"content-type", "application/grpc"}, {"te", "trailers"}}) +
              data(1, "", true));
  const std::string refused = client.take_streams();
  CHECK(refused.starts_with("HEADERS 1 end :status=200 content-type=application/grpc"));
  CHECK(refused.find("grpc-status=14 grpc-message=503 Service Unavailable: nobody there") !=
        std::string::npos);
  CHECK(refused.find("content-length") == std::string::npos);
  CHECK(fixture.service.ends.back().starts_with("/error 503 "));

  client.send(post(3, "/a#b", {{"content-type", "application/grpc"}}) + data(3, "", true));
  CHECK(client.take_streams().find("grpc-status=13") != std::string::npos);
  client.send(get(5, "/error"));
  CHECK(client.take_streams().starts_with("HEADERS 5 :status=503"));
  client.send(post(7, "/204", {{"content-type", "application/grpc"}}) + data(7, "", true));
  CHECK(client.take_streams().starts_with("HEADERS 7 end :status=204"));  // not weir's own
}

}  // namespace
}  // namespace weir::h2
