#include "isolation/networks.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>

#include "config/formats.h"
#include "node/fake_podman_fixture.h"
#include "node/labels.h"
#include "testing/fake_env.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using isolation::kInterfacePrefix;
using isolation::network_of;
using isolation::Networks;
using podman::Told;
using podman::Trouble;

struct Beside {
  ~Beside() { CHECK(fake.run(podman.stop(), 1s)); }

  Told<void> ensure(std::string owner) {
    auto done = fake.run(networks.ensure(std::move(owner)), 1s);
    REQUIRE(done);
    return *done;
  }
  bool tidy(std::string used) {
    const auto done = fake.run(networks.tidy([used](const std::string& one) { return one == used; }), 1s);
    REQUIRE(done);
    return *done;
  }
  net::Task<Told<void>> guard() {
    ++guarded;
    if (trouble) co_return std::unexpected(*trouble);
    co_return Told<void>{};
  }

  testing::FakeEnv fake;
  FakePodman podman{fake};
  podman::Client client{fake.network, podman.at};
  int guarded = 0;
  std::optional<Trouble> trouble;
  Networks networks{fake.env, client, labels_of_node("n1"), [this] { return guard(); }};
};

TEST_CASE("each owner has a network of a name of its own") {
  CHECK(network_of("") == "weir");
  CHECK(network_of("alice") == "weir-alice");
  CHECK(network_of("weir") == "weir-weir");
  const std::string odd = network_of("Al ice/../x");
  CHECK(odd.starts_with("weir-x."));
  CHECK(odd.size() == 39);
  CHECK(odd != network_of("al ice/../x"));
  CHECK_FALSE(config::check_name(odd.substr(5)).empty());
}

TEST_CASE("a network is made once, with its owner in its labels, and goes when nobody uses it") {
  Beside world;
  CHECK(world.ensure("alice"));
  CHECK(world.podman.networks.at("weir-alice") ==
        podman::Labels{{"weir.node", "n1"}, {"weir.owner", "alice"}});
  world.podman.networks.at("weir-alice").emplace("seen", "before");
  CHECK(world.ensure("alice"));
  CHECK(world.ensure(""));
  CHECK(world.podman.networks.at("weir-alice").contains("seen"));
  CHECK(world.guarded == 3);
  world.podman.networks["weir-bob"] = {{"weir.node", "n2"}, {"weir.owner", "bob"}};
  world.podman.networks["mine"] = {};
  CHECK(world.tidy("weir-alice"));
  CHECK(world.podman.networks.size() == 4);
  CHECK_FALSE(world.podman.networks.contains("weir"));
  CHECK(world.ensure("bob"));  // of another node beside the same podman
  world.podman.containers["a-0.app"] = {.labels = {}, .network = "weir-alice"};
  CHECK_FALSE(world.tidy(""));  // a container is on it still
  CHECK(world.podman.networks.contains("weir-alice"));
  world.podman.containers.clear();
  CHECK(world.tidy(""));
  CHECK(world.podman.networks.size() == 3);
}

TEST_CASE("each network gets an interface that the firewall knows, and that none had before") {
  Beside world;
  CHECK(world.ensure("alice"));
  CHECK(world.tidy(""));
  CHECK(world.ensure("alice"));
  REQUIRE(world.podman.interfaces.size() == 2);
  for (const std::string& one : world.podman.interfaces) {
    CHECK(one.size() == 15);
    CHECK(one.starts_with(kInterfacePrefix));
  }
  CHECK(world.podman.interfaces[0] != world.podman.interfaces[1]);
}

TEST_CASE("one of that name that is not ours is not used") {
  Beside world;
  world.podman.networks["weir-alice"] = {{"app", "x"}};
  const auto done = world.ensure("alice");
  REQUIRE_FALSE(done);
  CHECK(done.error().sentence == "the network weir-alice is not weir's");
  CHECK(world.tidy(""));
  CHECK(world.podman.networks.contains("weir-alice"));
}

TEST_CASE("nothing is made that can't be guarded, or while podman does not answer") {
  Beside world;
  world.trouble = Trouble{Trouble::Kind::kRefused, "no firewall"};
  auto done = world.ensure("alice");
  REQUIRE_FALSE(done);
  CHECK(done.error().sentence == "no firewall");
  CHECK_FALSE(world.podman.networks.contains("weir-alice"));
  world.trouble.reset();
  world.fake.network.refuse(world.podman.at);
  done = world.ensure("alice");
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == Trouble::Kind::kUnreachable);
  CHECK_FALSE(world.tidy(""));
}

}  // namespace
}  // namespace weir::node
