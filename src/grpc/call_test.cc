#include "grpc/call.h"

#include <optional>
#include <vector>

#include "grpc/channel.h"
#include "grpc/grpc_fixture.h"
#include "h2/limits.h"
#include "testing/peer.h"

namespace weir::grpc {
namespace {

using h2::data;
using h2::ErrorCode;
using h2::FramePeer;
using testing::FakeEnv;
using namespace std::string_literals;

struct PlainOpener final : h2::Opener {
  explicit PlainOpener(FakeEnv& env) : fake(env) {}
  net::Task<Result<Opened>> open() override {
    auto stream = co_await fake.network.connect(*net::Address::parse("127.0.0.1:80"), 5s);
    if (!stream) co_return fail(stream.error());
    co_return Opened{std::move(*stream), nullptr};
  }
  FakeEnv& fake;
};

// A channel whose calls and reads are driven from a test.
struct Client {
  explicit Client(FakeEnv& env, ChannelOptions options = {})
      : fake(env), channel(env.loop, opener, with_names(std::move(options))), tasks(env.loop) {}
  ~Client() {
    tasks.cancel();
    fake.run_until_idle();
    CHECK(fake.run(channel.close()));
  }
  std::unique_ptr<ClientCall> call(std::string path, std::optional<Duration> timeout = std::nullopt,
                                   Metadata metadata = {}) {
    auto made = fake.run(channel.call(std::move(path), std::move(metadata), timeout));
    REQUIRE(made);
    REQUIRE(*made);
    return std::move(**made);
  }
  // "(waits)", "(end)" or the message.
  std::string read(ClientCall& call) {
    auto message = fake.run(call.read());
    if (!message) return "(waits)";
    REQUIRE(*message);
    return **message ? ***message : "(end)";
  }
  bool write(ClientCall& call, std::string message) {
    const auto written = fake.run(call.write(std::move(message)));
    return written && *written;
  }
  // "NOT_FOUND no such thing"
  std::string status(ClientCall& call) {
    CHECK(read(call) == "(end)");
    return std::string(name_of(call.status().code)) + " " + call.status().message;
  }
  static ChannelOptions with_names(ChannelOptions options) {
    options.authority = "a";
    options.scheme = "http";
    return options;
  }
  FakeEnv& fake;
  PlainOpener opener{fake};
  Channel channel;
  net::TaskGroup tasks;
};

TEST_CASE("calls to our own server, several on one connection") {
  Fixture fixture;
  Client client(fixture.fake);
  auto echo = client.call("/t.S/Echo");
  auto once = client.call("/t.S/Once");
  CHECK(client.read(*echo) == "(waits)");
  CHECK(client.write(*echo, "a"));
  CHECK(client.write(*echo, ""));
  CHECK(client.read(*echo) == "a");
  CHECK(client.read(*echo) == "");
  CHECK(client.read(*echo) == "(waits)");
  CHECK(client.write(*once, "b"));
  once->half_close();
  CHECK(client.read(*once) == "<b>");
  CHECK(client.status(*once) == "OK ");
  CHECK(once->metadata("content-type") == "application/grpc");
  echo->half_close();
  CHECK_FALSE(client.write(*echo, "late"));
  CHECK(client.status(*echo) == "OK ");
  CHECK(client.status(*echo) == "OK ");  // and again
  auto failing = client.call("/t.S/Fail");
  CHECK(client.status(*failing) == "NOT_FOUND no such 100% thing\n");
  CHECK_FALSE(client.write(*failing, "late"));
  auto unknown = client.call("/t.S/None");
  CHECK(client.status(*unknown) == "UNIMPLEMENTED no method /t.S/None");
  CHECK(fixture.fake.network.connects(*net::Address::parse("127.0.0.1:80")) == 1);
  CHECK(fixture.calls.open_calls() == 0);
}

TEST_CASE("a call that is destroyed ends at the server") {
  Fixture fixture;
  Client client(fixture.fake);
  auto call = client.call("/t.S/Wait");
  fixture.fake.run_until_idle();
  CHECK(fixture.waiting == 1);
  call.reset();
  fixture.fake.run_until_idle();
  CHECK(fixture.cancelled == 1);
}

TEST_CASE("a deadline is told to the server and held at both ends") {
  Fixture fixture;
  Client client(fixture.fake);
  auto call = client.call("/t.S/Wait", 2s);
  CHECK(client.read(*call) == "(waits)");
  fixture.fake.advance(2100ms);
  CHECK(client.status(*call) == "DEADLINE_EXCEEDED the deadline of the call has passed");
  CHECK(fixture.cancelled == 1);
}

// Moves messages both ways at once; what has come is counted and checked.
struct Transfer {
  static net::Task<void> send(ClientCall& call, std::size_t messages, std::size_t bytes) {
    for (std::size_t i = 0; i < messages; ++i) {
      if (!co_await call.write(std::string(bytes, static_cast<char>('a' + i % 26)))) co_return;
    }
    call.half_close();
  }
  static net::Task<void> receive(Transfer& self, ClientCall& call, std::size_t bytes) {
    for (;;) {
      auto message = co_await call.read();
      if (!message || !*message) co_return;
      const char expected = static_cast<char>('a' + self.received % 26);
      self.intact &= **message == std::string(bytes, expected);
      ++self.received;
    }
  }
  std::size_t received = 0;
  bool intact = true;
};

TEST_CASE("100 MB go through windows, in messages of a megabyte, both ways") {
  constexpr std::size_t kMessages = 100;
  constexpr std::size_t kBytes = 1000000;
  Fixture fixture;
  Client client(fixture.fake);
  auto call = client.call("/t.S/Echo");
  Transfer transfer;
  client.tasks.spawn(Transfer::send(*call, kMessages, kBytes));
  client.tasks.spawn(Transfer::receive(transfer, *call, kBytes));
  fixture.fake.run_until_idle();
  CHECK(transfer.received == kMessages);
  CHECK(transfer.intact);
  CHECK(call->status() == Status{});
}

TEST_CASE("a message larger than either side takes ends the call") {
  Fixture fixture({}, {.message_bytes_max = 1000});
  Client client(fixture.fake, {.message_bytes_max = 100});
  auto small = client.call("/t.S/Echo");
  CHECK(client.write(*small, std::string(101, 'x')));
  CHECK(client.status(*small) == "RESOURCE_EXHAUSTED a message of 101 bytes; at most 100 are taken");
  auto large = client.call("/t.S/Echo");
  CHECK(client.write(*large, std::string(1001, 'x')));
  CHECK(client.status(*large) == "RESOURCE_EXHAUSTED a message of 1001 bytes; at most 1000 are taken");
  fixture.fake.run_until_idle();
  CHECK(fixture.calls.open_calls() == 0);
}

// --- a server that the test plays

struct Script {
  FakeEnv fake;
  testing::PeerListener listener{fake, "127.0.0.1:80"};
  Client client{fake};

