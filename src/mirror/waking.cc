#include "mirror/waking.h"

#include "base/error.h"

namespace weir::mirror {

net::Task<void> wake_by_store(net::Loop& loop, store::Store& store, const Mirror& mirror, net::Event& wake,
                              Duration tick, Duration pause) {
  for (;;) {
    const auto moved = co_await store.wait_past(mirror.revision(), tick);
    wake.set();
    if (!moved && moved.error().code == Code::kCancelled) co_return;
    const bool waited = moved || moved.error().code == Code::kTimedOut;
    if (!co_await loop.sleep(waited ? pause : tick)) co_return;
  }
}

}  // namespace weir::mirror
