#include "anycast/speaker.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "anycast/bird_fixture.h"
#include "handover/channel.h"

namespace weir::anycast {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr const char* kConfigure = "configure soft";
constexpr const char* kOne = "protocol static weir_a {\n}\n";
constexpr Duration kPatience = 20s;

// A speaker on a thread of its own, and the edge's end of its line.
struct World {
  explicit World(Duration silence = 1h) {
    auto pair = handover::make_pair();
    REQUIRE(pair);
    edge = std::move(pair->ours);
    options = {.bird_socket = folder.at("ctl"),
               .include_path = folder.at("weir.conf"),
               .nothing = "# nothing\n",
               .protocols = {"weir_a", "weir_b"},
               .silence = silence,
               .look_interval = 1h,
               .retry_first = 1ms,
               .retry_longest = 10ms};
    theirs = std::move(pair->theirs);
  }
  ~World() { end(); }

  void start() {
    thread = std::thread([this] { Speaker(std::move(theirs), options).run(); });
  }
  void end() {
    edge = {};
    if (thread.joinable()) thread.join();
  }
  void say(std::string_view word, std::uint64_t number = 0, const std::string& text = {}) const {
    handover::Letter letter = handover::make_letter(std::string(word));
    letter.set(kNumberField, number);
    letter.set(kTextField, text);
    CHECK(handover::send_now(edge, letter, kPatience));
  }
  // "loaded 1", "failed 1 withdrawn: why"
  std::string hear() const {
    const auto letter = handover::receive_now(edge, kPatience);
    if (!letter) return sentence_of(letter.error());
    std::string text = letter->word + " " + std::string(letter->get(kNumberField));
    if (!letter->get(kWithdrawnField).empty()) text += " withdrawn";
    if (!letter->get(kReasonField).empty()) text += ": " + std::string(letter->get(kReasonField));
    return text;
  }
  std::string file() const { return read_include_file(options.include_path); }

  Folder folder;
  SpeakerOptions options;
  net::Descriptor edge;
  net::Descriptor theirs;
  std::thread thread;
};

TEST_CASE("what is announced stands in the file, and BIRD takes it up") {
  World world;
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  CHECK(world.file() == kOne);
  struct stat status{};
  REQUIRE(::stat(world.options.include_path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);
  world.say(kBeatWord);
  world.say(kAnnounceWord, 2, "# other\n");
  CHECK(world.hear() == "loaded 2");
  CHECK(world.file() == "# other\n");
  CHECK(bird.asked(2) == Words{kConfigure, kConfigure});
  CHECK_FALSE(std::filesystem::exists(world.options.include_path + ".new"));
}

TEST_CASE("when the edge is gone, nothing is announced any more") {
  World world;
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  world.end();
  CHECK(world.file() == "# nothing\n");
  CHECK(bird.asked(2) == Words{kConfigure, kConfigure});
}

TEST_CASE("when another process goes on, nothing is touched") {
  World world;
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  world.say(kLeaveWord);
  world.thread.join();
  CHECK(world.file() == kOne);
  CHECK(bird.asked(1) == Words{kConfigure});
}

TEST_CASE("one that never said anything leaves nothing behind") {
  World world;
  FakeBird bird(world.options.bird_socket);
  REQUIRE(write_include(world.options.include_path, kOne));
  world.start();
  world.say(kBeatWord);
  world.end();
  CHECK(world.file() == kOne);
  CHECK(bird.asked(0).empty());
}

TEST_CASE("an edge that falls silent is withdrawn, and hears of it when it speaks again") {
  World world(50ms);
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  CHECK(bird.asked(2) == Words{kConfigure, kConfigure});
  CHECK(world.hear() == "loaded 1");
  CHECK(world.file() == "# nothing\n");
  world.say(kBeatWord);
  CHECK(world.hear() == "silent 1");
  world.say(kAnnounceWord, 2, kOne);
  CHECK(world.hear() == "loaded 2");
}

TEST_CASE("a configuration that BIRD refuses keeps nothing announced that is not to be") {
  World world;
  FakeBird bird(world.options.bird_socket);
  bird.answer(kConfigure, "0002-Reading\n8002 bird.conf:1:1 syntax error\n");
  bird.answer("disable weir_b", "0009-weir_b: disabled\n0000 \n");
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "failed 1 withdrawn: BIRD: bird.conf:1:1 syntax error (8002)");
  const Words asked = bird.asked(4);
  CHECK(Words(asked.begin(), asked.begin() + 4) ==
        Words{kConfigure, "disable weir_b", kConfigure, "disable weir_b"});
  bird.answer("disable weir_b", "8007 Access denied\n");
  CHECK(world.hear() == "failed 1: BIRD: bird.conf:1:1 syntax error (8002)");
  bird.answer(kConfigure, "0003 Reconfigured\n");
  CHECK(world.hear() == "loaded 1");
}

TEST_CASE("BIRD may come later than the edge, and go") {
  World world;
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear().starts_with("failed 1: " + world.options.bird_socket));
  CHECK(world.file() == kOne);
  {
    FakeBird bird(world.options.bird_socket);
    CHECK(world.hear() == "loaded 1");
  }
  CHECK(world.hear().starts_with("failed 1: "));
  FakeBird bird(world.options.bird_socket);
  CHECK(world.hear() == "loaded 1");
}

TEST_CASE("BIRD is looked at from time to time") {
  World world;
  world.options.look_interval = 1ms;
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  CHECK(bird.asked(3)[1] == "show status");
  bird.answer("show status", "8007 Access denied\n");
  CHECK(world.hear() == "loaded 1");
}

TEST_CASE("a file that somebody else has changed is put right") {
  World world;
  world.options.look_interval = 1ms;
  FakeBird bird(world.options.bird_socket);
  world.start();
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  REQUIRE(write_include(world.options.include_path, "# by hand\n"));
  CHECK(world.hear() == "loaded 1");
  CHECK(world.file() == kOne);
}

TEST_CASE("a file that can't be written is told, and what is announced is ended without it") {
  World world;
  world.options.include_path = world.folder.at("not/there.conf");
  FakeBird bird(world.options.bird_socket);
  bird.answer("disable weir_a", "0000 \n");
  bird.answer("disable weir_b", "0000 \n");
  world.start();
  world.say(kAnnounceWord, 1, "# nothing\n");
  CHECK(world.hear().starts_with("failed 1 withdrawn: " + world.options.include_path + ".new: "));
}

TEST_CASE("a file that is not there says nothing") {
  const Folder folder;
  CHECK(read_include_file(folder.at("none")).empty());
}

TEST_CASE("the speaker is a process that ends with the edge, and keeps nothing of it") {
  World world;
  FakeBird bird(world.options.bird_socket);
  auto pair = handover::make_pair();
  REQUIRE(pair);
  auto line = start_speaker(world.options);
  REQUIRE(line);
  world.edge = std::move(*line);
  pair->ours = {};
  const auto ended = handover::receive_now(pair->theirs, kPatience);  // it has no copy of the other end
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == Code::kClosed);
  world.say(kAnnounceWord, 1, kOne);
  CHECK(world.hear() == "loaded 1");
  world.edge = {};
  CHECK(bird.asked(2) == Words{kConfigure, kConfigure});
  CHECK(world.file() == "# nothing\n");
}

}  // namespace
}  // namespace weir::anycast
