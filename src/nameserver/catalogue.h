// Catalogue: what a name server answers from, kept up to date at the price of what changes: zones as the
// snapshot has them, and which of their records health lets be chosen. Every change makes a View, which the
// workers answer from. On the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "config/status.h"
#include "dns/name.h"
#include "dns/zone.h"
#include "dnspeer/rules.h"
#include "nameserver/geo_database.h"
#include "nameserver/name_follower.h"
#include "nameserver/places.h"
#include "nameserver/steered_set.h"
#include "nameserver/view.h"
#include "zones/registry.h"
#include "zones/zone_files.h"
#include "zones/zone_maker.h"

namespace weir::nameserver {

class Catalogue {
 public:
  // What is seen of a service's endpoints.
  struct Health {
    std::function<config::ServiceStatus(std::string_view service)> now;
    // Another number than before: it may have changed. Costs next to nothing.
    std::function<std::uint64_t(std::string_view service)> epoch;
  };
  using Changed = std::function<void(ViewPointer)>;
  // A record set that is steered.
  struct Steered {
    std::string zone;
    config::RecordSet records;
    std::uint32_t ttl_seconds = 0;
    Geography geography;
    std::string misplaced;           // what is wrong with its places; empty: nothing
    bool moved = false;              // the geography is another than that of the set
    std::optional<dns::Name> alias;  // of an ALIAS: its target
    std::string followed;            // the name that is looked up for it; empty: our zones have it
    std::shared_ptr<const SteeredSet> set;
  };
  // names: looks up what an ALIAS leads to, and outlives this; null: nobody does.
  Catalogue(Health health, NameFollower* names, Changed changed);

  // Weir's own: there is a zone of that name from then on, as soon as there is anything to be found by
  // DNS-SD, which is in it beside what somebody may have written.
  void set_domain(const std::string& domain, const std::string& address = {});
  void apply(const config::SnapshotPointer& snapshot);
  // What a file of this machine has of that zone, under what the snapshot has of it.
  void put_file(const std::string& zone, zones::ChangedFile file);
  // The health of that service's endpoints may be another.
  void look_at(std::string_view service);
  // The same of all whose epoch is another: nobody tells of endpoints that are ejected.
  void look_at_all();
  // The addresses of that name, which an ALIAS leads to, are others.
  void look_at_name(const std::string& name);
  // In which countries addresses are, from then on; null: it is not known.
  void set_countries(GeoDatabasePointer countries);

  const ViewPointer& view() const { return view_; }
  // Zones that could not be made as they are written, and why: RecordSets that don't fit are left out; a zone
  // that can't be made even so stays as it was, if it was.
  std::map<std::string, std::string, std::less<>> refused() const;
  // Secrets that zones name as keys and that are none, and why.
  const std::map<std::string, std::string, std::less<>>& wrong_keys() const { return wrong_keys_; }
  // What a file of this machine has of that zone; null: nothing.
  std::shared_ptr<const dns::Zone> file_of(std::string_view zone) const;
  // By the number of its policy; null: there is none.
  const Steered* steered(std::uint32_t policy) const {
    return policy < steered_.size() ? steered_[policy].get() : nullptr;
  }
  // The name of the RecordSet whose records these are; empty: of none.
  std::string record_set_of(std::string_view zone, std::string_view owner, dns::Type type) const;
  // Why those of its answers are given, in a sentence.
  static std::string reason_of(const Steered& steered);
  // Of an ALIAS: how its target is known, in a sentence.
  std::string alias_reason(const Steered& steered) const;
  config::ZoneStatus zone_status(std::string_view name) const;
  config::RecordSetStatus record_set_status(std::string_view name) const;

 private:
  using Policies = std::map<std::string, std::uint32_t, std::less<>>;  // by name of the RecordSet

  struct Served {
    std::shared_ptr<const dns::Zone> file;  // null: none
    std::shared_ptr<const dns::Zone> base;  // without RecordSets
    std::shared_ptr<const dns::Zone> zone;  // null: it could not be made yet
    std::shared_ptr<const std::vector<config::Site>> sites;
    std::set<std::string> left_out;          // RecordSets that it can't be made with
    std::shared_ptr<const dns::Zone> under;  // the file that the zone was made over; null: none
    std::uint32_t wanted = 0;                // the serial number that Zone and file asked for then
    bool is_latest = true;  // made of what there is; false: it can't be, and stayed as it was
  };

  void renew_zone(const std::shared_ptr<const config::Zone>& before,
                  const std::shared_ptr<const config::Zone>& after);
  zones::MadeZone change(const dns::Zone& from, const dns::Zone& base, const config::Zone& zone,
                         const zones::ChangedSets& changed, std::uint32_t serial) const;
  void make_whole(const config::Zone& zone, Served& served, dnspeer::Changes changes, std::uint32_t serial);
  const config::Zone* written(std::string_view zone) const;  // null: there is no Zone of that name
  static std::uint32_t next_serial(const config::Zone& zone, Served& served);
  void renew_rules();
  void serve_file(const std::string& name);
  const dns::Zone* zone_of(std::string_view name) const;  // null: it is not served
  bool look_for_instances(std::string_view service);
  void put_found();
  std::uint32_t policy_of(const config::Zone& zone, const zones::Part& part);
  // Those that the next version of their zone does not steer.
  void forget(std::span<const config::RecordSet* const> before, const config::Zone& next);
  std::vector<Answer> answers_of(const Steered& steered) const;
  std::vector<Answer> aliased(const Steered& steered) const;
  void follow_names(const dns::Zones& zones);
  // True: it is another set than before.
  bool renew_set(Steered& steered);
  bool renew_sets(std::string_view service);
  void place(Steered& steered, const std::shared_ptr<const std::vector<config::Site>>& sites);
  std::string leave_misplaced_out(const config::Zone& zone, std::set<std::string>& left_out) const;
  void follow(const Steered& steered, std::uint32_t policy, bool follows);
  void keep_history(const config::Zone& zone, const Served& served, const dns::Zone& next,
                    const dnspeer::Changes& changes);
  void publish();

  Health health_;
  NameFollower* names_;
  Changed changed_;
  config::SnapshotPointer snapshot_;
  std::map<std::string, Served, std::less<>> served_;
  GeoDatabasePointer countries_;  // null: there is no file of them
  std::map<std::string, std::string, std::less<>> refused_;
  dnspeer::Rules::Histories histories_;
  std::shared_ptr<const dnspeer::Rules> rules_ = std::make_shared<const dnspeer::Rules>();
  std::map<std::string, std::string, std::less<>> wrong_keys_;
  std::vector<std::unique_ptr<Steered>> steered_;  // by policy; null: it is free
  std::vector<std::uint32_t> free_;
  Policies policies_;
  PlacesPool places_;
  struct Followers {
    std::set<std::uint32_t> policies;
    std::uint64_t epoch = 0;  // of the service's health, when it was last looked at
  };
  std::map<std::string, Followers, std::less<>> followers_;  // by service
  // Of weir's own domain
  std::string domain_;   // empty: not known (yet)
  std::string address_;  // of its name server; empty: not known
  zones::Registry registry_;
  std::map<std::string, std::uint64_t, std::less<>> discovered_;  // services in it: their epochs, as above
  std::shared_ptr<const dns::Zone> own_;  // what somebody has written of it, and what is found; null: none
  std::uint32_t own_serial_ = 0;
  std::string own_refused_;
  bool own_changed_ = false;
  ViewPointer view_;
};

}  // namespace weir::nameserver
