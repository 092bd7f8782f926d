#include "filter/filters.h"

#include <utility>

namespace weir::filter {

std::vector<NamedFilter> make_filters(const config::Route& route, const RouteContext& context) {
  std::vector<NamedFilter> filters;
  for (const FilterKind& kind : kFilters) {
    if (FilterPointer filter = kind.make(route, context))
      filters.push_back({kind.name, kind.pure, std::move(filter)});
  }
  return filters;
}

}  // namespace weir::filter
