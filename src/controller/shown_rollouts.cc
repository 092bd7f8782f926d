#include "controller/shown_rollouts.h"

#include <algorithm>
#include <utility>

#include "controller/rollouts.h"

namespace weir::controller {

ShownRollouts::ShownRollouts(const config::Whole& objects, Views& views)
    : objects_(objects), views_(views), overlays_(objects) {
  views_.set_reached([this](const std::string& edge, const config::Labels& labels) {
    return rollouts_reaching(objects_, edge, labels);
  });
}

bool ShownRollouts::update() {
  std::vector<std::string> names;
  for (const config::ObjectPointer& rollout : objects_.of(config::Kind::kRollout)) {
    if (mirror::is_under_way(mirror::rollout_of(*rollout))) names.push_back(rollout->metadata.name);
  }
  if (names.empty() && shown_.empty()) return false;
  const auto fitting = overlays_.together(names).rollouts;
  bool another = false;
  for (auto shown = shown_.begin(); shown != shown_.end();) {
    if (fitting.contains(shown->first)) {
      ++shown;
      continue;
    }
    views_.drop_overlay(shown->first);
    shown = shown_.erase(shown);
    another = true;
  }
  const auto same = [](const config::ObjectChange& left, const config::ObjectChange& right) {
    return left.before == right.before && left.after == right.after;
  };
  for (const std::string& name : fitting) {
    const auto rollout = objects_.find(config::Kind::kRollout, name);
    auto changes = overlays_.of(*rollout);
    if (!changes) continue;
    const auto [shown, is_new] = shown_.try_emplace(name);
    if (!is_new && shown->second.revision == rollout->metadata.revision &&
        std::ranges::equal(shown->second.changes, *changes, same)) {
      continue;
    }
    shown->second = {rollout->metadata.revision, *changes};
    views_.set_overlay(name, *std::move(changes));
    another = true;
  }
  return another;
}

}  // namespace weir::controller
