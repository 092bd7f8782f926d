#include "anycast/anycast.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "testing/fake_env.h"

namespace weir::anycast {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSick = "no endpoint of the load balancers can be used";

// Answers HTTP at an address, in memory.
class Site80 {
 public:
  explicit Site80(testing::FakeEnv& fake, const char* at)
      : at_(*net::Address::parse(at)), listener_(*fake.network.listen(at_)), tasks_(fake.loop), fake_(fake) {
    tasks_.spawn(accept());
  }
  ~Site80() { CHECK(fake_.run(tasks_.stop())); }
  const net::Address& at() const { return at_; }

 private:
  net::Task<void> accept() {
    for (;;) {
      auto accepted = co_await listener_->accept();
      if (!accepted) co_return;
      constexpr std::string_view kAnswer = "HTTP/1.1 404 Not Found\r\n\r\n";
      (void)co_await accepted->stream->write(std::as_bytes(std::span(kAnswer)), 1s);
    }
  }
  net::Address at_;
  std::unique_ptr<net::Listener> listener_;
  net::TaskGroup tasks_;
  testing::FakeEnv& fake_;
};

// What is said to BIRD and the controllers, in short: "AP-" for three addresses.
struct World {
  explicit World(Policy policy = {.hold = 4s, .drain_wait = 3s}) {
    options.policy = policy;
    CHECK(add("203.0.113.10"));
    CHECK(add("2001:db8::10=web"));
  }
  ~World() { CHECK(fake.run(anycast->stop())); }

  bool add(const char* text) {
    options.wanted.push_back(*parse_wanted(text));
    local.insert(options.wanted.back().address.ip());
    return true;
  }
  void start(std::optional<std::string_view> inherited = std::nullopt) {
    anycast = std::make_unique<Anycast>(
        fake.env, options,
        Surroundings{
            .why_not_served =
                [this](std::string_view balancer, Share share) {
                  return share == Share::kAny ? sick[std::string(balancer)] : rest;
                },
            .is_local = [this](const net::Address& at) { return local.contains(at.ip()); },
            .say =
                [this](std::uint64_t said, std::string text) {
                  number = said;
                  included = std::move(text);
                },
            .report = [this](std::vector<report::AnycastSeen> seen) { reported = std::move(seen); }});
    anycast->start(80, inherited);
  }
  std::string said() const {
    std::string text;
    for (const Route route : read_include(included, options.wanted)) {
      text += route == Route::kWithdrawn ? '-' : route == Route::kAnnounced ? 'A' : 'P';
    }
    return text;
  }
  std::string after(Duration time) {
    fake.advance(time);
    return said();
  }
  // From the first controller: others that announce the two.
  void others(std::uint32_t first, std::uint32_t second, std::size_t controller = 0, bool withdraw = false) {
    report::Reply reply{.seen = 1, .anycast = {}, .withdraw = withdraw};
    const std::uint32_t counts[] = {first, second};
    for (std::size_t i = 0; i < 2; ++i) {
      reply.anycast.push_back({.network = network_of(options.wanted[i]),
                               .others = counts[i],
                               .asked = i < reported.size() && reported[i].asks});
    }
    anycast->hear(controller, std::move(reply));
  }
  std::string metric(const std::string& name) const {
    std::string text;
    anycast->write_metrics(text);
    const std::size_t begin = text.find("\n" + name + "{network=\"203.0.113.10/32\"} ");
    REQUIRE(begin != std::string::npos);
    const std::size_t value = text.find(' ', begin) + 1;
    return text.substr(value, text.find('\n', value) - value);
  }

