#include "h2/server_connection.h"

#include <doctest/doctest.h>

#include "h2/limits.h"
#include "h2/server_fixture.h"

namespace weir::h2 {
namespace {

TEST_CASE("a connection begins with settings and a wider window") {
  ServerFixture fixture;
  FramePeer client(fixture.fake, "127.0.0.1:80");
  client.send(preface());
  CHECK(client.take() == "SETTINGS\nWINDOW_UPDATE 0 983041\nSETTINGS ack\n");
  client.send(frame(FrameType::kSettings, kFlagAck, 0));
  client.send(ping());
  CHECK(client.take() == "PING ack\n");
}

TEST_CASE("requests of one connection are answered side by side") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/slow?a=b?c") + get(3, "/2") + get(5, "/204"));
  CHECK(client.take() ==
        "HEADERS 3 :status=200 content-length=6\nHEADERS 5 end :status=204\nDATA 3 end GET /2\n");
  fixture.fake.advance(5s);
  CHECK(client.take() == "HEADERS 1 :status=200 content-length=9\nDATA 1 end GET /slow\n");
  CHECK(fixture.service.requests == 3);
  CHECK(fixture.server.counters().requests.get() == 3);
  CHECK(fixture.server.counters().responses[2].get() == 3);
}

TEST_CASE("a request's head reads as one of HTTP/1") {
  struct Row {
    std::string sent;
    std::string_view head;
  };
  const Row rows[] = {
      {get(1, "/x?q=1", {{"Cookie", "a"}, {"x", "y"}}), ""},  // upper case is malformed
      {get(1, "/x?q=1", {{"cookie", "a=1"}, {"accept", "b"}, {"cookie", "c=2"}}),
       "GET a /x q=1 0 0 accept=b cookie=a=1; c=2 host=a"},
      {get(1, "/", {{"host", "a"}, {"te", "trailers"}}), "GET a /  0 0 host=a te=trailers"},
      {headers(1, {{":method", "OPTIONS"}, {":scheme", "https"}, {":path", "*"}, {"host", "b:1"}}, true),
       "OPTIONS b:1 *  0 0 host=b:1"},
      {headers(1, {{":method", "PURGE"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}, true),
       "PURGE a /  0 0 host=a"},
      {post(1, "/", {{"content-length", "2"}}) + data(1, "hi", true),
       "POST a /  1 2 content-length=2 host=a"},
      {post(1, "/") + data(1, "hi", true), "POST a /  2 0 host=a"},
      {headers(1,
               {{":method", "POST"},
                {":scheme", "http"},
                {":authority", "a"},
                {":path", "/"},
                {"content-length", "0"}},
               true),
       "POST a /  1 0 content-length=0 host=a"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.head);
    ServerFixture fixture;
    FramePeer client = fixture.client();
    client.send(row.sent);
    CHECK(fixture.service.last_head == row.head);
    if (row.head.empty()) CHECK(client.take() == "RST_STREAM 1 1\n");
  }
}

TEST_CASE("content is echoed, with trailers, however it is cut") {
  const std::string request = post(1, "/echo") + data(1, "hello", false) + data(1, "", false) +
                              data(1, "world", false) + headers(1, {{"x-sum", "10"}}, true);
  for (std::size_t piece = 1; piece < 30; ++piece) {
    CAPTURE(piece);
    ServerFixture fixture;
    FramePeer client = fixture.client();
    for (std::size_t at = 0; at < request.size(); at += piece) client.send(request.substr(at, piece));
    const std::string answer = client.take_streams();
    CHECK(answer.find("POST /echo") != std::string::npos);
    CHECK(answer.find("x-sum=10\n") != std::string::npos);
    CHECK(answer.find("DATA 1 end") != std::string::npos);
  }
}

TEST_CASE("what may not be in trailers does not reach the service") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/echo") + data(1, "hi", false) +
              headers(1,
                      {{"x-sum", "2"},
                       {"x-forwarded-for", "1"},
                       {"x_forwarded_for", "2"},
                       {"x-forwarded-client-cert", "3"},
                       {"authorization", "4"},
                       {"cookie", "5"},
                       {"host", "b"},
                       {"grpc-status", "0"}},
                      true));
  const std::string answer = client.take_streams();
  CHECK(answer.contains("POST /echo hi x-sum=2 grpc-status=0\n"));
}

