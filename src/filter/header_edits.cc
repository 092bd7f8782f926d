// Removes, sets and adds fields of requests and responses.
#include <optional>
#include <string>
#include <utility>

#include "filter/filters.h"

namespace weir::filter {
namespace {

void replace_all(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
}

std::string_view expand(const std::string& value, Exchange& exchange) {
  http::Request& request = exchange.request;
  std::string text = value;
  if (text.contains("${")) {
    replace_all(text, "${client_address}", request.peer.ip());
    replace_all(text, "${request_id}", request.id);
    replace_all(text, "${host}", http::host_of(request.head.authority));
  }
  return request.scratch.keep(std::move(text));
}

// A field too many is left out, as one that the peer sent would have been refused.
void edit(const config::HeaderEdits& edits, http::Fields& fields, Exchange& exchange) {
  for (const std::string& name : edits.remove) fields.remove(name);
  const auto add = [&](const config::HeaderValue& field) {
    (void)fields.add(exchange.request.scratch.keep(field.name), expand(field.value, exchange));
  };
  for (const config::HeaderValue& field : edits.set) {
    fields.remove(field.name);
    add(field);
  }
  for (const config::HeaderValue& field : edits.add) add(field);
}

class HeaderEdits final : public Filter {
 public:
  HeaderEdits(std::optional<config::HeaderEdits> request, std::optional<config::HeaderEdits> response)
      : request_(std::move(request)), response_(std::move(response)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    if (request_) edit(*request_, exchange.request.head.fields, exchange);
    return nullptr;
  }
  void on_response(Exchange& exchange, http::ResponseHead& head) const override {
    if (response_) edit(*response_, head.fields, exchange);
  }

 private:
  std::optional<config::HeaderEdits> request_;
  std::optional<config::HeaderEdits> response_;
};

}  // namespace

FilterPointer make_header_edits(const config::Route& route, const RouteContext& /*context*/) {
  if (!route.request_headers && !route.response_headers) return nullptr;
  return std::make_unique<HeaderEdits>(route.request_headers, route.response_headers);
}

}  // namespace weir::filter
