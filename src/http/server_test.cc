#include "http/server.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/fake_env.h"
#include "testing/peer.h"
#include "testing/real_env.h"

namespace weir::http {
namespace {

using testing::FakeEnv;
using testing::Peer;
using namespace std::chrono_literals;

// Promises more than it has.
class Breaking final : public Response {
 public:
  Breaking() {
    head.status = 200;
    head.framing = Framing::kChunked;
  }
  net::Task<Result<net::Slice>> read() override {
    if (std::exchange(given_, true)) co_return fail(Code::kReset, "broken off", Side::kUpstream);
    co_return net::as_slice("part");
  }
  bool at_end() const override { return false; }

 private:
  bool given_ = false;
};

// Its head at once; its content, "end", when the request's has come.
class Answering final : public Response {
 public:
  explicit Answering(Body& body) : body_(body) {
    head.status = 200;
    head.framing = Framing::kChunked;
  }
  net::Task<Result<net::Slice>> read() override {
    while (!body_.at_end()) {
      if (auto piece = co_await body_.read(); !piece) co_return fail(piece.error());
    }
    done_ = true;
    co_return net::as_slice("end");
  }
  bool at_end() const override { return done_; }

 private:
  Body& body_;
  bool done_ = false;
};

// Answers with what it was asked: "GET /path <body>".
class Echo final : public Service {
 public:
  explicit Echo(net::Loop& loop) : loop_(loop) {}

  net::Task<Result<ResponsePtr>> handle(Request& request) override {
    ++requests;
    request.note = 7;
    std::string content = std::string(request.head.method_text) + " " + std::string(request.head.path);
    if (request.head.path == "/slow" && !co_await loop_.sleep(5s)) {
      ++cancelled;
      co_return fail(Code::kCancelled, "cancelled");
    }
    if (request.head.path == "/error") co_return fail(Code::kNoEndpoint, "nobody there");
    if (request.head.path == "/breaks") co_return std::make_unique<Breaking>();
    if (request.head.path == "/large") {
      co_return std::make_unique<TextResponse>(200, "text/plain", std::string(4UL << 20U, 'x'));
    }
    if (request.head.path == "/any-rate") request.client_rate_min = 0;
    if (request.head.path == "/answers-first") co_return std::make_unique<Answering>(*request.body);
    if (request.head.path == "/reads-late" && !co_await loop_.sleep(60s))
      co_return fail(Code::kCancelled, "");
    if (request.body != nullptr && request.head.path != "/unread") {
      content += " ";
      while (!request.body->at_end()) {
        auto piece = co_await request.body->read();
        if (!piece) co_return fail(piece.error());
        content += net::as_text(*piece);
      }
      if (const Fields* trailers = request.body->trailers(); trailers != nullptr) {
        for (const Field& trailer : *trailers)
          content.append(" ").append(trailer.name).append("=").append(trailer.value);
      }
    }
    co_return std::make_unique<TextResponse>(200, "text/plain", content);
  }

  void refused(Request& request, const Error& error) override {
    CHECK(request.note == 0);
    CHECK(request.id.size() == 32);
    request.note = 7;
    refusals.emplace_back(error.text);
  }

  void ended(Request& request, const RequestEnd& end) override {
    CHECK(request.note == 7);
    ends.push_back(std::string(request.head.path) + " " + std::to_string(end.status) + " " +
                   std::to_string(end.body_bytes_received) + " " + std::to_string(end.body_bytes_sent) +
                   (end.head_sent ? " head" : ""));
    cuts.push_back(end.cut);
  }

  std::vector<std::string> ends;
  std::vector<std::string> refusals;
  std::vector<Cut> cuts;
  int requests = 0;
  int cancelled = 0;

