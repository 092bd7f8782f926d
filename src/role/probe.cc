#include "role/probe.h"

#include <memory>
#include <utility>

namespace weir::role {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

std::expected<net::Address, std::string> Probe::listen(net::Env& env, const net::Address& at) {
  auto listener = env.network.listen(at);
  if (!listener) return std::unexpected(cannot_listen("--metrics", at, listener.error()));
  const net::Address address = (*listener)->address();
  server_.listen(std::move(*listener));
  return address;
}

net::Task<Result<http::ResponsePtr>> Probe::handle(http::Request& request) {
  const std::string_view path = request.head.path;
  if (path == "/healthz") co_return std::make_unique<http::TextResponse>(200, kText, "ok\n");
  if (path == "/metrics") {
    std::string text;
    traffic_.edge().write_metrics(text);
    if (more_metrics_) more_metrics_(text);
    co_return std::make_unique<http::TextResponse>(200, "text/plain; version=0.0.4", std::move(text));
  }
  const bool known = path == "/readyz";
  if (known && traffic_.has_snapshot()) co_return std::make_unique<http::TextResponse>(200, kText, "ok\n");
  auto refused = std::make_unique<http::TextResponse>(
      known ? 503 : 404, kText,
      known ? "no controller has told it anything yet\n" : "there are /healthz, /readyz and /metrics\n");
  refused->add_reason(known ? "not_ready" : "not_found", request.id);
  co_return refused;
}

}  // namespace weir::role
