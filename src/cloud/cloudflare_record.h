// Records as Cloudflare's API has them: texts of master files to its fields and back. Most types have their
// data in parts. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "cloud/json.h"

namespace weir::cloud {

// The fields "type" and "content", or "data", of a record with that data. The error says why it can't be.
std::expected<Tree, std::string> cloudflare_data(std::string_view type, std::string_view value);
// The data of such a record, as master files have it; empty: it is none.
std::string value_of_cloudflare(const Tree& record);

}  // namespace weir::cloud
