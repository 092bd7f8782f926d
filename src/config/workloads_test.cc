// Workloads as people write them: what is refused, and what is the same as what.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/specs_workload.h"

namespace weir::config {
namespace {

using Lines = std::vector<std::string>;

Checked<Object> parsed(const std::string& yaml, Origin origin) {
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 1);
  return parse_object(documents->front().json, origin);
}

Lines problems_of(const std::string& spec) {
  const auto object = parsed("{kind: Workload, metadata: {name: web}, spec: " + spec + "}", Origin::kClient);
  Lines lines;
  if (object) return lines;
  for (const Violation& one : object.error()) lines.push_back(one.field + ": " + one.message);
  return lines;
}

const std::string kApp = "containers: [{name: app, image: 'a/web:1'}]";
const std::string kTargets = ", targets: [{name: global}]";

TEST_CASE("a workload is containers and targets") {
  CHECK(problems_of("{" + kApp + kTargets + "}").empty());
  CHECK(problems_of("{}") == Lines{"spec.containers: is required", "spec.targets: is required"});
  CHECK(problems_of("{containers: []" + kTargets + "}") ==
        Lines{"spec.containers: must have at least 1 in it"});
  CHECK(problems_of("{" + kApp + ", targets: [{name: a}, {name: a}]}") ==
        Lines{"spec.targets[1].name: is there twice"});
  CHECK(problems_of("{" + kApp + kTargets + ", progress: {phase: DONE}}") == Lines{});
}

TEST_CASE("containers of a workload") {
  const auto container = [](const std::string& more) {
    return "{containers: [{name: app, image: 'a/web:1', " + more + "}], volumes: [data]" + kTargets + "}";
  };
  const std::string at = "spec.containers[0].";
  CHECK(problems_of(container("ports: [{port: 80, service: web}]")).empty());
  CHECK(problems_of(container("ports: [{port: 80, host_address: 127.0.0.1}]")) ==
        Lines{at + "ports[0].host_address: is only for files of a node"});
  CHECK(problems_of(container("ports: [{port: 53, protocol: UDP, host_port: 53}]")).empty());
  CHECK(problems_of(container("ports: [{port: 53, protocol: UDP, service: dns}]")) ==
        Lines{at + "ports[0].service: is only for TCP: services have no endpoints by UDP"});
  CHECK(problems_of(container("archive: /a.tar")) ==
        Lines{at + "archive: is only for files of a node; push the image instead"});
  CHECK(problems_of(container("volume_mounts: [{volume: data, path: /d}]")).empty());
  CHECK(problems_of(container("volume_mounts: [{volume: date, path: /d}]")) ==
        Lines{at + "volume_mounts[0].volume: is none of the instance's volumes"});
  CHECK(problems_of(container("env: [{name: A, value: b}, {name: B, secret: {secret: s, key: k}}]")).empty());
  CHECK(problems_of(container("env: [{name: B, value: b, secret: {secret: s, key: k}}]")) ==
        Lines{at + "env[0].value: must be absent beside secret"});
  CHECK(problems_of(container("resources: {cpu: 5m}")) ==
        Lines{at + "resources.cpu: must be an amount of cores such as 500m or 1.5, and 10m at least"});
  CHECK(problems_of(container("readiness_probe: {}")) ==
        Lines{at + "readiness_probe: must have one of http, tcp and exec"});
  CHECK(problems_of("{containers: [{name: a, image: b}], init_containers: [{name: a, image: b}]" + kTargets +
                    "}") == Lines{"spec.containers[0].name: is there twice"});
}

TEST_CASE("how many, and by what") {
  const auto target = [](const std::string& more) {
    return "{" + kApp + ", targets: [{name: global, " + more + "}]}";
  };
  const std::string at = "spec.targets[0].";
  const std::string cpu = ", metrics: [{metric: CPU, average_utilization: 50}]";
  CHECK(problems_of(target("min_replicas: 3, max_replicas: 5" + cpu)).empty());
  CHECK(problems_of(target("min_replicas: 3, max_replicas: 2")) ==
        Lines{at + "max_replicas: must not be less than min_replicas"});
  CHECK(problems_of(target("min_replicas: 3, max_replicas: 4")) ==
        Lines{at + "metrics: must be given when max_replicas is more than min_replicas"});
  CHECK(problems_of(target("min_replicas: 0")) ==
        Lines{at + "min_replicas: must not be 0 without a greater max_replicas"});
  CHECK(problems_of(target("min_replicas: 0, max_replicas: 2" + cpu)) ==
        Lines{at + "metrics[0].metric: can't be CPU when min_replicas is 0: nothing would start the first"});
  CHECK(problems_of(target("max_replicas: 2, metrics: [{metric: CPU}]")) ==
        Lines{at + "metrics[0].average_utilization: must be given for CPU"});
  CHECK(problems_of(target("max_replicas: 2, metrics: [{metric: REQUESTS, average_utilization: 5}]")) ==
        Lines{at + "metrics[0].average_utilization: must be absent but for CPU",
              at + "metrics[0].average_value: must be given but for CPU"});
  CHECK(problems_of("{" + kApp + kTargets + ", update: {max_surge: 0}}") ==
        Lines{"spec.update.max_surge: must not be 0 when max_unavailable is"});
}

TEST_CASE("an instance is the server's, and has the fields of its containers beside its own") {
  const std::string yaml =
      "{kind: Instance, metadata: {name: web-global-sea-1}, spec: {workload: web, target: global, city: sea, "
      "number: 1, node: sea-1, version: a1, " +
      kApp + ", drain: 3s}}";
  const auto refused = parsed(yaml, Origin::kClient);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().front().message == "Instance is written by the server only");
  const auto object = parsed(yaml, Origin::kStore);
  REQUIRE(object.has_value());
  const auto& spec = std::get<InstanceSpec>(object->spec);
  CHECK(spec.node == "sea-1");
  CHECK(spec.containers.front().image == "a/web:1");
  CHECK(spec.drain == std::chrono::seconds(3));
  const auto again = parse_object(to_json(*object, Secrets::kKeep), Origin::kStore);
  REQUIRE(again.has_value());
  CHECK(*again == *object);
}

TEST_CASE("a version tells containers apart, and nothing else") {
  ContainerGroup group;
  group.containers.push_back({.name = "app", .image = "a/web:1"});
  const std::string version = version_of(group, {});
  CHECK(version.size() == 16);
  CHECK(version_of(group, {}) == version);
  CHECK(version_of(group, {"registry"}) != version);
  group.containers.front().image = "a/web:2";
  CHECK(version_of(group, {}) != version);
  WorkloadSpec spec;
  spec.containers = group.containers;
  spec.targets.push_back({.name = "global"});
  CHECK(version_of(spec, {}) == version_of(group, {}));
}

}  // namespace
}  // namespace weir::config
