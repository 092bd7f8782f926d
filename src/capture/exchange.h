// Exchange: what was sent and answered in one request, as it went to an endpoint and came from it, kept while
// somebody looks into them: heads, and the first bytes of the contents. A value; what it holds is bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/fields.h"
#include "net/buffer.h"
#include "net/network.h"

namespace weir::capture {

// One direction.
struct Captured {
  static constexpr std::size_t kBodyBytesMax = std::size_t{64} << 10U;
  // Of all fields; the server takes heads that are larger, which nobody reads.
  static constexpr std::size_t kFieldBytesMax = std::size_t{32} << 10U;

  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool truncated = false;  // it goes on, or did not come to its end

  void take(const http::Fields& all);
  void take(net::Slice piece);
  std::size_t bytes() const;
};

struct Exchange {
  std::string method;
  std::string scheme;
  std::string authority;
  std::string path;
  std::optional<std::string> query;
  net::Address peer;
  bool has_body = false;
  bool is_upgrade = false;  // to another protocol
  Captured request;
  Captured response;

  std::size_t bytes() const { return sizeof(Exchange) + path.size() + request.bytes() + response.bytes(); }
};

}  // namespace weir::capture
