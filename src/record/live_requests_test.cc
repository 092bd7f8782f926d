#include "record/live_requests.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/fake_env.h"

namespace weir::record {
namespace {

struct World {
  testing::FakeEnv fake;
  LiveRequests live;
  std::vector<std::string> lines;
  std::shared_ptr<const capture::Exchange> exchange;

  std::uint64_t watch(std::string_view endpoint = "tunnel:laptop") {
    return live.watch("web", endpoint, fake.loop, [this](const std::string& line) { lines.push_back(line); });
  }
  void request(std::string_view target, std::string_view endpoint = "tunnel:laptop") {
    Decision decision;
    decision.service = "web";
    decision.known_method = http::Method::kGet;
    decision.target.assign(target);
    decision.peer = net::Address::v4({192, 0, 2, 1}, 4000);
    decision.status = 200;
    decision.took = std::chrono::microseconds(3210);
    if (!endpoint.empty()) (void)decision.begin_try(endpoint, false, fake.loop.now());
    http::RequestHead head;
    head.target = target;
    const http::Request request{.head = head};
    if (live.has_watches()) live.add(decision, request, exchange, fake.clock.wall_now());
  }
  std::vector<std::string> take() {
    fake.run_until_idle();
    return std::exchange(lines, {});
  }
};

TEST_CASE("who looks on sees the requests of that endpoint, and no longer when it looks away") {
  World world;
  world.request("/before");
  const std::uint64_t watch = world.watch();
  world.request("/a?b=c");
  world.request("/other", "tunnel:desk");
  world.request("/refused", "");
  const auto lines = world.take();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(" 192.0.2.1 GET /a?b=c 200 3.2 ms"));
  world.live.end(watch);
  world.request("/after");
  CHECK(world.take().empty());
}

TEST_CASE("what a client sent steers no terminal") {
  World world;
  world.watch();
  world.request("/\x1b[2J\xc3\xa9");
  const auto lines = world.take();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].contains("GET /?[2J?? 200"));
}

TEST_CASE("of a busy endpoint as many lines are shown as a person reads, and the rest is counted") {
  World world;
  world.watch();
  for (int i = 0; i < 120; ++i) world.request("/");
  CHECK(world.take().size() == LiveRequests::kLinesPerSecondMax);
  world.fake.advance(std::chrono::seconds(2));
  world.request("/last");
  const auto lines = world.take();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("(70 more)\n"));
}

TEST_CASE("who looks into requests is told of each as the access log has it, with what was captured") {
  World world;
  std::vector<LiveRequests::Told> told;
  CHECK_FALSE(world.live.inspects("web"));
  world.watch("tunnel:desk");
  CHECK_FALSE(world.live.inspects("web"));
  const std::uint64_t number =
      world.live.inspect("web", "tunnel:laptop", world.fake.loop,
                         [&](LiveRequests::Told one) { told.push_back(std::move(one)); });
  CHECK(world.live.inspects("web"));
  CHECK_FALSE(world.live.inspects("we"));
  CHECK_FALSE(world.live.inspects("web2"));
  world.exchange = std::make_shared<const capture::Exchange>();
  world.request("/a?b=c");
  world.request("/other", "tunnel:desk");
  CHECK(world.take().size() == 1);
  REQUIRE(told.size() == 1);
  CHECK(told[0].line.starts_with(R"({"time":")"));
  CHECK(told[0].line.contains(R"("method":"GET","host":"","path":"/a?b=c")"));
  CHECK(told[0].line.ends_with("}"));
  CHECK(told[0].exchange == world.exchange);
  for (std::size_t i = 0; i < LiveRequests::kToldPerSecondMax + 20; ++i) world.request("/");
  world.fake.advance(std::chrono::seconds(2));
  world.request("/last");
  (void)world.take();
  REQUIRE(told.size() == LiveRequests::kToldPerSecondMax + 1);
  CHECK(told.back().passed_over == 21);
  world.live.end(number);
  CHECK_FALSE(world.live.inspects("web"));
}

}  // namespace
}  // namespace weir::record
