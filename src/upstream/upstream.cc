#include "upstream/upstream.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lb/slow_start.h"

namespace weir::upstream {

void Waiting::wait_at(UpstreamHost& host) {
  next_ = host.waiting_;
  link_ = &host.waiting_;
  if (next_ != nullptr) next_->link_ = &next_;
  host.waiting_ = this;
}

void Waiting::end_wait() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
}

UpstreamHost::UpstreamHost(std::shared_ptr<SharedHost> host, const PlannedService& service, net::Loop& loop,
                           const UpstreamShare& share)
    : shared(std::move(host)),
      counts(share.traffic.join(record::Traffic::Sort::kEndpoint, service.name + '/' + shared->key)) {
  std::shared_ptr<std::atomic<std::uint32_t>> active;
  // LEAST_REQUEST goes by it, and the bound of those that hash.
  const lb::PolicyKind& policy = lb::kPolicies[static_cast<std::size_t>(service.spec.balance)];
  if (policy.make == lb::make_least_request || policy.make_table != nullptr) {
    active = {shared, &shared->active.count};
  }
  if (service.spec.protocol == config::Protocol::kHttp) {
    h1_ = std::make_shared<http::ClientPool>(std::move(active));
  } else if (service.spec.protocol == config::Protocol::kHttp2) {
    h2_ = std::make_unique<h2::ClientPool>(loop, share.connections, share.write_timeout, std::move(active));
  }
}

UpstreamHost::~UpstreamHost() {
  if (h1_) h1_->retire();
}

UpstreamConnection UpstreamHost::take(const net::Address& client) {
  if (h1_) return {.h1 = h1_->take(client), .h2 = nullptr};
  return {.h1 = nullptr, .h2 = h2_->take()};
}

net::Task<Result<UpstreamConnection>> UpstreamHost::connect(h2::Opener& opener, Duration timeout,
                                                            net::Address client) {
  if (h2_) {
    auto connection = co_await h2_->acquire(opener, timeout);
    if (!connection) co_return fail(connection.error());
    co_return UpstreamConnection{.h1 = nullptr, .h2 = std::move(*connection)};
  }
  auto opened = co_await opener.open();
  if (!opened) co_return fail(opened.error());
  auto connection = std::make_unique<http::ClientConnection>(std::move(opened->stream));
  connection->held = std::move(opened->held);
  connection->client = client;
  co_return UpstreamConnection{.h1 = std::move(connection), .h2 = nullptr};
}

net::Task<Result<http::ResponsePtr>> UpstreamHost::exchange(UpstreamConnection connection,
                                                            const UpstreamHead& head, http::Request& request,
                                                            http::ExchangeOptions options) {
  if (connection.h2) return h2::exchange(std::move(connection.h2), *head.h2, request, options);
  return http::exchange(std::move(connection.h1), h1_, head.h1, request, options);
}

void UpstreamHost::close_idle_since(Instant before) {
  if (h1_) h1_->close_idle_since(before);
  if (h2_) h2_->close_idle_since(before);
}

void UpstreamHost::close_all() {
  if (h1_) h1_->close_all();
  if (h2_) h2_->close_all();
}

// Each goes on in a later turn, so the list stays as it is meanwhile.
void UpstreamHost::tell_waiting() {
  for (Waiting* waiting = waiting_; waiting != nullptr; waiting = waiting->next_) waiting->host_is_down();
}

namespace {

// What connections are made with is the same for both.
bool shares_connections(const PlannedService& one, const PlannedService& other) {
  return one.spec.balance == other.spec.balance && one.spec.protocol == other.spec.protocol &&
         one.spec.tls == other.spec.tls && one.tls == other.tls &&
         one.spec.proxy_protocol == other.spec.proxy_protocol;
}

// The connections of a host are kept when it is the same one, reached by the same sessions: an idle
// connection to one that was taken over would go on leading there.
bool is_same(const PlannedHost& one, const PlannedHost& other) {
  return one.shared == other.shared && one.sessions == other.sessions;
}

// Of each host, those of its zone.
std::vector<record::ServiceLoads::CountsPointer> loads_of(const PlannedService& service,
                                                          record::ServiceLoads& loads) {
  std::map<std::uint32_t, record::ServiceLoads::CountsPointer> by_zone;
  for (const config::Endpoint& endpoint : service.source->endpoints) {
    auto& of_zone = by_zone[zone_number(endpoint.zone)];
    if (!of_zone) of_zone = loads.join(service.name, endpoint.zone);
  }
  std::vector<record::ServiceLoads::CountsPointer> all;
  for (const PlannedHost& host : service.hosts) all.push_back(by_zone[host.zone]);
  return all;
}

}  // namespace

