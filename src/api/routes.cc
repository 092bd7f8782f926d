#include "api/routes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/query.h"
#include "base/text.h"
#include "config/formats.h"
#include "http/request_id.h"
#include "images/name.h"

namespace weir::api {
namespace {

using http::Method;

constexpr unsigned bit(Method method) { return 1U << static_cast<unsigned>(method); }
constexpr unsigned kRead = bit(Method::kGet) | bit(Method::kHead) | bit(Method::kOptions);

struct PlaceLine {
  Place place;
  std::string_view path;  // empty: depends on the kind
  unsigned methods;
  unsigned write_methods;  // also, where clients may write the kind
  bool needs_token;
};

constexpr std::array kPlaces{
    PlaceLine{Place::kFront, "/", kRead, 0, false},
    PlaceLine{Place::kKinds, "/v1", kRead, 0, true},
    PlaceLine{Place::kApply, "/v1/apply", bit(Method::kPost) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kCollection, "", kRead, bit(Method::kPost), true},
    PlaceLine{Place::kObject, "", kRead, bit(Method::kPut) | bit(Method::kPatch) | bit(Method::kDelete),
              true},
    PlaceLine{Place::kOpenApi, "/openapi.json", kRead, 0, false},
    PlaceLine{Place::kMetrics, "/metrics", kRead, 0, true},
    PlaceLine{Place::kHealth, "/healthz", kRead, 0, false},
    PlaceLine{Place::kReady, "/readyz", kRead, 0, false},
    PlaceLine{Place::kExplain, "/v1/explain", kRead, 0, true},
    PlaceLine{Place::kEnroll, "/v1/enroll", bit(Method::kPost) | bit(Method::kOptions), 0, false},
    PlaceLine{Place::kRollback, "/v1/rollback", bit(Method::kPost) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kRenew, "", bit(Method::kPost) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kProviderPlan, "", kRead, 0, true},
    PlaceLine{Place::kProviderSync, "", bit(Method::kPost) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kImages, "/v1/images", kRead, 0, true},
    PlaceLine{Place::kImage, "", kRead | bit(Method::kPut) | bit(Method::kDelete), 0, true},
    PlaceLine{Place::kLogs, "", bit(Method::kGet) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kExec, "", bit(Method::kGet) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kRequests, "", bit(Method::kGet) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kRequest, "", bit(Method::kGet) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kReplay, "", bit(Method::kPost) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kWatch, "/v1/watch", kRead, 0, true},
    PlaceLine{Place::kServiceHealth, "", kRead, 0, true},
    PlaceLine{Place::kGraphs, "/v1/metrics", bit(Method::kGet) | bit(Method::kOptions), 0, true},
    PlaceLine{Place::kSession, "", kRead | bit(Method::kPost) | bit(Method::kPatch) | bit(Method::kDelete), 0,
              false},
};
static_assert([] {
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    if (static_cast<std::size_t>(kPlaces[i].place) != i) return false;
  }
  return true;
}());

const PlaceLine& line_of(Place place) { return kPlaces[static_cast<std::size_t>(place)]; }

unsigned methods_of(const Target& target) {
  const PlaceLine& line = line_of(target.place);
  const bool writes = target.kind == nullptr || target.kind->client_writes;
  // Whose it is ends it.
  const bool ends = target.place == Place::kObject && target.kind->kind == config::Kind::kSession;
  return line.methods | (writes ? line.write_methods : 0) | (ends ? bit(Method::kDelete) : 0);
}

std::unexpected<Problem> not_found(std::string detail) { return refuse(404, "not-found", std::move(detail)); }

std::unexpected<Problem> no_such_kind(std::string_view word) {
  std::array<std::string_view, config::kKinds.size() + 7> words{"apply",  "explain", "enroll", "rollback",
                                                                "images", "watch",   "metrics"};
  std::ranges::transform(config::kKinds, words.begin() + 7, &config::KindInfo::plural);
  if (const auto* kind = config::find_kind_loosely(word); kind != nullptr) {
    return not_found(std::string("the path is /v1/").append(kind->plural));
  }
  const std::string_view near = nearest(word, words);
  if (near.empty()) return not_found("no such kind; GET /v1 lists them");
  return not_found(std::string("no such kind; did you mean /v1/").append(near).append("?"));
}

// What is called of an object, behind its name.
struct CallLine {
  config::Kind kind;
  std::string_view word;
  Place place;
};
constexpr std::array kCalls{
    CallLine{config::Kind::kEndpoint, "/renew", Place::kRenew},
    CallLine{config::Kind::kService, "/health", Place::kServiceHealth},
    CallLine{config::Kind::kDnsProvider, "/plan", Place::kProviderPlan},
    CallLine{config::Kind::kDnsProvider, "/sync", Place::kProviderSync},
    CallLine{config::Kind::kWorkload, "/logs", Place::kLogs},
    CallLine{config::Kind::kInstance, "/logs", Place::kLogs},
    CallLine{config::Kind::kInstance, "/exec", Place::kExec},
};

// Takes the word off.
Place take_call(const config::KindInfo& kind, std::string_view& name) {
  for (const CallLine& call : kCalls) {
    if (kind.kind != call.kind || !name.ends_with(call.word) || name.size() == call.word.size()) continue;
    name.remove_suffix(call.word.size());
    return call.place;
  }
  return Place::kObject;
}

// Of a Tunnel: "NAME/requests", "NAME/requests/ID", "NAME/requests/ID/replay". Takes all behind the name off.
Place take_request(std::string_view& name, std::string& id) {
  constexpr std::string_view kRequests = "/requests";
  constexpr std::string_view kReplay = "/replay";
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash == 0) return Place::kObject;
  std::string_view rest = name.substr(slash);
  if (rest == kRequests) {
    name = name.substr(0, slash);
    return Place::kRequests;
  }
  if (!rest.starts_with(kRequests) || rest[kRequests.size()] != '/') return Place::kObject;
  rest.remove_prefix(kRequests.size() + 1);
  const bool replay = rest.ends_with(kReplay);
  if (replay) rest.remove_suffix(kReplay.size());
  auto text = percent_decoded(rest, false);
  if (!text || text->empty() || text->size() > http::RequestId::kBytesMax) return Place::kObject;
  name = name.substr(0, slash);
  id = std::move(*text);
  return replay ? Place::kReplay : Place::kRequest;
}

