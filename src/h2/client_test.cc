#include "h2/client.h"

#include <doctest/doctest.h>

#include <array>
#include <optional>

#include "h2/limits.h"
#include "h2/server_fixture.h"

namespace weir::h2 {
namespace {

using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;

constexpr http::ExchangeOptions kOptions{.response_timeout = 10s, .read_timeout = 20s, .write_timeout = 30s};

// Content of a request: pieces, one a second, then trailers.
class PiecesBody final : public http::Body {
 public:
  PiecesBody(net::Loop& loop, std::size_t pieces, std::string piece, Duration apart = 1s)
      : loop_(loop), left_(pieces), piece_(std::move(piece)), apart_(apart) {
    trailers_.add("x-end", "yes");
  }
  net::Task<Result<net::Slice>> read() override {
    if (left_ == 0) co_return net::Slice{};
    if (fails) co_return fail(Code::kReset, "the client left", Side::kDownstream);
    if (apart_ > Duration::zero()) {
      if (auto slept = co_await loop_.sleep(apart_); !slept) co_return fail(slept.error());
    }
    --left_;
    co_return net::as_slice(piece_);
  }
  bool at_end() const override { return left_ == 0; }
  const http::Fields* trailers() const override { return &trailers_; }
  bool fails = false;

 private:
  net::Loop& loop_;
  std::size_t left_;
  std::string piece_;
  Duration apart_;
  http::Fields trailers_;
};

class BufferedBody final : public http::Body {
 public:
  explicit BufferedBody(std::string_view content) : left_(content) {}
  net::Slice take_buffered() override { return net::as_slice(std::exchange(left_, {})); }
  net::Task<Result<net::Slice>> read() override { co_return take_buffered(); }
  bool at_end() const override { return left_.empty(); }

 private:
  std::string_view left_;
};

struct Interims final : http::InterimSink {
  net::Task<Result<void>> send_interim(const http::ResponseHead& head) override {
    statuses.push_back(head.status);
    co_return Result<void>{};
  }
  std::vector<int> statuses;
};

// One request by a client, and all that became of it.
struct Call {
  http::RequestHead head;
  http::Request request{.head = head};
  std::string path;
  std::unique_ptr<http::Body> body;
  Interims interims;
  bool drops_response = false;
  // --- what became of it
  bool done = false;
  int status = 0;
  std::string fields;
  std::string content;
  std::string trailers;
  std::optional<Error> error;

  Call(std::string to, std::unique_ptr<http::Body> content_to_send)
      : path(std::move(to)), body(std::move(content_to_send)) {
    head.method = body == nullptr ? http::Method::kGet : http::Method::kPost;
    request.body = body.get();
  }

  net::Task<void> run(ClientConnectionPtr connection) {
    const UpstreamHead upstream{.method = http::name_of(head.method),
                                .scheme = "http",
                                .authority = "a",
                                .path = path,
                                .fields = head.fields};
    auto response = co_await exchange(std::move(connection), upstream, request, kOptions);
    if (response) {
      co_await read(**response);
    } else {
      error = response.error();
    }
    done = true;
  }

