// weir join, leave and resolve against the real API.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands_fixture.h"
#include "config/formats.h"
#include "role/machine.h"

namespace weir::cli {
namespace {

Tree object(World& world, const std::string& kind, const std::string& name) {
  REQUIRE(world.run({"get", kind, name, "-o", "json"}) == kDone);
  return parse_tree(world.out());
}

bool is_there(World& world, const std::string& name) {
  const int code = world.run({"get", "endpoint", name, "-o", "json"});
  world.out();
  world.err();
  return code == kDone;
}

const std::string kMachine = role::name_of_this_machine();

TEST_CASE("join makes the service and the endpoint, stays, and leaves when it is told to end") {
  World world;
  world.start({"join",      "db",         "--port",    "5432",     "--health", "tcp",   "--instance",
               "The first", "--priority", "1",         "--weight", "5",        "--txt", "k=v",
               "--txt",     "flag",       "--version", "1.4.2",    "--zone",   "fra"});
  const std::string name = "db-" + kMachine + "-5432";
  CHECK(world.err() == "weir: 127.0.0.1:5432 has joined service/db as endpoint/" + name + "\n");
  const Tree service = object(world, "service", "db");
  CHECK(text_at(service, "/spec/protocol") == "TCP");
  CHECK(text_at(service, "/spec/discovery/type") == "_db._tcp");
  CHECK(at(service, "/spec/health_check/tcp").is_object());
  const Tree endpoint = object(world, "endpoint", name);
  const Tree& spec = at(endpoint, "/spec");
  CHECK(text_at(spec, "/address") == "127.0.0.1:5432");
  CHECK(text_at(spec, "/instance") == "The first");
  CHECK(text_at(spec, "/priority") == "1");
  CHECK(text_at(spec, "/weight") == "5");
  CHECK(text_at(spec, "/text/1") == "flag");
  CHECK(text_at(spec, "/version") == "1.4.2");
  CHECK(text_at(spec, "/zone") == "fra");
  CHECK(text_at(spec, "/lease") == "30s");
  world.fake.advance(120s);  // four leases
  CHECK(is_there(world, name));
  world.running->ended.set();
  world.fake.run_until_idle();
  CHECK(world.exit_code == kDone);
  CHECK_FALSE(is_there(world, name));
}

TEST_CASE("an endpoint that nobody renews is gone after its lease, and who is still there joins again") {
  World world;
  world.start({"join", "web", "--port", "80", "--name", "w1", "--lease", "3s", "--type", "_http._tcp"});
  CHECK(text_at(object(world, "service", "web"), "/spec/protocol") == "HTTP");
  world.err();
  REQUIRE(world.run({"delete", "endpoint", "w1"}) == kDone);
  world.fake.advance(2s);
  CHECK(world.err().contains("weir: endpoint/w1 was taken out; joining again\n"));
  CHECK(is_there(world, "w1"));
  SUBCASE("also when the service is gone with it") {
    world.err();
    REQUIRE(world.run({"delete", "endpoint", "w1"}) == kDone);
    REQUIRE(world.run({"delete", "service", "web"}) == kDone);
    world.fake.advance(2s);
    CHECK(is_there(world, "w1"));
  }
  SUBCASE("also when the API was away for longer") {
    world.stop_api();
    world.fake.advance(20s);
    CHECK(world.err().contains("weir: no API answers at http://127.0.0.1:8480"));
    world.start_api();
    world.fake.advance(5s);
    CHECK(world.err().contains("weir: the API answers again\n"));
    CHECK(is_there(world, "w1"));
  }
}

TEST_CASE("join --once has a lease only when one is asked for") {
  World world;
  CHECK(world.run({"join", "db", "--port", "1", "--once", "--name", "stays", "--address", "db.example"}) ==
        kDone);
  CHECK(text_at(object(world, "endpoint", "stays"), "/spec/address") == "db.example:1");
  CHECK(world.run({"join", "db", "--port", "1", "--once", "--name", "goes", "--address", "::1", "--lease",
                   "2s"}) == kDone);
  CHECK(text_at(object(world, "endpoint", "goes"), "/spec/address") == "[::1]:1");
  world.fake.advance(10s);
  CHECK(is_there(world, "stays"));
  CHECK_FALSE(is_there(world, "goes"));
}

TEST_CASE("join says what is wrong") {
  World world;
  CHECK(world.run({"join", "a-name-that-is-too-long", "--port", "1", "--once"}) == kFailed);
  CHECK(world.err() ==
        "weir: \"a-name-that-is-too-long\" makes no type of service (RFC 6335); its type has to be named, "
        "such as _http._tcp\n");
  CHECK(world.run({"join", "a-name-that-is-too-long", "--port", "1", "--once", "--health", "http:/up"}) ==
        kDone);
  const Tree service = object(world, "service", "a-name-that-is-too-long");
  CHECK(text_at(service, "/spec/discovery/type") == "_http._tcp");
  CHECK(text_at(service, "/spec/health_check/http/path") == "/up");
  world.err();
  REQUIRE(world.apply("{kind: Service, metadata: {name: plain}}\n") == kDone);
  world.err();
  CHECK(world.run({"join", "plain", "--port", "1", "--once"}) == kDone);
  CHECK(world.err().starts_with("weir: service/plain has no `discovery`, so DNS-SD does not find it\n"));
  CHECK(world.run({"join", "plain", "--port", "1", "--once", "--txt", "=v"}) == kFailed);
  CHECK(world.err().contains("spec.text[0]: must begin with a key"));
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"join", "db"},
                                             {"join", "db", "--port", "x"},
                                             {"join", "db", "--port", "1", "--health", "ping"},
                                             {"join", "db", "--port", "1", "--priority", "16"},
                                             {"join", "db", "--port", "1", "--"},
                                             {"join", "db", "--port", "1", "--once", "--", "true"},
                                             {"join", "db", "--port", "1", "--once", "--drain-wait", "1s"},
                                             {"join", "db", "--port", "1", "--drain-wait", "soon"},
                                             {"leave", "db", "--", "true"},
                                             {"resolve", "db", "--dns", "example"},
                                             {"resolve", "db", "-o", "yaml"}}) {
    CHECK_FALSE(parse_arguments(wrong, 1).has_value());
  }
}

