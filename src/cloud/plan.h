// Plan: what a zone at a provider of DNS lacks to be as it shall be: of what is wanted, what is there, and
// the ledger of what weir has made, the changes; and what is left alone because weir did not make it. Pure:
// nothing is asked and nothing is written here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/records.h"

namespace weir::cloud {

enum class Action : std::uint8_t { kCreate, kReplace, kDelete };
std::string_view word_of(Action action);  // "create"

struct Change {
  Action action = Action::kCreate;
  RecordSet before;  // of kReplace and kDelete
  RecordSet after;   // of kCreate and kReplace

  const RecordSet& either() const { return action == Action::kDelete ? before : after; }
};

// That is wanted, and can't be: weir touches nothing that it has not made.
struct Conflict {
  std::string key;
  std::string why;
};

// The keys of the record sets that weir has made.
using Ledger = std::set<std::string, std::less<>>;

struct Plan {
  std::vector<Change> changes;  // by name; of each, what goes comes first
  std::vector<Conflict> conflicts;
  std::vector<std::string> stale;  // of the ledger: neither wanted nor there
  std::size_t there = 0;           // record sets
  std::size_t kept = 0;            // of weir's, as they shall be
  std::size_t foreign = 0;         // left alone
  std::string refused;             // why the changes are too many; empty: they are not

  std::size_t count(Action action) const;
};

// --- the valve
// A set that is created takes nothing away, so what counts is what is replaced or deleted, of what is there.
inline constexpr std::size_t kReplacedFreely = 5;  // health changes that many at any time
inline constexpr std::size_t kChangedFreely = 1;   // one set may always go

// wanted and there: normal_sets().
Plan make_plan(const RecordSets& wanted, const RecordSets& there, const Ledger& ours,
               std::uint32_t changes_percent_max);

// Each change on a line: "~ www.example.com. A 60 192.0.2.1 -> 60 192.0.2.2".
std::string text_of(const Change& change);

}  // namespace weir::cloud
