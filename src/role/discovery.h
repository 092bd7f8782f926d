// Discovery: the port that edges are attached to: what they are told (xDS, to weir's own and to Envoy), and
// their reports. Over mutual TLS with certificates of weir's own authority. A part of a control plane; on the
// control loop.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/whole.h"
#include "controller/views.h"
#include "enroll/door.h"
#include "grpc/server.h"
#include "http/server.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
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
};

// Who hears of edges. Called on the control loop.
struct DiscoverySinks {
  report::ReportServer::Sink reports;
  // What an edge that makes no reports (Envoy) could not take up; an empty reason: it has taken it up now.
  std::function<void(const std::string& edge, const std::string& object, std::string_view reason)> refused;
  // A certificate that was not believed.
  std::function<void(const net::Address& from, const char* why)> distrusted;
};

class Discovery final : private xds::Sink {
 public:
  // objects: all there are; outlives it.
  Discovery(net::Env& env, const config::Whole& objects, DiscoveryOptions options, DiscoverySinks sinks);

  // The error is a sentence.
  std::expected<void, std::string> listen();
  bool listening() const { return listening_; }

  // The objects have changed; see controller::Views.
  void apply(std::span<const config::ObjectChange> changes, std::uint64_t revision);
  controller::Views& views() { return views_; }
  const controller::Views& views() const { return views_; }
  // Sees anew which view each edge is to have.
  void review();

  // An Envoy that is attached here has accepted all that it may have.
  struct Attached {
    std::string node;
    bool in_sync = false;
  };
  std::vector<Attached> attached_envoys() const;

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

  net::Env& env_;
  DiscoveryOptions options_;
  DiscoverySinks sinks_;
  controller::Views views_;
  grpc::Server calls_;
  xds::Server discovery_;
  report::ReportServer reports_;
  http::Server http_;
  net::TaskGroup tasks_;
  std::shared_ptr<enroll::Door> door_;  // null: no TLS
  bool listening_ = false;
};

}  // namespace weir::role
