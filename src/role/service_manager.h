// What runs this process as a service hears of its state (sd_notify(3)).
#pragma once

#include <string_view>

namespace weir::role {

// socket: a path, or @ and a name, as NOTIFY_SOCKET has it. state: "READY=1", "STOPPING=1".
void tell_service_manager(std::string_view socket, std::string_view state);

}  // namespace weir::role