Upstream::Upstream(PlannedServicePointer planned, const Upstream* previous, net::Env& env,
                   const UpstreamShare& share)
    : env_(env),
      zone_(zone_number(share.zone)),
      outliers_(outlier_settings(planned->spec.outlier_detection)),
      limits_{.connections = planned->spec.circuit_breakers.connections_max,
              .pending = planned->spec.circuit_breakers.pending_max,
              .requests = planned->spec.circuit_breakers.requests_max,
              .retries = planned->spec.circuit_breakers.retries_max},
      planned_(std::move(planned)),
      counts_(share.traffic.join(record::Traffic::Sort::kService, planned_->name)),
      keeper_(std::make_shared<const PlannedServicePointer>(planned_)),
      loads_(loads_of(*planned_, share.loads)),
      unserved_(share.loads.join(planned_->name, share.zone)) {
  const bool reuse = previous != nullptr && shares_connections(*previous->planned_, *planned_);
  for (const PlannedHost& planned_host : planned_->hosts) {
    std::shared_ptr<UpstreamHost> host;
    if (reuse) {
      const auto& before = previous->planned_->hosts;
      const auto kept = std::ranges::find_if(
          before, [&](const PlannedHost& candidate) { return is_same(candidate, planned_host); });
      if (kept != before.end()) host = previous->hosts_[static_cast<std::size_t>(kept - before.begin())];
    }
    if (!host) host = std::make_shared<UpstreamHost>(planned_host.shared, *planned_, env.loop, share);
    hosts_.push_back(std::move(host));
  }
}

Upstream::Survey Upstream::survey(Instant now) const {
  const lb::SlowStart slow{.window = planned_->spec.slow_start.value_or(Duration::zero())};
  Survey survey;
  for (const PlannedHost& planned : planned_->hosts) {
    const auto index = static_cast<std::uint32_t>(survey.hosts.size());
    const lb::Backoff& backoff = hosts_[index]->backoff;
    const bool set_aside = backoff.set_aside(now);
    if (set_aside) survey.until = std::min(survey.until, backoff.until());
    std::uint32_t ramp = lb::kRampFull;
    if (slow.window > Duration::zero()) {
      const Instant since = planned.shared->serving_since.load(std::memory_order_relaxed);
      ramp = lb::ramp(slow, since, now);
      survey.until = std::min(survey.until, lb::ramp_changes_at(slow, since, now));
    }
    survey.hosts.push_back(
        {.id = planned.id,
         .index = index,
         .weight = planned.weight,
         .priority = planned.priority,
         .health = planned.shared->verdict(),
         .set_aside = set_aside,
         .ejected = planned_->spec.outlier_detection.enabled && planned.shared->outcomes.ejected(),
         .zone = planned.zone,
         .ramp = ramp,
         .active = &planned.shared->active});
  }
  survey.spread = lb::spread(survey.hosts, {.check_configured = planned_->spec.health_check.has_value(),
                                            .panic_percent = planned_->spec.panic_percent,
                                            .zone = zone_});
  return survey;
}

void Upstream::refresh() {
  health_epoch_ = planned_->shared->health_epoch.load(std::memory_order_acquire);
  stale_ = false;
  const auto [hosts, spread, until] = survey(env_.loop.now());
  refresh_at_ = until;
  serving_.clear();
  for (const lb::Host& host : spread.hosts) serving_.push_back(host.index);
  policy_ =
      spread.hosts.empty()
          ? nullptr
          : lb::kPolicies[static_cast<std::size_t>(planned_->spec.balance)].make(
                spread.hosts,
                {.table = planned_->table,
                 .load_percent_max = planned_->spec.hash_on ? planned_->spec.hash_on->load_percent_max : 0});
}