  testing::FakeEnv fake;
  AnycastOptions options;
  std::set<std::string> local;
  std::map<std::string, std::string> sick;
  std::string rest;  // why not all is served
  std::string included;
  std::uint64_t number = 0;
  std::vector<report::AnycastSeen> reported;
  Site80 four{fake, "203.0.113.10:80"};
  Site80 six{fake, "[2001:db8::10]:80"};
  std::unique_ptr<Anycast> anycast;
};

TEST_CASE("nothing is announced before this edge's own listener has answered") {
  World world;
  world.start();
  CHECK(world.said() == "--");
  CHECK(world.number == 1);  // whatever was there is withdrawn
  CHECK(world.after(Anycast::kCheck + Anycast::kLook) == "AA");
  CHECK(world.fake.log.count("anycast address announced") == 2);
  REQUIRE(world.reported.size() == 2);
  CHECK(world.reported[0] == report::AnycastSeen{.network = "203.0.113.10/32",
                                                 .route = report::AnycastRoute::kAnnounced,
                                                 .asks = false,
                                                 .reason = ""});
  CHECK(world.metric("weir_anycast_announced") == "1");
  CHECK(world.metric("weir_anycast_withdrawals") == "0");
}

TEST_CASE("what has begun waits for the rest of what it serves, an heir does not") {
  World world;
  world.rest = "no endpoint of blog yet";
  world.start();
  CHECK(world.after(Anycast::kLook) == "--");
  CHECK(world.reported[0].reason == world.rest);
  CHECK(world.after(kRestMax - 2 * Anycast::kLook) == "--");
  CHECK(world.after(2 * Anycast::kLook) == "AA");
  World heir;
  heir.rest = world.rest;
  heir.start(world.included);
  CHECK(heir.after(Anycast::kLook) == "AA");
}

TEST_CASE("an address that no interface has is neither announced nor asked for elsewhere") {
  World world;
  world.local.erase("203.0.113.10");
  world.start();
  CHECK(world.after(5s) == "-A");
  CHECK(world.fake.network.connects(world.four.at()) == 0);
  CHECK(world.fake.log.text().contains("ip address add 203.0.113.10/32 dev lo"));
  world.local.insert("203.0.113.10");
  CHECK(world.after(2s + Anycast::kLook) == "AA");
  world.others(1, 1);
  world.local.erase("203.0.113.10");
  CHECK(world.after(Anycast::kCheck + Anycast::kLook) == "AA");  // it asks
  world.others(1, 1);
  CHECK(world.said() == "-A");
  CHECK(world.reported[0].reason == "no interface of this machine has the address");
}

TEST_CASE("each address follows the health of what it is for") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.others(1, 1);
  world.sick["web"] = kSick;
  CHECK(world.after(Anycast::kLook) == "AA");
  CHECK(world.reported[1].asks);
  world.others(1, 1);
  CHECK(world.said() == "A-");
  world.sick[""] = kSick;
  CHECK(world.after(Anycast::kLook) == "A-");
  world.others(1, 1);
  CHECK(world.said() == "--");
  CHECK(world.metric("weir_anycast_withdrawals") == "1");
  world.sick.clear();
  CHECK(world.after(Anycast::kLook) == "--");
  CHECK(world.after(4s) == "AA");
}

TEST_CASE("without any word of others the last is kept, and an alarm is raised") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.sick[""] = kSick;
  CHECK(world.after(1s) == "AA");
  CHECK(world.metric("weir_anycast_kept") == "1");
  CHECK(world.fake.log.count("an anycast address stays announced: nobody else is known to announce it") == 1);
  CHECK(world.reported[0].reason == std::string("nobody else announces it: ") + kSick);
  world.sick.clear();
  CHECK(world.after(1s) == "AA");
  CHECK(world.metric("weir_anycast_kept") == "0");
  CHECK(world.reported[0].reason.empty());
}

TEST_CASE("of several controllers, the one that knows least of others decides") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.others(2, 2, 0);
  world.others(0, 2, 1);
  world.sick[""] = kSick;
  CHECK(world.after(Anycast::kLook) == "AA");
  world.others(2, 2, 0);
  CHECK(world.metric("weir_anycast_kept") == "0");  // the other has not answered
  world.others(0, 2, 1);
  CHECK(world.metric("weir_anycast_kept") == "1");
  world.anycast->hear(1, std::nullopt);  // is gone: its word counts on for a while
  CHECK(world.after(kBelieved - 1s) == "AA");
  CHECK(world.after(2s) == "-A");
}

TEST_CASE("a dead controller's word is believed for a while") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.others(1, 1);
  world.anycast->hear(0, std::nullopt);
  world.anycast->hear(7, std::nullopt);  // was never there
  world.sick[""] = kSick;
  SUBCASE("soon") { CHECK(world.after(kAnswerMax + 2 * Anycast::kLook) == "-A"); }
  SUBCASE("late") {
    world.sick.clear();
    CHECK(world.after(kBelieved) == "AA");
    world.sick[""] = kSick;
    CHECK(world.after(1s) == "AA");
  }
}

TEST_CASE("the controllers' order withdraws, and ends") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.others(1, 0, 0, true);
  CHECK(world.said() == "PP");
  CHECK(world.metric("weir_anycast_prepended") == "1");
  CHECK(world.after(3s) == "PP");
  world.others(1, 0, 0, true);
  CHECK(world.said() == "-P");  // the last of the second
  world.others(1, 0);
  CHECK(world.said() == "AA");
}

