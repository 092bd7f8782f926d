#include "cloud/plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

namespace weir::cloud {
namespace {

using ByKey = std::map<std::string, const RecordSet*, std::less<>>;

ByKey by_key(const RecordSets& sets) {
  ByKey all;
  for (const RecordSet& set : sets) all.emplace(key_of(set), &set);
  return all;
}

bool same_records(const RecordSet& left, const RecordSet& right) {
  return left.ttl == right.ttl && left.values == right.values;
}

// A name with a CNAME has nothing else (RFC 1034 section 3.6.2).
bool excludes(std::string_view type, std::string_view other) {
  return (type == "CNAME") != (other == "CNAME");
}

class Planner {
 public:
  Planner(const RecordSets& wanted, const RecordSets& there, const Ledger& ours)
      : there_(by_key(there)), ours_(ours) {
    plan_.there = there.size();
    for (const RecordSet& set : there) types_[set.name].push_back(&set);
    for (const RecordSet& set : wanted) want(set);
    const ByKey wanted_keys = by_key(wanted);
    for (const RecordSet& set : there) {
      if (!wanted_keys.contains(key_of(set))) leave(set);
    }
    for (const std::string& key : ours) {
      if (!wanted_keys.contains(key) && !there_.contains(key)) plan_.stale.push_back(key);
    }
    std::ranges::sort(plan_.changes, {}, [](const Change& change) {
      return std::tuple(change.either().name, change.action != Action::kDelete, change.either().type);
    });
  }

  Plan take() && { return std::move(plan_); }

 private:
  void conflict(const RecordSet& set, std::string why) {
    plan_.conflicts.push_back({key_of(set), std::move(why)});
  }

  void want(const RecordSet& set) {
    const std::string key = key_of(set);
    const auto found = there_.find(key);
    if (found == there_.end()) {
      if (const RecordSet* other = staying_beside(set); other != nullptr) {
        return conflict(
            set, "can't be beside the " + other->type + " of that name, which is not weir's to change");
      }
      return plan_.changes.push_back({Action::kCreate, {}, set});
    }
    const RecordSet& have = *found->second;
    if (!ours_.contains(key)) {
      ++plan_.foreign;
      if (same_records(have, set) && have.beyond.empty()) return;  // as wanted, whoever made it
      return conflict(set, "is there already, and weir did not make it");
    }
    if (!have.beyond.empty()) {
      ++plan_.foreign;
      return conflict(set, "has been made " + have.beyond + " there, which weir can't write");
    }
    if (same_records(have, set)) {
      ++plan_.kept;
    } else {
      plan_.changes.push_back({Action::kReplace, have, set});
    }
  }

  const RecordSet* staying_beside(const RecordSet& set) const {
    const auto found = types_.find(set.name);
    if (found == types_.end()) return nullptr;
    for (const RecordSet* other : found->second) {
      const bool stays = !other->beyond.empty() || !ours_.contains(key_of(*other));
      if (excludes(set.type, other->type) && stays) return other;
    }
    return nullptr;
  }

  void leave(const RecordSet& set) {
    if (!ours_.contains(key_of(set))) {
      ++plan_.foreign;
    } else if (!set.beyond.empty()) {
      ++plan_.foreign;
      conflict(set, "is not wanted any more, but has been made " + set.beyond + " there");
    } else {
      plan_.changes.push_back({Action::kDelete, set, {}});
    }
  }

  ByKey there_;
  std::map<std::string, std::vector<const RecordSet*>, std::less<>> types_;  // by name
  const Ledger& ours_;
  Plan plan_;
};

std::string why_too_many(const Plan& plan, std::uint32_t percent_max) {
  const std::size_t replaced = plan.count(Action::kReplace);
  const std::size_t deleted = plan.count(Action::kDelete);
  const std::size_t counted = deleted + (replaced > kReplacedFreely ? replaced : 0);
  if (counted <= kChangedFreely && percent_max > 0) return {};
  if ((percent_max == 0 ? deleted + replaced : counted) * 100 <= plan.there * percent_max) return {};
  return std::to_string(replaced) + " record sets would be replaced and " + std::to_string(deleted) +
         " deleted, of " + std::to_string(plan.there) + " there: more than " + std::to_string(percent_max) +
         " % are only changed when it is forced";
}

std::string records_text(const RecordSet& set) {
  std::string text = std::to_string(set.ttl);
  for (const std::string& value : set.values) text += (&value == &set.values.front() ? " " : ", ") + value;
  return text;
}

}  // namespace

std::string_view word_of(Action action) {
  constexpr std::array<std::string_view, 3> kWords{"create", "replace", "delete"};
  return kWords[static_cast<std::size_t>(action)];
}

std::size_t Plan::count(Action action) const {
  return static_cast<std::size_t>(std::ranges::count(changes, action, &Change::action));
}

Plan make_plan(const RecordSets& wanted, const RecordSets& there, const Ledger& ours,
               std::uint32_t changes_percent_max) {
  Plan plan = Planner(wanted, there, ours).take();
  plan.refused = why_too_many(plan, changes_percent_max);
  return plan;
}

std::string text_of(const Change& change) {
  switch (change.action) {
    case Action::kCreate: return "+ " + key_of(change.after) + ' ' + records_text(change.after);
    case Action::kDelete: return "- " + key_of(change.before) + ' ' + records_text(change.before);
    case Action::kReplace: break;
  }
  return "~ " + key_of(change.after) + ' ' + records_text(change.before) + " -> " +
         records_text(change.after);
}

}  // namespace weir::cloud
