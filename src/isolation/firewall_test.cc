#include "isolation/firewall.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/core.h"
#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/memory_log.h"

namespace weir::isolation {
namespace {

using namespace std::chrono_literals;
using podman::Told;
using Words = std::vector<std::string>;

net::Task<void> keep(Firewall& firewall, std::optional<Told<void>>& done) {
  done.emplace(co_await firewall.ensure());
}

// A loop of the real world, since programs are run; and a file that those write to.
struct World {
  World() {
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    core = std::move(*net::Core::create(log));
  }
  ~World() { std::filesystem::remove_all(folder); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Told<void> ensure(Firewall& firewall) {
    std::optional<Told<void>> done;
    net::TaskGroup tasks(core->loop());
    tasks.spawn(keep(firewall, done));
    while (tasks.size() > 0) (void)core->loop().turn(1s);
    REQUIRE(done);
    return *done;
  }
  Told<void> ensure(const std::string& script) {
    Firewall firewall(core->loop(), {"sh", "-c", script, "sh", folder + "/out"});
    return ensure(firewall);
  }
  std::string written() const {
    std::ifstream file(folder + "/out");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  testing::MemoryLog log;
  std::unique_ptr<net::Core> core;
  std::string folder = (std::filesystem::temp_directory_path() / "weir-firewall-XXXXXX").string();
};

TEST_CASE("the program gets the rules, once in a while") {
  World world;
  Firewall firewall(world.core->loop(), {"sh", "-c", "cat >>\"$1\"", "sh", world.folder + "/out"});
  CHECK(world.ensure(firewall));
  CHECK(world.written() == firewall_rules());
  CHECK(world.ensure(firewall));
  CHECK(world.written() == firewall_rules());
}

TEST_CASE("why it can't be done is one sentence") {
  World world;
  const std::string begin = "instances can't be kept from reaching others (--open-networks lets them): ";
  const auto why = [&](const Told<void>& done) {
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == podman::Trouble::Kind::kRefused);
    REQUIRE(done.error().sentence.starts_with(begin));
    return done.error().sentence.substr(begin.size());
  };
  CHECK(why(world.ensure("printf 'Error: no \\033right\\nmore\\n' >&2; exit 1")) == "sh: Error: no ?right");
  CHECK(why(world.ensure("exit 3")) == "sh: exit code 3");
  CHECK(why(world.ensure("kill -9 $$")) == "sh: exit code 137");
  Firewall missing(world.core->loop(), {"weir-no-such-program"});
  CHECK(why(world.ensure(missing)) ==
        "there is no program weir-no-such-program; the package nftables has it");
  Firewall folder(world.core->loop(), {world.folder});
  CHECK(why(world.ensure(folder)) == world.folder + ": permission denied");
}

TEST_CASE("one that fails is tried again at once; one that hangs is ended") {
  testing::FakeEnv fake;
  World world;
  Firewall firewall(fake.loop, {"sh", "-c", "echo >>\"$1\"; exec sleep 1000", "sh", world.folder + "/out"});
  for (int i = 0; i < 2; ++i) {
    const auto done = fake.run(firewall.ensure(), Firewall::kTimeout + 1s);
    REQUIRE(done);
    REQUIRE_FALSE(*done);
    CHECK(done->error().sentence.ends_with("sh does not end"));
  }
}

}  // namespace
}  // namespace weir::isolation
