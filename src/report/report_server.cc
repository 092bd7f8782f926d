#include "report/report_server.h"

#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "auth/machine.h"
#include "net/task_group.h"

namespace weir::report {
namespace {

using grpc::Status;
using grpc::StatusCode;

// Of the sender, who is woken when there is something.
constexpr Duration kLong = std::chrono::hours(24);

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

  Stream stream{.call = call};
  Stream*& present = streams_[edge.name];
  if (present != nullptr) present->call.end({StatusCode::kAborted, "the edge has attached anew"});
  present = &stream;
  announcements_.forget(edge.name);  // it says them again
  sink_.attached(edge);
  {
    net::TaskGroup replying(call.loop());
    replying.spawn(reply(stream));
    status = co_await follow(stream, edge, *std::move(first));
    co_await replying.stop();
  }
  if (const auto found = streams_.find(edge.name); found != streams_.end() && found->second == &stream) {
    streams_.erase(found);
    announcements_.forget(edge.name);
    sink_.detached(edge);
  }
  co_return status;
}

Status ReportServer::identify(const grpc::ServerCall& call, const Hello& hello, Edge& edge) const {
  const std::string_view name = certified(call.request());
  if (name.empty() && options_.certificate_required) {
    return {StatusCode::kUnauthenticated, "an edge reports with its certificate"};
  }
  if (hello.node.empty() || (!name.empty() && name != hello.node)) {
    return {StatusCode::kPermissionDenied, "the certificate is not that of edge \"" + hello.node + "\""};
  }
  if (options_.welcome && !options_.welcome(hello.node)) return not_known();
  edge = {.name = hello.node, .verified = !name.empty(), .peer = call.request().peer, .hello = hello};
  return {};
}

net::Task<Status> ReportServer::follow(Stream& stream, const Edge& edge, Report first) {
  Status status;
  std::optional<Report> report = std::move(first);
  for (;;) {
    sink_.reported(edge, *report);
    if (report->anycast) announcements_.take(edge.name, std::move(*report->anycast));
    // As it is now, before anybody else asks: of two who ask at the same time one may stop.
    stream.reply = reply_to(edge.name, stream.reply.seen + 1);
    stream.reply_due = true;
    stream.wake.notify();
    report = co_await next(stream.call, status);
    if (!report) co_return status;
    if (report->hello) co_return Status{StatusCode::kInvalidArgument, "who reports is said once"};
  }
}

// An edge that does not read is told less often; what it is to open comes with the last reply again.
net::Task<void> ReportServer::reply(Stream& stream) {
  for (;;) {
    if (std::exchange(stream.reply_due, false) || !stream.opens.empty()) {
      Reply reply = stream.reply;
      reply.opens.assign(std::make_move_iterator(stream.opens.begin()),
                         std::make_move_iterator(stream.opens.end()));
      stream.opens.clear();
      if (!co_await stream.call.write(serialize(reply))) co_return;
      continue;
    }
    const auto woken = co_await stream.wake.wait(stream.call.loop(), kLong);
    if (!woken && woken.error().code != Code::kTimedOut) co_return;
  }
}

Reply ReportServer::reply_to(const std::string& edge, std::uint64_t seen) const {
  return {.seen = seen,
          .anycast = announcements_.others_of(edge),
          .withdraw = options_.to_withdraw && options_.to_withdraw(edge)};
}

bool ReportServer::open(std::string_view edge, channel::Open what) {
  const auto found = streams_.find(edge);
  if (found == streams_.end() || found->second->opens.size() >= channel::kOpensMax) return false;
  found->second->opens.push_back(std::move(what));
  found->second->wake.notify();
  return true;
}

std::string_view ReportServer::certified(const http::Request& request) const {
  if (request.tls == nullptr) return {};
  return auth::name_in(request.tls->client_names, options_.trust_domain, auth::kEdgeRole);
}

bool ReportServer::comes_from(const http::Request& request, std::string_view edge) const {
  const std::string_view name = certified(request);
  if (name.empty() && options_.certificate_required) return false;
  return (name.empty() || name == edge) && streams_.contains(edge);
}

std::vector<std::string> ReportServer::edges() const {
  std::vector<std::string> names;
  for (const auto& [name, stream] : streams_) names.push_back(name);
  return names;
}

void ReportServer::review() {
  if (!options_.welcome) return;
  for (const auto& [edge, stream] : streams_) {
    if (!options_.welcome(edge)) stream->call.end(not_known());
  }
}

}  // namespace weir::report
