#include "insight/tunnel_requests.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/insight_fixture.h"

namespace weir::insight {
namespace {

using namespace std::chrono_literals;
using channel::ChannelEnd;
using channel::ChannelRequests;
using channel::RequestsVerb;
using channel::RequestsWanted;

constexpr const char* kPath = "/v1/tunnels/hello-1/requests";

// A tunnel, and edges that the test plays.
struct Requests : InsightWorld {
  Requests() {
    edges = {"ams-1", "fra-1"};
    put_tunnel("laptop");
  }
  void put_tunnel(const std::string& instance) {
    put(R"({"kind":"Tunnel","metadata":{"name":"hello-1"},"spec":{"service":"hello","instance":")" +
        instance + R"(","edge":"fra-1","session":"1","via":"SSH"}})");
  }
  void remove_tunnel() {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(config::Kind::kTunnel, "hello-1"));
    commit(std::move(transaction));
  }
  void ask(const std::string& method, const std::string& target) {
    peer.emplace(world.fake, api::ApiFixture::kAddress);
    peer->send(world.text_of(method, target, {}, {}));
    world.fake.run_until_idle();
  }
  std::string told() {
    world.fake.run_until_idle();
    return peer->take();
  }
  // The edge's end of its last order.
  std::unique_ptr<channel::End> end_of(std::string_view edge) {
    const Order* last = nullptr;
    for (const Order& one : orders) {
      if (one.node == edge) last = &one;
    }
    REQUIRE(last != nullptr);
    wanted = std::get<RequestsWanted>(last->what.what);
    CHECK(last->what.instance == "laptop");
    auto end = nodes.channels.take(last->id);
    REQUIRE(end);
    return end;
  }
  void say(channel::End& end, channel::FromMachine said) {
    CHECK(world.fake.run(end.write(std::move(said))));
    world.fake.run_until_idle();
  }
  // It says that, and no more.
  void answer(std::string_view edge, std::vector<std::string> lines, ChannelEnd last = {}) {
    const auto end = end_of(edge);
    if (!lines.empty()) say(*end, ChannelRequests{std::move(lines)});
    say(*end, std::move(last));
  }
  std::optional<testing::Peer> peer;
  RequestsWanted wanted;
};

std::string line(std::string_view time, std::string_view id) {
  return R"({"time":")" + std::string(time) + R"(","request_id":")" + std::string(id) +
         R"(","method":"GET","path":"/a"})";
}

TEST_CASE("requests as they happen, of all edges") {
  Requests world;
  world.ask("GET", std::string(kPath) + "?watch=true");
  CHECK(world.told().contains("text/event-stream"));
  const auto ams = world.end_of("ams-1");
  CHECK(world.wanted == RequestsWanted{.service = "hello", .verb = RequestsVerb::kFollow, .id = {}});
  auto fra = world.end_of("fra-1");
  world.say(*ams, ChannelRequests{{line("2026-01-01T00:00:02.000Z", "two")}});
  CHECK(
      world.told().contains("data: {\"time\":\"2026-01-01T00:00:02.000Z\",\"request_id\":\"two\",\"method\":"
                            "\"GET\",\"path\":\"/a\",\"edge\":\"ams-1\"}\n\n"));
  SUBCASE("an edge goes, and comes back") {
    fra.reset();
    CHECK(world.told().contains(R"({"edge":"fra-1","notice":"the way to the edge fra-1 was lost"})"));
    world.world.fake.advance(1s);
    CHECK(world.told().empty());
    fra = world.end_of("fra-1");
    world.say(*fra, ChannelRequests{{line("2026-01-01T00:00:03.000Z", "three")}});
    CHECK(world.told().contains("three"));
  }
  SUBCASE("an edge comes") {
    world.edges.emplace_back("nyc-1");
    world.world.fake.advance(1s);
    const auto nyc = world.end_of("nyc-1");
    world.say(*nyc, ChannelRequests{{line("2026-01-01T00:00:03.000Z", "three")}});
    CHECK(world.told().contains(R"("edge":"nyc-1")"));
  }
  SUBCASE("the tunnel goes, and comes back") {
    world.remove_tunnel();
    world.world.fake.advance(1s);
    CHECK(world.told().contains("the tunnel has gone"));
    world.put_tunnel("laptop");
    world.world.fake.advance(1s);
    CHECK(world.told().contains("the tunnel is back"));
    world.remove_tunnel();
    world.world.fake.advance(62s);
    CHECK(world.told().ends_with("0\r\n\r\n"));
  }
  SUBCASE("the tunnel is another's") {
    world.put_tunnel("desk");
    world.world.fake.advance(1s);
    CHECK(world.told().ends_with("0\r\n\r\n"));
  }
  SUBCASE("the token goes") {
    world.world.tokens.replace({});
    world.world.fake.advance(16s);
    CHECK(world.told().ends_with("0\r\n\r\n"));
  }
  SUBCASE("the controller ends") {
    world.insight.stop();
    CHECK(world.told().ends_with("0\r\n\r\n"));
    world.ask("GET", std::string(kPath) + "?watch=true");
    CHECK(world.told().contains(" 503 "));
  }
  SUBCASE("the caller goes") {
    world.peer->close();
    world.world.fake.run_until_idle();
    CHECK(world.nodes.channels.open_channels() == 0);
  }
}