 private:
  static void append(std::string& to, const http::Fields& from) {
    for (const http::Field& field : from) to.append(field.name).append("=").append(field.value).append(" ");
  }
  net::Task<void> read(http::Response& response) {
    status = response.head.status;
    append(fields, response.head.fields);
    while (!drops_response && !response.at_end()) {
      const auto piece = co_await response.read();
      if (!piece) error = piece.error();
      if (!piece || piece->empty()) break;
      content += net::as_text(*piece);
    }
    if (response.trailers() != nullptr) append(trailers, *response.trailers());
    if (!response.settled()) co_await response.settle();
  }
};

struct Dialler final : Opener {
  Dialler(FakeEnv& env, net::Address address) : fake(env), to(address) {}
  net::Task<Result<Opened>> open() override {
    auto stream = co_await fake.network.connect(to, 5s);
    if (stream) co_return Opened{std::move(*stream), nullptr};
    Error error = stream.error();
    error.side = Side::kUpstream;
    error.retry = Retry::kSafe;
    co_return fail(error);
  }
  FakeEnv& fake;
  net::Address to;
};

// A client with a pool; calls run in a group.
struct Client {
  explicit Client(FakeEnv& env)
      : fake(env), connections(env.loop), calls(env.loop), pool(env.loop, connections, 30s, nullptr) {}
  ~Client() {
    calls.cancel();
    connections.cancel();
    fake.run_until_idle();
    CHECK(calls.size() == 0);
    CHECK(connections.size() == 0);
  }
  // A request to be started; kept until the end, whatever becomes of it.
  Call& add(std::string path, std::unique_ptr<http::Body> body = nullptr) {
    kept.push_back(std::make_unique<Call>(std::move(path), std::move(body)));
    return *kept.back();
  }
  // On a connection of the pool.
  void start(Call& call) {
    calls.spawn(run(*this, call, *net::Address::parse("127.0.0.1:80")));
    fake.run_until_idle();
  }
  Call& start(std::string path, std::unique_ptr<http::Body> body = nullptr) {
    Call& call = add(std::move(path), std::move(body));
    start(call);
    return call;
  }
  static net::Task<void> run(Client& self, Call& call, net::Address to) {
    Dialler dialler(self.fake, to);
    auto connection = co_await self.pool.acquire(dialler, 5s);
    if (connection) {
      co_await call.run(std::move(*connection));
    } else {
      call.error = connection.error();
      call.done = true;
    }
  }
  FakeEnv& fake;
  std::vector<std::unique_ptr<Call>> kept;
  net::TaskGroup connections;
  net::TaskGroup calls;
  ClientPool pool;
};

// An origin that the test plays itself.
struct Script {
  FakeEnv fake;
  PeerListener listener{fake, "127.0.0.1:80"};
  Client client{fake};

