// Changes the host and the path that endpoints are asked for.
#include <utility>

#include "filter/filters.h"
#include "filter/paths.h"

namespace weir::filter {
namespace {

class Rewrite final : public Filter {
 public:
  explicit Rewrite(config::Rewrite spec) : spec_(std::move(spec)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    http::RequestHead& head = exchange.request.head;
    if (spec_.path || spec_.path_prefix) {
      head.path = exchange.request.scratch.keep(
          replaced_path(head.path, exchange.matched_prefix, spec_.path, spec_.path_prefix));
    }
    if (!spec_.hostname.empty()) head.authority = exchange.request.scratch.keep(spec_.hostname);
    return nullptr;
  }

 private:
  config::Rewrite spec_;
};

}  // namespace

FilterPointer make_rewrite(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.rewrite) return nullptr;
  return std::make_unique<Rewrite>(*route.rewrite);
}

}  // namespace weir::filter
