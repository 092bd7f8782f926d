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

std::optional<std::string_view> organization_in(std::string_view value) {
  // Neither kinds nor names have anything that would be escaped.
  const auto take_text = [&value](std::string_view before) -> std::optional<std::string_view> {
    if (!value.starts_with(before)) return std::nullopt;
    value.remove_prefix(before.size());
    const std::string_view text = value.substr(0, value.find('"'));
    if (text.size() == value.size() || text.find('\\') != std::string_view::npos) return std::nullopt;
    value.remove_prefix(text.size() + 1);
    return text;
  };
  if (!take_text(R"({"kind":")") || !take_text(R"(,"metadata":{"name":")")) return std::nullopt;
  if (const auto organization = take_text(R"(,"organization":")")) return organization;
  // In the order of the tables it would have been here.
  for (const std::string_view next :
       {"}", R"(,"labels":)", R"(,"annotations":)", R"(,"uid":)", R"(,"created_at":)"}) {
    if (value.starts_with(next)) return std::string_view();
  }
  return std::nullopt;
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