 private:
  net::Loop& loop_;
};

struct Fixture {
  explicit Fixture(ServerOptions options = {}) : server(fake.env, echo, options) {
    server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:80")));
  }
  ~Fixture() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
  }
  FakeEnv fake;
  Echo echo{fake.loop};
  Server server;
};

// The content of the one response, and what of the head is asked for.
std::string content_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

TEST_CASE("requests on one connection are answered in order, also when they come together") {
  Fixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(content_of(client.take()) == "GET /1");
  client.send(
      "GET /2 HTTP/1.1\r\nHost: a\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
      "POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
      "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string all = client.take();
  const auto at = [&all](std::string_view text) { return all.find(text); };
  CHECK(at("GET /2") < at("POST /3 hi"));
  CHECK(at("POST /3 hi") < at("POST /4 abc X-T=1"));
  CHECK(at("POST /4 abc X-T=1") < at("GET /5"));
  CHECK(at("GET /5") != std::string::npos);
  CHECK(client.open());
  CHECK(fixture.echo.requests == 5);
}

TEST_CASE("every split of a request reads the same") {
  const std::string request =
      "POST /split HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
      "world\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    CAPTURE(cut);
    Fixture fixture;
    Peer client(fixture.fake, "127.0.0.1:80");
    client.send(request.substr(0, cut));
    client.send(request.substr(cut));
    CHECK(content_of(client.take()) == "POST /split hello world");
    CHECK(client.open());
  }
}

TEST_CASE("what is not a request is answered once and the connection ends, and no service sees it") {
  struct Row {
    const char* request;
    const char* status;
  };
  const std::string long_head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(30000, 'x') + "\r\n\r\n";
  const std::string long_target = "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string many_fields = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 1500; ++i) many_fields += "a: b\r\n";
  const Row rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
      {"GET / HTTP/1.1\nHost: a\n\n", "400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "400"},
      {long_head.c_str(), "431"},
      {long_target.c_str(), "414"},
      {many_fields.c_str(), "431"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.request).substr(0, 80));
    Fixture fixture;
    Peer client(fixture.fake, "127.0.0.1:80");
    client.send(row.request);
    const std::string answer = client.take();
    CHECK(answer.starts_with("HTTP/1.1 " + std::string(row.status)));
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(client.ended());
    CHECK(fixture.echo.requests == 0);
  }
}

TEST_CASE(
    "a malformed chunk ends the request with 400 and the connection with it; what follows is no request") {
  for (const char* chunks :
       {"5x\r\nhello\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\r\n0\r\nX : y\r\n\r\n"}) {
    CAPTURE(chunks);
    Fixture fixture;
    Peer client(fixture.fake, "127.0.0.1:80");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks) +
                "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = client.take();
    CHECK(answer.starts_with("HTTP/1.1 400"));
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
    CHECK(client.ended());
    CHECK(fixture.echo.requests == 1);
  }
}

TEST_CASE("a slow head is answered with 408, an idle connection just ends") {
  Fixture fixture({.idle_timeout = 20s, .head_timeout = 10s});
  Peer slow(fixture.fake, "127.0.0.1:80");
  slow.send("GET / HT");
  fixture.fake.advance(5s);
  slow.send("TP/1.1\r\nHost:");  // the deadline is for the whole head: this does not move it
  fixture.fake.advance(4s);
  CHECK(slow.open());
  fixture.fake.advance(2s);
  CHECK(slow.take().starts_with("HTTP/1.1 408"));
  CHECK(slow.ended());

  Peer idle(fixture.fake, "127.0.0.1:80");
  fixture.fake.advance(19s);
  CHECK(idle.open());
  fixture.fake.advance(2s);
  CHECK(idle.ended());
  CHECK(idle.received().empty());
}

TEST_CASE("a slow body is answered with 408") {
  Fixture fixture({.body_timeout = 30s});
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
  fixture.fake.advance(29s);
  CHECK(client.received().empty());
  fixture.fake.advance(2s);
  CHECK(client.take().starts_with("HTTP/1.1 408"));
}

// POST, and so many bytes of content each second; the second in which the connection ended, or the answer
// came.
int upload(Fixture& fixture, std::string_view path, std::string_view framing, std::string_view bytes,
           std::string& answer) {
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n\r\n");
  int second = 0;
  for (; second < 100 && client.open(); ++second) {
    client.send(bytes);
    fixture.fake.advance(1s);
  }
  answer = client.take();
  return second;
}

