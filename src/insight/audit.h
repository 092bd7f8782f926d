// What is done by who looks on is put down as an Event, before it is done.
#pragma once

#include <string>

#include "config/specs.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::insight {

// The time and the revision are filled in here. organization: whose object it is about.
net::Task<Result<void>> put_down(net::Env& env, store::Store& store, const mirror::Mirror& mirror,
                                 config::EventSpec event, std::string organization);

}  // namespace weir::insight
