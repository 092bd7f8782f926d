#include "api/rollback.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>

#include "config/kinds.h"
#include "config/snapshot.h"
#include "mirror/records.h"

namespace weir::api {

namespace {

// One that comes and goes by itself: nobody's mistake put it there or took it away.
bool has_lease(const config::Object* object) {
  const auto* spec = object == nullptr ? nullptr : std::get_if<config::EndpointSpec>(&object->spec);
  return spec != nullptr && spec->lease;
}

// Somebody else has the name by now, or whose it was is not there any more.
bool is_gone(const config::Whole& world, const config::Object& was) {
  const std::string& organization = was.metadata.organization;
  const auto now = world.find(was.kind(), was.metadata.name);
  if (now && now->metadata.organization != organization) return true;
  return !organization.empty() && !world.find(config::Kind::kOrganization, organization);
}

}  // namespace

bool goes_back(config::Kind kind) {
  return config::is_carried(kind) && config::info_of(kind).client_writes && kind != config::Kind::kUser &&
         kind != config::Kind::kToken;
}

Answer<store::Revision> parse_rollback(std::string_view content) {
  const auto json = nlohmann::json::parse(content, nullptr, false);
  if (json.is_discarded()) return refuse(400, "malformed", "the content is not JSON");
  if (!json.is_object() || json.size() != 1 || !json.contains("revision")) {
    return refuse(400, "malformed", "the content must be like {\"revision\": 42}");
  }
  const auto& revision = json["revision"];
  if (!revision.is_number_unsigned() || revision == 0) {
    return refuse(invalid({{"revision", "must be a number from 1 on", {}}}));
  }
  return revision.get<store::Revision>();
}

Answer<std::vector<Intent>> rollback_intents(const config::Whole& world, const store::Past& past) {
  std::vector<Intent> intents;
  config::Violations violations;
  for (const store::Former& former : past.entries) {
    const std::size_t slash = former.key.find('/');
    const config::KindInfo* kind = config::find_plural(std::string_view(former.key).substr(0, slash));
    if (kind == nullptr || !goes_back(kind->kind)) continue;
    if (has_lease(world.find(kind->kind, former.key.substr(slash + 1)).get())) continue;
    Intent intent{.kind = kind->kind, .name = former.key.substr(slash + 1)};
    if (!former.value) {
      if (!world.find(intent.kind, intent.name)) continue;
      intent.verb = Verb::kDelete;
    } else {
      auto was = config::parse_object(*former.value, config::Origin::kClient);
      if (!was) {
        for (config::Violation& violation : was.error()) {
          violation.object = std::string(kind->name) + '/' + intent.name;
          violations.push_back(std::move(violation));
        }
        continue;
      }
      if (has_lease(&*was) || is_gone(world, *was)) continue;
      intent.wanted = std::move(*was);
    }
    intents.push_back(std::move(intent));
  }
  if (!violations.empty()) return refuse(invalid(std::move(violations)));
  return intents;
}

Problem rollback_problem(const Error& error, store::Revision wanted, store::Revision now) {
  if (error.code != Code::kGone) return problem_of(error);
  const std::string revision = std::to_string(wanted);
  if (wanted > now) {
    return invalid({{"revision", "must be at most " + std::to_string(now) + ", the newest one", {}}});
  }
  return {410,
          name_of(error.code),
          "what was at revision " + revision + " is not known any more: only the newest " +
              std::to_string(store::kHistoryChangesMax) + " changes are kept, or " +
              std::to_string(store::kHistoryBytesMax >> 20U) + " MiB of them",
          {},
          {},
          0};
}

}  // namespace weir::api
