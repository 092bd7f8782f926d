// What was sent and answered in a request, for people to read: JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "capture/exchange.h"
#include "record/json.h"

namespace weir::inspection {

// Whether a field's value is to be shown to nobody: it lets in whoever has it.
bool is_secret(std::string_view field_name);

// The members of an object: what is secret is hidden, and what is no text is in base64.
void write(record::Json& json, const capture::Captured& captured);

// line: an object, which gets the members request and response.
std::string with_exchange(std::string line, const capture::Exchange& exchange);

}  // namespace weir::inspection
