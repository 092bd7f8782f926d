#include "mirror/writes.h"

#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "config/kinds.h"
#include "config/schema.h"
#include "mirror/records.h"

namespace weir::mirror {
namespace {

// A bit for each kind.
using KindSet = std::uint32_t;
constexpr KindSet bit_of(config::Kind kind) { return KindSet{1} << static_cast<unsigned>(kind); }

// The kinds that a struct of this type refers to.
KindSet references_of(const config::Type& type) {
  if (type.element != nullptr) return references_of(*type.element);
  KindSet found = 0;
  for (const config::Field& field : type.fields) {
    if (const auto* kind = config::find_kind(field.refers_to); kind != nullptr) found |= bit_of(kind->kind);
    found |= references_of(*field.type);
  }
  return found;
}

KindSet related_kinds(KindSet kinds) {
  for (;;) {
    KindSet more = kinds;
    for (const config::KindInfo& kind : config::kKinds) {
      if (config::names_loosely(kind.kind)) continue;
      const KindSet referred = references_of(*kind.spec);
      if ((kinds & bit_of(kind.kind)) != 0) more |= referred;
      if ((kinds & referred) != 0) more |= bit_of(kind.kind);
    }
    if (more == kinds) return kinds;
    kinds = more;
  }
}

// An organization sees what becomes of itself.
std::string organization_of(const config::Object& object) {
  return object.kind() == config::Kind::kOrganization ? object.metadata.name : object.metadata.organization;
}

std::string_view verb_of(const config::ObjectChange& change) {
  if (!change.before) return "create";
  return change.after ? "update" : "delete";
}

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
  std::array<char, 48> text{};
  const int size = std::snprintf(text.data(), text.size(), format, numbers...);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::string audited(const config::ObjectPointer& object) {
  if (!object) return {};
  config::Object shown = *object;
  shown.metadata.revision = 0;
  std::string json = config::to_json(shown, config::Secrets::kHide);
  if (json.size() <= kAuditJsonBytesMax) return json;
  return "{\"omitted_bytes\":" + std::to_string(json.size()) + '}';
}

std::string unique_by_revision(store::Revision made_from, std::size_t index) {
  return formatted("%010llu-%05zu", static_cast<unsigned long long>(made_from), index);
}

void put_event(store::Transaction& transaction, config::EventSpec event, std::string_view unique,
               std::string organization) {
  const auto milliseconds = event.time.value_or(WallTime{}).time_since_epoch().count();
  config::Object object;
  object.metadata.name = formatted("%013lld-", static_cast<long long>(milliseconds)).append(unique);
  object.metadata.organization = std::move(organization);
  object.metadata.created_at = object.metadata.updated_at = event.time;
  event.revision = 0;  // known once it is done; see decode()
  object.spec = std::move(event);
  transaction.put(key_of(config::Kind::kEvent, object.metadata.name), encode(object), 0);
}

void expect_unchanged(store::Transaction& transaction, std::span<const config::Kind> kinds,
                      store::Revision made_from) {
  KindSet asked = 0;
  for (const config::Kind kind : kinds) asked |= bit_of(kind);
  const KindSet related = related_kinds(asked);
  for (const config::KindInfo& kind : config::kKinds) {
    if ((related & bit_of(kind.kind)) != 0) transaction.unchanged(prefix_of(kind.kind), made_from);
  }
}

void expect_unchanged(store::Transaction& transaction, std::span<const config::ObjectChange> changes,
                      store::Revision made_from) {
  std::vector<config::Kind> kinds;
  for (const config::ObjectChange& change : changes) kinds.push_back(change.kind());
  expect_unchanged(transaction, kinds, made_from);
}

void put_changes(store::Transaction& transaction, std::span<const config::ObjectChange> changes,
                 const Actor& actor, WallTime now, store::Revision made_from, std::size_t first_index) {
  for (const config::ObjectChange& change : changes) {
    const store::Revision expected = change.before ? change.before->metadata.revision : 0;
    std::string key = key_of(change.kind(), change.name());
    if (change.after) {
      transaction.put(std::move(key), encode(*change.after), expected);
    } else {
      transaction.remove(std::move(key), expected);
    }
    put_event(transaction,
              {.time = now,
               .actor = actor.name,
               .verb = std::string(verb_of(change)),
               .kind = std::string(config::info_of(change.kind()).name),
               .name = change.name(),
               .remote_address = actor.remote_address,
               .reason = actor.reason,
               .before = audited(change.before),
               .after = audited(change.after)},
              unique_by_revision(made_from, first_index++), organization_of(change.either()));
  }
}

}  // namespace weir::mirror
