#include "grpc/server.h"

#include "grpc/grpc_fixture.h"

namespace weir::grpc {
namespace {

using h2::data;
using h2::ErrorCode;
using h2::FramePeer;
using namespace std::string_literals;

constexpr std::string_view kHead =
    "HEADERS 1 :status=200 content-type=application/grpc grpc-accept-encoding=identity";
const std::string kBegin = std::string(kHead) + "\n";

std::string trailers_only(std::string_view status) {
  return std::string(kHead).replace(0, 9, "HEADERS 1 end") + " " + std::string(status) + "\n";
}

TEST_CASE("a call with one message each way is answered in one go") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Once") + data(1, framed("hi"), true));
  CHECK(client.take_streams() == kBegin + "DATA 1 " + framed("<hi>") + "\nHEADERS 1 end grpc-status=0\n");
  CHECK(fixture.calls.open_calls() == 0);
}

TEST_CASE("both directions flow at once, however messages are cut") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Echo"));
  CHECK(client.take_streams().empty());  // nothing to be said yet
  client.send(data(1, framed("a"), false));
  CHECK(client.take_streams() == kBegin + "DATA 1 " + framed("a") + "\n");
  const std::string two = framed("b") + framed("");
  client.send(data(1, two.substr(0, 3), false));
  CHECK(client.take_streams().empty());
  client.send(data(1, two.substr(3), false));
  CHECK(client.take_streams() == "DATA 1 " + two + "\n");
  client.send(data(1, "", true));
  CHECK(client.take_streams() == "HEADERS 1 end grpc-status=0\n");
}

TEST_CASE("a call without messages is a head with a status, its text encoded") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Fail") + data(1, "", true));
  CHECK(client.take_streams() == trailers_only("grpc-status=5 grpc-message=no such 100%25 thing%0A"));
  fixture.status = {StatusCode::kOk, ""};
  client.send(Fixture::head(3, "/t.S/Fail") + data(3, "", true));
  CHECK(client.take_streams().ends_with("grpc-status=0\n"));
  fixture.status = {StatusCode::kAborted, std::string(kStatusMessageBytesMax - 1, 'x') + "\xc3\xa4"};
  client.send(Fixture::head(5, "/t.S/Fail") + data(5, "", true));
  CHECK(client.take_streams().ends_with("=" + std::string(kStatusMessageBytesMax - 1, 'x') + "\n"));
}

TEST_CASE("an answer ahead of the client's end takes the rest off it") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Fail"));
  CHECK(client.take_streams().ends_with("RST_STREAM 1 0\n"));
}

TEST_CASE("what is no call that is answered here is told so") {
  struct Row {
    std::string sent;
    std::string answer;
  };
  const Row rows[] = {
      {Fixture::head(1, "/t.S/None"), "grpc-status=12 grpc-message=no method /t.S/None"},
      {Fixture::head(1, "/t.S/Once", {{"grpc-encoding", "gzip"}}),
       "grpc-status=12 grpc-message=compressed messages are not taken here"},
      {Fixture::head(1, "/t.S/Once", {{"grpc-timeout", "5s"}}),
       "grpc-status=13 grpc-message=grpc-timeout is none"},
      {h2::post(1, "/t.S/Once", {{"content-type", "application/grpc+json"}}),
       "grpc-status=12 grpc-message=messages are application/grpc+proto here"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    Fixture fixture;
    FramePeer client = fixture.client();
    client.send(row.sent + data(1, framed("x"), true));
    CHECK(client.take_streams() == trailers_only(row.answer));
  }
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(h2::get(1, "/t.S/Once") + h2::post(3, "/t.S/Once", {{"content-type", "text/plain"}}) +
              data(3, "", true));
  const std::string answers = client.take_streams();
  CHECK(answers.find("HEADERS 1 :status=415") != std::string::npos);
  CHECK(answers.find("HEADERS 3 :status=415") != std::string::npos);
  for (const char* type : {"application/grpc+proto", "application/grpc;x=y", "application/grpc+proto;x=y"}) {
    FramePeer other = fixture.client();
    other.send(h2::post(1, "/t.S/Once", {{"content-type", type}, {"grpc-encoding", "identity"}}) +
               data(1, framed("x"), true));
    CHECK(other.take_streams().ends_with("grpc-status=0\n"));
  }
}

TEST_CASE("at its deadline a call ends, and its handler is cancelled") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Wait", {{"grpc-timeout", "2S"}}) + data(1, "", true));
  fixture.fake.advance(1999ms);
  CHECK(client.take_streams().empty());
  CHECK(fixture.cancelled == 0);
  fixture.fake.advance(2ms);
  CHECK(client.take_streams() ==
        trailers_only("grpc-status=4 grpc-message=the deadline of the call has passed"));
  CHECK(fixture.cancelled == 1);
  // One that has written already.
  client.send(Fixture::head(3, "/t.S/Echo", {{"grpc-timeout", "2S"}}) + data(3, framed("x"), false));
  CHECK(client.take_streams().find("DATA 3 " + framed("x")) != std::string::npos);
  fixture.fake.advance(3s);
  CHECK(client.take_streams().starts_with("HEADERS 3 end grpc-status=4"));
  // In time, a deadline is nothing.
  client.send(Fixture::head(5, "/t.S/Once", {{"grpc-timeout", "2S"}}) + data(5, framed("x"), true));
  CHECK(client.take_streams().ends_with("HEADERS 5 end grpc-status=0\n"));
  fixture.fake.advance(3s);
  CHECK(client.take_streams().empty());
}

