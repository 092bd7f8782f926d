// WebSocket over HTTP/2 (RFC 8441), on both sides.
#include <doctest/doctest.h>

#include <optional>

#include "h2/client.h"
#include "h2/server_fixture.h"

namespace weir::h2 {
namespace {

using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;

std::string connect(std::string_view path, std::string_view protocol = "websocket") {
  return headers(1,
                 {{":method", "CONNECT"},
                  {":protocol", std::string(protocol)},
                  {":scheme", "https"},
                  {":authority", "a"},
                  {":path", std::string(path)},
                  {"sec-websocket-version", "13"}},
                 false);
}

// --- the server

TEST_CASE("a server says that it takes WebSockets") {
  ServerFixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send(preface());
  CHECK(client.take().contains(std::string("\0\x08\0\0\0\1", 6)));
}

TEST_CASE("a WebSocket reads as an upgrade of HTTP/1.1, and is agreed to with 200") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(connect("/chat?a=b"));
  CHECK(fixture.service.last_head == "GET a /chat a=b 0 0 sec-websocket-version=13 host=a");
  CHECK(client.take() == "HEADERS 1 :status=200\n");
  client.send(data(1, "hello", false));
  CHECK(client.take() == "DATA 1 hello\n");
  fixture.fake.advance(30min);
  client.send(data(1, "still", false) + get(3, "/2"));
  CHECK(client.take() == "HEADERS 3 :status=200 content-length=6\nDATA 3 end GET /2\nDATA 1 still\n");
  SUBCASE("the client ends") {
    client.send(data(1, "bye", true));
    CHECK(client.take() == "DATA 1 end bye\n");
    CHECK(fixture.service.ends.back() == "/chat 101 13 13 head");
    CHECK(fixture.service.cuts.back() == http::Cut::kNone);
  }
  SUBCASE("the client breaks off") {
    client.send(rst_stream(1, ErrorCode::kCancel));
    CHECK(fixture.service.cuts.back() == http::Cut::kClientGone);
    client.send(get(5, "/2"));
    CHECK(client.take().contains("HEADERS 5 :status=200"));
  }
  SUBCASE("nobody says anything for an hour") {
    fixture.fake.advance(61min);
    CHECK(client.take_streams() == "RST_STREAM 1 8\n");
  }
}

TEST_CASE("what is no WebSocket is not agreed to") {
  struct Row {
    std::string sent;
    std::string_view answer;
  };
  const Row rows[] = {
      {connect("/chat", "connect-udp"), ":status=501"},
      {connect("/chat", "WebSocket"), ":status=200"},
      {connect("/chat", ""), "RST_STREAM 1 1\n"},
      {connect("/2"), ":status=501"},  // answered with 200, as any request
      {connect("/204"), ":status=501"},
      {connect("/error"), ":status=503"},
      {get(1, "/chat", {{":protocol", "websocket"}}), "RST_STREAM 1 1\n"},
      {headers(1, {{":method", "CONNECT"}, {":protocol", "websocket"}, {":authority", "a"}}, false),
       "RST_STREAM 1 1\n"},
  };
  for (const Row& row : rows) {
    ServerFixture fixture;
    FramePeer client = fixture.client();
    client.send(row.sent);
    const std::string answer = client.take_streams();
    CAPTURE(answer);
    CHECK(answer.contains(row.answer));
    client.send(get(3, "/2"));
    CHECK(client.take_streams().contains("HEADERS 3 :status=200"));
  }
}

// --- the client

// A client of HTTP/1.1 that asks for WebSocket: what it says, a piece a second, then nothing or its end.
struct Asking final : http::Upgrade, http::Body {
  explicit Asking(net::Loop& of) : loop(of) {}
  http::Body& take_up(Duration idle_timeout) override {
    idle = idle_timeout;
    return *this;
  }
  void cut() override { was_cut = true; }
  net::Task<Result<net::Slice>> read() override {
    if (auto slept = co_await loop.sleep(left > 0 || ends ? 1s : idle); !slept) co_return fail(slept.error());
    if (left == 0 && !ends) co_return fail(Code::kTimedOut, "silent", Side::kDownstream);
    if (left == 0) co_return net::Slice{};
    --left;
    co_return net::as_slice("said");
  }
  bool at_end() const override { return false; }
  net::Loop& loop;
  int left = 2;
  bool ends = false;
  bool was_cut = false;
  Duration idle{};
};

// One exchange over a connection to 127.0.0.1:80, and what became of it.
struct Asked {
  explicit Asked(FakeEnv& env) : fake(env), client(env.loop), connections(env.loop), calls(env.loop) {}
  ~Asked() {
    calls.cancel();
    connections.cancel();
    fake.run_until_idle();
    CHECK(calls.size() == 0);
  }
  void start() {
    calls.spawn(run(*this));
    fake.run_until_idle();
  }
  static net::Task<void> run(Asked& self) {
    auto stream = co_await self.fake.network.connect(*net::Address::parse("127.0.0.1:80"), 5s);
    REQUIRE(stream.has_value());
    auto connection = std::make_shared<ClientConnection>(std::move(*stream), 30s, nullptr);
    self.connections.spawn(ClientConnection::run(connection));
    http::RequestHead head;
    head.method = http::Method::kGet;
    http::Request request{.head = head};
    request.upgrade = &self.client;
    const UpstreamHead upstream{
        .method = "GET", .scheme = "http", .authority = "a", .path = "/chat", .fields = head.fields};
    const http::ExchangeOptions options{
        .response_timeout = 10s, .read_timeout = 1h, .write_timeout = 30s, .switched_idle_timeout = 1h};
    auto response = co_await exchange(std::move(connection), upstream, request, options);
    if (!response) {
      self.error = response.error();
      co_return;
    }
    self.status = (*response)->head.status;
    while (!(*response)->at_end()) {
      const auto piece = co_await (*response)->read();
      if (!piece) self.error = piece.error();
      if (!piece || piece->empty()) break;
      self.content += net::as_text(*piece);
    }
    self.ended = true;
    if (!(*response)->settled()) co_await (*response)->settle();
  }