void Upstream::refresh_if_due() {
  if (stale_ || env_.loop.now() >= refresh_at_ ||
      planned_->shared->health_epoch.load(std::memory_order_acquire) != health_epoch_) {
    refresh();
  }
}

std::optional<std::uint32_t> Upstream::serving_by_cookie(std::uint64_t cookie) const {
  if (cookie == 0) return std::nullopt;
  const auto found =
      std::ranges::find(serving_, cookie, [this](auto at) { return planned_->hosts[at].cookie; });
  return found == serving_.end() ? std::nullopt : std::optional(*found);
}

bool Upstream::serves(std::uint64_t cookie) {
  refresh_if_due();
  return serving_by_cookie(cookie).has_value();
}

namespace {

// What is left for a request when all that it might be given to have failed it: to eject is a preference.
std::optional<std::uint32_t> last_resort(const PlannedService& service,
                                         std::span<const std::uint32_t> tried) {
  std::optional<std::uint32_t> best;
  for (std::uint32_t index = 0; index < service.hosts.size(); ++index) {
    const PlannedHost& host = service.hosts[index];
    if (host.weight == 0 || !host.shared->outcomes.ejected()) continue;
    if (std::ranges::find(tried, index) != tried.end()) continue;
    if (!lb::may_serve(host.shared->verdict(), service.spec.health_check.has_value())) continue;
    if (!best || host.priority < service.hosts[*best].priority) best = index;
  }
  return best;
}

}  // namespace

std::optional<std::uint32_t> Upstream::pick(const Affinity& affinity, std::span<const std::uint32_t> tried) {
  refresh_if_due();
  if (!policy_) return std::nullopt;
  if (tried.empty()) {
    if (const auto kept = serving_by_cookie(affinity.endpoint)) return kept;
  }
  const std::uint32_t active = planned_->shared->circuit.used(lb::Resource::kRequests);  // this one, too
  const auto picked = policy_->pick(
      {planned_->shared->rotation, env_.random, tried, affinity.hash, active == 0 ? 0 : active - 1});
  return picked || tried.empty() ? picked : last_resort(*planned_, tried);
}

void Upstream::observe(std::uint32_t index, lb::Outcome outcome) {
  if (!planned_->spec.outlier_detection.enabled) return;
  SharedService& shared = *planned_->shared;
  const auto ejected = shared.outliers.observe(hosts_[index]->shared->outcomes, outcome, outliers_,
                                               hosts_.size(), env_.loop.now());
  if (!ejected) return;
  shared.ejections.fetch_add(1, std::memory_order_relaxed);
  shared.health_epoch.fetch_add(1, std::memory_order_release);
  env_.log.warning("endpoint ejected", {{"service", planned_->name},
                                        {"endpoint", hosts_[index]->shared->key},
                                        {"reason", std::string(lb::name_of(*ejected))}});
}

bool Upstream::take_retry(std::uint32_t budget_percent) {
  SharedService& shared = *planned_->shared;
  const bool taken = shared.retry_budget.take_retry(
      env_.loop.now(), shared.circuit.used(lb::Resource::kRequests), {.percent = budget_percent});
  if (taken) shared.retries.fetch_add(1, std::memory_order_relaxed);
  return taken;
}

void Upstream::failed(std::uint32_t index) {
  hosts_[index]->backoff.failed(env_.loop.now());
  hosts_[index]->close_all();  // what broke one connection has probably broken the others
  stale_ = true;
}

// In panic those that are down are picked, too: then nobody leaves.
void Upstream::leave_hosts_down() {
  refresh_if_due();
  if (serving_.empty()) return;
  for (std::uint32_t index = 0; index < hosts_.size(); ++index) {
    const lb::Health verdict = planned_->hosts[index].shared->verdict();
    const bool down = verdict == lb::Health::kUnhealthy || verdict == lb::Health::kNeverHealthy;
    if (down && !std::ranges::binary_search(serving_, index)) hosts_[index]->tell_waiting();
  }
}

void Upstream::close_idle() {
  const Instant before = env_.loop.now() - planned_->spec.idle_timeout;
  for (const auto& host : hosts_) host->close_idle_since(before);
}

}  // namespace weir::upstream
