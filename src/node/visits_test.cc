#include "node/visits.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "channel/channels_fixture.h"
#include "node/log_visit.h"
#include "podman/podman_fixture.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using channel::ChannelEnd;
using channel::ChannelOutput;
using channel::ExecWanted;
using channel::FromMachine;
using channel::LogsWanted;

// One container of web-0 or more, as podman lists them.
std::string listed(std::string_view state = "running") {
  const auto one = [state](const std::string& id, const std::string& more) {
    return R"({"Id":")" + id + R"(","Names":["web-0.)" + id + R"("],"State":")" + std::string(state) +
           R"(","Labels":{"weir.node":"n","weir.instance":"web-0","weir.container":")" + id + '"' + more +
           "}}";
  };
  return '[' + one("init", R"(,"weir.init":"1")") + ',' + one("app", "") + ',' + one("side", "") + ']';
}

std::string framed(char stream, std::string_view text) {
  return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())}.append(text);
}

// A node with a podman that the test plays, and a controller.
struct Visited : channel::ChannelWorld {
  Visited() {
    ordered = [this] { visits.begin(way, id, about); };
  }
  ~Visited() {
    opened.reset();
    CHECK(fake.run(stop(visits), 10s));
  }
  void begin(decltype(channel::ChannelOpen::what) what, std::string container = "app") {
    open({.instance = "web-0", .container = std::move(container), .what = std::move(what)});
  }
  // The next thing that is told; "" while nothing is.
  std::string told() {
    const auto said = read();
    if (!said) return {};
    if (const auto* output = std::get_if<ChannelOutput>(&*said))
      return (output->err ? "2" : "1") + output->bytes;
    if (const auto* end = std::get_if<ChannelEnd>(&*said)) {
      return "end " + (end->reason.empty() ? std::to_string(end->exit_code) : end->reason);
    }
    std::string text;
    for (const channel::ChannelLine& line : std::get<channel::ChannelLines>(*said)) {
      text += line.container + (line.err ? "! " : ": ") + line.text + '\n';
    }
    return text;
  }
  static net::Task<void> stop(Visits& visits) { co_await visits.stop(); }

  podman::PlayedPodman podman{fake, "127.0.0.1:1"};
  podman::Client client{fake.network, *net::Address::parse("127.0.0.1:1")};
  Visits visits{fake.env, client, "n"};
};