TEST_CASE("what is not a request is refused, and the connection goes on") {
  const FieldList usual = {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}};
  const auto with = [&usual](std::size_t index, std::string value) {
    FieldList fields = usual;
    fields[index].second = std::move(value);
    return headers(1, fields, true);
  };
  struct Row {
    std::string sent;
    std::string_view answer;
  };
  const std::string reset = "RST_STREAM 1 1\n";
  const Row rows[] = {
      {headers(1, {{":method", "CONNECT"}, {":authority", "a:80"}}, true), ":status=501"},
      {with(0, std::string(40, 'M')), ":status=501"},
      {with(1, "ftp"), ":status=400"},
      {with(2, "user@a"), ":status=400"},
      {with(2, "a b"), "RST_STREAM 1 1"},
      {with(3, "/a#b"), ":status=400"},
      {with(3, "/\xc3\xa4"), ":status=400"},
      {with(3, "*"), "RST_STREAM 1 1"},
      {with(3, "http://a/"), "RST_STREAM 1 1"},
      {with(3, "/" + std::string(limits::kTargetBytesMax, 'x')), ":status=414"},
      {get(1, "/", {{"host", "b"}}), ":status=400"},
      {headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, true), "RST_STREAM 1 1"},
      {get(1, "/", {{"expect", "200-ok"}}), ":status=417"},
      {get(1, "/", {{"x", std::string(25000, 'x')}}), "GOAWAY 0 6"},  // a frame that is too large
      {get(1, "/", {{"x", std::string(12000, 'x')}, {"y", std::string(4000, 'y')}}), ":status=200"},
      {get(1, "/", {{"connection", "close"}}), reset},
      {get(1, "/", {{"transfer-encoding", "chunked"}}), reset},
      {get(1, "/", {{"te", "gzip"}}), reset},
      {get(1, "/", {{"x y", "1"}}), reset},
      {get(1, "/", {{"x", "a\nb"}}), reset},
      {get(1, "/", {{":path", "/2"}}), reset},
      {post(1, "/", {{"content-length", "3"}}) + data(1, "hi", true), reset},
      {post(1, "/", {{"content-length", "1"}}) + data(1, "hi", true), reset},
      {get(1, "/", {{"content-length", "1"}}), reset},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sent.substr(0, 120));
    CAPTURE(row.answer);
    ServerFixture fixture;
    FramePeer client = fixture.client();
    client.send(row.sent);
    const std::string answer = client.take_streams();
    CAPTURE(answer);
    CHECK(answer.find(row.answer) != std::string::npos);
    if (row.answer.starts_with("GOAWAY")) continue;
    client.send(get(3, "/next"));
    CHECK(client.take_streams().find("GET /next") != std::string::npos);
  }
}

TEST_CASE("too many fields, or too much of them over several frames, is 431") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  FieldList many;
  for (int i = 0; i < 200; ++i) many.push_back({"x" + std::to_string(i), "v"});
  client.send(get(1, "/", many));
  CHECK(client.take_streams().starts_with("HEADERS 1 :status=431"));

  const std::string block = hpack({{":method", "GET"},
                                   {":scheme", "http"},
                                   {":authority", "a"},
                                   {":path", "/"},
                                   {"x", std::string(30000, 'x')}});
  client.send(frame(FrameType::kHeaders, kFlagEndStream, 3, block.substr(0, 16000)) +
              frame(FrameType::kContinuation, kFlagEndHeaders, 3, block.substr(16000)));
  CHECK(client.take_streams().starts_with("HEADERS 3 :status=431"));
  CHECK(fixture.service.requests == 0);
  CHECK(fixture.server.counters().refused.get() == 2);
}

TEST_CASE("an error of the service becomes its status, with the reason and the request's id") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/error", {{"x-request-id", "abc-1"}}));
  const std::string answer = client.take();
  CHECK(answer.starts_with("HEADERS 1 :status=503"));
  CHECK(answer.find("weir-reason=no_endpoint") != std::string::npos);
  CHECK(answer.find("x-request-id=abc-1") != std::string::npos);
}

TEST_CASE("what is refused before the service sees it has a reason and an id, too") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/a#b", {{"x-request-id", "abc-2"}}));
  const std::string answer = client.take();
  CHECK(answer.starts_with("HEADERS 1 :status=400"));
  CHECK(answer.find("weir-reason=malformed") != std::string::npos);
  CHECK(answer.find("x-request-id=abc-2") != std::string::npos);
  CHECK(fixture.service.requests == 0);
  CHECK(fixture.service.last_error.code == Code::kMalformed);
  REQUIRE(fixture.service.ends.size() == 1);
  CHECK(fixture.service.ends[0].find(" 400 0 ") != std::string::npos);
}

