#include "insight/insight.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "insight/exec_session.h"
#include "insight/insight_fixture.h"
#include "websocket/frames.h"
#include "websocket/handshake.h"

namespace weir::insight {
namespace {

using namespace std::chrono_literals;
using channel::ChannelEnd;
using channel::ChannelLine;
using channel::ChannelLines;
using channel::ChannelOutput;
using channel::ExecWanted;
using channel::LogsWanted;

ChannelLines line(int ms, std::string text) {
  return {ChannelLine{.container = "app",
                      .err = false,
                      .time = WallTime(std::chrono::milliseconds(ms)),
                      .text = std::move(text)}};
}

// A request for logs, and what comes of it.
struct Logs : InsightWorld {
  void ask(const std::string& target, std::string_view fields = {}) {
    peer.emplace(world.fake, api::ApiFixture::kAddress);
    peer->send(world.text_of("GET", target, {}, fields));
    world.fake.run_until_idle();
  }
  // What came, without the head and the sizes of chunks.
  std::string told() {
    std::string text;
    std::string rest = peer->take();
    if (const std::size_t end = rest.find("\r\n\r\n"); rest.starts_with("HTTP/")) rest.erase(0, end + 4);
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n");
      if (end == std::string::npos) break;
      const std::size_t size = std::stoul(rest.substr(0, end), nullptr, 16);
      if (size == 0) return text + "(end)";
      text += rest.substr(end + 2, size);
      rest.erase(0, end + 2 + size + 2);
    }
    return text;
  }
  std::optional<testing::Peer> peer;
};

std::string shown(std::string_view instance, std::string_view text) {
  return R"({"instance":")" + std::string(instance) + R"(","container":"app","stream":"stdout","text":")" +
         std::string(text) + "\"}\n";
}

TEST_CASE("logs of a workload are those of all its instances, in the order of time, to their end") {
  Logs world;
  world.ask("/v1/workloads/web/logs?tail=5&container=app&since=1970-01-01T00:00:01Z");
  REQUIRE(world.orders.size() == 2);
  const LogsWanted wanted{.follow = false, .since = WallTime(1s), .tail = 5};
  CHECK(world.order_for("web-eu-fra-1").node == "n1");
  CHECK(world.order_for("web-eu-fra-1").what.container == "app");
  CHECK(std::get<LogsWanted>(world.order_for("web-eu-ams-1").what.what) == wanted);
  const auto fra = world.answer(world.order_for("web-eu-fra-1"));
  const auto ams = world.answer(world.order_for("web-eu-ams-1"));
  world.nodes.say(*fra, line(30, "third"));
  world.nodes.say(*fra, line(40, "fourth"));
  CHECK(world.told().empty());
  world.nodes.say(*ams, line(10, "first"));
  world.nodes.say(*ams, line(20, "second \"quoted\" \xff"));
  world.nodes.say(*ams, ChannelEnd{});
  CHECK(world.told() == shown("web-eu-ams-1", "first") +
                            shown("web-eu-ams-1", "second \\\"quoted\\\" \xef\xbf\xbd") +
                            shown("web-eu-fra-1", "third") + shown("web-eu-fra-1", "fourth"));
  world.nodes.say(*fra, ChannelEnd{.exit_code = 0, .reason = "podman does not answer"});
  CHECK(world.told() == R"({"instance":"web-eu-fra-1","notice":"podman does not answer"})"
                        "\n(end)");
  CHECK(world.insight.log_streams() == 0);
  CHECK(world.nodes.channels.open_channels() == 0);
}