TEST_CASE("logs that are there are told to their end") {
  Visited world;
  world.begin(LogsWanted{.follow = false, .since = WallTime(5'500ms), .tail = 2});
  CHECK(world.podman.request().find("weir.instance%3Dweb-0") != std::string::npos);
  world.podman.answer("200 OK", listed("exited"));
  CHECK(
      world.podman.request().starts_with("GET /v4.0.0/libpod/containers/app/logs?"
                                         "stdout=true&stderr=true&timestamps=true&since=5&tail=2 "));
  world.podman.begin("200 OK");
  world.podman.send(framed(1, "2025-11-30T07:11:06Z one\n") + framed(2, "2025-11-30T07:11:06Z two\n"));
  CHECK(world.told() == "app: one\napp! two\n");
  world.podman.end();
  CHECK(world.told() == "end 0");
  CHECK(world.visits.going_on() == 0);
}

TEST_CASE("logs that are followed go on behind a restart, and in another container of the name") {
  Visited world;
  world.begin(LogsWanted{.follow = true});
  (void)world.podman.request();
  world.podman.answer("200 OK", listed());
  CHECK(world.podman.request().find("&follow=true&timestamps=true ") != std::string::npos);
  world.podman.begin("200 OK");
  world.podman.send(framed(1, "2025-11-30T07:11:06Z one\n"));
  CHECK(world.told() == "app: one\n");
  world.podman.end();
  CHECK(world.told().empty());
  world.fake.advance(Duration(LogVisit::kLook));
  std::string next = world.podman.request();  // a look, and the log
  if (next.find("/logs?") == std::string::npos) {
    world.podman.answer("200 OK", listed());
    next = world.podman.request();
  }
  CHECK(next.find("&follow=true&timestamps=true&since=1764486666 ") != std::string::npos);
  world.podman.begin("200 OK");
  world.podman.send(framed(1, "2025-11-30T07:11:06Z one\n") + framed(1, "2025-11-30T07:11:06Z two\n"));
  CHECK(world.told() == "app: two\n");
}

TEST_CASE("of all containers, each line tells which") {
  Visited world;
  world.begin(LogsWanted{}, "");
  (void)world.podman.request();
  world.podman.answer("200 OK", listed());
  for (const char* name : {"init", "app", "side"}) {
    CHECK(world.podman.request().find(std::string("/containers/") + name + "/logs?") != std::string::npos);
    world.podman.begin("200 OK");
    world.podman.send(framed(1, "2025-11-30T07:11:06Z hello\n"));
    CHECK(world.told() == std::string(name) + ": hello\n");
    world.podman.end();
  }
  CHECK(world.told() == "end 0");
}

TEST_CASE("what only an edge can show is refused") {
  Visited world;
  world.begin(channel::RequestsWanted{.service = "web", .id = {}});
  CHECK(world.told() == "end a node shows logs and runs commands, nothing else");
  CHECK(world.visits.going_on() == 0);
}

TEST_CASE("logs of what is not there end with a sentence") {
  Visited world;
  SUBCASE("no instance") {
    world.begin(LogsWanted{});
    (void)world.podman.request();
    world.podman.answer("200 OK", "[]");
    CHECK(world.told() == "end there is no container of web-0 on its node");
  }
  SUBCASE("no such container") {
    world.begin(LogsWanted{}, "db");
    (void)world.podman.request();
    world.podman.answer("200 OK", listed());
    CHECK(world.told() == "end web-0 has no container db; it has init, app, side");
  }
  SUBCASE("no instance, but it may come") {
    world.begin(LogsWanted{.follow = true});
    for (int i = 0; i <= LogVisit::kLooksInVain; ++i) {
      CHECK(world.told().empty());
      (void)world.podman.request();
      world.podman.answer("200 OK", "[]");
      world.fake.advance(Duration(LogVisit::kLook));
    }
    CHECK(world.told() == "end there is no container of web-0 on its node");
  }
  SUBCASE("no podman") {
    world.fake.network.refuse(*net::Address::parse("127.0.0.1:1"));
    world.begin(LogsWanted{.follow = true});
    CHECK(world.told().starts_with("end podman does not answer: "));
  }
  SUBCASE("a log that is refused") {
    world.begin(LogsWanted{});
    (void)world.podman.request();
    world.podman.answer("200 OK", listed());
    (void)world.podman.request();
    world.podman.answer("500 Internal Server Error", R"({"message":"the log is broken"})");
    CHECK(world.told() == "end podman: the log is broken");
  }
  SUBCASE("an order that nobody can read") {
    world.ordered = [&world] { world.visits.begin(world.way, world.id, "\xff"); };
    world.begin(LogsWanted{});
    CHECK(world.told() == "end a message of a channel can't be read");
  }
}

struct Commanded : Visited {
  explicit Commanded(ExecWanted wanted) {
    begin(std::move(wanted));
    (void)podman.request();
    podman.answer("200 OK", listed());
    made = podman.request();
    podman.answer("201 Created", R"({"Id":"e1"})");
    (void)podman.request();
    stream = podman.keep();
    stream->send("HTTP/1.1 200 OK\r\n\r\n");
    (void)podman.request();
    podman.answer("200 OK", R"({"ExitCode":0,"Running":true,"Pid":0})");
  }
  std::string made;
  std::optional<testing::Peer> stream;
};

TEST_CASE("a command has its streams, and its exit code is told") {
  Commanded world({.command = {"cat"}});
  CHECK(world.made.find("/containers/app/exec ") != std::string::npos);
  CHECK(world.made.find(R"("AttachStdin":true)") != std::string::npos);
  world.stream->send(framed(1, "out") + framed(2, "err"));
  CHECK(world.told() == "1out");
  CHECK(world.told() == "2err");
  CHECK(world.write(channel::ChannelInput{"input"}));
  CHECK(world.stream->take() == "input");
  CHECK(world.write(channel::ChannelInputEnd{}));
  world.fake.run_until_idle();
  CHECK(world.stream->ended());
  world.stream->close();
  CHECK(world.podman.request().find("/exec/e1/json ") != std::string::npos);
  world.podman.answer("200 OK", R"({"ExitCode":7,"Running":false,"Pid":0})");
  CHECK(world.told() == "end 7");
  world.opened.reset();
  world.fake.run_until_idle();
  CHECK(world.visits.going_on() == 0);
}

TEST_CASE("a terminal is as large as it is said to be") {
  Commanded world({.command = {"sh"}, .terminal = true, .size = {24, 80}});
  world.stream->send("# ");
  CHECK(world.told() == "1# ");
  CHECK(world.write(channel::TerminalSize{30, 100}));
  CHECK(world.podman.request().find("/exec/e1/resize?h=30&w=100 ") != std::string::npos);
  world.podman.answer("201 Created", "{}");
}

TEST_CASE("a command whose user goes is looked for, to be ended") {
  Commanded world({.command = {"cat"}});
  world.opened.reset();
  CHECK(world.podman.request().find("/exec/e1/json ") != std::string::npos);
  world.podman.answer("200 OK", R"({"ExitCode":0,"Running":true,"Pid":0})");
  CHECK(world.fake.log.count("a command goes on whose user has gone: its process is not known") == 1);
  CHECK(world.visits.going_on() == 0);
}

TEST_CASE("a command that takes none of its input for long is ended, with a sentence") {
  Commanded world({.command = {"sleep", "9999"}});
  world.stream->stop_reading();
  for (int i = 0; i < 8; ++i) (void)world.write(channel::ChannelInput{std::string(32'000, 'x')});
  world.fake.advance(Duration(podman::Exec::kWriteTimeout) - 1s);
  CHECK(world.told().empty());
  world.fake.advance(2s);
  CHECK(world.told() == "end the command has taken none of its input for ten minutes");
  CHECK(world.podman.request().find("/exec/e1/json ") != std::string::npos);  // to be ended
  world.podman.answer("200 OK", R"({"ExitCode":0,"Running":true,"Pid":0})");
  world.opened.reset();
  world.fake.run_until_idle();
  CHECK(world.visits.going_on() == 0);
}

TEST_CASE("a command that can't be run ends with a sentence") {
  Visited world;
  world.begin(ExecWanted{.command = {"sh"}});
  (void)world.podman.request();
  SUBCASE("not running") {
    world.podman.answer("200 OK", listed("exited"));
    CHECK(world.told() == "end the container app of web-0 does not run now");
  }
  SUBCASE("not there") {
    world.podman.answer("200 OK", "[]");
    CHECK(world.told() == "end there is no container of web-0 on its node");
  }
  SUBCASE("podman says no") {
    world.podman.answer("500 Internal Server Error", R"({"message":"no"})");
    CHECK(world.told() == "end podman: no");
  }
  SUBCASE("podman does not begin it") {
    world.podman.answer("200 OK", listed());
    (void)world.podman.request();
    world.podman.answer("500 Internal Server Error", R"({"message":"no"})");
    CHECK(world.told() == "end podman: no");
  }
}

TEST_CASE("a command is run in containers that it may name, and in no other") {
  Visited world;
  world.open({.instance = "web-0", .container = "db", .what = ExecWanted{.command = {"sh"}}});
  (void)world.podman.request();
  world.podman.answer("200 OK", listed());
  CHECK(world.told() == "end web-0 has no container db; it has app, side");
}

TEST_CASE("beyond so many, visits are not answered") {
  Visited world;
  for (std::size_t i = 0; i < Visits::kMax + 1; ++i) world.visits.begin(world.way, "x", "y");
  CHECK(world.visits.going_on() == Visits::kMax);
  CHECK(world.fake.log.count("a visit is not answered: there are too many") == 1);
}

}  // namespace
}  // namespace weir::node
