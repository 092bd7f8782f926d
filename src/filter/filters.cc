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
  const auto look_up = [&context](const std::string& name) {
    const config::Secret* secret = context.snapshot.find_secret(name);
    return secret == nullptr ? Chain::OfSecret() : Chain::OfSecret{secret->uid, secret->revision};
  };
  chain->beside_sign_in = context.beside_sign_in;
  if (route.basic_auth) chain->basic_auth = look_up(route.basic_auth->secret);
  if (route.sign_in) chain->sign_in = look_up(route.sign_in->secret);
  if (previous && previous->made_of == chain->made_of && previous->beside_sign_in == chain->beside_sign_in &&
      previous->basic_auth == chain->basic_auth && previous->sign_in == chain->sign_in) {
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
