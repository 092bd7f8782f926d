// Every limit of h2/limits.h and h2/abuse.h that a client can reach, from the outside (RFC 9113
// section 10.5).
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "h2/limits.h"
#include "h2/server_fixture.h"

namespace weir::h2 {
namespace {

constexpr std::string_view kCalm = " 11\n";  // ENHANCE_YOUR_CALM

// Sends until the connection ends; how often, or `max`.
template <class Make>
int until_ended(ServerFixture& fixture, FramePeer& client, int max, Make make) {
  for (int i = 0; i < max; ++i) {
    client.send(make(i));
    fixture.fake.run_until_idle();
    if (client.raw().ended()) return i + 1;
  }
  return max;
}

TEST_CASE("floods end the connection with ENHANCE_YOUR_CALM, others are let be") {
  struct Row {
    const char* name;
    std::string (*make)(int);
    int at_least;
    int at_most;
  };
  const Row rows[] = {
      {"rapid reset",
       [](int i) { return get(1 + 2 * i, "/slow") + rst_stream(1 + 2 * i, ErrorCode::kCancel); }, 150, 250},
      {"resets of our own making, by a window that overflows",
       [](int i) { return get(1 + 2 * i, "/slow") + window_update(1 + 2 * i, 0x7fffffff); }, 120, 250},
      {"resets of our own making, by a malformed head",
       [](int i) { return get(1 + 2 * i, "/", {{"connection", "x"}}); }, 120, 250},
      {"heads that are refused", [](int i) { return get(1 + 2 * i, "/", {{"expect", "x"}}); }, 80, 150},
      {"settings", [](int) { return settings({}); }, 90, 110},
      {"ping", [](int) { return ping(); }, 450, 550},
      {"priority", [](int) { return frame(FrameType::kPriority, 0, 1, std::string("\0\0\0\0\x10", 5)); }, 900,
       1100},
      {"window updates", [](int) { return window_update(0, 1); }, 900, 1200},
      {"unknown frames", [](int) { return frame(static_cast<FrameType>(0xfe), 0, 0, "x"); }, 450, 550},
      {"empty data", [](int i) { return i == 0 ? post(1, "/slow") : data(1, "", false); }, 150, 250},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ServerFixture fixture;
    FramePeer client = fixture.client();
    FramePeer other = fixture.client();
    const int sent = until_ended(fixture, client, 2000, row.make);
    CHECK(sent >= row.at_least);
    CHECK(sent <= row.at_most);
    CHECK(client.take().ends_with(kCalm));
    CHECK(fixture.fake.log.count("HTTP/2 connection ended for abuse") == 1);
    other.send(get(1, "/other"));
    CHECK(other.take().find("GET /other") != std::string::npos);
  }
}

TEST_CASE("an attacker that comes back again and again fills no log") {
  ServerFixture fixture;
  for (int i = 0; i < 50; ++i) {
    FramePeer client = fixture.client();
    (void)until_ended(fixture, client, 2000, [](int) { return settings({}); });
  }
  CHECK(fixture.server.counters().ended_for_abuse.get() == 50);
  CHECK(fixture.fake.log.count("HTTP/2 connection ended for abuse") == 1);
  fixture.fake.advance(LogLimit::kPause);
  FramePeer client = fixture.client();
  (void)until_ended(fixture, client, 2000, [](int) { return settings({}); });
  CHECK(fixture.fake.log.text().find("others=49") != std::string::npos);
}

TEST_CASE("many requests in a row that are answered are no offence, nor is a tenth of them reset") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  for (int i = 0; i < 5000; ++i) {
    const std::int32_t id = 1 + 2 * i;
    client.send(i % 10 == 0 ? get(id, "/slow") + rst_stream(id, ErrorCode::kCancel) : get(id, "/x"));
    if (i % 100 == 0) (void)client.take();
    client.send(window_update(0, 100));
    REQUIRE(client.raw().open());
  }
}

TEST_CASE("streams beyond what was advertised are refused, or end the connection once it is acknowledged") {
  ServerFixture fixture;
  FramePeer client(fixture.fake, "127.0.0.1:80");
  client.send(preface());
  (void)client.take();
  std::string requests;
  for (int i = 0; i < 101; ++i) requests += get(1 + 2 * i, "/slow");
  client.send(requests);
  CHECK(client.take() == "RST_STREAM 201 7\n");
  CHECK(fixture.service.requests == 100);
  client.send(frame(FrameType::kSettings, kFlagAck, 0) + get(203, "/slow"));
  CHECK(client.take().ends_with("GOAWAY 199 1\n"));
}

// A service that can't be stopped at once.
class StubbornService final : public http::Service {
 public:
  explicit StubbornService(net::Loop& loop) : loop_(loop) {}
  net::Task<Result<http::ResponsePtr>> handle(http::Request& /*request*/) override {
    ++running;
    most = std::max(most, running);
    net::TaskGroup beside(loop_);
    beside.spawn(sleep(loop_));
    co_await beside.join();
    --running;
    co_return std::make_unique<http::TextResponse>(200, "", "done");
  }
  int running = 0;
  int most = 0;

