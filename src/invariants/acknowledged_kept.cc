// What a client was told is done is in the store, at the revision that it was told, and in the order in which
// it was told.
#include <fmt/format.h>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

class AcknowledgedKept final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    if (event.kind == Event::Kind::kCommitted) {
      const std::uint64_t before = past_.at(event.key, UINT64_MAX).revision;
      if (event.revision <= before) {
        return fmt::format("{} is written at revision {}, after {}", event.key, event.revision, before);
      }
      past_.see(event);
    }
    if (event.kind != Event::Kind::kAcknowledged) return std::nullopt;
    const Past::Value& then = past_.at(event.key, event.revision);
    if (event.revision > past_.revision() || then.mark != event.mark || then.text != event.text) {
      return fmt::format("{} was told that {} of {} is done at revision {}, and there it is \"{}\" by {}",
                         event.node, event.mark, event.key, event.revision, then.text,
                         then.mark.empty() ? "nobody" : then.mark);
    }
    std::uint64_t& last = last_[event.node + " " + event.key];
    if (event.revision < last) {
      return fmt::format("{} was told that {} of {} is done at revision {}, before its earlier one at {}",
                         event.node, event.mark, event.key, event.revision, last);
    }
    last = event.revision;
    return std::nullopt;
  }

 private:
  Past past_;
  std::map<std::string, std::uint64_t> last_;  // by client and key
};

}  // namespace

std::unique_ptr<Invariant> acknowledged_kept(const Edges& /*edges*/) {
  return std::make_unique<AcknowledgedKept>();
}

}  // namespace weir::invariants
