#include "store/kept_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>

#include "store/temporary_directory.h"
#include "testing/memory_log.h"

namespace weir::store {
namespace {

constexpr Duration kNoPause{};
constexpr Duration kLongPause = std::chrono::hours(1);

TEST_CASE("a kept file is whole, private, and the last one when its owner ends") {
  const TemporaryDirectory place;
  testing::MemoryLog log;
  const std::string path = place.file("kept");
  CHECK(KeptFile::read(path, 100).error().code == Code::kNotFound);
  std::ofstream(path + ".part") << "left by a process that was killed";
  {
    KeptFile file(path, log, kNoPause);
    file.keep([] { return std::string("first"); });
    file.keep([] { return std::string("second"); });
  }
  CHECK(KeptFile::read(path, 100).value() == "second");
  CHECK(KeptFile::read(path, 3).error().code == Code::kBodyTooLarge);
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_CASE("of a burst the first and the last are written") {
  const TemporaryDirectory place;
  testing::MemoryLog log;
  std::promise<void> begun;
  int made = 0;
  {
    KeptFile file(place.file("kept"), log, kLongPause);
    file.keep([&] {
      begun.set_value();
      ++made;
      return std::string("0");
    });
    begun.get_future().wait();
    for (int i = 1; i <= 100; ++i) {
      file.keep([&made, i] {
        ++made;
        return std::to_string(i);
      });
    }
  }
  CHECK(made == 2);
  CHECK(KeptFile::read(place.file("kept"), 100).value() == "100");
}

TEST_CASE("a file that can't be written is told, and the old one stays") {
  const TemporaryDirectory place;
  testing::MemoryLog log;
  {
    KeptFile file(place.file("none/kept"), log, kNoPause);
    file.keep([] { return std::string("text"); });
  }
  CHECK(log.count("a file could not be kept") == 1);
}

}  // namespace
}  // namespace weir::store
