#include "mirror/tenancy.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/documents.h"

namespace weir::mirror {
namespace {

config::ObjectPointer object_of(const std::string& kind, const std::string& name,
                                const std::string& organization, const std::string& spec = "{}") {
  const auto documents = config::read_yaml("{kind: " + kind + ", metadata: {name: " + name +
                                           ", organization: '" + organization + "'}, spec: " + spec + "}");
  REQUIRE(documents.has_value());
  auto object = config::parse_object(documents->front().json, config::Origin::kStore);
  REQUIRE(object.has_value());
  return std::make_shared<const config::Object>(std::move(*object));
}

// Two organizations, the first of which may have so many services.
config::Whole world_of(std::size_t quota) {
  config::Whole objects;
  objects.put(object_of("Organization", "acme", "",
                        "{quotas: [{kind: services, max: " + std::to_string(quota) + "}]}"));
  objects.put(object_of("Organization", "best", ""));
  return objects;
}

TEST_CASE("a quota counts what the organization has of the kind, when more of it is made") {
  config::Whole objects = world_of(2);
  const auto first = object_of("Service", "first", "acme");
  objects.put(first);
  objects.put(object_of("Service", "theirs", "best"));
  objects.put(object_of("Service", "platforms", ""));
  objects.put(object_of("Endpoint", "e", "acme", "{service: first, address: '10.0.0.1:80'}"));
  using Changes = std::vector<config::ObjectChange>;
  const auto second = object_of("Service", "second", "acme");
  const auto third = object_of("Service", "third", "acme");
  CHECK(exceeded_quota(objects, Changes{{nullptr, second}}).empty());
  CHECK(exceeded_quota(objects, Changes{{nullptr, second}, {nullptr, third}}) ==
        "the organization acme has 1 of the 2 services that it may have");
  CHECK(exceeded_quota(objects, Changes{{nullptr, second}, {nullptr, third}, {first, nullptr}}).empty());
  CHECK(exceeded_quota(objects, Changes{{nullptr, object_of("Service", "other", "best")}}).empty());
  objects.put(second);
  CHECK_FALSE(exceeded_quota(objects, Changes{{nullptr, third}}).empty());
  CHECK(exceeded_quota(objects, Changes{{second, object_of("Service", "second", "acme")}}).empty());
}

}  // namespace
}  // namespace weir::mirror