  explicit Script(ChannelOptions options = {}) : client(fake, std::move(options)) {}
  FramePeer accept(const std::string& settings = h2::settings({})) {
    FramePeer origin(listener.accept());
    REQUIRE(origin.raw().connected());
    origin.send(settings);
    return origin;
  }
};

std::string head(std::int32_t id, const h2::FieldList& more = {}, bool end = false) {
  h2::FieldList fields{{":status", "200"}, {"content-type", "application/grpc"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return h2::headers(id, fields, end);
}

TEST_CASE("a call's head is gRPC's, and its messages follow without an answer") {
  Script script;
  auto call = script.client.call("/t.S/M", 5s, {{"x-node", "n1"}});
  FramePeer server = script.accept();
  CHECK(script.client.write(*call, "hi"));
  call->half_close();
  CHECK(server.take_streams() ==
        "HEADERS 1 :method=POST :scheme=http :authority=a :path=/t.S/M te=trailers "
        "content-type=application/grpc user-agent=weir grpc-accept-encoding=identity grpc-timeout=5000000u "
        "x-node=n1\nDATA 1 " +
            framed("hi") + "\nDATA 1 end \n");
}

TEST_CASE("however an answer ends, there is a status") {
  const std::string trailers = h2::headers(1, {{"grpc-status", "9"}, {"grpc-message", "not%20yet"}}, true);
  struct Row {
    std::string sent;
    std::string status;
  };
  const Row rows[] = {
      {head(1) + trailers, "FAILED_PRECONDITION not yet"},
      {head(1, {{"grpc-status", "7"}}, true), "PERMISSION_DENIED "},
      {head(1) + data(1, "", true), "UNKNOWN the answer has no grpc-status"},
      {head(1) + data(1, "\0\0\0\0\4cu"s, false) + h2::headers(1, {{"grpc-status", "0"}}, true),
       "INTERNAL the answer ended amid a message"},
      {head(1) + data(1, "\1\0\0\0\1x"s, false), "INTERNAL compressed messages are not taken here"},
      {h2::headers(1, {{":status", "503"}, {"content-type", "text/html"}}, false),
       "UNAVAILABLE HTTP status 503"},
      {h2::headers(1, {{":status", "200"}, {"content-type", "text/html"}}, false), "UNKNOWN HTTP status 200"},
      {h2::headers(1, {{":status", "401"}}, true), "UNAUTHENTICATED HTTP status 401"},
      {h2::headers(1, {{":status", "403"}, {"grpc-status", "16"}, {"content-type", "application/grpc"}},
                   true),
       "UNAUTHENTICATED "},
      {h2::headers(1, {{":status", "103"}}, false) + head(1) + trailers, "FAILED_PRECONDITION not yet"},
      {h2::rst_stream(1, ErrorCode::kRefusedStream), "UNAVAILABLE the origin refused the stream"},
      {h2::rst_stream(1, ErrorCode::kCancel), "CANCELLED the server reset the stream"},
      {head(1) + h2::rst_stream(1, ErrorCode::kEnhanceYourCalm),
       "RESOURCE_EXHAUSTED the server reset the stream"},
      {head(1) + h2::rst_stream(1, ErrorCode::kInternalError), "INTERNAL the server reset the stream"},
      {h2::goaway(0, ErrorCode::kNoError), "UNAVAILABLE the origin refused the stream"},
      {h2::frame(h2::FrameType::kData, 0, 0, "x"), "UNAVAILABLE the connection was lost"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    Script script;
    auto call = script.client.call("/t.S/M");
    FramePeer server = script.accept();
    CHECK(script.client.write(*call, "hi"));
    server.send(row.sent);
    CHECK(script.client.status(*call) == row.status);
    CHECK_FALSE(script.client.write(*call, "late"));
    call->half_close();
  }
}

TEST_CASE("what has come before the end is given first") {
  Script script;
  auto call = script.client.call("/t.S/M");
  FramePeer server = script.accept();
  script.fake.run_until_idle();
  server.send(head(1) + data(1, framed("a") + framed("b"), false) +
              h2::rst_stream(1, ErrorCode::kInternalError));
  CHECK(script.client.read(*call) == "a");
  CHECK(script.client.read(*call) == "b");
  CHECK(script.client.status(*call) == "INTERNAL the server reset the stream");
}

TEST_CASE("a lost connection ends its calls, and the next call makes another") {
  Script script;
  auto call = script.client.call("/t.S/M");
  {
    FramePeer server = script.accept();
    CHECK(script.client.channel.connected());
    server.raw().close();
  }
  CHECK(script.client.status(*call) == "UNAVAILABLE the connection was lost");
  CHECK_FALSE(script.client.channel.connected());
  auto next = script.client.call("/t.S/M");
  FramePeer server = script.accept();
  CHECK(server.take_streams().find(":path=/t.S/M") != std::string::npos);
  next.reset();
  script.fake.run_until_idle();
  CHECK(server.take_streams() == "RST_STREAM 1 8\n");
}

TEST_CASE("no connection is an error of the call, and nothing was sent") {
  Script script;
  script.fake.network.refuse(*net::Address::parse("127.0.0.1:80"));
  auto made = script.fake.run(script.client.channel.call("/t.S/M", {}, std::nullopt));
  REQUIRE(made);
  REQUIRE_FALSE(*made);
  CHECK(made->error().code == Code::kConnectFailed);
  CHECK(script.fake.run(script.client.channel.close()));
  made = script.fake.run(script.client.channel.call("/t.S/M", {}, std::nullopt));
  REQUIRE(made);
  CHECK(made->error().code == Code::kClosed);
}

TEST_CASE("a server that answers no PING is lost") {
  Script script;
  auto call = script.client.call("/t.S/M");
  FramePeer server = script.accept();
  (void)server.take();
  script.fake.advance(10s);
  CHECK(server.take() == "PING\n");
  server.send(h2::frame(h2::FrameType::kPing, h2::kFlagAck, 0, "\0\0\0\0\0\0\0\0"s));
  script.fake.advance(10s);
  CHECK(server.take() == "PING\n");
  script.fake.advance(4s);
  CHECK(script.client.read(*call) == "(waits)");
  script.fake.advance(1s);
  CHECK(script.client.status(*call) == "UNAVAILABLE the connection was lost");
  CHECK_FALSE(script.client.channel.connected());
  CHECK_FALSE(server.raw().open());
}

TEST_CASE("a server that finds PINGs too many gets fewer") {
  Script script;
  for (const Duration interval : {10s, 20s, 40s}) {
    auto call = script.client.call("/t.S/M");
    FramePeer server = script.accept();
    (void)server.take();
    script.fake.advance(interval - 1s);
    CHECK(server.take().empty());
    script.fake.advance(1s);
    CHECK(server.take() == "PING\n");
    server.send(h2::goaway(1, ErrorCode::kEnhanceYourCalm));
    CHECK_FALSE(script.client.channel.connected());
    call.reset();
    script.fake.run_until_idle();
  }
}

TEST_CASE("a server that takes nothing ends the call") {
  Script script({.write_timeout = 3s});
  auto call = script.client.call("/t.S/M");
  FramePeer server = script.accept(h2::settings({{4, 10}}));
  const auto written = script.fake.run(call->write(std::string(1000, 'x')), 5s);
  REQUIRE(written);
  CHECK(written->error().code == Code::kTimedOut);
  CHECK(script.client.status(*call) == "UNAVAILABLE the server does not take what is sent");
  CHECK(server.take_streams().ends_with("RST_STREAM 1 8\n"));
}

TEST_CASE("a write that was cancelled amid its message ends the call") {
  Script script;
  auto call = script.client.call("/t.S/M");
  FramePeer server = script.accept(h2::settings({{4, 10}}));
  CHECK_FALSE(script.client.write(*call, std::string(1000, 'x')));  // waits, and is cancelled
  CHECK_FALSE(call->ended());
  CHECK_FALSE(script.client.write(*call, "more"));
  CHECK(script.client.status(*call) == "CANCELLED a message was not sent to its end");
  CHECK(server.take_streams().ends_with("RST_STREAM 1 8\n"));
  // The same, for the end.
  auto other = script.client.call("/t.S/M");
  CHECK_FALSE(script.client.write(*other, std::string(1000, 'x')));
  other->half_close();
  CHECK(script.client.status(*other) == "CANCELLED a message was not sent to its end");
}

TEST_CASE("a deadline that passes during a blocked write ends that, too") {
  Script script;
  auto call = script.client.call("/t.S/M", 2s);
  FramePeer server = script.accept(h2::settings({{4, 10}}));
  const auto written = script.fake.run(call->write(std::string(1000, 'x')), 3s);
  REQUIRE(written);
  CHECK(written->error().code == Code::kClosed);
  CHECK(script.client.status(*call) == "DEADLINE_EXCEEDED the deadline of the call has passed");
}

}  // namespace
}  // namespace weir::grpc
