#include "translation/own.h"

#include <doctest/doctest.h>

namespace weir::translation {
namespace {

config::Object secret(std::string value) {
  config::Object object;
  object.metadata.name = "users";
  object.metadata.revision = 7;
  object.spec = config::SecretSpec{.values = {{"ann", std::move(value)}}};
  return object;
}

TEST_CASE("an object comes back from its resource as it was, with its secrets and without its status") {
  config::Object object = secret("$6$x");
  const auto plain = object_resource(object);
  CHECK(plain->name == "secrets/users");
  CHECK(plain->object == "secrets/users");
  CHECK(read_object(plain->body) == object);
  object.status = R"({"applied":"1/1"})";
  CHECK(object_resource(object)->version == plain->version);
  CHECK(object_resource(secret("$6$y"))->version != plain->version);
}

TEST_CASE("a revision and verdicts come back") {
  CHECK(read_revision(revision_resource(12)->body) == 12);
  CHECK(revision_resource(12)->name == xds::kRevisionName);
  const auto health = health_resource("web", {"10.0.0.1:80", "[::1]:80"});
  CHECK(health->name == "web");
  CHECK(read_health(health->body) == std::set<std::string>{"10.0.0.1:80", "[::1]:80"});
}

TEST_CASE("what edges have from the authority comes back, in one piece and in several") {
  EdgeSecrets secrets{.cookie_key = {},
                      .domain = "weir.example",
                      .tunnel = {"port", "its key"},
                      .issued = {{"a.example", {"cert", "key"}}}};
  secrets.cookie_key.fill(std::byte{0xa5});
  CHECK(edge_resource(secrets)->name == "internal/edge");
  CHECK(read_edge(edge_resource(secrets)->body) == secrets);
  const auto issued = issued_resource("*.example", {"cert", "key"});
  CHECK(issued->name == "internal/certificates/*.example");
  CHECK(read_issued(issued->body) == IssuedPair{"cert", "key"});
  CHECK(!read_edge(issued->body));
  CHECK(!read_issued(edge_resource(secrets)->body));
}

TEST_CASE("what is none is refused") {
  CHECK(!read_object(revision_resource(1)->body));
  CHECK(!read_object("\xff"));
  CHECK(!read_revision(object_resource(secret("x"))->body));
  CHECK(!read_health("\xff"));
  CHECK(!parse_key("web"));
  CHECK(!parse_key("gadgets/web"));
  CHECK(parse_key("services/web")->name == "web");
  CHECK(parse_key("services/web")->kind == config::Kind::kService);
}

}  // namespace
}  // namespace weir::translation
