#include "nodelink/telling.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "nodelink/messages.h"

namespace weir::nodelink {
namespace {

using config::Object;

struct World {
  config::Whole objects;

  config::ObjectChange put(Object object) {
    auto pointer = std::make_shared<const Object>(std::move(object));
    return {objects.put(pointer), pointer};
  }
  config::ObjectChange secret(const std::string& name, config::Labels values, const std::string& owner = {}) {
    Object object{.metadata = {.name = name}, .spec = config::SecretSpec{std::move(values)}, .status = {}};
    if (!owner.empty()) object.metadata.labels[std::string(config::kOwnerLabel)] = owner;
    return put(std::move(object));
  }
  static Object instance(const std::string& name, const std::string& node, const std::string& owner = {}) {
    config::InstanceSpec spec;
    spec.workload = "web";
    spec.node = node;
    spec.containers = {{.name = "app", .image = "registry.example/web:1"}};
    Object object{.metadata = {.name = name}, .spec = std::move(spec), .status = {}};
    if (!owner.empty()) object.metadata.labels[std::string(config::kOwnerLabel)] = owner;
    return object;
  }
  static config::InstanceSpec& spec_of(Object& object) { return std::get<config::InstanceSpec>(object.spec); }
  static Object with_key(Object object, const std::string& secret, const std::string& key) {
    spec_of(object).containers[0].env.push_back(
        {.name = "KEY", .value = {}, .secret = config::SecretKey{secret, key}});
    return object;
  }
  std::string why(const std::string& name) const {
    return why_not_told(objects, *objects.find(config::Kind::kInstance, name));
  }
};

std::string names_of(const Assignment& assignment) {
  std::string names;
  for (const Assigned& one : assignment.instances) names += one.name + " ";
  return names;
}

TEST_CASE("an organization's instances have a room of its own, and none of another's secrets") {
  World world;
  Object ours = World::with_key(World::instance("a", "n1", "ada"), "keys", "key");
  ours.metadata.organization = "acme";
  CHECK(tenant_of(ours) == "organization.acme");
  CHECK(tenant_of(World::instance("b", "n1", "ada")) == "ada");
  CHECK(tenant_of(World::instance("b", "n1")).empty());
  world.put(ours);
  world.secret("keys", {{"key", "k"}});
  CHECK(world.why("a") == "the secret keys does not exist");
  Object secret{.metadata = {.name = "keys", .organization = "acme"},
                .spec = config::SecretSpec{{{"key", "k"}}},
                .status = {}};
  world.put(std::move(secret));
  CHECK(world.why("a").empty());
  CHECK(assignment_of(world.objects, "n1", 7).instances[0].owner == "organization.acme");
}

TEST_CASE("a node is told the instances that are on it") {
  World world;
  world.put(World::instance("b", "n1", "ada"));
  world.put(World::instance("a", "n1"));
  world.put(World::instance("c", "n2"));
  const Assignment one = assignment_of(world.objects, "n1", 7);
  CHECK(one.revision == 7);
  CHECK(names_of(one) == "a b ");
  CHECK(one.instances[0].owner.empty());
  CHECK(one.instances[1].owner == "ada");
  CHECK(one.instances[0].spec == std::get<config::InstanceSpec>(World::instance("a", "n1").spec));
  CHECK(names_of(assignment_of(world.objects, "n3", 7)).empty());
}

TEST_CASE("variables have the values of their secrets") {
  World world;
  world.secret("keys", {{"a", "one"}});
  world.put(World::with_key(World::instance("web", "n1"), "keys", "a"));
  const Assignment told = assignment_of(world.objects, "n1", 1);
  CHECK(told.instances[0].spec.containers[0].env[0].value == "one");
  CHECK(told.instances[0].lacks.empty());
  CHECK(world.why("web").empty());
}

TEST_CASE("an instance that lacks a secret is told so, since what runs goes on") {
  World world;
  world.put(World::with_key(World::instance("web", "n1", "ada"), "keys", "a"));
  const auto told = [&] { return assignment_of(world.objects, "n1", 1).instances.at(0).lacks; };
  CHECK(told() == "the secret keys does not exist");
  CHECK(world.why("web") == told());
  world.secret("keys", {{"b", "one"}});
  CHECK(told() == "the secret keys has no key a");
  world.secret("keys", {{"a", "one"}}, "bob");
  CHECK(told() == "the secret keys is somebody else's");
  CHECK(assignment_of(world.objects, "n1", 1).instances[0].spec.containers[0].env[0].value.empty());
  world.secret("keys", {{"a", "one"}}, "ada");
  CHECK(told().empty());
  world.secret("keys", {{"a", "one"}});
  CHECK(told().empty());
}

TEST_CASE("credentials are told once, with the name of their secret") {
  World world;
  for (const char* name : {"a", "b"}) {
    Object one = World::instance(name, "n1");
    World::spec_of(one).pull_secrets = {"registry"};
    world.put(std::move(one));
  }
  CHECK(assignment_of(world.objects, "n1", 1).pull_credentials.empty());
  CHECK(world.why("a") == "the secret registry does not exist");
  world.secret("registry", {{"registry", "registry.example"}, {"username", "deploy"}});
  CHECK(world.why("b") == "the secret registry has no key password");
  world.secret("registry",
               {{"registry", "registry.example"}, {"username", "deploy"}, {"password", "hunter2"}});
  const std::vector<PullCredentials> told = assignment_of(world.objects, "n1", 1).pull_credentials;
  CHECK(told == std::vector<PullCredentials>{{"registry.example", "deploy", "hunter2", "registry"}});
  CHECK(world.why("a").empty());
}

TEST_CASE("an instance that is too large is not told at all") {
  World world;
  Object large = World::instance("large", "n1");
  std::vector<config::Container>& containers = World::spec_of(large).containers;
  containers.push_back(containers[0]);
  containers.back().name = "second";
  for (int i = 0; i < 64; ++i) large = World::with_key(std::move(large), "keys", "a");
  containers[1].env = containers[0].env;
  world.put(std::move(large));
  world.put(World::instance("small", "n1"));
  world.secret("keys", {{"a", std::string(4096, 'x')}});
  CHECK(names_of(assignment_of(world.objects, "n1", 1)) == "small ");
  CHECK(world.why("large") == "with its variables from secrets, it is more than 256 KiB");
  world.secret("keys", {{"a", "x"}});
  CHECK(names_of(assignment_of(world.objects, "n1", 1)) == "large small ");
  CHECK(parse_order(serialize(assignment_of(world.objects, "n1", 1))[0]));
}

TEST_CASE("a change touches the nodes that have to do with it") {
  World world;
  using Names = std::set<std::string, std::less<>>;
  const auto touched = [&](config::ObjectChange change) {
    return nodes_touched(world.objects, std::span(&change, 1));
  };
  CHECK(touched(world.put(World::with_key(World::instance("a", "n1"), "keys", "a"))) == Names{"n1"});
  CHECK(touched(world.put(World::with_key(World::instance("a", "n2"), "keys", "a"))) == Names{"n1", "n2"});
  CHECK(touched(world.secret("keys", {{"a", "one"}})) == Names{"n2"});
  CHECK(touched(world.secret("others", {{"a", "one"}})).empty());
  CHECK(touched({world.objects.remove(config::Kind::kInstance, "a"), nullptr}) == Names{"n2"});
}

}  // namespace
}  // namespace weir::nodelink
