// The whole: all objects together, and what holds between them and can't be seen in one of them: references,
// and who claims which host. Kept indexed, so that a change costs what it touches and not what there is. A
// value, used on one core.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/kinds.h"
#include "config/object.h"
#include "config/violation.h"

namespace weir::config {

// An object that is another than it was. Null: it was not there, or is not any more.
struct ObjectChange {
  ObjectPointer before;
  ObjectPointer after;

  const Object& either() const { return after ? *after : *before; }
  Kind kind() const { return either().kind(); }
  const std::string& name() const { return either().metadata.name; }
};

// What an object names, once each.
std::vector<std::pair<Kind, std::string>> references_of(const Object& object);

class Whole {
 public:
  struct ByName {
    using is_transparent = void;
    static std::string_view name_of(const ObjectPointer& object) { return object->metadata.name; }
    static std::string_view name_of(const Object* object) { return object->metadata.name; }
    static std::string_view name_of(std::string_view name) { return name; }
    bool operator()(const auto& left, const auto& right) const { return name_of(left) < name_of(right); }
  };
  using Objects = std::set<ObjectPointer, ByName>;

  ObjectPointer find(Kind kind, std::string_view name) const;  // null: there is none
  const Objects& of(Kind kind) const { return objects_[static_cast<std::size_t>(kind)]; }
  // The one that logs in so, in whatever case; null: none.
  ObjectPointer user_of_email(std::string_view email) const;
  // Those that name it, by kind and name, whether it is there or not.
  std::span<const Object* const> referrers(Kind kind, std::string_view name) const;

  // As if they had all just come, by kind and name.
  std::vector<ObjectChange> as_changes() const;

  // The one that was there before; null: none.
  ObjectPointer put(ObjectPointer object);
  ObjectPointer remove(Kind kind, std::string_view name);

  // Whether violations() would find none; costs nothing.
  bool holds() const { return faults_ == 0; }
  // All violations at once, each with its object. Of two objects that claim the same, the later one by name
  // has the violation.
  Violations violations() const;

  // What would be wrong with the objects that these changes write. What others have is not their fault: where
  // a written object and one that stays claim the same, the written one has the violation.
  Violations check(std::span<const ObjectChange> changes) const;
  // Who would still name an object that these changes delete: nothing may. Says so in the words of a
  // deletion.
  Violations check_deletions(std::span<const ObjectChange> changes) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Owners = std::vector<const Object*>;  // by kind and name
  using OwnersByText = std::unordered_map<std::string, Owners, TextHash, std::equal_to<>>;
  // What listeners have in common that share something: a port, its TLS, a host name on it. A client's SNI
  // and its Host may differ, so that a demand of one listener alone could be walked around.
  struct Demand {
    std::string of;  // what is shared: "8443", "8443 tls", "8443 host a.example"
    std::string what;
    const char* refusal;          // what is said to who wants something else, before whose it is
    const char* advice = "";      // and behind it
    std::string_view field = {};  // of the listener
  };
  struct Shared {
    std::set<const Object*, ByName> owners;
    std::map<std::string, std::size_t, std::less<>> demands;  // how many listeners have it
  };
  enum class Step : std::uint8_t { kEnter, kLeave };
  class Amended;

  static std::vector<Demand> demands_of(const Listener& listener);
  void index(const Object& object, Step step);
  void index_references(const Object& object, Step step);
  void index_claims(const Object& object, Step step);
  void index_demands(const Object& object, const LoadBalancerSpec& spec, Step step);
  void index_protocols(const Object& object, Step step);
  void index_identities(const Object& object, Step step);

  std::array<Objects, kKinds.size()> objects_;
  std::array<OwnersByText, kKinds.size()> referrers_;  // by kind and name of what they name
  OwnersByText claims_;                                // by host name, port and match; by name of records
  std::map<std::string, Shared, std::less<>> shared_;  // see Demand::of
  OwnersByText identities_;                            // Users and slots, by what only one can have
  // References to nothing, claims and identities that two have, ports with a second demand, backends that
  // speak something else than their load balancer, certificates without a key.
  std::size_t faults_ = 0;
};

}  // namespace weir::config
