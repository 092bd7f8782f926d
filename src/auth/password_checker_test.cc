#include "auth/password_checker.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "auth/password.h"
#include "net/core.h"
#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::auth {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using Verdict = PasswordChecker::Verdict;

constexpr const char* kHash = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";

struct World {
  ~World() {
    group.cancel();
    fake.run_until_idle();
  }
  void ask(const std::string& password, std::uint64_t source = 1) {
    verdicts.emplace_back();
    group.spawn(note(*this, verdicts.size() - 1, password, source));
  }
  static net::Task<void> note(World& world, std::size_t place, std::string password, std::uint64_t source) {
    const Verdict verdict =
        co_await world.checker.check(world.fake.loop, {.key = sha256({bytes_of(password)}),
                                                       .source = {.network = source},
                                                       .hash = kHash,
                                                       .password = password});
    world.verdicts[place] = verdict;
  }
  bool answer() {
    const bool any = checker.answer_one();
    fake.run_until_idle();
    return any;
  }

  FakeEnv fake;
  PasswordChecker checker;
  net::TaskGroup group{fake.loop};
  std::vector<std::optional<Verdict>> verdicts;  // nothing: still waiting
};
using Verdicts = std::vector<std::optional<Verdict>>;
constexpr std::optional<Verdict> kWaiting;

TEST_CASE("who asks waits, and is answered in turn") {
  World world;
  CHECK_FALSE(world.answer());
  world.ask("x");
  world.ask("Hello world!");
  world.fake.run_until_idle();
  CHECK(world.verdicts == Verdicts{kWaiting, kWaiting});
  CHECK(world.answer());
  CHECK(world.verdicts == Verdicts{Verdict::kWrong, kWaiting});
  CHECK(world.answer());
  CHECK(world.verdicts == Verdicts{Verdict::kWrong, Verdict::kRight});
  CHECK_FALSE(world.answer());
}

TEST_CASE("equal questions get one answer") {
  World world;
  for (int i = 0; i < 100; ++i) world.ask("Hello world!", static_cast<std::uint64_t>(i % 3));
  CHECK(world.answer());
  for (const auto& verdict : world.verdicts) CHECK(verdict == Verdict::kRight);
  CHECK_FALSE(world.answer());
}

TEST_CASE("no more wait than there is room for, all in all and of one source") {
  World world;
  for (std::size_t i = 0; i <= PasswordChecker::kQuestionsOfSourceMax; ++i) world.ask(std::to_string(i), 7);
  CHECK(world.verdicts.back() == Verdict::kSourceBusy);
  CHECK(world.verdicts.front() == kWaiting);
  for (std::size_t i = PasswordChecker::kQuestionsOfSourceMax; i < PasswordChecker::kQuestionsMax; ++i) {
    world.ask("of others " + std::to_string(i), 100 + i);
    CHECK(world.verdicts.back() == kWaiting);
  }
  world.ask("one more", 8);
  CHECK(world.verdicts.back() == Verdict::kBusy);
  CHECK(world.answer());
  world.ask("one more", 8);
  CHECK(world.verdicts.back() == kWaiting);
}

TEST_CASE("nobody waits for ever, and what nobody waits for is not answered") {
  World world;
  world.ask("x");
  SUBCASE("for long") {
    world.fake.advance(PasswordChecker::kWaitMax);
    CHECK(world.verdicts == Verdicts{Verdict::kBusy});
  }
  SUBCASE("no longer") {
    world.group.cancel();
    world.fake.run_until_idle();
    CHECK(world.verdicts == Verdicts{Verdict::kCancelled});
  }
  CHECK_FALSE(world.answer());
}

TEST_CASE("an answer that comes too late is nobody's") {
  World world;
  world.ask("x");
  world.fake.run_until_idle();
  CHECK(world.checker.answer_one());  // posted, and not yet seen by the loop
  world.group.cancel();
  world.fake.run_until_idle();
  CHECK(world.verdicts == Verdicts{Verdict::kCancelled});
}

net::Task<void> note_hash(World& world, PasswordChecker::Hashed& hashed) {
  hashed = co_await world.checker.hash(world.fake.loop, {.network = 1}, "chosen");
}

TEST_CASE("who asks for a hash gets one of his own") {
  World world;
  std::array<PasswordChecker::Hashed, 2> hashed;
  for (auto& one : hashed) world.group.spawn(note_hash(world, one));
  world.ask("Hello world!");
  CHECK(world.answer());
  CHECK(hashed[0].verdict == Verdict::kRight);
  CHECK(password_matches(hashed[0].hash, "chosen"));
  CHECK(world.answer());
  CHECK(password_matches(hashed[1].hash, "chosen"));
  CHECK(hashed[0].hash != hashed[1].hash);
  CHECK(world.answer());
  CHECK(world.verdicts == Verdicts{Verdict::kRight});
}

TEST_CASE("a thread answers while loops go on") {
  testing::MemoryLog log;
  World world;
  auto core = net::Core::create(log);
  REQUIRE(core.has_value());
  world.checker.answer_on((*core)->loop());
  (*core)->start("passwords");
  for (int i = 0; i < 8; ++i) world.ask(i % 2 == 0 ? "Hello world!" : "x" + std::to_string(i));
  const auto all_answered = [&world] {
    return std::ranges::none_of(world.verdicts, [](const auto& verdict) { return verdict == kWaiting; });
  };
  CHECK(world.fake.run_with_threads(30s, all_answered));
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(world.verdicts[i] == (i % 2 == 0 ? Verdict::kRight : Verdict::kWrong));
  }
  world.ask("left behind");
  (*core)->stop();
}

}  // namespace
}  // namespace weir::auth