TEST_CASE("logs are followed into new instances, and until nobody wants them") {
  Logs world;
  world.ask("/v1/workloads/web/logs?follow=true&timestamps=true&instance=web-eu-fra-1");
  const auto first = world.answer(world.order_for("web-eu-fra-1"));
  world.nodes.say(*first, line(1500, "one"));
  CHECK(world.told() == R"({"time":"1970-01-01T00:00:01.500Z","instance":"web-eu-fra-1","container":"app",)"
                        R"("stream":"stdout","text":"one"})"
                        "\n");
  world.world.fake.advance(15s);
  CHECK(world.told() == "\n");
  SUBCASE("another node") {
    world.put_instance("web-eu-fra-1", "n3");
    world.world.fake.advance(1s);
    REQUIRE(world.orders.size() == 2);
    CHECK(world.orders.back().node == "n3");
  }
  SUBCASE("the way is lost, and found") {
    world.nodes.say(*first, ChannelEnd{.exit_code = 0, .reason = "gone"});
    CHECK(world.told() == R"({"instance":"web-eu-fra-1","notice":"gone"})"
                          "\n");
    world.world.fake.advance(1s);
    REQUIRE(world.orders.size() == 2);
    CHECK(std::get<LogsWanted>(world.orders.back().what.what) ==
          LogsWanted{.follow = true, .since = WallTime(1500ms), .tail = {}});
    const auto second = world.answer(world.orders.back());
    world.nodes.say(*second, line(2000, "two"));
    CHECK(world.told().find("two") != std::string::npos);
  }
  SUBCASE("the instance goes") {
    world.remove_instance("web-eu-fra-1");
    world.nodes.say(*first, ChannelEnd{.exit_code = 0, .reason = "gone"});
    world.world.fake.advance(3s);
    CHECK(world.orders.size() == 1);
  }
  SUBCASE("the token goes") {
    world.world.tokens.replace({});
    world.world.fake.advance(16s);
    CHECK(world.told().ends_with("(end)"));
  }
  SUBCASE("the controller ends") {
    world.insight.stop();
    world.world.fake.run_until_idle();
    CHECK(world.told() == "(end)");
    world.ask("/v1/workloads/web/logs");
    CHECK(world.peer->take().find("503 ") != std::string::npos);
  }
  SUBCASE("the caller goes") {
    world.peer->close();
    world.world.fake.run_until_idle();
    CHECK(world.insight.log_streams() == 0);
    CHECK(world.nodes.channels.open_channels() == 0);
  }
}

TEST_CASE("a node that is not there is told once, and tried again while it is followed") {
  Logs world;
  world.nodes.attached = false;
  world.ask("/v1/instances/web-eu-fra-1/logs?follow=true");
  const std::string notice = R"({"instance":"web-eu-fra-1","notice":"on the node n1: it is not attached"})"
                             "\n";
  CHECK(world.told() == notice);
  world.world.fake.advance(3s);
  CHECK(world.told().empty());
  CHECK(world.orders.size() == 4);
  world.ask("/v1/instances/web-eu-fra-1/logs");
  CHECK(world.told() == notice + "(end)");
}

TEST_CASE("who may read may read logs, and what is asked for has to be there") {
  Logs world;
  const std::string reader = "Authorization: Bearer " + world.world.viewer + "\r\n";
  const auto status = [&world](const std::string& target, std::string_view fields = {}) {
    world.ask(target, fields);
    return world.peer->take().substr(9, 3);
  };
  CHECK(status("/v1/workloads/web/logs", reader) == "200");
  CHECK(status("/v1/workloads/web/logs", "Authorization: Bearer x\r\n") == "401");
  CHECK(status("/v1/workloads/db/logs") == "404");
  CHECK(status("/v1/instances/web-eu-fra-9/logs") == "404");
  CHECK(status("/v1/workloads/web/logs?instance=web-eu-fra-9") == "404");
  CHECK(status("/v1/nodes/n1/logs") == "404");
  for (const char* wrong :
       {"tail=x", "since=yesterday", "follow=1", "command=a", "instance=A%20B", "tail=1&tail=2"}) {
    CHECK(status(std::string("/v1/workloads/web/logs?") + wrong) == "400");
  }
  world.ask("/v1/workloads/web/logs?since=1m");
  const auto since = std::get<LogsWanted>(world.orders.back().what.what).since;
  CHECK(since == world.world.fake.clock.wall_now() - 1min);
}

TEST_CASE("so many instances at once, and so many streams") {
  Logs world;
  store::Transaction none;
  for (std::size_t i = 0; i < LogStream::kInstancesMax; ++i)
    world.put_instance("web-eu-x-" + std::to_string(i), "n1");
  world.ask("/v1/workloads/web/logs");
  CHECK(world.peer->take().find("has 130 instances; name one of them with ?instance=") != std::string::npos);
  std::vector<testing::Peer> peers;
  for (std::size_t i = 0; i < Insight::kLogStreamsMax; ++i) {
    world.ask("/v1/instances/web-eu-x-0/logs?follow=true");
    peers.push_back(std::move(*world.peer));
  }
  CHECK(world.insight.log_streams() == Insight::kLogStreamsMax);
  world.ask("/v1/instances/web-eu-x-0/logs");
  CHECK(world.peer->take().find("too many logs are being read here") != std::string::npos);
}

