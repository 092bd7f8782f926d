#include "images/controller_images.h"

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/server.h"
#include "testing/fake_env.h"

namespace weir::images {
namespace {

using namespace std::chrono_literals;
using podman::Trouble;

const std::string kOne(64, '1');
const std::string kTwo(64, '2');

// A controller's API, as far as images go.
class Controller final : public http::Service {
 public:
  Controller(testing::FakeEnv& fake, const std::string& at) : server_(fake.env, *this, {}) {
    server_.listen(*fake.network.listen(*net::Address::parse(at)));
  }
  net::Task<void> stop() {
    server_.drain();
    server_.cut();
    co_await server_.join();
  }
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    asked.push_back(std::string(request.head.method_text) + ' ' + std::string(request.head.path));
    auto response = std::make_unique<http::TextResponse>(status, "application/x-tar", content);
    response->add_field("ETag", '"' + sha256 + '"');
    response->add_field("weir-pushed-at", pushed_at);
    co_return http::ResponsePtr(std::move(response));
  }

  int status = 404;
  std::string content = "archive";
  std::string sha256 = kOne;
  std::string pushed_at = "2026-11-30T07:00:00.000Z";
  std::vector<std::string> asked;

 private:
  http::Server server_;
};

struct World {
  ~World() {
    CHECK(fake.run(first.stop(), 1s));
    CHECK(fake.run(second.stop(), 1s));
  }
  podman::Told<std::optional<Pushed>> find() {
    auto found = fake.run(images.source().find("web:1"), 30s);
    REQUIRE(found);
    return *found;
  }
  podman::Told<std::string> read(Pushed what) {
    auto opened = fake.run(images.source().open("web:1", std::move(what)), 30s);
    REQUIRE(opened);
    if (!*opened) return std::unexpected(opened->error());
    auto piece = fake.run((**opened)->read(), 1s);
    REQUIRE(piece);
    REQUIRE(*piece);
    return std::string(net::as_text(**piece));
  }

  testing::FakeEnv fake;
  Controller first{fake, "127.0.0.1:1"};
  Controller second{fake, "127.0.0.1:2"};
  std::optional<Error> unable;
  ControllerImages images{fake.env,
                          {{"127.0.0.1", 1}, {"127.0.0.1", 2}},
                          [this]() -> Result<std::shared_ptr<tls::ClientContext>> {
                            if (unable) return fail(*unable);
                            return nullptr;
                          }};
};

TEST_CASE("all controllers are asked, and who was given the image last has it") {
  World world;
  auto found = world.find();
  REQUIRE(found);
  CHECK_FALSE(*found);
  CHECK(world.first.asked == std::vector<std::string>{"HEAD /v1/images/web:1"});
  world.second.status = 200;
  world.second.content = "the second";
  world.second.sha256 = kTwo;
  found = world.find();
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->sha256 == kTwo);
  CHECK((*found)->bytes == 10);
  CHECK(world.read(**found) == "the second");
  world.first.status = 200;
  world.first.pushed_at = "2026-11-30T07:00:00.001Z";
  found = world.find();
  REQUIRE(found);
  CHECK((*found)->sha256 == kOne);
  CHECK(world.read(**found) == "archive");
  CHECK(world.first.asked.back() == "GET /v1/images/web:1");
}

TEST_CASE("one that does not answer is no trouble while another has the image") {
  World world;
  world.fake.network.refuse(*net::Address::parse("127.0.0.1:1"));
  auto found = world.find();
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == Trouble::Kind::kUnreachable);
  CHECK(found.error().sentence.starts_with("the controller at 127.0.0.1:1: "));
  world.second.status = 200;
  found = world.find();
  REQUIRE(found);
  CHECK((*found)->at == 1);
}

TEST_CASE("a node that can't show who it is asks nobody") {
  World world;
  world.first.status = 200;
  world.unable = Error{Code::kInvalid, Side::kInternal, Retry::kNever, 0, "this machine has not joined"};
  CHECK(world.find().error().sentence.ends_with("this machine has not joined"));
  CHECK(world.first.asked.empty());
}

TEST_CASE("what is no answer, or another image by now, is not taken") {
  World world;
  world.first.status = 403;
  CHECK(world.find().error().sentence == "the controller at 127.0.0.1:1: status 403");
  world.first.status = 200;
  world.first.sha256 = "x";
  CHECK(world.find().error().sentence == "the controller at 127.0.0.1:1: its answer can't be read");
  world.first.sha256 = kTwo;
  const Pushed what{.sha256 = kOne, .bytes = 7, .at = 0};
  CHECK(world.read(what).error().sentence ==
        "the controller at 127.0.0.1:1: the image is another one by now");
  world.first.sha256 = kOne;
  CHECK(world.read(what) == "archive");
  world.first.status = 404;
  CHECK(world.read(what).error().sentence == "the controller at 127.0.0.1:1: status 404");
}

}  // namespace
}  // namespace weir::images
