// Who may come, by address.
#include <utility>

#include "filter/admission.h"
#include "filter/filters.h"

namespace weir::filter {
namespace {

class IpAccess final : public Filter {
 public:
  explicit IpAccess(const config::IpAccess& spec) : access_(spec) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    if (access_.allows(exchange.request.peer)) return nullptr;
    exchange.reason = "address_refused";
    return http::refusal(403, exchange.reason, "this address may not come here", exchange.request.id);
  }

 private:
  AddressAccess access_;
};

}  // namespace

FilterPointer make_ip_access(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.ip_access) return nullptr;
  return std::make_unique<IpAccess>(*route.ip_access);
}

}  // namespace weir::filter