// What it did is told to the command, as a signal would.
void wait_for_child(World& world) {
  siginfo_t info{};
  REQUIRE(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
  world.running->on_signal(SIGCHLD);
  world.fake.run_until_idle();
}

TEST_CASE("join with a command is a member for as long as that runs, and ends as it does") {
  World world;
  const auto start = [&world](const std::vector<std::string>& command) {
    std::vector<std::string> words{"join", "web",    "--port",     "80", "--name",
                                   "w1",   "--type", "_http._tcp", "--"};
    words.insert(words.end(), command.begin(), command.end());
    world.start(words);
  };
  SUBCASE("its exit code") {
    start({"sh", "-c", "exit 7"});
    CHECK(is_there(world, "w1"));
    wait_for_child(world);
    CHECK(world.exit_code == 7);
  }
  SUBCASE("a signal is passed on") {
    start({"sleep", "60"});
    world.fake.advance(60s);
    CHECK(is_there(world, "w1"));
    world.running->on_signal(SIGCHLD);  // of somebody else
    world.fake.run_until_idle();
    CHECK_FALSE(world.exit_code);
    world.running->on_signal(SIGTERM);
    wait_for_child(world);
    CHECK(world.exit_code == 128 + SIGTERM);
  }
  SUBCASE("the API is away meanwhile") {
    world.stop_api();
    start({"true"});
    wait_for_child(world);
    CHECK(world.exit_code == 0);
    world.start_api();
  }
  SUBCASE("nothing to run") {
    start({"/nonexistent/program"});
    CHECK(world.exit_code == 127);
    CHECK(world.err().starts_with("weir: can't run /nonexistent/program: "));
    start({"/"});
    CHECK(world.exit_code == 126);
  }
  CHECK_FALSE(is_there(world, "w1"));
}

TEST_CASE("join --drain-wait leaves when it is told to end, and ends so long after") {
  World world;
  world.start({"join", "web", "--port", "80", "--name", "w1", "--type", "_http._tcp", "--drain-wait", "5s"});
  REQUIRE(is_there(world, "w1"));
  world.running->on_signal(SIGTERM);
  world.fake.run_until_idle();
  CHECK_FALSE(is_there(world, "w1"));
  SUBCASE("by itself") {
    world.fake.advance(4s);
    CHECK_FALSE(world.exit_code);
    world.fake.advance(1s);
  }
  SUBCASE("at once when it is told twice") {
    world.running->on_signal(SIGTERM);
    world.fake.run_until_idle();
  }
  CHECK(world.exit_code == kDone);
}

TEST_CASE("join --drain-wait with a command tells it to end when it has left for so long") {
  World world;
  const auto start = [&world](const std::string& script) {
    world.start({"join", "web", "--port", "80", "--name", "w1", "--type", "_http._tcp", "--drain-wait", "5s",
                 "--", "sh", "-c", script});
    REQUIRE(is_there(world, "w1"));
  };
  const auto told = [&world] {
    world.running->on_signal(SIGTERM);
    world.fake.run_until_idle();
    CHECK_FALSE(is_there(world, "w1"));
  };
  SUBCASE("not before") {
    start("sleep 60");
    told();
    world.fake.advance(4s);
    siginfo_t info{};
    REQUIRE(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0);
    CHECK(info.si_pid == 0);
    world.fake.advance(1s);
    wait_for_child(world);
    CHECK(world.exit_code == 128 + SIGTERM);
  }
  SUBCASE("a second signal is passed on at once") {
    start("sleep 60");
    told();
    world.running->on_signal(SIGTERM);
    wait_for_child(world);
    CHECK(world.exit_code == 128 + SIGTERM);
  }
  SUBCASE("any other signal is passed on at once, and it stays a member") {
    start("trap 'exit 7' USR1; while :; do sleep 0.01; done");
    world.running->on_signal(SIGWINCH);
    world.fake.run_until_idle();
    CHECK(is_there(world, "w1"));
    world.running->on_signal(SIGUSR1);
    wait_for_child(world);
    CHECK((world.exit_code == 7 || world.exit_code == 128 + SIGUSR1));  // it may not have come to its trap
  }
  SUBCASE("it ends by itself meanwhile") {
    start("trap '' TERM; exit 3");
    wait_for_child(world);
    CHECK(world.exit_code == 3);
  }
  CHECK_FALSE(is_there(world, "w1"));
}

TEST_CASE("leave takes out what has joined from this machine") {
  World world;
  for (const char* port : {"1", "2"}) REQUIRE(world.run({"join", "db", "--port", port, "--once"}) == kDone);
  REQUIRE(world.run({"join", "db", "--port", "1", "--once", "--name", "other"}) == kDone);
  CHECK(world.run({"leave", "db"}) == kDone);
  CHECK_FALSE(is_there(world, "db-" + kMachine + "-1"));
  CHECK_FALSE(is_there(world, "db-" + kMachine + "-2"));
  CHECK(is_there(world, "other"));
  CHECK(world.run({"leave", "db"}) == kFailed);
  CHECK(world.err().contains("nothing has joined service/db from this machine"));
  CHECK(world.run({"leave", "db", "--name", "other"}) == kDone);
  CHECK_FALSE(is_there(world, "other"));
  CHECK(world.run({"leave", "db", "--name", "other"}) == kFailed);
}

struct Members {
  Members() {
    REQUIRE(
        world.apply(
            "kind: Service\nmetadata: {name: my-db}\nspec:\n  protocol: TCP\n  discovery: {type: _db._tcp}\n"
            "  endpoints: [{address: '10.0.0.9:5432', priority: 2}]\n---\n"
            "kind: Endpoint\nmetadata: {name: a}\n"
            "spec: {service: my-db, address: '10.0.0.1:5432', version: v1, instance: 'Ä', text: [k=v]}\n---\n"
            "kind: Endpoint\nmetadata: {name: b}\n"
            "spec: {service: my-db, address: '[2001:DB8::1]:5432', priority: 1, version: v2}\n") == kDone);
    health = {
        {"10.0.0.1:5432", "HEALTHY"}, {"[2001:db8::1]:5432", "UNCHECKED"}, {"10.0.0.9:5432", "HEALTHY"}};
    world.api().set_status_source([this](const config::Object& object) {
      if (object.kind() != config::Kind::kService) return std::string();
      Tree list = Tree::array();
      for (const auto& [address, is] : health) list.push_back({{"address", address}, {"health", is}});
      return Tree{{"endpoints", list}}.dump();
    });
    world.out();
    world.err();
  }
  std::string resolve(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"resolve", "my-db"});
    return world.run(more) == kDone ? world.out() : world.err();
  }
  World world;
  std::map<std::string, std::string> health;
};