  FakeEnv& fake;
  Asking client;
  net::TaskGroup connections;
  net::TaskGroup calls;
  int status = 0;
  std::string content;
  bool ended = false;
  std::optional<Error> error;
};

struct OriginSide {
  OriginSide() : listener(fake, "127.0.0.1:80"), asked(fake) {
    asked.start();
    origin.emplace(listener.accept());
    (void)origin->take();
  }
  static constexpr std::string_view kAsks =
      "HEADERS 1 :method=CONNECT :scheme=http :authority=a :path=/chat :protocol=websocket\n";
  FakeEnv fake;
  PeerListener listener;
  Asked asked;
  std::optional<FramePeer> origin;
};

const std::string kTakesWebSockets = settings({{8, 1}});

TEST_CASE("a client asks for WebSocket once the origin has said that it takes them") {
  OriginSide test;
  test.fake.advance(3s);
  CHECK(test.origin->take_streams().empty());
  test.origin->send(kTakesWebSockets);
  CHECK(test.origin->take_streams() == OriginSide::kAsks);
  test.origin->send(headers(1, {{":status", "200"}}, false));
  CHECK(test.asked.status == 101);
  test.fake.advance(2s);
  CHECK(test.origin->take_streams() == "DATA 1 said\nDATA 1 said\n");
  test.origin->send(data(1, "heard", false));
  CHECK(test.asked.content == "heard");
  SUBCASE("the origin ends") {
    test.origin->send(data(1, " all", true));
    CHECK(test.asked.ended);
    CHECK(test.asked.content == "heard all");
    CHECK_FALSE(test.asked.error);
  }
  SUBCASE("the origin breaks off") {
    test.origin->send(rst_stream(1, ErrorCode::kCancel));
    REQUIRE(test.asked.error);
    CHECK(test.asked.error->side == Side::kUpstream);
  }
  SUBCASE("a client that says nothing more, when nothing comes either") {
    test.fake.advance(40min);
    test.origin->send(data(1, ".", false));
    test.fake.advance(40min);
    CHECK_FALSE(test.asked.error);
    test.fake.advance(2h);
    REQUIRE(test.asked.error);
    CHECK(test.asked.error->code == Code::kTimedOut);
  }
}

TEST_CASE("the client's end is the stream's, and the origin's answer still comes") {
  OriginSide test;
  test.asked.client.ends = true;
  test.origin->send(kTakesWebSockets);
  test.origin->send(headers(1, {{":status", "200"}}, false));
  (void)test.origin->take();
  test.fake.advance(3s);
  CHECK(test.origin->take_streams() == "DATA 1 said\nDATA 1 said\nDATA 1 end \n");
  test.origin->send(data(1, "last", true));
  CHECK(test.asked.content == "last");
  CHECK(test.asked.ended);
}

TEST_CASE("an origin that takes no WebSockets is not asked") {
  OriginSide test;
  SUBCASE("it says nothing of them") { test.origin->send(settings({})); }
  SUBCASE("it says so") { test.origin->send(settings({{8, 0}})); }
  REQUIRE(test.asked.error);
  CHECK(test.asked.error->code == Code::kNotImplemented);
  CHECK(test.asked.error->retry == Retry::kNever);
  CHECK(test.origin->take_streams().empty());
}

TEST_CASE("an origin that says nothing, or ends, fails the request") {
  OriginSide test;
  SUBCASE("silence") {
    test.fake.advance(11s);
    REQUIRE(test.asked.error);
    CHECK(test.asked.error->side == Side::kUpstream);
  }
  SUBCASE("the end of the connection") {
    test.origin->raw().close();
    test.fake.run_until_idle();
    REQUIRE(test.asked.error);
    CHECK(test.asked.error->retry == Retry::kSafe);  // nothing was sent
  }
}

TEST_CASE("an origin's refusal is an ordinary response; 101 does not exist") {
  OriginSide test;
  test.origin->send(kTakesWebSockets);
  SUBCASE("403") {
    test.origin->send(headers(1, {{":status", "403"}}, false) + data(1, "no", true));
    CHECK(test.asked.status == 403);
    CHECK(test.asked.content == "no");
  }
  SUBCASE("101") {
    test.origin->send(headers(1, {{":status", "101"}}, false));
    REQUIRE(test.asked.error);
    CHECK(test.asked.status == 0);
  }
}

TEST_CASE("both sides understand each other") {
  ServerFixture fixture;
  Asked asked(fixture.fake);
  asked.client.ends = true;
  asked.start();
  CHECK(asked.status == 101);
  fixture.fake.advance(5s);
  CHECK(asked.content == "saidsaid");
  CHECK(asked.ended);
}

}  // namespace
}  // namespace weir::h2
