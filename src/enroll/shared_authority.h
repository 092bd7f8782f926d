// The authority of a weir with several controllers: its certificate and key in the store, out of the API's
// sight, so that each of them signs and each believes the same. What a controller has on disk from the time
// when it was alone is taken over by whoever comes first. On the control loop.
#pragma once

#include <memory>
#include <string_view>

#include "net/env.h"
#include "net/task.h"
#include "store/store.h"
#include "tls/authority.h"

namespace weir::enroll {

// No kind has this prefix, so no path of the API leads there.
inline constexpr std::string_view kSharedAuthorityKey = "internal/authority";

// The store's; when it has none, `own` becomes it. Never logs the key.
net::Task<Result<tls::PemPair>> share_authority(store::Store& store, tls::PemPair own);

}  // namespace weir::enroll
