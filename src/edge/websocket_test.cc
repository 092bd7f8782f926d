// WebSockets whose client and endpoint speak different versions of HTTP, or both HTTP/2 (RFC 8441).
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "edge/edge_fixture.h"
#include "h2/server_fixture.h"

namespace weir::edge {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kOrigin = "10.0.0.1:80";

struct Sockets : Fixture {
  explicit Sockets(config::Protocol protocol)
      : Fixture({.http = {}, .server = {.h2 = h2::make_connection}}), origin(fake, kOrigin) {
    spec().protocol = protocol;
    snapshot.load_balancers[0].spec.listeners[0].h2c = true;
    apply({endpoint(kOrigin)});
  }
  PeerListener origin;
};

// --- a client of HTTP/2, by literals of HPACK

std::string frame(char type, char flags, std::string_view payload) {
  std::string out = "\0\0"s;
  out += static_cast<char>(payload.size());
  out += type;
  out += flags;
  return out + "\0\0\0\1"s + std::string(payload);
}

std::string literal(std::string_view name, std::string_view value) {
  std::string out = "\0"s;
  for (const std::string_view text : {name, value}) {
    out += static_cast<char>(text.size());
    out += text;
  }
  return out;
}

const std::string kHello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\0\0\0\4\0\0\0\0\0"s;
const std::string kAsks =
    frame(1, 4,
          literal(":method", "CONNECT") + literal(":protocol", "websocket") + literal(":scheme", "http") +
              literal(":authority", "a") + literal(":path", "/chat") + literal("sec-websocket-key", "mine") +
              literal("sec-websocket-version", "13"));

std::string data(std::string_view content, bool end = false) { return frame(0, end ? 1 : 0, content); }
// HEADERS 1 :status=200, not the end, and more fields behind it.
bool agreed(std::string_view received) {
  const std::size_t head = received.find("\1\4\0\0\0\1\x88"sv);
  return head != std::string_view::npos;
}

std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  std::size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  at += begin.size();
  return text.substr(at, text.find(end, at) - at);
}

std::string switching(std::string_view accept) {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(accept) + "\r\n\r\n";
}