Answer<Target> find_image(std::string_view last) {
  const auto text = percent_decoded(last, false);
  const auto name = text ? images::full_name(*text) : std::nullopt;
  if (!name) return not_found("no image can have this name, which " + std::string(images::kNameLike));
  return Target{Place::kImage, nullptr, *name};
}

bool is_of_sessions(std::string_view rest) {
  const std::string_view first = rest.substr(0, rest.find('/'));
  return first == "session" || first == "device";
}

Answer<Target> find_in_v1(std::string_view rest) {
  if (is_of_sessions(rest)) return Target{Place::kSession, nullptr, std::string(rest)};
  constexpr std::string_view kImages = "images/";
  if (rest.starts_with(kImages)) return find_image(rest.substr(kImages.size()));
  const std::size_t slash = rest.find('/');
  const std::string_view plural = rest.substr(0, slash);
  const config::KindInfo* kind = config::find_plural(plural);
  if (kind == nullptr) return no_such_kind(plural);
  if (slash == std::string_view::npos || slash + 1 == rest.size()) {
    return Target{Place::kCollection, kind, {}};
  }
  std::string_view last = rest.substr(slash + 1);
  std::string id;
  Place place = take_call(*kind, last);
  if (kind->kind == config::Kind::kTunnel) place = take_request(last, id);
  const auto name = percent_decoded(last, false);
  if (!name || !config::check_name_of(*kind, *name).empty()) {
    return not_found(std::string("no ").append(kind->name).append(" can have this name"));
  }
  return Target{place, kind, *name, std::move(id)};
}

}  // namespace

bool Target::allows(Method method) const { return (methods_of(*this) & bit(method)) != 0; }

std::string Target::allow() const {
  std::string text;
  for (unsigned i = 0; i < static_cast<unsigned>(Method::kOther); ++i) {
    if ((methods_of(*this) & (1U << i)) == 0) continue;
    if (!text.empty()) text += ", ";
    text += http::name_of(static_cast<Method>(i));
  }
  return text;
}

bool Target::needs_token() const { return line_of(place).needs_token; }

Answer<Target> find_target(std::string_view path) {
  constexpr std::string_view kPrefix = "/v1/";
  if (path == kPrefix) path = "/v1";
  for (const PlaceLine& line : kPlaces) {
    if (!line.path.empty() && line.path == path) return Target{line.place, nullptr, {}};
  }
  if (path.starts_with(kPrefix)) return find_in_v1(path.substr(kPrefix.size()));
  return not_found("nothing is here; the API is at /v1 and its description at /openapi.json");
}

}  // namespace weir::api
