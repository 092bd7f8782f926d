#include "mirror/records.h"

#include <array>
#include <span>
#include <utility>
#include <variant>

#include "base/text.h"

namespace weir::mirror {

std::string prefix_of(config::Kind kind) { return std::string(config::info_of(kind).plural) + '/'; }

std::string key_of(config::Kind kind, std::string_view name) { return prefix_of(kind).append(name); }

config::Metadata new_metadata(std::string name, net::Env& env) {
  const std::array<std::uint64_t, 2> uid{env.random.next(), env.random.next()};
  config::Metadata metadata;
  metadata.name = std::move(name);
  metadata.uid = to_hex(std::as_bytes(std::span(uid)));
  metadata.created_at = env.loop.clock().wall_now();
  metadata.updated_at = metadata.created_at;
  return metadata;
}

std::string encode(const config::Object& object) {
  config::Object stored = object;
  stored.metadata.revision = 0;
  stored.status.clear();
  return config::to_json(stored, config::Secrets::kKeep);
}

Result<config::Object> decode(std::string_view value, store::Revision revision) {
  auto object = config::parse_object(value, config::Origin::kStore);
  if (!object) return fail(Code::kInternal, "a stored object is not readable by this version");
  object->metadata.revision = revision;
  // An audit line is written by the transaction that it tells of, which has no revision before it is done.
  if (auto* event = std::get_if<config::EventSpec>(&object->spec)) event->revision = revision;
  return std::move(*object);
}

}  // namespace weir::mirror