TEST_CASE("what an edge says of requests steers no stream") {
  Requests world;
  world.ask("GET", std::string(kPath) + "?watch=true");
  const auto fra = world.end_of("fra-1");
  world.say(*fra, ChannelRequests{
                      {"{\"path\":\"a\\n\\nevent: x\"}", "nothing\n\ndata: {}", R"({"passed_over":7})"}});
  const std::string told = world.told();
  CHECK(told.contains(R"(data: {"path":"a\n\nevent: x","edge":"fra-1"})"));
  CHECK(
      told.contains("event: notice\ndata: {\"edge\":\"fra-1\",\"notice\":\"a request of the edge fra-1 "
                    "can't be read\"}"));
  CHECK(told.contains("7 requests at the edge fra-1 are not shown"));
  CHECK_FALSE(told.contains("data: {}"));
}

TEST_CASE("the latest, in the order of time, and which edge could not be asked") {
  Requests world;
  world.ask("GET", kPath);
  world.answer("fra-1", {line("2026-01-01T00:00:02.000Z", "two"), "nothing"});
  world.answer("ams-1", {line("2026-01-01T00:00:01.000Z", "one")});
  const std::string told = world.told();
  CHECK(told.contains(" 200 "));
  CHECK(told.find("one") < told.find("two"));
  CHECK_FALSE(told.contains("notices"));
  world.ask("GET", kPath);
  world.answer("fra-1", {});
  (void)world.end_of("ams-1");  // which goes
  CHECK(world.told().ends_with(
      R"({"items":[],"notices":[{"edge":"ams-1","notice":"on the edge ams-1: the way to it was lost"}]})"
      "\n"));
  world.ask("GET", std::string(kPath) + "?limit=1");
  CHECK(world.told().contains(" 400 "));
}

TEST_CASE("one request, of whichever edge has it") {
  Requests world;
  const std::string path = std::string(kPath) + "/two";
  world.ask("GET", path);
  const ChannelEnd not_kept{.exit_code = channel::kRequestNotKept, .reason = {}};
  world.answer("ams-1", {}, not_kept);
  CHECK(world.wanted == RequestsWanted{.service = "hello", .verb = RequestsVerb::kShow, .id = "two"});
  world.answer("fra-1", {R"({"request_id":"two","request":{"body":"x"}})"});
  CHECK(world.told().ends_with(R"({"request_id":"two","request":{"body":"x"},"edge":"fra-1"})"
                               "\n"));
  SUBCASE("nobody has it") {
    world.ask("GET", path);
    world.answer("ams-1", {}, not_kept);
    world.answer("fra-1", {}, not_kept);
    const std::string told = world.told();
    CHECK(told.contains(" 404 "));
    CHECK(told.contains("no request with this id is kept"));
  }
  SUBCASE("who may have it is silent") {
    world.ask("GET", path);
    world.answer("ams-1", {}, not_kept);
    world.world.fake.advance(11s);
    const std::string told = world.told();
    CHECK(told.contains(" 503 "));
    CHECK(told.contains("on the edge fra-1: it does not answer"));
  }
  SUBCASE("there is no such tunnel") {
    world.ask("GET", "/v1/tunnels/other/requests/two");
    CHECK(world.told().contains("there is no Tunnel/other"));
  }
}

TEST_CASE("a request again is an Event first, and goes to the edge that has it") {
  Requests world;
  const std::string path = std::string(kPath) + "/two/replay";
  world.ask("POST", path);
  world.answer("ams-1", {}, {.exit_code = channel::kRequestNotKept, .reason = {}});
  CHECK(world.events().empty());
  const std::size_t asked = world.orders.size();
  world.answer("fra-1", {line("2026-01-01T00:00:02.000Z", "two")});
  REQUIRE(world.orders.size() == asked + 1);
  CHECK(world.events() ==
        std::vector<std::string>{
            R"(replay hello-1 root {"request_id":"two","method":"GET","path":"/a","edge":"fra-1"} )"});
  SUBCASE("done") {
    world.answer("fra-1", {R"({"request_id":"three","status":200})"});
    CHECK(world.wanted == RequestsWanted{.service = "hello", .verb = RequestsVerb::kReplay, .id = "two"});
    CHECK(world.told().ends_with(R"({"request_id":"three","status":200,"edge":"fra-1"})"
                                 "\n"));
  }
  SUBCASE("refused") {
    world.answer("fra-1", {}, {.exit_code = channel::kRequestRefused, .reason = "it can't be"});
    const std::string told = world.told();
    CHECK(told.contains(" 409 "));
    CHECK(told.contains("on the edge fra-1: it can't be"));
  }
}

}  // namespace
}  // namespace weir::insight
