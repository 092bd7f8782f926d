#include "api/watch.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "api/api_fixture.h"

namespace weir::api {
namespace {

using testing::Peer;

std::string service(const std::string& name, const std::string& labels = "{}") {
  return R"({"kind":"Service","metadata":{"name":")" + name + R"(","labels":)" + labels + "}}";
}

// What a stream has brought so far: "added a @1" for each event, "@1" for an id alone, "keep-alive".
class Stream {
 public:
  Stream(ApiFixture& world, const std::string& query, const std::string& fields = "")
      : peer_(world.fake, ApiFixture::kAddress) {
    const std::string target = query.starts_with('/') ? query : "/v1/services?watch=true" + query;
    peer_.send(world.text_of("GET", target, "", fields));
    const std::string head = peer_.take_until("\r\n\r\n");
    REQUIRE(head.starts_with("HTTP/1.1 200 "));
    CHECK(head.find("text/event-stream") != std::string::npos);
  }

  std::vector<std::string> take() {
    std::vector<std::string> seen;
    text_ += without_chunks(peer_.take());
    for (std::size_t end = text_.find("\n\n"); end != std::string::npos; end = text_.find("\n\n")) {
      std::string event = summary(text_.substr(0, end + 1));
      if (event != "retry") seen.push_back(std::move(event));
      text_.erase(0, end + 2);
    }
    return seen;
  }
  bool ended() const { return ended_; }
  Peer& peer() { return peer_; }

 private:
  static std::string value_of(const std::string& text, const std::string& name, const std::string& end) {
    const std::size_t at = text.find(name);
    if (at == std::string::npos) return {};
    return text.substr(at + name.size(), text.find(end, at + name.size()) - at - name.size());
  }
  static std::string summary(const std::string& event) {
    if (event.starts_with("retry:")) return "retry";
    std::string text;
    if (event.starts_with(":")) text = "keep-alive";
    const std::string name = value_of(event, "event: ", "\n");
    if (!name.empty()) text = name;
    const std::string object = value_of(event, R"("name":")", "\"");
    if (!object.empty()) text += ' ' + object;
    const std::string id = value_of(event, "id: ", "\n");
    if (!id.empty()) text += (text.empty() ? "@" : " @") + id;
    return text;
  }
  std::string without_chunks(const std::string& raw) {
    std::string text;
    for (std::size_t at = 0; at < raw.size();) {
      const std::size_t line = raw.find("\r\n", at);
      const std::size_t size = std::stoul(raw.substr(at, line - at), nullptr, 16);
      ended_ = size == 0;
      text += raw.substr(line + 2, size);
      at = line + 2 + size + 2;
    }
    return text;
  }

  Peer peer_;
  std::string text_;
  bool ended_ = false;
};

using Events = std::vector<std::string>;

TEST_CASE("a watch begins with what is there, then tells what changes") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("a")).status == 201);
  REQUIRE(world.call("POST", "/v1/services", service("b")).status == 201);
  Stream stream(world, "");
  CHECK(stream.take() == Events{"added a", "added b", "@2"});
  REQUIRE(world.call("POST", "/v1/services", service("c")).status == 201);
  CHECK(stream.take() == Events{"added c @3"});
  REQUIRE(world.call("POST", "/v1/apply", "[" + service("a", R"({"x":"y"})") + "]").status == 200);
  CHECK(stream.take() == Events{"modified a @4"});
  REQUIRE(world.call("DELETE", "/v1/services/b").status == 200);
  CHECK(stream.take() == Events{"deleted b @5"});
  REQUIRE(world.call("POST", "/v1/edges", R"({"kind":"Edge","metadata":{"name":"e"}})").status == 201);
  CHECK(stream.take().empty());  // of another kind
}

