#include "api/plan.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::api {
namespace {

using config::Kind;
using config::Object;

Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kClient);
  REQUIRE(object);
  return *object;
}

Object service(const std::string& name, const std::string& spec = "{}") {
  return parsed(R"({"kind":"Service","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
}

Object balancer(const std::string& name, const std::string& host, const std::string& to) {
  return parsed(R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
                R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + host +
                R"("]}],"routes":[{"backends":[{"service":")" + to + R"("}]}]}})");
}

Object endpoint(const std::string& name) {
  return parsed(R"({"kind":"Endpoint","metadata":{"name":")" + name +
                R"("},"spec":{"service":"found","address":"10.0.0.1:80"}})");
}

Object stored(Object object, store::Revision revision) {
  object.metadata.uid = "uid-" + object.metadata.name;
  object.metadata.revision = revision;
  object.metadata.created_at = object.metadata.updated_at = WallTime(std::chrono::seconds(revision));
  return object;
}

Intent intent(Verb verb, Object wanted, Precondition precondition = {}) {
  Intent made{.verb = verb, .kind = wanted.kind(), .name = wanted.metadata.name};
  made.wanted = std::move(wanted);
  made.precondition = std::move(precondition);
  return made;
}

Intent deletion(Kind kind, const std::string& name) {
  return {.verb = Verb::kDelete, .kind = kind, .name = name};
}

// The two services a and b at revisions 7 and 8, and the load balancer lb on a at 9.
struct Given {
  config::Whole world;
  Random random{1};
  WallTime now{std::chrono::seconds(1000)};

  Given() {
    world.put(std::make_shared<const Object>(stored(service("a"), 7)));
    world.put(std::make_shared<const Object>(stored(service("b"), 8)));
    world.put(std::make_shared<const Object>(stored(balancer("lb", "a.example", "a"), 9)));
  }
  Answer<Plan> plan(const std::vector<Intent>& intents, Result<MadeSecret> (*make_secret)() = nullptr) {
    return make_plan(world, intents, {.now = now, .random = random, .make_secret = make_secret});
  }
  // That Endpoint, where services are found in that domain.
  Answer<Plan> join(const std::string& name, const std::string& domain) {
    const std::vector<Intent> intents{intent(Verb::kApply, endpoint(name))};
    return make_plan(world, intents, {.now = now, .random = random, .domain = domain});
  }
  int status(Intent one) {
    const auto made = plan({std::move(one)});
    return made ? 0 : made.error().status;
  }
};

Precondition matching(store::Revision revision) { return {.match_given = true, .match = {revision}}; }

TEST_CASE("who would make a set of DNS-SD larger than a message is refused") {
  Given given;
  given.world.put(
      std::make_shared<const Object>(stored(service("found", R"({"discovery":{"type":"_http._tcp"}})"), 10)));
  int count = 0;
  const auto next = [&count] { return "e-" + std::to_string(10000 + count); };
  for (; count < 1000; ++count) {
    given.world.put(std::make_shared<const Object>(stored(endpoint(next()), 11)));
  }
  Answer<Plan> plan;
  for (; count < 3000; ++count) {
    plan = given.join(next(), "weir.example");
    if (!plan) break;
    given.world.put(plan->objects.front().after);
  }
  REQUIRE_FALSE(plan);
  CHECK(count > 1000);
  CHECK(plan.error().status == 422);
  // Records of both sets have one size here.
  REQUIRE(plan.error().violations.size() == 2);
  CHECK(plan.error().violations[0].field == "spec.service");
  CHECK(plan.error().violations[0].message.contains("SRV records at found.service.weir.example."));
  CHECK(plan.error().violations[1].message.contains("PTR records at _http._tcp.weir.example."));
  CHECK(given.join("one-more", ""));
  CHECK(given.join("e-10000", "weir.example"));  // is there already
}

