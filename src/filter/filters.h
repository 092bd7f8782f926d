// The filters there are, in the order in which they see requests.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/specs.h"
#include "filter/filter.h"

namespace weir::filter {

// Each: null when the route does not ask for it.
FilterPointer make_ip_access(const config::Route& route, const RouteContext& context);
FilterPointer make_rate_limit(const config::Route& route, const RouteContext& context);
FilterPointer make_basic_auth(const config::Route& route, const RouteContext& context);
FilterPointer make_sign_in(const config::Route& route, const RouteContext& context);
FilterPointer make_redirect(const config::Route& route, const RouteContext& context);
FilterPointer make_direct_response(const config::Route& route, const RouteContext& context);
FilterPointer make_rewrite(const config::Route& route, const RouteContext& context);
FilterPointer make_header_edits(const config::Route& route, const RouteContext& context);

struct FilterKind {
  std::string_view name;
  FilterPointer (*make)(const config::Route& route, const RouteContext& context);
  bool pure;  // on_request() goes by the request alone, and changes nothing else: it may be asked to explain
};

// Who may not come costs least; edits see what is really sent on.
inline constexpr std::array kFilters{
    FilterKind{"ip_access", make_ip_access, true},
    FilterKind{"rate_limit", make_rate_limit, false},
    FilterKind{"basic_auth", make_basic_auth, false},
    FilterKind{"sign_in", make_sign_in, false},
    FilterKind{"redirect", make_redirect, true},
    FilterKind{"direct_response", make_direct_response, true},
    FilterKind{"rewrite", make_rewrite, true},
    FilterKind{"header_edits", make_header_edits, true},
};

struct NamedFilter {
  std::string_view name;
  bool pure;
  FilterPointer filter;
};

// The filters of one route, and what they were made of.
struct Chain {
  std::vector<NamedFilter> filters;
  // Which Secret, as it was; default: there is none.
  struct OfSecret {
    std::string uid;
    std::uint64_t revision = 0;
    friend bool operator==(const OfSecret&, const OfSecret&) = default;
  };
  config::Route made_of;  // without where the route goes, which is nothing to them
  bool beside_sign_in = false;
  OfSecret basic_auth;
  OfSecret sign_in;
};
using ChainPointer = std::shared_ptr<const Chain>;

// previous: of the same route before a change, and what is answered while it would be made of the same: what
// filters remember, they remember over changes that don't concern them. May be null.
ChainPointer make_chain(const config::Route& route, const RouteContext& context,
                        const ChainPointer& previous);

}  // namespace weir::filter
