#include "filter/filters.h"

#include <utility>

namespace weir::filter {

net::Task<std::unique_ptr<http::TextResponse>> Filter::on_request_deferred(Exchange& /*exchange*/) const {
  co_return nullptr;
}

ChainPointer make_chain(const config::Route& route, const RouteContext& context,
                        const ChainPointer& previous) {
  auto chain = std::make_shared<Chain>();
  chain->made_of = route;
  chain->made_of.backends.clear();
  chain->made_of.request_timeout.reset();
  chain->made_of.request_body_bytes_max.reset();
  chain->made_of.retries.reset();
  const config::Secret* secret =
      route.basic_auth ? context.snapshot.find_secret(route.basic_auth->secret) : nullptr;
  if (secret != nullptr) {
    chain->secret_uid = secret->uid;
    chain->secret_revision = secret->revision;
  }
  if (previous && previous->made_of == chain->made_of && previous->secret_uid == chain->secret_uid &&
      previous->secret_revision == chain->secret_revision) {
    return previous;
  }
  for (const FilterKind& kind : kFilters) {
    if (FilterPointer filter = kind.make(route, context)) {
      chain->filters.push_back({kind.name, kind.pure, std::move(filter)});
    }
  }
  return chain;
}

}  // namespace weir::filter
