// What waits together is written together, as if it had come one after the other.
#include "api/writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/api_fixture.h"
#include "config/documents.h"
#include "mirror/records.h"
#include "store/ledger.h"

namespace weir::api {
namespace {

Intent wanted(Verb verb, const std::string& kind, const std::string& name, const std::string& spec) {
  const auto documents =
      config::read_yaml("{kind: " + kind + ", metadata: {name: " + name + "}, spec: " + spec + "}");
  REQUIRE(documents.has_value());
  auto object = config::parse_object(documents->front().json, config::Origin::kClient);
  REQUIRE(object.has_value());
  return {
      .verb = verb, .kind = object->kind(), .name = name, .wanted = *object, .patch = {}, .precondition = {}};
}

Intent service(const std::string& name, const std::string& spec = "{}", Verb verb = Verb::kApply) {
  return wanted(verb, "Service", name, spec);
}

Intent balancer(const std::string& name, const std::string& to) {
  return wanted(Verb::kApply, "LoadBalancer", name,
                "{listeners: [{protocol: HTTP}], routes: [{backends: [{service: " + to + "}]}]}");
}

Intent removed(const std::string& name) {
  return {.verb = Verb::kDelete,
          .kind = config::Kind::kService,
          .name = name,
          .wanted = {},
          .patch = {},
          .precondition = {}};
}

// Writes that are under way at the same time, the first of which is at the store already.
class Together {
 public:
  explicit Together(ApiFixture& world) : Together(world, world.api.writer()) {}
  Together(ApiFixture& world, Writer& writer) : world_(world), writer_(writer), tasks_(world.fake.loop) {}

  void write(std::vector<Intent> intents, bool dry_run = false) {
    answers_.push_back(std::make_unique<std::optional<Answer<Written>>>());
    tasks_.spawn(keep(writer_, std::move(intents), "writer" + std::to_string(answers_.size()), dry_run,
                      *answers_.back()));
  }
  // Revisions; of those who are refused: their status.
  std::vector<store::Revision> answers() {
    world_.fake.run_until_idle();
    std::vector<store::Revision> all;
    for (const auto& answer : answers_) {
      REQUIRE(answer->has_value());
      const Answer<Written>& written = **answer;
      all.push_back(written ? written->revision : static_cast<store::Revision>(written.error().status));
    }
    return all;
  }
  net::TaskGroup& tasks() { return tasks_; }

 private:
  static net::Task<void> keep(Writer& writer, std::vector<Intent> intents, std::string actor, bool dry_run,
                              std::optional<Answer<Written>>& into) {
    into.emplace(co_await writer.write(std::move(intents), {.name = actor, .remote_address = {}}, dry_run));
  }