  FramePeer accept(const std::string& greeting = settings({})) {
    FramePeer origin(listener.accept());
    REQUIRE(origin.raw().connected());
    origin.send(greeting);
    return origin;
  }
};

std::string ok(std::int32_t id, bool end) { return headers(id, {{":status", "200"}}, end); }

TEST_CASE("exchanges with our own server: content, trailers, errors, many on one connection") {
  ServerFixture fixture;
  Client client(fixture.fake);
  Call& plain = client.start("/x?q");
  CHECK(plain.status == 200);
  CHECK(plain.content == "GET /x");

  auto body = std::make_unique<PiecesBody>(fixture.fake.loop, 3, "abc");
  Call& upload = client.start("/echo", std::move(body));
  Call& pieces = client.start("/pieces");
  Call& failed = client.start("/error");
  CHECK(failed.status == 503);
  CHECK(failed.fields.find("weir-reason=no_endpoint") != std::string::npos);
  Call& broken = client.start("/broken");
  CHECK(broken.status == 200);
  REQUIRE(broken.error);
  CHECK(broken.error->side == Side::kUpstream);
  fixture.fake.advance(3s);
  CHECK(upload.content == "POST /echo abc abc abc x-end=yes");
  CHECK(pieces.content == "piecepiecepiece");
  CHECK(pieces.trailers == "grpc-status=0 ");
  Call& trailers_only = client.start("/trailers-only");
  CHECK(trailers_only.trailers == "grpc-status=0 ");
  CHECK(client.pool.connections() == 1);
  CHECK(fixture.server.counters().connections.get() == 1);
}

TEST_CASE("what may not be in trailers does not come from an origin") {
  Script script;
  Call& call = script.client.start("/");
  FramePeer origin = script.accept();
  origin.send(headers(1, {{":status", "200"}}, false) + data(1, "x", false) +
              headers(1,
                      {{"set-cookie", "a=b"},
                       {"content-type", "text/html"},
                       {"x-forwarded-for", "1"},
                       {"grpc-status", "0"}},
                      true));
  CHECK(call.content == "x");
  CHECK(call.trailers == "grpc-status=0 ");
}

TEST_CASE("large content moves both ways through the windows") {
  ServerFixture fixture;
  Client client(fixture.fake);
  auto body = std::make_unique<PiecesBody>(fixture.fake.loop, 100, std::string(30000, 'x'), Duration::zero());
  Call& upload = client.start("/echo", std::move(body));
  CHECK(upload.status == 200);
  CHECK(fixture.service.read_bytes == 3000000);
  std::vector<Call*> downloads;
  for (int i = 0; i < 20; ++i) downloads.push_back(&client.start("/big"));
  for (const Call* download : downloads) CHECK(download->content.size() == 300000);
}

TEST_CASE("the head as the origin gets it: names in lower case, nothing of the client's connection") {
  Script script;
  Call& call = script.client.add("/p?q");
  call.head.fields.add("Host", "b");
  call.head.fields.add("Connection", "x");
  call.head.fields.add("Keep-Alive", "1");
  call.head.fields.add("Transfer-Encoding", "chunked");
  call.head.fields.add("Upgrade", "h2c");
  call.head.fields.add("TE", "gzip");
  call.head.fields.add("X-Own", "V");
  call.head.fields.add("Accept", "*/*");
  script.client.start(call);
  FramePeer origin = script.accept();
  CHECK(origin.take() ==
        "PREFACE\nSETTINGS\nWINDOW_UPDATE 0 983041\n"
        "HEADERS 1 end :method=GET :scheme=http :authority=a :path=/p?q x-own=V accept=*/*\nSETTINGS ack\n");
  origin.send(headers(1, {{":status", "200"}, {"x", "y"}}, false) + data(1, "hi", true));
  CHECK(call.content == "hi");
  CHECK(call.fields == "x=y ");
}

TEST_CASE("what has come of the content goes with the head") {
  Script script;
  auto body = std::make_unique<BufferedBody>("hello");
  script.client.start("/", std::move(body));
  FramePeer origin = script.accept();
  CHECK(origin.take_streams() ==
        "HEADERS 1 :method=POST :scheme=http :authority=a :path=/\nDATA 1 end hello\n");
}

TEST_CASE("whether a request may be sent again") {
  struct Row {
    const char* name;
    std::string answer;
    bool closes;
    Retry retry;
    Code code;
  };
  const Row rows[] = {
      {"refused", rst_stream(1, ErrorCode::kRefusedStream), false, Retry::kSafe, Code::kReset},
      {"beyond the last stream", goaway(0, ErrorCode::kNoError), false, Retry::kSafe, Code::kReset},
      {"reset", rst_stream(1, ErrorCode::kInternalError), false, Retry::kIfIdempotent, Code::kReset},
      {"connection lost", "", true, Retry::kIfIdempotent, Code::kClosed},
      {"goaway, then lost", goaway(1, ErrorCode::kNoError), true, Retry::kIfIdempotent, Code::kClosed},
      {"no HTTP/2", "HTTP/1.1 400 Bad Request\r\n\r\n", false, Retry::kIfIdempotent, Code::kClosed},
      {"malformed", headers(1, {{":status", "abc"}}, true), false, Retry::kIfIdempotent, Code::kReset},
      {"no status", headers(1, {{"x", "y"}}, true), false, Retry::kIfIdempotent, Code::kReset},
      {"switching", headers(1, {{":status", "101"}}, false), false, Retry::kIfIdempotent, Code::kReset},
      {"status out of range", headers(1, {{":status", "999"}}, true), false, Retry::kNever, Code::kMalformed},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Script script;
    Call& call = script.client.start("/");
    FramePeer origin = script.accept(row.answer.starts_with("HTTP") ? "" : settings({}));
    origin.send(row.answer);
    if (row.closes) origin.raw().close();
    script.fake.run_until_idle();
    REQUIRE(call.error);
    CHECK(call.error->side == Side::kUpstream);
    CHECK(call.error->retry == row.retry);
    CHECK(call.error->code == row.code);
  }
}

TEST_CASE("a response that breaks off is an error of the origin's, and never to be tried again") {
  Script script;
  Call& call = script.client.start("/");
  FramePeer origin = script.accept();
  origin.send(headers(1, {{":status", "200"}, {"content-length", "10"}}, false) + data(1, "part", false));
  origin.send(rst_stream(1, ErrorCode::kCancel));
  REQUIRE(call.error);
  CHECK(call.error->side == Side::kUpstream);
  CHECK(call.error->retry == Retry::kNever);
  Call& short_one = script.client.start("/");
  origin.send(headers(3, {{":status", "200"}, {"content-length", "10"}}, false) + data(3, "part", true));
  CHECK(short_one.error);
  CHECK(origin.take_streams().ends_with("RST_STREAM 3 1\n"));
}

TEST_CASE("more requests than the origin allows wait for a stream, on that connection or another") {
  Script script;
  Call& first = script.client.start("/1");
  FramePeer origin = script.accept(settings({{3, 1}}));  // one at a time
  (void)origin.take();
  script.client.start("/2");  // opens a second connection
  CHECK(script.client.pool.connections() == 2);
  FramePeer other = script.accept(settings({{3, 1}}));
  CHECK(other.take_streams().find(":path=/2") != std::string::npos);

  Dialler dialler(script.fake, *net::Address::parse("127.0.0.1:81"));
  auto connection = script.fake.run(script.client.pool.acquire(dialler, 1s));
  REQUIRE(connection);  // nobody listens there, and both are full
  CHECK_FALSE(*connection);
  CHECK((*connection).error().retry == Retry::kSafe);

  origin.send(ok(1, true));
  CHECK(first.status == 200);
  script.client.start("/3");
  CHECK(script.client.pool.connections() == 2);
  CHECK(origin.take_streams().find(":path=/3") != std::string::npos);
}

TEST_CASE("a connection that is full takes some more that wait, and then no more") {
  Script script;
  script.client.start("/first");
  FramePeer origin = script.accept(settings({{3, 1}}));
  (void)origin.take();
  auto stream = script.fake.run(script.fake.network.connect(*net::Address::parse("127.0.0.1:80"), 1s));
  const ClientConnectionPtr full = script.client.pool.add({std::move(**stream), nullptr});
  FramePeer second = script.accept(settings({{3, 1}}));
  std::vector<Call*> calls;
  for (std::size_t i = 0; i <= kWaitingRequestsMax + 1; ++i) {
    calls.push_back(&script.client.add("/" + std::to_string(i)));
    script.client.calls.spawn(calls.back()->run(full));
  }
  script.fake.run_until_idle();
  CHECK(second.take_streams() == "HEADERS 1 end :method=GET :scheme=http :authority=a :path=/0\n");
  REQUIRE(calls.back()->error);
  CHECK(calls.back()->error->retry == Retry::kSafe);
  CHECK(calls.back()->error->code == Code::kOverloaded);
  second.send(ok(1, true));
  CHECK(second.take_streams() == "HEADERS 3 end :method=GET :scheme=http :authority=a :path=/1\n");
  second.raw().close();
  script.fake.run_until_idle();
  CHECK(calls[1]->error->retry == Retry::kIfIdempotent);
  CHECK(calls[2]->error->retry == Retry::kSafe);  // never sent
}

TEST_CASE("no answer in time; a connection on which nothing comes gets no more requests") {
  Script script;
  Call& call = script.client.start("/");
  FramePeer origin = script.accept();
  (void)origin.take();
  script.client.start("/live");
  script.fake.advance(9s);
  CHECK_FALSE(call.done);
  origin.send(ping());
  script.fake.advance(2s);
  REQUIRE(call.error);
  CHECK(call.error->code == Code::kTimedOut);
  CHECK(call.error->retry == Retry::kNever);
  CHECK(origin.take().find("RST_STREAM 1 8") != std::string::npos);
  CHECK(script.client.pool.connections() == 1);

  Call& dead = script.client.start("/dead");
  script.fake.advance(11s);
  CHECK(dead.error);
  CHECK(origin.take().find("GOAWAY 0 0") != std::string::npos);
}

TEST_CASE("an origin that does not say SETTINGS is none") {
  Script script;
  Call& call = script.client.start("/");
  FramePeer origin = script.accept("");
  script.fake.advance(kSettingsTimeout + 1s);
  CHECK(call.error);
  CHECK(origin.take().ends_with("GOAWAY 1 4\n"));
  CHECK(origin.raw().ended());
}

TEST_CASE("interim responses are passed on; too many are an error") {
  Script script;
  Call& call = script.client.add("/");
  call.request.interim = &call.interims;
  script.client.start(call);
  FramePeer origin = script.accept();
  origin.send(headers(1, {{":status", "103"}, {"link", "x"}}, false) +
              headers(1, {{":status", "103"}}, false) + ok(1, true));
  CHECK(call.interims.statuses == std::vector<int>{103, 103});
  CHECK(call.status == 200);
  Call& many = script.client.start("/");
  for (unsigned i = 0; i <= kInterimMax; ++i) origin.send(headers(3, {{":status", "103"}}, false));
  REQUIRE(many.error);
  CHECK(many.error->code == Code::kMalformed);
}

TEST_CASE("an upload waits for 100 (Continue), for a while, and not when the answer is final") {
  for (const std::string_view answer : {"continue", "silence", "final"}) {
    CAPTURE(answer);
    Script script;
    auto body = std::make_unique<PiecesBody>(script.fake.loop, 1, "content", Duration::zero());
    Call& call = script.client.add("/", std::move(body));
    call.head.expect_continue = true;
    call.head.fields.add(http::Known::kExpect, "100-continue");
    script.client.start(call);
    FramePeer origin = script.accept();
    CHECK(origin.take_streams() ==
          "HEADERS 1 :method=POST :scheme=http :authority=a :path=/ expect=100-continue\n");
    if (answer == "continue") origin.send(headers(1, {{":status", "100"}}, false));
    if (answer == "silence") script.fake.advance(kContinueWait + 100ms);
    if (answer == "final") origin.send(headers(1, {{":status", "417"}}, true));
    const std::string sent = origin.take_streams();
    if (answer == "final") {
      CHECK(call.status == 417);
      CHECK(sent == "RST_STREAM 1 8\n");
    } else {
      CHECK(sent == "DATA 1 content\nHEADERS 1 end x-end=yes\n");
      origin.send(ok(1, true));
      CHECK(call.status == 200);
    }
  }
}

TEST_CASE("an early answer is given while the upload goes on, and ends it") {
  Script script;
  auto body = std::make_unique<PiecesBody>(script.fake.loop, 10, "piece");
  Call& call = script.client.start("/", std::move(body));
  FramePeer origin = script.accept();
  script.fake.advance(1s);
  CHECK(origin.take_streams().ends_with("DATA 1 piece\n"));
  origin.send(ok(1, false) + data(1, "early", false));
  script.fake.advance(1s);
  CHECK(call.status == 200);
  CHECK(call.content == "early");
  CHECK(origin.take_streams() == "DATA 1 piece\n");
  origin.send(data(1, "", true) + rst_stream(1, ErrorCode::kNoError));
  CHECK(call.done);
  CHECK_FALSE(call.error);
}

TEST_CASE("a client that fails in its upload, or leaves, resets the stream and nothing else") {
  Script script;
  auto body = std::make_unique<PiecesBody>(script.fake.loop, 10, "piece");
  Call& call = script.client.start("/", std::move(body));
  FramePeer origin = script.accept();
  script.fake.advance(1s);
  static_cast<PiecesBody&>(*call.body).fails = true;
  script.fake.advance(1s);
  REQUIRE(call.error);
  CHECK(call.error->side == Side::kDownstream);
  CHECK(origin.take_streams().ends_with("RST_STREAM 1 8\n"));

  Call& dropped = script.client.add("/dropped");
  dropped.drops_response = true;
  script.client.start(dropped);
  origin.send(ok(3, false) + data(3, "more than is read", false));
  CHECK(origin.take_streams().ends_with("RST_STREAM 3 8\n"));
  Call& next = script.client.start("/next");
  origin.send(ok(5, true));
  CHECK(next.status == 200);
}

TEST_CASE("requests that come while a connection is being opened share it, and its failure") {
  Script script;
  const auto address = *net::Address::parse("127.0.0.1:80");
  script.fake.network.blackhole(address);
  const std::array calls{&script.client.start("/1"), &script.client.start("/2"), &script.client.start("/3")};
  CHECK(script.fake.network.connects(address) == 1);
  script.fake.advance(6s);
  for (const Call* call : calls) {
    REQUIRE(call->error);
    CHECK(call->error->retry == Retry::kSafe);
  }
  script.fake.network.blackhole(address, false);
  Call& after = script.client.start("/after");
  CHECK(script.fake.network.connects(address) == 2);
  FramePeer origin = script.accept();
  origin.send(ok(1, true));
  CHECK(after.status == 200);
}

TEST_CASE("idle connections are closed, retired ones end with their last exchange") {
  Script script;
  script.client.start("/");
  FramePeer origin = script.accept();
  origin.send(ok(1, true));
  script.client.pool.close_idle_since(script.fake.loop.now() - 1s);
  CHECK(origin.raw().open());
  script.fake.advance(2s);
  script.client.pool.close_idle_since(script.fake.loop.now() - 1s);
  CHECK(origin.take().ends_with("GOAWAY 0 0\n"));
  CHECK(origin.raw().ended());

  Call& last = script.client.start("/last");
  FramePeer second = script.accept();
  script.client.pool.retire();
  script.fake.run_until_idle();
  CHECK(second.raw().open());
  second.send(ok(1, true));
  CHECK(last.status == 200);
  CHECK(second.raw().ended());
}

TEST_CASE("stopping what runs the connections ends their exchanges at once") {
  Script script;
  Call& call = script.client.start("/");
  FramePeer origin = script.accept();
  script.client.connections.cancel();
  script.fake.run_until_idle();
  CHECK(call.error);
  CHECK(origin.raw().ended());
}

}  // namespace
}  // namespace weir::h2
