#include "xds/interest.h"

#include <utility>

namespace weir::xds {

void Interest::begin_or_end_all(bool all, Asked& asked) {
  asked.all_began = all && !all_;
  asked.all_ended = all_ && !all;
  all_ = all;
}

Asked Interest::ask_whole(Asking names) {
  Asked asked;
  has_named_ = has_named_ || !names.empty();
  asked_ = true;
  IdSet named;
  for (const Slot slot : names.slots) named.insert(slot);
  named.for_each([&](Slot slot) {
    if (!named_.contains(slot)) asked.named.push_back(slot);
  });
  named_.for_each([&](Slot slot) {
    if (!named.contains(slot)) asked.left.push_back(slot);
  });
  named_ = std::move(named);
  begin_or_end_all(names.all || (!has_named_ && all_unless_named_), asked);
  return asked;
}

Asked Interest::ask_delta(Asking subscribe, Asking unsubscribe) {
  Asked asked;
  const bool unnamed = !std::exchange(asked_, true) && subscribe.empty() && all_unless_named_;
  const bool all = (all_ || subscribe.all || unnamed) && !unsubscribe.all;
  for (const Slot slot : subscribe.slots) named_.insert(slot);
  for (const Slot slot : unsubscribe.slots) named_.erase(slot);
  for (const Slot slot : subscribe.slots) {
    if (named_.contains(slot)) asked.named.push_back(slot);
  }
  asked.left = std::move(unsubscribe.slots);
  begin_or_end_all(all, asked);
  return asked;
}

}  // namespace weir::xds
