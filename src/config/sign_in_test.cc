// Whom visitors of a load balancer sign in by: what is refused in one, and of two.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"

namespace weir::config {
namespace {

using Lines = std::vector<std::string>;

Lines problems_of(const std::string& yaml) {
  Lines lines;
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  const auto object = parse_object(documents->at(0).json, Origin::kClient);
  if (object) return lines;
  for (const Violation& one : object.error()) lines.push_back(one.field + ": " + one.message);
  return lines;
}

std::string problems_between(const std::string& yaml) {
  Whole world;
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  for (const Document& document : *documents) {
    auto object = parse_object(document.json, Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
    world.put(std::make_shared<const Object>(std::move(*object)));
  }
  return to_text(world.violations());
}

TEST_CASE("whom visitors sign in by, and who of them may come") {
  const auto problems = [](const std::string& routes) {
    return problems_of(
        "{kind: LoadBalancer, metadata: {name: a}, spec: {listeners: [{protocol: HTTP}], routes: [" + routes +
        "]}}");
  };
  const auto route = [](const std::string& path, const std::string& more) {
    return "{match: {path_prefix: " + path +
           "}, backends: [{service: web}], sign_in: {issuer: 'https://id.example', client_id: weir, secret: "
           "id, " +
           more + "}}";
  };
  CHECK(problems(route("/", "allow_emails: [Eve@host.example], session: 720h")).empty());
  CHECK(problems(route("/", "allow_domains: [a.example]") + ", " + route("/b", "allow_domains: [b.example]"))
            .empty());
  CHECK(problems(route("/", "session: 12h")) == Lines{"spec.routes[0].sign_in: must have allow_emails or "
                                                      "allow_domains: without them, nobody could come"});
  CHECK(problems(route("/", "allow_emails: [a@b@c.example], allow_domains: ['@c.example'], session: 1s"))
            .size() == 3);
  CHECK(problems("{backends: [{service: web}], sign_in: {issuer: 'http://id.example', allow_domains: "
                 "[b.example]}}") ==
        Lines{"spec.routes[0].sign_in.issuer: must be an address that begins with https://, without ? and #",
              "spec.routes[0].sign_in.client_id: is required", "spec.routes[0].sign_in.secret: is required"});
  CHECK(problems(route("/", "allow_domains: [a.example]") + ", " +
                 route("/b", "allow_domains: [b.example], session: 1h")) ==
        Lines{"spec.routes[1].sign_in: must have the issuer, client_id, secret and session that an earlier "
              "route has: visitors sign in once for a load balancer"});
}

TEST_CASE("visitors of a host come back from one provider of identities") {
  const auto guarded = [](const std::string& name, const std::string& prefix, const std::string& host) {
    return "---\n{kind: LoadBalancer, metadata: {name: " + name + "}, spec: {listeners: [{protocol: HTTP, " +
           "hostnames: [" + host + "]}], routes: [{match: {path_prefix: " + prefix +
           "}, backends: [{service: web}], sign_in: {issuer: 'https://id.example', client_id: weir, " +
           "secret: id, allow_domains: [b.example]}}]}}\n";
  };
  const std::string others =
      "---\n{kind: Service, metadata: {name: web}}\n---\n{kind: Secret, metadata: {name: id}}\n";
  CHECK(problems_between(guarded("a", "/a", "x.example") + guarded("b", "/b", "x.example") + others) ==
        "LoadBalancer/b: spec.listeners[0].hostnames[0]: is taken by LoadBalancer/a for the path "
        "/.weir/sign-in/callback");
  CHECK(problems_between(guarded("a", "/a", "x.example") + guarded("b", "/b", "y.example") + others).empty());
  CHECK(problems_between(guarded("a", "/a", "x.example") + "---\n{kind: Service, metadata: {name: web}}\n") ==
        "LoadBalancer/a: spec.routes[0].sign_in.secret: there is no Secret \"id\"");
}

}  // namespace
}  // namespace weir::config
