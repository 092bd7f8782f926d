// Interest: which resources of one type a stream asks for. The state machine of wildcards, for both variants
// of the protocol: everything ("*", or never having named anything where the type allows that), names, or
// both. Pure, on slots. (xds_protocol.rst, "How the client specifies what resources to return")
#pragma once

#include <vector>

#include "xds/catalog.h"
#include "xds/id_set.h"

namespace weir::xds {

// The names of a request, and whether "*" was among them.
struct Asking {
  std::vector<Slot> slots;
  bool all = false;
  bool empty() const { return slots.empty() && !all; }
};

// What a request has changed.
struct Asked {
  std::vector<Slot> named;  // newly; in delta also again: each is owed an answer
  std::vector<Slot> left;   // no longer by name
  bool all_began = false;
  bool all_ended = false;
};

class Interest {
 public:
  explicit Interest(bool all_unless_named) : all_unless_named_(all_unless_named) {}

  // Each request names everything anew.
  Asked ask_whole(Asking names);
  Asked ask_delta(Asking subscribe, Asking unsubscribe);

  bool all() const { return all_; }
  const IdSet& named() const { return named_; }
  bool covers(Slot slot) const { return all_ || named_.contains(slot); }

 private:
  void begin_or_end_all(bool all, Asked& asked);

  bool all_unless_named_;
  bool asked_ = false;      // any request came
  bool has_named_ = false;  // a name or "*", ever on this stream
  bool all_ = false;
  IdSet named_;
};

}  // namespace weir::xds
