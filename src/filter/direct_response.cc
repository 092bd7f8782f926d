// Answers at the edge, with what the route says.
#include <string>
#include <utility>

#include "filter/filters.h"

namespace weir::filter {
namespace {

class DirectResponse final : public Filter {
 public:
  explicit DirectResponse(config::DirectResponse spec) : spec_(std::move(spec)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    exchange.reason = "direct_response";
    // The answer may outlive the route.
    const std::string_view content_type = exchange.request.scratch.keep(spec_.content_type);
    auto response =
        std::make_unique<http::TextResponse>(static_cast<int>(spec_.status), content_type, spec_.body);
    if (spec_.status >= 400) response->add_reason(exchange.reason, exchange.request.id);
    return response;
  }

 private:
  config::DirectResponse spec_;
};

}  // namespace

FilterPointer make_direct_response(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.respond) return nullptr;
  return std::make_unique<DirectResponse>(*route.respond);
}

}  // namespace weir::filter
