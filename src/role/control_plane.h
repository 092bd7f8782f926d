// ControlPlane: store, API, reconcilers and discovery as a part of a process, with or without an edge beside
// them. The API says that it lives before the store is open; what the store has reaches the edge of this
// process by the publisher, and others by discovery. Lives on the control loop.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/gate.h"
#include "api/query.h"
#include "api/writer.h"
#include "auth/admin_token.h"
#include "auth/password_checker.h"
#include "config/specs.h"
#include "config/status.h"
#include "config/whole.h"
#include "controller/fleet.h"
#include "controller/own_objects.h"
#include "enroll/door.h"
#include "http/server.h"
#include "images/library.h"
#include "mirror/handed_ports.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "report/report.h"
#include "role/traffic.h"
#include "store/data_directory.h"
#include "store/opener.h"
#include "tls/authority.h"

namespace weir::role {

struct ControlPlaneOptions {
  net::Address api;
  // By which the API is reached, for its certificate; see enroll::DoorOptions. Empty: it is plain HTTP.
  std::function<std::vector<std::string>()> api_names;
  std::string data_dir;
  std::string store;              // postgres://...; empty: a file in data_dir
  std::string metrics_file = {};  // where a day of metrics is kept; empty: in memory alone
  std::string machine;            // its name, in that of its admin token's object when the store is shared
  std::string version;            // of the program
  std::string domain;             // of the identities of machines
  std::shared_ptr<const tls::Authority> authority;
  // By which visitors reach what is made for them, as far as this process knows.
  std::vector<std::uint32_t> visitor_ports{80, 443};
  mirror::PortRange tcp_ports;  // handed out to TCP and TLS listeners that name none
  bool sign_up_open = false;    // anybody can make an account
  images::Limits images;        // that are kept for nodes
  // Where other edges are attached; none: nowhere.
  std::optional<net::Address> discovery;
  bool discovery_is_preset = true;  // nobody asked for it: when the port is taken, there is none
  // By which it is reached, for its certificate. Empty: without TLS.
  std::function<std::vector<std::string>()> discovery_names;
  // Another process has the store, and lets go of it before open_store().
  bool store_is_held = false;
  // The edge in this process, as it is registered; without a name: there is none.
  std::string edge_name;
  config::EdgeSpec edge;
};

class ControlPlane {
 public:
  // Once, when the API answers. The token is empty unless it has just been made.
  using Ready = std::function<void(const net::Address& api, const std::string& made_token)>;

  // traffic: of the edge in this process, which outlives it; null: there is none.
  ControlPlane(net::Env& env, ControlPlaneOptions options,
               std::shared_ptr<const store::DataDirectory> directory, Traffic* traffic, Ready ready);
  ~ControlPlane();

  // After the traffic's, before any core runs and anything listens. A store that cannot be opened fails it
  // only when no traffic flows yet; otherwise it is tried again and again. The errors are sentences.
  std::expected<void, std::string> prepare();
  std::expected<void, std::string> listen();

  // Appends to what /metrics shows. Before listen().
  void add_metrics(std::function<void(std::string& out)> write) { more_metrics_ = std::move(write); }

  // What the name server of this process sees of a Zone or RecordSet, as the text of its status. Before
  // listen().
  void on_records_seen(std::function<std::string(const config::Object& object)> seen) {
    records_seen_ = std::move(seen);
  }

  // What the name server of this process would answer: JSON, or what is wrong in a sentence. Before listen().
  using QueryExplained = std::function<std::expected<std::string, std::string>(const api::ExplainQuestion&)>;
  void on_query_explained(QueryExplained explained) { query_explained_ = std::move(explained); }

  // When the store was held, once it is no more. On the control loop.
  void open_store();
  // What the edge of this process says is another process's from now on.
  void fall_silent() { closed_ = true; }
  // After join(): nothing here uses the store any more, and another process may.
  void close_store();

  // Of accounts. Its answer_on() is called before any core runs.
  auth::PasswordChecker& passwords() { return passwords_; }

  // A write by this process, as the API makes one: audited, and in force here when it is answered. 503 while
  // the store is not open.
  net::Task<api::Answer<api::Written>> write(api::IntentSource source, mirror::Actor actor);

  // Ends all watches, lets requests finish.
  void drain();
  // After drain(): returns when nothing is left.
  net::Task<void> join();
  // Ends the connections that a drain still waits for.
  void cut();
  // Called once, when what the edge of this process says is heard. Before listen().
  void on_hearing(std::function<void()> hearing) { hearing_ = std::move(hearing); }
  // By which other edges reach what is attached to the edge of this process. Before listen().
  void set_relay(std::string relay) { relay_ = std::move(relay); }
  // From then on: an origin has come to the edge of this process, or gone.
  void say(report::TunnelSeen seen);
  // Where edges are attached; none: nowhere.
  const std::optional<net::Address>& discovery() const { return options_.discovery; }

 private:
  struct Backend;
  std::expected<void, std::string> prepare_ports();
  store::Engine::Options store_options() const;
  void open_store_late(Duration admit_after);
  void on_store(store::Opened<std::unique_ptr<store::Engine>> opened);
  void start_backend(std::unique_ptr<store::Engine> engine);
  std::string status_of(const config::Object& object) const;
  config::ServiceStatus service_seen(const config::Object& service) const;
  config::ServiceStatus service_seen(std::string_view service) const;
  std::string foreseen(std::span<const config::ObjectChange> changes);
  config::SnapshotPointer started_from() const;
  std::optional<controller::AdminPlace> admin_place() const;
  net::Task<void> begin();
  net::Task<bool> share_authority();
  void open_backend();
  void open_calls();
  void open_discovery();
  void objects_changed(std::span<const config::ObjectChange> changes, store::Revision revision);
  std::vector<config::RefusedBy> refusals_of(const config::Object& object) const;
  controller::Fleet::Share share_of(const std::string& edge, const config::Object& object) const;
  void say(report::EndpointSeen seen);
  void watch_traffic();
  void show_traffic();
  void open_api();
  std::expected<void, std::string> make_door();
  net::Task<void> settle_late();
  net::Task<void> admit_late(Duration at_most);

  net::Env& env_;
  ControlPlaneOptions options_;
  std::shared_ptr<const store::DataDirectory> directory_;
  Traffic* traffic_;
  Ready ready_;
  std::string why_no_store_;
  std::unique_ptr<store::Engine> engine_;  // until there is a backend; null: the store is opened later
  auth::PasswordChecker passwords_;
  std::unique_ptr<Backend> backend_;  // null: the store is not open yet
  api::Gate gate_;
  http::Server api_server_;
  net::TaskGroup tasks_;
  net::Event settled_;
  std::unique_ptr<net::Listener> api_listener_;
  std::shared_ptr<enroll::Door> api_door_;  // null: the API is plain HTTP
  net::Address api_address_;
  std::string relay_;  // empty: they can't
  auth::AdminToken admin_token_;
  bool draining_ = false;
  std::function<void(std::string& out)> more_metrics_;                     // null: no more
  std::function<std::string(const config::Object& object)> records_seen_;  // null: there is none here
  QueryExplained query_explained_;                                         // null: as records_seen_
  bool closed_ = false;                                                    // nobody is told anything any more
  std::vector<report::EndpointSeen> unsaid_;  // of this process's edge, before there is a backend
  std::function<void()> hearing_;             // null: nobody asks
  std::optional<store::Opener> opener_;
};

}  // namespace weir::role
