// Subscription: one type on one stream: what the client asked for, what it has, what it is owed. Requests and
// changes of the catalog go in, responses come out, one at a time. Never sends what the client has accepted
// already, unless it asks again. Pure: no clock, no bytes. Owned by its session, on the catalog's core.
//
// What the client has is kept as one bit per resource; only where that is not the catalog's present version,
// the resource it has is remembered, so a stream that has everything costs little. (xds_protocol.rst)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "xds/blame.h"
#include "xds/catalog.h"
#include "xds/discovery.h"
#include "xds/id_set.h"
#include "xds/interest.h"

namespace weir::xds {

inline constexpr std::uint64_t kNever = UINT64_MAX;

// What may be sent now, by the number of the change that made it (Names::sequence()): what depends on other
// types waits until the client has accepted those. Exclusive.
struct Gates {
  std::uint64_t additions_before = kNever;
  std::uint64_t removals_before = kNever;
};

class Subscription {
 public:
  struct Refused {
    ResourcePtr resource;  // null: the response had nothing that was new
    std::string message;
  };
  // What a request has settled; each is told to those who want to know.
  struct Settled {
    std::vector<ResourcePtr> accepted;
    std::vector<Refused> refused;
  };

  Subscription(Type type, Variant variant, Catalog& catalog, std::uint32_t watcher);

  Settled request(const Request& request);
  void changed(Slot slot, const ResourcePtr& before, std::uint64_t sequence);
  // Another catalog from now on; only what differs is sent. The caller has detached from the old one.
  void move_to(Catalog& catalog, std::uint32_t watcher);
  // The client needs it again, though it has not changed (endpoints, after their cluster).
  void send_again(Slot slot, std::uint64_t sequence);

  // What is to be sent now; nothing while a response is under way.
  std::optional<Response> next(const Gates& gates, std::uint64_t nonce);
  // Something is to be sent, now or when a gate opens.
  bool has_owed() const { return reply_owed_ || !due_.empty() || !gone_.empty(); }
  std::size_t due() const { return due_.size(); }
  // The client goes without something because it has refused it.
  bool refuses() const { return !refused_.empty(); }
  std::size_t changes_under_way() const { return flight_ ? flight_->items.size() : 0; }
  bool under_way() const { return flight_.has_value(); }
  // Of the response under way: what it adds.
  template <class Visit>
  void for_each_under_way(Visit visit) const {
    if (!flight_) return;
    for (const Item& item : flight_->items) {
      if (item.resource)
        visit(item.slot, item.first, current_.contains(item.slot) || behind_.contains(item.slot));
    }
  }

  // The oldest change that the client has not accepted yet; kNever when there is none.
  std::uint64_t oldest_addition() const { return oldest(false); }
  std::uint64_t oldest_change() const { return oldest(true); }

  const Interest& interest() const { return interest_; }
  void mark(IdSet& used) const;
  std::size_t heap_bytes() const;

 private:
  // When what is owed became so: the first change that the client has not seen, and the last.
  struct Stamp {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  struct Item {
    Slot slot = 0;
    ResourcePtr resource;  // null: a removal
    std::uint64_t first = 0;
  };
  struct Flight {
    std::string nonce;
    std::vector<Item> items;  // by slot
    bool owed;                // until one is accepted
  };
  // What a client has that is not the present version.
  struct Known {
    ResourcePtr resource;  // null: the client says it has it, from an earlier stream
    std::string version;   // then
  };
  struct Chosen {
    std::vector<Slot> additions;
    std::vector<Slot> removals;
    std::size_t bytes = 0;
    bool empty() const { return additions.empty() && removals.empty(); }
  };

  const ResourcePtr& present(Slot slot) const { return catalog_->resource(type_, slot); }
  const Item* under_way(Slot slot) const;
  bool knows(Slot slot) const { return current_.contains(slot) || behind_.contains(slot); }
  const std::string* version_at_client(Slot slot) const;

  void accept(Settled& settled);
  void refuse(const std::string& message, Settled& settled);
  void condemn(const std::vector<Slot>& guilty, Settled& settled);
  Asking asking(const std::vector<std::string>& names) const;
  void take_up(const Request& request, bool first);
  IdSet take_initial_versions(const Request& request);
  void take_names(const Asked& asked, const IdSet& initial);
  void take_all(const Asked& asked);
  void take_version(const std::string& version);

  // Sees anew what is owed of a slot.
  void evaluate(Slot slot);
  void forget(Slot slot);
  std::uint64_t last_change(Slot slot) const;
  std::uint64_t take_first_change(Slot slot);
  std::uint64_t oldest(bool removals_too) const;

  void choose(const Gates& gates, Chosen& chosen);
  void choose_group(Chosen& chosen);
  void choose_revision(Chosen& chosen) const;
  void choose_additions(const Gates& gates, Chosen& chosen) const;
  void choose_removals(const Gates& gates, Chosen& chosen) const;
  Response assemble(const Chosen& chosen, std::uint64_t nonce);
  // State of the world: what the client is to have of a slot when it accepts the response; null: nothing.
  ResourcePtr in_whole(Slot slot) const;
  std::string version_of_whole() const;
  // All that the client is to have, or has.
  template <class Visit>
  void for_each_covered(Visit visit) const {
    if (!interest_.all()) return interest_.named().for_each(visit);
    catalog_->present(type_).for_each(visit);
    gone_.for_each(visit);
  }
  bool sends_whole() const { return variant_ == Variant::kWhole && info_of(type_).whole; }

  Type type_;
  Variant variant_;
  bool asked_ = false;
  bool reply_owed_ = false;  // though it may have nothing in it
  std::uint32_t watcher_;
  Catalog* catalog_;
  Interest interest_;
  IdSet current_;  // the client has what is present
  IdSet due_;      // to be added or replaced there
  IdSet gone_;     // to be removed there
  IdSet forced_;   // due whatever it has
  std::unordered_map<Slot, Known> behind_;
  std::unordered_map<Slot, Stamp> stamps_;         // of what is due or gone by a change, not by a request
  std::unordered_map<Slot, std::string> refused_;  // held back: the version that the client refused
  std::string nonce_;                              // of the last response
  std::optional<Flight> flight_;
  Blame blame_;
  std::string refusal_;  // what the client said, while blame_ looks for the cause
};

}  // namespace weir::xds
