#include "images/pushed.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/fake_podman_fixture.h"
#include "node/node.h"
#include "testing/fake_env.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using podman::Told;
using podman::Trouble;
using Words = std::vector<std::string>;

const std::string kOne(64, '1');
const std::string kTwo(64, '2');

// A source that a test plays, beside a podman that one plays as well.
struct World {
  ~World() { CHECK(fake.run(podman.stop(), 1s)); }

  images::Source source() {
    return {.find = [this](std::string name) { return find(std::move(name)); },
            .open = [this](std::string name,
                           images::Pushed what) { return open(std::move(name), std::move(what)); }};
  }
  net::Task<Told<std::optional<images::Pushed>>> find(std::string name) {
    asked.push_back(name);
    if (trouble) co_return std::unexpected(*trouble);
    co_return pushed;
  }
  net::Task<Told<http::ResponsePtr>> open(std::string name, images::Pushed what) {
    opened.push_back(name + ' ' + what.sha256.substr(0, 1));
    if (unopened) co_return std::unexpected(*unopened);
    co_return http::ResponsePtr(std::make_unique<http::TextResponse>(200, "application/x-tar", "archive"));
  }
  Told<std::string> ensure(std::string name) {
    auto done = fake.run(images.ensure(std::move(name)), 1s);
    REQUIRE(done);
    return *done;
  }
  void push(const std::string& sha256) { pushed = images::Pushed{.sha256 = sha256, .bytes = 7}; }

  testing::FakeEnv fake;
  FakePodman podman{fake};
  podman::Client client{fake.network, podman.at};
  std::optional<images::Pushed> pushed;
  std::optional<Trouble> trouble;
  std::optional<Trouble> unopened;
  Words asked;
  Words opened;
  images::PushedImages images{fake.loop, client};
};

TEST_CASE("an image is loaded once, known by its content, and no longer by what it was called elsewhere") {
  World world;
  world.images.set_source(world.source());
  world.push(kOne);
  world.podman.loads = {"docker.io/library/nginx:latest", "docker.io/library/nginx:1"};
  const auto known = world.ensure("web:1");
  REQUIRE(known);
  CHECK(*known == "localhost/weir/web:" + kOne);
  CHECK(world.podman.loaded == "archive");
  CHECK(world.opened == Words{"web:1 1"});
  CHECK(world.podman.images.contains(*known));
  CHECK(world.podman.images.contains("localhost/weir/web:1"));
  CHECK_FALSE(world.podman.images.contains("docker.io/library/nginx:latest"));
  CHECK_FALSE(world.podman.images.contains("docker.io/library/nginx:1"));
  const auto again = world.ensure("web:1");
  REQUIRE(again);
  CHECK(*again == *known);
  CHECK(world.opened.size() == 1);
  CHECK(world.asked == Words{"web:1", "web:1"});
}

TEST_CASE("another content for the name is another image; what nothing is made from any more goes") {
  World world;
  world.images.set_source(world.source());
  world.podman.loads = {"sha256:abc"};
  world.push(kOne);
  REQUIRE(world.ensure("web:1"));
  world.push(kTwo);
  world.podman.loads = {"localhost/built:1"};
  SUBCASE("nothing is made from it") {
    const auto known = world.ensure("web:1");
    REQUIRE(known);
    CHECK(*known == "localhost/weir/web:" + kTwo);
    CHECK_FALSE(world.podman.images.contains("localhost/weir/web:" + kOne));
  }
  SUBCASE("a container is") {
    world.podman.containers["a-0.app"] = {.labels = {}, .image = "localhost/weir/web:" + kOne};
    REQUIRE(world.ensure("web:1"));
    CHECK(world.podman.images.contains("localhost/weir/web:" + kOne));
  }
  SUBCASE("another tag stands for it") {
    REQUIRE(world.ensure("web:2"));
    CHECK(world.podman.images.contains("localhost/weir/web:" + kOne));
  }
}

TEST_CASE("one that is nowhere is said not to be there, and why") {
  World world;
  CHECK(world.ensure("web:1").error().sentence ==
        "the image weir/web:1 is not there: this node is led by no controller that could have it");
  world.images.set_source(world.source());
  CHECK(world.ensure("web:1").error().sentence == "the image weir/web:1 is not there");
  world.trouble = Trouble{Trouble::Kind::kUnreachable, "the controller at a:1: connection refused"};
  CHECK(world.ensure("web:1").error().sentence ==
        "the image weir/web:1 is not there, and no controller can be asked: the controller at a:1: "
        "connection refused");
  world.trouble.reset();
  world.push(kOne);
  CHECK(world.ensure("web:1").error().sentence ==
        "the image weir/web:1 can't be loaded: the archive has no image");
  world.unopened = Trouble{Trouble::Kind::kUnreachable, "the image is another one by now"};
  CHECK(world.ensure("web:1").error().sentence == "the image is another one by now");
}

TEST_CASE("what was there last is what is there while nobody can be asked, or has it any more") {
  World world;
  world.images.set_source(world.source());
  world.push(kOne);
  world.podman.loads = {"a:1"};
  REQUIRE(world.ensure("web:1"));
  world.trouble = Trouble{Trouble::Kind::kUnreachable, "nobody"};
  CHECK(world.ensure("web:1").value_or("") == "localhost/weir/web:1");
  world.trouble.reset();
  world.pushed.reset();
  CHECK(world.ensure("web:1").value_or("") == "localhost/weir/web:1");
  CHECK_FALSE(world.ensure("web:2"));
}

TEST_CASE("an instance's containers are made from what the name stands for now") {
  World world;
  world.push(kOne);
  world.podman.loads = {"a:1"};
  Node node(world.fake.env, world.client, "n1");
  node.set_image_source(world.source());
  auto file = parse_file(
      "instances: [{name: web-0, init_containers: [{name: first, image: weir/web}], "
      "containers: [{name: app, image: \"weir/web:latest\"}, {name: side, image: \"localhost/web:1\"}]}]");
  REQUIRE(file);
  world.podman.init_codes = {{"web-0.first", 0}};
  node.set(std::move(*file));
  node.start();
  world.fake.advance(100ms);
  REQUIRE(node.statuses().size() == 1);
  CHECK(node.statuses()[0].reason.empty());
  CHECK(world.podman.containers.at("web-0.first").image == "localhost/weir/web:" + kOne);
  CHECK(world.podman.containers.at("web-0.app").image == "localhost/weir/web:" + kOne);
  CHECK(world.podman.containers.at("web-0.side").image == "localhost/web:1");
  CHECK(world.opened == Words{"web:latest 1"});
  CHECK(world.fake.run(node.stop(), 1s));
}

}  // namespace
}  // namespace weir::node