TEST_CASE("a body that drips is answered with 408 when a silent one is; one that keeps to the rate is not") {
  Fixture fixture({.body_timeout = 30s});
  std::string answer;
  for (const auto& [framing, piece] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"Content-Length: 1000000", "x"}, {"Transfer-Encoding: chunked", "1\r\nx\r\n"}}) {
    const int seconds = upload(fixture, "/", framing, piece, answer);
    CHECK(seconds >= 30);
    CHECK(seconds <= 33);
    CHECK(answer.starts_with("HTTP/1.1 408"));
    CHECK(answer.find("weir-reason: too_slow\r\n") != std::string::npos);
    CHECK(upload(fixture, "/any-rate", framing, piece, answer) == 100);
  }
  const std::string kilobyte(1000, 'x');
  CHECK(upload(fixture, "/", "Content-Length: 1000000", kilobyte, answer) == 100);
}

TEST_CASE("the rate of a body counts while it is waited for, not while the service does not read") {
  Fixture fixture({.body_timeout = 30s});
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("POST /reads-late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  fixture.fake.advance(59s);
  CHECK(client.open());
  fixture.fake.advance(20s);  // it reads, and waits
  client.send("bc");
  CHECK(client.take().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a request whose response has begun may be silent, or drip") {
  Fixture fixture({.body_timeout = 30s});
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("POST /answers-first HTTP/1.1\r\nHost: a\r\nContent-Length: 62\r\n\r\na");
  CHECK(client.take().starts_with("HTTP/1.1 200"));
  fixture.fake.advance(1h);
  for (int second = 0; second < 60; ++second) {
    client.send("b");
    fixture.fake.advance(1s);
  }
  CHECK(client.open());
  client.send("c");
  CHECK(client.take() == "3\r\nend\r\n0\r\n\r\n");
}

// Asks for 4 MiB and takes so many bytes of them each second; the second in which that ended.
int download(Fixture& fixture, std::string_view path, std::size_t bytes) {
  auto connected = fixture.fake.run(fixture.fake.network.connect(*net::Address::parse("127.0.0.1:80"), 1s));
  net::Stream& client = ***connected;
  const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(fixture.fake.run(client.write(net::as_slice(request), 1s)).has_value());
  std::string into(bytes, '\0');
  const std::size_t ends = fixture.echo.ends.size();
  int second = 0;
  for (; second < 200 && fixture.echo.ends.size() == ends; ++second) {
    (void)fixture.fake.run(client.read(std::as_writable_bytes(std::span(into)), 1s));
    fixture.fake.advance(1s);
  }
  return second;
}

TEST_CASE("a response that is taken byte by byte is cut; one that is taken slowly is not") {
  Fixture fixture({.write_timeout = 30s});
  const int seconds = download(fixture, "/large", 1);
  CHECK(seconds >= 30);
  CHECK(seconds <= 40);
  CHECK(fixture.echo.cuts.back() == Cut::kClientTimedOut);
  CHECK(download(fixture, "/large", 300) == 200);
}

TEST_CASE("a client that waits is told to continue, once, when its content is wanted") {
  Fixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(content_of(answer) == "POST / ok");

  // Not wanted: answered without, and the connection cannot go on.
  client.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.take().find("Connection: close\r\n") != std::string::npos);
  CHECK(client.ended());
}

TEST_CASE("HEAD has the length and no content; HTTP/1.0 closes unless asked to stay") {
  Fixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.take();
  CHECK(head.find("Content-Length: 7\r\n") != std::string::npos);
  CHECK(content_of(head).empty());

  Peer stays(fixture.fake, "127.0.0.1:80");
  stays.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(stays.take().find("Connection: keep-alive\r\n") != std::string::npos);
  CHECK(stays.open());
  stays.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(stays.take().find("Connection: close\r\n") != std::string::npos);
  CHECK(stays.ended());
}

TEST_CASE("a client that goes cancels its request") {
  Fixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(fixture.echo.cancelled == 0);
  client.close();
  fixture.fake.run_until_idle();
  CHECK(fixture.echo.cancelled == 1);
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("the service is told how each of its requests ended, once") {
  Fixture fixture;
  Echo& echo = fixture.echo;
  const auto one = [&](std::string_view request) {
    Peer client(fixture.fake, "127.0.0.1:80");
    client.send(request);
    return client.take();
  };
  one("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n"
      "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n");
  one("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  one("GET /error HTTP/1.1\r\nHost: a\r\n\r\n");
  one("GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string refused = one("not a request\r\n\r\n");
  const std::string refused_end =
      " 400 0 " + std::to_string(refused.size() - refused.find("\r\n\r\n") - 4) + " head";
  CHECK(echo.ends == std::vector<std::string>{"/a 200 5 13 head", "/b 200 0 0 head", "/unread 200 3 12 head",
                                              "/error 503 0 38 head", "/breaks 200 0 4 head", refused_end});
  CHECK(echo.cuts ==
        std::vector<Cut>{Cut::kNone, Cut::kNone, Cut::kNone, Cut::kNone, Cut::kOriginBroke, Cut::kNone});
  CHECK(echo.refusals.size() == 1);
  CHECK(echo.requests == 5);
  CHECK(refused.find("weir-reason: malformed\r\n") != std::string::npos);
  CHECK(refused.find("X-Request-Id: ") != std::string::npos);
}

TEST_CASE("a client that goes, one that does not read, and a server that stops are told apart") {
  Fixture fixture;
  Echo& echo = fixture.echo;
  Peer gone(fixture.fake, "127.0.0.1:80");
  gone.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  gone.close();
  fixture.fake.run_until_idle();
  CHECK(echo.ends.back() == "/slow 0 0 0");
  CHECK(echo.cuts.back() == Cut::kClientGone);

  Peer stuck(fixture.fake, "127.0.0.1:80");
  stuck.stop_reading();
  stuck.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.fake.advance(31s);
  CHECK(echo.cuts.back() == Cut::kClientTimedOut);

  Peer waiting(fixture.fake, "127.0.0.1:80");
  waiting.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.server.cut();
  fixture.fake.run_until_idle();
  CHECK(echo.cuts.back() == Cut::kStopped);
  CHECK(echo.ends.size() == 3);
}

TEST_CASE("an error of the service becomes its status, with the reason and the request's id") {
  Fixture fixture;
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET /error HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-1\r\n\r\n");
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 503"));
  CHECK(answer.find("weir-reason: no_endpoint\r\n") != std::string::npos);
  CHECK(answer.find("X-Request-Id: abc-1\r\n") != std::string::npos);
  CHECK(client.open());
}

TEST_CASE("draining answers what is under way, closes what is idle after the grace, and takes nothing new") {
  Fixture fixture({.drain_grace = 500ms});
  Peer busy(fixture.fake, "127.0.0.1:80");
  busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer idle(fixture.fake, "127.0.0.1:80");
  Peer late(fixture.fake, "127.0.0.1:80");
  fixture.server.drain();
  fixture.fake.run_until_idle();
  CHECK_FALSE(Peer(fixture.fake, "127.0.0.1:80").connected());
  late.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = late.take();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(content_of(answer) == "GET /late");
  CHECK(idle.open());
  fixture.fake.advance(600ms);
  CHECK(idle.ended());
  fixture.fake.advance(5s);
  CHECK(content_of(busy.take()) == "GET /slow");
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("for want of descriptors accepting pauses, and goes on") {
  Fixture fixture;
  fixture.fake.network.fail_accepts(*net::Address::parse("127.0.0.1:80"),
                                    {Code::kNoDescriptors, Side::kInternal, Retry::kNever, 0, "none left"},
                                    3);
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.fake.advance(1s);
  CHECK(content_of(client.take()) == "GET /");
  CHECK(fixture.server.counters().accept_pauses.get() == 3);
}

TEST_CASE("a drain waits for what is under way, and not beyond its limit") {
  Fixture fixture({.drain_limit = 3s});
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.server.drain();
  fixture.fake.advance(2s);
  CHECK(client.open());
  fixture.fake.advance(2s);
  CHECK_FALSE(client.open());
  CHECK(fixture.echo.cancelled == 1);
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("leaving takes nothing new, and lets each connection end with an answer, however late") {
  Fixture fixture({.drain_grace = 500ms, .drain_limit = 3s});
  Peer busy(fixture.fake, "127.0.0.1:80");
  busy.send("GET /reads-late HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer idle(fixture.fake, "127.0.0.1:80");
  fixture.server.leave(std::nullopt, nullptr);
  fixture.fake.run_until_idle();
  CHECK_FALSE(Peer(fixture.fake, "127.0.0.1:80").connected());
  fixture.fake.advance(20s);
  CHECK(idle.open());
  idle.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = idle.take();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(content_of(answer) == "GET /late");
  CHECK(idle.ended());
  fixture.fake.advance(50s);
  CHECK(content_of(busy.take()) == "GET /reads-late");
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("leaving can have a limit, and a drain that comes later has its own") {
  Fixture fixture({.drain_limit = 3s});
  Peer client(fixture.fake, "127.0.0.1:80");
  client.send("GET /reads-late HTTP/1.1\r\nHost: a\r\n\r\n");
  SUBCASE("a limit") { fixture.server.leave(10s, nullptr); }
  SUBCASE("a drain") {
    fixture.server.leave(std::nullopt, nullptr);
    fixture.fake.advance(7s);
    fixture.server.drain();
  }
  fixture.fake.advance(2s);
  CHECK(client.open());
  fixture.fake.advance(9s);
  CHECK_FALSE(client.open());
}

// On real sockets, which alone can go to an heir.
TEST_CASE("an heir is given what is between two requests, and the client does not notice") {
  testing::RealEnv real;
  Echo echo(real.loop);
  Server server(real.env, echo, {});
  Server next(real.env, echo, {});
  auto listener = real.network.listen(net::Address::v4({127, 0, 0, 1}, 0));
  REQUIRE(listener);
  const net::Address at = (*listener)->address();
  server.listen(std::move(*listener));
  const auto connect = [&] {
    auto made = real.run(real.network.connect(at, 5s));
    REQUIRE(made);
    REQUIRE(*made);
    return std::move(**made);
  };
  const auto send = [&](net::Stream& client, std::string_view path) {
    const std::string text = "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(real.run(client.write(net::as_slice(text), 5s)));
  };
  const auto answer = [&](net::Stream& client) {
    std::array<std::byte, 4096> bytes;
    auto got = real.run(client.read(bytes, 20s));
    REQUIRE(got);
    REQUIRE(*got);
    return std::string(net::as_text(net::Slice(bytes).first(**got)));
  };
  const auto idle = connect();
  const auto silent = connect();
  const auto busy = connect();
  send(*idle, "/first");
  CHECK(content_of(answer(*idle)) == "GET /first");
  send(*busy, "/slow");
  CHECK(real.run_until([&] { return echo.requests == 2 && server.open_connections() == 3; }));

  server.leave(std::nullopt, [&](Incoming given) {
    CHECK(given.peer.is_loopback());
    CHECK(given.local_port == at.port());
    next.take(std::move(given));
  });
  CHECK(real.run_until([&] { return next.open_connections() == 2; }));
  for (const auto* client : {&idle, &silent}) {
    send(**client, "/second");
    const std::string answered = answer(**client);
    CHECK(content_of(answered) == "GET /second");
    CHECK(answered.find("Connection: close") == std::string::npos);
  }
  const std::string late = answer(*busy);
  CHECK(content_of(late) == "GET /slow");
  CHECK(late.find("Connection: close") == std::string::npos);
  CHECK(real.run_until([&] { return next.open_connections() == 3; }));
  CHECK(server.open_connections() == 0);
  send(*busy, "/third");
  CHECK(content_of(answer(*busy)) == "GET /third");
  server.cut();
  next.cut();
  CHECK(real.run(server.join()));
  CHECK(real.run(next.join()));
}

}  // namespace
}  // namespace weir::http