 private:
  static net::Task<void> sleep(net::Loop& loop) { (void)co_await loop.sleep(60s); }
  net::Loop& loop_;
};

TEST_CASE("requests that were given up count until their tasks have ended") {
  testing::FakeEnv fake;
  StubbornService service(fake.loop);
  http::Server server(fake.env, service, ServerFixture::with_h2({}));
  server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:80")),
                std::make_shared<PriorKnowledge>());
  FramePeer client(fake, "127.0.0.1:80");
  client.send(preface());
  std::string answers;
  for (int i = 0; i < 220; ++i) {
    client.send(get(1 + 2 * i, "/"));
    client.send(rst_stream(1 + 2 * i, ErrorCode::kCancel));
    fake.advance(100ms);  // slow enough for the score
    answers += client.take();
  }
  CHECK(service.most == kStreamTasksMax);
  CHECK(answers.find("RST_STREAM 401 7\n") != std::string::npos);
  CHECK(client.raw().open());
  server.drain();
  server.cut();
  CHECK(fake.run(server.join(), 120s));
}

TEST_CASE("a field section in many frames ends the connection, and one that never ends does so in time") {
  ServerFixture fixture({.head_timeout = 10s});
  FramePeer client = fixture.client();
  std::string flood = frame(FrameType::kHeaders, kFlagEndStream, 1, hpack({{":method", "GET"}}));
  for (std::size_t i = 0; i <= kContinuationsMax; ++i)
    flood += frame(FrameType::kContinuation, 0, 1, hpack({{"x", "y"}}));
  client.send(flood);
  CHECK(client.take().ends_with(kCalm));
  CHECK(client.raw().ended());

  FramePeer slow = fixture.client();
  slow.send(frame(FrameType::kHeaders, kFlagEndStream, 1, hpack({{":method", "GET"}})));
  fixture.fake.advance(9s);
  slow.send(frame(FrameType::kContinuation, 0, 1, hpack({{"x", "y"}})));  // does not move the deadline
  CHECK(slow.raw().open());
  fixture.fake.advance(2s);
  CHECK(slow.take().ends_with(kCalm));
}

