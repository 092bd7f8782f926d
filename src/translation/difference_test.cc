#include "translation/difference.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "translation/golden_fixture.h"

namespace weir::translation {
namespace {

// Of what one document is for Envoy; null: there is none of that type and name.
xds::ResourcePtr resource_of(const std::string& yaml, xds::Type type, const std::string& name) {
  const Golden golden(yaml);
  Translator translator({.address = "127.0.0.1", .http = 80, .https = 443, .zone = "here"});
  translator.update(*golden.snapshot, golden.names);
  const auto found = translator.resources().find({type, name});
  return found == translator.resources().end() ? nullptr : found->second;
}

std::string web(const std::string& endpoints, const std::string& hosts = "[web.example]",
                const std::string& more = "") {
  return "kind: Service\nmetadata: {name: web}\nspec: {endpoints: [" + endpoints +
         "]}\n---\nkind: LoadBalancer\nmetadata: {name: web}\nspec: {listeners: [{protocol: HTTP, "
         "hostnames: " +
         hosts + "}], routes: [{backends: [{service: web}]" + more + "}]}\n";
}

std::string lines(const std::vector<config::Change>& changes) {
  std::string text;
  for (const config::Change& one : changes) text += one.path + ": " + one.before + " -> " + one.after + "\n";
  return text;
}

TEST_CASE("a resource that has changed, field by field") {
  const auto one = resource_of(web("{address: '10.0.0.1:80'}"), xds::Type::kEndpoints, "web");
  const auto two =
      resource_of(web("{address: '10.0.0.2:80'}, {address: '10.0.0.1:80'}"), xds::Type::kEndpoints, "web");
  REQUIRE((one && two));
  CHECK(difference(*one, *one).empty());
  const auto changes = difference(*one, *two);
  // What is in both is not told, wherever it stands.
  const auto added = std::ranges::find_if(
      changes, [](const auto& one) { return one.path.starts_with("endpoints[0].lb_endpoints["); });
  REQUIRE_MESSAGE(added != changes.end(), lines(changes));
  CHECK(added->before.empty());
  CHECK(added->after.contains("10.0.0.2"));
  CHECK_MESSAGE(std::ranges::none_of(changes, [](const auto& one) { return one.after.contains("10.0.0.1"); }),
                lines(changes));
  CHECK(shown(*two).contains("10.0.0.2"));
}

TEST_CASE("elements of lists are known by their names") {
  const auto one = resource_of(web("{address: '10.0.0.1:80'}"), xds::Type::kRoutes, "http");
  const auto two =
      resource_of(web("{address: '10.0.0.1:80'}", "[web.example, www.example]"), xds::Type::kRoutes, "http");
  REQUIRE((one && two));
  const std::string text = lines(difference(*one, *two));
  CHECK_MESSAGE(text.contains("virtual_hosts["), text);
  CHECK_MESSAGE(text.contains("www.example"), text);
}

TEST_CASE("secrets are in no difference, but that they are others is") {
  const std::string users = "\n---\nkind: Secret\nmetadata: {name: users}\nspec: {values: {ann: ";
  const auto with = [&](const std::string& hash) {
    return web("{address: '10.0.0.1:80'}", "[web.example]", ", basic_auth: {secret: users}") + users + "'" +
           hash + "'}}\n";
  };
  const auto one = resource_of(with("{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA="), xds::Type::kRoutes, "http");
  const auto two = resource_of(with("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), xds::Type::kRoutes, "http");
  REQUIRE((one && two));
  const std::string text = lines(difference(*one, *two));
  CHECK_MESSAGE(text.contains("users: \"(secret)\" -> \"(secret)\""), text);
  CHECK_FALSE(text.contains("W6ph5Mm5"));
  CHECK_FALSE(shown(*two).contains("W6ph5Mm5"));
}

}  // namespace
}  // namespace weir::translation
