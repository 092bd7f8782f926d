#include "inspection/request_visits.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "channel/messages.h"
#include "testing/fake_env.h"

namespace weir::inspection {
namespace {

using channel::ChannelEnd;
using channel::ChannelRequests;
using channel::FromMachine;
using channel::RequestsVerb;

// What is said at an end of a channel, as text.
struct Heard {
  std::vector<std::string> requests;
  std::optional<ChannelEnd> last;
  bool closed = false;
  bool full = false;  // who asked does not read
  net::Event gone;    // who asked
  net::Event room;
  bool destroyed = false;
};

class FakeEnd final : public channel::End {
 public:
  FakeEnd(net::Loop& loop, Heard& heard) : loop_(loop), heard_(heard) {}
  ~FakeEnd() override { heard_.destroyed = true; }
  net::Task<Result<void>> write(FromMachine said) override {
    while (heard_.full) {
      heard_.room.reset();
      if (auto waited = co_await heard_.room.wait(loop_); !waited) co_return fail(waited.error());
    }
    if (auto* some = std::get_if<ChannelRequests>(&said)) {
      for (std::string& one : some->requests) heard_.requests.push_back(std::move(one));
    } else {
      heard_.last = std::get<ChannelEnd>(std::move(said));
    }
    co_return Result<void>{};
  }
  void close() override { heard_.closed = true; }
  net::Task<Result<std::optional<std::string>>> read() override {
    if (auto gone = co_await heard_.gone.wait(loop_); !gone) co_return fail(gone.error());
    co_return std::nullopt;
  }

 private:
  net::Loop& loop_;
  Heard& heard_;
};

struct World {
  ~World() { CHECK(fake.run(visits.stop())); }

  std::unique_ptr<Heard> ask(RequestsVerb verb, std::string id = {}) {
    auto heard = std::make_unique<Heard>();
    visits.begin(std::make_unique<FakeEnd>(fake.loop, *heard),
                 serialize(channel::ChannelOpen{
                     .instance = "laptop",
                     .container = {},
                     .what = channel::RequestsWanted{.service = "web", .verb = verb, .id = std::move(id)}}));
    fake.run_until_idle();
    return heard;
  }
  void leave(Heard& heard) {
    heard.gone.set();
    fake.run_until_idle();
    CHECK(heard.destroyed);
  }
  void request(std::string_view id, bool captured = true) {
    if (!live.has_watches()) return;
    record::Decision decision;
    decision.id.assign(id);
    decision.service = "web";
    (void)decision.begin_try("tunnel:laptop", false, fake.loop.now());
    http::RequestHead head;
    head.target = "/";
    auto exchange = std::make_shared<capture::Exchange>();
    exchange->response.body = "hello";
    live.add(decision, http::Request{.head = head}, captured ? std::move(exchange) : nullptr,
             fake.clock.wall_now());
    fake.run_until_idle();
  }

  testing::FakeEnv fake;
  record::LiveRequests live;
  std::vector<edge::Replay> replays;
  edge::ReplayDone done;
  RequestVisits visits{fake.env, live, [this](edge::Replay wanted, edge::ReplayDone told) {
                         replays.push_back(std::move(wanted));
                         done = std::move(told);
                       }};
};

TEST_CASE("requests are followed, those that are kept first") {
  World world;
  world.request("nobody looks");
  const auto latest = world.ask(RequestsVerb::kLatest);
  CHECK(latest->requests.empty());
  CHECK(latest->last == ChannelEnd{});
  CHECK(latest->closed);
  world.leave(*latest);
  world.request("one");
  const auto following = world.ask(RequestsVerb::kFollow);
  REQUIRE(following->requests.size() == 1);
  CHECK(following->requests[0].contains(R"("request_id":"one")"));
  world.request("two");
  CHECK(following->requests.size() == 2);
  CHECK_FALSE(following->last);
  // Who does not read is told how many it has missed.
  following->full = true;
  for (std::size_t i = 0; i < RequestVisits::kWaitingMax + 30; ++i) {
    world.request("more");
    world.fake.advance(std::chrono::milliseconds(10));
  }
  following->full = false;
  following->room.set();
  world.fake.run_until_idle();
  CHECK(following->requests.back().starts_with(R"({"passed_over":)"));
  world.leave(*following);
  CHECK(world.live.has_watches());  // for some minutes more
}

TEST_CASE("one request: what was sent and answered") {
  World world;
  world.leave(*world.ask(RequestsVerb::kLatest));
  world.request("one");
  const auto shown = world.ask(RequestsVerb::kShow, "one");
  REQUIRE(shown->requests.size() == 1);
  CHECK(shown->requests[0].contains(R"("request_id":"one")"));
  CHECK(shown->requests[0].ends_with(
      R"(,"response":{"headers":[],"body":"hello","base64":false,"truncated":false}})"));
  world.leave(*shown);
  const auto other = world.ask(RequestsVerb::kShow, "other");
  CHECK(other->requests.empty());
  CHECK(other->last == ChannelEnd{.exit_code = channel::kRequestNotKept, .reason = {}});
  world.leave(*other);
}

TEST_CASE("one request again") {
  World world;
  world.leave(*world.ask(RequestsVerb::kLatest));
  world.request("one");
  world.request("bare", false);
  const auto again = world.ask(RequestsVerb::kReplay, "one");
  REQUIRE(world.replays.size() == 1);
  CHECK(world.replays[0].service == "web");
  CHECK(world.replays[0].endpoint == "tunnel:laptop");
  CHECK_FALSE(again->last);
  SUBCASE("it is answered") {
    world.done(edge::Replayed{"two", 204});
    world.fake.run_until_idle();
    CHECK(again->requests == std::vector<std::string>{R"({"request_id":"two","status":204})"});
    CHECK(again->last == ChannelEnd{});
  }
  SUBCASE("it could not be sent") {
    world.done(std::unexpected("the tunnel has gone"));
    world.fake.run_until_idle();
    CHECK(again->requests.empty());
    CHECK(again->last == ChannelEnd{.exit_code = channel::kRequestRefused, .reason = "the tunnel has gone"});
  }
  SUBCASE("it is not answered for long") {
    world.fake.advance(RequestVisits::kReplayTimeout + std::chrono::seconds(1));
    CHECK(again->requests == std::vector<std::string>{"{}"});
    world.leave(*again);
    world.done(edge::Replayed{"two", 204});  // nobody waits any more
    return;
  }
  world.leave(*again);
  const auto bare = world.ask(RequestsVerb::kReplay, "bare");
  REQUIRE(bare->last);
  CHECK(bare->last->exit_code == channel::kRequestRefused);
  CHECK(world.replays.size() == 1);
  world.leave(*bare);
}

TEST_CASE("what is no question about requests is refused") {
  World world;
  for (const std::string& what :
       {std::string("\xff"),
        serialize(channel::ChannelOpen{.instance = "a", .container = {}, .what = channel::LogsWanted{}})}) {
    Heard heard;
    world.visits.begin(std::make_unique<FakeEnd>(world.fake.loop, heard), what);
    world.fake.run_until_idle();
    REQUIRE(heard.last);
    CHECK(heard.last->exit_code == channel::kRequestRefused);
    world.leave(heard);
  }
}

}  // namespace
}  // namespace weir::inspection
