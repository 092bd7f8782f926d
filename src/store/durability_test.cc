// What was answered survives SIGKILL at any instant, and no transaction is ever half done.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "net/core.h"
#include "net/task_group.h"
#include "store/engine_store.h"
#include "store/sqlite_ledger.h"
#include "store/temporary_directory.h"

namespace weir::store {
namespace {

constexpr int kRounds = 20;
constexpr std::size_t kWriters = 8;
constexpr std::uint64_t kReportsMax = 120;  // before a round's child is killed

// What the child says after each commit that returned: one write of a pipe, so whole or not at all.
struct Report {
  std::uint64_t writer;
  std::uint64_t number;
  Revision revision;
};

std::string key_of(std::uint64_t writer, char part) { return "writer" + std::to_string(writer) + "/" + part; }

// Writes its next number to three keys at a time, the last a new one; some are deleted again.
net::Task<void> write_numbers(Store& store, std::uint64_t writer, std::uint64_t from, int report_to) {
  for (std::uint64_t number = from;; ++number) {
    Transaction transaction;
    transaction.put(key_of(writer, 'a'), std::to_string(number));
    transaction.put(key_of(writer, 'b'), std::to_string(number) + std::string(number * 37 % 9000, '.'));
    transaction.put("numbers/" + std::to_string(writer) + "/" + std::to_string(number), "", 0);
    if (number > from)
      transaction.remove("numbers/" + std::to_string(writer) + "/" + std::to_string(number - 1));
    const Committed committed = co_await store.commit(std::move(transaction));
    if (!committed) ::_exit(1);
    const Report report{writer, number, *committed};
    if (::write(report_to, &report, sizeof report) != sizeof report) ::_exit(2);
  }
}

class NoLog final : public Log {
 public:
  void write(Level, std::string_view, std::initializer_list<LogField>) override {}
};

[[noreturn]] void child(const std::string& directory, const std::array<std::uint64_t, kWriters>& next,
                        int report_to) {
  NoLog log;
  const auto core = net::Core::create(log);
  const auto engine = Engine::open({.directory = directory});
  if (!core || !engine) ::_exit(3);
  EngineStore store(**engine, (*core)->loop());
  net::TaskGroup group((*core)->loop());
  for (std::uint64_t writer = 0; writer < kWriters; ++writer) {
    group.spawn(write_numbers(store, writer, next[writer], report_to));
  }
  (*core)->loop().run();
  ::_exit(4);
}

// Forks, reads so many reports, kills; all reports that were made.
std::vector<Report> run_and_kill(const std::string& directory,
                                 const std::array<std::uint64_t, kWriters>& next, std::uint64_t reports_min) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) child(directory, next, pipe[1]);
  ::close(pipe[1]);
  std::vector<Report> reports;
  Report report{};
  while (::read(pipe[0], &report, sizeof report) == sizeof report) {
    reports.push_back(report);
    if (reports.size() == reports_min) ::kill(pid, SIGKILL);
  }
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
  return reports;
}

// The number that a writer's keys agree on; 0 when it has none.
std::uint64_t number_of(Ledger& ledger, std::uint64_t writer) {
  const auto a = ledger.get(key_of(writer, 'a'));
  const auto b = ledger.get(key_of(writer, 'b'));
  REQUIRE(a.has_value() == b.has_value());
  if (!a) return 0;
  CHECK(a->revision == b->revision);
  CHECK(a->value == b->value.substr(0, b->value.find('.')));
  const auto last = ledger.get("numbers/" + std::to_string(writer) + "/" + a->value);
  REQUIRE(last);
  CHECK(last->revision == a->revision);
  CHECK(last->created == a->revision);
  return *parse_decimal(a->value);
}

TEST_CASE("what was answered survives SIGKILL at any instant, and nothing is half done") {
  const TemporaryDirectory place;
  Random random(20261121);
  std::array<std::uint64_t, kWriters> next;
  next.fill(1);
  Revision newest = 0;
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    const std::vector<Report> reports = run_and_kill(place.path(), next, 1 + random.below(kReportsMax));
    std::array<std::uint64_t, kWriters> reported{};
    const Revision before = newest;
    for (const Report& report : reports) {
      CHECK(report.revision > newest);
      newest = report.revision;
      reported[report.writer] = report.number;
    }
    CHECK(newest >= before + reports.size());

    const auto ledger = SqliteLedger::open(place.file("store.db"));
    REQUIRE_MESSAGE(ledger, ledger.error().sentence);
    Ledger& store = **ledger;
    CHECK(store.revision() >= newest);
    CHECK(store.revision() <= newest + kWriters);  // each had at most one that was not answered
    for (std::uint64_t writer = 0; writer < kWriters; ++writer) {
      const std::uint64_t number = number_of(store, writer);
      CHECK(number >= reported[writer]);
      CHECK(number <= std::max(reported[writer], next[writer] - 1) + 1);
      next[writer] = number + 1;
    }
    // The history tells the same: every revision once and as a whole (three or four steps, one writer's).
    const auto history = store.changes(before, kPageEntriesMax);
    REQUIRE(history);
    CHECK(history->revision == store.revision());
    std::vector<std::size_t> steps(store.revision() - before);
    for (const Change& change : history->changes) ++steps.at(change.revision - before - 1);
    for (const std::size_t count : steps) CHECK((count == 3 || count == 4));
    newest = store.revision();
  }
  CHECK(newest > kRounds);
}

// Not a test: run by hand with --no-skip -tc='measure*' -d, on a release build. See README.md.
net::Task<void> write_many(Store& store, std::string key, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Transaction transaction;
    transaction.put(key, std::string(1000, 'v'));
    transaction.put(key + "/event", std::string(500, 'e'));
    const Committed committed = co_await store.commit(std::move(transaction));
    CHECK(committed);
  }
}

void measure(std::size_t writers, std::size_t commits_each) {
  const TemporaryDirectory place;
  NoLog log;
  const auto core = net::Core::create(log);
  const auto engine = Engine::open({.directory = place.path()});
  REQUIRE(core);
  REQUIRE(engine);
  net::Loop& loop = (*core)->loop();
  EngineStore store(**engine, loop);
  net::TaskGroup group(loop);
  const Instant began = (*core)->env().loop.clock().now();
  for (std::size_t i = 0; i < writers; ++i) {
    group.spawn(write_many(store, "services/s" + std::to_string(i), commits_each));
  }
  while (group.size() > 0) loop.turn(std::chrono::milliseconds(100));
  const Duration took = loop.clock().now() - began;
  const double seconds = std::chrono::duration<double>(took).count();
  MESSAGE(writers, " writers: ", static_cast<double>(writers * commits_each) / seconds, " commits/s");
}

TEST_CASE("measure commits of one writer" * doctest::skip()) { measure(1, 3000); }
TEST_CASE("measure commits of 64 writers" * doctest::skip()) { measure(64, 500); }

}  // namespace
}  // namespace weir::store
