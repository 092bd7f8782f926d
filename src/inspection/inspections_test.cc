#include "inspection/inspections.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inspection/exchange_text.h"
#include "testing/fake_env.h"

namespace weir::inspection {
namespace {

struct World {
  testing::FakeEnv fake;
  record::LiveRequests live;
  Inspections inspections{fake.loop, live};
  Inspections::Endpoint laptop{"web", "tunnel:laptop"};

  void request(std::string_view id, std::size_t body_bytes = 0, std::string_view endpoint = "tunnel:laptop") {
    if (!live.has_watches()) return;
    record::Decision decision;
    decision.id.assign(id);
    decision.service = "web";
    (void)decision.begin_try(endpoint, false, fake.loop.now());
    http::RequestHead head;
    head.target = "/";
    auto exchange = std::make_shared<capture::Exchange>();
    exchange->request.body.assign(body_bytes, 'x');
    live.add(decision, http::Request{.head = head}, std::move(exchange), fake.clock.wall_now());
    fake.run_until_idle();
  }
};

TEST_CASE("requests are kept from the first look on, for five minutes after the last") {
  World world;
  world.request("before");
  CHECK(world.inspections.find(world.laptop, "before") == nullptr);
  REQUIRE(world.inspections.look(world.laptop));
  world.request("one");
  world.request("desk", 0, "tunnel:desk");
  REQUIRE(world.inspections.find(world.laptop, "one") != nullptr);
  CHECK(world.inspections.find(world.laptop, "desk") == nullptr);
  CHECK(world.inspections.find(world.laptop, "before") == nullptr);
  CHECK(world.inspections.latest(world.laptop).size() == 1);
  world.fake.advance(std::chrono::minutes(4));
  REQUIRE(world.inspections.look(world.laptop));
  world.fake.advance(std::chrono::minutes(4));
  CHECK(world.inspections.find(world.laptop, "one") != nullptr);
  world.fake.advance(std::chrono::minutes(2));
  CHECK(world.inspections.find(world.laptop, "one") == nullptr);
  CHECK_FALSE(world.live.has_watches());
}

TEST_CASE("who follows is told of each, and is a look that lasts") {
  World world;
  std::vector<std::string> told;
  REQUIRE(world.inspections.look(world.laptop));
  const std::uint64_t number = world.inspections.follow(
      world.laptop, [&told](const Inspections::Told& one) { told.push_back(one.id); });
  world.request("one");
  world.fake.advance(std::chrono::minutes(20));
  world.request("two");
  CHECK(told == std::vector<std::string>{"one", "two"});
  world.inspections.leave(number);
  world.request("three");
  CHECK(told.size() == 2);
  CHECK(world.inspections.find(world.laptop, "three") != nullptr);
  world.fake.advance(std::chrono::minutes(11));
  CHECK_FALSE(world.live.has_watches());
}

TEST_CASE("of many requests the last are kept, and of large ones fewer") {
  World world;
  REQUIRE(world.inspections.look(world.laptop));
  for (std::size_t i = 0; i < Inspections::kKeptMax + 5; ++i) {
    world.request(std::to_string(i));
    world.fake.advance(std::chrono::milliseconds(100));
  }
  CHECK(world.inspections.latest(world.laptop).size() == Inspections::kKeptMax);
  CHECK(world.inspections.find(world.laptop, "4") == nullptr);
  CHECK(world.inspections.find(world.laptop, "5") != nullptr);
  const std::size_t large = Inspections::kBytesMax / 4;
  for (const char* id : {"a", "b", "c", "d", "e"}) world.request(id, large);
  CHECK(world.inspections.latest(world.laptop).size() == 3);
  CHECK(world.inspections.find(world.laptop, "b") == nullptr);
  CHECK(world.inspections.find(world.laptop, "e") != nullptr);
}

TEST_CASE("what is captured: bounded, secrets hidden, what is no text in base64") {
  capture::Captured captured;
  http::Fields fields;
  fields.add("Authorization", "Bearer x");
  fields.add("X-Api-Key", "k");
  fields.add("Set-Cookie", "a=b");
  fields.add("Accept", "*/*");
  captured.take(fields);
  captured.take(net::as_slice("h\xc3\xa9llo\n"));
  std::string text;
  record::Json json(text);
  write(json, captured);
  CHECK(
      text ==
      R"x({"headers":[{"name":"Authorization","value":"(hidden)"},{"name":"X-Api-Key","value":"(hidden)"},)x"
      R"x({"name":"Set-Cookie","value":"(hidden)"},{"name":"Accept","value":"*/*"}],)x"
      "\"body\":\"h\xc3\xa9llo\\n\",\"base64\":false,\"truncated\":false}");

  capture::Captured binary;
  binary.take(net::as_slice(std::string_view("\0\xff", 2)));
  text.clear();
  record::Json again(text);
  write(again, binary);
  CHECK(text == R"({"headers":[],"body":"AP8=","base64":true,"truncated":false})");

  capture::Captured large;
  large.take(net::as_slice(std::string(capture::Captured::kBodyBytesMax - 1, 'a')));
  CHECK_FALSE(large.truncated);
  large.take(net::as_slice("\xc3\xa9"));  // its second byte finds no room
  CHECK(large.truncated);
  CHECK(large.body.size() == capture::Captured::kBodyBytesMax);
  text.clear();
  record::Json cut(text);
  write(cut, large);
  CHECK(text.ends_with(R"(aaa","base64":false,"truncated":true})"));

  capture::Captured many;
  const std::string value(capture::Captured::kFieldBytesMax / 2, 'v');
  http::Fields two;
  two.add("A", value);
  two.add("B", value);
  many.take(two);
  CHECK(many.fields.size() == 1);
  CHECK(many.truncated);
}

}  // namespace
}  // namespace weir::inspection
