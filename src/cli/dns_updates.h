// Updates by DNS (RFC 2136) as writes of the control plane in the same process, under the same conditions as
// those of the API. On the control loop.
#pragma once

#include "base/log.h"
#include "dnsupdate/plan.h"
#include "net/task.h"
#include "role/control_plane.h"

namespace weir::cli {

// Answered when it is stored and in force here. What is refused is logged.
net::Task<dns::Rcode> carry_out_update(Log& log, role::ControlPlane& control,
                                       dnsupdate::UpdateRequest request);

}  // namespace weir::cli