TEST_CASE("a client of HTTP/2 reaches an endpoint of HTTP/1.1, which sees a key and proves it") {
  Sockets test(config::Protocol::kHttp);
  Peer client(test.fake, kEdge);
  client.send(kHello + kAsks);
  Peer upstream = test.origin.accept();
  const std::string asked = upstream.take();
  CHECK(asked.starts_with("GET /chat HTTP/1.1\r\nHost: a\r\n"));
  CHECK(asked.contains("\r\nsec-websocket-version: 13\r\n"));
  CHECK(asked.contains("\r\nVia: 2 weir\r\n"));
  CHECK(asked.ends_with("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
  CHECK_FALSE(asked.contains("mine"));
  const std::string key = between(asked, "\r\nSec-WebSocket-Key: ", "\r\n");
  CHECK(key.size() == 24);
  CHECK(key.ends_with("=="));
  (void)client.take();
  SUBCASE("proved") {
    const std::string accept =
        auth::to_base64(auth::sha1(auth::bytes_of(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    upstream.send(switching(accept) + "first");
    const std::string answer = client.take();
    CHECK(agreed(answer));
    CHECK(answer.ends_with(data("first")));
    client.send(data("ping"));
    CHECK(upstream.take() == "ping");
    upstream.send("pong");
    CHECK(client.take().ends_with(data("pong")));
    test.fake.advance(30min);  // no deadline of a request
    test.apply();              // no change touches it
    client.send(data("still"));
    CHECK(upstream.take() == "still");
    SUBCASE("the client ends") {
      client.send(data("", true));
      CHECK(upstream.ended());
      upstream.send("last");
      CHECK(client.take() == data("last"));
      upstream.close();
      CHECK(client.take() == data("", true));
    }
    SUBCASE("the origin ends") {
      upstream.close();
      CHECK(client.take().starts_with(data("", true)));
    }
    SUBCASE("the client breaks off") {
      client.send(frame(3, 0, "\0\0\0\x8"sv));
      CHECK_FALSE(upstream.open());
      CHECK(client.open());
    }
    SUBCASE("the origin breaks off") {
      upstream.abort();
      CHECK(client.take() == frame(3, 0, "\0\0\0\x8"sv));
      CHECK(client.open());
    }
  }
  SUBCASE("not proved") {
    upstream.send(switching("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    CHECK(client.take().contains("502 Bad Gateway: the endpoint's Sec-WebSocket-Accept is wrong"));
    CHECK_FALSE(upstream.open());
  }
  SUBCASE("not understood") {
    upstream.send(answer_with("a page"));
    CHECK(client.take().contains("502 Bad Gateway: the endpoint did not switch to WebSocket"));
  }
  SUBCASE("refused") {
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    const std::string answer = client.take();
    CHECK_FALSE(agreed(answer));
    CHECK(answer.contains(data("no", true)));
  }
}

TEST_CASE("a route that answers by itself agrees to no WebSocket") {
  Sockets test(config::Protocol::kHttp);
  config::DirectResponse page;
  page.body = "page";
  test.snapshot.load_balancers[0].spec.routes[0].respond = page;
  test.apply();
  Peer client(test.fake, kEdge);
  client.send(kHello + kAsks);
  CHECK(client.take().contains("501 Not Implemented: no WebSocket is served here"));
}

// --- endpoints of HTTP/2

constexpr std::string_view kUpgrade =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view kTakes = "\0\0\6\4\0\0\0\0\0\0\x8\0\0\0\1"sv;  // ENABLE_CONNECT_PROTOCOL 1
constexpr std::string_view kTakesNone = "\0\0\0\4\0\0\0\0\0"sv;
constexpr std::string_view kAgrees = "\0\0\1\1\4\0\0\0\1\x88"sv;  // HEADERS 1 :status=200

TEST_CASE("a client of HTTP/1.1 reaches an endpoint of HTTP/2, and gets the proof that it wants") {
  Sockets test(config::Protocol::kHttp2);
  Peer client(test.fake, kEdge);
  client.send(kUpgrade);
  Peer upstream = test.origin.accept();
  upstream.send(kTakes);
  const std::string asked = upstream.take();
  CHECK(asked.contains("\1\4\0\0\0\1"sv));  // HEADERS 1, with more to come
  upstream.send(std::string(kAgrees) + data("first"));
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK(
      answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));  // RFC 6455 section 1.3
  CHECK(answer.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(answer.ends_with("\r\n\r\nfirst"));
  client.send("ping");
  CHECK(upstream.take().ends_with(data("ping")));
  test.fake.advance(30min);
  test.apply();
  upstream.send(data("still"));
  CHECK(client.take() == "still");
  SUBCASE("the client ends") {
    client.finish();
    CHECK(upstream.take().ends_with(data("", true)));
    upstream.send(data("last", true));
    CHECK(client.take() == "last");
    CHECK(client.ended());
    CHECK(upstream.open());
  }
  SUBCASE("the origin ends") {
    upstream.send(data("", true));
    CHECK(client.ended());
  }
  SUBCASE("the client breaks off") {
    client.abort();
    CHECK(upstream.take().ends_with(frame(3, 0, "\0\0\0\x8"sv)));
    CHECK(upstream.open());
  }
  SUBCASE("the origin breaks off") {
    upstream.send(frame(3, 0, "\0\0\0\x8"sv));
    CHECK_FALSE(client.open());
  }
}

TEST_CASE("an endpoint of HTTP/2 that takes no WebSockets says nothing about its health") {
  Sockets test(config::Protocol::kHttp2);
  Peer client(test.fake, kEdge);
  client.send(kUpgrade);
  Peer upstream = test.origin.accept();
  upstream.send(kTakesNone);
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 501 Not Implemented\r\n"));
  CHECK(answer.contains("weir-reason: not_implemented\r\n"));
  CHECK(answer.contains("the endpoint takes no WebSockets over HTTP/2 (RFC 8441)"));
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(upstream.take().contains("\1\5\0\0\0\1"sv));  // its other requests go on
}

TEST_CASE("what is no WebSocket's beginning is not passed on to an endpoint of HTTP/2") {
  Sockets test(config::Protocol::kHttp2);
  const std::string_view rows[] = {
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: short\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  };
  for (const std::string_view row : rows) {
    CAPTURE(row);
    Peer client(test.fake, kEdge);
    client.send(row);
    CHECK(client.take().starts_with("HTTP/1.1 400"));
  }
}

TEST_CASE("over HTTP/2 on both sides nothing is proved") {
  Sockets test(config::Protocol::kHttp2);
  Peer client(test.fake, kEdge);
  client.send(kHello + kAsks);
  Peer upstream = test.origin.accept();
  upstream.send(kTakes);
  upstream.send(kAgrees);
  CHECK(agreed(client.take()));
  client.send(data("ping"));
  CHECK(upstream.take().ends_with(data("ping")));
  upstream.send(data("pong", true));
  CHECK(client.take().contains(data("pong", true)));
}

}  // namespace
}  // namespace weir::edge
