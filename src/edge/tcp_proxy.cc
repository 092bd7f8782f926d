#include "edge/tcp_proxy.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "lb/weighted.h"
#include "net/pump.h"
#include "net/timer.h"
#include "record/json.h"
#include "upstream/affinity.h"
#include "upstream/dial.h"
#include "upstream/upstream.h"

namespace weir::edge {
namespace {

// Takes one of a number that is limited; gives it back when it is destroyed.
class Share {
 public:
  Share() = default;
  // False when `max` are out.
  static std::optional<Share> take(std::atomic<std::uint32_t>& used, std::uint32_t max) {
    if (used.fetch_add(1, std::memory_order_relaxed) < max) return Share(&used);
    used.fetch_sub(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  explicit Share(std::atomic<std::uint32_t>* used) : used_(used) {}
  Share(Share&& other) noexcept : used_(std::exchange(other.used_, nullptr)) {}
  Share& operator=(Share&& other) noexcept {
    std::swap(used_, other.used_);
    return *this;
  }
  ~Share() {
    if (used_ != nullptr) used_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>* used_ = nullptr;
};

Error ours(Code code, const char* why) { return {code, Side::kInternal, Retry::kNever, 0, why}; }

// By its endpoint, while the client had more to say: whoever hangs up first may find the other gone.
bool broken(const net::Carried& carried) {
  return carried.end == net::Carried::End::kFarFailed && !carried.near_ended;
}

// What has failed of a connection that was carried.
record::Flags flags_of(const net::Carried& carried, bool stopped) {
  record::Flags flags;
  switch (carried.end) {
    case net::Carried::End::kNearFailed: flags.add(record::Flag::kClientGone); break;
    case net::Carried::End::kFarFailed:
      if (broken(carried)) flags.add(record::Flag::kUpstreamClosed);
      break;
    case net::Carried::End::kIdle: flags.add(record::Flag::kIdle); break;
    case net::Carried::End::kCancelled:
      if (stopped) flags.add(record::Flag::kStopped);
      break;
    case net::Carried::End::kHalted:
    case net::Carried::End::kUnderWay:
    case net::Carried::End::kEnded: break;
  }
  return flags;
}

}  // namespace

// One connection on its way; of the task that serves it.
class TcpProxy::Flow final : public net::Pooled, private net::Timer {
 public:
  Flow(TcpProxy& owner, http::Incoming from, TcpListenerPointer taken_by, const ClientHello& hello)
      : Timer([](Timer& timer) { static_cast<Flow&>(timer).cut(); }),
        incoming(std::move(from)),
        listener(std::move(taken_by)),
        record(std::make_unique<record::Connection>(incoming.peer, incoming.local_port, owner.env_.random,
                                                    owner.env_.loop.now())),
        owner_(owner) {
    record->listener.assign(listener->name);
    record->server_name.assign(hello.server_name);
    if (listener->tls) record->mode = "tls";
    if (listener->passthrough()) record->mode = "passthrough";
    next = owner.flows_;
    link = &owner.flows_;
    if (next != nullptr) next->link = &next;
    owner.flows_ = this;
    owner.counters_.opened.add();
  }
  ~Flow() {
    *link = next;
    if (next != nullptr) next->link = link;
    record::ServiceLoads::move(load, nullptr);
    owner_.counters_.ended.add();
  }

  // At that time the task ends, and the flag says why.
  void end_at(Instant at, record::Flag why) {
    if (armed() && ends_at_ <= at) return;
    ends_at_ = at;
    why_ = why;
    owner_.env_.loop.arm(*this, at);
  }

  void reached(std::shared_ptr<upstream::SharedHost> shared) {
    host = std::move(shared);
    host->active.count.fetch_add(1, std::memory_order_relaxed);
    on_host = Share(&host->active.count);
  }

  http::Incoming incoming;
  TcpListenerPointer listener;
  std::unique_ptr<record::Connection> record;
  net::Context* context = nullptr;           // of its task
  std::shared_ptr<const ActivePlan> active;  // until an endpoint is reached
  std::shared_ptr<upstream::Upstream> upstream;
  std::shared_ptr<upstream::SharedHost> host;          // that has it; null: none so far
  record::Traffic::Counts* balancer_counts = nullptr;  // that count it as under way
  record::Traffic::Counts* service_counts = nullptr;
  record::ServiceLoads::Counts* load = nullptr;  // where it is in flight
  Share place;
  Sources::Place source;
  lb::Permit request;
  lb::Permit connection;
  Share on_host;
  std::unique_ptr<net::Stream> far;
  net::Carried carried;
  bool cut_for_time = false;
  Flow* next = nullptr;
  Flow** link = nullptr;

 private:
  void cut() {
    record->flags.add(why_);
    cut_for_time = true;
    context->cancel();
  }
  TcpProxy& owner_;
  Instant ends_at_;
  record::Flag why_ = record::Flag::kLastedTooLong;
};

TcpProxy::TcpProxy(net::Env& env, net::Connector& connector, Proxy& proxy, const WorkerOptions& options)
    : env_(env), connector_(connector), proxy_(proxy), live_(options.live) {
  if (options.access_log != nullptr) access_lines_.emplace(*options.access_log);
}

TcpProxy::~TcpProxy() { WEIR_CHECK(flows_ == nullptr); }

void TcpProxy::set_own(const net::Address& address, bool listening) {
  std::erase(own_, address);
  if (listening) own_.push_back(address);
}

bool TcpProxy::leads_to_us(const net::Address& address) const {
  return std::ranges::any_of(own_, [&address](const net::Address& own) {
    if (own.port() != address.port() || address.is_tunnel()) return false;
    return own.bytes() == address.bytes() || (own.is_any() && address.is_loopback());
  });
}

// Who may not come, and what is over a limit.
std::optional<Error> TcpProxy::admit(Flow& flow) {
  const TcpListener& listener = *flow.listener;
  const net::Address& client = flow.incoming.peer;
  const auto denied = [&flow](record::Flag flag, Code code, const char* why) {
    flow.record->flags.add(flag);
    return ours(code, why);
  };
  if (!listener.access.allows(client)) {
    return denied(record::Flag::kAccessRefused, Code::kForbidden, "this address may not come here");
  }
  if (listener.rates.take(client, nullptr, env_.loop.now())) {
    return denied(record::Flag::kRateLimited, Code::kOverloaded,
                  "more connections than the rate limit allows");
  }
  SharedListener& shared = *listener.shared;
  if (listener.spec.connections_max) {
    auto place = Share::take(shared.open, *listener.spec.connections_max);
    if (!place) {
      return denied(record::Flag::kOverflow, Code::kOverloaded, "as many connections as the listener allows");
    }
    flow.place = std::move(*place);
  }
  if (listener.spec.connections_per_source_max) {
    flow.source = shared.sources.take(client, *listener.spec.connections_per_source_max);
    if (!flow.source) {
      return denied(record::Flag::kOverflow, Code::kOverloaded, "as many connections as one source may have");
    }
  }
  return std::nullopt;
}

std::optional<Error> TcpProxy::choose_service(Flow& flow) {
  const TcpListener& listener = *flow.listener;
  flow.active = proxy_.active_pointer();
  std::uint32_t backend = 0;
  if (listener.split) {
    const auto picked = listener.split->pick({listener.shared->rotation, env_.random, {}});
    if (!picked) return ours(Code::kNoEndpoint, "all backends of this route have weight 0");
    backend = *picked;
  }
  const std::string& name = listener.backends[backend].service;
  flow.record->service.assign(name);
  flow.upstream = find_upstream(name);
  if (!flow.upstream) {
    return ours(Code::kNoEndpoint, "the service of this listener is not there any more");
  }
  flow.upstream->count_request();
  flow.request = flow.upstream->acquire(lb::Resource::kRequests);
  flow.connection = flow.upstream->acquire(lb::Resource::kConnections);
  if (flow.request && flow.connection) return std::nullopt;
  flow.record->flags.add(record::Flag::kOverflow);
  return ours(Code::kOverloaded, "as many connections as the service allows are open");
}

net::Task<Result<std::unique_ptr<net::Stream>>> TcpProxy::attempt(Flow& flow, std::uint32_t index) {
  upstream::Upstream& upstream = *flow.upstream;
  upstream::UpstreamHost& host = upstream.host(index);
  flow.record->endpoint.assign(host.shared->key);
  ++flow.record->tries;
  record::ServiceLoads::give(flow.load, upstream.load(index));
  if (leads_to_us(host.shared->address) || (host.shared->other && leads_to_us(*host.shared->other))) {
    Error circle = ours(Code::kConnectFailed,
                        "the endpoint is a listener of this edge: a connection would go in a circle");
    circle.side = Side::kUpstream;
    circle.retry = Retry::kSafe;
    co_return fail(circle);
  }
  const Instant began = env_.loop.now();
  auto stream =
      co_await upstream::dial(connector_, upstream.service(), *host.shared,
                              {.client = flow.incoming.peer, .local_port = flow.incoming.local_port},
                              env_.loop.deadline(2 * upstream.service().spec.connect_timeout), env_.loop);
  host.counts->upstream.observe(env_.loop.now() - began);
  if (stream) {
    upstream.succeeded(index);
    upstream.observe(index, lb::Outcome::kSuccess);
    flow.reached(host.shared);
    co_return stream;
  }
  if (stream.error().code != Code::kCancelled) {
    upstream.failed(index);
    upstream.observe(index, lb::Outcome::kLocal);
  }
  co_return stream;
}

// Nothing of the client's has gone anywhere before an endpoint is there, so that the next one is always
// right.
net::Task<Result<std::unique_ptr<net::Stream>>> TcpProxy::reach(Flow& flow) {
  upstream::Upstream& upstream = *flow.upstream;
  const lb::Permit waiting = upstream.acquire(lb::Resource::kPending);
  if (!waiting) {
    flow.record->flags.add(record::Flag::kOverflow);
    co_return fail(ours(Code::kOverloaded, "as many connections as the service allows wait for an endpoint"));
  }
  const config::ServiceSpec& spec = upstream.service().spec;
  const config::Retries& retries = flow.listener->retries ? *flow.listener->retries : spec.retries;
  const upstream::Affinity affinity = upstream::affinity(upstream.service(), flow.incoming.peer);
  std::array<std::uint32_t, lb::kTriedMax> tried{};
  std::size_t tries = 0;
  auto index = upstream.pick(affinity, {});
  if (!index) {
    flow.record->flags.add(record::Flag::kNoEndpoint);
    upstream.count_unserved();
    co_return fail(ours(Code::kNoEndpoint, "no endpoint can take the connection"));
  }
  for (;;) {
    auto stream = co_await attempt(flow, *index);
    flow.record->connect_took = env_.loop.now() - flow.record->began;
    if (stream || stream.error().retry != Retry::kSafe) co_return stream;
    flow.record->detail = stream.error().text;
    tried[tries++] = *index;
    const bool used_up = tries > retries.attempts || tries == tried.size();
    const auto another = used_up ? std::nullopt : upstream.pick(affinity, std::span(tried).first(tries));
    if (another && upstream.take_retry(retries.budget_percent)) {
      index = another;
      continue;
    }
    if ((used_up && retries.attempts > 0) || another) flow.record->flags.add(record::Flag::kRetriesUsedUp);
    flow.record->flags.add(record::Flag::kConnectFailure);
    co_return stream;
  }
}

// What the client has said before its endpoint was there. False: it can't be passed on.
net::Task<bool> TcpProxy::send_early(Flow& flow) {
  http::Incoming& incoming = flow.incoming;
  const net::Slice early(incoming.buffer.data() + incoming.begin, incoming.end - incoming.begin);
  const auto sent = co_await flow.far->write(early, flow.listener->idle);
  if (sent) {
    flow.carried.to_far_bytes = *sent;
    co_return true;
  }
  flow.carried.end =
      sent.error().code == Code::kCancelled ? net::Carried::End::kCancelled : net::Carried::End::kFarFailed;
  incoming.stream->abort();
  co_return false;
}

TcpListenerPointer TcpProxy::find_listener(std::string_view name) const {
  for (const PlannedPort& port : proxy_.active_pointer()->plan->ports) {
    if (!port.tcp) continue;
    if (auto found = port.tcp->find(name)) return found;
  }
  return nullptr;
}

bool TcpProxy::can_go(const Flow& flow) const {
  return heir_ && find_listener(flow.listener->name) != nullptr;
}

void TcpProxy::leave(Heir heir) {
  heir_ = std::move(heir);
  for (Flow* flow = flows_; flow != nullptr; flow = flow->next) {
    if (can_go(*flow)) net::halt(flow->carried);
  }
}

// Whoever takes it over counts and writes down its end.
void TcpProxy::give(Flow& flow) {
  record::Connection& record = *flow.record;
  for (record::Traffic::Counts* counts : {flow.balancer_counts, flow.service_counts}) {
    if (counts != nullptr) counts->under_way.down();
  }
  flow.carried.end = net::Carried::End::kUnderWay;
  heir_({.near = std::move(flow.incoming.stream),
         .far = std::move(flow.far),
         .carried = std::move(flow.carried),
         .peer = flow.incoming.peer,
         .local_port = flow.incoming.local_port,
         .id = std::string(record.id.view()),
         .listener = flow.listener->name,
         .server_name = std::string(record.server_name.view()),
         .service = std::string(record.service.view()),
         .endpoint = std::string(record.endpoint.view()),
         .tries = record.tries,
         .age = env_.loop.now() - record.began,
         .connect_took = record.connect_took});
}

std::optional<net::Task<void>> TcpProxy::adopt(MovedConnection moved) {
  TcpListenerPointer listener = find_listener(moved.listener);
  if (!listener) {
    env_.log.error("a connection of another process is cut: its listener is not there",
                   {{"listener", moved.listener}, {"id", moved.id}});
    moved.near->abort();
    moved.far->abort();
    return std::nullopt;
  }
  ClientHello hello;
  hello.server_name = moved.server_name;
  auto flow = std::make_unique<Flow>(
      *this,
      http::Incoming{.stream = std::move(moved.near), .peer = moved.peer, .local_port = moved.local_port},
      std::move(listener), hello);
  record::Connection& record = *flow->record;
  record.id.assign(moved.id);
  record.service.assign(moved.service);
  record.endpoint.assign(moved.endpoint);
  record.tries = moved.tries;
  record.connect_took = moved.connect_took;
  record.began = env_.loop.now() - moved.age;
  flow->carried = std::move(moved.carried);
  flow->far = std::move(moved.far);
  join(*flow);
  return run(std::move(flow));
}

// It counts as if it had come here; a limit that was lowered meanwhile is no reason to end it.
void TcpProxy::join(Flow& flow) {
  const TcpListener& listener = *flow.listener;
  SharedListener& shared = *listener.shared;
  if (listener.spec.connections_max) {
    if (auto place = Share::take(shared.open, *listener.spec.connections_max)) flow.place = std::move(*place);
  }
  if (listener.spec.connections_per_source_max) {
    flow.source = shared.sources.take(flow.incoming.peer, *listener.spec.connections_per_source_max);
  }
  flow.balancer_counts = proxy_.counts_of(listener.load_balancer);
  if (flow.balancer_counts != nullptr) flow.balancer_counts->under_way.up();
  flow.upstream = find_upstream(flow.record->service.view());
  if (!flow.upstream) return;
  flow.service_counts = &flow.upstream->counts();
  flow.service_counts->under_way.up();
  flow.request = flow.upstream->acquire(lb::Resource::kRequests);
  flow.connection = flow.upstream->acquire(lb::Resource::kConnections);
  const std::vector<upstream::PlannedHost>& hosts = flow.upstream->service().hosts;
  for (std::uint32_t index = 0; index < hosts.size(); ++index) {
    if (hosts[index].shared->key != flow.record->endpoint.view()) continue;
    flow.reached(hosts[index].shared);
    record::ServiceLoads::move(flow.load, &flow.upstream->load(index));
  }
}

std::shared_ptr<upstream::Upstream> TcpProxy::find_upstream(std::string_view name) const {
  const std::shared_ptr<const ActivePlan> active = proxy_.active_pointer();
  const auto& services = active->plan->services;
  const auto found = std::ranges::lower_bound(services, name, {},
                                              [](const auto& one) -> std::string_view { return one->name; });
  if (found == services.end() || (*found)->name != name) return nullptr;
  return active->upstreams[static_cast<std::size_t>(found - services.begin())];
}

// Until an endpoint is there. Nothing: it is, and has what came before.
net::Task<std::optional<Error>> TcpProxy::prepare(Flow& flow) {
  flow.balancer_counts = proxy_.counts_of(flow.listener->load_balancer);
  if (flow.balancer_counts != nullptr) {
    flow.balancer_counts->under_way.up();
    flow.balancer_counts->connections.add();
  }
  std::optional<Error> refusal = admit(flow);
  if (!refusal) refusal = choose_service(flow);
  if (refusal) {
    counters_.refused.add();
    co_return refusal;
  }
  flow.service_counts = &flow.upstream->counts();
  flow.service_counts->connections.add();
  flow.service_counts->under_way.up();
  auto far = co_await reach(flow);
  flow.active.reset();
  if (!far) {
    counters_.failed.add();
    co_return far.error();
  }
  flow.far = std::move(*far);
  co_return std::nullopt;
}

net::Task<void> TcpProxy::serve(http::Incoming incoming, TcpListenerPointer listener,
                                const ClientHello& hello) {
  return run(std::make_unique<Flow>(*this, std::move(incoming), std::move(listener), hello));
}

// Kept small: it is there as long as the connection is.
net::Task<void> TcpProxy::run(std::unique_ptr<Flow> flow) {
  flow->context = &co_await net::current_context();
  http::Incoming& incoming = flow->incoming;
  if (flow->listener->duration_max) {
    flow->end_at(flow->record->began + *flow->listener->duration_max, record::Flag::kLastedTooLong);
  }
  bool goes_on = true;
  if (!flow->far) {  // it has not been carried elsewhere before
    if (const auto refusal = co_await prepare(*flow)) {
      incoming.stream->abort();
      end(*flow, refusal);
      co_return;
    }
    goes_on = incoming.begin == incoming.end || co_await send_early(*flow);
    incoming.buffer.release();
  }
  if (goes_on) {
    if (can_go(*flow) && incoming.stream->plain_socket() != nullptr && flow->far->plain_socket() != nullptr) {
      co_return give(*flow);
    }
    co_await net::carry(*incoming.stream, *flow->far,
                        {.idle = flow->listener->idle, .half_closed = flow->listener->half_closed},
                        flow->carried);
    if (flow->carried.end == net::Carried::End::kHalted) co_return give(*flow);
  }
  end(*flow, std::nullopt);
}

void TcpProxy::end(Flow& flow, const std::optional<Error>& why) {
  record::Connection& record = *flow.record;
  record.flags.add(flags_of(flow.carried, !flow.cut_for_time));
  if (why && why->code == Code::kCancelled && !flow.cut_for_time) record.flags.add(record::Flag::kStopped);
  if (why && why->code != Code::kCancelled) {
    record.reason = name_of(why->code);
    record.detail = why->text;
  }
  record.bytes_received = flow.carried.to_far_bytes;
  record.bytes_sent = flow.carried.to_near_bytes;
  record.took = env_.loop.now() - record.began;
  record.ended = true;
  const bool failed = (why && why->code != Code::kCancelled) || broken(flow.carried);
  for (record::Traffic::Counts* counts : {flow.balancer_counts, flow.service_counts}) {
    if (counts == nullptr) continue;
    counts->under_way.down();
    counts->connections_ended.add();
    if (failed) counts->connections_failed.add();
    counts->bytes_received.add(record.bytes_received);
    counts->bytes_sent.add(record.bytes_sent);
    counts->durations.observe(record.took);
  }
  write_down(std::move(flow.record));
}

void TcpProxy::write_down(std::unique_ptr<record::Connection> connection) {
  if (access_lines_) access_lines_->add(*connection, env_.loop.clock().wall_now());
  if (live_ != nullptr) live_->add(*connection, env_.loop.clock());
  ended_.end(std::move(connection));
}

void TcpProxy::refuse(http::Incoming incoming, const TcpListener* listener, const ClientHello& hello,
                      std::string_view reason, const Error& why) {
  counters_.refused.add();
  auto record =
      std::make_unique<record::Connection>(incoming.peer, incoming.local_port, env_.random, env_.loop.now());
  if (listener != nullptr) record->listener.assign(listener->name);
  record->mode = "tls";
  record->server_name.assign(hello.server_name);
  record->reason = reason;
  record->detail = why.text;
  record->flags.add(record::flags_of(why, false));
  record->ended = true;
  if (incoming.stream) incoming.stream->abort();
  write_down(std::move(record));
}

void TcpProxy::plan_changed() {
  for (Flow* flow = flows_; flow != nullptr; flow = flow->next) {
    if (!flow->host) continue;
    const auto upstream = find_upstream(flow->record->service.view());
    if (!upstream) continue;
    const upstream::PlannedService& service = upstream->service();
    if (!service.spec.drain_timeout) continue;
    const bool stays = std::ranges::any_of(service.hosts, [flow](const upstream::PlannedHost& host) {
      return host.shared == flow->host && host.weight > 0;
    });
    if (!stays) {
      flow->end_at(env_.loop.deadline(*service.spec.drain_timeout), record::Flag::kEndpointGone);
    }
  }
}

void TcpProxy::flush_access_log() {
  if (access_lines_) access_lines_->flush();
}

std::string TcpProxy::explain(std::string_view id) const {
  const auto write = [this](const record::Connection& connection, const net::Carried* carried) {
    std::string out;
    record::Json json(out);
    json.begin_object();
    json.key("time").text(
        format_rfc3339(env_.loop.clock().wall_now() -
                       std::chrono::round<std::chrono::milliseconds>(env_.loop.now() - connection.began)));
    json.key("ended").boolean(connection.ended);
    if (carried != nullptr) {
      json.key("bytes_received_so_far").number(carried->to_far_bytes);
      json.key("bytes_sent_so_far").number(carried->to_near_bytes);
    }
    connection.write(json);
    json.key("flags_mean").begin_array();
    for (const record::FlagKind& kind : record::kFlags) {
      if (connection.flags.has(kind.flag)) json.text(kind.doc);
    }
    json.end_array();
    json.end_object();
    return out;
  };
  for (const Flow* flow = flows_; flow != nullptr; flow = flow->next) {
    if (flow->record && flow->record->id.view() == id) return write(*flow->record, &flow->carried);
  }
  const record::Connection* kept = ended_.find(id);
  return kept == nullptr ? std::string() : write(*kept, nullptr);
}

}  // namespace weir::edge
