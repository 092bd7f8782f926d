#include "metrics/archive.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "metrics/recorder.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::metrics {
namespace {

using namespace std::chrono_literals;

Window window_of(std::uint64_t requests, std::int64_t slot) {
  Window window;
  window.entries = {{{Sort::kService, "web", "edges/fra"}, slot, {.requests = requests, .steps = 1}}};
  return window;
}

std::vector<std::uint64_t> requests_in(Archive& archive) {
  std::vector<std::uint64_t> all;
  CHECK(archive.read([&all](Window window) { all.push_back(window.entries.at(0).point.requests); }));
  return all;
}

TEST_CASE("windows are there after a restart, in their order, until they are too old") {
  const store::TemporaryDirectory directory;
  const std::string path = directory.file("metrics.db");
  const auto no_trouble = [](std::string_view why) { FAIL(std::string(why)); };
  {
    Archive archive;
    REQUIRE(archive.open(path, no_trouble));
    CHECK(archive.put(11, to_bytes(window_of(2, 11)), 0));
    CHECK(archive.put(10, to_bytes(window_of(1, 10)), 0));
    CHECK(archive.put(11, to_bytes(window_of(3, 11)), 0));  // of another process, in the same five minutes
    CHECK(archive.put(12, "damaged", 0));
  }
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  Archive archive;
  REQUIRE(archive.open(path, no_trouble));
  CHECK(requests_in(archive) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(archive.put(13, to_bytes(window_of(4, 13)), 11));
  CHECK(requests_in(archive) == std::vector<std::uint64_t>{2, 3, 4});
}

TEST_CASE("a file that is none is begun anew, and one that can't be made is an error") {
  const store::TemporaryDirectory directory;
  const std::string path = directory.file("metrics.db");
  std::ofstream(path) << std::string(5000, 'x');
  Archive archive;
  std::string why;
  REQUIRE(archive.open(path, [&why](std::string_view told) { why = told; }));
  CHECK(why == "it is no file of metrics, or it is damaged");
  CHECK(archive.put(1, to_bytes(window_of(1, 1)), 0));
  CHECK(requests_in(archive).size() == 1);
  Archive none;
  CHECK_FALSE(none.open(directory.file("not/there.db"), [](std::string_view) {}));
}

// What a process is, whose every ten seconds one service has ten requests.
struct Process {
  explicit Process(testing::FakeEnv& of, const std::string& file) : fake(of), recorder(of.env, file) {
    recorder.add([](Recorder& to) {
      to.say("edges/here", {{}, {.sort = Sort::kService, .name = "web", .requests = 10}});
    });
    recorder.start();
  }
  ~Process() { CHECK(fake.run(recorder.stop())); }
  std::int64_t now() const {
    return std::chrono::floor<std::chrono::seconds>(fake.loop.clock().wall_now().time_since_epoch()).count();
  }
  // Requests a second of the ten seconds before those that go on now.
  std::optional<double> last() const {
    const std::int64_t to = now() / 10 * 10;
    const auto lines =
        recorder.history().ask({.sort = Sort::kService, .name = "web", .from = to - 10, .to = to});
    if (!lines.at(0).bins.at(0).known) return std::nullopt;
    return lines.at(0).bins.at(0).requests;
  }
  testing::FakeEnv& fake;
  Recorder recorder;
};

TEST_CASE("a recorder asks every ten seconds of the clock, and takes what others say") {
  testing::FakeEnv fake;
  Process process(fake, "");
  fake.advance(21s);
  CHECK(process.last() == 1.0);
  process.recorder.take("edges/fra", {{.run = 1, .sequence = 1, .span = 10s, .age = 1s, .measured = {{}}}});
  CHECK(process.recorder.history().series() == 3);
  std::string text;
  process.recorder.write_metrics(text);
  CHECK(text.find("weir_history_series 3\n") != std::string::npos);
}

TEST_CASE("what a recorder had is there again for the next one") {
  const store::TemporaryDirectory directory;
  const std::string file = directory.file("metrics.db");
  testing::FakeEnv fake;
  std::int64_t until = 0;
  {
    Process process(fake, file);
    fake.advance(400s);
    until = process.now() / 300 * 300;
  }
  Process process(fake, file);
  const auto before = [&] {
    const auto lines = process.recorder.history().ask(
        {.sort = Sort::kService, .name = "web", .from = until - 300, .to = until, .step = 300});
    return lines.at(0).bins.at(0).known ? lines.at(0).bins.at(0).requests : 0;
  };
  CHECK(fake.run_with_threads(10s, [&] { return before() > 0; }));
  CHECK(before() == 1.0);
}

}  // namespace
}  // namespace weir::metrics
