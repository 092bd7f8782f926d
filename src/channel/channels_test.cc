#include "channel/channels.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "channel/channels_fixture.h"

namespace weir::channel {
namespace {

using namespace std::chrono_literals;

const ChannelOpen kLogs{.instance = "web-a-fra-1", .container = {}, .what = LogsWanted{.follow = true}};

// The node's end of a channel.
struct Node {
  explicit Node(ChannelWorld& its_world) : Node(its_world, its_world.way) {}
  Node(ChannelWorld& its_world, grpc::Channel& way) : world(its_world) {
    auto made = world.fake.run(way.call(std::string(kNodeChannelPath), {}, std::nullopt));
    REQUIRE(made);
    REQUIRE(*made);
    call = std::move(**made);
  }
  bool say(const FromMachine& said) { return send(serialize(said)); }
  bool send(std::string bytes) {
    const auto written = world.fake.run(call->write(std::move(bytes)));
    return written && *written;
  }
  std::optional<ToMachine> hear() {
    const auto message = world.fake.run(call->read());
    if (!message || !*message || !**message) return std::nullopt;
    auto said = parse_to_machine(***message);
    REQUIRE(said);
    return *said;
  }
  // "OK ", "NOT_FOUND why", or "" while it goes on.
  std::string status() {
    const auto message = world.fake.run(call->read());
    if (!message || !*message || **message) return {};
    return std::string(grpc::name_of(call->status().code)) + ' ' + call->status().message;
  }
  ChannelWorld& world;
  std::unique_ptr<grpc::ClientCall> call;
};

TEST_CASE("a channel is ordered, comes, and carries both ways until its asker goes") {
  ChannelWorld world;
  world.open(kLogs);
  CHECK_FALSE(world.opened);
  CHECK(world.id.size() == 32);
  CHECK(*parse_channel_open(world.about) == kLogs);
  Node node(world);
  CHECK(node.say(ChannelId{world.id}));
  world.fake.run_until_idle();
  CHECK(world.channels.open_channels() == 1);
  CHECK(node.say(ChannelOutput{.err = true, .bytes = "oh"}));
  CHECK(world.read() == FromMachine(ChannelOutput{.err = true, .bytes = "oh"}));
  CHECK_FALSE(world.read());
  CHECK(world.write(TerminalSize{1, 2}));
  CHECK(node.hear() == ToMachine(TerminalSize{1, 2}));
  CHECK(node.status().empty());
  world.opened.reset();
  CHECK(node.status() == "OK ");
  CHECK(world.channels.open_channels() == 0);
}

TEST_CASE("what was said before the end is read before it") {
  ChannelWorld world;
  world.open(kLogs);
  Node node(world);
  CHECK(node.say(ChannelId{world.id}));
  CHECK(node.say(ChannelOutput{.err = false, .bytes = "last"}));
  CHECK(node.say(ChannelEnd{.exit_code = 3, .reason = {}}));
  node.call->half_close();
  CHECK(node.status() == "OK ");
  CHECK(world.read() == FromMachine(ChannelOutput{.err = false, .bytes = "last"}));
  CHECK(world.read() == FromMachine(ChannelEnd{.exit_code = 3, .reason = {}}));
  CHECK(world.at_end());
  CHECK(world.at_end());
  CHECK_FALSE(world.write(ChannelInputEnd{}));
}

TEST_CASE("a node that goes ends its channels") {
  ChannelWorld world;
  world.open(kLogs);
  Node node(world);
  CHECK(node.say(ChannelId{world.id}));
  world.fake.run_until_idle();
  auto reading = world.fake.run(world.channel().read());
  CHECK_FALSE(reading);
  world.fake.network.cut(world.at);
  CHECK(world.at_end());
}

TEST_CASE("who does not read makes the other wait") {
  ChannelWorld world;
  world.open(kLogs);
  Node node(world);
  CHECK(node.say(ChannelId{world.id}));
  const ChannelOutput piece{.err = false, .bytes = std::string(kChannelBytesMax, 'x')};
  int said = 0;
  while (said < 1000 && node.say(piece)) ++said;
  CHECK(said > 1);
  CHECK(said < 100);  // the queue, and the windows of HTTP/2
  for (int i = 0; i < said; ++i) CHECK(world.read());
  CHECK(node.say(piece));

  int written = 0;
  while (written < 1000 && world.write(ChannelInput{piece.bytes})) ++written;
  CHECK(written > 1);
  CHECK(written < 100);
  for (int i = 0; i < written; ++i) CHECK(node.hear());
  CHECK(world.write(ChannelInput{"more"}));
}

TEST_CASE("what was ordered of this process makes no call") {
  ChannelWorld world;
  std::unique_ptr<End> end;
  world.on_order = [&](std::string_view, const std::string& id, std::string_view) {
    end = world.channels.take(id);
    CHECK(world.channels.take(id) == nullptr);
  };
  world.open(kLogs);
  REQUIRE(end);
  const auto say = [&](FromMachine said) {
    const auto written = world.fake.run(end->write(std::move(said)));
    return written && *written;
  };
  SUBCASE("both ways, to the machine's end") {
    CHECK(say(ChannelOutput{.err = false, .bytes = "one"}));
    CHECK(*world.read() == FromMachine(ChannelOutput{.err = false, .bytes = "one"}));
    CHECK(say(ChannelEnd{}));
    end->close();
    CHECK(*world.read() == FromMachine(ChannelEnd{}));
    CHECK(world.at_end());
    CHECK_FALSE(say(ChannelEnd{}));
  }
  SUBCASE("to the asker's") {
    CHECK(world.write(ChannelInput{"more"}));
    world.opened.reset();
    CHECK(world.fake.run(end->wait_for_end()));
    CHECK_FALSE(say(ChannelEnd{}));
  }
  SUBCASE("it goes without a word") {
    end.reset();
    CHECK(world.at_end());
    CHECK_FALSE(world.write(ChannelInput{"more"}));
  }
}

TEST_CASE("a channel that does not come is given up") {
  ChannelWorld world;
  SUBCASE("the node is not attached") {
    world.attached = false;
    world.open(kLogs);
    REQUIRE(world.opened);
    CHECK(world.opened->error().code == Code::kNotFound);
  }
  SUBCASE("it makes no call") {
    world.open(kLogs);
    world.fake.advance(9s);
    CHECK_FALSE(world.opened);
    world.fake.advance(2s);
    REQUIRE(world.opened);
    CHECK(world.opened->error().code == Code::kTimedOut);
    Node late(world);
    CHECK(late.say(ChannelId{world.id}));
    CHECK(late.status() == "NOT_FOUND nobody waits for this channel");
  }
  SUBCASE("its asker goes before") {
    world.open(kLogs);
    world.tasks.cancel();
    world.fake.run_until_idle();
    REQUIRE(world.opened);
    CHECK(world.opened->error().code == Code::kCancelled);
  }
  CHECK(world.channels.open_channels() == 0);
}

TEST_CASE("only what was ordered is let in, from that node, and once") {
  ChannelWorld world;
  world.open(kLogs);
  Node node(world);
  SUBCASE("another id") {
    CHECK(node.say(ChannelId{"0123"}));
    CHECK(node.status() == "NOT_FOUND nobody waits for this channel");
  }
  SUBCASE("another node") {
    world.belongs_to = "node-2";
    CHECK(node.say(ChannelId{world.id}));
    CHECK(node.status() == "NOT_FOUND nobody waits for this channel");
    CHECK_FALSE(world.opened);
  }
  SUBCASE("twice") {
    CHECK(node.say(ChannelId{world.id}));
    world.fake.run_until_idle();
    Node again(world);
    CHECK(again.say(ChannelId{world.id}));
    CHECK(again.status() == "NOT_FOUND nobody waits for this channel");
  }
  SUBCASE("no id first") {
    CHECK(node.say(ChannelEnd{}));
    CHECK(node.status() == "INVALID_ARGUMENT a channel begins with its id");
  }
  SUBCASE("nothing at all") {
    node.call->half_close();
    CHECK(node.status() == "INVALID_ARGUMENT a channel begins with its id");
  }
  SUBCASE("no message later") {
    CHECK(node.say(ChannelId{world.id}));
    CHECK(node.send("\xff"));
    CHECK(node.status() == "INVALID_ARGUMENT what came is no message of a channel");
    CHECK(world.at_end());
  }
}

TEST_CASE("channels are so many, of a node and of all") {
  ChannelWorld world;
  std::map<std::string, grpc::Channel> ways;
  std::vector<std::unique_ptr<Channel>> kept;
  const auto take = [&world, &kept, &ways](const std::string& of) {
    world.belongs_to = of;
    world.open(kLogs, of);
    if (world.opened) return false;
    const auto way = ways.try_emplace(of, world.fake.loop, world.opener,
                                      grpc::ChannelOptions{.authority = "controller", .scheme = "http"});
    Node node(world, way.first->second);
    CHECK(node.say(ChannelId{world.id}));
    world.fake.run_until_idle();
    REQUIRE(world.opened);
    kept.push_back(std::move(**world.opened));
    return true;
  };
  const auto why = [&world] { return std::string(world.opened->error().text); };
  for (std::size_t i = 0; i < Channels::kPerMachineMax; ++i) CHECK(take("n0"));
  CHECK_FALSE(take("n0"));
  CHECK(why() == "too many channels to that machine are open here");
  for (std::size_t i = Channels::kPerMachineMax; i < Channels::kMax; ++i) {
    CHECK(take("n" + std::to_string(i / Channels::kPerMachineMax)));
  }
  CHECK_FALSE(take("n9"));
  CHECK(why() == "too many channels are open here");
  kept.pop_back();
  CHECK(take("n9"));
  for (auto& [of, way] : ways) CHECK(world.fake.run(way.close()));
}

}  // namespace
}  // namespace weir::channel
