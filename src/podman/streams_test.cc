#include "podman/streams.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "podman/client.h"
#include "podman/podman_fixture.h"

namespace weir::podman {
namespace {

using namespace std::chrono_literals;
using Kind = Trouble::Kind;

std::string framed(char stream, std::string_view text) {
  std::string bytes{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())};
  return bytes.append(text);
}

// "1one2two", and how it went on: "more", "end", or a sentence.
template <class Reading>
net::Task<std::string> read(Reading& reading) {
  std::string seen;
  const auto more = co_await reading.read([&seen](LogStream stream, std::string_view text) {
    seen.append(stream == LogStream::kOut ? "1" : "2").append(text);
  });
  if (!more) co_return more.error().sentence;
  co_return seen + (*more ? " more" : "end");
}

struct Logs : World {
  void begin(LogQuery query) {
    call = ask(client.read_logs("a.b", query));
    asked = podman.request();
  }
  std::unique_ptr<UnderWay<Told<std::unique_ptr<LogReading>>>> call;
  std::string asked;
};

TEST_CASE("logs are pulled, frame by frame, for as long as they are wanted") {
  Logs world;
  world.begin({.follow = true, .timestamps = true, .tail = 3});
  CHECK(
      world.asked.starts_with("GET /v4.0.0/libpod/containers/a.b/logs?"
                              "stdout=true&stderr=true&follow=true&timestamps=true&tail=3 "));
  world.podman.begin("200 OK");
  REQUIRE(world.call->result);
  REQUIRE(*world.call->result);
  LogReading& logs = ***world.call->result;
  world.podman.send(framed(1, "one") + framed(2, "two"));
  CHECK(world.fake.run(read(logs)) == "1one2two more");
  world.podman.send(framed(1, "in pieces").substr(0, 12));
  CHECK(world.fake.run(read(logs)) == " more");
  world.podman.send(framed(1, "in pieces").substr(12));
  CHECK(world.fake.run(read(logs)) == "1in pieces more");
  auto waiting = world.ask(read(logs));
  world.fake.advance(2h);
  CHECK_FALSE(waiting->result);
  SUBCASE("the end") {
    world.podman.end();
    CHECK(waiting->result == "end");
  }
  SUBCASE("no log") {
    world.podman.send("something else");
    CHECK(waiting->result == "podman does not answer: this is no log of a container");
  }
  SUBCASE("cut") {
    world.podman.reset();
    REQUIRE(waiting->result);
    CHECK(waiting->result->starts_with("podman does not answer: "));
  }
}

TEST_CASE("logs of what is not there, and of no podman") {
  Logs world;
  SUBCASE("not there") {
    world.begin({});
    world.podman.answer("404 Not Found", R"({"cause":"no such container"})");
    REQUIRE(world.call->result);
    CHECK(world.call->result->error().kind == Kind::kNotThere);
    CHECK(world.call->result->error().sentence == "the container is not there");
  }
  SUBCASE("no podman") {
    world.fake.network.refuse(world.at);
    auto call = world.ask(world.client.read_logs("a.b", {}));
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kUnreachable);
  }
}

struct Execs : World {
  explicit Execs(ExecSpec spec = {.command = {"cat"}, .input = true}) {
    call = ask(client.begin_exec("a.b", std::move(spec)));
    made = podman.request();
    podman.answer("201 Created", R"({"Id":"e1"})");
    started = podman.request();
  }
  Exec& exec() {
    REQUIRE(call->result);
    REQUIRE(*call->result);
    return ***call->result;
  }
  std::unique_ptr<UnderWay<Told<std::unique_ptr<Exec>>>> call;
  std::string made;
  std::string started;
};

TEST_CASE("a command has three streams") {
  Execs world;
  CHECK(world.made.starts_with("POST /v4.0.0/libpod/containers/a.b/exec "));
  CHECK(
      world.made.ends_with(R"({"Cmd":["cat"],"AttachStdout":true,"AttachStderr":true,"AttachStdin":true})"));
  CHECK(world.started.starts_with("POST /v4.0.0/libpod/exec/e1/start "));
  CHECK(
      world.started.ends_with("\r\n\r\n"
                              R"({"Detach":false,"Tty":false})"));
  world.podman.send("HTTP/1.1 200 OK\r\nContent-Type: x\r\n");
  CHECK_FALSE(world.call->result);
  world.podman.send("\r\n" + framed(1, "early"));
  CHECK(world.exec().id() == "e1");
  CHECK(world.fake.run(read(world.exec())) == "1early more");
  CHECK(world.fake.run(world.exec().write("input")));
  CHECK(world.podman.take() == "input");
  world.podman.send(framed(2, "late"));
  CHECK(world.fake.run(read(world.exec())) == "2late more");
  world.exec().end_input();
  world.podman.end();
  CHECK(world.fake.run(read(world.exec())) == "end");
}

TEST_CASE("of a terminal, the streams are one, and its size follows") {
  Execs world({.command = {"sh"}, .input = true, .terminal = true, .rows = 24, .columns = 80});
  CHECK(world.started.ends_with(R"({"Detach":false,"Tty":true,"h":24,"w":80})"));
  world.podman.begin("200 OK");
  world.podman.send("\1# ");
  CHECK(world.fake.run(read(world.exec())) == "1\1#  more");
  auto resized = world.ask(world.client.resize_exec("e1", 30, 100));
  CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/exec/e1/resize?h=30&w=100 "));
  world.podman.answer("201 Created", "{}");
  REQUIRE(resized->result);
  CHECK(*resized->result);
  auto seen = world.ask(world.client.inspect_exec("e1"));
  CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/exec/e1/json "));
  world.podman.answer("200 OK", R"({"ExitCode":3,"Running":false,"Pid":0})");
  REQUIRE(seen->result);
  CHECK((*seen->result)->exit_code == 3);
}

TEST_CASE("a command that can't be started is told as such") {
  SUBCASE("the container does not run") {
    World world;
    auto call = world.ask(world.client.begin_exec("a.b", {.command = {"x"}}));
    (void)world.podman.request();
    world.podman.answer("409 Conflict", R"({"message":"container state improper"})");
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kRefused);
  }
  Execs world;
  SUBCASE("refused at its start") {
    world.podman.answer("404 Not Found", R"({"cause":"no such exec session"})");
    REQUIRE(world.call->result);
    CHECK(world.call->result->error().kind == Kind::kNotThere);
  }
  SUBCASE("no answer") {
    world.podman.end();
    REQUIRE(world.call->result);
    CHECK(world.call->result->error().sentence == "podman does not answer: it closed");
  }
  SUBCASE("no HTTP") {
    world.podman.send("what?\r\n\r\n");
    REQUIRE(world.call->result);
    CHECK(world.call->result->error().kind == Kind::kUnreachable);
  }
  SUBCASE("no frames") {
    world.podman.begin("200 OK");
    world.podman.send("no frames at all");
    CHECK(world.fake.run(read(world.exec())) == "podman does not answer: this is no log of a container");
  }
  SUBCASE("nobody to write to") {
    world.podman.begin("200 OK");
    world.podman.reset();
    CHECK_FALSE(*world.fake.run(world.exec().write("x")));
  }
}

}  // namespace
}  // namespace weir::podman
