// Writes: changes of objects as steps of a transaction, each with its line of the audit, on condition that
// nothing that they were judged against has changed. What the API and the reconcilers have in common. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/object.h"
#include "config/whole.h"
#include "store/store.h"

namespace weir::mirror {

// Who acts.
struct Actor {
  std::string name;            // of the token, or of what acts by itself: "rollout/web-2"
  std::string remote_address;  // without the port; empty: this process
  std::string reason = {};     // of who acts by itself: why
};

// An event that shows more of an object than this says only how much it was: audit rows stay readable and the
// store's history small.
inline constexpr std::size_t kAuditJsonBytesMax = 256 * 1024;

// The object as an event shows it: without secrets, and without its revision, for which the event has its
// own. Null: empty.
std::string audited(const config::ObjectPointer& object);

// Names of events sort by time: the milliseconds since 1970 (event.time) and what tells it from the others of
// that moment.
// organization: whose object it is about; it is for their eyes.
void put_event(store::Transaction& transaction, config::EventSpec event, std::string_view unique,
               std::string organization = {});
// Each commit, whoever's, makes a new revision, so this is never taken: not within a millisecond, not after a
// restart, not when the clock is set back. made_from: the revision that the transaction was made from, index:
// the event's within it.
std::string unique_by_revision(store::Revision made_from, std::size_t index);

// Kinds that can make a change of these wrong: they themselves, those that they refer to, those that refer to
// them, and so on: none of them has changed after this revision.
void expect_unchanged(store::Transaction& transaction, std::span<const config::Kind> kinds,
                      store::Revision made_from);
void expect_unchanged(store::Transaction& transaction, std::span<const config::ObjectChange> changes,
                      store::Revision made_from);

// Writes and deletes, each expected as it was before, with an event each. first_index: of the events.
void put_changes(store::Transaction& transaction, std::span<const config::ObjectChange> changes,
                 const Actor& actor, WallTime now, store::Revision made_from, std::size_t first_index = 0);

}  // namespace weir::mirror
