// Told: all that weir's own controllers have told an edge, and the Snapshot that it makes: each revision
// whole or not at all. One thread.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "config/whole.h"
#include "translation/own.h"
#include "xds/resource.h"

namespace weir::translation {

class Told {
 public:
  // Of a refusal's text; the others are to be found when these are mended.
  static constexpr std::size_t kRefusalBytesMax = 2048;

  // What the edge has from its disk; from may be null.
  Told(config::SnapshotPointer from, EdgeSecrets secrets);

  // The names of the resources that this is made of.
  std::vector<std::string> names() const;

  // Changes of kObject up to a revision. A text names the objects at fault: then all stays as it was.
  std::optional<std::string> apply(const std::vector<xds::Change>& changes);

  // Never null; of revision 0 and empty as long as there is none.
  const config::SnapshotPointer& snapshot() const { return snapshot_; }
  const EdgeSecrets& secrets() const { return secrets_; }
  // By resource name, why: those whose present version could not be taken up.
  std::map<std::string, std::string> refused() const;

 private:
  struct Refusal {
    std::string reason;
    bool by_another;  // it has not changed itself; what it names has
  };
  using Refusals = std::map<std::string, Refusal>;
  // What changes come to, before anything is touched.
  struct Amended {
    std::vector<config::ObjectChange> objects;  // without what was before
    EdgeSecrets secrets;
    std::uint64_t revision = 0;
  };
  std::optional<std::string> take(const xds::Change& change, Amended& to) const;
  std::optional<std::string> refuse(const std::vector<xds::Change>& changes, Refusals refusals);
  void put(std::vector<config::ObjectChange>& changes);
  void undo(const std::vector<config::ObjectChange>& changes);

  config::Whole whole_;
  config::SnapshotPointer snapshot_;
  EdgeSecrets secrets_;
  Refusals refused_;
};

}  // namespace weir::translation
