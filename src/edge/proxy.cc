#include "edge/proxy.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "edge/retrying.h"
#include "edge/upstream_head.h"
#include "http/client.h"
#include "tls/tls_stream.h"

namespace weir::edge {
namespace {

constexpr Duration kReadTimeout = std::chrono::seconds(60);   // the origin's next bytes
constexpr Duration kWriteTimeout = std::chrono::seconds(30);  // the origin takes some bytes

// What is left of a timeout when all has to end by then.
Duration until(Instant ends, Duration timeout, const net::Loop& loop) {
  return std::clamp(ends - loop.now(), Duration::zero(), timeout);
}

struct HeldPermit final : http::Held {
  explicit HeldPermit(lb::Permit taken) : permit(std::move(taken)) {}
  lb::Permit permit;
};

net::Task<Result<std::unique_ptr<net::Stream>>> secure(std::unique_ptr<net::Stream> stream,
                                                       const PlannedService& service, const SharedHost& host,
                                                       Duration timeout) {
  if (service.tls_failed) co_return fail(Code::kConnectFailed, "the service's TLS settings can't be used");
  const std::string& name = service.spec.tls->server_name.empty() ? host.name : service.spec.tls->server_name;
  auto secured = co_await tls::TlsStream::connect(std::move(stream), service.tls,
                                                  {.name = name, .endpoint = host.key}, timeout);
  if (!secured) co_return fail(secured.error());
  co_return std::move(*secured);
}

// A client that did not come for this endpoint comes for it from now on.
void keep_client(http::Request& request, const Upstream& upstream, std::uint32_t index,
                 const Affinity& affinity, http::ResponseHead& head) {
  const std::uint64_t endpoint = upstream.service().hosts[index].id;
  if (endpoint == affinity.endpoint) return;
  std::string cookie = sticky_cookie(*upstream.service().spec.sticky, endpoint, request.scheme == "https");
  (void)head.fields.add(http::Known::kSetCookie, request.scratch.keep(std::move(cookie)));
}

}  // namespace

Proxy::Proxy(net::Env& env, net::Connector& connector, std::uint32_t zone)
    : env_(env),
      connector_(connector),
      zone_(zone),
      active_(std::make_shared<ActivePlan>(std::make_shared<Plan>())) {}

void Proxy::apply(PlanPointer plan) {
  auto next = std::make_shared<ActivePlan>();
  std::unordered_map<std::string_view, std::shared_ptr<Upstream>> before;
  for (const auto& upstream : active_->upstreams) before.emplace(upstream->service().name, upstream);
  for (const PlannedServicePointer& service : plan->services) {
    const auto found = before.find(service->name);
    const std::shared_ptr<Upstream> previous = found == before.end() ? nullptr : found->second;
    const bool same = previous && &previous->service() == service.get();
    next->upstreams.push_back(same ? previous
                                   : std::make_shared<Upstream>(service, previous.get(), env_, zone_));
  }
  next->plan = std::move(plan);
  active_ = std::move(next);
}

void Proxy::close_idle() {
  for (const auto& upstream : active_->upstreams) upstream->close_idle();
}

net::Task<Result<http::ResponsePtr>> Proxy::handle(http::Request& request) {
  // Held until the response's head has gone through the filters, not longer: a stream that stays open for
  // hours keeps no plan.
  const std::shared_ptr<const ActivePlan> active = active_;
  const Route* route = active->plan->router.match(port_of(request), request.head);
  if (route == nullptr) {
    counters_.no_route.add();
    co_return fail(Code::kNoRoute, "no load balancer serves this host and path");
  }
  if (route->filters().empty()) co_return co_await answer(request, *active, *route);

  filter::Exchange exchange{request, env_, throttle_, route->matched_prefix(), {}};
  http::ResponsePtr response;
  for (const filter::NamedFilter& one : route->filters()) {
    response = one.filter->on_request(exchange);
    if (std::exchange(exchange.deferred, false))
      response = co_await one.filter->on_request_deferred(exchange);
    if (response) break;
  }
  if (!response) {
    auto answered = co_await answer(request, *active, *route);
    if (!answered) co_return answered;
    response = std::move(*answered);
  }
  for (const filter::NamedFilter& one : route->filters()) one.filter->on_response(exchange, response->head);
  co_return response;
}

std::uint32_t Proxy::port_of(const http::Request& request) const {
  if (request.local_port == shared_http_) return config::kSharedHttp;
  return request.local_port == shared_https_ ? config::kSharedHttps : request.local_port;
}

net::Task<Result<http::ResponsePtr>> Proxy::answer(http::Request& request, const ActivePlan& active,
                                                   const Route& route) {
  const http::RequestHead& head = request.head;
  std::uint32_t backend = 0;
  if (route.split) {
    const auto picked = route.split->pick({*route.rotation, env_.random, {}});
    if (!picked) co_return fail(Code::kNoEndpoint, "all backends of this route have weight 0");
    backend = *picked;
  }
  if (request.body != nullptr && route.request_body_bytes_max) {
    if (head.framing == http::Framing::kLength && head.content_length > *route.request_body_bytes_max) {
      co_return fail(Code::kBodyTooLarge, "the content is larger than this route allows", Side::kDownstream);
    }
    request.body->set_bytes_max(*route.request_body_bytes_max);
  }
  co_return co_await forward(request, active.upstreams[route.backends[backend]], route);
}

net::Task<Result<http::ResponsePtr>> Proxy::forward(http::Request& request,
                                                    std::shared_ptr<Upstream> upstream, const Route& route) {
  const config::ServiceSpec& service = upstream->service().spec;
  const Duration response_timeout = route.request_timeout.value_or(service.request_timeout);
  const config::Retries& retries = route.retries ? *route.retries : service.retries;
  const net::Buffer out = net::Buffer::acquire();
  const auto head_bytes = write_upstream_head(request, upstream->service().authority, out.span());
  if (!head_bytes)
    co_return fail(Code::kHeadTooLarge, "no room for the fields that a proxy adds", Side::kDownstream);
  const net::Slice head = out.span().first(*head_bytes);

  upstream->count_request();
  const bool has_affinity = service.hash_on || service.sticky;
  const Affinity affine = has_affinity ? affinity(service, request) : Affinity();
  request.held = std::make_unique<HeldPermit>(upstream->acquire(lb::Resource::kRequests));
  if (!static_cast<HeldPermit&>(*request.held).permit) {
    co_return fail(Code::kOverloaded, "as many requests as the service allows are under way");
  }
  auto index = upstream->pick(affine, {});
  if (!index) {
    counters_.no_endpoint.add();
    co_return fail(Code::kNoEndpoint, "no endpoint can take the request");
  }
  const net::Loop& loop = env_.loop;
  const Instant ends = retries.per_try_timeout ? loop.deadline(response_timeout) : Instant::max();
  Retrying retrying(retries, *upstream, request, affine, ends);
  for (;;) {
    const Instant try_ends = std::min(ends, loop.deadline(retries.per_try_timeout.value_or(Duration::max())));
    auto response = co_await attempt(request, *upstream, *index, head, response_timeout, try_ends);
    const auto next = retrying.next(*index, response, loop.now());
    if (!next) {
      if (response && service.sticky) keep_client(request, *upstream, *index, affine, (*response)->head);
      co_return response;
    }
    counters_.retries.add();
    index = next;
    if (!response) continue;
    (void)(*response)->take_buffered();  // when that is all, its connection can be used again
    if (!(*response)->settled()) co_await (*response)->settle();
  }
}

net::Task<Result<http::ResponsePtr>> Proxy::attempt(http::Request& request, Upstream& upstream,
                                                    std::uint32_t index, net::Slice head,
                                                    Duration response_timeout, Instant ends) {
  UpstreamHost& host = upstream.host(index);
  http::ClientConnectionPtr pooled = host.pool->take();
  for (;;) {
    const bool reused = pooled != nullptr;
    Result<http::ClientConnectionPtr> connection = std::move(pooled);
    if (!reused) connection = co_await connect(upstream, host, ends);
    if (!connection) {
      if (connection.error().side == Side::kUpstream && connection.error().code != Code::kCancelled) {
        upstream.failed(index);
        upstream.observe(index, lb::Outcome::kLocal);
      }
      co_return fail(connection.error());
    }
    auto response =
        co_await http::exchange(std::move(*connection), host.pool, head, request,
                                {until(ends, response_timeout, env_.loop), kReadTimeout, kWriteTimeout});
    if (response) {
      upstream.succeeded(index);
      upstream.observe(index,
                       (*response)->head.status >= 500 ? lb::Outcome::kServerError : lb::Outcome::kSuccess);
      clean_response_head((*response)->head);
      co_return response;
    }
    const Error& error = response.error();
    const bool broken =
        error.side == Side::kUpstream && (error.code == Code::kReset || error.code == Code::kClosed);
    // An origin may close a connection while it is idle, just as a request is on its way: that says nothing
    // about the origin, so it gets the request once more.
    if (broken && reused && may_send_again(request, error)) continue;
    if (broken) upstream.failed(index);
    if (error.side == Side::kUpstream && error.code != Code::kCancelled) {
      upstream.observe(index, lb::Outcome::kLocal);
    }
    co_return fail(error);
  }
}

net::Task<Result<http::ClientConnectionPtr>> Proxy::connect(Upstream& upstream, UpstreamHost& host,
                                                            Instant ends) {
  const PlannedService& service = upstream.service();
  lb::Permit open = upstream.acquire(lb::Resource::kConnections);
  const lb::Permit waiting = upstream.acquire(lb::Resource::kPending);
  if (!open || !waiting)
    co_return fail(Code::kOverloaded, "as many connections as the service allows are open");
  counters_.connects.add();
  const Duration timeout = service.spec.connect_timeout;
  auto stream = co_await connector_.connect(host.shared->address, until(ends, timeout, env_.loop));
  if (stream && service.spec.tls) {
    stream = co_await secure(std::move(*stream), service, *host.shared, until(ends, timeout, env_.loop));
  }
  if (stream) {
    auto connection = std::make_unique<http::ClientConnection>(std::move(*stream));
    connection->held = std::make_unique<HeldPermit>(std::move(open));
    co_return connection;
  }
  counters_.connect_failures.add();
  Error error = stream.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;  // nothing was sent
  co_return fail(error);
}

}  // namespace weir::edge
