#include "tunnel/visit.h"

#include <string_view>
#include <utility>

namespace weir::tunnel {
namespace {

constexpr std::string_view kInstance = "weir-instance";
constexpr std::string_view kAccount = "weir-account";
// Forwarded (RFC 7239 section 4), as it is written here.
constexpr std::string_view kForBegins = "for=\"";
constexpr std::string_view kForEnds = "\"";

}  // namespace

net::Task<Result<std::unique_ptr<net::Stream>>> ask(std::shared_ptr<h2::ClientConnection> connection,
                                                    Visit visit, Duration timeout) {
  const std::string forwarded = std::string(kForBegins).append(visit.client.to_string()).append(kForEnds);
  http::Fields fields;
  if (visit.client != net::Address{}) fields.add(http::Known::kForwarded, forwarded);
  if (!visit.instance.empty()) fields.add(kInstance, visit.instance);
  if (!visit.account.empty()) fields.add(kAccount, visit.account);
  co_return co_await h2::connect(std::move(connection), {.authority = visit.service, .fields = fields},
                                 timeout);
}

Visit visit_of(const http::RequestHead& head) {
  Visit visit{.service = std::string(head.authority), .instance = {}, .client = {}, .account = {}};
  if (const http::Field* instance = head.fields.find(kInstance)) visit.instance = instance->value;
  if (const http::Field* account = head.fields.find(kAccount)) visit.account = account->value;
  std::string_view client = head.fields.value_of(http::Known::kForwarded);
  if (client.starts_with(kForBegins) && client.ends_with(kForEnds)) {
    client.remove_prefix(kForBegins.size());
    visit.client = net::Address::parse(client.substr(0, client.find(kForEnds))).value_or(net::Address{});
  }
  return visit;
}

}  // namespace weir::tunnel
