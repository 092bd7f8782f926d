// Views: what each sort of edge is told. Edges that the same load balancers select, and that the same
// rollouts have reached, share a view: the objects that those lead to, for weir's own edges as they are
// written, for others in Envoy's API. Kept up to date at the price of what has changed. On the control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "config/whole.h"
#include "translation/translator.h"
#include "xds/catalog.h"
#include "xds/discovery.h"

namespace weir::controller {

// Whether a node is an edge of weir's own, which is told objects as they are written.
bool is_own_edge(const xds::Node& node);

// What a node of weir's own says of itself, by a key of its metadata: it takes no load balancers up; it
// answers for zones.
inline constexpr const char* kNoTrafficKey = "no traffic";
inline constexpr const char* kAnswersDnsKey = "answers dns";

class Views {
 public:
  // For a host name without a Certificate; see Issuer. Null: there is none.
  using Issue = std::function<xds::ResourcePtr(const std::string& host)>;

  // objects: all there are; outlives it.
  explicit Views(const config::Whole& objects) {
    branches_.emplace(Rollouts{}, Branch{&objects, {}, {}, {}});
  }
  Views(const Views&) = delete;
  Views& operator=(const Views&) = delete;

  // After the objects have changed. True: edges may have to be given another view (see catalog_for).
  bool apply(std::span<const config::ObjectChange> changes, std::uint64_t revision);
  // The verdict on a service's endpoints has changed.
  void set_unhealthy(const std::string& service, translation::UnhealthyKeys unhealthy);

  // The rollouts that have reached an edge, by name and selectable labels. Empty: none ever does.
  using Reached = std::function<std::vector<std::string>(const std::string&, const config::Labels&)>;
  void set_reached(Reached reached) { reached_ = std::move(reached); }
  // The objects that a rollout changes, as the edges that it has reached see them. To be told anew when any
  // is another than before; until then it is as if the rollout had not reached anybody.
  void set_overlay(const std::string& rollout, std::vector<config::ObjectChange> changes);
  void drop_overlay(const std::string& rollout);
  // All objects as an edge is to see them; the same for as long as no rollout reaches it or leaves it.
  const config::Whole& objects_for(const std::string& edge, const config::Labels& labels);

  // What weir's own edges have from those who have the authority, from now on. `all` is what all of them
  // have.
  void set_issued(xds::ResourcePtr all, Issue issue);

  // What a node is to see. Null: there is no Edge object of that name, or it is revoked.
  xds::Catalog* catalog_for(const xds::Node& node);
  // An Edge object of that name is there, and not revoked.
  bool knows(std::string_view edge) const { return edge_of(edge) != nullptr; }
  // Whether an edge is to have the object, as it is written.
  bool carries(std::string_view edge, const config::Object& object) const;
  // Whether an edge that is to have it has to do without for now: a rollout that has reached it changes the
  // object, or keeps it away.
  bool is_held_back(std::string_view edge, const config::Object& object) const;

  // A resource that would be another one. Null: there is none. Of objects for weir's own edges: as objects.
  struct Difference {
    xds::Type type{};
    std::string name;
    xds::ResourcePtr before = nullptr;
    xds::ResourcePtr after = nullptr;
    config::ObjectPointer object_before = nullptr;
    config::ObjectPointer object_after = nullptr;
  };
  struct Foreseen {
    std::vector<std::string> edges;  // that would see the same
    bool is_own = false;             // edges of weir's own
    std::vector<Difference> differences;
  };
  // What would become of what these nodes see, with the labels that they have now, if the objects changed
  // like this. Costs a copy of the tables of all objects, and what the change itself would.
  std::vector<Foreseen> foresee(std::span<const xds::Node> nodes,
                                std::span<const config::ObjectChange> changes);

  // Ends the views that no one is in: `used` are the catalogs of all sessions.
  void tidy(const std::set<const xds::Catalog*>& used);
  std::size_t size() const;
  std::uint64_t revision() const { return revision_; }
  // Of Envoys: it lacks the last changes, because these do not fit together.
  bool is_behind(const xds::Catalog& catalog) const;

  // What Envoy nodes cannot be told of a Service or LoadBalancer, in any view.
  std::vector<translation::Unsaid> unsaid_of(const config::Object& object) const;