TEST_CASE("a watch resumes behind a revision, from the query or from Last-Event-ID") {
  ApiFixture world;
  for (const char* name : {"a", "b", "c"})
    REQUIRE(world.call("POST", "/v1/services", service(name)).status == 201);
  CHECK(Stream(world, "&from=1").take() == Events{"added b @2", "added c @3", "@3"});
  CHECK(Stream(world, "&from=3").take() == Events{"@3"});
  CHECK(Stream(world, "&from=1", "Last-Event-ID: 2\r\n").take() == Events{"added c @3", "@3"});
  CHECK(Stream(world, "", "Last-Event-ID: 0\r\n").take() ==
        Events{"added a @1", "added b @2", "added c @3", "@3"});
  CHECK(world.call("GET", "/v1/services?watch=true&from=4").status == 410);
  CHECK(world.call("GET", "/v1/services?watch=true", "", "Last-Event-ID: x\r\n").status == 400);
}

TEST_CASE("a watch tells when it has told all that there was, once") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("a")).status == 201);
  REQUIRE(world.call("POST", "/v1/edges", R"({"kind":"Edge","metadata":{"name":"e"}})").status == 201);
  Stream stream(world, "&from=0");
  CHECK(stream.take() == Events{"added a @1", "@2"});
  REQUIRE(world.call("POST", "/v1/edges", R"({"kind":"Edge","metadata":{"name":"f"}})").status == 201);
  CHECK(stream.take().empty());
}

TEST_CASE("of a transaction only the last event has an id") {
  ApiFixture world;
  Stream stream(world, "&from=0");
  REQUIRE(world.call("POST", "/v1/apply", "[" + service("a") + "," + service("b") + "]").status == 200);
  CHECK(stream.take() == Events{"added a", "added b @1"});
}

TEST_CASE("with a filter, an object that stops matching is deleted") {
  ApiFixture world;
  Stream stream(world, "&label=tier=web");
  CHECK(stream.take().empty());
  REQUIRE(world.call("POST", "/v1/services", service("other")).status == 201);
  REQUIRE(world.call("POST", "/v1/services", service("mine", R"({"tier":"web"})")).status == 201);
  CHECK(stream.take() == Events{"added mine @2"});
  REQUIRE(world.call("POST", "/v1/apply", "[" + service("mine") + "]").status == 200);
  CHECK(stream.take() == Events{"deleted mine @3"});
}

TEST_CASE("a quiet stream shows that it lives and how far it is") {
  ApiFixture world;
  Stream stream(world, "&from=0");
  REQUIRE(world.call("POST", "/v1/edges", R"({"kind":"Edge","metadata":{"name":"e"}})").status == 201);
  CHECK(stream.take().empty());
  world.fake.advance(kKeepAliveInterval);
  CHECK(stream.take() == Events{"keep-alive @1"});
}

TEST_CASE("a watch of several kinds tells their changes in one order") {
  ApiFixture world;
  const auto zone = [](const std::string& name) {
    return R"({"kind":"Zone","metadata":{"name":")" + name +
           R"("},"spec":{"nameservers":["ns.example.com"]}})";
  };
  REQUIRE(world.call("POST", "/v1/services", service("a")).status == 201);
  REQUIRE(world.call("POST", "/v1/zones", zone("one.example")).status == 201);
  const std::string viewer = "Authorization: Bearer " + world.viewer + "\r\n";
  Stream all(world, "/v1/watch?kind=zones&kind=services", viewer);
  CHECK(all.take() == Events{"added one.example", "added a", "@2"});
  Stream later(world, "/v1/watch?kind=services&kind=zones&from=1");
  CHECK(later.take() == Events{"added one.example @2", "@2"});

  REQUIRE(world.call("DELETE", "/v1/services/a").status == 200);
  REQUIRE(
      world.call("POST", "/v1/secrets", R"({"kind":"Secret","metadata":{"name":"s"},"spec":{"data":"x"}})")
          .status != 404);
  REQUIRE(world.call("DELETE", "/v1/zones/one.example").status == 200);
  const Events events = all.take();
  REQUIRE(events.size() == 2);
  CHECK(events[0] == "deleted a @3");
  CHECK(events[1].starts_with("deleted one.example @"));
  CHECK(later.take() == events);
}

TEST_CASE("a watch of several kinds is refused whole when one of them is none to read") {
  ApiFixture world;
  const std::string viewer = "Authorization: Bearer " + world.viewer + "\r\n";
  CHECK(world.call("GET", "/v1/watch?kind=services&kind=tokens", "", viewer).status == 403);
  CHECK(world.call("GET", "/v1/watch", "", viewer).status == 400);
  CHECK(world.call("GET", "/v1/watch?kind=services", "", "Authorization: Bearer no\r\n").status == 401);
}

