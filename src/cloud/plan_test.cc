#include "cloud/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace weir::cloud {
namespace {

RecordSet set_of(std::string name, std::string type, std::vector<std::string> values,
                 std::uint32_t ttl = 60) {
  RecordSet set{.name = std::move(name), .type = std::move(type), .ttl = ttl, .values = std::move(values)};
  make_normal(set);
  return set;
}

std::string lines_of(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.changes) text += text_of(change) + '\n';
  for (const Conflict& conflict : plan.conflicts) text += "! " + conflict.key + ' ' + conflict.why + '\n';
  return text;
}

constexpr const char* kA = "192.0.2.1";
constexpr const char* kB = "192.0.2.2";

TEST_CASE("what is wanted and not there is created, what is another is replaced, what is not wanted goes") {
  const RecordSets wanted{set_of("a.x.", "A", {kA}), set_of("b.x.", "A", {kB, kA}),
                          set_of("c.x.", "A", {kA})};
  const RecordSets there{set_of("b.x.", "A", {kA}), set_of("c.x.", "A", {kA}),
                         set_of("d.x.", "TXT", {"\"x\""})};
  const Plan plan = make_plan(wanted, there, {"b.x. A", "c.x. A", "d.x. TXT", "e.x. A"}, 100);
  CHECK(lines_of(plan) ==
        "+ a.x. A 60 192.0.2.1\n"
        "~ b.x. A 60 192.0.2.1 -> 60 192.0.2.1, 192.0.2.2\n"
        "- d.x. TXT 60 \"x\"\n");
  CHECK(plan.kept == 1);
  CHECK(plan.foreign == 0);
  CHECK(plan.stale == std::vector<std::string>{"e.x. A"});
  CHECK(plan.refused.empty());
}

TEST_CASE("what weir did not make is left alone, and it is told where that is in the way") {
  const RecordSets there{set_of("a.x.", "A", {kB}), set_of("b.x.", "A", {kA}), set_of("c.x.", "A", {kA}),
                         set_of("d.x.", "CNAME", {"e.x."})};
  const RecordSets wanted{set_of("a.x.", "A", {kA}), set_of("b.x.", "A", {kA}),
                          set_of("c.x.", "CNAME", {"a.x."}), set_of("d.x.", "TXT", {"\"x\""})};
  const Plan plan = make_plan(wanted, there, {}, 100);
  CHECK(lines_of(plan) ==
        "! a.x. A is there already, and weir did not make it\n"
        "! c.x. CNAME can't be beside the A of that name, which is not weir's to change\n"
        "! d.x. TXT can't be beside the CNAME of that name, which is not weir's to change\n");
  CHECK(plan.foreign == 4);
}

TEST_CASE("a set that somebody made more of at the provider is left alone") {
  RecordSet proxied = set_of("a.x.", "A", {kA});
  proxied.beyond = "proxied";
  CHECK(lines_of(make_plan({set_of("a.x.", "A", {kB})}, {proxied}, {"a.x. A"}, 100)) ==
        "! a.x. A has been made proxied there, which weir can't write\n");
  CHECK(lines_of(make_plan({}, {proxied}, {"a.x. A"}, 100)) ==
        "! a.x. A is not wanted any more, but has been made proxied there\n");
  CHECK(lines_of(make_plan({}, {proxied}, {}, 100)).empty());
  CHECK(lines_of(make_plan({set_of("a.x.", "A", {kA})}, {proxied}, {}, 100)) ==
        "! a.x. A is there already, and weir did not make it\n");
}

TEST_CASE("a name whose type changes is deleted before it is made") {
  const Plan plan =
      make_plan({set_of("a.x.", "A", {kA})}, {set_of("a.x.", "CNAME", {"b.x."})}, {"a.x. CNAME"}, 100);
  CHECK(lines_of(plan) == "- a.x. CNAME 60 b.x.\n+ a.x. A 60 192.0.2.1\n");
}

// So many sets of weir's.
std::pair<RecordSets, Ledger> zone_of(int count) {
  std::pair<RecordSets, Ledger> zone;
  for (int i = 0; i < count; ++i) {
    zone.first.push_back(set_of("n" + std::to_string(i) + ".x.", "A", {kA}));
    zone.second.insert(key_of(zone.first.back()));
  }
  zone.first = normal_sets(zone.first);
  return zone;
}

RecordSets without(const RecordSets& sets, std::size_t count) {
  return {sets.begin() + static_cast<std::ptrdiff_t>(count), sets.end()};
}

RecordSets with_changed(RecordSets sets, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sets[i].values = {kB};
  return sets;
}

TEST_CASE("the valve holds what replaces or deletes too much of what is there") {
  const auto [there, ours] = zone_of(20);
  CHECK(make_plan(without(there, 6), there, ours, 30).refused.empty());
  CHECK(make_plan(without(there, 7), there, ours, 30).refused ==
        "0 record sets would be replaced and 7 deleted, of 20 there: more than 30 % are only changed when it "
        "is "
        "forced");
  CHECK(make_plan({}, there, ours, 30).refused != "");
  CHECK(make_plan({}, there, ours, 100).refused.empty());
  CHECK(make_plan(with_changed(there, 6), there, ours, 30).refused.empty());
  CHECK(make_plan(with_changed(there, 7), there, ours, 30).refused != "");
  // What is foreign counts as there.
  CHECK(make_plan(without(there, 7), there, without(there, 1).empty() ? Ledger{} : ours, 30).refused != "");
}

