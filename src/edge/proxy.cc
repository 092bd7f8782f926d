#include "edge/proxy.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "edge/intake.h"
#include "h2/grpc.h"
#include "http/client.h"
#include "net/frame_pool.h"
#include "net/timer.h"
#include "upstream/dial.h"
#include "upstream/retrying.h"
#include "upstream/upstream_head.h"

namespace weir::edge {
namespace {

constexpr Duration kReadTimeout = std::chrono::seconds(60);     // the origin's next bytes
constexpr Duration kWriteTimeout = std::chrono::seconds(30);    // the origin takes some bytes
constexpr Duration kStreamIdleTimeout = std::chrono::hours(1);  // gRPC, WebSocket: they are idle by nature

// What is left of a timeout when all has to end by then.
Duration until(Instant ends, Duration timeout, const net::Loop& loop) {
  return std::clamp(ends - loop.now(), Duration::zero(), timeout);
}

struct HeldPermit : http::Held {
  HeldPermit(lb::Permit taken, std::shared_ptr<const void> owner)
      : keeper(std::move(owner)), permit(std::move(taken)) {}
  std::shared_ptr<const void> keeper;
  lb::Permit permit;
};

// A serialised head in a block of its own size: a request that waits for its answer keeps no buffer, and all
// requests are written in the same warm one.
class KeptHead {
 public:
  explicit KeptHead(net::Slice head) : bytes_(head.size()) {
    if (head.empty()) return;
    block_ = static_cast<std::byte*>(net::pool_allocate(bytes_));
    std::ranges::copy(head, block_);
  }
  KeptHead(const KeptHead&) = delete;
  KeptHead& operator=(const KeptHead&) = delete;
  ~KeptHead() {
    if (block_ != nullptr) net::pool_release(block_, bytes_);
  }
  net::Slice slice() const { return {block_, bytes_}; }

