// Answers with another place to ask at (RFC 9110 section 15.4).
#include <string>
#include <utility>

#include "filter/filters.h"
#include "filter/paths.h"

namespace weir::filter {
namespace {

class Redirect final : public Filter {
 public:
  explicit Redirect(config::Redirect spec) : spec_(std::move(spec)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    if (spec_.hostname.empty() && exchange.request.head.authority.empty()) {
      exchange.reason = "no_host";  // HTTP/1.0: there is nothing to lead to
      return std::make_unique<http::TextResponse>(400, "text/plain; charset=utf-8",
                                                  "a redirect needs the Host field\n");
    }
    exchange.reason = "redirect";
    auto response = std::make_unique<http::TextResponse>(static_cast<int>(spec_.status), "", "");
    response->add_field(http::Known::kLocation, location(exchange));
    return response;
  }

 private:
  std::string location(const Exchange& exchange) const {
    const http::RequestHead& head = exchange.request.head;
    const std::string_view scheme = spec_.scheme.empty() ? exchange.request.scheme : spec_.scheme;
    const std::string_view host = http::host_of(head.authority);
    std::string text(scheme);
    text.append("://").append(spec_.hostname.empty() ? host : spec_.hostname);
    if (spec_.port) {
      const bool is_usual = *spec_.port == (scheme == "https" ? 443U : 80U);
      if (!is_usual) text.append(":").append(std::to_string(*spec_.port));
    } else if (spec_.scheme.empty() || spec_.scheme == exchange.request.scheme) {
      text.append(head.authority.substr(host.size()));
    }
    text += replaced_path(head.path, exchange.matched_prefix, spec_.path, spec_.path_prefix);
    if (head.query.data() != nullptr) text.append("?").append(head.query);
    return text;
  }

  config::Redirect spec_;
};

}  // namespace

FilterPointer make_redirect(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.redirect) return nullptr;
  return std::make_unique<Redirect>(*route.redirect);
}

}  // namespace weir::filter
