#include "controller/tunnels.h"

#include <algorithm>
#include <array>
#include <span>

#include "auth/crypto.h"
#include "base/text.h"
#include "mirror/accounts.h"
#include "mirror/handed_ports.h"
#include "mirror/records.h"
#include "mirror/tenancy.h"
#include "mirror/writes.h"

namespace weir::controller {
namespace {

using config::Kind;
using config::Object;
using config::ObjectChange;
using config::ObjectPointer;
using config::TunnelSpec;

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);
// Its service may come, or be somebody else's.
constexpr Duration kRefusedLookedAtAgain = std::chrono::seconds(5);
constexpr std::size_t kNameDigestBytes = 6;
constexpr std::size_t kNameServiceBytesMax = 50;

const TunnelSpec& tunnel_of(const Object& object) { return std::get<TunnelSpec>(object.spec); }

// The host names and ports that a commit gives away: each to one service of one owner. Whoever else wants one
// of them is judged behind the commit.
class Places {
 public:
  // False: they give away what is given already.
  bool take(const std::vector<ObjectChange>& changes) {
    for (const ObjectChange& change : changes) {
      if (!change.after) continue;
      const auto* balancer = std::get_if<config::LoadBalancerSpec>(&change.after->spec);
      if (balancer == nullptr) continue;
      const std::pair taker(change.name(), std::string(config::owner_of(*change.after)));
      if (services_.emplace(taker).first->second != taker.second) return false;
      for (const config::Listener& listener : balancer->listeners) {
        for (const std::string& hostname : listener.hostnames) {
          if (hostnames_.emplace(hostname, taker).first->second != taker) return false;
        }
        if (listener.port && ports_.emplace(*listener.port, taker).first->second != taker) return false;
      }
    }
    return true;
  }

 private:
  std::map<std::string, std::pair<std::string, std::string>> hostnames_;  // service and owner
  std::map<std::uint32_t, std::pair<std::string, std::string>> ports_;    // the same
  std::map<std::string, std::string> services_;                           // owner
};

}  // namespace

std::string tunnel_name(std::string_view service, std::string_view instance, std::string_view edge) {
  const auth::Digest digest =
      auth::sha256({auth::bytes_of(service), auth::bytes_of("/"), auth::bytes_of(instance),
                    auth::bytes_of("/"), auth::bytes_of(edge)});
  return std::string(service.substr(0, kNameServiceBytesMax)) + '-' +
         to_hex(std::span(digest).first(kNameDigestBytes));
}

Tunnels::Tunnels(net::Env& env, store::Store& store, mirror::Mirror& mirror, Fleet& fleet,
                 std::string controller, mirror::PortRange ports)
    : env_(env),
      store_(store),
      mirror_(mirror),
      fleet_(fleet),
      controller_(std::move(controller)),
      ports_(ports),
      follower_(mirror, [this](const std::vector<ObjectChange>& changes) { moved(changes); }),
      tasks_(env.loop) {
  fleet_.on_tunnel([this](const std::string& edge, const report::TunnelSeen& seen) { take(edge, seen); });
  fleet_.on_change([this](const std::string& edge) { edge_changed(edge); });
}

void Tunnels::start() {
  tasks_.spawn(run());
  tasks_.spawn(tick());
}

net::Task<void> Tunnels::stop() { co_await tasks_.stop(); }

// --- what edges say

void Tunnels::take(const std::string& name, const report::TunnelSeen& seen) {
  Edge& edge = edge_of(name);
  std::string object = tunnel_name(seen.service, seen.instance, name);
  edge.unsaid.erase(object);
  const auto known = edge.tunnels.find(object);
  if (seen.gone) {
    if (known == edge.tunnels.end() || known->second.spec.session != seen.session) return;
    forget(name, object, true);
    wake_.set();
    return;
  }
  const Fleet::Edge* speaker = fleet_.find(name);
  Wanted wanted{.spec = {.service = seen.service,
                         .instance = seen.instance,
                         .edge = name,
                         .provider = speaker == nullptr ? "" : speaker->hello.provider,
                         .relay = speaker == nullptr ? "" : speaker->hello.relay,
                         .session = seen.session,
                         .via = seen.agent ? config::TunnelVia::kAgent : config::TunnelVia::kSsh,
                         .user = seen.user,
                         .client = seen.client,
                         .seen_by = controller_,
                         .weight = seen.weight,
                         .priority = seen.priority,
                         .zone = speaker == nullptr ? "" : speaker->hello.region,
                         .since = env_.loop.clock().wall_now()},
                .hostname = seen.hostname,
                .type = seen.type};
  if (known == edge.tunnels.end() && edge.tunnels.size() >= kTunnelsOfEdgeMax) {
    return refuse(wanted, "the edge has too many");
  }
  gone_.erase(object);
  edge.tunnels[object] = std::move(wanted);
  dirty_[std::move(object)] = name;
  wake_.set();
}

