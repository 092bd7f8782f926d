#include "nodelink/telling.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "nodelink/messages.h"

namespace weir::nodelink {
namespace {

using config::Kind;
using config::Object;

const config::InstanceSpec& instance_of(const Object& object) {
  return std::get<config::InstanceSpec>(object.spec);
}

// What an Instance may have of a Secret: the values, or why none.
struct Secret {
  const config::Labels* values = nullptr;
  std::string why;  // a sentence

  std::string value(const std::string& key, std::string& lacks, const std::string& name) const {
    if (values == nullptr) {
      if (lacks.empty()) lacks = why;
      return {};
    }
    const auto found = values->find(key);
    if (found != values->end()) return found->second;
    if (lacks.empty()) lacks = "the secret " + name + " has no key " + key;
    return {};
  }
};

Secret secret_for(const config::Whole& objects, const Object& instance, const std::string& name) {
  const config::ObjectPointer object = objects.find(Kind::kSecret, name);
  if (!object || object->metadata.organization != instance.metadata.organization) {
    return {nullptr, "the secret " + name + " does not exist"};
  }
  const std::string_view owner = config::owner_of(*object);
  if (!owner.empty() && owner != config::owner_of(instance)) {
    return {nullptr, "the secret " + name + " is somebody else's"};
  }
  return {&std::get<config::SecretSpec>(object->spec).values, {}};  // the whole keeps it
}

struct Told {
  Assigned assigned;
  std::vector<PullCredentials> credentials;
  std::string why_not;  // it is not; a sentence
};

Told tell(const config::Whole& objects, const Object& object) {
  Told told{.assigned = {.name = object.metadata.name,
                         .owner = tenant_of(object),
                         .spec = instance_of(object),
                         .lacks = {}},
            .credentials = {},
            .why_not = {}};
  config::InstanceSpec& spec = told.assigned.spec;
  std::string& lacks = told.assigned.lacks;
  std::size_t bytes = config::to_json(object, config::Secrets::kKeep).size();
  for (auto* list : {&spec.init_containers, &spec.containers}) {
    for (config::Container& container : *list) {
      for (config::EnvVariable& one : container.env) {
        if (!one.secret) continue;
        const Secret secret = secret_for(objects, object, one.secret->secret);
        one.value = secret.value(one.secret->key, lacks, one.secret->secret);
        bytes += one.value.size();
        if (bytes > kAssignedBytesMax) break;
      }
    }
  }
  for (const std::string& name : spec.pull_secrets) {
    const Secret secret = secret_for(objects, object, name);
    told.credentials.push_back({.registry = secret.value("registry", lacks, name),
                                .username = secret.value("username", lacks, name),
                                .password = secret.value("password", lacks, name),
                                .secret = name});
  }
  if (bytes > kAssignedBytesMax) told.why_not = "with its variables from secrets, it is more than 256 KiB";
  return told;
}

}  // namespace

std::string tenant_of(const config::Object& object) {
  const std::string& organization = object.metadata.organization;
  // The dot keeps it from being the name of a User.
  return organization.empty() ? std::string(config::owner_of(object)) : "organization." + organization;
}

Assignment assignment_of(const config::Whole& objects, std::string_view node, std::uint64_t revision) {
  Assignment assignment{.revision = revision, .instances = {}, .pull_credentials = {}};
  std::map<std::string, PullCredentials> credentials;
  for (const Object* object : objects.referrers(Kind::kNode, node)) {
    if (object->kind() != Kind::kInstance || instance_of(*object).node != node) continue;
    Told told = tell(objects, *object);
    if (!told.why_not.empty()) continue;
    assignment.instances.push_back(std::move(told.assigned));
    for (PullCredentials& one : told.credentials) {
      if (one.registry.empty()) continue;  // what it lacks says so
      std::string name = one.secret;
      credentials.insert_or_assign(std::move(name), std::move(one));
    }
  }
  std::ranges::sort(assignment.instances, {}, &Assigned::name);
  for (auto& [name, one] : credentials) assignment.pull_credentials.push_back(std::move(one));
  return assignment;
}

std::string why_not_told(const config::Whole& objects, const Object& instance) {
  Told told = tell(objects, instance);
  return told.why_not.empty() ? std::move(told.assigned.lacks) : std::move(told.why_not);
}

std::set<std::string, std::less<>> nodes_touched(const config::Whole& objects,
                                                 std::span<const config::ObjectChange> changes) {
  std::set<std::string, std::less<>> nodes;
  for (const config::ObjectChange& change : changes) {
    if (change.kind() == Kind::kInstance) {
      for (const config::ObjectPointer& one : {change.before, change.after}) {
        if (one) nodes.insert(instance_of(*one).node);
      }
    }
    if (change.kind() != Kind::kSecret) continue;
    for (const Object* one : objects.referrers(Kind::kSecret, change.name())) {
      if (one->kind() == Kind::kInstance) nodes.insert(instance_of(*one).node);
    }
  }
  return nodes;
}

}  // namespace weir::nodelink
