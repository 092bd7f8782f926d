#include "client/standard_input.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "testing/fake_env.h"

namespace weir::client {
namespace {

using namespace std::chrono_literals;

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    ::close(ends[0]);
    if (!closed) ::close(ends[1]);
  }
  void write(const std::string& text) {
    CHECK(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close() {
    ::close(ends[1]);
    closed = true;
  }
  std::array<int, 2> ends{};
  bool closed = false;
};

TEST_CASE("what comes is told piece by piece, each when the one before was taken, and the end") {
  testing::FakeEnv fake;
  Pipe pipe;
  std::vector<std::string> told;
  StandardInput input(fake.loop, pipe.ends[0],
                      [&told](std::string bytes) { told.push_back(std::move(bytes)); });
  pipe.write("one");
  REQUIRE(fake.run_with_threads(20s, [&told] { return told.size() == 1; }));
  CHECK(told[0] == "one");
  pipe.write("two");
  pipe.close();
  input.go_on();
  REQUIRE(fake.run_with_threads(20s, [&told] { return told.size() == 2; }));
  CHECK(told[1] == "two");
  input.go_on();
  REQUIRE(fake.run_with_threads(20s, [&told] { return told.size() == 3; }));
  CHECK(told[2].empty());
}

TEST_CASE("it can be left while it waits, for bytes or for being taken") {
  testing::FakeEnv fake;
  Pipe pipe;
  int told = 0;
  {
    StandardInput silent(fake.loop, pipe.ends[0], [&told](const std::string&) { ++told; });
  }
  {
    StandardInput one(fake.loop, pipe.ends[0], [&told](const std::string&) { ++told; });
    pipe.write("x");
    REQUIRE(fake.run_with_threads(20s, [&told] { return told == 1; }));
  }
  {
    const StandardInput late(fake.loop, pipe.ends[0], [&told](const std::string&) { ++told; });
    pipe.write("y");
  }
  fake.run_until_idle();  // what it may have posted finds nobody
  CHECK(told == 1);
}

TEST_CASE("a terminal is raw for as long as it is wanted to be, and has a size") {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(master >= 0);
  REQUIRE(::unlockpt(master) == 0);
  std::array<char, 128> name{};
  REQUIRE(::ptsname_r(master, name.data(), name.size()) == 0);
  const int slave = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(slave >= 0);
  const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  REQUIRE(::ioctl(master, TIOCSWINSZ, &size) == 0);
  const auto echoes = [slave] {
    termios mode{};
    CHECK(::tcgetattr(slave, &mode) == 0);
    return (mode.c_lflag & ECHO) != 0;
  };
  CHECK(echoes());
  {
    RawMode raw;
    CHECK(raw.begin(slave));
    CHECK_FALSE(echoes());
  }
  CHECK(echoes());
  CHECK(window_size(slave).rows == 24);
  CHECK(window_size(slave).columns == 80);
  Pipe pipe;
  CHECK(window_size(pipe.ends[0]).rows == 0);
  RawMode none;
  CHECK_FALSE(none.begin(pipe.ends[0]));
  ::close(slave);
  ::close(master);
}

}  // namespace
}  // namespace weir::client
