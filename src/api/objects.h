// Objects: how clients see them: without secrets, with revision and status. Functions; on the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "api/query.h"
#include "base/error.h"
#include "config/kinds.h"
#include "config/object.h"
#include "mirror/sight.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::api {

// A page of a list ends here, whatever limit was asked for: it is made in memory, on the control loop.
inline constexpr std::size_t kListPageBytesMax = std::size_t{4} << 20U;

// What the controllers see of an object, asked whenever one is shown: a JSON object, or nothing. It may put
// right in the object what is known better than the store has it.
using StatusSource = std::function<std::string(config::Object&)>;

// As JSON, with its status and without its secrets, nor what is none of its reader's business.
std::string shown(config::Object object, const StatusSource& status, const mirror::Sight& sight = {});

// 404: it is not there, or not for them.
net::Task<Answer<config::Object>> read_object(store::Store& store, const config::KindInfo& kind,
                                              std::string name, mirror::Sight sight);

struct Listing {
  std::vector<std::string> items;  // JSON
  store::Revision revision = 0;    // of the store, when the first page was made
  std::optional<Cursor> next;      // where the next page begins; none: that was all
};
// In the order of names. Pages hold every object once that is there all the while; what changed between two
// of them is among the changes since `revision`, so a list and then a watch from there miss nothing.
net::Task<Answer<Listing>> read_list(store::Store& store, const config::KindInfo& kind, Query query,
                                     const StatusSource& status, mirror::Sight sight);

}  // namespace weir::api
