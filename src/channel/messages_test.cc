#include "channel/messages.h"

#include <channel.pb.h>
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

namespace weir::channel {
namespace {

using namespace std::chrono_literals;

const WallTime kTime{1'764'486'000'123ms};

TEST_CASE("what a channel is about crosses as it is") {
  const std::vector<ChannelOpen> all{
      {.instance = "web-a-fra-1", .container = {}, .what = LogsWanted{}},
      {.instance = "web-a-fra-1",
       .container = "app",
       .what = LogsWanted{.follow = true, .since = kTime, .tail = 0}},
      {.instance = "web-a-fra-1",
       .container = "app",
       .what = ExecWanted{.command = {"sh", "", "\xff"}, .terminal = true, .size = {24, 80}}},
      {.instance = "laptop", .container = {}, .what = RequestsWanted{.service = "web", .id = {}}},
      {.instance = "laptop",
       .container = {},
       .what = RequestsWanted{.service = "web", .verb = RequestsVerb::kReplay, .id = "3f9c"}},
  };
  for (const ChannelOpen& open : all) {
    const auto read = parse_channel_open(serialize(open));
    REQUIRE(read);
    CHECK(*read == open);
  }
}

TEST_CASE("what is said crosses as it is, in both directions") {
  const std::vector<FromMachine> from{
      ChannelId{"id"},
      ChannelLines{},
      ChannelLines{{.container = "app", .err = false, .time = kTime, .text = "one"},
                   {.container = "app", .err = true, .time = kTime, .text = "\xff"}},
      ChannelOutput{.err = false, .bytes = "out"},
      ChannelOutput{.err = true, .bytes = ""},
      ChannelRequests{},
      ChannelRequests{{R"({"method":"GET"})", "\xff"}},
      ChannelEnd{.exit_code = -1, .reason = {}},
      ChannelEnd{.exit_code = 0, .reason = "why"},
  };
  for (const FromMachine& said : from) {
    const auto read = parse_from_machine(serialize(said));
    REQUIRE(read);
    CHECK(*read == said);
  }
  for (const ToMachine& said :
       {ToMachine(ChannelInput{"x\0y"}), ToMachine(ChannelInputEnd{}), ToMachine(TerminalSize{24, 80})}) {
    const auto read = parse_to_machine(serialize(said));
    REQUIRE(read);
    CHECK(*read == said);
  }
}

TEST_CASE("requests beyond the limits are refused") {
  CHECK(parse_from_machine(serialize(ChannelRequests{std::vector<std::string>(kRequestsMax, "{}")})));
  CHECK_FALSE(
      parse_from_machine(serialize(ChannelRequests{std::vector<std::string>(kRequestsMax + 1, "{}")})));
  CHECK_FALSE(parse_from_machine(serialize(ChannelRequests{{std::string(kRequestBytesMax + 1, ' ')}})));
  const auto about = [](RequestsWanted wanted) {
    return parse_channel_open(
        serialize(ChannelOpen{.instance = "a", .container = {}, .what = std::move(wanted)}));
  };
  CHECK(about({.service = "web", .id = {}}));
  CHECK_FALSE(about({.service = "", .id = {}}));
  CHECK_FALSE(about({.service = "web", .id = std::string(2000, 'x')}));
  CHECK_FALSE(about({.service = "web", .verb = static_cast<RequestsVerb>(9), .id = {}}));
}

TEST_CASE("what is beyond the limits is refused") {
  const std::string large(kChannelMessageBytesMax + 1, '\0');
  for (const std::string& wrong : {std::string(), std::string("\x07"), std::string("\xff\xff"), large}) {
    CHECK_FALSE(parse_channel_open(wrong));
    CHECK_FALSE(parse_from_machine(wrong));
    CHECK_FALSE(parse_to_machine(wrong));
  }
  CHECK_FALSE(parse_channel_open(serialize(ChannelOpen{.instance = {}, .container = {}, .what = {}})));
  CHECK_FALSE(parse_channel_open(
      serialize(ChannelOpen{.instance = std::string(2000, 'a'), .container = {}, .what = {}})));
  CHECK_FALSE(
      parse_channel_open(serialize(ChannelOpen{.instance = "a", .container = {}, .what = ExecWanted{}})));
  v1::ChannelOpen nothing;
  nothing.set_instance("a");
  CHECK_FALSE(parse_channel_open(nothing.SerializeAsString()));
  nothing.mutable_logs()->set_since_ms(-1);
  CHECK_FALSE(parse_channel_open(nothing.SerializeAsString()));
  nothing.mutable_logs()->set_since_ms(1);
  nothing.mutable_logs()->set_tail(1'000'000);
  const auto tail = parse_channel_open(nothing.SerializeAsString());
  REQUIRE(tail);
  CHECK(std::get<LogsWanted>(tail->what).tail == kTailMax);

  const std::string long_text(kChannelBytesMax + 1, 'a');
  CHECK_FALSE(parse_from_machine(serialize(FromMachine(ChannelId{std::string()}))));
  CHECK_FALSE(parse_from_machine(serialize(FromMachine(ChannelOutput{.err = false, .bytes = long_text}))));
  CHECK_FALSE(parse_from_machine(serialize(FromMachine(ChannelOutput{.err = true, .bytes = long_text}))));
  CHECK_FALSE(parse_from_machine(serialize(FromMachine(ChannelEnd{.exit_code = 0, .reason = long_text}))));
  CHECK_FALSE(parse_from_machine(serialize(FromMachine(ChannelLines(kLinesMax + 1)))));
  CHECK_FALSE(parse_from_machine(serialize(
      FromMachine(ChannelLines{{.container = "a", .err = false, .time = kTime, .text = long_text}}))));
  CHECK_FALSE(parse_from_machine(serialize(
      FromMachine(ChannelLines{{.container = "a", .err = false, .time = WallTime(-1ms), .text = {}}}))));
  CHECK_FALSE(parse_to_machine(serialize(ToMachine(ChannelInput{long_text}))));
  v1::ChannelToMachine size;
  size.mutable_size()->set_rows(1'000'000);
  const auto bounded = parse_to_machine(size.SerializeAsString());
  REQUIRE(bounded);
  CHECK(std::get<TerminalSize>(*bounded) == TerminalSize{kTerminalSizeMax, 0});
}

TEST_CASE("a command is one, and not too long") {
  CHECK(check_command({"sh", "", "a b"}).empty());
  CHECK(check_command({}) == "must name a command");
  CHECK(check_command({""}) == "must name a command");
  CHECK(check_command(std::vector<std::string>(257, "a")) == "must have at most 256 words");
  CHECK(check_command({std::string("a\0b", 3)}) == "must have no word with a NUL in it");
  CHECK(check_command({std::string(32769, 'a')}) == "must have at most 32768 bytes");
}

}  // namespace
}  // namespace weir::channel
