// Overlay: what rollouts change, put to the objects as they are: the edges that a rollout has reached have
// the objects and its changes, all others the objects alone. A pure function of the objects (which hold the
// rollouts too), so that every controller comes to the same. What was worked out is kept as long as it holds.
// On one core.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/object.h"
#include "config/whole.h"

namespace weir::mirror {

const config::RolloutSpec& rollout_of(const config::Object& object);
bool is_under_way(const config::RolloutSpec& rollout);  // edges may have its change
bool has_ended(const config::RolloutSpec& rollout);

class Overlays {
 public:
  using Changes = std::vector<config::ObjectChange>;

  // objects: outlive it.
  explicit Overlays(const config::Whole& objects) : objects_(objects) {}
  Overlays(const Overlays&) = delete;
  Overlays& operator=(const Overlays&) = delete;

  // The changes of a rollout by kind and name, those left out that make no difference; a sentence, when they
  // can't be put to the objects (any more): one was changed since the rollout began, or they do not fit.
  std::expected<Changes, std::string> of(const config::Object& rollout);
  // Those of several that are under way, together; one that can't be put to what is there is left out.
  struct Together {
    Changes changes;
    std::set<std::string, std::less<>> rollouts;  // that are in it
  };
  Together together(std::span<const std::string> rollouts);
  // The objects that it is about, as they are.
  std::vector<config::RolloutBase> bases(const config::Object& rollout);

  // Keys of all objects that a rollout is about: "services/web".
  std::vector<std::string> keys(const config::Object& rollout);
  // What speaks against a rollout that is about to be made or changed: another that has not ended is about
  // the same object, or its changes do not fit. `along`: what is written with it.
  config::Violations check(const config::Object& rollout, std::span<const config::ObjectChange> along);

 private:
  // One object that a rollout is about.
  struct Part {
    config::Kind kind{};
    std::string name;
    config::ObjectPointer wanted;  // as it is written; null: deleted
    config::ObjectPointer base;    // that `after` was made for
    config::ObjectPointer after;
  };
  struct Read {
    std::string changes;  // of the spec
    std::vector<config::DeletedObject> deletions;
    std::vector<Part> parts;  // by kind and name
    std::vector<std::string> keys;
  };
  Read& read(const config::Object& rollout);
  std::expected<Changes, std::string> unchecked(const config::Object& rollout);
  std::string why_not(std::span<const config::ObjectChange> changes) const;

  const config::Whole& objects_;
  std::map<std::string, Read, std::less<>> read_;  // by the rollout's name
};

}  // namespace weir::mirror
