#include "filter/filters.h"

#include <array>

#include "filter/filter_fixture.h"

namespace weir::filter {
namespace {

std::vector<std::string_view> names(const ChainPointer& chain) {
  std::vector<std::string_view> all;
  for (const NamedFilter& one : chain->filters) all.push_back(one.name);
  return all;
}

config::Route asking_for_all() {
  config::Route route;
  route.ip_access = config::IpAccess{.allow = {}, .deny = {"192.0.2.66"}};
  route.rate_limits = {{.requests = 1, .per = 10s}};
  route.basic_auth = config::BasicAuth{.realm = "r", .secret = "users"};
  route.sign_in = config::VisitorSignIn{.issuer = "https://id.example", .client_id = "weir", .secret = "id"};
  route.redirect = config::Redirect{.path = "/elsewhere"};
  route.respond = config::DirectResponse{.status = 418, .body = "tea"};
  route.rewrite = config::Rewrite{.path = "/inner"};
  route.request_headers = config::HeaderEdits{.set = {{"X-A", "1"}}};
  return route;
}

TEST_CASE("a route has the filters that it asks for, in the order of the table") {
  World world;
  CHECK(world.chain_of({})->filters.empty());
  CHECK(names(world.chain_of(asking_for_all())) ==
        std::vector<std::string_view>{"ip_access", "rate_limit", "basic_auth", "sign_in", "redirect",
                                      "direct_response", "rewrite", "header_edits"});
}

TEST_CASE("who may not come is told so before anything is counted or checked") {
  World world;
  const ChainPointer chain = world.chain_of(asking_for_all());
  CHECK(Call(world, "GET /", "", "192.0.2.66").status(chain) == 403);
  CHECK(Call(world, "GET /").status(chain) == 401);
  CHECK(Call(world, "GET /").status(chain) == 429);
}

TEST_CASE("filters are kept while they would be made of the same") {
  World world;
  world.snapshot.secrets = {std::make_shared<config::Secret>(config::Secret{"users", "u", 1, {}})};
  config::Route route = asking_for_all();
  route.backends = {{"web", 1}};
  const ChainPointer first = world.chain_of(route);
  CHECK(world.chain_of(route, first) == first);
  CHECK(world.chain_of(route) != first);
  SUBCASE("where it goes is nothing to them") {
    route.backends = {{"web", 9}, {"other", 1}};
    route.request_timeout = 1s;
    route.request_body_bytes_max = 1;
    route.retries = config::Retries{.attempts = 0};
    CHECK(world.chain_of(route, first) == first);
  }
  SUBCASE("another secret of the same content is nothing to them") {
    world.snapshot.secrets.insert(world.snapshot.secrets.begin(),
                                  std::make_shared<config::Secret>(config::Secret{"a", "v", 7, {}}));
    CHECK(world.chain_of(route, first) == first);
  }
  SUBCASE("their own part of the route is") {
    route.rewrite->path = "/other";
    CHECK(world.chain_of(route, first) != first);
  }
  SUBCASE("a new revision of the secret is") {
    world.snapshot.secrets = {std::make_shared<config::Secret>(config::Secret{"users", "u", 2, {}})};
    CHECK(world.chain_of(route, first) != first);
  }
  SUBCASE("the same name for another secret is") {
    world.snapshot.secrets = {std::make_shared<config::Secret>(config::Secret{"users", "w", 1, {}})};
    CHECK(world.chain_of(route, first) != first);
  }
  SUBCASE("a secret that is gone is") {
    world.snapshot.secrets.clear();
    CHECK(world.chain_of(route, first) != first);
  }
}

TEST_CASE("access by address: what is denied is refused, and with a list of those allowed the rest, too") {
  World world;
  struct Case {
    config::IpAccess spec;
    const char* peer;
    bool allowed;
  };
  for (const Case& one : {Case{{.allow = {}, .deny = {"10.0.0.0/8"}}, "10.1.2.3", false},
                          Case{{.allow = {}, .deny = {"10.0.0.0/8"}}, "11.1.2.3", true},
                          Case{{.allow = {"10.0.0.0/8"}, .deny = {}}, "10.1.2.3", true},
                          Case{{.allow = {"10.0.0.0/8"}, .deny = {}}, "11.1.2.3", false},
                          Case{{.allow = {"10.0.0.0/8"}, .deny = {"10.1.0.0/16"}}, "10.1.2.3", false},
                          Case{{.allow = {"10.0.0.0/8"}, .deny = {"10.1.0.0/16"}}, "10.2.2.3", true},
                          Case{{.allow = {"2001:db8::/32"}, .deny = {}}, "2001:db8::1", true},
                          Case{{.allow = {"2001:db8::/32"}, .deny = {}}, "10.1.2.3", false},
                          Case{{.allow = {"0.0.0.0/0"}, .deny = {}}, "2001:db8::1", false}}) {
    CAPTURE(one.peer);
    config::Route route;
    route.ip_access = one.spec;
    Call call(world, "GET /", "", one.peer);
    const auto response = call.pass(world.chain_of(route));
    CHECK((response == nullptr) == one.allowed);
    if (!response) continue;
    CHECK(response->head.status == 403);
    CHECK(field_of(*response, "weir-reason") == "address_refused");
    CHECK(field_of(*response, "X-Request-Id") == "r-1");
  }
}

TEST_CASE("answers of the edge's own: a response, a redirect") {
  World world;
  config::Route route;
  SUBCASE("a response") {
    route.respond =
        config::DirectResponse{.status = 418, .content_type = "text/x-tea", .body = "short and stout"};
    Call call(world, "GET /");
    const auto response = call.pass(world.chain_of(route));
    REQUIRE(response);
    CHECK(response->head.status == 418);
    CHECK(field_of(*response, "Content-Type") == "text/x-tea");
    CHECK(net::as_text(response->take_buffered()) == "short and stout");
    CHECK(call.exchange.reason == "direct_response");
  }
  SUBCASE("a redirect") {
    route.redirect = config::Redirect{.status = 301, .hostname = "b.example", .path_prefix = "/new"};
    Call call(world, "GET /old/x?q", "", "192.0.2.1", "/old");
    const auto response = call.pass(world.chain_of(route));
    REQUIRE(response);
    CHECK(response->head.status == 301);
    CHECK(field_of(*response, "Location") == "http://b.example:81/new/x?q");
    CHECK(call.exchange.reason == "redirect");
  }
}

TEST_CASE("a rewrite changes what endpoints are asked for, and nothing else") {
  World world;
  config::Route route;
  route.rewrite = config::Rewrite{.hostname = "inner.example", .path_prefix = "/v2"};
  Call call(world, "GET /api/x?q=1", "", "192.0.2.1", "/api");
  CHECK(call.status(world.chain_of(route)) == 0);
  CHECK(call.head.path == "/v2/x");
  CHECK(call.head.query == "q=1");
  CHECK(call.head.authority == "inner.example");
  CHECK(call.head.fields.value_of(http::Known::kHost) == "a.example:81");
}

TEST_CASE("edits: remove, set, add; for requests and for responses") {
  World world;
  config::Route route;
  route.request_headers = config::HeaderEdits{
      .remove = {"x-gone"}, .set = {{"X-Set", "${client_address}|${host}"}}, .add = {{"X-Add", "two"}}};
  route.response_headers =
      config::HeaderEdits{.remove = {"Server"}, .set = {{"X-Id", "${request_id}"}}, .add = {}};
  const ChainPointer chain = world.chain_of(route);
  Call call(world, "GET /", "X-Gone: 1\r\nX-Set: mine\r\nx-set: again\r\nX-Add: one\r\n");
  CHECK(call.status(chain) == 0);
  std::string fields;
  for (const http::Field& field : call.head.fields) {
    if (field.known == http::Known::kHost) continue;
    fields.append(field.name).append(": ").append(field.value).append("\n");
  }
  CHECK(fields == "X-Add: one\nX-Set: 192.0.2.1|a.example\nX-Add: two\n");

  http::TextResponse response(200, "", "");
  response.add_field(http::Known::kServer, "s");
  for (const NamedFilter& one : chain->filters) one.filter->on_response(call.exchange, response.head);
  CHECK(field_of(response, "Server") == "(none)");
  CHECK(field_of(response, "X-Id") == "r-1");
}

}  // namespace
}  // namespace weir::filter
