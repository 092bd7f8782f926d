// Discovery: the port that machines are attached to: edges, what they are told (xDS, to weir's own and to
// Envoy) and their reports; and nodes, with what they are to run. Over mutual TLS with certificates of weir's
// own authority. A part of a control plane; on the control loop.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_limit.h"
#include "channel/channels.h"
#include "controller/fleet.h"
#include "controller/issuer.h"
#include "controller/views.h"
#include "enroll/door.h"
#include "grpc/server.h"
#include "http/server.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "nodelink/node_server.h"
#include "report/report_server.h"
#include "tls/authority.h"
#include "xds/server.h"

namespace weir::role {

struct DiscoveryOptions {
  net::Address at;
  std::string domain;  // of the identities of machines
  // By which controllers are reached, for the certificate. Empty: without TLS, and a node is who it says.
  std::function<std::vector<std::string>()> names;
  std::shared_ptr<const tls::Authority> authority;
  nodelink::NodeServer::Sink nodes;            // who hears of them
  channel::Channels* channels = nullptr;       // that they make; outlives their calls. Null: none
  channel::Channels* edge_channels = nullptr;  // the same of edges
};

// Who hears of a certificate that was not believed.
using Distrusted = std::function<void(const net::Address& from, const char* why)>;

class Discovery final : private xds::Sink {
 public:
  // views, fleet: of all objects and edges that there are, and the mirror that they follow; outlive it.
  Discovery(net::Env& env, mirror::Mirror& mirror, controller::Views& views, controller::Fleet& fleet,
            DiscoveryOptions options, Distrusted distrusted);

  // The error is a sentence.
  std::expected<void, std::string> listen();
  bool listening() const { return listening_; }

  // After the views were told of changes. another_view: edges may have to be given one.
  void changed(std::span<const config::ObjectChange> changes, bool another_view);

  // Those that are attached, each once.
  std::vector<xds::Node> nodes() const;
  // Those that run instances.
  nodelink::NodeServer& node_server() { return node_server_; }
  // Those that carry traffic.
  report::ReportServer& report_server() { return reports_; }

  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

  void drain();
  net::Task<void> join();
  void cut() { http_.cut(); }

 private:
  void accepted(const xds::Node& node, xds::Type type,
                const std::vector<xds::ResourcePtr>& resources) override;
  void refused(const xds::Node& node, xds::Type type, const xds::ResourcePtr& resource,
               std::string_view message) override;

  void attached(const xds::Node& node);
  void detached(const xds::Node& node);
  void ended(const net::Address& from, const xds::Node* node, const grpc::Status& why);
  void review();
  void tell_applied(const xds::Session& session);
  bool is_ahead(const xds::Node& node);
  net::Task<void> look_for(std::uint64_t revision);
  xds::ResourcePtr present_revision(const xds::ResourcePtr& of_view) const;
  void issue();
  net::Task<void> issue_anew();

  net::Env& env_;
  DiscoveryOptions options_;
  Distrusted distrusted_;
  controller::Issuer issuer_;
  mirror::Mirror& mirror_;
  controller::Views& views_;
  controller::Fleet& fleet_;
  std::map<std::string, std::size_t, std::less<>> envoys_;  // and how many streams each has
  // Of ended(): who has not said its name doesn't keep those out of the log who have.
  LogLimit nodes_log_limit_;
  LogLimit strangers_log_limit_;
  grpc::Server calls_;
  xds::Server discovery_;
  report::ReportServer reports_;
  nodelink::NodeServer node_server_;
  http::Server http_;
  net::TaskGroup tasks_;
  std::shared_ptr<enroll::Door> door_;  // null: no TLS
  bool listening_ = false;
  bool looking_ = false;  // for what an edge has and nobody here knows of
  std::uint64_t undone_ =
      0;  // up to here edges may be led back: the database itself does not have it any more
};

}  // namespace weir::role
