#include "xds/server.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "auth/machine.h"
#include "net/task_group.h"
#include "xds/discovery.h"
#include "xds/limits.h"

namespace weir::xds {

namespace {

struct Method {
  std::string_view path;
  Variant variant;
  std::optional<Type> only;
};
constexpr std::array kMethods{
    Method{"/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
           Variant::kWhole, std::nullopt},
    Method{"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", Variant::kDelta,
           std::nullopt},
    Method{"/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters", Variant::kWhole,
           Type::kCluster},
    Method{"/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters", Variant::kDelta,
           Type::kCluster},
    Method{"/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints", Variant::kWhole,
           Type::kEndpoints},
    Method{"/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints", Variant::kDelta,
           Type::kEndpoints},
    Method{"/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners", Variant::kWhole,
           Type::kListener},
    Method{"/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners", Variant::kDelta,
           Type::kListener},
    Method{"/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes", Variant::kWhole, Type::kRoutes},
    Method{"/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes", Variant::kDelta, Type::kRoutes},
    Method{"/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets", Variant::kWhole, Type::kSecret},
    Method{"/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets", Variant::kDelta, Type::kSecret},
};

}  // namespace

Server::Stream::Stream(Server& owner, grpc::ServerCall& its_call, Variant its_variant,
                       std::optional<Type> its_only)
    : Timer(&Server::alarmed),
      server(owner),
      call(its_call),
      variant(its_variant),
      only(its_only),
      next(owner.first_),
      link(&owner.first_) {
  if (next != nullptr) next->link = &next;
  *link = this;
  ++server.streams_;
}

Server::Stream::~Stream() {
  *link = next;
  if (next != nullptr) next->link = link;
  --server.streams_;
  if (session && server.options_.detached) server.options_.detached(session->node());
}

Server::Server(net::Loop& loop, Sink& sink, Options options)
    : loop_(loop), sink_(sink), options_(std::move(options)) {}

Server::~Server() { WEIR_CHECK(streams_ == 0); }

void Server::add_to(grpc::Server& calls) {
  for (const Method& method : kMethods) {
    calls.add(std::string(method.path),
              [this, &method](grpc::ServerCall& call) { return serve(call, method.variant, method.only); });
  }
}

void Server::review() {
  for (Stream* stream = first_; stream != nullptr; stream = stream->next) {
    if (!stream->session) continue;
    Catalog* catalog = options_.view(stream->session->node());
    if (catalog == nullptr) {
      stream->status = grpc::Status{grpc::StatusCode::kPermissionDenied, "this node is not served any more"};
      stream->wake.set();
    } else if (catalog != &stream->session->catalog()) {
      stream->session->move_to(*catalog);
    }
  }
}

net::Task<grpc::Status> Server::serve(grpc::ServerCall& call, Variant variant, std::optional<Type> only) {
  Stream stream(*this, call, variant, only);
  net::TaskGroup reader(loop_);
  reader.spawn(read_all(stream));
  co_await write_all(stream);
  end_turn(stream);
  co_await reader.stop();
  if (stream.at_fault && options_.ended) {
    options_.ended(call.request().peer, stream.session ? &stream.session->node() : nullptr, *stream.status);
  }
  co_return std::move(stream.status).value_or(grpc::Status{grpc::StatusCode::kCancelled, ""});
}

net::Task<void> Server::read_all(Stream& stream) {
  while (!stream.status) {
    auto message = co_await stream.call.read();
    if (stream.status) break;  // the writer has ended the stream, and this with it
    if (!message) {
      stream.status = grpc::status_of(message.error());
    } else if (!*message) {
      stream.status.emplace();  // the client has ended it
    } else if (grpc::Status status = take(stream, **message); !status.ok()) {
      stream.at_fault = status.code != grpc::StatusCode::kUnavailable;
      stream.status = std::move(status);
    }
    stream.wake.set();
    if (stream.status || !stream.session) break;
    const Instant now = loop_.now();
    const Instant next = stream.session->may_ask_at(now);
    if (next > now && !co_await loop_.sleep(next - now)) break;
  }
  stream.wake.set();
}

grpc::Status Server::take(Stream& stream, std::string_view message) {
  counters_.requests.add();
  const Result<Request> request = decode_request(stream.variant, message);
  if (!request) return {grpc::StatusCode::kInvalidArgument, request.error().text};
  if (request->error) counters_.refusals.add();
  if (!stream.session) {
    if (grpc::Status status = begin(stream, *request); !status.ok()) return status;
  }
  const Result<void> taken = stream.session->request(*request, loop_.now());
  if (taken) {
    if (options_.asked) options_.asked(*stream.session);
    return {};
  }
  const bool many = taken.error().code == Code::kOverloaded;
  return {many ? grpc::StatusCode::kResourceExhausted : grpc::StatusCode::kInvalidArgument,
          taken.error().text};
}

grpc::Status Server::begin(Stream& stream, const Request& request) {
  if (!request.node || request.node->id.empty()) {
    return {grpc::StatusCode::kInvalidArgument, "the first request of a stream needs a node with an id"};
  }
  if (const http::TlsInfo* tls = stream.call.request().tls) {
    const auto machine = auth::machine_of(tls->client_names);
    if (machine != auth::Machine{options_.domain, std::string(auth::kEdgeRole), request.node->id}) {
      return {grpc::StatusCode::kPermissionDenied, "the client's certificate is not of this node"};
    }
  } else if (options_.certificate_required) {
    return {grpc::StatusCode::kUnauthenticated, "a node needs a certificate"};
  }
  if (options_.is_ahead && options_.is_ahead(*request.node)) {
    return {grpc::StatusCode::kUnavailable, "this node has a later revision than its controller"};
  }
  Catalog* catalog = options_.view(*request.node);
  if (catalog == nullptr) return {grpc::StatusCode::kPermissionDenied, "this node is not served here"};
  stream.session.emplace(*request.node, *catalog, sink_,
                         Session::Options{stream.variant, stream.only, [&stream] { stream.wake.set(); }});
  if (options_.attached) options_.attached(*request.node);
  return {};
}

net::Task<void> Server::write_all(Stream& stream) {
  net::Context& context = co_await net::current_context();
  while (!stream.status) {
    const Instant now = loop_.now();
    if (stream.session && stream.session->overdue(now)) {
      counters_.overdue.add();
      stream.status = grpc::Status{grpc::StatusCode::kDeadlineExceeded, "no answer to a response"};
      stream.at_fault = true;
      break;
    }
    std::optional<Response> response;
    if (stream.session && has_turn(stream)) response = stream.session->next(now);
    set_alarm(stream);
    if (!response) {
      if (!co_await stream.wake.wait(loop_)) break;
      stream.wake.reset();
      continue;
    }
    say_revision(*response);
    std::string message = encode(stream.variant, *response);
    counters_.responses.add();
    counters_.response_bytes.add(message.size());
    stream.writing = &context;
    const Result<void> written = co_await stream.call.write(std::move(message));
    stream.writing = nullptr;
    if (!written && !stream.session->overdue(loop_.now())) break;
  }
}

void Server::say_revision(Response& response) const {
  if (response.type != Type::kObject || !options_.revision) return;
  for (ResourcePtr& resource : response.resources) {
    if (resource->name == kRevisionName) resource = options_.revision(resource);
  }
}

bool Server::has_turn(Stream& stream) {
  if (!stream.session->has_bulk()) {
    end_turn(stream);
    stream.bulk_over = false;
    return true;
  }
  if (stream.bulk && loop_.now() >= stream.bulk_until) {
    end_turn(stream);
    stream.bulk_over = true;
  }
  if (stream.bulk || stream.bulk_over) return true;
  if (bulk_streams_ >= kBulkStreamsMax) {
    if (!std::exchange(stream.bulk_waits, true)) ++bulk_waiting_;
    return false;
  }
  if (std::exchange(stream.bulk_waits, false)) --bulk_waiting_;
  stream.bulk = true;
  stream.bulk_until = loop_.now() + kBulkTimeout;
  ++bulk_streams_;
  give_turn();
  return true;
}

void Server::end_turn(Stream& stream) {
  if (std::exchange(stream.bulk, false)) --bulk_streams_;
  if (std::exchange(stream.bulk_waits, false)) --bulk_waiting_;
  give_turn();
}

void Server::give_turn() {
  if (bulk_waiting_ == 0 || bulk_streams_ >= kBulkStreamsMax) return;
  Stream* next = first_;
  while (!next->bulk_waits) next = next->next;
  next->wake.set();
}

void Server::set_alarm(Stream& stream) {
  std::optional<Instant> alarm;
  if (stream.session) alarm = stream.session->alarm();
  if (stream.bulk) alarm = std::min(alarm.value_or(stream.bulk_until), stream.bulk_until);
  if (alarm) {
    loop_.arm(stream, *alarm);
  } else {
    stream.disarm();
  }
}

void Server::alarmed(net::Timer& timer) {
  Stream& stream = static_cast<Stream&>(timer);
  stream.wake.set();
  if (stream.writing != nullptr && stream.session->overdue(stream.server.loop_.now())) {
    stream.writing->interrupt();
  }
}

}  // namespace weir::xds
