#include "api/routes.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::api {
namespace {

using http::Method;

TEST_CASE("a path names a place") {
  struct Line {
    const char* path;
    Place place;
    const char* kind;
    const char* name;
    const char* allow;
  };
  constexpr const char* kReads = "GET, HEAD, OPTIONS";
  for (const Line& line : std::initializer_list<Line>{
           {"/", Place::kFront, "", "", kReads},
           {"/v1", Place::kKinds, "", "", kReads},
           {"/v1/", Place::kKinds, "", "", kReads},
           {"/v1/apply", Place::kApply, "", "", "POST, OPTIONS"},
           {"/v1/explain", Place::kExplain, "", "", "GET, HEAD, OPTIONS"},
           {"/v1/watch", Place::kWatch, "", "", kReads},
           {"/v1/enroll", Place::kEnroll, "", "", "POST, OPTIONS"},
           {"/v1/services", Place::kCollection, "Service", "", "GET, HEAD, POST, OPTIONS"},
           {"/v1/services/", Place::kCollection, "Service", "", "GET, HEAD, POST, OPTIONS"},
           {"/v1/services/web", Place::kObject, "Service", "web", "GET, HEAD, PUT, DELETE, OPTIONS, PATCH"},
           {"/v1/services/w%65b", Place::kObject, "Service", "web", "GET, HEAD, PUT, DELETE, OPTIONS, PATCH"},
           {"/v1/endpoints/web-1/renew", Place::kRenew, "Endpoint", "web-1", "POST, OPTIONS"},
           {"/v1/endpoints/renew", Place::kObject, "Endpoint", "renew",
            "GET, HEAD, PUT, DELETE, OPTIONS, PATCH"},
           {"/v1/services/web/health", Place::kServiceHealth, "Service", "web", kReads},
           {"/v1/dnsproviders/cf/plan", Place::kProviderPlan, "DnsProvider", "cf", kReads},
           {"/v1/dnsproviders/cf/sync", Place::kProviderSync, "DnsProvider", "cf", "POST, OPTIONS"},
           {"/v1/events", Place::kCollection, "Event", "", kReads},
           {"/v1/events/1-1", Place::kObject, "Event", "1-1", kReads},
           {"/metrics", Place::kMetrics, "", "", kReads},
           {"/readyz", Place::kReady, "", "", kReads},
       }) {
    CAPTURE(line.path);
    const auto target = find_target(line.path);
    REQUIRE(target);
    CHECK(target->place == line.place);
    CHECK((target->kind == nullptr ? "" : target->kind->name) == line.kind);
    CHECK(target->name == line.name);
    CHECK(target->allow() == line.allow);
  }
}

TEST_CASE("requests of a tunnel") {
  struct Line {
    const char* path;
    Place place;
    const char* id;
  };
  for (const Line& line : std::initializer_list<Line>{
           {"/v1/tunnels/web-1", Place::kObject, ""},
           {"/v1/tunnels/web-1/requests", Place::kRequests, ""},
           {"/v1/tunnels/web-1/requests/3f9c", Place::kRequest, "3f9c"},
           {"/v1/tunnels/web-1/requests/a%2Fb", Place::kRequest, "a/b"},
           {"/v1/tunnels/web-1/requests/replay", Place::kRequest, "replay"},
           {"/v1/tunnels/web-1/requests/3f9c/replay", Place::kReplay, "3f9c"},
       }) {
    CAPTURE(line.path);
    const auto target = find_target(line.path);
    REQUIRE(target);
    CHECK(target->place == line.place);
    CHECK(target->name == "web-1");
    CHECK(target->id == line.id);
    CHECK(target->allows(line.place == Place::kReplay ? Method::kPost : Method::kGet));
    CHECK_FALSE(target->allows(line.place == Place::kReplay ? Method::kGet : Method::kPost));
  }
  const std::string long_id(65, 'x');
  for (const std::string& path :
       {std::string("/v1/tunnels/web-1/requests/"), "/v1/tunnels/web-1/requests/" + long_id,
        std::string("/v1/tunnels//requests"), std::string("/v1/tunnels/web-1/others"),
        std::string("/v1/services/web/requests"), std::string("/v1/tunnels/web-1/requests/%zz")}) {
    CAPTURE(path);
    CHECK_FALSE(find_target(path));
  }
}

TEST_CASE("what is not there says what might have been meant") {
  struct Line {
    const char* path;
    const char* detail;
  };
  for (const Line& line : std::initializer_list<Line>{
           {"/v1/service", "the path is /v1/services"},
           {"/v1/Service/web", "the path is /v1/services"},
           {"/v1/servises", "no such kind; did you mean /v1/services?"},
           {"/v1/aply", "no such kind; did you mean /v1/apply?"},
           {"/v1/xyz", "no such kind; GET /v1 lists them"},
           {"/v1//web", "no such kind; GET /v1 lists them"},
           {"/v1/services/Web", "no Service can have this name"},
           {"/v1/services/a/renew", "no Service can have this name"},
           {"/v1/services/a/b", "no Service can have this name"},
           {"/v1/services/%zz", "no Service can have this name"},
           {"/v1/services/..%2fevents", "no Service can have this name"},
           {"/v1/dnsproviders/cf/apply", "no DnsProvider can have this name"},
           {"/v1/dnsproviders/Cf/plan", "no DnsProvider can have this name"},
           {"/v2", "nothing is here; the API is at /v1 and its description at /openapi.json"},
       }) {
    CAPTURE(line.path);
    const auto target = find_target(line.path);
    REQUIRE_FALSE(target);
    CHECK(target.error().status == 404);
    CHECK(target.error().detail == line.detail);
  }
}

TEST_CASE("only what tells nothing of the system is open") {
  for (const char* path : {"/", "/healthz", "/readyz", "/openapi.json"})
    CHECK_FALSE(find_target(path)->needs_token());
  for (const char* path :
       {"/v1", "/v1/apply", "/v1/explain", "/v1/watch", "/v1/services", "/v1/services/a", "/metrics"}) {
    CAPTURE(path);
    CHECK(find_target(path)->needs_token());
  }
}

}  // namespace
}  // namespace weir::api
