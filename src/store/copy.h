// Copying a whole store into another one that is empty: entries, their revisions, and the history with what
// was before each change, so that whoever goes on there, and whoever watches, sees no difference. Blocking;
// both ends must have no writer meanwhile.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "store/store.h"

namespace weir::store {

struct Copied {
  std::size_t entries = 0;
  std::size_t changes = 0;
  Revision revision = 0;
  std::string from;  // as shown to people: without a password
  std::string to;
};

// Each end: postgres://..., or a data directory, which no other process may have. All is copied or nothing.
// Refused: a target that was ever written to, and a source that changes meanwhile. progress: how many entries
// are on their way so far.
Opened<Copied> copy_store(const std::string& from, const std::string& to,
                          const std::function<void(std::size_t entries)>& progress);

}  // namespace weir::store
