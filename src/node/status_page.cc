#include "node/status_page.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace weir::node {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

std::string instances_json(const std::vector<Status>& all) {
  using Tree = nlohmann::ordered_json;
  Tree list = Tree::array();
  for (const Status& one : all) {
    list.push_back({{"name", one.name},
                    {"version", one.version},
                    {"state", name_of(one.state)},
                    {"reason", one.reason},
                    {"address", one.address},
                    {"restarts", one.restarts}});
  }
  return list.dump(-1, ' ', false, Tree::error_handler_t::replace) + '\n';
}

std::expected<net::Address, std::string> StatusPage::listen(net::Env& env, const net::Address& at) {
  auto listener = env.network.listen(at);
  if (!listener) {
    return std::unexpected("--metrics: cannot listen on " + at.to_string() + ": " +
                           why_not(listener.error()));
  }
  const net::Address address = (*listener)->address();
  server_.listen(std::move(*listener));
  return address;
}

net::Task<Result<http::ResponsePtr>> StatusPage::handle(http::Request& request) {
  const std::string_view path = request.head.path;
  if (path == "/healthz") co_return std::make_unique<http::TextResponse>(200, kText, "ok\n");
  if (path == "/metrics") {
    co_return std::make_unique<http::TextResponse>(200, "text/plain; version=0.0.4",
                                                   co_await node_.metrics());
  }
  if (path == "/instances") {
    co_return std::make_unique<http::TextResponse>(200, "application/json", instances_json(node_.statuses()));
  }
  if (path != "/readyz") {
    co_return http::refusal(404, "not_found", "there are /healthz, /readyz, /metrics and /instances\n",
                            request.id);
  }
  const std::string why = node_.why_not_ready();
  if (why.empty()) co_return std::make_unique<http::TextResponse>(200, kText, "ok\n");
  co_return http::refusal(503, "not_ready", why + "\n", request.id);
}

}  // namespace weir::node
