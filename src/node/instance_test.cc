#include "node/instance.h"

#include <doctest/doctest.h>

#include <string>

#include "node/plan.h"

namespace weir::node {
namespace {

constexpr std::string_view kFull = R"(
instances:
- name: web-0
  volumes: [data]
  drain: 2s
  stop_grace: 1500ms
  init_containers:
  - {name: prepare, image: "localhost/web:1", args: [prepare]}
  containers:
  - name: app
    image: localhost/web:1
    command: [/bin/serve]
    args: [--fast]
    env: [{name: A, value: b}]
    ports: [{port: 8080, host_port: 80, host_address: 127.0.0.1}, {port: 9000}]
    resources: {cpu: 500m, memory: 64Mi, pids: 100}
    volume_mounts: [{volume: data, path: /data}]
    security: {user: "1000:1000", read_only_root: true, capabilities: [CAP_CHOWN]}
    readiness_probe: {http: {port: 8080, path: /ready}, period: 1s}
  - name: side
    image: localhost/side:1
    ports: [{port: 53, host_port: 53, protocol: UDP}]
    liveness_probe: {exec: {command: ["true"]}}
pull_credentials: [{registry: r.example/team, username: u, password: p}]
)";

TEST_CASE("a file becomes containers as podman is asked for them") {
  const auto file = parse_file(kFull);
  REQUIRE(file);
  REQUIRE(file->instances.size() == 1);
  const Instance& instance = file->instances.front();
  const Plan plan = plan_of(instance, "n1");
  REQUIRE(plan.init.size() == 1);
  REQUIRE(plan.containers.size() == 2);
  CHECK(plan.volumes == std::vector<std::string>{"web-0.data"});
  const podman::ContainerSpec& app = plan.containers[0];
  CHECK(app.name == "web-0.app");
  CHECK(app.host_name == "web-0");
  CHECK(app.entrypoint == std::vector<std::string>{"/bin/serve"});
  CHECK(app.command == std::vector<std::string>{"--fast"});
  CHECK(app.cpu_milli == 500);
  CHECK(app.memory_bytes == 64U << 20U);
  CHECK(app.pids_max == 100);
  CHECK(app.stop_seconds == 2);
  CHECK(app.read_only_root);
  CHECK(app.user == "1000:1000");
  CHECK(app.capabilities == std::vector<std::string>{"CAP_CHOWN"});
  CHECK(app.network_of.empty());
  CHECK(app.network == "weir");
  REQUIRE(app.ports.size() == 2);  // of both, on the first; what has none on the host is not there
  CHECK(app.ports[0].host_port == 80);
  CHECK(app.ports[0].host_address == "127.0.0.1");
  CHECK(app.ports[1].udp);
  CHECK(plan.containers[1].network_of == "web-0.app");
  CHECK(app.labels == podman::Labels{{"weir.container", "app"},
                                     {"weir.digest", digest_of(instance)},
                                     {"weir.instance", "web-0"},
                                     {"weir.node", "n1"}});
  CHECK(plan.init[0].labels.contains("weir.init"));
  const Life::Wanted wanted = wanted_of(instance);
  CHECK(wanted.containers == 2);
  CHECK(wanted.probed);
  CHECK_FALSE(wanted.slow);
}

TEST_CASE("another digest is for what needs other containers, and nothing else") {
  const Instance before = parse_file(kFull)->instances.front();
  Instance after = before;
  after.drain = std::chrono::seconds(9);
  after.containers[0].readiness_probe.reset();
  CHECK(digest_of(after) == digest_of(before));
  CHECK(after != before);
  after = before;
  after.containers[0].env[0].value = "c";  // secret, and seen all the same
  CHECK(digest_of(after) != digest_of(before));
  after = before;
  after.init_containers.clear();
  CHECK(digest_of(after) != digest_of(before));
}

TEST_CASE("what controllers assign becomes instances") {
  nodelink::Assigned assigned{.name = "web-all-fra-1", .owner = "ada", .spec = {}, .lacks = "a secret"};
  static_cast<config::ContainerGroup&>(assigned.spec) = parse_file(kFull)->instances.front();
  assigned.spec.version = "0123";
  assigned.spec.pull_secrets = {"registry"};
  const InstanceFile all = instances_of(
      {.revision = 1, .instances = {assigned}, .pull_credentials = {{"r.example", "u", "p", "registry"}}});
  REQUIRE(all.instances.size() == 1);
  Instance expected = parse_file(kFull)->instances.front();
  expected.name = "web-all-fra-1";
  expected.owner = "ada";
  expected.version = "0123";
  expected.pull_secrets = {"registry"};
  expected.lacks = "a secret";
  CHECK(all.instances[0] == expected);
  CHECK(all.pull_credentials.size() == 1);
  CHECK(plan_of(expected, "n1").containers[0].labels.at("weir.version") == "0123");
  Instance other = expected;
  other.version = "0124";
  CHECK(digest_of(other) == digest_of(expected));
}

TEST_CASE("what is wrong with a file is said, with its place") {
  struct Row {
    const char* text;
    const char* wrong;
  };
  const Row rows[] = {
      {"instances: [{name: A, containers: [{name: a, image: i}]}]", "instances[0].name: "},
      {"instances: [{name: a, containers: []}]", "instances[0].containers: must have at least 1 in it"},
      {"instances: [{name: a, containers: [{name: a, image: i}]}, {name: a, containers: [{name: a, image: "
       "i}]}]",
       "instances[1].name: is there twice"},
      {"instances: [{name: a, containers: [{name: a, image: i}, {name: a, image: i}]}]",
       "instances[0].containers[1].name: is there twice"},
      {"instances: [{name: a, containers: [{name: a, image: -i}]}]",
       "instances[0].containers[0].image: must be the name of an image"},
      {"instances: [{name: a, containers: [{name: a, image: i, volume_mounts: [{volume: v, path: /v}]}]}]",
       "instances[0].containers[0].volume_mounts[0].volume: is none of the instance's volumes"},
      {"instances: [{name: a, volumes: [v], containers: [{name: a, image: i, volume_mounts: [{volume: v, "
       "path: "
       "v}]}]}]",
       "volume_mounts[0].path: must be an absolute path"},
      {"instances: [{name: a, containers: [{name: a, image: i, resources: {cpu: 1x}}]}]",
       "resources.cpu: must be an amount of cores"},
      {"instances: [{name: a, containers: [{name: a, image: i, resources: {memory: 1Mi}}]}]",
       "resources.memory: must be an amount such as 64Mi"},
      {"instances: [{name: a, containers: [{name: a, image: i, liveness_probe: {period: 1s}}]}]",
       "liveness_probe: must have one of http, tcp and exec"},
      {"instances: [{name: a, containers: [{name: a, image: i, env: [{name: A=B, value: c}]}]}]",
       "env[0].name: must be a name without = and without spaces"},
      {"instances: [{name: a, containers: [{name: a, image: i, security: {capabilities: [chown]}}]}]",
       "capabilities[0]: must be a capability"},
      {"instances: [{name: a, containers: [{name: a, image: i, ports: [{port: 80, host_port: 1, "
       "host_address: x y}]}]}]",
       "host_address: must be an IP address"},
      {"instanzes: []", "unknown field"},
      {"a: 1\n---\nb: 2", "must be one document"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto file = parse_file(row.text);
    REQUIRE_FALSE(file);
    CHECK(config::to_text(file.error()).contains(row.wrong));
  }
  CHECK_FALSE(parse_file(std::string(kFileBytesMax + 1, ' ')));
  CHECK(parse_file("instances: []"));
}

TEST_CASE("amounts") {
  CHECK(config::parse_cpu("500m") == 500);
  CHECK(config::parse_cpu("2") == 2000);
  CHECK(config::parse_cpu("1.5") == 1500);
  CHECK(config::parse_cpu("0.25") == 250);
  for (const char* wrong : {"", "m", "1.", "1.2345", "-1", "2000", "1.x", "9999999m"}) {
    CAPTURE(wrong);
    CHECK_FALSE(config::parse_cpu(wrong));
  }
  CHECK(config::parse_memory("64Mi") == 64U << 20U);
  CHECK(config::parse_memory("1Gi") == 1U << 30U);
  CHECK(config::parse_memory("5M") == 5'000'000);
  CHECK(config::parse_memory("4096") == 4096);
  for (const char* wrong : {"", "Mi", "1Ti", "-1Mi", "99999999999Gi", "1.5Gi"}) {
    CAPTURE(wrong);
    CHECK_FALSE(config::parse_memory(wrong));
  }
}

TEST_CASE("credentials go to their registry only") {
  const std::vector<PullCredentials> all{{"r.example/team", "u", "p"}, {"s.example/", "v", "q"}};
  CHECK(credentials_for(all, {}, "r.example/team/web:1") == &all[0]);
  CHECK(credentials_for(all, {}, "s.example/web") == &all[1]);
  CHECK(credentials_for(all, {}, "r.example/teammate/web") == nullptr);
  CHECK(credentials_for(all, {}, "r.example") == nullptr);
  std::vector<PullCredentials> of_two{{"r.example", "a", "p", "of-a"}, {"r.example", "b", "p", "of-b"}};
  Instance instance;
  CHECK(credentials_for(of_two, instance, "r.example/web") == nullptr);
  instance.pull_secrets = {"of-b"};
  CHECK(credentials_for(of_two, instance, "r.example/web") == &of_two[1]);
  CHECK(credentials_for(all, {}, "localhost/web") == nullptr);
}

}  // namespace
}  // namespace weir::node