TEST_CASE("who has had all shares what comes with others, and who is behind reads it for itself") {
  ApiFixture world;
  Stream first(world, "&from=0");
  Stream filtered(world, "&from=0&label=x");
  REQUIRE(world.call("POST", "/v1/services", service("a")).status == 201);
  REQUIRE(world.call("POST", "/v1/services", service("b", R"({"x":"y"})")).status == 201);
  CHECK(first.take() == Events{"added a @1", "added b @2"});
  CHECK(filtered.take() == Events{"added b @2"});
  Stream behind(world, "&from=0");
  CHECK(behind.take() == Events{"added a @1", "added b @2", "@2"});
  filtered.peer().stop_reading();
  world.fake.advance(kKeepAliveInterval);
  CHECK(first.take() == Events{"keep-alive @2"});
  CHECK(behind.take() == Events{"keep-alive @2"});
  REQUIRE(world.call("DELETE", "/v1/services/a").status == 200);
  REQUIRE(world.call("DELETE", "/v1/services/b").status == 200);
  CHECK(first.take() == Events{"deleted a @3", "deleted b @4"});
  CHECK(behind.take() == Events{"deleted a @3", "deleted b @4"});
  filtered.peer().read_again();
  world.fake.run_until_idle();
  CHECK(filtered.take() == Events{"keep-alive @2", "deleted a @3", "deleted b @4"});
}

TEST_CASE("a watch ends with its token, and when the server drains") {
  ApiFixture world;
  Stream revoked(world, "&from=0", "Authorization: Bearer " + world.viewer + "\r\n");
  Stream drained(world, "&from=0");
  world.tokens.replace({{.name = "root", .hash = ApiFixture::token_of(1).hash, .role = auth::Role::kAdmin}});
  REQUIRE(world.call("POST", "/v1/services", service("a")).status == 201);
  CHECK(revoked.take().empty());
  CHECK(revoked.ended());
  CHECK(drained.take() == Events{"added a @1"});
  CHECK_FALSE(drained.ended());
  world.api.drain();
  world.fake.run_until_idle();
  CHECK(drained.take().empty());
  CHECK(drained.ended());
  CHECK(world.call("GET", "/v1/services?watch=true").status == 503);
}

TEST_CASE("watches are bounded, and one that ends makes room") {
  ApiFixture world;
  std::vector<std::unique_ptr<Stream>> streams;
  for (std::size_t i = 0; i < kWatchesMax; ++i) streams.push_back(std::make_unique<Stream>(world, "&from=0"));
  const ApiAnswer refused = world.call("GET", "/v1/services?watch=true");
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.field("Retry-After").empty());
  streams.back()->peer().close();
  world.fake.run_until_idle();
  streams.pop_back();
  CHECK_NOTHROW(Stream(world, "&from=0"));
}

TEST_CASE("a watch that falls behind the history is told to list again") {
  ApiFixture world({.version = "1"}, {.history_changes_max = 16});
  Stream stream(world, "&from=0");
  CHECK(stream.take().empty());
  stream.peer().stop_reading();
  for (int i = 0; i < 40; ++i) {
    const std::string body = R"({"kind":"Service","metadata":{"name":"s)" + std::to_string(i) +
                             R"(","annotations":{"a":")" + std::string(4000, 'x') + R"("}}})";
    REQUIRE(world.call("POST", "/v1/services", body).status == 201);
  }
  stream.peer().read_again();
  world.fake.run_until_idle();
  const Events events = stream.take();
  REQUIRE_FALSE(events.empty());
  CHECK(events.back() == "gone");
  CHECK(stream.ended());
}

TEST_CASE("an event is one line of data") {
  CHECK(event_text("added", 7, "{}") == "id: 7\nevent: added\ndata: {}\n\n");
  CHECK(event_text("added", 0, "{}") == "event: added\ndata: {}\n\n");
}

}  // namespace
}  // namespace weir::api