TEST_CASE("what is expected decides, not what came last") {
  Given given;
  const Object other = service("a", R"({"balance":"RANDOM"})");
  Object edited = other;
  edited.metadata.revision = 7;
  Object outdated = other;
  outdated.metadata.revision = 6;
  const Precondition any{.match_given = true, .match_any = true};
  const Precondition only_new{.only_new = true};
  struct Line {
    const char* what;
    Intent intent;
    int status;  // 0: planned
  };
  for (const Line& line : std::initializer_list<Line>{
           {"create what exists", intent(Verb::kCreate, other), 409},
           {"create", intent(Verb::kCreate, service("c")), 0},
           {"replace, at the revision", intent(Verb::kReplace, other, matching(7)), 0},
           {"replace, at another", intent(Verb::kReplace, other, matching(8)), 412},
           {"replace any", intent(Verb::kReplace, other, any), 0},
           {"replace blindly", intent(Verb::kReplace, other), 428},
           {"replace what was read", intent(Verb::kReplace, edited), 0},
           {"replace what was read earlier", intent(Verb::kReplace, outdated), 412},
           {"If-Match comes before the content", intent(Verb::kReplace, outdated, matching(7)), 0},
           {"replace only if new", intent(Verb::kReplace, other, only_new), 412},
           {"replace what is not there: create", intent(Verb::kReplace, service("c")), 0},
           {"create by PUT", intent(Verb::kReplace, service("c"), only_new), 0},
           {"replace what has gone", intent(Verb::kReplace, service("c"), matching(7)), 412},
           {"replace any of none", intent(Verb::kReplace, service("c"), any), 412},
           {"apply", intent(Verb::kApply, other), 0},
           {"delete what is not there", deletion(Kind::kService, "c"), 404},
           {"delete", deletion(Kind::kService, "b"), 0},
           {"delete what is needed", deletion(Kind::kService, "a"), 409},
       }) {
    CAPTURE(line.what);
    CHECK(given.status(line.intent) == line.status);
  }
}

TEST_CASE("what the server sets is carried over, or made") {
  Given given;
  Object wanted = service("a", R"({"balance":"RANDOM"})");
  wanted.metadata.uid = "forged";
  wanted.metadata.created_at = WallTime{};
  const auto plan = given.plan(
      {intent(Verb::kApply, wanted), intent(Verb::kApply, service("c")), intent(Verb::kApply, service("b"))});
  REQUIRE(plan);
  CHECK(plan->writes());
  const Planned& updated = plan->objects[0];
  CHECK(updated.outcome == Outcome::kUpdated);
  CHECK(updated.expected() == 7);
  CHECK(updated.after->metadata.uid == "uid-a");
  CHECK(updated.after->metadata.created_at == WallTime(std::chrono::seconds(7)));
  CHECK(updated.after->metadata.updated_at == given.now);
  const Planned& created = plan->objects[1];
  CHECK(created.outcome == Outcome::kCreated);
  CHECK(created.expected() == 0);
  CHECK(created.after->metadata.uid.size() == 32);
  CHECK(created.after->metadata.created_at == given.now);
  const Planned& unchanged = plan->objects[2];
  CHECK(unchanged.outcome == Outcome::kUnchanged);
  CHECK(*unchanged.after == *unchanged.before);
  CHECK_FALSE(given.plan({intent(Verb::kApply, service("b"))})->writes());
}

TEST_CASE("a patch is merged into what a client could have written") {
  Given given;
  const auto patched = [&given](const std::string& patch) {
    Intent one{.verb = Verb::kPatch, .kind = Kind::kService, .name = "a", .patch = patch};
    return given.plan({one});
  };
  const auto plan = patched(R"({"metadata":{"labels":{"tier":"web"}},"spec":{"balance":"RANDOM"}})");
  REQUIRE(plan);
  CHECK(plan->objects[0].after->metadata.labels == config::Labels{{"tier", "web"}});
  CHECK(plan->objects[0].after->metadata.uid == "uid-a");
  struct Line {
    const char* patch;
    int status;
    const char* field;
  };
  for (const Line& line :
       std::initializer_list<Line>{{"{", 400, ""},
                                   {R"({"spec":{"balance":"NONE"}})", 422, "spec.balance"},
                                   {R"({"metadata":{"name":"z"}})", 422, "metadata.name"},
                                   {R"({"kind":"Edge","spec":null})", 422, "metadata.name"},
                                   {"[]", 422, ""},
                                   {"null", 422, ""}}) {
    CAPTURE(line.patch);
    const auto refused = patched(line.patch);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status == line.status);
    REQUIRE_FALSE(refused.error().violations.empty());
    CHECK(refused.error().violations[0].field == line.field);
  }
}