TEST_CASE("a client that goes takes its handlers along") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Wait") + Fixture::head(3, "/t.S/Wait") + Fixture::head(5, "/t.S/Echo") +
              data(5, framed("x"), false));
  CHECK(fixture.calls.open_calls() == 3);
  client.send(h2::rst_stream(1, ErrorCode::kCancel));
  CHECK(fixture.cancelled == 1);
  CHECK(fixture.calls.open_calls() == 2);
  client.send(h2::rst_stream(5, ErrorCode::kCancel));
  CHECK(fixture.calls.open_calls() == 1);
  CHECK(fixture.failures.size() > 0);
  client.raw().close();
  CHECK(fixture.cancelled == 2);
  CHECK(fixture.calls.open_calls() == 0);
}

TEST_CASE("what is no message that is taken ends the call with its status") {
  struct Row {
    std::string sent;
    std::string status;
  };
  const Row rows[] = {
      {data(1, "\0\0\0\0\5fiver"s, false),
       "grpc-status=8 grpc-message=a message of 5 bytes; at most 4 are taken"},
      {data(1, "\1\0\0\0\1x"s, false), "grpc-status=12 grpc-message=compressed messages are not taken here"},
      {data(1, "\0\0\0\0\4cu"s, true), "grpc-status=13 grpc-message=the client half-closed amid a message"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    Fixture fixture({}, {.message_bytes_max = 4});
    FramePeer client = fixture.client();
    client.send(Fixture::head(1, "/t.S/Echo") + row.sent);
    CHECK(client.take_streams().starts_with(trailers_only(row.status)));
    CHECK(fixture.failures == "malformed\n");
    client.send(Fixture::head(3, "/t.S/Echo") + data(3, framed("okay"), true));
    CHECK(client.take_streams().find("DATA 3 " + framed("okay")) != std::string::npos);
  }
}

TEST_CASE("a handler waits for a client that does not read, and is cancelled when that takes too long") {
  Fixture fixture;
  FramePeer client = fixture.client(h2::settings({{4, 10000}}));
  client.send(Fixture::head(1, "/t.S/Flood") + data(1, "", true));
  CHECK(fixture.outbox_bytes_max <= kOutboxBytesMax + 1005);
  const std::size_t before = fixture.flooded;
  CHECK(before >= kOutboxBytesMax / 1005);
  CHECK(before < 200);
  client.send(h2::window_update(1, 200000));
  client.send(h2::window_update(0, 200000));
  CHECK(fixture.flooded > before + 100);
  CHECK(fixture.flooded < 400);
  CHECK(fixture.cancelled == 0);
  fixture.fake.advance(31s);
  CHECK(fixture.cancelled == 1);
  CHECK(fixture.calls.open_calls() == 0);
  CHECK(client.take_streams().ends_with("RST_STREAM 1 2\n"));
}

TEST_CASE(
    "a drain says so, gives calls their time, and ends them with a status that sends clients elsewhere") {
  Fixture fixture;
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Echo") + data(1, framed("x"), false));
  (void)client.take_streams();
  fixture.server.drain();
  CHECK(client.take_streams() == "GOAWAY 2147483647 0\n");
  fixture.fake.advance(1s);
  CHECK(client.take_streams() == "GOAWAY 1 0\n");
  client.send(data(1, framed("y"), false));
  CHECK(client.take_streams() == "DATA 1 " + framed("y") + "\n");
  fixture.calls.end_calls();
  CHECK(client.take_streams() ==
        "HEADERS 1 end grpc-status=14 grpc-message=the server ends\nRST_STREAM 1 0\n");
  fixture.fake.run_until_idle();
  CHECK(client.raw().ended());
}

TEST_CASE("calls that come when calls are being ended are told the same") {
  Fixture fixture;
  FramePeer client = fixture.client();
  fixture.calls.end_calls();
  client.send(Fixture::head(1, "/t.S/Echo"));
  CHECK(client.take_streams().starts_with(trailers_only("grpc-status=14 grpc-message=the server ends")));
}

TEST_CASE("a client that does not answer a PING is given up") {
  Fixture fixture({.keepalive_interval = 10s, .keepalive_timeout = 5s});
  FramePeer client = fixture.client();
  client.send(Fixture::head(1, "/t.S/Wait"));
  fixture.fake.advance(9s);
  CHECK(client.take().empty());
  client.send(data(1, framed("x"), false));  // is an answer as good as any
  fixture.fake.advance(9s);
  CHECK(client.take().empty());
  fixture.fake.advance(1s);
  CHECK(client.take() == "PING\n");
  fixture.fake.advance(4s);
  client.send(h2::frame(h2::FrameType::kPing, h2::kFlagAck, 0, "\0\0\0\0\0\0\0\0"s));
  fixture.fake.advance(9s);
  CHECK(client.take().empty());
  fixture.fake.advance(2s);
  CHECK(client.take() == "PING\n");
  fixture.fake.advance(3s);
  CHECK(fixture.cancelled == 0);
  fixture.fake.advance(2s);
  CHECK(fixture.cancelled == 1);
  CHECK_FALSE(client.raw().open());
  CHECK(fixture.server.open_connections() == 0);
}

TEST_CASE("a client whose connection takes nothing any more is given up, too") {
  Fixture fixture({.keepalive_interval = 10s, .keepalive_timeout = 5s});
  fixture.flood_bytes = 100000;
  FramePeer client = fixture.client(h2::settings({{4, 1U << 30U}}));
  client.send(h2::window_update(0, 1U << 30U));
  client.raw().stop_reading();
  client.send(Fixture::head(1, "/t.S/Flood"));
  CHECK(fixture.calls.open_calls() == 1);
  fixture.fake.advance(16s);
  CHECK(fixture.calls.open_calls() == 0);
  CHECK(fixture.server.open_connections() == 0);
}

}  // namespace
}  // namespace weir::grpc
