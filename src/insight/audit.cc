#include "insight/audit.h"

#include <array>
#include <cstddef>
#include <utility>

#include "base/text.h"
#include "mirror/writes.h"
#include "net/core.h"

namespace weir::insight {

net::Task<Result<void>> put_down(net::Env& env, store::Store& store, const mirror::Mirror& mirror,
                                 config::EventSpec event, std::string organization) {
  std::array<std::byte, 8> unique{};
  if (auto filled = net::fill_random(unique); !filled) co_return fail(filled.error());
  event.time = env.loop.clock().wall_now();
  event.revision = mirror.revision();
  store::Transaction transaction;
  mirror::put_event(transaction, std::move(event), to_hex(unique), organization);
  const auto committed = co_await store.commit(std::move(transaction));
  if (committed) co_return Result<void>{};
  env.log.error("what somebody does is not in the audit", {{"reason", committed.error().error.text}});
  co_return fail(committed.error().error);
}

}  // namespace weir::insight
