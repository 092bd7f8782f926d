#include "node/held_process.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

namespace weir::node {
namespace {

struct Child {
  Child() : id(::fork()) {
    if (id != 0) return;
    for (;;) ::pause();
  }
  ~Child() {
    if (id > 0 && !over) ::kill(id, SIGKILL);
    if (id > 0 && !over) (void)end();
  }
  int end() {
    int status = 0;
    CHECK(::waitpid(id, &status, 0) == id);
    over = true;
    return status;
  }
  pid_t id;
  bool over = false;
};

std::string own_group() {
  std::ifstream file("/proc/self/cgroup");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("a process is held by its number and its group, and told") {
  Child child;
  REQUIRE(child.id > 0);
  const auto id = static_cast<std::uint64_t>(child.id);
  CHECK_FALSE(HeldProcess::find(id, "of-no-group-of-ours"));
  const auto held = HeldProcess::find(id, own_group());
  REQUIRE(held);
  held->signal(SIGHUP);
  const int status = child.end();
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGHUP);
  held->signal(SIGKILL);  // nobody is hit
  CHECK_FALSE(HeldProcess::find(id, own_group()));
}

TEST_CASE("what is no number of a process is none") {
  CHECK_FALSE(HeldProcess::find(0, ""));
  CHECK_FALSE(HeldProcess::find(std::uint64_t{1} << 40U, ""));
}

}  // namespace
}  // namespace weir::node
