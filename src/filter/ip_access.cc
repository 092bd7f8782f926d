// Who may come, by address.
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "config/http_formats.h"
#include "filter/filters.h"

namespace weir::filter {
namespace {

std::vector<config::Network> networks(const std::vector<std::string>& texts) {
  std::vector<config::Network> parsed;
  for (const std::string& text : texts) parsed.push_back(*config::parse_network(text));  // was validated
  return parsed;
}

class IpAccess final : public Filter {
 public:
  explicit IpAccess(const config::IpAccess& spec)
      : allow_(networks(spec.allow)), deny_(networks(spec.deny)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    const net::Address& peer = exchange.request.peer;
    const auto holds = [&peer](const config::Network& network) {
      return network.contains(peer.is_v6(), peer.bytes());
    };
    if (std::ranges::none_of(deny_, holds) && (allow_.empty() || std::ranges::any_of(allow_, holds))) {
      return nullptr;
    }
    exchange.reason = "address_refused";
    return http::refusal(403, exchange.reason, "this address may not come here", exchange.request.id);
  }

 private:
  std::vector<config::Network> allow_;
  std::vector<config::Network> deny_;
};

}  // namespace

FilterPointer make_ip_access(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.ip_access) return nullptr;
  return std::make_unique<IpAccess>(*route.ip_access);
}

}  // namespace weir::filter
