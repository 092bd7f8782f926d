#include "role/discovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/exposition.h"
#include "base/text.h"
#include "h2/server_connection.h"
#include "role/traffic.h"
#include "translation/own.h"

namespace weir::role {
namespace {

// An edge that is gone without a word is noticed within the two together.
constexpr Duration kKeepaliveInterval = std::chrono::seconds(10);
constexpr Duration kKeepaliveTimeout = std::chrono::seconds(5);

// Often enough for certificates that are made anew a month before their end.
constexpr Duration kIssueInterval = std::chrono::hours(12);

// What a person writes on an Edge object, so that it draws no new clients by its anycast addresses.
constexpr std::string_view kAnycastAnnotation = "anycast";
constexpr std::string_view kWithdraw = "withdraw";

bool is_to_withdraw(const mirror::Mirror& mirror, const std::string& edge) {
  const auto object = mirror.objects().find(config::Kind::kEdge, edge);
  if (!object) return false;
  const auto found = object->metadata.annotations.find(kAnycastAnnotation);
  return found != object->metadata.annotations.end() && found->second == kWithdraw;
}

}  // namespace

Discovery::Discovery(net::Env& env, mirror::Mirror& mirror, controller::Views& views,
                     controller::Fleet& fleet, DiscoveryOptions options, Distrusted distrusted)
    : env_(env),
      options_(std::move(options)),
      distrusted_(std::move(distrusted)),
      issuer_(env, options_.authority, options_.domain),
      mirror_(mirror),
      views_(views),
      fleet_(fleet),
      calls_(env.loop, {}),
      discovery_(env.loop, *this,
                 {.view = [this](const xds::Node& node) { return views_.catalog_for(node); },
                  .is_ahead = [this](const xds::Node& node) { return is_ahead(node); },
                  .revision = [this](const xds::ResourcePtr& of_view) { return present_revision(of_view); },
                  .attached = [this](const xds::Node& node) { attached(node); },
                  .detached = [this](const xds::Node& node) { detached(node); },
                  .ended = [this](const net::Address& from, const xds::Node* node,
                                  const grpc::Status& why) { ended(from, node, why); },
                  .asked = [this](const xds::Session& session) { tell_applied(session); },
                  .domain = options_.domain,
                  .certificate_required = static_cast<bool>(options_.names)}),
      reports_(fleet.sink(),
               {.trust_domain = options_.domain,
                .certificate_required = static_cast<bool>(options_.names),
                .welcome = [this](const std::string& edge) { return views_.knows(edge); },
                .to_withdraw = [this](const std::string& edge) { return is_to_withdraw(mirror_, edge); }}),
      node_server_(mirror.objects(), options_.nodes,
                   {.trust_domain = options_.domain,
                    .certificate_required = static_cast<bool>(options_.names),
                    .revision = [this] { return mirror_.revision(); },
                    .catch_up = [this] { return mirror_.catch_up(); }}),
      http_(env, calls_,
            {.keepalive_interval = kKeepaliveInterval,
             .keepalive_timeout = kKeepaliveTimeout,
             .h2 = h2::make_connection}),
      tasks_(env.loop) {
  discovery_.add_to(calls_);
  calls_.add(std::string(report::kReportPath),
             [this](grpc::ServerCall& call) { return reports_.serve(call); });
  calls_.add(std::string(nodelink::kAttachPath),
             [this](grpc::ServerCall& call) { return node_server_.serve(call); });
  for (const auto& [path, channels] : {std::pair{channel::kNodeChannelPath, options_.channels},
                                       std::pair{channel::kEdgeChannelPath, options_.edge_channels}}) {
    if (channels == nullptr) continue;
    calls_.add(std::string(path), [channels](grpc::ServerCall& call) { return channels->serve(call); });
  }
}

void Discovery::issue() {
  views_.set_issued(issuer_.for_edges(), [this](const std::string& host) { return issuer_.for_host(host); });
}

net::Task<void> Discovery::issue_anew() {
  while (co_await env_.loop.sleep(kIssueInterval)) {
    if (issuer_.drop_old()) issue();
  }
}

std::expected<void, std::string> Discovery::listen() {
  issue();
  tasks_.spawn(issue_anew());
  if (options_.names) {
    auto door = enroll::Door::create(
        env_, options_.authority,
        {.names = options_.names, .protocols = {"h2"}, .clients = tls::ClientCertificates::kRequired});
    if (!door) return std::unexpected(std::string("no TLS for discovery: ") + door.error().text);
    door_ = std::move(*door);
    door_->on_refused([this](const net::Address& from, const char* why) { distrusted_(from, why); });
    tasks_.spawn(door_->keep_fresh());
  }
  auto listener = env_.network.listen(options_.at);
  if (!listener) return std::unexpected(cannot_listen("--xds", options_.at, listener.error()));
  listening_ = true;
  if (door_) {
    http_.listen(std::move(*listener), door_);
  } else {
    http_.listen(std::move(*listener), std::make_shared<h2::PriorKnowledge>());
  }
  return {};
}

void Discovery::changed(std::span<const config::ObjectChange> changes, bool another_view) {
  node_server_.changed(changes);
  if (another_view) review();
  if (envoys_.empty()) return;
  discovery_.for_each_session([this](const xds::Session& session) { tell_applied(session); });
}

// An edge never goes back to what was before, but forward to a later revision with the same in it. One that
// has more than this controller has missed a notification less: as good as one.
bool Discovery::is_ahead(const xds::Node& node) {
  if (!controller::is_own_edge(node)) return false;
  const auto said = node.metadata.find(std::string(xds::kRevisionKey));
  const auto revision = said == node.metadata.end() ? std::nullopt : parse_decimal(said->second);
  if (!revision || *revision <= std::max(views_.revision(), undone_)) return false;
  if (!std::exchange(looking_, true)) tasks_.spawn(look_for(*revision));
  return true;
}

net::Task<void> Discovery::look_for(std::uint64_t revision) {
  const auto read = co_await mirror_.catch_up();
  looking_ = false;
  if (!read || mirror_.revision() >= revision) co_return;
  undone_ = revision;
  env_.log.warning("edges have a later revision than the database: it was put back, and they follow",
                   {{"revision", std::to_string(mirror_.revision())}, {"edges", std::to_string(revision)}});
}

// A view is of the revision that changed it last; what a node is told is all that there is at the present
// one, also when it has been moved to a view that has not changed for long.
xds::ResourcePtr Discovery::present_revision(const xds::ResourcePtr& of_view) const {
  auto present = std::make_shared<xds::Resource>(*translation::revision_resource(views_.revision(), 0));
  present->version = of_view->version;
  return present;
}

std::vector<xds::Node> Discovery::nodes() const {
  std::vector<xds::Node> all;
  discovery_.for_each_session([&all](const xds::Session& session) { all.push_back(session.node()); });
  std::ranges::sort(all, {}, &xds::Node::id);
  const auto again = std::ranges::unique(all, {}, &xds::Node::id);
  all.erase(again.begin(), again.end());
  return all;
}

void Discovery::review() {
  discovery_.review();
  reports_.review();
  std::set<const xds::Catalog*> used;
  discovery_.for_each_session([&](const xds::Session& session) { used.insert(&session.catalog()); });
  views_.tidy(used);
}

// Envoy makes no reports: that it is there, and what it has accepted, is all that is known of it.
void Discovery::attached(const xds::Node& node) {
  if (controller::is_own_edge(node)) return;
  if (++envoys_[node.id] > 1) return;
  fleet_.attach({.node = node.id, .version = node.user_agent});
}

void Discovery::detached(const xds::Node& node) {
  const auto found = envoys_.find(node.id);
  if (found == envoys_.end() || --found->second > 0) return;
  envoys_.erase(found);
  fleet_.detach(node.id);
}

void Discovery::ended(const net::Address& from, const xds::Node* node, const grpc::Status& why) {
  LogLimit& limit = node != nullptr ? nodes_log_limit_ : strangers_log_limit_;
  const auto passed_over = limit.take(env_.loop.now());
  if (!passed_over) return;
  env_.log.warning("a stream of discovery is ended for what its client does",
                   {{"edge", node != nullptr ? node->id : std::string()},
                    {"from", from.to_string()},
                    {"reason", why.message},
                    {"passed_over", std::to_string(*passed_over)}});
}

void Discovery::accepted(const xds::Node& node, xds::Type /*type*/,
                         const std::vector<xds::ResourcePtr>& resources) {
  if (controller::is_own_edge(node)) return;
  for (const xds::ResourcePtr& resource : resources) {
    if (!resource->object.empty()) fleet_.refuse(node.id, resource->object, {});
  }
}

// It has what its view is at this revision when nothing of it is left to be sent: then nothing may ever come
// of a change, or of its coming back, that it could accept.
void Discovery::tell_applied(const xds::Session& session) {
  const xds::Node& node = session.node();
  if (controller::is_own_edge(node) || !session.in_sync()) return;
  const auto* known = fleet_.find(node.id);
  if (known == nullptr || known->applied_revision == views_.revision()) return;
  if (views_.is_behind(session.catalog())) return;
  fleet_.report(node.id, {.load = report::Load{.applied_revision = views_.revision()}});
}

void Discovery::refused(const xds::Node& node, xds::Type type, const xds::ResourcePtr& resource,
                        std::string_view message) {
  env_.log.warning("an edge refuses what it is told; it goes on with what was before",
                   {{"edge", node.id},
                    {"type", std::string(xds::info_of(type).word)},
                    {"resource", resource ? resource->name : std::string()},
                    {"reason", std::string(message)}});
  if (controller::is_own_edge(node) || !resource || resource->object.empty()) return;
  fleet_.refuse(node.id, resource->object, message);
}

void Discovery::write_metrics(std::string& out) const {
  Exposition exposition(out);
  const xds::Server::Counters& counters = discovery_.counters();
  exposition.single("weir_discovery_streams", "gauge", "Edges' streams of discovery that are open here.",
                    discovery_.streams());
  exposition.single("weir_report_streams", "gauge", "Edges that report to this controller.",
                    reports_.attached());
  exposition.single("weir_node_streams", "gauge", "Nodes that are attached to this controller.",
                    node_server_.attached());
  exposition.single("weir_node_assignments_total", "counter", "Times that a node was told what it is to run.",
                    node_server_.assignments_told());
  exposition.single("weir_discovery_views", "gauge", "Different views that edges have.", views_.size());
  exposition.single("weir_discovery_requests_total", "counter", "Requests of discovery.",
                    counters.requests.get());
  exposition.single("weir_discovery_responses_total", "counter", "Responses of discovery.",
                    counters.responses.get());
  exposition.single("weir_discovery_response_bytes_total", "counter", "Bytes of those.",
                    counters.response_bytes.get());
  exposition.single("weir_discovery_refusals_total", "counter", "Responses that an edge refused.",
                    counters.refusals.get());
  exposition.single("weir_discovery_overdue_total", "counter",
                    "Streams ended because the edge did not answer.", counters.overdue.get());
}

void Discovery::drain() {
  http_.drain();
  calls_.end_calls();
}

net::Task<void> Discovery::join() {
  co_await http_.join();
  co_await tasks_.stop();
}

}  // namespace weir::role