  ApiFixture& world_;
  Writer& writer_;
  net::TaskGroup tasks_;
  std::vector<std::unique_ptr<std::optional<Answer<Written>>>> answers_;
};

template <class T>
net::Task<void> keep(net::Task<T> task, std::optional<T>& into) {
  into.emplace(co_await task);
}
net::Task<void> ignore(net::Task<store::Committed> task) { (void)co_await task; }

std::vector<std::string> actors(ApiFixture& world) {
  const auto page = world.fake.run(world.store.list("events/", "", 100));
  REQUIRE(page);
  std::vector<std::string> all;
  for (const store::Entry& entry : (*page)->entries) {
    const auto event = config::parse_object(entry.value, config::Origin::kStore);
    REQUIRE(event.has_value());
    all.push_back(std::get<config::EventSpec>(event->spec).actor);
  }
  return all;
}

TEST_CASE("what waits together is one transaction, each judged upon those before it") {
  ApiFixture world;
  Together writes(world);
  writes.write({service("a")});
  writes.write({service("b")});
  writes.write({balancer("lb", "b")});
  CHECK(writes.answers() == std::vector<store::Revision>{1, 1, 1});
  CHECK(actors(world) == std::vector<std::string>{"writer1", "writer2", "writer3"});
  CHECK(world.fake.run(world.store.get("loadbalancers/lb"))->value().revision == 1);
  CHECK(world.api.writer().counters().commits.get() == 1);
  CHECK(world.api.writer().counters().objects.get() == 3);
  CHECK(world.mirror.objects().holds());
}

TEST_CASE("what is about the same object, is refused, writes nothing or is a dry run waits for its turn") {
  ApiFixture world;
  Together writes(world);
  writes.write({service("a")});
  writes.write({service("b"), service("a", "{balance: RANDOM}")});
  writes.write({service("b", "{}", Verb::kCreate)});
  writes.write({service("c")});
  writes.write({service("d")});
  writes.write({service("d")});
  writes.write({service("e")}, true);
  writes.write({service("e")});
  writes.write({removed("b")});
  writes.write({removed("b")});
  CHECK(writes.answers() == std::vector<store::Revision>{1, 2, 409, 3, 3, 3, 3, 4, 4, 404});
  CHECK(actors(world).size() == 7);
  CHECK(world.mirror.objects().of(config::Kind::kService).size() == 4);
}

// Takes no transaction of more than one write: an object, its event, and what it is held to.
class NarrowStore final : public store::Store {
 public:
  explicit NarrowStore(store::Store& store) : store_(store) {}
  net::Task<Result<store::Entry>> get(std::string key) override { return store_.get(std::move(key)); }
  net::Task<Result<store::Page>> list(std::string prefix, std::string after_key, std::size_t limit) override {
    return store_.list(std::move(prefix), std::move(after_key), limit);
  }
  net::Task<store::Committed> commit(store::Transaction transaction) override {
    if (std::ranges::count_if(transaction.steps, store::writes) > 2) {
      refused += 1;
      co_return store::Committed(std::unexpect, Error{.code = Code::kInvalid}, transaction.steps.size());
    }
    co_return co_await store_.commit(std::move(transaction));
  }
  net::Task<Result<store::Changes>> changes(store::Revision after, std::size_t limit) override {
    return store_.changes(after, limit);
  }
  net::Task<Result<store::Past>> before(store::Revision revision) override { return store_.before(revision); }
  net::Task<Result<store::Revision>> wait_past(store::Revision after, Duration timeout) override {
    return store_.wait_past(after, timeout);
  }
  bool leads() const override { return store_.leads(); }

  int refused = 0;

 private:
  store::Store& store_;
};

TEST_CASE("what is too large together is written one by one; what is too large by itself is refused") {
  ApiFixture world;
  NarrowStore narrow(world.store);
  Writer writer(world.fake.env, narrow, world.mirror, nullptr, {}, {});
  net::TaskGroup running(world.fake.loop);
  running.spawn(writer.run());
  Together writes(world, writer);
  writes.write({service("a")});
  writes.write({service("b")});
  writes.write({service("c"), service("d")});
  writes.write({service("e")});
  CHECK(writes.answers() == std::vector<store::Revision>{1, 2, 413, 3});
  CHECK(narrow.refused == 4);  // a to e, b to e, c to e, c and d
  running.cancel();
  world.fake.run_until_idle();
}

TEST_CASE("when somebody else has written meanwhile, all are judged anew") {
  ApiFixture world;
  Together writes(world);
  std::optional<Answer<Written>> first;
  const auto disturbed = [&](const config::Whole& objects) -> Answer<std::vector<Intent>> {
    if (!objects.find(config::Kind::kService, "other")) {
      store::Transaction other;
      const Intent made = service("other");
      other.put("services/other", mirror::encode(made.wanted));
      writes.tasks().spawn(ignore(world.store.commit(std::move(other))));
    }
    return std::vector<Intent>{service("a")};
  };
  writes.tasks().spawn(
      keep(world.api.writer().write(disturbed, {.name = "source", .remote_address = {}}), first));
  writes.write({service("b")});
  CHECK(writes.answers() == std::vector<store::Revision>{3});
  REQUIRE(first);
  CHECK((*first)->revision == 2);
  CHECK(world.api.writer().counters().conflicts.get() == 1);
}

TEST_CASE("who gives up while it waits is not written") {
  ApiFixture world;
  Together writes(world);
  writes.write({service("a")});
  {
    Together leaving(world);
    leaving.write({service("b")});
    leaving.tasks().cancel();
    CHECK(leaving.answers().front() >= 400);
  }
  CHECK(writes.answers() == std::vector<store::Revision>{1});
  CHECK_FALSE(world.mirror.objects().find(config::Kind::kService, "b"));
}

}  // namespace
}  // namespace weir::api