 private:
  std::byte* block_ = nullptr;
  std::size_t bytes_;
};

// Ends the task that serves a request, when that has lasted as long as its route allows.
struct HeldUntil final : HeldPermit, net::Timer {
  HeldUntil(lb::Permit taken, std::shared_ptr<const void> owner, net::Context& serving,
            record::Decision& of_request)
      : HeldPermit(std::move(taken), std::move(owner)),
        Timer([](Timer& timer) { static_cast<HeldUntil&>(timer).end(); }),
        task(serving),
        decision(of_request) {}
  void end() {
    decision.flags.add(record::Flag::kLastedTooLong);
    task.cancel();
  }
  net::Context& task;
  record::Decision& decision;
};

// A client of gRPC sets deadlines of its own, and streams may begin with a long silence.
http::ExchangeOptions exchange_options(http::Request& request, const Route& route,
                                       const config::ServiceSpec& service) {
  const bool grpc = request.version_major == 2 && h2::is_grpc(request.head.fields);
  const bool streams = grpc || request.upgrade != nullptr;
  const Duration idle = route.stream_idle_timeout.value_or(streams ? kStreamIdleTimeout : kReadTimeout);
  const Duration answer = route.request_timeout.value_or(grpc ? idle : service.request_timeout);
  request.client_rate_min = streams ? 0 : route.client_rate_min;
  if (request.body != nullptr && (grpc || route.stream_idle_timeout)) request.body->set_read_timeout(idle);
  return {.response_timeout = std::min(answer, route.stream_duration_max.value_or(Duration::max())),
          .read_timeout = idle,
          .write_timeout = kWriteTimeout,
          .switched_idle_timeout = idle};
}

// Whose connections to an endpoint may carry this request; default: anybody's.
net::Address carried(const upstream::Upstream& upstream, const http::Request& request) {
  const bool alone = upstream.service().spec.proxy_protocol != config::ProxyProtocol::kNone;
  return alone ? request.peer : net::Address();
}

// A client that did not come for this endpoint comes for it from now on.
void keep_client(http::Request& request, const upstream::Upstream& upstream, std::uint32_t index,
                 const upstream::Affinity& affinity, http::ResponseHead& head) {
  const std::uint64_t endpoint = upstream.service().hosts[index].cookie;
  if (endpoint == affinity.endpoint) return;
  std::string cookie = upstream::sticky_cookie(upstream.service(), endpoint, request.scheme == "https");
  (void)head.fields.add(http::Known::kSetCookie, request.scratch.keep(std::move(cookie)));
}

// The backend of a split that the client came from before, while its endpoint there serves. A backend of
// weight 0 gets nobody.
std::optional<std::uint32_t> backend_by_cookie(const http::Request& request, const ActivePlan& active,
                                               const Route& route) {
  if (!request.head.fields.has(http::Known::kCookie)) return std::nullopt;
  for (std::uint32_t i = 0; i < route.backends.size(); ++i) {
    upstream::Upstream& upstream = *active.upstreams[route.backends[i]];
    const std::uint64_t endpoint = upstream::sticky_endpoint(upstream.service(), request.head.fields);
    if (endpoint != 0 && route.backend_weights[i] > 0 && upstream.serves(endpoint)) return i;
  }
  return std::nullopt;
}

// Writes down why weir itself answers.
std::unexpected<Error> refuse(record::Decision& decision, std::unexpected<Error> refusal,
                              bool connecting = false) {
  if (refusal.error().code != Code::kCancelled) decision.reason = name_of(refusal.error().code);
  decision.flags.add(record::flags_of(refusal.error(), connecting));
  return refusal;
}

std::unexpected<Error> bad_path(const char* why) { return fail(Code::kMalformed, why, Side::kDownstream); }

// A request holds what it will be counted in.
record::Traffic::Counts* hold(record::Traffic::Counts& counts) {
  counts.under_way.up();
  return &counts;
}

void count(const record::Decision& decision) {
  const auto digit = static_cast<std::size_t>(decision.status / 100) % 6;
  // A connection that switched protocols lasts as long as its users like.
  const Duration took = decision.status == 101 ? decision.head_took.value_or(Duration()) : decision.took;
  const std::size_t bucket = latency_bucket(took);
  for (record::Traffic::Counts* counts : {decision.load_balancer_counts, decision.service_counts}) {
    if (counts == nullptr) continue;
    counts->under_way.down();
    counts->responses[digit].add();
    counts->durations.observe(bucket, took);
    counts->bytes_received.add(decision.bytes_received);
    counts->bytes_sent.add(decision.bytes_sent);
  }
  if (decision.tries_made > 0) decision.service_counts->upstream.observe(decision.upstream_took);
}

// Writes down how a try ended, by the status of the answer or an error, and counts it for the endpoint.
template <class Outcome>
void end_try(record::Decision& decision, record::Try& one, upstream::UpstreamHost& host,
             const Outcome& outcome, Instant now) {
  decision.end_try(one, outcome, now);
  host.counts->responses[static_cast<std::size_t>(one.status / 100) % 6].add();
  host.counts->upstream.observe(one.took);
}

// A serialised head is in a KeptHead.
std::span<std::byte> of_this_request(net::Slice head) {
  return {const_cast<std::byte*>(head.data()), head.size()};
}

// What needs no waiting.
net::Task<Result<http::ResponsePtr>> known(Result<http::ResponsePtr> answer) { co_return answer; }

// Which filter answers, and why.
void write_down(const filter::Exchange& exchange, std::string_view filter_name) {
  record::Decision& decision = record::Decision::of(exchange.request);
  decision.filter = filter_name;
  decision.reason = exchange.reason;
  decision.flags.add(record::flags_of_filter(filter_name));
}

}  // namespace

Proxy::Proxy(net::Env& env, net::Connector& connector, const WorkerOptions& options)
    : env_(env),
      connector_(connector),
      zone_(options.zone),
      connections_(env.loop),
      active_(std::make_shared<ActivePlan>()),
      providers_(env),
      live_(options.live) {
  apply(std::make_shared<Plan>(Plan{.router = std::make_shared<const Router>()}));
  if (options.access_log != nullptr) access_lines_.emplace(*options.access_log);
  if (options.tracing != nullptr) tracer_.emplace(*options.tracing, env.random);
}

void Proxy::apply(PlanPointer plan) {
  auto next = std::make_shared<ActivePlan>();
  next->upstreams.reserve(plan->services.size());
  auto old = active_->upstreams.begin();  // in the order of names, like the services
  const auto end = active_->upstreams.end();
  for (const upstream::PlannedServicePointer& service : plan->services) {
    while (old != end && (*old)->service().name < service->name) ++old;
    const bool known = old != end && (*old)->service().name == service->name;
    const bool same = known && &(*old)->service() == service.get();
    next->upstreams.push_back(
        same ? *old
             : std::make_shared<upstream::Upstream>(service, known ? old->get() : nullptr, env_,
                                                    upstream::UpstreamShare{.traffic = traffic_,
                                                                            .loads = loads_,
                                                                            .connections = connections_,
                                                                            .write_timeout = kWriteTimeout,
                                                                            .zone = zone_}));
  }
  if (active_->plan && active_->plan->router == plan->router) {
    next->load_balancer_counts = active_->load_balancer_counts;
  } else {
    for (const std::string_view name : plan->router->load_balancers()) {
      next->load_balancer_counts.push_back(traffic_.join(record::Traffic::Sort::kLoadBalancer, name));
    }
  }
  next->plan = std::move(plan);
  journal_.keep_names();
  active_ = std::move(next);
  traffic_.drop_unused();
  loads_.drop_unused(env_.loop.now());
}

record::Traffic::Counts* Proxy::counts_of(std::string_view load_balancer) const {
  const auto names = active_->plan->router->load_balancers();
  const auto found = std::ranges::lower_bound(names, load_balancer);
  if (found == names.end() || *found != load_balancer) return nullptr;
  return active_->load_balancer_counts[static_cast<std::size_t>(found - names.begin())].get();
}

void Proxy::close_idle() {
  for (const auto& upstream : active_->upstreams) upstream->close_idle();
}

void Proxy::leave_hosts_down(const upstream::SharedService& service) {
  for (const auto& upstream : active_->upstreams) {
    if (upstream->service().shared.get() == &service) upstream->leave_hosts_down();
  }
}

net::Task<void> Proxy::stop() { co_await connections_.stop(); }

net::Task<Result<http::ResponsePtr>> Proxy::handle(http::Request& request) {
  // Held until the response's head has gone through the filters, not longer: a stream that stays open for
  // hours keeps no plan.
  std::shared_ptr<const ActivePlan> active = active_;
  const Router& router = *active->plan->router;
  const std::uint32_t port = port_of(request.local_port);
  const Intake intake = take_in(request, router.trusted(port));
  record::Decision& decision = journal_.begin(request);
  if (tracer_) tracer_->begin(decision, request);
  if (!intake.valid_path)
    return known(refuse(decision, bad_path("the path has a % that encodes nothing, or NUL")));
  const Route* route = router.match(port, request.head);
  if (route == nullptr) {
    counters_.no_route.add();
    return known(refuse(decision, fail(Code::kNoRoute, "no load balancer serves this host and path")));
  }
  decision.route = route->name;
  decision.load_balancer_counts = hold(*active->load_balancer_counts[route->load_balancer_place]);
  if (intake.hidden_slash && !route->hidden_slashes) {
    return known(refuse(decision, bad_path("the path has an encoded slash or a backslash")));
  }
  if (route->filters().empty()) return answer(request, std::move(active), *route);
  return answer_filtered(request, std::move(active), *route);
}

net::Task<Result<http::ResponsePtr>> Proxy::answer_filtered(http::Request& request,
                                                            std::shared_ptr<const ActivePlan> active,
                                                            const Route& route) {
  filter::Exchange exchange{request, env_, throttle_, providers_, route.matched_prefix(), {}};
  http::ResponsePtr response;
  for (const filter::NamedFilter& one : route.filters()) {
    response = one.filter->on_request(exchange);
    if (std::exchange(exchange.deferred, false))
      response = co_await one.filter->on_request_deferred(exchange);
    if (!response) continue;
    write_down(exchange, one.name);
    break;
  }
  if (!response) {
    auto answered = co_await answer(request, active, route);
    if (!answered) {
      // A fault of the client's ends its connection; a cancelled request has nobody to answer.
      const Error& error = answered.error();
      if (error.side == Side::kDownstream || error.code == Code::kCancelled) co_return answered;
      answered = http::error_response(error, request.id);
    }
    response = std::move(*answered);
  }
  for (const filter::NamedFilter& one : route.filters()) one.filter->on_response(exchange, response->head);
  co_return response;
}

void Proxy::refused(http::Request& request, const Error& error) {
  (void)refuse(journal_.begin(request), fail(error));
}

void Proxy::ended(http::Request& request, const http::RequestEnd& end) {
  record::Decision& decision = record::Decision::of(request);
  decision.end(end, env_.loop.now());
  count(decision);
  record::ServiceLoads::move(decision.load, nullptr);
  if (access_lines_) access_lines_->add(decision, request, env_.loop.clock().wall_now());
  if (decision.trace.sampled) tracer_->add(decision, request, env_.loop.clock().wall_now());
  if (live_ != nullptr && (live_->has_watches() || !captures_.empty())) {
    live_->add(decision, request, captures_.end(request), env_.loop.clock().wall_now());
  }
  journal_.end(decision);
}

void Proxy::flush_access_log() {
  if (access_lines_) access_lines_->flush();
  if (tracer_) tracer_->flush();
}

std::uint32_t Proxy::port_of(std::uint16_t local_port) const {
  if (local_port == shared_http_) return config::kSharedHttp;
  return local_port == shared_https_ ? config::kSharedHttps : local_port;
}

net::Task<Result<http::ResponsePtr>> Proxy::answer(http::Request& request,
                                                   std::shared_ptr<const ActivePlan> active,
                                                   const Route& route) {
  const http::RequestHead& head = request.head;
  if (http::ResponsePtr last = spend_hop(request)) return known(std::move(last));
  std::uint32_t backend = 0;
  if (route.split) {
    auto picked = backend_by_cookie(request, *active, route);
    if (!picked) picked = route.split->pick({*route.rotation, env_.random, {}});
    if (!picked) {
      return known(refuse(record::Decision::of(request),
                          fail(Code::kNoEndpoint, "all backends of this route have weight 0")));
    }
    backend = *picked;
  }
  if (request.body != nullptr && route.request_body_bytes_max) {
    if (head.framing == http::Framing::kLength && head.content_length > *route.request_body_bytes_max) {
      return known(refuse(
          record::Decision::of(request),
          fail(Code::kBodyTooLarge, "the content is larger than this route allows", Side::kDownstream)));
    }
    request.body->set_bytes_max(*route.request_body_bytes_max);
  }
  const std::uint32_t place = route.backends[backend];
  record::Decision& decision = record::Decision::of(request);
  decision.service = active->plan->services[place]->name;
  if (active != active_) decision.keep_names();  // of a plan that was replaced meanwhile
  decision.service_counts = hold(active->upstreams[place]->counts());
  if (live_ != nullptr && live_->inspects(decision.service)) {
    return forward_captured(request, std::move(active), place, route);
  }
  return forward(request, std::move(active), place, route);
}

net::Task<Result<http::ResponsePtr>> Proxy::forward_captured(http::Request& request,
                                                             std::shared_ptr<const ActivePlan> active,
                                                             std::uint32_t place, const Route& route) {
  captures_.begin(request);
  auto response = co_await forward(request, std::move(active), place, route);
  if (response) *response = captures_.answered(request, std::move(*response));
  co_return response;
}

net::Task<Result<http::ResponsePtr>> Proxy::forward(http::Request& request,
                                                    std::shared_ptr<const ActivePlan> active,
                                                    std::uint32_t place, const Route& route) {
  upstream::Upstream* const upstream = active->upstreams[place].get();
  const config::ServiceSpec& service = upstream->service().spec;
  const http::ExchangeOptions options = exchange_options(request, route, service);
  const config::Retries& retries = route.retries ? *route.retries : service.retries;
  net::Buffer out = net::Buffer::acquire();
  auto head = upstream::write_upstream_head(request, upstream->service(), out.span(), env_.random);
  record::Decision& decision = record::Decision::of(request);
  if (!head) {
    Error error = head.error();
    error.side = Side::kDownstream;
    co_return refuse(decision, fail(error));
  }
  const KeptHead kept(head->h1);
  if (!head->h2) {
    head->h1 = kept.slice();
    out.release();
  }

  upstream->count_request();
  const bool has_affinity = service.hash_on || service.sticky;
  const upstream::Affinity affine =
      has_affinity ? upstream::affinity(upstream->service(), request) : upstream::Affinity();
  lb::Permit permit = upstream->acquire(lb::Resource::kRequests);
  if (!permit) {
    co_return refuse(decision,
                     fail(Code::kOverloaded, "as many requests as the service allows are under way"));
  }
  if (route.stream_duration_max) {
    net::Context& serving = co_await net::current_context();
    auto until_then = std::make_unique<HeldUntil>(std::move(permit), upstream->keeper(), serving, decision);
    env_.loop.arm(*until_then, env_.loop.deadline(*route.stream_duration_max));
    request.held = std::move(until_then);
  } else {
    request.held = std::make_unique<HeldPermit>(std::move(permit), upstream->keeper());
  }
  auto index = upstream->pick(affine, {});
  if (!index) {
    counters_.no_endpoint.add();
    upstream->count_unserved();
    co_return refuse(decision, fail(Code::kNoEndpoint, "no endpoint can take the request"));
  }
  const net::Loop& loop = env_.loop;
  const Instant ends = retries.per_try_timeout ? loop.deadline(options.response_timeout) : Instant::max();
  upstream::Retrying retrying(retries, *upstream, request, affine, ends);
  for (;;) {
    const Instant try_ends = std::min(ends, loop.deadline(retries.per_try_timeout.value_or(Duration::max())));
    auto response = co_await attempt(request, *upstream, *index, *head, options, retrying, try_ends);
    const auto next = retrying.next(*index, response, loop.now());
    if (!next && !response)
      co_return refuse(decision, fail(response.error()), decision.last_try().connecting);
    if (!next) {
      if (service.sticky) keep_client(request, *upstream, *index, affine, (*response)->head);
      co_return response;
    }
    counters_.retries.add();
    index = next;
    if (!response) continue;
    (void)(*response)->take_buffered();  // when that is all, its connection can be used again
  }
}

net::Task<Result<http::ResponsePtr>> Proxy::attempt(http::Request& request, upstream::Upstream& upstream,
                                                    std::uint32_t index, const upstream::UpstreamHead& head,
                                                    http::ExchangeOptions options,
                                                    upstream::Retrying& retrying, Instant ends) {
  upstream::UpstreamHost& host = upstream.host(index);
  record::Decision& decision = record::Decision::of(request);
  record::ServiceLoads::give(decision.load, upstream.load(index));
  upstream::UpstreamConnection pooled = host.take(carried(upstream, request));
  for (;;) {
    retrying.begin_wait(host, co_await net::current_context());
    const bool reused{pooled};
    record::Try& one = decision.begin_try(host.shared->key, reused, env_.loop.now());
    if (decision.trace.sampled) record::Tracer::mark_try(decision, of_this_request(head.h1));
    Result<upstream::UpstreamConnection> connection = std::exchange(pooled, {});
    if (!reused) connection = co_await connect(upstream, host, request, ends);
    if (!connection) {
      const Error error = retrying.end_wait(connection.error());
      end_try(decision, one, host, error, env_.loop.now());
      if (error.side == Side::kUpstream && error.code != Code::kCancelled) {
        upstream.failed(index);
        upstream.observe(index, lb::Outcome::kLocal);
      }
      co_return fail(error);
    }
    one.connecting = false;
    options.response_timeout = until(ends, options.response_timeout, env_.loop);
    options.unanswered = retrying.sent_unanswered();
    auto response = co_await host.exchange(std::move(*connection), head, request, options);
    if (response) {
      retrying.end_wait();
      end_try(decision, one, host, (*response)->head.status, env_.loop.now());
      upstream.succeeded(index);
      upstream.observe(index,
                       (*response)->head.status >= 500 ? lb::Outcome::kServerError : lb::Outcome::kSuccess);
      const unsigned version_major = head.h2 ? 2 : 1;
      if (request.upgrade != nullptr) {
        const auto settled = upstream::settle_upgrade(request, (*response)->head, version_major);
        if (!settled && !(*response)->settled()) co_await (*response)->settle();
        if (!settled) co_return fail(settled.error());
      }
      upstream::clean_response_head((*response)->head, version_major);
      co_return response;
    }
    const Error error = retrying.end_wait(response.error());
    end_try(decision, one, host, error, env_.loop.now());
    // The connection, not only a stream of it.
    const bool broken = error.side == Side::kUpstream &&
                        (error.code == Code::kClosed || (error.code == Code::kReset && !head.h2));
    // An origin may close a connection, just as a request is on its way: that says nothing about the origin,
    // so it gets the request once more.
    const bool stale = reused && (broken || error.retry == Retry::kSafe);
    if (stale && upstream::may_send_again(request, error)) continue;
    if (broken) upstream.failed(index);
    if (error.side == Side::kUpstream && error.code != Code::kCancelled) {
      upstream.observe(index, lb::Outcome::kLocal);
    }
    co_return fail(error);
  }
}

struct Proxy::HostOpener final : h2::Opener {
  HostOpener(Proxy& opening, upstream::Upstream& of, upstream::UpstreamHost& to,
             const http::Request& for_request, Instant by)
      : proxy(opening), upstream(of), host(to), request(for_request), ends(by) {}
  net::Task<Result<Opened>> open() override { return proxy.open(upstream, host, request, ends); }
  Proxy& proxy;
  upstream::Upstream& upstream;
  upstream::UpstreamHost& host;
  const http::Request& request;
  Instant ends;
};

net::Task<Result<upstream::UpstreamConnection>> Proxy::connect(upstream::Upstream& upstream,
                                                               upstream::UpstreamHost& host,
                                                               const http::Request& request, Instant ends) {
  const lb::Permit waiting = upstream.acquire(lb::Resource::kPending);
  if (!waiting) co_return fail(Code::kOverloaded, "as many requests as the service allows wait to connect");
  HostOpener opener(*this, upstream, host, request, ends);
  const Duration tcp_and_tls = 2 * upstream.service().spec.connect_timeout;
  co_return co_await host.connect(opener, until(ends, tcp_and_tls, env_.loop), carried(upstream, request));
}

net::Task<Result<h2::Opener::Opened>> Proxy::open(upstream::Upstream& upstream, upstream::UpstreamHost& host,
                                                  const http::Request& request, Instant ends) {
  const upstream::PlannedService& service = upstream.service();
  lb::Permit open = upstream.acquire(lb::Resource::kConnections);
  if (!open) co_return fail(Code::kOverloaded, "as many connections as the service allows are open");
  counters_.connects.add();
  auto stream =
      co_await upstream::dial(connector_, service, *host.shared,
                              {.client = request.peer, .local_port = request.local_port}, ends, env_.loop);
  if (stream) {
    co_return h2::Opener::Opened{std::move(*stream),
                                 std::make_unique<HeldPermit>(std::move(open), upstream.keeper())};
  }
  counters_.connect_failures.add();
  co_return fail(stream.error());
}

}  // namespace weir::edge
