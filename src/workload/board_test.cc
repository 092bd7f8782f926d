#include "workload/board.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::workload {
namespace {

using config::Transport;

config::ContainerGroup group(const std::string& cpu, const std::string& memory,
                             std::vector<config::ContainerPort> ports = {}) {
  config::ContainerGroup one;
  one.containers.push_back({.name = "app", .image = "app", .ports = std::move(ports)});
  one.containers[0].resources.cpu = cpu;
  one.containers[0].resources.memory = memory;
  return one;
}

struct Dallas {
  Dallas() { target.name = "all"; }
  void add(const std::string& name, nodelink::Capacity capacity, const std::string& closed = {}) {
    board.add({.name = name, .spec = &node, .capacity = capacity, .closed = closed});
  }
  void add(const std::string& name) { add(name, kCapacity); }
  config::InstanceSpec put(const std::string& on, const config::ContainerGroup& what,
                           const std::string& workload = "web",
                           const config::InstanceSpec* former = nullptr) {
    config::InstanceSpec spec;
    static_cast<config::ContainerGroup&>(spec) = what;
    spec.workload = workload;
    spec.node = on;
    board.take(spec, need_of(spec));
    board.set_ports(spec, former);
    return spec;
  }
  std::string choose(const config::ContainerGroup& what, const std::string& workload = "web") {
    const Need need = need_of(what);
    const auto chosen = board.choose({workload, &target, "dfw", &need});
    return chosen ? *chosen : "none: " + chosen.error();
  }
  static constexpr nodelink::Capacity kCapacity{.cpu_milli = 1000,
                                                .memory_bytes = std::uint64_t{256} << 20U,
                                                .instances_max = 10,
                                                .port_first = 100,
                                                .port_last = 103};
  config::NodeSpec node{.provider = "p", .region = "us", .city = "dfw"};
  config::WorkloadTarget target;
  Board board;
};

TEST_CASE("what an instance sets aside is what its containers may use, or one that runs before them") {
  config::ContainerGroup one =
      group("500m", "64Mi", {{.port = 80}, {.port = 53, .host_port = 53, .protocol = Transport::kUdp}});
  one.containers.push_back({.name = "side", .image = "side"});
  one.containers[1].resources.cpu = "250m";
  CHECK(need_of(one) == Need{750, std::uint64_t{64} << 20U, {{Transport::kUdp, 53}}, 1});
  one.init_containers.push_back({.name = "first", .image = "first"});
  one.init_containers[0].resources = {.cpu = "2", .memory = "1Mi"};
  CHECK(need_of(one).cpu_milli == 2000);
  CHECK(need_of(one).memory_bytes == std::uint64_t{64} << 20U);
}

TEST_CASE("the node with the fewest of the workload, and of those the one with most left") {
  Dallas dallas;
  for (const char* name : {"a", "b", "c"}) dallas.add(name);
  CHECK(dallas.choose(group("100m", "8Mi")) == "a");
  dallas.put("a", group("", ""));
  CHECK(dallas.choose(group("100m", "8Mi")) == "b");
  dallas.put("b", group("900m", ""), "other");
  CHECK(dallas.choose(group("100m", "8Mi")) == "c");
  dallas.put("c", group("", "200Mi"));
  CHECK(dallas.choose(group("100m", "8Mi")) == "b");
  CHECK(dallas.choose(group("100m", "8Mi"), "third") == "a");
}

TEST_CASE("who is of a target") {
  const config::NodeSpec node{.provider = "p", .region = "us", .city = "dfw"};
  config::WorkloadTarget target;
  CHECK(is_of_target(node, target));
  target.cities = {"sea", "dfw"};
  target.regions = {"us"};
  target.providers = {"p"};
  CHECK(is_of_target(node, target));
  CHECK_FALSE(is_of_target({.provider = "q", .region = "us", .city = "dfw"}, target));
  CHECK_FALSE(is_of_target({.provider = "p", .region = "eu", .city = "dfw"}, target));
  CHECK_FALSE(is_of_target({.provider = "p", .region = "us", .city = "ams"}, target));
  CHECK_FALSE(is_of_target({.provider = "p", .region = "us"}, config::WorkloadTarget()));
}

TEST_CASE("where there is no room it is said what is lacking") {
  Dallas dallas;
  CHECK(dallas.choose(group("", "")) == "none: there is no other node");
  dallas.add("a");
  CHECK(dallas.choose(group("1001m", "")) == "none: a lacks cpu");
  CHECK(dallas.choose(group("1", "256Mi")) == "a");
  CHECK(dallas.choose(group("", "257Mi")) == "none: a lacks memory");
  dallas.put("a", group("", "", {{.port = 80, .host_port = 8080}}));
  CHECK(dallas.choose(group("", "", {{.port = 1, .host_port = 8080}})) == "none: a has the port 8080 taken");
  CHECK(dallas.choose(group("", "", {{.port = 1, .host_port = 8080, .protocol = Transport::kUdp}})) == "a");
  CHECK(dallas.choose(group("", "", {{.port = 1}, {.port = 2}, {.port = 3}, {.port = 4}, {.port = 5}})) ==
        "none: a has no ports left");
  CHECK(dallas.choose(
            group("", "", {{.port = 1}, {.port = 2}, {.port = 3}, {.port = 4, .host_port = 103}})) == "a");
  CHECK(dallas.choose(group(
            "", "", {{.port = 1}, {.port = 2}, {.port = 3}, {.port = 5}, {.port = 4, .host_port = 103}})) ==
        "none: a has no ports left");
  for (int i = 0; i < 9; ++i) dallas.put("a", group("", ""));
  CHECK(dallas.choose(group("", "")) == "none: a has all the instances that it may have");
  for (const char* name : {"b", "c", "d", "e"}) dallas.add(name, Dallas::kCapacity, "is cordoned");
  CHECK(dallas.choose(group("", "")) ==
        "none: a has all the instances that it may have, b is cordoned, c is cordoned, and 2 more have none "
        "either");
  Dallas blank;
  blank.add("a", {.instances_max = 1});
  CHECK(blank.choose(group("", "", {{.port = 1}})) == "none: a has no ports left");
}

TEST_CASE("what is given back is free again") {
  Dallas dallas;
  dallas.add("a");
  const config::InstanceSpec one = dallas.put("a", group("1", "256Mi", {{.port = 80, .host_port = 8080}}));
  CHECK(dallas.choose(group("10m", "")) == "none: a lacks cpu");
  dallas.board.give_back(one, need_of(one));
  CHECK(dallas.choose(group("1", "256Mi", {{.port = 80, .host_port = 8080}})) == "a");
  const Board::Node* node = dallas.board.find("a");
  CHECK(node->cpu_milli == 0);
  CHECK(node->memory_bytes == 0);
  CHECK(node->instances == 0);
  CHECK(node->ports.empty());
  CHECK(node->of_workload.at("web") == 0);
}

TEST_CASE("ports are given one after the other, and a freed one last of all") {
  Dallas dallas;
  dallas.add("a");
  const auto port = [](const config::InstanceSpec& spec) { return spec.containers[0].ports[0].host_port; };
  const config::InstanceSpec first = dallas.put("a", group("", "", {{.port = 80}}));
  CHECK(port(first) == 100);
  CHECK(port(dallas.put("a", group("", "", {{.port = 80}}))) == 101);
  dallas.board.give_back(first, need_of(first));
  CHECK(port(dallas.put("a", group("", "", {{.port = 80}}))) == 102);
  CHECK(port(dallas.put("a", group("", "", {{.port = 80}}))) == 103);
  CHECK(port(dallas.put("a", group("", "", {{.port = 80}}))) == 100);
}

TEST_CASE("an instance that stays on its node keeps its ports, and a wanted one is left alone") {
  Dallas dallas;
  dallas.add("a");
  dallas.put("a", group("", "", {{.port = 1}}));
  const config::InstanceSpec former =
      dallas.put("a", group("", "", {{.port = 80}, {.port = 81, .host_port = 9000}}));
  CHECK(former.containers[0].ports[0].host_port == 101);
  CHECK(former.containers[0].ports[1].host_port == 9000);
  dallas.board.give_back(former, need_of(former));
  const config::InstanceSpec next =
      dallas.put("a", group("", "", {{.port = 90}, {.port = 80}, {.port = 80, .protocol = Transport::kUdp}}),
                 "web", &former);
  CHECK(next.containers[0].ports[0].host_port == 102);
  CHECK(next.containers[0].ports[1].host_port == 101);
  CHECK(next.containers[0].ports[2].host_port == 103);
}

}  // namespace
}  // namespace weir::workload
