#include "client/api_client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::client {
namespace {

using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using namespace std::chrono_literals;

// A call under way, and what came of it.
class Call {
 public:
  explicit Call(FakeEnv& fake, std::string token = "t0ken", std::string url = "http://127.0.0.1:8480")
      : fake_(fake), client_(fake.env, *parse_url(url), std::move(token), nullptr), tasks_(fake.loop) {}
  ~Call() { CHECK(fake_.run(stop(tasks_))); }

  void ask(http::Method method, std::string target, std::string content = {}) {
    result.reset();
    tasks_.spawn(keep(client_.ask(method, std::move(target), std::move(content)), result));
    fake_.run_until_idle();
  }
  void watch(std::string target, std::size_t events_max = 1000) {
    result.reset();
    on_event_ = [this, events_max](const StreamEvent& event) {
      events.push_back((event.id ? std::to_string(*event.id) : "-") + ' ' + event.name + ' ' + event.data);
      return events.size() < events_max;
    };
    tasks_.spawn(keep(client_.watch(std::move(target), on_event_), result));
    fake_.run_until_idle();
  }
  // "200 content", the code of the error, or "waiting".
  std::string told() const {
    if (!result) return "waiting";
    if (!*result) return std::string(name_of(result->error().code));
    return std::to_string((*result)->status) + ' ' + (*result)->content;
  }

  std::optional<Result<ApiAnswer>> result;
  std::vector<std::string> events;

 private:
  static net::Task<void> keep(net::Task<Result<ApiAnswer>> task, std::optional<Result<ApiAnswer>>& result) {
    result = co_await task;
  }
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

  FakeEnv& fake_;
  ApiClient client_;
  ApiClient::OnEvent on_event_;
  net::TaskGroup tasks_;
};

TEST_CASE("a request has what the API needs, and its answer comes back whole") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  Call call(fake);
  call.ask(http::Method::kGet, "/v1/services?limit=5");
  Peer server = api.accept();
  CHECK(server.take() ==
        "GET /v1/services?limit=5 HTTP/1.1\r\nHost: 127.0.0.1:8480\r\nUser-Agent: weir/" WEIR_VERSION
        "\r\nAccept: application/json\r\nAuthorization: Bearer t0ken\r\n\r\n");
  CHECK(call.told() == "waiting");
  server.send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
  CHECK(call.told() == "waiting");
  server.send("1\r\n\n\r\n0\r\n\r\n");
  CHECK(call.told() == "200 {}\n");
  CHECK((*call.result)->content_type == "application/json");

  // The next one uses the same connection.
  call.ask(http::Method::kPost, "/v1/apply", "{\"objects\":[]}");
  CHECK(server.take() ==
        "POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1:8480\r\nUser-Agent: weir/" WEIR_VERSION
        "\r\nAccept: application/json\r\nAuthorization: Bearer t0ken\r\nContent-Type: application/json\r\n"
        "Content-Length: 14\r\n\r\n{\"objects\":[]}");
  server.send("HTTP/1.1 422 Unprocessable Content\r\nContent-Length: 2\r\n\r\nno");
  CHECK(call.told() == "422 no");
}

TEST_CASE("without a token none is sent") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  Call call(fake, "");
  call.ask(http::Method::kDelete, "/v1/services/web");
  CHECK(api.accept().take().find("Authorization") == std::string::npos);
}

TEST_CASE("a name is looked up, and its addresses are tried in turn; localhost is known") {
  FakeEnv fake;
  const auto address = [](const char* text) { return *net::Address::parse(text); };
  fake.network.set_name("api.example", {address("10.0.0.1:0"), address("10.0.0.2:0")}, 1min);
  fake.network.refuse(address("10.0.0.1:8480"));
  PeerListener second(fake, "10.0.0.2:8480");
  Call call(fake, "", "http://api.example:8480");
  call.ask(http::Method::kGet, "/");
  CHECK(second.accept().take().find("Host: api.example:8480\r\n") != std::string::npos);

  PeerListener local(fake, "127.0.0.1:8480");
  Call here(fake, "", "http://localhost:8480");
  here.ask(http::Method::kGet, "/");
  CHECK(local.accept().connected());
  CHECK(fake.network.resolutions("localhost") == 0);
}