TEST_CASE("the service is told how each of its requests ended, once") {
  using http::Cut;
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/a") + data(1, "hi", false) + data(1, "you", true));
  client.send(
      headers(3, {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/b"}}, true));
  client.send(post(5, "/unread") + data(5, "abc", true));
  client.send(get(7, "/204"));
  client.send(get(9, "/broken"));
  client.send(get(11, "/pieces"));
  fixture.fake.advance(4s);
  client.send(get(13, "/slow") + rst_stream(13, ErrorCode::kCancel));  // never begun
  CHECK(fixture.service.ends == std::vector<std::string>{"/a 200 5 13 head", "/b 200 0 0 head",
                                                         "/unread 200 3 12 head", "/204 204 0 0 head",
                                                         "/broken 200 0 4 head", "/pieces 200 0 15 head"});
  CHECK(fixture.service.cuts ==
        std::vector<Cut>{Cut::kNone, Cut::kNone, Cut::kNone, Cut::kNone, Cut::kOriginBroke, Cut::kNone});
  CHECK(fixture.service.requests == 6);
}

TEST_CASE("why a request came to no end: its client, the client's faults, or the server") {
  using http::Cut;
  ServerFixture fixture({.write_timeout = 30s});
  PathService& service = fixture.service;
  FramePeer client = fixture.client();
  client.send(get(1, "/slow"));
  client.send(rst_stream(1, ErrorCode::kCancel));
  CHECK(service.cuts == std::vector<Cut>{Cut::kClientGone});
  CHECK(service.ends.back() == "/slow 0 0 0");

  FramePeer stuck(fixture.fake, "127.0.0.1:80");
  stuck.send(preface() + settings({{4, 10}}) + get(1, "/echo-longer-than-ten"));
  fixture.fake.advance(31s);
  CHECK(service.cuts.back() == Cut::kClientTimedOut);
  CHECK(service.ends.back() == "/echo-longer-than-ten 200 0 10 head");

  FramePeer hostile = fixture.client();
  hostile.send(get(1, "/slow"));
  hostile.send(frame(FrameType::kData, 0, 2, "x"));
  CHECK(service.cuts.back() == Cut::kClientFault);

  FramePeer gone = fixture.client();
  gone.send(get(1, "/slow"));
  gone.raw().close();
  fixture.fake.run_until_idle();
  CHECK(service.cuts.back() == Cut::kClientGone);

  FramePeer waiting = fixture.client();
  waiting.send(get(1, "/slow"));
  fixture.server.cut();
  fixture.fake.run_until_idle();
  CHECK(service.cuts.back() == Cut::kStopped);
  CHECK(service.ends.size() == 5);
}

TEST_CASE("HEAD has the length and no content; trailers follow content; trailers alone are a head") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(
      headers(1, {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}}, true));
  CHECK(client.take() == "HEADERS 1 end :status=200 content-length=7\n");
  client.send(get(3, "/pieces"));
  CHECK(client.take() == "HEADERS 3 :status=200\n");
  fixture.fake.advance(1s);
  CHECK(client.take() == "DATA 3 piece\n");
  fixture.fake.advance(2s);
  CHECK(client.take() == "DATA 3 piece\nDATA 3 piece\nHEADERS 3 end grpc-status=0\n");
  client.send(get(5, "/trailers-only"));
  CHECK(client.take() == "HEADERS 5 :status=200\nHEADERS 5 end grpc-status=0\n");
}

TEST_CASE("a response that breaks is reset, so that a part is not taken for the whole") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/broken"));
  CHECK(client.take() == "HEADERS 1 :status=200\nDATA 1 part\nRST_STREAM 1 2\n");
}

TEST_CASE("interim responses go ahead of the final one; 100 when the content is wanted, once") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/hints"));
  CHECK(client.take() ==
        "HEADERS 1 :status=103 link=</x.css>\nHEADERS 1 :status=200 content-length=10\nDATA 1 end GET "
        "/hints\n");
  client.send(post(3, "/echo", {{"expect", "100-continue"}}));
  CHECK(client.take() == "HEADERS 3 :status=100\n");
  client.send(data(3, "ok", true));
  CHECK(client.take() == "HEADERS 3 :status=200 content-length=13\nDATA 3 end POST /echo ok\n");
}

