// Letters, channels and the door, on real sockets.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "handover/channel.h"
#include "handover/child.h"
#include "handover/door.h"
#include "handover/letter.h"
#include "handover/successor.h"
#include "net/core.h"
#include "net/task_group.h"
#include "testing/memory_log.h"
#include "testing/real_env.h"

using namespace std::chrono_literals;
using weir::Code;
using weir::net::Descriptor;
using weir::net::Task;
using weir::testing::RealEnv;

namespace weir::handover {
namespace {

// A directory whose path is longer than a socket's address can be.
class LongDirectory {
 public:
  LongDirectory() {
    std::string made = std::filesystem::temp_directory_path() / "weir-handover-XXXXXX";
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    top_ = made;
    path = top_ / std::string(90, 'a') / std::string(90, 'b');
    std::filesystem::create_directories(path);
  }
  LongDirectory(const LongDirectory&) = delete;
  LongDirectory& operator=(const LongDirectory&) = delete;
  ~LongDirectory() { std::filesystem::remove_all(top_); }
  std::filesystem::path path;

 private:
  std::filesystem::path top_;
};

Letter letter_with(std::string word, std::string_view key, std::string value) {
  Letter letter = make_letter(std::move(word));
  letter.set(key, std::move(value));
  return letter;
}

}  // namespace

TEST_CASE("a letter is read as it was written, and what is no letter is refused") {
  Letter letter = letter_with("offer", "version", "1.2 \"x\"\n");
  letter.set("pid", 12);
  const auto read = read_letter(to_text(letter), {});
  REQUIRE(read);
  CHECK(read->word == "offer");
  CHECK(read->get("version") == "1.2 \"x\"\n");
  CHECK(read->number("pid") == 12);
  CHECK(!read->number("version"));
  CHECK(read->get("none").empty());
  for (const std::string_view bad :
       {"", "x", "[]", "{}", R"({"fields":{}})", R"({"word":"a","enclosed":["b"]})"}) {
    CHECK_MESSAGE(!read_letter(bad, {}), bad);
  }
  const auto odd = read_letter(R"({"word":1,"fields":[],"enclosed":{}, "new":{}})", {});
  REQUIRE(odd);
  CHECK(odd->word.empty());
}

TEST_CASE("letters bring descriptors, in both directions, and without a loop") {
  RealEnv real;
  auto pair = make_pair();
  REQUIRE(pair);
  auto channel = Channel::create(real.loop, *real.poller, std::move(pair->ours));
  REQUIRE(channel);

  Letter offer = letter_with("offer", "a", "b");
  auto text = enclose_text(std::string(100'000, 'x'));
  REQUIRE(text);
  offer.enclose("text", std::move(*text));
  REQUIRE(real.run((*channel)->send(offer, 1s)));
  auto got = receive_now(pair->theirs, 1s);
  REQUIRE(got);
  CHECK(got->get("a") == "b");
  const Descriptor enclosed = got->take("text");
  REQUIRE(enclosed);
  CHECK(!got->take("text"));
  CHECK(read_enclosed(enclosed, 1'000'000).value_or("") == std::string(100'000, 'x'));
  CHECK(read_enclosed(enclosed, 10).error().code == Code::kBodyTooLarge);

  REQUIRE(send_now(pair->theirs, letter_with("ready", "", ""), 1s));
  auto answer = real.run((*channel)->receive(1s));
  REQUIRE(answer);
  REQUIRE(*answer);
  CHECK((*answer)->word == "ready");

  auto late = real.run((*channel)->receive(1ms));
  REQUIRE(late);
  CHECK(late->error().code == Code::kTimedOut);
  pair->theirs = Descriptor();
  auto gone = real.run((*channel)->receive(1s));
  REQUIRE(gone);
  CHECK(gone->error().code == Code::kClosed);
}

TEST_CASE("the door is private, and the next one takes its place") {
  RealEnv real;
  const LongDirectory directory;
  CHECK(knock(directory.path).error().os_errno == ENOENT);
  const auto answer = [](Letter asked, Channel& who) -> Task<void> {
    const Letter letter = letter_with("done", "to", std::string(asked.get("name")));
    (void)co_await who.send(letter, 1s);
  };
  const auto never = [](Letter, Channel&) -> Task<void> {
    CHECK(false);
    co_return;
  };
  auto before = Door::open(real.loop, *real.poller, directory.path, never);
  REQUIRE(before);
  auto door = Door::open(real.loop, *real.poller, directory.path, answer);
  REQUIRE(door);
  struct stat status{};
  REQUIRE(::stat((directory.path / kDoorName).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);

  auto who = knock(directory.path);
  REQUIRE(who);
  REQUIRE(send_now(*who, letter_with("ask", "name", "me"), 1s));
  auto channel = Channel::create(real.loop, *real.poller, std::move(*who));
  REQUIRE(channel);
  CHECK((*channel)->is_ours());
  auto answered = real.run((*channel)->receive(5s));
  REQUIRE(answered);
  REQUIRE(*answered);
  CHECK((*answered)->get("to") == "me");
  CHECK(real.run((*door)->stop()));
  CHECK(real.run((*before)->stop()));
}

// The one that starts it, as far as it is heard.
struct Starter {
  Starter() {
    auto pair = make_pair();
    REQUIRE(pair);
    ours = std::move(pair->ours);
    theirs = std::move(pair->theirs);
  }
  void offer(std::uint64_t protocol) {
    Letter letter = make_letter("offer");
    letter.set("protocol", protocol);
    letter.set("version", "0.9");
    letter.set("process", 7);
    auto snapshot = enclose_text("all of it");
    REQUIRE(snapshot);
    letter.enclose("snapshot", std::move(*snapshot));
    say(letter);
    Letter sockets = make_letter("sockets");
    sockets.enclose("socket 127.0.0.1:80", Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    sockets.enclose("socket nowhere", Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    say(sockets);
    say("offered");
  }
  void say(const Letter& letter) { REQUIRE(send_now(ours, letter, 1s)); }
  void say(const char* word) { say(make_letter(word)); }

  Descriptor ours;
  Descriptor theirs;
};

// A successor on a core of its own that this thread turns.
struct Taking {
  explicit Taking(Starter& starter) {
    auto made = net::Core::create(log);
    REQUIRE(made);
    core = std::move(*made);
    starter.offer(kProtocol);
    auto heard = Successor::create(std::move(starter.theirs), "1.0");
    REQUIRE(heard);
    successor = std::move(*heard);
    const auto go = [this](std::string_view snapshot, auto sockets) -> std::expected<void, std::string> {
      happened += "go(" + std::string(snapshot) + "," + std::to_string(sockets.size()) + ") ";
      return {};
    };
    REQUIRE(successor->begin(*core, log,
                             {.go = go,
                              .moved = [this](Letter letter) { happened += letter.word + " "; },
                              .released = [this] { happened += "released "; }}));
  }
  ~Taking() {
    net::TaskGroup ending(core->loop());
    ending.spawn(successor->stop());
    CHECK(turn_until([&] { return ending.size() == 0; }));
  }
  template <class Done>
  bool turn_until(Done done) {
    const Instant until = core->loop().clock().now() + 10s;
    while (!done() && core->loop().clock().now() < until) core->loop().turn(10ms);
    return done();
  }
  std::string heard_by(const Starter& starter) {
    while (core->loop().turn(Duration::zero())) {
    }
    auto letter = receive_now(starter.ours, 5s);
    return letter ? letter->word : letter.error().text;
  }

  testing::MemoryLog log;
  std::unique_ptr<net::Core> core;
  std::unique_ptr<Successor> successor;
  std::string happened;
};

TEST_CASE("a successor takes what it is offered, waits for the word, and takes what comes then") {
  Starter starter;
  Taking taking(starter);
  CHECK(taking.successor->offered().snapshot == "all of it");
  REQUIRE(taking.successor->offered().sockets.size() == 1);
  CHECK(taking.successor->offered().sockets.front().at.to_string() == "127.0.0.1:80");
  CHECK(taking.heard_by(starter) == "ready");
  CHECK(taking.happened.empty());
  CHECK(taking.successor->predecessors().processes == 0);
  Letter go = make_letter("go");
  auto newer = enclose_text("newer");
  REQUIRE(newer);
  go.enclose("snapshot", std::move(*newer));
  starter.say(go);
  CHECK(taking.turn_until([&] { return !taking.happened.empty(); }));
  CHECK(taking.heard_by(starter) == "taken");
  for (const char* word : {"released", "released", "pair", "unheard-of", "idle"}) starter.say(word);
  Letter left = letter_with("left", "connections", "12");
  starter.say(left);
  CHECK(taking.turn_until([&] { return taking.successor->predecessors().connections == 12; }));
  CHECK(taking.happened == "go(newer,1) released pair idle ");
  CHECK(taking.successor->predecessors().processes == 1);
  taking.successor->settled();
  CHECK(taking.heard_by(starter) == "settled");
  starter.ours = Descriptor();
  CHECK(taking.turn_until([&] { return taking.successor->predecessors().processes == 0; }));
  CHECK(taking.happened == "go(newer,1) released pair idle ");
}

TEST_CASE("a successor whose starter has gone goes on by itself") {
  Starter starter;
  Taking taking(starter);
  CHECK(taking.heard_by(starter) == "ready");
  starter.ours = Descriptor();
  CHECK(taking.turn_until([&] { return taking.happened == "go(,1) released "; }));
}

TEST_CASE("a successor that speaks another protocol refuses, and says why") {
  Starter starter;
  starter.offer(kProtocol + 1);
  const auto refused = Successor::create(std::move(starter.theirs), "1.0");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().starts_with("the running weir 0.9 hands over in another way than this one"));
  auto letter = receive_now(starter.ours, 1s);
  REQUIRE(letter);
  CHECK(letter->word == "failed");
  CHECK(letter->get("why") == refused.error());
}

TEST_CASE("a process that was replaced long ago is heard by the newest") {
  Starter first;
  Starter second;
  Taking old(first);
  Taking young(second);
  first.say("go");
  second.say("go");
  CHECK(old.turn_until([&] { return !old.happened.empty(); }));
  CHECK(young.turn_until([&] { return !young.happened.empty(); }));
  std::vector<Letter> letters;
  const auto hand_on = [](Successor& from, std::vector<Letter>& into) -> Task<void> {
    into = co_await from.hand_on();
  };
  net::TaskGroup group(old.core->loop());
  group.spawn(hand_on(*old.successor, letters));
  CHECK(old.turn_until([&] { return group.size() == 0; }));
  REQUIRE(letters.size() == 1);
  second.say(letters.front());
  letters.clear();
  CHECK(young.turn_until([&] { return young.successor->predecessors().processes == 2; }));
  first.say(letter_with("left", "connections", "5"));
  CHECK(young.turn_until([&] { return young.successor->predecessors().connections == 5; }));
  first.ours = Descriptor();
  CHECK(young.turn_until([&] { return young.successor->predecessors().processes == 1; }));
}

TEST_CASE("a child has the descriptor, and one that can't be started is told as what it is") {
  RealEnv real;
  auto pair = make_pair();
  REQUIRE(pair);
  const std::array<const char*, 1> nothing{nullptr};
  const auto none = Child::start("/nonexistent/weir", pair->theirs, nothing.data());
  REQUIRE_FALSE(none);
  CHECK(none.error().os_errno == ENOENT);
  auto channel = Channel::create(real.loop, *real.poller, std::move(pair->ours));
  REQUIRE(channel);
  const auto child = Child::start("/bin/true", pair->theirs, nothing.data());
  REQUIRE(child);
  CHECK(child->id() > 0);
  pair->theirs = Descriptor();
  const auto gone = real.run((*channel)->receive(10s));
  REQUIRE(gone);
  CHECK(gone->error().code == Code::kClosed);  // it had it, and has ended
  child->kill();
}

}  // namespace weir::handover