TEST_CASE("a listener that refuses is withdrawn at once, one that is late at the second time") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.others(1, 1);
  world.fake.network.refuse(world.four.at());
  world.fake.network.blackhole(world.six.at());
  CHECK(world.after(Anycast::kCheck + Anycast::kLook) == "AA");
  CHECK(world.reported[0].asks);
  CHECK_FALSE(world.reported[1].asks);
  world.others(1, 1);
  CHECK(world.said() == "-A");
  CHECK(world.after(2 * Anycast::kCheck) == "-A");
  CHECK(world.reported[1].asks);
  world.others(1, 1);
  CHECK(world.said() == "--");
}

net::Task<void> drain(Anycast& anycast, bool& drained) {
  co_await anycast.drain();
  drained = true;
}

TEST_CASE("a drain prepends, withdraws, waits for BIRD and for routers") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  world.anycast->loaded(world.number);
  bool drained = false;
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(drain(*world.anycast, drained));
  CHECK(world.said() == "PP");
  CHECK(world.after(3s - Anycast::kLook) == "PP");
  CHECK(world.after(2 * Anycast::kLook) == "--");
  world.fake.advance(1s);
  CHECK_FALSE(drained);
  world.anycast->loaded(world.number);
  world.fake.advance(Anycast::kSettle);
  CHECK_FALSE(drained);
  world.fake.advance(2 * Anycast::kLook);
  CHECK(drained);
  CHECK(world.fake.run(tasks.stop()));
}

TEST_CASE("a drain does not wait for a BIRD that is not there, nor for anything in a hurry") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  bool drained = false;
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(drain(*world.anycast, drained));
  SUBCASE("no BIRD") {
    world.fake.advance(3s + Anycast::kLoadedMax + Anycast::kSettle + 3 * Anycast::kLook);
    CHECK(drained);
  }
  SUBCASE("nobody to speak with it") {
    world.anycast->deserted();
    world.fake.advance(3s + Anycast::kSettle + 3 * Anycast::kLook);
    CHECK(drained);
  }
  SUBCASE("in a hurry") {
    world.anycast->hurry();
    CHECK(world.said() == "--");
    world.fake.advance(Anycast::kLook);
    CHECK(drained);
  }
  CHECK(world.fake.run(tasks.stop()));
}

TEST_CASE("with nothing announced, a drain is over at once") {
  World world;
  world.sick[""] = world.sick["web"] = kSick;
  world.start();
  world.anycast->loaded(world.number);
  bool drained = false;
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(drain(*world.anycast, drained));
  world.fake.run_until_idle();
  CHECK(drained);
  CHECK(world.fake.run(tasks.stop()));
}

TEST_CASE("what BIRD makes of it is told") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  const auto up = [&world] {
    std::string text;
    world.anycast->write_metrics(text);
    return text.contains("\nweir_anycast_bird_up 1\n");
  };
  CHECK_FALSE(up());
  world.anycast->loaded(world.number - 1);
  CHECK_FALSE(up());
  world.anycast->loaded(world.number);
  CHECK(up());
  CHECK(world.fake.log.count("BIRD has taken the announcements up") == 1);
  world.anycast->failed(world.number, "syntax error", true);
  CHECK_FALSE(up());
  CHECK(world.fake.log.text().contains("reason=syntax error"));
  world.anycast->deserted();
  CHECK_FALSE(up());
}

TEST_CASE("found silent, it announces again behind the hold") {
  World world;
  world.start();
  CHECK(world.after(2s) == "AA");
  const std::uint64_t before = world.number;
  world.anycast->silenced();
  CHECK(world.said() == "--");
  CHECK(world.number > before);
  CHECK(world.metric("weir_anycast_withdrawals") == "1");
  CHECK(world.after(4s + Anycast::kLook) == "AA");
}

TEST_CASE("another process's announcements go on without a break") {
  World world;
  const std::vector<Route> routes{Route::kAnnounced, Route::kWithdrawn};
  const std::string text = include_text(world.options.site, world.options.wanted, routes);
  world.start(text);
  CHECK(world.said() == "A-");
  CHECK(world.after(Anycast::kCheck + Anycast::kLook) == "AA");
  CHECK(world.metric("weir_anycast_withdrawals") == "0");
}

}  // namespace
}  // namespace weir::anycast