TEST_CASE("the valve lets go what adds, one set, and what health changes") {
  const auto [many, all] = zone_of(20);
  CHECK(make_plan(many, {}, {}, 1).refused.empty());
  const auto [there, ours] = zone_of(2);
  CHECK(make_plan(many, there, ours, 1).refused.empty());
  CHECK(make_plan(without(there, 1), there, ours, 30).refused.empty());
  CHECK(make_plan({}, there, ours, 30).refused != "");
  CHECK(make_plan(with_changed(there, 2), there, ours, 30).refused.empty());
  // Nothing at all, when that is what is asked for.
  CHECK(make_plan(with_changed(there, 1), there, ours, 0).refused != "");
  CHECK(make_plan(there, there, ours, 0).refused.empty());
}

// --- any plan, against a model of a provider

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 12; ++i) {
      RecordSet set = any_set();
      if (!fits(set)) continue;
      if (random_.next() % 2 == 0) ours.insert(key_of(set));
      if (random_.next() % 8 == 0) set.beyond = "proxied";
      there.insert_or_assign(key_of(set), set);
    }
    for (int i = 0; i < 12; ++i) {
      const RecordSet set = any_set();
      const bool alone = std::ranges::none_of(wanted, [&](const RecordSet& other) {
        return other.name == set.name &&
               (other.type == set.type || other.type == "CNAME" || set.type == "CNAME");
      });
      if (alone) wanted.push_back(set);
    }
    wanted = normal_sets(wanted);
  }

  RecordSets sets() const {
    RecordSets all;
    for (const auto& [key, set] : there) all.push_back(set);
    return normal_sets(all);
  }
  // As a provider does; false: it would refuse.
  bool apply(const Change& change) {
    const std::string key = key_of(change.either());
    if (there.contains(key) != (change.action != Action::kCreate)) return false;
    if (change.action == Action::kDelete) return there.erase(key) == 1;
    if (!fits(change.after)) return false;
    there.insert_or_assign(key, change.after);
    return true;
  }

  std::map<std::string, RecordSet> there;
  RecordSets wanted;
  Ledger ours;

 private:
  bool fits(const RecordSet& set) const {
    return std::ranges::none_of(there, [&](const auto& entry) {
      return entry.second.name == set.name && (entry.second.type == "CNAME") != (set.type == "CNAME");
    });
  }
  RecordSet any_set() {
    const std::string name = std::string(1, static_cast<char>('a' + random_.next() % 6)) + ".x.";
    switch (random_.next() % 3) {
      case 0: return set_of(name, "A", {"192.0.2." + std::to_string(random_.next() % 3)});
      case 1: return set_of(name, "TXT", {"\"t" + std::to_string(random_.next() % 3) + '"'});
      default: return set_of(name, "CNAME", {"c" + std::to_string(random_.next() % 3) + ".x."});
    }
  }
  Random random_;
};

TEST_CASE("any plan, carried out, gives what is wanted, and touches nothing foreign") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    const auto before = model.there;
    const Ledger ours = model.ours;
    const Plan plan = make_plan(model.wanted, model.sets(), ours, 100);
    for (const Change& change : plan.changes) {
      REQUIRE(model.apply(change));
      if (change.action == Action::kCreate) model.ours.insert(key_of(change.after));
      if (change.action == Action::kDelete) model.ours.erase(key_of(change.before));
    }
    for (const std::string& key : plan.stale) model.ours.erase(key);
    for (const auto& [key, set] : before) {
      if (!ours.contains(key) || !set.beyond.empty()) REQUIRE(model.there.at(key) == set);
    }
    Ledger conflicts;
    for (const Conflict& conflict : plan.conflicts) conflicts.insert(conflict.key);
    for (const RecordSet& set : model.wanted) {
      if (conflicts.contains(key_of(set))) continue;
      REQUIRE(model.there.contains(key_of(set)));
      REQUIRE(model.there.at(key_of(set)).values == set.values);
    }
    const Plan again = make_plan(model.wanted, model.sets(), model.ours, 100);
    REQUIRE(again.changes.empty());
    REQUIRE(again.conflicts.size() == plan.conflicts.size());
  }
}

TEST_CASE("keys, names and values") {
  CHECK(key_of(set_of("A.x.", "A", {kA})) == "a.x. A");
  CHECK(read_key("a.x. A")->type == "A");
  CHECK(read_key("a.x. A")->name == "a.x.");
  CHECK_FALSE(read_key("a.x."));
  CHECK_FALSE(read_key("a.x. "));
  CHECK_FALSE(read_key(" A"));
  CHECK(absolute_name("A.Example") == "a.example.");
  CHECK(absolute_name("a.example.") == "a.example.");
  CHECK(is_below("www.a.x.", "a.x."));
  CHECK(is_below("a.x.", "a.x."));
  CHECK_FALSE(is_below("ba.x.", "a.x."));
  CHECK_FALSE(is_below("x.", "a.x."));
  CHECK(normal_value("AAAA", "2001:DB8:0::1") == "2001:db8::1");
  CHECK(normal_value("A", "nonsense") == "nonsense");
  CHECK(normal_value("ALIAS", "a.x.") == "a.x.");
  const RecordSets sets =
      normal_sets({set_of("b.x.", "A", {kB}, 60), set_of("a.x.", "A", {kA}), set_of("b.x.", "A", {kA}, 30)});
  REQUIRE(sets.size() == 2);
  CHECK(sets[1] == set_of("b.x.", "A", {kA, kB}, 30));
}

}  // namespace
}  // namespace weir::cloud
