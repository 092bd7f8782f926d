#include "anycast/station.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anycast/bird_fixture.h"
#include "testing/real_env.h"

namespace weir::anycast {
namespace {

constexpr const char* kConfigure = "configure soft";

StationOptions options_in(const Folder& folder) {
  StationOptions options{.bird_socket = folder.at("ctl"), .include_path = folder.at("weir.conf")};
  CHECK(add_addresses(options.anycast, "203.0.113.10").empty());
  return options;
}

// An edge with a speaker of its own, and a BIRD beside it.
struct World {
  World() {
    auto begun = Station::begin(options_in(folder));
    REQUIRE(begun);
    station = std::move(*begun);
    REQUIRE(station->make(
        real.env, *real.poller,
        {.why_not_served = [](std::string_view, Share) { return std::string(); },
         .report = [this](std::vector<report::AnycastSeen> seen) { reported = std::move(seen); }}));
  }
  std::string metrics() const {
    std::string text;
    station->write_metrics(text);
    return text;
  }
  bool bird_is_up() {
    return real.run_until([this] { return metrics().contains("weir_anycast_bird_up 1"); });
  }

  Folder folder;
  FakeBird bird{folder.at("ctl")};
  testing::RealEnv real;
  std::vector<report::AnycastSeen> reported;
  std::unique_ptr<Station> station;
};

TEST_CASE("an edge that begins withdraws what was there, and a drain leaves nothing") {
  World world;
  REQUIRE(write_include(world.folder.at("weir.conf"), "protocol static weir_203_0_113_10 {\n}\n"));
  world.station->start(80, false);
  CHECK(world.bird_is_up());
  CHECK_FALSE(read_include_file(world.folder.at("weir.conf")).contains("protocol"));
  REQUIRE(world.reported.size() == 1);
  CHECK(world.reported[0].reason == "no interface of this machine has the address");
  CHECK(world.bird.asked(1).front() == kConfigure);
  CHECK(world.real.run(world.station->drain()));
  // The speaker's last word, since its line has ended.
  CHECK(world.bird.asked(2)[1] == kConfigure);
}

TEST_CASE("one that takes over goes on with what is announced, and leaves it to the next") {
  World world;
  const std::string before =
      include_text({}, options_in(world.folder).anycast.wanted, std::vector{Route::kAnnounced});
  REQUIRE(write_include(world.folder.at("weir.conf"), before));
  world.station->start(80, true);
  CHECK(world.bird_is_up());
  CHECK(read_include_file(world.folder.at("weir.conf")) == before);
  REQUIRE(world.reported.size() == 1);
  CHECK(world.reported[0].route == report::AnycastRoute::kAnnounced);
  CHECK(world.real.run(world.station->leave()));
  CHECK(read_include_file(world.folder.at("weir.conf")) == before);
}

TEST_CASE("a BIRD that refuses is seen, and so is one that comes to reason") {
  World world;
  world.bird.answer(kConfigure, "8002 bird.conf:1:1 syntax error\n");
  world.bird.answer("disable weir_203_0_113_10", "9001 what?\n");
  world.station->start(80, false);
  CHECK(world.real.run_until([&] { return world.real.log.text().contains("bird.conf:1:1 syntax error"); }));
  CHECK(world.metrics().contains("weir_anycast_bird_up 0"));
  world.bird.answer(kConfigure, "0003 Reconfigured\n");
  CHECK(world.bird_is_up());
  CHECK(world.real.run(world.station->leave()));
}

TEST_CASE("a folder that can't be written to is refused at the beginning") {
  const Folder folder;
  StationOptions options = options_in(folder);
  options.include_path = folder.at("not/there.conf");
  const auto begun = Station::begin(options);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().starts_with(folder.at("not") + " (--bird-include): "));
}

TEST_CASE("addresses of this machine are known") {
  CHECK(is_local(*net::Address::parse_ip("127.0.0.1", 0)));
  CHECK_FALSE(is_local(*net::Address::parse_ip("203.0.113.10", 0)));
}

}  // namespace
}  // namespace weir::anycast
