#include "report/report_server.h"

#include <optional>
#include <utility>

#include "auth/machine.h"

namespace weir::report {
namespace {

using grpc::Status;
using grpc::StatusCode;

// The next report; none: the stream ends, with this status.
net::Task<std::optional<Report>> next(grpc::ServerCall& call, Status& status) {
  const auto message = co_await call.read();
  if (!message) status = grpc::status_of(message.error());
  if (!message || !*message) co_return std::nullopt;
  auto report = parse_report(**message);
  if (report) co_return *std::move(report);
  status = {StatusCode::kInvalidArgument, report.error().text};
  co_return std::nullopt;
}

Status not_known() { return {StatusCode::kPermissionDenied, "this edge is not known here, or revoked"}; }

}  // namespace

net::Task<Status> ReportServer::serve(grpc::ServerCall& call) {
  Status status;
  auto first = co_await next(call, status);
  if (!first) co_return status;
  if (!first->hello) co_return Status{StatusCode::kInvalidArgument, "the first report says who reports"};
  Edge edge;
  if (status = identify(call, *first->hello, edge); !status.ok()) co_return status;

  grpc::ServerCall*& present = streams_[edge.name];
  if (present != nullptr) present->end({StatusCode::kAborted, "the edge has attached anew"});
  present = &call;
  announcements_.forget(edge.name);  // it says them again
  sink_.attached(edge);
  status = co_await follow(call, edge, *std::move(first));
  if (const auto found = streams_.find(edge.name); found != streams_.end() && found->second == &call) {
    streams_.erase(found);
    announcements_.forget(edge.name);
    sink_.detached(edge);
  }
  co_return status;
}

Status ReportServer::identify(const grpc::ServerCall& call, const Hello& hello, Edge& edge) const {
  const http::Request& request = call.request();
  const std::string_view name =
      request.tls == nullptr
          ? std::string_view()
          : auth::name_in(request.tls->client_names, options_.trust_domain, auth::kEdgeRole);
  if (name.empty() && options_.certificate_required) {
    return {StatusCode::kUnauthenticated, "an edge reports with its certificate"};
  }
  if (hello.node.empty() || (!name.empty() && name != hello.node)) {
    return {StatusCode::kPermissionDenied, "the certificate is not that of edge \"" + hello.node + "\""};
  }
  if (options_.welcome && !options_.welcome(hello.node)) return not_known();
  edge = {.name = hello.node, .verified = !name.empty(), .peer = request.peer, .hello = hello};
  return {};
}

net::Task<Status> ReportServer::follow(grpc::ServerCall& call, const Edge& edge, Report first) {
  Status status;
  std::optional<Report> report = std::move(first);
  for (std::uint64_t seen = 1;; ++seen) {
    sink_.reported(edge, *report);
    if (report->anycast) announcements_.take(edge.name, std::move(*report->anycast));
    if (auto written = co_await call.write(serialize(reply_to(edge.name, seen))); !written) {
      co_return grpc::status_of(written.error());
    }
    report = co_await next(call, status);
    if (!report) co_return status;
    if (report->hello) co_return Status{StatusCode::kInvalidArgument, "who reports is said once"};
  }
}

Reply ReportServer::reply_to(const std::string& edge, std::uint64_t seen) const {
  return {.seen = seen,
          .anycast = announcements_.others_of(edge),
          .withdraw = options_.to_withdraw && options_.to_withdraw(edge)};
}

void ReportServer::review() {
  if (!options_.welcome) return;
  for (const auto& [edge, call] : streams_) {
    if (!options_.welcome(edge)) call->end(not_known());
  }
}

}  // namespace weir::report