TEST_CASE("what keeps an answer away is an error") {
  FakeEnv fake;
  Call call(fake);
  SUBCASE("nobody listens") {
    call.ask(http::Method::kGet, "/");
    CHECK(call.told() == "connect_failed");
  }
  SUBCASE("the name has no address") {
    Call other(fake, "", "http://nowhere.example");
    other.ask(http::Method::kGet, "/");
    CHECK(other.told() == "not_resolved");
  }
  SUBCASE("packets vanish") {
    fake.network.blackhole(*net::Address::parse("127.0.0.1:8480"));
    call.ask(http::Method::kGet, "/");
    fake.advance(ApiClient::kConnectTimeout - 1ms);
    CHECK(call.told() == "waiting");
    fake.advance(2ms);
    CHECK(call.told() == "timed_out");
  }
  PeerListener api(fake, "127.0.0.1:8480");
  SUBCASE("no answer comes") {
    call.ask(http::Method::kGet, "/");
    const Peer server = api.accept();
    fake.advance(ApiClient::kAnswerTimeout - 1ms);
    CHECK(call.told() == "waiting");
    fake.advance(1s);
    CHECK(call.told() == "timed_out");
  }
  SUBCASE("it is not HTTP") {
    call.ask(http::Method::kGet, "/");
    Peer server = api.accept();
    server.send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    CHECK(call.told() == "malformed");
  }
  SUBCASE("it ends in the middle") {
    call.ask(http::Method::kGet, "/");
    Peer server = api.accept();
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    server.close();
    CHECK(call.told() == "closed");
  }
}

TEST_CASE("an answer is bounded") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  Call call(fake);
  call.ask(http::Method::kGet, "/");
  Peer server = api.accept();
  server.send("HTTP/1.1 200 OK\r\n\r\n");
  const std::string piece(std::size_t{1} << 20U, 'x');
  for (std::size_t sent = 0; sent < ApiClient::kAnswerBytesMax; sent += piece.size()) server.send(piece);
  CHECK(call.told() == "waiting");
  server.send("x");
  CHECK(call.told() == "body_too_large");
}

TEST_CASE("an early refusal is an answer, though the content is not taken") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  Call call(fake);
  call.ask(http::Method::kPost, "/v1/apply", std::string(std::size_t{4} << 20U, 'x'));
  Peer server = api.accept();
  server.stop_reading();
  server.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much");
  CHECK(call.told() == "413 too much");
}

TEST_CASE("a watch hands on its events, whatever the pieces they come in") {
  const std::string stream =
      "retry: 1000\n\nevent: added\ndata: {\"a\":1}\n\nid: 5\n\n: keep-alive\nid: 6\n\n"
      "id: 7\nevent: modified\ndata: {\"b\":\ndata: 2}\n\nevent: deleted\r\ndata: x\r\n\r\nunknown\n\n";
  const std::vector<std::string> wanted{"- added {\"a\":1}", "5  ", "6  ", "7 modified {\"b\":\n2}",
                                        "- deleted x"};
  for (std::size_t piece = 1; piece <= stream.size(); piece += piece < 4 ? 1 : 7) {
    CAPTURE(piece);
    FakeEnv fake;
    PeerListener api(fake, "127.0.0.1:8480");
    Call call(fake);
    call.watch("/v1/services?watch=true");
    Peer server = api.accept();
    CHECK(server.take().find("Accept: text/event-stream\r\n") != std::string::npos);
    server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (std::size_t at = 0; at < stream.size(); at += piece) server.send(stream.substr(at, piece));
    CHECK(call.events == wanted);
    CHECK(call.told() == "waiting");
    server.close();
    CHECK(call.told() == "200 ");
  }
}

TEST_CASE("a watch ends when it is told to, when it is silent, when it is refused") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  Call call(fake);
  call.watch("/v1/services?watch=true", 1);
  Peer server = api.accept();
  SUBCASE("told to") {
    server.send("HTTP/1.1 200 OK\r\n\r\nid: 1\n\nid: 2\n\n");
    CHECK(call.events.size() == 1);
    CHECK(call.told() == "200 ");
    CHECK(!server.open());
  }
  SUBCASE("silent") {
    server.send("HTTP/1.1 200 OK\r\n\r\n: hello\n");
    fake.advance(ApiClient::kWatchTimeout - 1s);
    CHECK(call.told() == "waiting");
    fake.advance(2s);
    CHECK(call.told() == "timed_out");
  }
  SUBCASE("refused") {
    server.send("HTTP/1.1 410 Gone\r\nContent-Length: 3\r\n\r\n{}\n");
    CHECK(call.told() == "410 {}\n");
    CHECK(call.events.empty());
  }
}

TEST_CASE("an event is bounded, in one line and in many") {
  for (const std::string& piece : {std::string(4096, 'x'), "data: " + std::string(4089, 'x') + "\n"}) {
    EventStream stream;
    std::size_t sent = 0;
    Result<std::optional<StreamEvent>> next = std::optional<StreamEvent>();
    while (next && sent < 2 * EventStream::kEventBytesMax) {
      stream.add(piece);
      sent += piece.size();
      next = stream.next();
      REQUIRE((!next || !*next));
    }
    REQUIRE(!next);
    CHECK(next.error().code == Code::kBodyTooLarge);
    CHECK(sent > EventStream::kEventBytesMax - 8192);
  }
}

}  // namespace
}  // namespace weir::client
