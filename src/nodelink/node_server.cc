#include "nodelink/node_server.h"

#include <chrono>
#include <utility>

#include "auth/machine.h"
#include "net/task_group.h"
#include "nodelink/telling.h"

namespace weir::nodelink {
namespace {

using grpc::Status;
using grpc::StatusCode;

// Of the sender, who is woken when there is something.
constexpr Duration kLong = std::chrono::hours(24);

// The next report; none: the stream ends, with this status.
net::Task<std::optional<NodeReport>> next(grpc::ServerCall& call, Status& status) {
  const auto message = co_await call.read();
  if (!message) status = grpc::status_of(message.error());
  if (!message || !*message) co_return std::nullopt;
  auto report = parse_report(**message);
  if (report) co_return *std::move(report);
  status = {StatusCode::kInvalidArgument, report.error().text};
  co_return std::nullopt;
}

Status not_known() { return {StatusCode::kPermissionDenied, "this node is not known here, or revoked"}; }

}  // namespace

const config::NodeSpec* NodeServer::node_of(std::string_view name) const {
  const config::ObjectPointer object = objects_.find(config::Kind::kNode, name);
  if (!object) return nullptr;
  const auto& spec = std::get<config::NodeSpec>(object->spec);  // the whole keeps it
  return spec.revoked ? nullptr : &spec;
}

std::string_view NodeServer::certified(const http::Request& request) const {
  if (request.tls == nullptr) return {};
  return auth::name_in(request.tls->client_names, options_.trust_domain, auth::kNodeRole);
}

bool NodeServer::comes_from(const http::Request& request, std::string_view node) const {
  const std::string_view name = certified(request);
  if (name.empty() && options_.certificate_required) return false;
  return (name.empty() || name == node) && node_of(node) != nullptr;
}

// What the Node object says of it counts more than what it says itself.
Status NodeServer::identify(const grpc::ServerCall& call, Hello& hello) const {
  const std::string_view name = certified(call.request());
  if (name.empty() && options_.certificate_required) {
    return {StatusCode::kUnauthenticated, "a node attaches with its certificate"};
  }
  if (hello.node.empty() || (!name.empty() && name != hello.node)) {
    return {StatusCode::kPermissionDenied, "the certificate is not that of node \"" + hello.node + "\""};
  }
  const config::NodeSpec* node = node_of(hello.node);
  if (node == nullptr) return not_known();
  hello.provider = node->provider;
  hello.region = node->region;
  hello.city = node->city;
  return {};
}

net::Task<Status> NodeServer::serve(grpc::ServerCall& call) {
  Status status;
  auto first = co_await next(call, status);
  if (!first) co_return status;
  if (!first->hello) co_return Status{StatusCode::kInvalidArgument, "the first report says who reports"};
  if (status = identify(call, *first->hello); !status.ok()) co_return status;

  const std::string node = first->hello->node;
  Stream stream{.call = call, .told = {}, .opens = {}, .wake = {}};
  Stream*& present = streams_[node];
  if (present != nullptr) present->call.end({StatusCode::kAborted, "the node has attached anew"});
  present = &stream;
  if (sink_.attached) sink_.attached(*first->hello, call.loop().now());
  {
    net::TaskGroup sending(call.loop());
    sending.spawn(send(stream, node));
    status = co_await follow(stream, node, *std::move(first));
    co_await sending.stop();
  }
  if (const auto found = streams_.find(node); found != streams_.end() && found->second == &stream) {
    streams_.erase(found);
    if (sink_.detached) sink_.detached(node, call.loop().now());
  }
  co_return status;
}

net::Task<Status> NodeServer::follow(Stream& stream, const std::string& node, NodeReport first) {
  Status status;
  std::optional<NodeReport> report = std::move(first);
  const std::uint64_t revision = report->revision;
  if (revision > options_.revision()) co_await judge_revision(stream, revision);
  for (;;) {
    pass_on(node, *report, stream.call.loop().now());
    report = co_await next(stream.call, status);
    if (!report) co_return status;
    if (report->hello) co_return Status{StatusCode::kInvalidArgument, "who reports is said once"};
  }
}

void NodeServer::pass_on(const std::string& node, const NodeReport& report, Instant now) const {
  const bool says = report.hello || !report.instances.empty() || !report.gone.empty() || report.complete;
  if (says && sink_.reported) sink_.reported(node, report, now);
  if (!says && sink_.heard) sink_.heard(node, now);
}

// A node never goes back to what was before, unless that is what the store has.
net::Task<void> NodeServer::judge_revision(Stream& stream, std::uint64_t of_node) {
  if (options_.catch_up) {
    if (!co_await options_.catch_up()) co_return;
  }
  if (options_.revision() >= of_node) co_return;
  stream.anew = true;
  stream.told.reset();
  stream.assignment_due = true;
  stream.wake.notify();
}

net::Task<void> NodeServer::send(Stream& stream, std::string node) {
  for (;;) {
    if (std::exchange(stream.assignment_due, false)) {
      if (!co_await send_assignment(stream, node)) co_return;
      continue;
    }
    if (!stream.opens.empty()) {
      std::string message = serialize(stream.opens.front());
      stream.opens.pop_front();
      if (!co_await stream.call.write(std::move(message))) co_return;
      continue;
    }
    const auto woken = co_await stream.wake.wait(stream.call.loop(), kLong);
    if (!woken && woken.error().code != Code::kTimedOut) co_return;
  }
}

// What it has been told already is not said again, however much else has changed.
net::Task<bool> NodeServer::send_assignment(Stream& stream, const std::string& node) {
  Assignment assignment = assignment_of(objects_, node, options_.revision());
  assignment.anew = std::exchange(stream.anew, false);
  if (stream.told && stream.told->instances == assignment.instances &&
      stream.told->pull_credentials == assignment.pull_credentials) {
    co_return true;
  }
  stream.told = std::move(assignment);
  ++told_;
  for (std::string& message : serialize(*stream.told)) {
    if (!co_await stream.call.write(std::move(message))) co_return false;
  }
  co_return true;
}

void NodeServer::changed(std::span<const config::ObjectChange> changes) {
  for (const std::string& node : nodes_touched(objects_, changes)) {
    const auto found = streams_.find(node);
    if (found == streams_.end()) continue;
    found->second->assignment_due = true;
    found->second->wake.notify();
  }
  for (const config::ObjectChange& change : changes) {
    if (change.kind() != config::Kind::kNode) continue;
    const auto found = streams_.find(change.name());
    if (found != streams_.end() && node_of(change.name()) == nullptr) found->second->call.end(not_known());
  }
}

bool NodeServer::open(std::string_view node, Open what) {
  const auto found = streams_.find(node);
  if (found == streams_.end() || found->second->opens.size() >= channel::kOpensMax) return false;
  found->second->opens.push_back(std::move(what));
  found->second->wake.notify();
  return true;
}

}  // namespace weir::nodelink
