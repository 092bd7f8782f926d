#include "nodelink/values.h"

#include <array>

namespace weir::nodelink {

std::string_view name_of(State state) {
  constexpr std::array<std::string_view, 7> kNames{"pending",     "starting", "running", "ready",
                                                   "backing_off", "stopping", "failed"};
  return kNames.at(static_cast<std::size_t>(state));
}

}  // namespace weir::nodelink
