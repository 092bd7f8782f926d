// Nameserver: the authoritative name server of one machine: a worker per core, and the catalogue that they
// answer from. A change of a zone, or of an endpoint's health, is answered by every worker from its next turn
// on. Lives on the control loop; its workers on theirs.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "dnspeer/notifier.h"
#include "dnsupdate/plan.h"
#include "nameserver/catalogue.h"
#include "nameserver/geo_watch.h"
#include "nameserver/name_follower.h"
#include "nameserver/worker.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "zones/zone_files.h"

namespace weir::nameserver {

class Nameserver {
 public:
  // One worker for each Env, which is that of another core or (in tests) the control loop's own.
  Nameserver(net::Env& control, std::span<net::Env* const> workers, const WorkerOptions& options,
             Catalogue::Health health);

  // Who carries out updates (RFC 2136); without, they are refused. Before listen().
  using Updates = std::function<net::Task<dns::Rcode>(dnsupdate::UpdateRequest)>;
  void on_update(Updates carry_out) { updates_ = std::move(carry_out); }
  // Before listen(): countries are those of this file, and of each that takes its place. slow: a loop that
  // may wait, which ends before this does. The error is a sentence.
  std::expected<void, std::string> read_countries(const std::string& file, net::Loop& slow);
  // Before any core runs: takes the port, by UDP and TCP. Port 0: one that is free. Where it listens.
  Result<net::Address> listen(net::Address at);
  // Also before, if at all: zones are served from a folder of this machine, too. slow: see ZoneFiles.
  Result<void> serve_files(net::Env& slow, const std::string& folder);
  // What is answered from then on. On the control loop, as is what follows.
  void apply(const config::SnapshotPointer& snapshot);
  void set_cookies(const dns::CookieSecrets& cookies);
  // address: of its name server, an IP address; empty: not known.
  void set_domain(const std::string& domain, const std::string& address = {});
  void look_at(std::string_view service);
  // Returns when nothing is answered any more.
  net::Task<void> stop();

  const Catalogue& catalogue() const { return catalogue_; }
  // Prometheus text exposition.
  void write_metrics(std::string& out) const;
  // That came in since the beginning.
  std::uint64_t queries() const;

 private:
  net::Task<void> look_around();
  void tell_refused();
  void when_taken(const std::function<void()>& then);
  void tell_of_changes();
  void tell_of(const config::Zone& zone, const View& view);
  std::shared_ptr<const dns::Zone> file_for(dns::Bytes update) const;  // null: there is none
  void pass_on_updates(Worker& worker);
  net::Task<void> carry_out(Worker& worker, dnsupdate::UpdateRequest request,
                            std::function<void(dns::Rcode)> done);

  net::Env& control_;
  std::vector<std::unique_ptr<Worker>> workers_;
  NameFollower names_;
  Catalogue catalogue_;
  std::optional<zones::ZoneFiles> files_;
  std::map<std::string, std::string, std::less<>> told_refused_;  // in the log
  config::SnapshotPointer applied_;                               // null: none yet
  config::SnapshotPointer told_;  // whose changes other servers have been told of
  Updates updates_;
  dnspeer::Notifier notifier_;
  std::optional<GeoWatch> countries_;
  net::Loop* slow_ = nullptr;
  bool listening_ = false;
  bool stopping_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::nameserver
