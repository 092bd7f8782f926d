#include "mirror/overlay.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "config/kinds.h"
#include "mirror/records.h"

namespace weir::mirror {
namespace {

using config::Object;
using config::ObjectPointer;
using config::RolloutPhase;
using config::RolloutSpec;

// Rollouts that are kept as they were read, a megabyte each at most; there are a few that have not ended.
constexpr std::size_t kReadMax = 64;

RolloutPhase phase_of(const RolloutSpec& rollout) {
  return rollout.progress ? rollout.progress->phase : RolloutPhase::kPending;
}

// As it is once it is written: what only the server sets stays that of the object that it replaces.
ObjectPointer put_upon(const ObjectPointer& base, const ObjectPointer& wanted) {
  if (!wanted || !base) return wanted;
  auto after = std::make_shared<Object>(*wanted);
  config::carry_server_fields(*base, *after);
  return after;
}

// Which the rollout began from; none: it began without, or has not begun.
const config::RolloutBase* base_in(const RolloutSpec& rollout, std::string_view key) {
  if (!rollout.progress) return nullptr;
  const auto found = std::ranges::find(rollout.progress->bases, key, &config::RolloutBase::object);
  return found == rollout.progress->bases.end() ? nullptr : &*found;
}

}  // namespace

const RolloutSpec& rollout_of(const Object& object) { return std::get<RolloutSpec>(object.spec); }

bool is_under_way(const RolloutSpec& rollout) { return phase_of(rollout) == RolloutPhase::kRunning; }

bool has_ended(const RolloutSpec& rollout) {
  return phase_of(rollout) != RolloutPhase::kPending && !is_under_way(rollout);
}

Overlays::Read& Overlays::read(const Object& rollout) {
  const RolloutSpec& spec = rollout_of(rollout);
  if (read_.size() > kReadMax) read_.clear();
  Read& read = read_[rollout.metadata.name];
  if (!read.parts.empty() && read.changes == spec.changes && read.deletions == spec.deletions) return read;
  read = {.changes = spec.changes, .deletions = spec.deletions, .parts = {}, .keys = {}};
  auto objects = config::parse_objects(spec.changes.empty() ? "[]" : spec.changes, config::Origin::kClient);
  if (objects) {
    for (Object& object : *objects) {
      auto wanted = std::make_shared<Object>(std::move(object));
      config::carry_server_fields(
          {.metadata = {}, .spec = config::info_of(wanted->kind()).make(), .status = {}}, *wanted);
      read.parts.push_back({.kind = wanted->kind(), .name = wanted->metadata.name, .wanted = wanted});
    }
  }
  for (const config::DeletedObject& one : spec.deletions) {
    if (const auto* kind = config::find_kind(one.kind)) {
      read.parts.push_back({.kind = kind->kind, .name = one.name, .wanted = nullptr});
    }
  }
  std::ranges::sort(read.parts, {}, [](const Part& part) { return std::pair(part.kind, part.name); });
  for (const Part& part : read.parts) read.keys.push_back(key_of(part.kind, part.name));
  return read;
}

std::vector<std::string> Overlays::keys(const Object& rollout) { return read(rollout).keys; }

std::expected<Overlays::Changes, std::string> Overlays::unchecked(const Object& rollout) {
  const RolloutSpec& spec = rollout_of(rollout);
  Changes changes;
  for (Part& part : read(rollout).parts) {
    const ObjectPointer base = objects_.find(part.kind, part.name);
    const std::string reference = std::string(config::info_of(part.kind).name) + '/' + part.name;
    if (spec.progress) {
      const auto* begun_from = base_in(spec, key_of(part.kind, part.name));
      const store::Revision then = begun_from == nullptr ? 0 : begun_from->revision;
      const store::Revision now = base ? base->metadata.revision : 0;
      if (then != now) {
        return std::unexpected(
            reference + (now == 0 ? " was deleted since it began"
                                  : " was changed since it began, at revision " + std::to_string(now)));
      }
    } else if (!part.wanted && !base) {
      return std::unexpected("there is no " + reference + " that could be deleted");
    }
    if (part.base != base || !part.after) {
      part.base = base;
      part.after = put_upon(base, part.wanted);
    }
    if (base && part.after && *base == *part.after) continue;
    changes.push_back({base, part.after});
  }
  return changes;
}

std::string Overlays::why_not(std::span<const config::ObjectChange> changes) const {
  config::Violations violations = objects_.check_deletions(changes);
  if (violations.empty()) violations = objects_.check(changes);
  if (violations.empty()) return {};
  const std::size_t more = violations.size() - 1;
  violations.resize(1);
  return config::to_text(violations) + (more == 0 ? "" : " (and " + std::to_string(more) + " more)");
}

std::expected<Overlays::Changes, std::string> Overlays::of(const Object& rollout) {
  auto changes = unchecked(rollout);
  if (!changes) return changes;
  if (std::string wrong = why_not(*changes); !wrong.empty()) return std::unexpected(std::move(wrong));
  return changes;
}

Overlays::Together Overlays::together(std::span<const std::string> rollouts) {
  Together all;
  std::set<std::string> taken;
  for (const std::string& name : rollouts) {
    const auto rollout = objects_.find(config::Kind::kRollout, name);
    if (!rollout || !is_under_way(rollout_of(*rollout))) continue;
    const std::vector<std::string> keys = this->keys(*rollout);
    if (std::ranges::any_of(keys, [&taken](const std::string& key) { return taken.contains(key); })) continue;
    const auto changes = of(*rollout);
    if (!changes) continue;
    Changes more = all.changes;
    more.insert(more.end(), changes->begin(), changes->end());
    if (!all.changes.empty() && !why_not(more).empty()) continue;
    taken.insert(keys.begin(), keys.end());
    all.changes = std::move(more);
    all.rollouts.insert(name);
  }
  return all;
}

std::vector<config::RolloutBase> Overlays::bases(const Object& rollout) {
  std::vector<config::RolloutBase> all;
  for (const Part& part : read(rollout).parts) {
    const ObjectPointer base = objects_.find(part.kind, part.name);
    all.push_back({key_of(part.kind, part.name), base ? base->metadata.revision : 0});
  }
  return all;
}

config::Violations Overlays::check(const Object& rollout, std::span<const config::ObjectChange> along) {
  const auto refused = [&rollout](std::string why) {
    return config::Violations{{"spec", std::move(why), config::reference_of(rollout)}};
  };
  auto changes = unchecked(rollout);
  if (!changes) return refused(std::move(changes.error()));
  const std::vector<std::string> own = keys(rollout);
  Changes all = *changes;
  std::set<std::string> rolled_out(own.begin(), own.end());
  const auto add_along = [&](Changes& to) {
    for (const config::ObjectChange& one : along) {
      if (!rolled_out.contains(key_of(one.kind(), one.name()))) to.push_back(one);
    }
  };
  add_along(*changes);
  for (const ObjectPointer& other : objects_.of(config::Kind::kRollout)) {
    if (other->metadata.name == rollout.metadata.name || has_ended(rollout_of(*other))) continue;
    const std::vector<std::string> theirs = keys(*other);
    const auto shared = std::ranges::find_first_of(own, theirs);
    if (shared != own.end()) {
      return refused(*shared + " is in " + config::reference_of(*other) + ", which has not ended");
    }
    rolled_out.insert(theirs.begin(), theirs.end());
    if (auto more = of(*other)) all.insert(all.end(), more->begin(), more->end());
  }
  add_along(all);
  if (std::string wrong = why_not(*changes); !wrong.empty()) return refused(std::move(wrong));
  if (std::string wrong = why_not(all); !wrong.empty()) {
    return refused(std::move(wrong) + " (together with other rollouts that have not ended)");
  }
  return {};
}

}  // namespace weir::mirror
