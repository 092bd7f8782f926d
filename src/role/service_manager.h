// What runs this process as a service hears of its state, when it asks for that (sd_notify(3):
// NOTIFY_SOCKET).
#pragma once

#include <string_view>

namespace weir::role {

// state: "READY=1", "STOPPING=1". Where nobody asks, nothing happens.
void tell_service_manager(std::string_view state);

}  // namespace weir::role
