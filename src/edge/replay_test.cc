// Requests that somebody looks into, and one again.
#include "edge/replay.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

using record::LiveRequests;

constexpr const char* kOrigin = "10.0.0.1:80";

// An edge whose requests to one endpoint are looked into.
struct Looked {
  Looked() {
    fixture.apply({endpoint(kOrigin)});
    look();
  }
  void look() {
    watch = live.inspect("web", kOrigin, fixture.fake.loop,
                         [this](LiveRequests::Told one) { told.push_back(std::move(one)); });
  }
  // The origin's part: what has come to it.
  std::string serve() {
    if (!origin_side || !origin_side->open()) origin_side = origin->accept();
    std::string came = origin_side->take();
    origin_side->send(answer);
    return came;
  }
  // A visitor, who goes then.
  std::string ask(const std::string& request) {
    Peer client(fixture.fake, kEdge);
    client.send(request);
    sent = serve();
    std::string got = client.take();
    client.abort();
    fixture.fake.run_until_idle();
    return got;
  }
  const capture::Exchange& last() {
    REQUIRE_FALSE(told.empty());
    REQUIRE(told.back().exchange);
    return *told.back().exchange;
  }
  std::expected<Replayed, std::string> again(Replay wanted) {
    std::optional<std::expected<Replayed, std::string>> done;
    fixture.edge.replay(std::move(wanted), [&done](auto answer) { done = std::move(answer); });
    fixture.fake.run_until_idle();
    if (!done) sent = serve();
    REQUIRE(done);
    return *done;
  }

  LiveRequests live;
  Fixture fixture{EdgeOptions{.http = {}, .server = {}, .live = &live}};
  std::optional<PeerListener> origin{std::in_place, fixture.fake, kOrigin};
  std::optional<Peer> origin_side;
  std::string answer = answer_with("hello");
  std::string sent;  // to the origin, the last
  std::vector<LiveRequests::Told> told;
  std::uint64_t watch = 0;
};

TEST_CASE("what is sent and answered is captured while somebody looks, and goes on as it was") {
  Looked world;
  const std::string got =
      world.ask("POST /a?b=c HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nContent-Length: 4\r\n\r\nmuch");
  CHECK(got.ends_with("\r\n\r\nhello"));
  CHECK(world.sent.ends_with("\r\n\r\nmuch"));
  const capture::Exchange& seen = world.last();
  CHECK(seen.method == "POST");
  CHECK(seen.authority == "a");
  CHECK(seen.path == "/a");
  CHECK(seen.query == "b=c");
  CHECK(seen.request.body == "much");
  CHECK_FALSE(seen.request.truncated);
  CHECK(seen.response.body == "hello");
  CHECK_FALSE(seen.response.truncated);
  CHECK_FALSE(seen.is_upgrade);
  CHECK(world.told.back().line.contains(R"("path":"/a?b=c")"));
  world.live.end(world.watch);
  (void)world.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(world.told.size() == 1);
}

TEST_CASE("what does not come to its end is said to be a part") {
  Looked world;
  world.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
  (void)world.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(world.last().response.body == "hello");
  CHECK(world.last().response.truncated);
  CHECK_FALSE(world.last().request.truncated);
  CHECK(why_not_again(world.last()).empty());
  Peer client(world.fixture.fake, kEdge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nmuch");
  client.abort();
  world.fixture.fake.run_until_idle();
  CHECK(world.told.size() == 2);
  CHECK(world.last().request.body == "much");
  CHECK(world.last().request.truncated);
  CHECK(why_not_again(world.last()).contains("not all of it came"));
}

TEST_CASE("a request again: as it was, to the same endpoint, and a line of the log") {
  Looked world;
  (void)world.ask(
      "POST /a?b=c HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nX-Request-Id: one\r\n"
      "Transfer-Encoding: chunked\r\n\r\n4\r\nmuch\r\n0\r\n\r\n");
  REQUIRE(why_not_again(world.last()).empty());
  const auto done = world.again({.service = "web", .endpoint = kOrigin, .exchange = world.told[0].exchange});
  REQUIRE(done);
  CHECK(done->status == 200);
  CHECK(done->id != "one");
  const std::string& sent = world.sent;
  CHECK(sent.starts_with("POST /a?b=c HTTP/1.1\r\nHost: a\r\n"));
  CHECK(sent.contains("Authorization: Basic x\r\n"));
  CHECK(sent.contains("Content-Length: 4\r\n"));
  CHECK(sent.ends_with("\r\n\r\nmuch"));
  REQUIRE(world.told.size() == 2);
  CHECK(world.told[1].id == done->id);
  CHECK(world.told[1].line.contains(R"("path":"/a?b=c")"));
  CHECK(world.told[1].line.contains(R"("status":200)"));
  CHECK(world.last().response.body == "hello");
  CHECK(world.fixture.edge.carried().requests == 1);  // no load balancer had the second
}

TEST_CASE("a request that can't be sent again") {
  Looked world;
  (void)world.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto exchange = world.told[0].exchange;
  auto done = world.again({.service = "db", .endpoint = kOrigin, .exchange = exchange});
  CHECK(done.error() == "this edge has no such service any more");
  done = world.again({.service = "web", .endpoint = "10.0.0.2:80", .exchange = exchange});
  CHECK(done.error() == "the tunnel has gone");
  capture::Exchange upgrade;
  upgrade.is_upgrade = true;
  CHECK(why_not_again(upgrade).contains("another protocol"));
  // What fails is answered as its visitor would have been.
  world.origin.reset();
  world.origin_side.reset();
  done = world.again({.service = "web", .endpoint = kOrigin, .exchange = exchange});
  REQUIRE(done);
  CHECK(done->status == 502);
  CHECK(world.told.back().line.contains(R"("status":502)"));
}

}  // namespace
}  // namespace weir::edge