TEST_CASE("resolve picks the first priority that can serve, and falls over to the next") {
  Members members;
  CHECK(members.resolve() == "10.0.0.1:5432\n");
  CHECK(members.resolve({"--version", "v2"}) == "[2001:db8::1]:5432\n");
  members.health["10.0.0.1:5432"] = "UNHEALTHY";
  CHECK(members.resolve({"-o", "env"}) ==
        "MY_DB_HOST='2001:db8::1'\nMY_DB_PORT='5432'\nMY_DB_ADDRESS='[2001:db8::1]:5432'\n");
  members.health["[2001:db8::1]:5432"] = "UNKNOWN";
  CHECK(members.resolve() == "10.0.0.9:5432\n");
  CHECK(members.resolve({"--version", "v2"}) ==
        "weir: no endpoint of service/my-db of version v2 can serve now\n");
  members.health["10.0.0.9:5432"] = "EJECTED";
  CHECK(members.resolve() == "weir: no endpoint of service/my-db can serve now\n");
  CHECK(members.world.run({"resolve", "none"}) == kFailed);
}

TEST_CASE("resolve finds by type and by instance") {
  Members members;
  CHECK(members.world.run({"resolve", "_db._tcp"}) == kDone);
  CHECK(members.world.out() == "10.0.0.1:5432\n");
  CHECK(members.world.run({"resolve", "B._db._tcp"}) == kDone);
  CHECK(members.world.out() == "[2001:db8::1]:5432\n");
  CHECK(members.world.run({"resolve", "_db._tcp", "--version", "v2"}) == kDone);
  CHECK(members.world.out() == "[2001:db8::1]:5432\n");
  CHECK(members.world.run({"resolve", "_none._tcp"}) == kFailed);
  CHECK(members.world.err() == "weir: no endpoint of _none._tcp can serve now\n");
  CHECK(members.world.run({"resolve", "b._none._tcp"}) == kFailed);
}