TEST_CASE("an answer ahead of the request's end stops the upload without an error") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/unread") + data(1, "part", false));
  CHECK(client.take() ==
        "HEADERS 1 :status=200 content-length=12\nDATA 1 end POST /unread\nRST_STREAM 1 0\n");
  client.send(data(1, "on its way", true) + get(3, "/next"));  // no offence
  CHECK(client.take_streams().find("GET /next") != std::string::npos);
}

TEST_CASE("a client that resets a stream, or leaves, cancels its request and no other") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/slow") + get(3, "/slow"));
  client.send(rst_stream(1, ErrorCode::kCancel));
  CHECK(fixture.service.cancelled == 1);
  fixture.fake.advance(5s);
  CHECK(client.take() == "HEADERS 3 :status=200 content-length=9\nDATA 3 end GET /slow\n");
  client.send(get(5, "/slow") + get(7, "/slow"));
  client.raw().close();
  fixture.fake.run_until_idle();
  CHECK(fixture.service.cancelled == 3);
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("content for a stream that its client has reset is a fault, also in one read with the reset") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/slow"));
  client.send(rst_stream(1, ErrorCode::kCancel) + data(1, "late", true));
  CHECK(client.take_streams().find("GOAWAY") != std::string::npos);
  CHECK(fixture.service.cancelled == 1);
}

TEST_CASE("a request that is reset in the same read is not begun") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/slow") + rst_stream(1, ErrorCode::kCancel) + get(3, "/after"));
  CHECK(fixture.service.requests == 1);
  CHECK(client.take_streams().find("GET /after") != std::string::npos);
}

TEST_CASE("a response keeps to the client's windows") {
  ServerFixture fixture;
  FramePeer client(fixture.fake, "127.0.0.1:80");
  client.send(preface() + settings({{4, 10}}) + get(1, "/echo-longer-than-ten"));
  CHECK(client.take_streams() == "HEADERS 1 :status=200 content-length=25\nDATA 1 GET /echo-\n");
  client.send(window_update(1, 5));
  CHECK(client.take() == "DATA 1 longe\n");
  client.send(window_update(1, 100));
  CHECK(client.take() == "DATA 1 end r-than-ten\n");

  client.send(settings({{4, 1000000}}) + get(3, "/big"));  // the connection's window is 65,535 less 25
  (void)client.take();
  std::size_t received = 65510;
  while (received < 300000) {
    client.send(window_update(0, 50000));
    const std::string more = client.take();
    const std::size_t bytes = static_cast<std::size_t>(std::ranges::count(more, 'x'));
    CHECK(bytes <= 50000);
    REQUIRE(bytes > 0);
    received += bytes;
  }
  CHECK(received == 300000);
}

net::Task<void> put(net::Stream& stream, std::string bytes) {
  CHECK((co_await stream.write(net::as_slice(bytes), 1s)).has_value());
}

// Narrows the client's windows, without a turn of the loop meanwhile.
struct Narrowing final : net::Timer {
  Narrowing(net::Loop& loop, net::Stream& of)
      : Timer([](Timer& timer) {
          auto& self = static_cast<Narrowing&>(timer);
          self.group.spawn(put(self.stream, settings({{4, 0}})));
        }),
        group(loop),
        stream(of) {}
  net::TaskGroup group;
  net::Stream& stream;
};

TEST_CASE("a short answer that has no window any more when its turn ends is not kept for ever") {
  ServerFixture fixture({.head_timeout = 10s, .write_timeout = 30s});
  testing::FakeEnv& fake = fixture.fake;
  auto stream = fake.run(fake.network.connect(*net::Address::parse("127.0.0.1:80"), 1s));
  Narrowing narrowing(fake.loop, ***stream);
  FramePeer client(testing::Peer(fake, std::move(**stream)));
  client.send(preface() + frame(FrameType::kSettings, kFlagAck, 0) + get(1, "/slow"));
  (void)client.take();
  // Both in one turn: the settings are read in the next one, just before what the answer has left is packed.
  fake.loop.arm(narrowing, fake.loop.now() + 4s);
  fake.clock.advance(6s);
  CHECK(client.take() == "SETTINGS ack\nHEADERS 1 :status=200 content-length=9\n");
  CHECK(fixture.service.ends == std::vector<std::string>{"/slow 200 0 9 head"});
  fake.advance(25s);
  CHECK(client.raw().open());
  fake.advance(20s);
  CHECK(client.take() == "GOAWAY 1 11\n");
}

