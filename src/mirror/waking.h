// What a reconciler that looks at a mirror waits by: the store's changes, and the time.
#pragma once

#include "base/time.h"
#include "mirror/mirror.h"
#include "net/loop.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::mirror {

// Sets `wake` when the store is ahead of the mirror, and at every tick, until it is cancelled. pause: between
// two times, since the store may be ahead of a mirror that can't be brought up to it.
net::Task<void> wake_by_store(net::Loop& loop, store::Store& store, const Mirror& mirror, net::Event& wake,
                              Duration tick, Duration pause);

}  // namespace weir::mirror
