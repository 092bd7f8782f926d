// What a weir agent joins, against the real API.
#include "program/agent_joins.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/commands_fixture.h"

namespace weir::program {
namespace {

using namespace std::chrono_literals;
using cli::kDone;
using cli::World;
using client::at;
using client::text_at;
using client::Tree;

struct Agent {
  explicit Agent(const std::vector<std::string>& urls = {"http://127.0.0.1:8480"}) {
    std::vector<AgentJoins::Api> apis;
    for (const std::string& url : urls) {
      const client::ApiUrl parsed = *client::parse_url(url);
      apis.push_back(
          {std::make_unique<client::ApiClient>(world.fake.env, parsed, cli::token_of(1).text, nullptr),
           parsed});
    }
    joins.emplace(world.fake.env, std::move(apis), [this] { ++joined; });
  }
  ~Agent() { leave(); }

  void set(const std::string& services) {
    const auto file = agent::parse_file("join: {apis: ['http://a:1'], token_file: t, lease: 3s, services: [" +
                                        services + "]}");
    REQUIRE_MESSAGE(file, config::to_text(file.error()));
    joins->set(*file->join);
    world.fake.run_until_idle();
  }
  void leave() {
    if (joins) CHECK(world.fake.run(joins->leave(), 120s));
    joins.reset();
  }
  // "10.0.0.1:80 weight 1"; empty: it is not there.
  std::string endpoint(const std::string& name) {
    const int code = world.run({"get", "endpoint", name, "-o", "json"});
    const Tree object = client::parse_tree(world.out());
    world.err();
    if (code != kDone) return {};
    return text_at(object, "/spec/address") + " weight " + text_at(object, "/spec/weight");
  }

  World world;
  int joined = 0;
  std::optional<AgentJoins> joins;
};

TEST_CASE("an agent joins, renews and leaves") {
  Agent agent;
  agent.set(
      "{name: web, port: 80, address: 10.0.0.1, endpoint: w1, type: _http._tcp, instance: One, text: [k=v],"
      " version: '1', zone: fra, priority: 2, weight: 3}, {name: db, port: 5432, endpoint: d1}");
  CHECK(agent.endpoint("w1") == "10.0.0.1:80 weight 3");
  CHECK(agent.endpoint("d1") == "127.0.0.1:5432 weight 1");
  CHECK(agent.joined == 2);
  REQUIRE(agent.world.run({"get", "endpoint", "w1", "-o", "json"}) == kDone);
  const Tree object = client::parse_tree(agent.world.out());
  CHECK(text_at(object, "/spec/instance") == "One");
  CHECK(text_at(object, "/spec/text/0") == "k=v");
  CHECK(text_at(object, "/spec/version") == "1");
  CHECK(text_at(object, "/spec/zone") == "fra");
  CHECK(text_at(object, "/spec/priority") == "2");
  CHECK(text_at(object, "/spec/lease") == "3s");
  agent.world.fake.advance(20s);
  CHECK(agent.endpoint("w1") == "10.0.0.1:80 weight 3");
  agent.leave();
  CHECK(agent.endpoint("w1").empty());
  CHECK(agent.endpoint("d1").empty());
}

TEST_CASE("an agent follows its file") {
  Agent agent;
  agent.set(
      "{name: a, port: 1, endpoint: e1}, {name: a, port: 2, endpoint: e2}, {name: a, port: 3, endpoint: e3}");
  CHECK(agent.joined == 3);
  agent.set("{name: a, port: 1, endpoint: e1}, {name: a, port: 2, endpoint: e2, weight: 7}");
  CHECK(agent.joined == 4);
  CHECK(agent.endpoint("e1") == "127.0.0.1:1 weight 1");
  CHECK(agent.endpoint("e2") == "127.0.0.1:2 weight 7");
  CHECK(agent.endpoint("e3").empty());
  agent.joins->set({});
  agent.world.fake.run_until_idle();
  CHECK(agent.endpoint("e1").empty());
}

TEST_CASE("an agent joins when the API comes, and again when it was away for long") {
  Agent agent;
  agent.world.stop_api();
  agent.set("{name: web, port: 80, endpoint: w1, type: _http._tcp}");
  agent.world.fake.advance(5s);
  CHECK(agent.joined == 0);
  CHECK(agent.world.fake.log.count("the API does not do it; it is asked again and again") == 1);
  agent.world.start_api();
  agent.world.fake.advance(15s);
  CHECK(agent.joined == 1);
  CHECK_FALSE(agent.endpoint("w1").empty());
  REQUIRE(agent.world.run({"delete", "endpoint", "w1"}) == kDone);
  agent.world.fake.advance(2s);
  CHECK(agent.joined == 2);
  CHECK_FALSE(agent.endpoint("w1").empty());
}

TEST_CASE("an address of IPv6 is checked where it is") {
  Agent agent;
  auto listener = agent.world.fake.network.listen(*net::Address::parse("[2001:db8::1]:80"));
  REQUIRE(listener);
  agent.set(
      "{name: web, port: 80, address: '[2001:db8::1]', endpoint: w1, type: _http._tcp, health_check: {tcp: "
      "{}}},"
      "{name: web, port: 80, address: '2001:db8::1', endpoint: w2, type: _http._tcp, health_check: {tcp: "
      "{}}}");
  agent.world.fake.advance(15s);
  CHECK(agent.endpoint("w1") == "[2001:db8::1]:80 weight 1");
  CHECK(agent.endpoint("w2") == "[2001:db8::1]:80 weight 1");
}

TEST_CASE("the first API that answers is asked") {
  Agent agent({"http://127.0.0.1:1", "http://127.0.0.1:8480"});
  agent.set("{name: web, port: 80, endpoint: w1, type: _http._tcp}");
  CHECK(agent.joined == 1);
  CHECK_FALSE(agent.endpoint("w1").empty());
}

TEST_CASE("what the API refuses is told, and tried again") {
  Agent agent;
  agent.set("{name: a-name-that-is-too-long, port: 80, endpoint: w1}");
  CHECK(agent.joined == 0);
  REQUIRE(agent.world.apply("{kind: Service, metadata: {name: a-name-that-is-too-long}}") == kDone);
  agent.world.fake.advance(5s);
  CHECK(agent.joined == 1);
}

TEST_CASE("without a pass of its health check it is no member") {
  Agent agent;
  agent.set(
      "{name: web, port: 80, endpoint: w1, type: _http._tcp, health_check: {tcp: {}, interval: 1s, timeout: "
      "1s,"
      " unhealthy_threshold: 1, healthy_threshold: 1}}");
  agent.world.fake.advance(3s);
  CHECK(agent.joined == 0);
  auto listener = agent.world.fake.network.listen(*net::Address::parse("127.0.0.1:80"));
  REQUIRE(listener);
  agent.world.fake.advance(3s);
  CHECK(agent.joined == 1);
  CHECK_FALSE(agent.endpoint("w1").empty());
  listener->reset();
  agent.world.fake.advance(3s);
  CHECK(agent.endpoint("w1").empty());
  CHECK(agent.world.fake.log.count("it is not healthy, so it is no member") > 0);
}

}  // namespace
}  // namespace weir::program