// An edge that attaches anew says all that it has; one that is lost may be on its way back.
// One that is not known yet begins as it is now: what it says is said since it attached.
Tunnels::Edge& Tunnels::edge_of(const std::string& name) {
  const auto [found, is_new] = edges_.try_emplace(name);
  if (const Fleet::Edge* told = is_new ? fleet_.find(name) : nullptr) {
    found->second.attached = told->attached;
    found->second.since = told->since;
  }
  return found->second;
}

void Tunnels::edge_changed(const std::string& name) {
  const Fleet::Edge* told = fleet_.find(name);
  const auto found = edges_.find(name);
  if (found == edges_.end()) return;
  Edge& edge = found->second;
  const bool attached = told != nullptr && told->attached;
  if (told != nullptr && attached == edge.attached && told->since == edge.since) return;
  edge.attached = attached;
  edge.since = told == nullptr ? WallTime{} : told->since;
  for (const auto& [object, wanted] : edge.tunnels) edge.unsaid.insert(object);
  edge.judged_at = env_.loop.deadline(kTunnelGrace);
}

void Tunnels::forget(const std::string& name, const std::string& object, bool said) {
  Edge& edge = edges_[name];
  const auto known = edge.tunnels.find(object);
  gone_[object] = {.edge = name, .session = known->second.spec.session, .said = said, .taken_till = {}};
  edge.tunnels.erase(known);
  refused_.erase(object);
  dirty_[object] = name;
}

// What another controller has given up, or removed, and an edge still speaks of here.
void Tunnels::moved(std::span<const ObjectChange> changes) {
  for (const ObjectChange& change : changes) {
    if (change.kind() != Kind::kTunnel || !change.before) continue;
    if (change.after && !tunnel_of(*change.after).seen_by.empty()) continue;
    const auto edge = edges_.find(tunnel_of(*change.before).edge);
    if (edge == edges_.end() || !edge->second.attached) continue;
    if (!edge->second.tunnels.contains(change.name()) || edge->second.unsaid.contains(change.name()))
      continue;
    dirty_[change.name()] = edge->first;
    wake_.set();
  }
}

void Tunnels::sweep() {
  const Instant now = env_.loop.now();
  for (auto entry = edges_.begin(); entry != edges_.end();) {
    Edge& edge = entry->second;
    if (edge.judged_at && now >= *edge.judged_at) {
      edge.judged_at.reset();
      for (const std::string& object : std::exchange(edge.unsaid, {})) forget(entry->first, object, false);
      wake_.set();
    }
    entry = edge.tunnels.empty() && !edge.judged_at ? edges_.erase(entry) : std::next(entry);
  }
  for (const auto& [object, gone] : gone_) {
    if (!gone.taken_till || now < *gone.taken_till) continue;
    dirty_[object] = gone.edge;
    wake_.set();
  }
}

net::Task<void> Tunnels::tick() {
  Instant again = env_.loop.deadline(kRefusedLookedAtAgain);
  while (co_await env_.loop.sleep(kTick)) {
    sweep();
    if (refused_.empty() || env_.loop.now() < again) continue;
    again = env_.loop.deadline(kRefusedLookedAtAgain);
    dirty_.merge(std::exchange(refused_, {}));
    wake_.set();
  }
}

// What this controller heard before it was started anew, or what somebody has given up: the edges come back,
// or not.
void Tunnels::adopt() {
  if (std::exchange(adopted_, true)) return;
  for (const ObjectPointer& object : mirror_.objects().of(Kind::kTunnel)) {
    const TunnelSpec& spec = tunnel_of(*object);
    if (spec.seen_by != controller_ && !spec.seen_by.empty()) continue;
    Edge& edge = edge_of(spec.edge);
    if (!edge.tunnels.emplace(object->metadata.name, Wanted{.spec = spec, .hostname = {}, .type = {}}).second)
      continue;
    edge.unsaid.insert(object->metadata.name);
    if (!edge.judged_at) edge.judged_at = env_.loop.deadline(2 * kTunnelGrace);
  }
}

// --- what the store is to have

net::Task<void> Tunnels::run() {
  for (;;) {
    wake_.reset();
    const auto read = co_await mirror_.catch_up();
    if (!read && read.error().code == Code::kCancelled) co_return;
    if (read) adopt();
    bool done = read.has_value();
    while (done && !dirty_.empty()) done = co_await commit_some();
    if (done) {
      if (!co_await wake_.wait(env_.loop)) co_return;
    } else if (!co_await env_.loop.sleep(kRetryAfterError)) {
      co_return;
    }
  }
}