TEST_CASE("a workload without instances says so") {
  Logs world;
  world.remove_instance("web-eu-fra-1");
  world.remove_instance("web-eu-ams-1");
  world.ask("/v1/workloads/web/logs");
  CHECK(world.told() == R"({"notice":"there is no instance of web on a node now"})"
                        "\n(end)");
}

// A request for a command, and its WebSocket.
struct Command : InsightWorld {
  static constexpr std::string_view kAsks =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

  void ask(const std::string& query, const std::string& fields = std::string(kAsks)) {
    peer.emplace(world.fake, api::ApiFixture::kAddress);
    peer->send(world.text_of("GET", "/v1/instances/web-eu-fra-1/exec?" + query, {}, fields));
    world.fake.run_until_idle();
  }
  void begin(const std::string& query) {
    ask(query);
    REQUIRE(orders.size() == 1);
    call = answer(orders.back());
    const std::string head = peer->take();
    CHECK(head.starts_with("HTTP/1.1 101 "));
    CHECK(head.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);
    CHECK(head.find("\r\nUpgrade: websocket\r\n") != std::string::npos);
  }
  void send(std::string_view message) {
    frames.put(message);
    peer->send(frames.take_output());
    world.fake.run_until_idle();
  }
  // The messages that came, each with its first byte as a digit.
  std::string told() {
    std::string all;
    (void)frames.take(peer->take(), [&all](std::string_view message) {
      all += static_cast<char>('0' + message.front());
      all.append(message.substr(1)) += '|';
    });
    return all;
  }
  std::string refusal() { return peer->take(); }

  std::optional<testing::Peer> peer;
  websocket::Frames frames{websocket::Frames::End::kClient, std::size_t{1} << 20U};
  std::unique_ptr<grpc::ClientCall> call;
};

TEST_CASE("a command has its streams over a WebSocket, and ends with its exit code") {
  Command world;
  world.begin("command=sh&command=-c&command=echo%20a&container=side&terminal=true&rows=24&columns=80");
  CHECK(world.orders.back().what ==
        channel::ChannelOpen{
            .instance = "web-eu-fra-1",
            .container = "side",
            .what = ExecWanted{.command = {"sh", "-c", "echo a"}, .terminal = true, .size = {24, 80}}});
  CHECK(
      world.events() ==
      std::vector<std::string>{
          R"(exec web-eu-fra-1 root {"command":["sh","-c","echo a"],"container":"side","terminal":true} )"});
  world.send(std::string("\0input", 6));
  CHECK(world.nodes.hear(*world.call) == channel::ToMachine(channel::ChannelInput{"input"}));
  world.send("\4{\"rows\":30,\"columns\":100}");
  CHECK(world.nodes.hear(*world.call) == channel::ToMachine(channel::TerminalSize{30, 100}));
  world.send(std::string("\0", 1));
  CHECK(world.nodes.hear(*world.call) == channel::ToMachine(channel::ChannelInputEnd{}));
  world.nodes.say(*world.call, ChannelOutput{.err = false, .bytes = "out"});
  world.nodes.say(*world.call, ChannelOutput{.err = true, .bytes = "err"});
  CHECK(world.told() == "1out|2err|");
  world.nodes.say(*world.call, ChannelEnd{.exit_code = 3, .reason = {}});
  CHECK(world.told() == "3{\"exit_code\":3}|");
  CHECK(world.frames.closed_with() == websocket::kNormal);
  CHECK(world.peer->ended());
  CHECK(world.nodes.channels.open_channels() == 0);
}

TEST_CASE("the first container is the one that is meant") {
  Command world;
  world.begin("command=id");
  CHECK(world.orders.back().what.container == "app");
  world.nodes.say(*world.call, ChannelEnd{.exit_code = 0, .reason = "the container does not run"});
  CHECK(world.told() == "3{\"reason\":\"the container does not run\"}|");
}

