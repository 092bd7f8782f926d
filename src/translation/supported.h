// Which fields of Envoy's API are understood when they come from somebody else's control plane. A resource
// with any other field set is refused with the field's path, so that nothing is passed over in silence.
// Constant; any thread.
#pragma once

#include <string>

#include "config/violation.h"

namespace google::protobuf {
class Message;
}

namespace weir::translation {

// Walks all that is set, into google.protobuf.Any, too.
void check_supported(const google::protobuf::Message& message, config::Report& report);

// The table as Markdown, for docs/xds.md.
std::string supported_reference();

}  // namespace weir::translation