TEST_CASE("one byte that stands for four thousand, again and again, ends the connection") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  // Into the dynamic table (RFC 7541 section 6.2.1), then named by its index.
  std::string block = hpack({{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  std::string entry = hpack({{"x", std::string(4000, 'x')}});
  entry[0] = 0x40;
  block += entry;
  const std::string bomb = block + std::string(10000, static_cast<char>(0x80 + 62));
  client.send(frame(FrameType::kHeaders, kFlagEndHeaders | kFlagEndStream, 1, bomb));
  CHECK(client.take().ends_with(kCalm));
  CHECK(fixture.service.requests == 0);

  FramePeer modest = fixture.client();  // over the limit of a head, under that of the decoder
  modest.send(frame(FrameType::kHeaders, kFlagEndHeaders | kFlagEndStream, 1,
                    block + std::string(20, static_cast<char>(0x80 + 62))));
  CHECK(modest.take().starts_with("HEADERS 1 :status=431"));
}

TEST_CASE("a client that takes nothing of a response loses it, and at last the connection") {
  ServerFixture fixture({.write_timeout = 30s});
  FramePeer client(fixture.fake, "127.0.0.1:80");
  client.send(preface() + settings({{4, 0}}));  // no window
  std::string requests;
  for (int i = 0; i < 30; ++i) requests += get(1 + 2 * i, "/x");
  client.send(requests);
  (void)client.take();
  fixture.fake.advance(29s);
  CHECK(client.take().empty());
  fixture.fake.advance(2s);
  const std::string answer = client.take();
  CHECK(answer.starts_with("RST_STREAM "));
  CHECK(answer.ends_with(kCalm));  // 20 of them are enough
}

TEST_CASE("a client that takes a byte now and then loses the response too") {
  ServerFixture fixture({.write_timeout = 30s});
  FramePeer client(fixture.fake, "127.0.0.1:80");
  client.send(preface() + settings({{4, 0}}) + get(1, "/big"));
  (void)client.take();
  bool reset = false;
  for (int i = 0; i < 40 && !reset; ++i) {
    client.send(window_update(1, 1));
    fixture.fake.advance(1s);
    reset = client.take().find("RST_STREAM 1 ") != std::string::npos;
  }
  CHECK(reset);
}

// The second in which the stream ended of a client that lets so many bytes of it go each second; 200: it has
// not.
int download(ServerFixture& fixture, int streams, int bytes) {
  FramePeer client(fixture.fake, "127.0.0.1:80");
  std::string requests;
  for (int i = 0; i < streams; ++i) requests += get(1 + 2 * i, "/big");
  client.send(preface() + settings({{4, 0}}) + requests);
  (void)client.take();
  for (int second = 0; second < 200; ++second) {
    for (int i = 0; i < streams; ++i) client.send(window_update(1 + 2 * i, bytes));
    if (second == 0) client.send(window_update(0, 1 << 20));
    fixture.fake.advance(1s);
    if (client.take().find("RST_STREAM ") != std::string::npos) return second;
  }
  return 200;
}

TEST_CASE("a stream keeps to the rate by its share of what the client takes in all") {
  ServerFixture fixture({.write_timeout = 30s});
  CHECK(download(fixture, 1, 100) < 200);
  CHECK(download(fixture, 1, 250) == 200);
  CHECK(download(fixture, 10, 10) < 200);
  CHECK(download(fixture, 10, 30) == 200);
}

// What comes back when so many requests send a byte each second, and the second in which it comes.
std::pair<int, std::string> drip(ServerFixture& fixture, FramePeer& client, int streams) {
  std::string requests;
  std::string drops;
  for (int i = 0; i < streams; ++i) {
    requests += post(1 + 2 * i, "/x");
    drops += data(1 + 2 * i, "x", false);
  }
  client.send(requests);
  for (int second = 0; second < 100; ++second) {
    client.send(drops);
    fixture.fake.advance(1s);
    if (std::string answer = client.take_streams(); !answer.empty()) return {second, std::move(answer)};
  }
  return {100, ""};
}

TEST_CASE("content that drips is answered with 408, and counts: many at once end the connection") {
  ServerFixture fixture({.body_timeout = 30s});
  FramePeer client = fixture.client();
  const auto [few_after, few] = drip(fixture, client, 3);
  CHECK(few_after >= 30);
  CHECK(few_after <= 33);
  CHECK(few.starts_with("HEADERS 1 :status=408"));
  CHECK(few.find("weir-reason=too_slow") != std::string::npos);
  CHECK(client.raw().open());
  CHECK(fixture.service.last_error.code == Code::kTooSlow);

  FramePeer hostile = fixture.client();
  const auto [many_after, many] = drip(fixture, hostile, 30);
  CHECK(many_after >= 30);
  CHECK(many_after <= 36);  // together they are at 30 bytes a second
  CHECK(many.ends_with(kCalm));
}

TEST_CASE("content that other streams' content holds back, for which nobody asks yet, is waited for") {
  for (const bool held_back : {true, false}) {
    ServerFixture fixture({.body_timeout = 30s});
    FramePeer client = fixture.client();
    client.send(post(1, "/x") + data(1, "x", false));
    // A byte is left of the connection's window: for the stream that is asked for more.
    std::size_t left = static_cast<std::size_t>(kConnectionWindowBytes) - (held_back ? 1 : 100'000);
    for (std::int32_t id = 3; left > 0; id += 2) {
      const std::size_t bytes = std::min(left, static_cast<std::size_t>(kStreamWindowBytes));
      left -= bytes;
      client.send(post(id, "/reads-late"));
      for (std::size_t sent = 0; sent < bytes; sent += 16384) {
        client.send(data(id, std::string(std::min<std::size_t>(16384, bytes - sent), 'x'), false));
      }
    }
    (void)client.take();
    fixture.fake.advance(50s);
    CHECK((client.take_streams().find(":status=408") == std::string::npos) == held_back);
  }
}

TEST_CASE("content that keeps to the rate is waited for") {
  ServerFixture fixture({.body_timeout = 30s});
  FramePeer client = fixture.client();
  client.send(post(1, "/x"));
  const std::string piece(250, 'x');
  for (int second = 0; second < 100; ++second) {
    client.send(data(1, piece, false));
    fixture.fake.advance(1s);
  }
  CHECK(client.take().find(" 1 ") == std::string::npos);
  client.send(data(1, piece, true));
  CHECK(client.take_streams().starts_with("HEADERS 1 :status=200"));
}

TEST_CASE("a client that does not read can't make us queue answers without end") {
  http::ServerOptions options;
  options.write_timeout = 3600s;
  ServerFixture fixture(options);
  FramePeer client = fixture.client();
  client.raw().stop_reading();
  client.send(window_update(0, 1000000) + settings({{4, 1000000}}) + get(1, "/big"));
  // Pings slow enough for the score: only the queue grows.
  bool ended = false;
  for (std::size_t i = 0; i < 3 * kQueuedFramesMax && !ended; ++i) {
    client.send(ping());
    fixture.fake.advance(30ms);
    ended = client.raw().unsent_bytes() > 0;  // nobody takes them any more
  }
  client.raw().read_again();
  fixture.fake.advance(5s);
  CHECK(client.take().ends_with(kCalm));
}

TEST_CASE("more settings in one frame than there are") {
  ServerFixture fixture;
  FramePeer client = fixture.client();
  std::string payload;
  for (std::size_t i = 0; i <= kSettingsMax; ++i) payload += std::string("\x7f\0\0\0\0\0", 6);
  client.send(frame(FrameType::kSettings, 0, 0, payload));
  CHECK(client.take().ends_with(kCalm));
}

TEST_CASE("frames of a stream that is over are an error, unless they were on their way at our reset") {
  ServerFixture fixture;
  for (const std::string& late : {data(1, "late", true), get(1, "/again")}) {
    FramePeer client = fixture.client();
    client.send(get(1, "/x"));
    (void)client.take();
    client.send(late);
    CHECK(client.take().ends_with(" 5\n"));
  }
  FramePeer reset = fixture.client();
  reset.send(get(1, "/slow") + rst_stream(1, ErrorCode::kCancel) + data(1, "late", true));
  CHECK(reset.take().ends_with(" 5\n"));
}

}  // namespace
}  // namespace weir::h2