 private:
  using ObjectName = std::pair<config::Kind, std::string>;
  // All that Envoy nodes of one sort see.
  struct ForEnvoy {
    ForEnvoy(xds::Names& names, translation::EnvoyNode node) : catalog(names), translator(std::move(node)) {}
    xds::Catalog catalog;
    translation::Translator translator;
    config::SnapshotPointer snapshot;
    std::vector<config::ObjectChange> untold;  // since the snapshot: empty, unless they did not fit together
  };
  struct View {
    explicit View(xds::Names& names) : catalog(names) {}
    xds::Catalog catalog;      // of kObject and kHealth
    std::uint64_t digest = 0;  // of kObject, all but the revision
    std::map<std::string, std::size_t>
        hosts;  // that need a certificate issued, and how many listeners name them
    std::map<translation::EnvoyNode, std::unique_ptr<ForEnvoy>> for_envoy;
  };
  // By the labels that select load balancers, of those that its edges have.
  using ByLabels = std::map<config::Labels, std::unique_ptr<View>>;
  using Rollouts = std::vector<std::uint64_t>;  // their overlays' numbers, ascending
  // What is written, or that with what some rollouts change.
  struct Branch {
    const config::Whole* objects;
    std::unique_ptr<config::Whole> own;               // null: they are the base's
    std::map<config::Labels, std::size_t> selectors;  // of load balancers, and how many have them
    ByLabels views;
  };
  using Changes = std::span<const config::ObjectChange>;

  const Branch& base() const { return branches_.find(Rollouts{})->second; }
  const config::Object* edge_of(std::string_view name) const;  // null: none that may be told anything
  config::Labels labels_of(const config::Object& edge) const;
  Rollouts rollouts_of(const std::string& edge, const config::Labels& labels) const;
  Branch& branch_for(const Rollouts& rollouts);
  static config::Labels key_for(const Branch& branch, const config::Labels& labels);
  View& view_for(Branch& branch, const config::Labels& key);
  static bool count_selectors(Branch& branch, const config::ObjectChange& change);
  // What may come and go with an object, as it is there: what it names, and what joined it.
  template <class Visit>
  static void each_related(const config::Whole& objects, const ObjectName& name, const Visit& visit) {
    if (const auto object = objects.find(name.first, name.second)) {
      for (const auto& [kind, named] : config::references_of(*object)) visit(kind, named);
    }
    for (const config::Object* referrer : objects.referrers(name.first, name.second)) {
      if (config::service_joined_by(*referrer) != nullptr) visit(referrer->kind(), referrer->metadata.name);
    }
  }
  static bool includes(const config::Whole& objects, const config::Labels& key, const config::Object& object);
  static std::vector<config::ObjectChange> roots_of(const config::Whole& objects, const config::Labels& key);
  std::vector<config::ObjectChange> rebase(const Rollouts& rollouts, Branch& branch, Changes changes) const;
  bool overlaid(const Rollouts& rollouts, const ObjectName& name) const;
  bool apply_to(Branch& branch, Changes changes);
  void update(const Branch& branch, const config::Labels& key, View& view, Changes changes);
  void apply_to(View& view, std::vector<xds::Change> changes);
  void update_hosts(const Branch& branch, const config::Labels& key, View& view, Changes changes,
                    std::vector<xds::Change>& found);
  bool update_object(const Branch& branch, const config::Labels& key, View& view, const ObjectName& name,
                     std::vector<xds::Change>& changes);
  xds::ResourcePtr resource_of(const std::string& name, const config::Object& object, const View& asking);
  xds::Catalog& envoys(const Branch& branch, const config::Labels& key, View& view,
                       const translation::EnvoyNode& node);
  const ForEnvoy* envoy_of(const xds::Catalog& catalog) const;  // null: it is of weir's own edges
  static config::Labels key_with(const Branch& branch, const config::Labels& labels, Changes changes);
  static std::vector<Difference> foresee_objects(const config::Whole& before, const config::Whole& after,
                                                 const config::Labels& key, Changes changes);
  std::vector<Difference> foresee_envoy(const ForEnvoy& envoys, const config::Whole& after,
                                        const config::Labels& key, Changes changes) const;
  void update_envoys(const Branch& branch, const config::Labels& key, ForEnvoy& envoys, Changes changes);

  std::uint64_t revision_ = 0;
  xds::Names names_;
  xds::ResourcePtr issued_to_all_;  // null: nothing is
  Issue issue_;
  Reached reached_;
  std::map<std::string, config::Labels, std::less<>> said_;  // by own edges, of those keys
  std::map<std::string, std::uint64_t> overlay_of_;          // by rollout
  std::map<std::uint64_t, std::vector<config::ObjectChange>>
      overlays_;  // by a number that is never used twice
  std::uint64_t overlays_made_ = 0;
  std::map<Rollouts, Branch> branches_;                          // the base's is always there
  std::map<std::string, translation::UnhealthyKeys> unhealthy_;  // by service; never empty sets
  std::map<std::string, xds::ResourcePtr> made_;                 // of what is changing now, by version
};

}  // namespace weir::controller
