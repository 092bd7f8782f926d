// Routes: which place of the API a path names, and what may be done there. A constexpr table and a pure
// function; kinds come from config's table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/problem.h"
#include "config/kinds.h"
#include "http/message.h"

namespace weir::api {

enum class Place : std::uint8_t {
  kFront,       // what this is and where things are
  kKinds,       // /v1: the kinds
  kApply,       // many objects as one transaction
  kCollection,  // /v1/<plural>
  kObject,      // /v1/<plural>/<name>
  kOpenApi,
  kMetrics,
  kHealth,
  kReady,
  kExplain,        // why a request was answered as it was
  kEnroll,         // where machines join
  kRollback,       // all objects back to a revision
  kRenew,          // the lease of an Endpoint
  kProviderPlan,   // what a DnsProvider's zones lack there
  kProviderSync,   // and that it is written
  kImages,         // what is kept for nodes
  kImage,          // the archive of one
  kLogs,           // of a Workload or an Instance
  kExec,           // a command in an Instance
  kRequests,       // that came to a Tunnel's origin
  kRequest,        // one of them, with what was sent and answered
  kReplay,         // that it is sent again
  kWatch,          // changes of several kinds
  kServiceHealth,  // of a Service, as each edge sees it
  kGraphs,         // /v1/metrics: what went on, over time
  kSession,        // who is logged in; the name has the path behind /v1/
};

struct Target {
  Place place = Place::kFront;
  const config::KindInfo* kind = nullptr;  // of a collection or an object
  std::string name;                        // of an object or an image; see kSession
  std::string id = {};                     // of a request

  bool allows(http::Method method) const;
  std::string allow() const;  // the value of the Allow field
  bool needs_token() const;   // healthz, readyz, the schema and the front page do not
};

// 404 with the nearest kind when the path names nothing.
Answer<Target> find_target(std::string_view path);

}  // namespace weir::api