TEST_CASE("a secret is made once, and only its hash is kept") {
  Given given;
  const Object token = parsed(R"({"kind":"Token","metadata":{"name":"t"},"spec":{"role":"viewer"}})");
  const auto make = +[]() -> Result<MadeSecret> { return MadeSecret{"clear", "hashed"}; };
  const auto plan = given.plan({intent(Verb::kCreate, token)}, make);
  REQUIRE(plan);
  const Planned& planned = plan->objects[0];
  CHECK(planned.secret == "clear");
  CHECK(std::get<config::TokenSpec>(planned.after->spec).hash == "hashed");
  CHECK(given.plan({intent(Verb::kCreate, token)})->objects[0].secret.empty());  // dry run

  given.world.put(std::make_shared<const Object>(stored(*planned.after, 10)));
  Object changed = token;
  std::get<config::TokenSpec>(changed.spec).role = config::Role::kAdmin;
  const auto again = given.plan({intent(Verb::kApply, changed)}, make);
  REQUIRE(again);
  CHECK(again->objects[0].secret.empty());
  CHECK(std::get<config::TokenSpec>(again->objects[0].after->spec).hash == "hashed");

  Intent forged{
      .verb = Verb::kPatch, .kind = Kind::kToken, .name = "t", .patch = R"({"spec":{"hash":"mine"}})"};
  CHECK(given.status(forged) == 422);
  Intent fair{
      .verb = Verb::kPatch, .kind = Kind::kToken, .name = "t", .patch = R"({"spec":{"role":"admin"}})"};
  CHECK(given.status(fair) == 0);
}

TEST_CASE("the whole is judged as it would be, in any order, and all at once") {
  Given given;
  CHECK(given.plan(
      {intent(Verb::kApply, balancer("new", "n.example", "c")), intent(Verb::kApply, service("c"))}));
  const auto plan = given.plan({intent(Verb::kApply, balancer("x", "x.example", "missing")),
                                intent(Verb::kApply, balancer("y", "a.example", "a"))});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().status == 422);
  REQUIRE(plan.error().violations.size() == 2);
  CHECK(plan.error().violations[0].object == "LoadBalancer/x");
  CHECK(plan.error().violations[0].field == "spec.routes[0].backends[0].service");
  CHECK(plan.error().violations[1].object == "LoadBalancer/y");
  CHECK(plan.error().violations[1].field == "spec.listeners[0].hostnames[0]");

  const auto deletion_plan = given.plan({deletion(Kind::kService, "a")});
  REQUIRE_FALSE(deletion_plan);
  REQUIRE(deletion_plan.error().violations.size() == 1);
  CHECK(deletion_plan.error().violations[0].object == "LoadBalancer/lb");
}

TEST_CASE("a workload goes with the endpoints of its instances, and so its service can go with it") {
  Given given;
  const auto put = [&](const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE(object);
    given.world.put(std::make_shared<const Object>(stored(std::move(*object), 20)));
  };
  put(R"({"kind":"Workload","metadata":{"name":"w"},"spec":{"containers":[{"name":"app","image":"a/b:1",
      "ports":[{"port":80,"service":"b"}]}],"targets":[{"name":"t"}]}})");
  for (const char* number : {"1", "10"}) {
    const std::string name = std::string("w-t-dfw-") + number;
    put(R"({"kind":"Instance","metadata":{"name":")" + name + R"("},"spec":{"workload":"w","target":"t",
        "city":"dfw","node":"n","containers":[{"name":"app","image":"a/b:1"}]}})");
    put(R"({"kind":"Endpoint","metadata":{"name":")" + name + R"(","labels":{"weir/workload":"w"}},
        "spec":{"service":"b","address":"10.0.0.1:1","instance":")" +
        name + R"("}})");
  }
  CHECK(given.status(deletion(Kind::kService, "b")) == 409);
  const auto made = given.plan({deletion(Kind::kService, "b"), deletion(Kind::kWorkload, "w"),
                                deletion(Kind::kEndpoint, "w-t-dfw-10")});
  REQUIRE(made);
  REQUIRE(made->objects.size() == 4);
  CHECK(made->objects[3].name == "w-t-dfw-1");
  CHECK(made->objects[3].outcome == Outcome::kDeleted);
  // Somebody's own, of the same name, stays.
  put(R"({"kind":"Endpoint","metadata":{"name":"w-t-dfw-1"},"spec":{"service":"b","address":"10.0.0.1:1",
      "instance":"w-t-dfw-1"}})");
  CHECK(given.plan({deletion(Kind::kWorkload, "w")})->objects.size() == 2);
}