TEST_CASE("resolve --dns says what is wrong") {
  World world;
  CHECK(world.run({"resolve", "db", "--dns", "192.0.2.1:5353"}) == kFailed);
  CHECK(world.err().starts_with("weir: the name server 192.0.2.1:5353 can't be asked: "));
  CHECK(world.run({"resolve", "a..b", "--dns", "192.0.2.1"}) == kFailed);
  CHECK(world.err().contains("is no name of DNS"));
}

TEST_CASE("resolve -o json has all that can serve, the chosen one first") {
  Members members;
  const Tree json = parse_tree(members.resolve({"-o", "json"}));
  CHECK(text_at(json, "/service") == "my-db");
  CHECK(text_at(json, "/host") == "10.0.0.1");
  CHECK(text_at(json, "/port") == "5432");
  REQUIRE(at(json, "/endpoints").size() == 3);
  CHECK(text_at(json, "/endpoints/0/instance") == "Ä");
  CHECK(text_at(json, "/endpoints/0/text/0") == "k=v");
  CHECK(text_at(json, "/endpoints/1/instance") == "b");
  CHECK(text_at(json, "/endpoints/2/instance") == "10.0.0.9:5432");
  CHECK(text_at(json, "/endpoints/2/priority") == "2");
}

TEST_CASE("resolve shares by weight, and gives nothing to what is drained") {
  Members members;
  REQUIRE(members.world.apply("kind: Endpoint\nmetadata: {name: b}\nspec: {service: my-db, address: "
                              "'[2001:db8::1]:5432', weight: 3}\n") == kDone);
  members.world.out();
  std::map<std::string, int> counts;
  for (int i = 0; i < 200; ++i) ++counts[members.resolve()];
  CHECK(counts.size() == 2);
  CHECK(counts["[2001:db8::1]:5432\n"] > 120);
  CHECK(counts["10.0.0.1:5432\n"] > 20);
  REQUIRE(members.world.apply("kind: Endpoint\nmetadata: {name: b}\nspec: {service: my-db, address: "
                              "'[2001:db8::1]:5432', weight: 0}\n") == kDone);
  members.world.out();
  for (int i = 0; i < 20; ++i) CHECK(members.resolve() == "10.0.0.1:5432\n");
}

TEST_CASE("resolve -w prints another one only when the chosen one can't serve any more") {
  Members members;
  members.world.start({"resolve", "my-db", "-w"});
  CHECK(members.world.out() == "10.0.0.1:5432\n");
  members.world.fake.advance(5s);
  CHECK(members.world.out().empty());
  members.health["10.0.0.1:5432"] = "UNHEALTHY";
  members.world.fake.advance(1s);
  CHECK(members.world.out() == "[2001:db8::1]:5432\n");
  members.health["[2001:db8::1]:5432"] = "UNHEALTHY";
  members.health["10.0.0.9:5432"] = "UNHEALTHY";
  members.world.fake.advance(1s);
  CHECK(members.world.err() == "weir: no endpoint of service/my-db can serve now\n");
  members.health["10.0.0.1:5432"] = "HEALTHY";
  members.world.fake.advance(1s);
  CHECK(members.world.out() == "10.0.0.1:5432\n");
}

}  // namespace
}  // namespace weir::cli