// False: to be tried again later.
net::Task<bool> Tunnels::commit_some() {
  // What is said from here on is looked at again.
  ByObject looked_at;
  while (!dirty_.empty() && looked_at.size() < kTunnelsOfCommitMax) {
    looked_at.insert(dirty_.extract(dirty_.begin()));
  }
  store::Transaction transaction;
  std::set<std::pair<Kind, std::string>> written;
  Places places;
  ByObject later;
  std::size_t events = 0;
  for (const auto& [name, edge] : looked_at) {
    const std::vector<ObjectChange> changes = changes_for(name, edge);
    if (!places.take(changes)) {
      later.emplace(name, edge);
      continue;
    }
    for (const ObjectChange& change : changes) {
      if (!written.emplace(change.kind(), change.name()).second) continue;  // two origins of a new service
      if (change.kind() != Kind::kTunnel) {
        mirror::put_changes(
            transaction, std::span(&change, 1),
            {.name = "user/" + std::string(config::owner_of(*change.after)), .remote_address = {}},
            env_.loop.clock().wall_now(), mirror_.revision(), events++);
        mirror::expect_unchanged(transaction, std::array{change.kind()}, mirror_.revision());
        continue;
      }
      const store::Revision expected = change.before ? change.before->metadata.revision : 0;
      if (change.after) {
        transaction.put(mirror::key_of(Kind::kTunnel, name), mirror::encode(*change.after), expected);
      } else {
        transaction.remove(mirror::key_of(Kind::kTunnel, name), expected);
      }
    }
  }
  if (transaction.steps.empty()) {
    for (const auto& [name, edge] : looked_at) settle(name);
    co_return true;
  }
  const auto committed = co_await store_.commit(std::move(transaction));
  if (committed) {
    dirty_.merge(later);
    for (const auto& [name, edge] : looked_at) settle(name);
    co_return (co_await mirror_.catch_up()).has_value();
  }
  dirty_.merge(looked_at);  // what was said meanwhile is newer, and stays
  const Error& error = committed.error().error;
  const bool overtaken =
      error.code == Code::kConflict || error.code == Code::kExists || error.code == Code::kNotFound;
  if (overtaken) co_return (co_await mirror_.catch_up()).has_value();
  if (error.code != Code::kCancelled && log_limit_.take(env_.loop.now())) {
    env_.log.warning("tunnels are not written down", {{"reason", error.text}});
  }
  co_return false;
}

std::vector<ObjectChange> Tunnels::changes_for(const std::string& name, const std::string& edge) {
  const ObjectPointer stored = mirror_.objects().find(Kind::kTunnel, name);
  const Wanted* wanted = nullptr;
  if (const auto speaker = edges_.find(edge); speaker != edges_.end()) {
    const auto known = speaker->second.tunnels.find(name);
    if (known != speaker->second.tunnels.end()) wanted = &known->second;
  }
  if (wanted == nullptr) return end_of(name, stored);
  const ObjectPointer service = mirror_.objects().find(Kind::kService, wanted->spec.service);
  if (!allows(*wanted, service)) {
    refused_[name] = edge;
    return end_of_outlived(stored, wanted->spec.session);
  }
  std::vector<ObjectChange> changes;
  if (!service) changes = place_for(*wanted);
  if (!service && changes.empty()) {
    refuse(*wanted, "the host name is another one's, there is no port left, or no more may be had");
    refused_[name] = edge;
    return end_of_outlived(stored, wanted->spec.session);
  }
  auto after = std::make_shared<Object>();
  after->metadata = stored ? stored->metadata : mirror::new_metadata(name, env_);
  after->metadata.organization = (service ? service : changes.front().after)->metadata.organization;
  after->metadata.updated_at = env_.loop.clock().wall_now();
  TunnelSpec spec = wanted->spec;
  if (stored && tunnel_of(*stored).session == spec.session) spec.since = tunnel_of(*stored).since;
  if (stored && tunnel_of(*stored) == spec) return {};
  after->spec = std::move(spec);
  changes.push_back({stored, std::move(after)});
  return changes;
}

// What this controller has written of a session whose place another one has come to, as the edge says: that
// is over, whether the other one is taken or not, or has gone already.
std::vector<ObjectChange> Tunnels::end_of_outlived(const ObjectPointer& stored,
                                                   const std::string& session) const {
  if (!stored || tunnel_of(*stored).seen_by != controller_ || tunnel_of(*stored).session == session)
    return {};
  return {{stored, nullptr}};
}