TEST_CASE("what was wrong before does not stop other changes") {
  Given given;
  given.world.put(std::make_shared<const Object>(stored(balancer("old", "old.example", "gone"), 3)));
  CHECK(given.status(intent(Verb::kApply, service("c"))) == 0);
  CHECK(given.status(deletion(Kind::kLoadBalancer, "old")) == 0);
  CHECK(given.status(intent(Verb::kApply, balancer("old", "other.example", "gone"))) == 422);
}

TEST_CASE("an object must be readable again") {
  Given given;
  std::string spec = R"({"endpoints":[)";
  for (int i = 0; i < 900; ++i) {
    spec += (i == 0 ? "" : ",") + std::string(R"({"address":"e)") + std::to_string(i) + R"(.example:80"})";
  }
  Object big = service("big", spec + "]}");
  for (int i = 0; i < 64; ++i) {
    big.metadata.annotations["a" + std::to_string(i)] = std::string(20'000, 'x');
  }
  const auto plan = given.plan({intent(Verb::kApply, big)});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().violations[0].message == "is larger than 1 MiB with its defaults");
}

Object rollout(const std::string& name, const std::string& spec) {
  return parsed(R"({"kind":"Rollout","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
}

const std::string kRandomA =
    R"("changes":[{"kind":"Service","metadata":{"name":"a"},"spec":{"balance":"RANDOM"}}])";

TEST_CASE("a rollout is judged like the changes that it brings") {
  Given given;
  const auto made =
      given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + R"(,"progress":{"wave":9}})"))});
  REQUIRE_MESSAGE(made.has_value(), made.error().detail);
  const auto& spec = std::get<config::RolloutSpec>(made->objects[0].after->spec);
  CHECK_FALSE(spec.progress);  // is the server's to say
  const auto refused = given.plan(
      {intent(Verb::kApply, rollout("r", R"({"changes":[{"kind":"LoadBalancer","metadata":{"name":"x"},
        "spec":{"listeners":[{"protocol":"HTTP"}],"routes":[{"backends":[{"service":"nowhere"}]}]}}]})"))});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().status == 422);
  CHECK(refused.error().violations.at(0).object == "Rollout/r");

  given.world.put(std::make_shared<const Object>(stored(rollout("other", '{' + kRandomA + '}'), 10)));
  const auto second = given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + '}'))});
  REQUIRE_FALSE(second);
  CHECK(second.error().violations.at(0).message == "services/a is in Rollout/other, which has not ended");
}

TEST_CASE("of a rollout under way only the pace can be changed, of one that has ended nothing") {
  Given given;
  const auto put = [&given](config::RolloutPhase phase) {
    Object running = stored(rollout("r", '{' + kRandomA + '}'), 10);
    auto& progress = std::get<config::RolloutSpec>(running.spec).progress.emplace();
    progress.phase = phase;
    progress.bases = {{"services/a", 7}};
    given.world.put(std::make_shared<const Object>(std::move(running)));
  };
  put(config::RolloutPhase::kRunning);
  const auto paused = given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + R"(,"paused":true})"))});
  REQUIRE(paused);
  CHECK(std::get<config::RolloutSpec>(paused->objects[0].after->spec).progress.has_value());
  const auto other = given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + R"(,"bake":"1s"})"))});
  REQUIRE_FALSE(other);
  CHECK(other.error().detail ==
        "Rollout/r is under way: only paused and gates can be changed; delete it to withdraw it");
  CHECK(given.plan({deletion(Kind::kRollout, "r")}));

  put(config::RolloutPhase::kWithdrawn);
  CHECK(given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + '}'))}));  // as it is
  const auto again = given.plan({intent(Verb::kApply, rollout("r", '{' + kRandomA + R"(,"paused":true})"))});
  REQUIRE_FALSE(again);
  CHECK(again.error().slug == "rollout-ended");
}

}  // namespace
}  // namespace weir::api