TEST_CASE("who goes takes the command along, however it goes") {
  Command world;
  world.begin("command=sh");
  SUBCASE("closing") {
    world.frames.close(websocket::kNormal);
    world.peer->send(world.frames.take_output());
  }
  SUBCASE("leaving") { world.peer->close(); }
  SUBCASE("breaking off") { world.peer->abort(); }
  SUBCASE("by no frame") { world.peer->send("\xff\xff\xff\xff"); }
  SUBCASE("by no message of ours") { world.send("\7"); }
  SUBCASE("by no size") { world.send("\4[]"); }
  SUBCASE("silently") { world.world.fake.advance(Duration(ExecSession::kIdleTimeout) + 1s); }
  world.world.fake.run_until_idle();
  CHECK(world.nodes.channels.open_channels() == 0);
}

TEST_CASE("a node that goes, and a token, end a command with a sentence") {
  Command world;
  world.begin("command=sh");
  SUBCASE("the node") {
    world.world.fake.network.cut(world.nodes.at);
    world.world.fake.run_until_idle();
    CHECK(world.told() == "3{\"reason\":\"the way to the node was lost\"}|");
  }
  SUBCASE("the token") {
    world.world.tokens.replace({});
    world.world.fake.advance(Duration(ExecSession::kPingInterval) + 1s);
    CHECK(world.told() == "3{\"reason\":\"the token is not valid any more\"}|");
  }
}

TEST_CASE("who does not read its output makes the command wait") {
  Command world;
  world.begin("command=yes");
  world.peer->stop_reading();
  int said = 0;
  const std::string bytes = serialize(channel::FromMachine(
      ChannelOutput{.err = false, .bytes = std::string(channel::kChannelBytesMax, 'y')}));
  for (; said < 1000; ++said) {
    const auto written = world.world.fake.run(world.call->write(bytes));
    if (!written) break;
  }
  CHECK(said > 1);
  CHECK(said < 100);
}

TEST_CASE("only admins run commands; who else tries is put down") {
  Command world;
  const std::string reader =
      "Authorization: Bearer " + world.world.viewer + "\r\n" + std::string(Command::kAsks);
  world.ask("command=id", reader);
  CHECK(world.refusal().find("a token of the role viewer may not run commands in instances") !=
        std::string::npos);
  CHECK(world.orders.empty());
  CHECK(world.events() == std::vector<std::string>{
                              R"(exec web-eu-fra-1 reader {"command":["id"]} a token of the role viewer may )"
                              "not run commands in instances"});
  for (int i = 0; i < Insight::kAuditedPerMinute + 5; ++i) world.ask("command=id", reader);
  CHECK(world.events().size() == Insight::kAuditedPerMinute);
  world.world.fake.advance(1min);
  world.ask("command=id", reader);
  CHECK(world.events().size() == Insight::kAuditedPerMinute + 1);
}

TEST_CASE("a command that can't be run is refused, and put down where it was tried") {
  Command world;
  const auto refused = [&world](const std::string& query, const std::string& fields, std::string_view why) {
    world.ask(query, fields);
    const std::string answer = world.refusal();
    return answer.find(why) != std::string::npos ? "" : answer;
  };
  const std::string asks(Command::kAsks);
  CHECK(refused("command=id", "", "this is a WebSocket: ask with Upgrade: websocket") == "");
  CHECK(refused("command=id", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Sec-WebSocket-Version") ==
        "");
  CHECK(refused("", asks, "must be there, once for each word of a command") == "");
  CHECK(refused("command=", asks, "must be there, once for each word of a command") == "");
  CHECK(refused("command=id&rows=x", asks, "must be a number from 0 to 4096") == "");
  CHECK(world.events().empty());
  CHECK(refused("command=id&container=db", asks, "web-eu-fra-1 has no container db") == "");
  CHECK(world.events().size() == 1);
  world.nodes.attached = false;
  CHECK(refused("command=id", asks, "on the node n1: it is not attached") == "");
  CHECK(world.events().size() == 3);  // tried, and refused
  world.remove_instance("web-eu-fra-1");
  CHECK(refused("command=id", asks, "there is no Instance/web-eu-fra-1") == "");
}

}  // namespace
}  // namespace weir::insight