// Unless another controller hears of it by now, or another session has come to its place. What no edge has
// said to be gone another one may hear of, which the store does not say: it is given up first, for whoever
// does to take.
std::vector<ObjectChange> Tunnels::end_of(const std::string& name, const ObjectPointer& stored) {
  const auto found = gone_.find(name);
  if (!stored || found == gone_.end()) return {};
  Gone& gone = found->second;
  const TunnelSpec& spec = tunnel_of(*stored);
  const bool ours = spec.seen_by == controller_ || spec.seen_by.empty();
  if (!ours || spec.session != gone.session) {
    gone.taken_till.reset();
    return end_of_outlived(stored, gone.session);
  }
  const bool is_over = gone.taken_till && env_.loop.now() >= *gone.taken_till;
  if (gone.said || (is_over && spec.seen_by.empty())) {
    gone.taken_till.reset();
    return {{stored, nullptr}};
  }
  if (!gone.taken_till) gone.taken_till = env_.loop.deadline(kTunnelTaken);
  if (spec.seen_by.empty()) return {};
  auto after = std::make_shared<Object>(*stored);
  after->metadata.updated_at = env_.loop.clock().wall_now();
  std::get<TunnelSpec>(after->spec).seen_by.clear();
  return {{stored, std::move(after)}};
}

// It has been looked at; what is given up only is looked at again.
void Tunnels::settle(const std::string& object) {
  const auto found = gone_.find(object);
  if (found != gone_.end() && !found->second.taken_till && !dirty_.contains(object)) gone_.erase(found);
}

// The edge has judged it by what it knew; this is by what is so.
bool Tunnels::allows(const Wanted& wanted, const ObjectPointer& service) {
  if (!service) {
    if (!wanted.hostname.empty()) return true;
    refuse(wanted, "there is no such service");
    return false;
  }
  const std::string& organization = service->metadata.organization;
  const bool is_theirs = wanted.spec.user.empty() || config::owner_of(*service) == wanted.spec.user;
  // Who was a member when it was made may be none any more.
  const bool is_in =
      organization.empty() || mirror::role_of(mirror_.objects(), wanted.spec.user, organization);
  if (is_theirs && is_in) return true;
  refuse(wanted, "the service is another one's");
  return false;
}

// A Service and a LoadBalancer for a name that nobody had; none, when somebody has the host name, or there is
// no port for it.
std::vector<ObjectChange> Tunnels::place_for(const Wanted& wanted) const {
  const TunnelSpec& tunnel = wanted.spec;
  const bool of_connections = wanted.type == "tcp" || wanted.type == "tls";
  const auto made = [&](config::Spec spec) {
    auto object = std::make_shared<Object>();
    object->metadata = mirror::new_metadata(tunnel.service, env_);
    object->metadata.organization = mirror::home_of(mirror_.objects(), tunnel.user);
    if (!tunnel.user.empty()) object->metadata.labels.emplace(config::kOwnerLabel, tunnel.user);
    object->spec = std::move(spec);
    return ObjectChange{nullptr, std::move(object)};
  };
  config::LoadBalancerSpec balancer;
  using enum config::ListenerProtocol;
  if (wanted.type == "tcp") {
    balancer.listeners = {{.protocol = kTcp, .hostnames = {}}};
  } else if (wanted.type == "tls") {
    balancer.listeners = {{.protocol = kTls, .hostnames = {wanted.hostname}}};
  } else {
    balancer.listeners = {{.protocol = kHttp, .hostnames = {wanted.hostname}},
                          {.protocol = kHttps, .hostnames = {wanted.hostname}}};
  }
  config::Route route;
  route.backends.push_back({tunnel.service, 1});
  balancer.routes.push_back(std::move(route));
  config::ServiceSpec service;
  if (of_connections) service.protocol = config::Protocol::kTcp;
  auto balancer_object = std::make_shared<Object>(*made(std::move(balancer)).after);
  const std::array<Object*, 1> ported{balancer_object.get()};
  mirror::hand_out_ports(mirror_.objects(), ported, ports_);
  std::vector<ObjectChange> changes{made(std::move(service)), {nullptr, std::move(balancer_object)}};
  if (!mirror_.objects().check(changes).empty()) return {};
  if (!mirror::exceeded_quota(mirror_.objects(), changes).empty()) return {};
  return changes;
}

void Tunnels::refuse(const Wanted& wanted, std::string_view why) {
  const auto passed_over = log_limit_.take(env_.loop.now());
  if (!passed_over) return;
  env_.log.warning("an origin is not taken", {{"service", wanted.spec.service},
                                              {"edge", wanted.spec.edge},
                                              {"user", wanted.spec.user},
                                              {"reason", std::string(why)}});
}

}  // namespace weir::controller
