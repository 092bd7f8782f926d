// Blame: finds which resources of a refused response are at fault. What the refusal names is set aside and
// the rest tried alone; when nothing is named, or the wrong ones were, halves are tried. Pure, on slots; one
// per subscription, idle unless something was refused.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "xds/catalog.h"

namespace weir::xds {

class Blame {
 public:
  struct Suspect {
    Slot slot;
    std::string_view name;
  };
  // A response with these was refused. Those that are at fault for sure; the others are tried again.
  // complete: it had nothing else, which has changed since and may have been the fault.
  std::vector<Slot> refused(const std::vector<Suspect>& tried, bool complete, std::string_view message);
  // The group under trial was accepted. Those that are at fault therefore.
  std::vector<Slot> accepted();
  // Nothing of the group under trial is to be sent any more.
  void skip();
  // It has changed, and is no suspect any more.
  void pardon(Slot slot);
  // Groups wait for their trial: only they are sent.
  bool busy() const { return !groups_.empty(); }
  // The group that is to be tried now; busy() only.
  const std::vector<Slot>& group() const { return groups_.back().slots; }

 private:
  // Then all that is left is given up at once: a response of 10,000 bad ones would take 20,000 round trips.
  static constexpr std::size_t kTrialsMax = 128;
  struct Group {
    std::vector<Slot> slots;
    std::vector<Slot> accused;  // at fault when these slots turn out well
  };
  void close_group();
  std::vector<Slot> give_up();

  std::vector<Group> groups_;  // the last one is tried first
  std::size_t trials_ = 0;
};

// Whether a text has the name as a word of its own.
bool mentions(std::string_view text, std::string_view name);

}  // namespace weir::xds
