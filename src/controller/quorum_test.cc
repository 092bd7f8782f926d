#include "controller/quorum.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace weir::controller {
namespace {

constexpr WallTime kNow{std::chrono::hours(1)};

struct World {
  Quorum quorum;
  std::map<std::string, std::set<std::string>> verdicts;
  int told = 0;

  World() {
    quorum.on_verdict([this](const std::string& service, const std::set<std::string>& unhealthy) {
      verdicts[service] = unhealthy;
      ++told;
    });
  }
  // An edge that votes.
  Quorum::EndpointId vote(Vote vote, const std::string& endpoint = "a", const std::string& service = "web") {
    const Quorum::EndpointId id = quorum.enter(service, endpoint);
    quorum.move(id, Vote::kUnknown, vote, "refused");
    quorum.tell(kNow);
    return id;
  }
  void move(Quorum::EndpointId id, Vote from, Vote to) {
    quorum.move(id, from, to, "reset");
    quorum.tell(kNow);
  }
};

TEST_CASE("more than half of the edges that know take an endpoint out") {
  World world;
  const auto id = world.vote(Vote::kHealthy);
  world.vote(Vote::kHealthy);
  world.vote(Vote::kUnhealthy);
  world.vote(Vote::kUnknown);
  CHECK(world.told == 0);
  world.vote(Vote::kUnhealthy);
  CHECK(world.told == 0);  // two of four
  world.vote(Vote::kUnhealthy);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"a"});
  CHECK(world.told == 1);
  CHECK(world.quorum.unhealthy() == 1);
  CHECK(world.quorum.endpoint(id).since == kNow);
  CHECK(world.quorum.endpoint(id).reason == "refused");
  CHECK(world.quorum.endpoint(id).votes.unhealthy == 3);

  world.move(id, Vote::kUnhealthy, Vote::kHealthy);
  CHECK(world.verdicts.at("web").empty());
  CHECK(world.told == 2);
  CHECK(world.quorum.unhealthy() == 0);
}

TEST_CASE("the percent of a service counts, from when it is set") {
  World world;
  world.vote(Vote::kHealthy);
  world.vote(Vote::kUnhealthy);
  world.vote(Vote::kUnhealthy, "b");
  CHECK(world.verdicts.at("web") == std::set<std::string>{"b"});
  world.quorum.set_percent("web", 50);
  world.quorum.tell(kNow);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"a", "b"});
  world.quorum.set_percent("web", 100);
  world.quorum.tell(kNow);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"b"});
  world.quorum.set_percent("other", 1);  // of a service that nobody checks yet
  world.vote(Vote::kHealthy, "x", "other");
  world.vote(Vote::kUnhealthy, "x", "other");
  CHECK(world.verdicts.at("other") == std::set<std::string>{"x"});
}

TEST_CASE("while nobody knows, an endpoint stays what it was; when nobody votes, it is healthy") {
  World world;
  const auto id = world.vote(Vote::kUnhealthy);
  world.move(id, Vote::kUnhealthy, Vote::kUnknown);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"a"});
  world.quorum.withdraw(id, Vote::kUnknown);
  world.quorum.tell(kNow);
  CHECK(world.verdicts.at("web").empty());
  CHECK_FALSE(world.quorum.find("web", "a"));
  CHECK(world.quorum.endpoints_of("web") == nullptr);  // nothing is kept of it

  const auto next = world.vote(Vote::kUnhealthy, "b");
  CHECK(next == id);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"b"});
}

TEST_CASE("held, it changes no verdict; released, it catches up at once") {
  World world;
  world.quorum.hold();
  world.vote(Vote::kUnhealthy, "a");
  world.vote(Vote::kUnhealthy, "b");
  world.vote(Vote::kHealthy, "b");
  CHECK(world.told == 0);
  world.quorum.release();
  world.quorum.tell(kNow);
  CHECK(world.told == 1);
  CHECK(world.verdicts.at("web") == std::set<std::string>{"a"});
}

TEST_CASE("what changes and changes back is told as it is") {
  World world;
  const auto id = world.vote(Vote::kHealthy);
  world.quorum.move(id, Vote::kHealthy, Vote::kUnhealthy, "");
  world.quorum.withdraw(id, Vote::kUnhealthy);
  world.quorum.tell(kNow);
  CHECK(world.verdicts.at("web").empty());
  CHECK(world.quorum.endpoints_of("web") == nullptr);
}

}  // namespace
}  // namespace weir::controller