TEST_CASE("the windows of a request open only as its content is read") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(post(1, "/slow"));  // reads after five seconds
  const std::string piece(16000, 'x');
  for (int i = 0; i < 16; ++i) client.send(data(1, piece, false));
  CHECK(client.take().find("WINDOW_UPDATE") == std::string::npos);
  fixture.fake.advance(5s);
  CHECK(fixture.service.read_bytes == 256000);
  CHECK(client.take().find("WINDOW_UPDATE 1 ") != std::string::npos);
  client.send(data(1, "", true));
  CHECK(client.take_streams().starts_with("HEADERS 1 :status=200"));
}

TEST_CASE("content beyond the window ends the stream, and its bytes come back to the connection") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  const std::string piece(16384, 'x');
  for (int round = 0; round < 5; ++round) {
    const std::int32_t id = 1 + 2 * round;
    client.send(post(id, "/slow"));
    for (int i = 0; i < 17; ++i) client.send(data(id, piece, false));
    const std::string answer = client.take();
    CHECK(answer.find("RST_STREAM " + std::to_string(id) + " 3\n") != std::string::npos);
    CHECK(answer.find("GOAWAY") == std::string::npos);
  }
  CHECK(fixture.service.cancelled == 5);
}

TEST_CASE("content over a limit is 413, content that does not come is 408") {
  ServerFixture fixture({.body_timeout = 30s});
  FramePeer client = fixture.client();
  client.send(post(1, "/limited") + data(1, "12345", false));
  CHECK(client.take_streams().starts_with("HEADERS 1 :status=413"));
  client.send(post(3, "/echo") + data(3, "1", false));
  fixture.fake.advance(29s);
  CHECK(client.take_streams().empty());
  fixture.fake.advance(2s);
  CHECK(client.take_streams().starts_with("HEADERS 3 :status=408"));
}

TEST_CASE("draining says so twice, answers what is under way, and then ends") {
  ServerFixture fixture({.drain_grace = 500ms});
  FramePeer busy = fixture.client();
  busy.send(get(1, "/slow"));
  FramePeer idle = fixture.client();
  fixture.server.drain();
  CHECK(busy.take() == "GOAWAY 2147483647 0\n");
  CHECK(idle.take() == "GOAWAY 2147483647 0\n");
  busy.send(get(3, "/on-its-way"));
  CHECK(busy.take_streams().find("GET /on-its-way") != std::string::npos);
  fixture.fake.advance(600ms);
  CHECK(busy.take() == "GOAWAY 3 0\n");
  CHECK(idle.take() == "GOAWAY 0 0\n");
  CHECK(idle.raw().ended());
  busy.send(get(5, "/too-late"));
  CHECK(busy.take().empty());
  fixture.fake.advance(5s);
  CHECK(busy.take() == "HEADERS 1 :status=200 content-length=9\nDATA 1 end GET /slow\n");
  CHECK(busy.raw().ended());
  CHECK(fixture.service.requests == 2);
}

TEST_CASE("an idle connection ends in time, a busy one does not; one that says nothing ends sooner") {
  ServerFixture fixture({.idle_timeout = 20s, .head_timeout = 10s});
  FramePeer client = fixture.client();
  client.send(get(1, "/x"));
  (void)client.take();
  fixture.fake.advance(12s);
  client.send(get(3, "/slow"));
  fixture.fake.advance(6s);
  (void)client.take();
  fixture.fake.advance(18s);  // 19 since the last answer
  CHECK(client.raw().open());
  fixture.fake.advance(2s);
  CHECK(client.take() == "GOAWAY 3 0\n");
  CHECK(client.raw().ended());

  FramePeer silent(fixture.fake, "127.0.0.1:80");
  silent.send(preface().substr(0, 24));
  fixture.fake.advance(11s);
  CHECK(silent.take_streams() == "GOAWAY 0 4\n");
  CHECK(silent.raw().ended());
}

TEST_CASE("a client that goes away ends the connection when its requests are answered") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  client.send(get(1, "/slow") + goaway(0, ErrorCode::kNoError));
  CHECK(client.raw().open());
  fixture.fake.advance(5s);
  CHECK(client.take() == "HEADERS 1 :status=200 content-length=9\nDATA 1 end GET /slow\n");
  CHECK(client.raw().ended());
}

}  // namespace
}  // namespace weir::h2
