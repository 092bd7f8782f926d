#include "edge/edge_fixture.h"

#include <map>

#include "lb/policies.h"

namespace weir::edge {
namespace {

// Answers with its own name, so that a response says which route was taken.
struct Routed : Fixture {
  explicit Routed(std::vector<config::Route> routes) {
    snapshot.services.clear();
    snapshot.load_balancers[0].spec.routes = std::move(routes);
    apply();
  }
  std::string send(std::string_view head) {
    Peer client(fake, kEdge);
    client.send(std::string(head) + "\r\n");
    return client.take();
  }
  std::string taken(std::string_view request_line, std::string_view fields = "") {
    return content_of(
        send(std::string(request_line) + " HTTP/1.1\r\nHost: a.example:81\r\n" + std::string(fields)));
  }
};

config::Route answers(std::string name, config::RouteMatch match) {
  config::Route route;
  route.match = std::move(match);
  route.respond = config::DirectResponse{.status = 200, .content_type = "", .body = std::move(name)};
  return route;
}

TEST_CASE("precedence: exact, pattern, longest prefix; then methods, headers, query; then the order") {
  using Match = config::RouteMatch;
  Routed fixture({
      answers("all", Match{}),
      answers("prefix", Match{.path_prefix = "/a"}),
      answers("longer", Match{.path_prefix = "/a/b"}),
      answers("pattern", Match{.regex = "/a/b/[0-9]+"}),
      answers("exact", Match{.path = "/a/b"}),
      answers("post", Match{.path_prefix = "/a", .methods = {"POST", "PUT"}}),
      answers("one header", Match{.path_prefix = "/a", .headers = {{.name = "X-One", .exact = "1"}}}),
      answers("two headers", Match{.path_prefix = "/a",
                                   .headers = {{.name = "x-one", .exact = {}, .regex = "[0-9]"},
                                               {.name = "X-Two", .exact = {}, .regex = {}}}}),
      answers("query", Match{.path_prefix = "/a", .query = {{.name = "k y", .exact = "v&"}}}),
      answers("later", Match{.path_prefix = "/a", .query = {{.name = "k", .exact = {}}}}),
      answers("host",
              Match{.path_prefix = "/h", .headers = {{.name = "Host", .exact = {}, .regex = "a\\..*"}}}),
  });
  struct Case {
    const char* request;
    const char* fields;
    const char* taken;
  };
  for (const Case& one :
       {Case{"GET /", "", "all"}, Case{"GET /ab", "", "all"}, Case{"GET /a", "", "prefix"},
        Case{"GET /a/x", "", "prefix"}, Case{"GET /a/b/c", "", "longer"}, Case{"GET /a/b", "", "exact"},
        Case{"GET /a/b/12", "", "pattern"}, Case{"GET /a/b/12x", "", "longer"}, Case{"PUT /a", "", "post"},
        Case{"POST /a", "X-One: 1\r\nX-Two: \r\n", "post"}, Case{"GET /a", "X-One: 1\r\n", "one header"},
        Case{"GET /a", "X-One: 2\r\n", "prefix"}, Case{"GET /a", "X-One: 2\r\nX-Two: z\r\n", "two headers"},
        Case{"GET /a?x=1&k+y=v%26", "", "query"}, Case{"GET /a?k%20y=v", "", "prefix"},
        Case{"GET /a?k", "", "later"}, Case{"GET /a?kk=1", "", "prefix"}, Case{"GET /a?k=%zz", "", "later"},
        Case{"GET /h", "", "host"}}) {
    CAPTURE(one.request);
    CAPTURE(one.fields);
    CHECK(fixture.taken(one.request, one.fields) == one.taken);
  }
}

TEST_CASE("redirects say where, with the port that belongs there") {
  struct Case {
    config::Redirect redirect;
    const char* location;
  };
  for (const Case& one : {Case{{.scheme = "https"}, "https://a.example/old/x?q=1"},
                          Case{{.status = 308, .hostname = "b.example"}, "http://b.example:81/old/x?q=1"},
                          Case{{.port = 80}, "http://a.example/old/x?q=1"},
                          Case{{.port = 8080}, "http://a.example:8080/old/x?q=1"},
                          Case{{.path = "/new"}, "http://a.example:81/new?q=1"},
                          Case{{.path_prefix = "/new/"}, "http://a.example:81/new/x?q=1"},
                          Case{{.path_prefix = "/"}, "http://a.example:81/x?q=1"}}) {
    config::Route route;
    route.match.path_prefix = "/old";
    route.redirect = one.redirect;
    Routed fixture({route});
    const std::string response = fixture.send("GET /old/x?q=1 HTTP/1.1\r\nHost: a.example:81\r\n");
    CAPTURE(response);
    CHECK(response.starts_with("HTTP/1.1 " + std::to_string(one.redirect.status)));
    CHECK(response.contains(std::string("\r\nLocation: ") + one.location + "\r\n"));
  }
}

TEST_CASE("a listener that redirects to https answers nothing else") {
  Fixture fixture;
  fixture.snapshot.load_balancers[0].spec.listeners[0].redirect_to_https = true;
  fixture.apply();
  Peer client(fixture.fake, kEdge);
  client.send("POST /p?q HTTP/1.1\r\nHost: a.example:8080\r\nContent-Length: 0\r\n\r\n");
  const std::string response = client.take();
  CHECK(response.starts_with("HTTP/1.1 308 "));
  CHECK(response.contains("\r\nLocation: https://a.example/p?q\r\n"));
  Peer old(fixture.fake, kEdge);
  old.send("GET / HTTP/1.0\r\n\r\n");
  const std::string refused = old.take();
  CHECK(refused.starts_with("HTTP/1.1 400 "));
  CHECK_FALSE(refused.contains("Location"));
}

TEST_CASE("a redirect to https leads to the port where HTTPS is served") {
  FakeEnv fake;
  net::Env* workers[] = {&fake.env};
  Edge edge(fake.env, workers, {.http = *net::Address::parse(kEdge), .server = {}});
  edge.set_https(*net::Address::parse("127.0.0.1:8443"));
  REQUIRE(edge.listen().has_value());
  Draft snapshot;
  snapshot.services.push_back(service("web", {}));
  snapshot.load_balancers.push_back(load_balancer("web", {}, "web"));
  config::LoadBalancerSpec& spec = snapshot.load_balancers[0].spec;
  spec.listeners[0].redirect_to_https = true;
  const auto location = [&] {
    edge.apply(snapshot.made());
    fake.run_until_idle();
    Peer client(fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n");
    const std::string response = client.take();
    const std::size_t begin = response.find("Location: ");
    return response.substr(begin, response.find("\r\n", begin) - begin);
  };
  CHECK(location() == "Location: https://a.example:8443/");
  spec.listeners.push_back({.protocol = config::ListenerProtocol::kHttps, .hostnames = {}, .port = 9443});
  CHECK(location() == "Location: https://a.example:9443/");
  spec.listeners[0].https_port = 443;
  CHECK(location() == "Location: https://a.example/");
  edge.cut();
  (void)fake.run(edge.drain(), 1h);
}

TEST_CASE("rewrites and edits are what the origin and the client see") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  config::Route& route = fixture.snapshot.load_balancers[0].spec.routes[0];
  route.match.path_prefix = "/api";
  route.rewrite = config::Rewrite{.hostname = "inner.example", .path = {}, .path_prefix = "/v2"};
  route.request_headers = config::HeaderEdits{.remove = {"Cookie"},
                                              .set = {{"X-Client", "${client_address} of ${request_id}"}},
                                              .add = {{"x-tag", "a"}, {"X-Tag", "b"}}};
  route.response_headers = config::HeaderEdits{
      .remove = {"server"}, .set = {{"Cache-Control", "no-store"}}, .add = {{"X-Served", "${host}"}}};
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send(
      "GET /api/x?q HTTP/1.1\r\nHost: a.example\r\nCookie: k=v\r\nX-Client: me\r\nX-Request-Id: r-1\r\n\r\n");
  Peer upstream = origin.accept();
  CHECK(
      upstream.take() ==
      "GET /v2/x?q HTTP/1.1\r\nHost: inner.example\r\nX-Client: 127.0.0.1 of r-1\r\nx-tag: a\r\nX-Tag: b\r\n"
      "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n"
      "X-Request-Id: r-1\r\nVia: 1.1 weir\r\n\r\n");
  upstream.send(
      "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nCache-Control: public\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.take() ==
        "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 0\r\nVia: 1.1 weir\r\nCache-Control: no-store\r\n"
        "X-Served: inner.example\r\n\r\n");
}

TEST_CASE("who may not come is told so, and the origin sees nothing") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  config::Route& route = fixture.snapshot.load_balancers[0].spec.routes[0];
  SUBCASE("by address") {
    route.ip_access = config::IpAccess{.allow = {"127.0.0.0/8"}, .deny = {}};
    fixture.apply({endpoint("10.0.0.1:80")});
    CHECK(fixture.get().starts_with("HTTP/1.1 204"));
    route.ip_access->deny = {"127.0.0.1"};
    fixture.apply();
    const std::string refused = fixture.get();
    CHECK(refused.starts_with("HTTP/1.1 403"));
    CHECK(refused.contains("\r\nweir-reason: address_refused\r\n"));
    CHECK(origin.answered() == 1);
  }
  SUBCASE("by name and password") {
    route.basic_auth = config::BasicAuth{.realm = "inner", .secret = "users"};
    // "Hello world!", the vector of SHA-crypt's specification
    fixture.snapshot.secrets.push_back(std::make_shared<config::Secret>(
        config::Secret{"users",
                       "u",
                       1,
                       {.values = {{"eve", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"}}}}));
    fixture.apply({endpoint("10.0.0.1:80")});
    const auto get = [&fixture](std::string_view credentials) {
      Peer client(fixture.fake, kEdge);
      client.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(credentials) + "\r\n");
      if (client.received().empty()) (void)fixture.edge.passwords().answer_one();
      return client.take();
    };
    const std::string refused = get("");
    CHECK(refused.starts_with("HTTP/1.1 401"));
    CHECK(refused.contains("\r\nWWW-Authenticate: Basic realm=\"inner\", charset=\"UTF-8\"\r\n"));
    const std::string right = "Authorization: Basic ZXZlOkhlbGxvIHdvcmxkIQ==\r\n";
    CHECK(get(right).starts_with("HTTP/1.1 204"));
    for (int i = 0; i < 11; ++i) CHECK(get("Authorization: Basic ZXZlOng=\r\n").starts_with("HTTP/1.1 401"));
    CHECK(get("Authorization: Basic ZXZlOng=\r\n").starts_with("HTTP/1.1 429"));
    CHECK(get(right).starts_with("HTTP/1.1 204"));  // known to be right: no guess
    CHECK(origin.answered() == 2);
    fixture.snapshot.services.push_back(service("other", {}));
    fixture.apply();  // a change elsewhere forgets nothing
    Peer client(fixture.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(right) + "\r\n");
    CHECK(client.take().starts_with("HTTP/1.1 204"));
  }
}

TEST_CASE("visitors come back to paths of the whole load balancer, whichever routes ask them to sign in") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  std::vector<config::Route>& routes = fixture.snapshot.load_balancers[0].spec.routes;
  routes.push_back(routes[0]);
  routes[1].match.path_prefix = "/inner";
  routes[1].sign_in = config::VisitorSignIn{
      .issuer = "https://id.example", .client_id = "weir", .secret = "id", .allow_domains = {"b.example"}};
  fixture.snapshot.secrets.push_back(std::make_shared<config::Secret>(
      config::Secret{"id", "u", 1, {.values = {{"client_secret", "a secret of the client"}}}}));
  fixture.apply({endpoint("10.0.0.1:80")});
  const auto get = [&fixture](const std::string& path) {
    Peer client(fixture.fake, kEdge);
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nCookie: weir_visitor_0=x; a=1\r\n\r\n");
    return client.take();
  };
  CHECK(get("/").starts_with("HTTP/1.1 204"));
  CHECK(get("/inner").contains("\r\nweir-reason: sign_in_needed\r\n"));
  CHECK(get("/.weir/sign-in/out").starts_with("HTTP/1.1 200"));
  CHECK(get("/.weir/sign-in/callback?code=x").starts_with("HTTP/1.1 403"));
  CHECK(get("/.weir/sign-in/other").starts_with("HTTP/1.1 204"));
  CHECK(origin.answered() == 2);
  routes.pop_back();
  fixture.apply();
  CHECK(get("/.weir/sign-in/out").starts_with("HTTP/1.1 204"));
}

TEST_CASE("while a password is checked, the loop serves others; a client may leave meanwhile") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  std::vector<config::Route>& routes = fixture.snapshot.load_balancers[0].spec.routes;
  routes.push_back(routes[0]);
  routes[1].match.path_prefix = "/inner";
  routes[1].basic_auth = config::BasicAuth{.secret = "users"};
  fixture.snapshot.secrets.push_back(std::make_shared<config::Secret>(config::Secret{
      "users", "u", 1, {.values = {{"eve", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"}}}}));
  fixture.apply({endpoint("10.0.0.1:80")});
  const auto ask = [&fixture](const std::string& credentials) {
    Peer client(fixture.fake, kEdge);
    client.send("GET /inner HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " + credentials + "\r\n\r\n");
    return client;
  };
  Peer right = ask("ZXZlOkhlbGxvIHdvcmxkIQ==");
  Peer wrong = ask("ZXZlOng=");
  Peer leaving = ask("ZXZlOnk=");
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  CHECK(right.received().empty());
  leaving.abort();
  fixture.apply();  // the route that they wait in is that of an older plan
  CHECK(fixture.edge.passwords().answer_one());
  CHECK(right.take().starts_with("HTTP/1.1 204"));
  CHECK(wrong.received().empty());
  CHECK(fixture.edge.passwords().answer_one());
  CHECK(wrong.take().starts_with("HTTP/1.1 401"));
  (void)fixture.edge.passwords().answer_one();
  fixture.fake.run_until_idle();
}

TEST_CASE("beyond its rate a client is told when to come again") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  fixture.snapshot.load_balancers[0].spec.routes[0].rate_limits = {
      {.requests = 2, .per = 10s, .burst = 0, .by_address = true, .by_header = "X-Key"}};
  fixture.apply({endpoint("10.0.0.1:80")});
  const auto get = [&fixture](std::string_view key) {
    Peer client(fixture.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Key: " + std::string(key) + "\r\n\r\n");
    return client.take();
  };
  CHECK(get("a").starts_with("HTTP/1.1 204"));
  CHECK(get("a").starts_with("HTTP/1.1 204"));
  const std::string refused = get("a");
  CHECK(refused.starts_with("HTTP/1.1 429"));
  CHECK(refused.contains("\r\nRetry-After: 5\r\n"));
  CHECK(refused.contains("\r\nRateLimit-Policy: \"weir\";q=2;w=10\r\nRateLimit: \"weir\";r=0;t=5\r\n"));
  CHECK(refused.contains("\r\nweir-reason: rate_limited\r\n"));
  CHECK(get("b").starts_with("HTTP/1.1 204"));
  fixture.apply();  // a change elsewhere refills nothing
  CHECK(get("a").starts_with("HTTP/1.1 429"));
  fixture.fake.advance(5s);
  CHECK(get("a").starts_with("HTTP/1.1 204"));
  CHECK(get("a").starts_with("HTTP/1.1 429"));
}

TEST_CASE("shares of backends are exact over changes that don't concern the route") {
  Fixture fixture;
  PeerListener heavy(fixture.fake, "10.0.0.1:80");
  PeerListener light(fixture.fake, "10.0.0.2:80");
  heavy.answer("\r\n\r\n", kNoContent);
  light.answer("\r\n\r\n", kNoContent);
  fixture.snapshot.services = {service("heavy", {endpoint("10.0.0.1:80")}),
                               service("light", {endpoint("10.0.0.2:80")}), service("other", {})};
  std::vector<config::Route>& routes = fixture.snapshot.load_balancers[0].spec.routes;
  routes[0].backends = {{"heavy", 9}, {"light", 1}};
  for (int i = 0; i < 60; ++i) {
    fixture.snapshot.services[2].endpoints = {endpoint("10.0.1." + std::to_string(i) + ":80")};
    if (i % 10 == 5) {  // the route moves within its load balancer
      config::Route other;
      other.match.path_prefix = "/other" + std::to_string(i);
      other.backends = {{"other", 1}};
      routes.insert(routes.begin(), other);
    }
    fixture.apply();
    CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  }
  CHECK(heavy.answered() == 54);
  CHECK(light.answered() == 6);
}

constexpr std::string_view kUpgrade =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Request-Id: r-1\r\n\r\n";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nDate: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

TEST_CASE("a WebSocket goes through, both ways, until either side ends it") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send(kUpgrade);
  Peer upstream = origin.accept();
  CHECK(upstream.take() ==
        "GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nX-Forwarded-For: 127.0.0.1\r\n"
        "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Request-Id: r-1\r\nVia: 1.1 weir\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  upstream.send(std::string(kSwitching) + "first");
  CHECK(
      client.take() ==
      "HTTP/1.1 101 Switching Protocols\r\nDate: d\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
      "Via: 1.1 weir\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
  client.send("ping");
  CHECK(upstream.take() == "ping");
  upstream.send("pong");
  CHECK(client.take() == "pong");
  fixture.fake.advance(30min);  // no deadline of a request
  fixture.apply();              // no change touches it
  client.send("still");
  CHECK(upstream.take() == "still");
  SUBCASE("the client ends") {
    client.finish();
    CHECK(upstream.ended());
    upstream.send("last");
    CHECK(client.take() == "last");
    upstream.close();
    CHECK(client.ended());
  }
  SUBCASE("the origin ends") {
    upstream.close();
    CHECK(client.ended());
  }
  SUBCASE("the client breaks off") {
    client.abort();
    CHECK_FALSE(upstream.open());
  }
  SUBCASE("the origin breaks off") {
    upstream.abort();
    CHECK_FALSE(client.open());
  }
  SUBCASE("nobody says anything for an hour") {
    fixture.fake.advance(61min);
    CHECK_FALSE(client.open());
    CHECK_FALSE(upstream.open());
  }
}

TEST_CASE("an upgrade that the origin refuses is an ordinary exchange") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send(kUpgrade);
  Peer upstream = origin.accept();
  upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  CHECK(client.take().ends_with("\r\n\r\nno"));
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  upstream.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));
}

TEST_CASE("an upgrade that nobody asked for is a bad gateway") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  Peer upstream = origin.accept();
  CHECK_FALSE(upstream.take().contains("h2c"));
  upstream.send(kSwitching);
  CHECK(client.take().starts_with("HTTP/1.1 502"));
  CHECK_FALSE(upstream.open());
}

TEST_CASE("a PROXY header is believed from those who are listed, and from nobody else") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  config::Listener& listener = fixture.snapshot.load_balancers[0].spec.listeners[0];
  constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  SUBCASE("listed") {
    listener.proxy_protocol_from = {"127.0.0.0/8"};
    fixture.apply({endpoint("10.0.0.1:80")});
    Peer client(fixture.fake, kEdge);
    client.send(kHeader.substr(0, 9));
    client.send(std::string(kHeader.substr(9)) + std::string(kRequest));
    CHECK(origin.accept().take().contains("\r\nX-Forwarded-For: 192.0.2.7\r\n"));
  }
  SUBCASE("listed, and without one") {
    listener.proxy_protocol_from = {"127.0.0.0/8"};
    fixture.apply({endpoint("10.0.0.1:80")});
    Peer client(fixture.fake, kEdge);
    client.send(kRequest);
    CHECK_FALSE(client.open());
    CHECK(client.take().empty());
  }
  SUBCASE("not listed") {
    listener.proxy_protocol_from = {"10.0.0.0/8"};
    fixture.apply({endpoint("10.0.0.1:80")});
    Peer client(fixture.fake, kEdge);
    client.send(std::string(kHeader) + std::string(kRequest));
    CHECK(client.take().starts_with("HTTP/1.1 400"));
  }
}

TEST_CASE("what is hashed on decides the endpoint, and a lost endpoint moves only its own keys") {
  Pool pool;
  for (const char* policy : {"RING_HASH", "MAGLEV"}) {
    CAPTURE(policy);
    pool.spec().balance = static_cast<config::Balance>(*lb::find_policy(policy));
    pool.spec().hash_on = config::HashOn{.header = "X-User", .cookie = "user", .source = false};
    pool.start();
    std::map<std::string, std::string> homes;
    for (int i = 0; i < 30; ++i) {
      const std::string user = std::to_string(i);
      homes[user] = content_of(pool.send("X-User: " + user + "\r\n"));
      CHECK(content_of(pool.send("Cookie: a=b; user=" + user + "\r\n")) == homes[user]);
    }
    std::map<std::string, int> keys;
    for (const auto& [user, home] : homes) ++keys[home];
    CHECK(keys.size() == 3);
    pool.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.3:80")});
    int moved = 0;
    for (const auto& [user, home] : homes) {
      const bool stayed = content_of(pool.send("X-User: " + user + "\r\n")) == home;
      if (home == "b") CHECK_FALSE(stayed);
      if (home != "b" && !stayed) ++moved;
    }
    CHECK(moved <= (std::string_view(policy) == "MAGLEV" ? 3 : 0));
  }
}

TEST_CASE("a cookie keeps a client at its endpoint while that serves") {
  Pool pool;
  pool.spec().sticky = config::StickyCookie{.name = "at", .max_age = 60s};
  pool.start();
  const std::string first = pool.send("");
  const std::size_t begin = first.find("\r\nSet-Cookie: at=");
  REQUIRE(begin != std::string::npos);
  const std::string set = first.substr(begin + 14, first.find("\r\n", begin + 2) - begin - 14);
  CHECK(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"));
  const std::string cookie = "Cookie: x=y; " + set.substr(0, set.find(';')) + "\r\n";
  for (int i = 0; i < 5; ++i) {
    const std::string again = pool.send(cookie);
    CHECK(content_of(again) == content_of(first));
    CHECK_FALSE(again.contains("Set-Cookie"));
  }
  pool.origins.clear();
  pool.origins.emplace_back(pool.fake, "10.0.0.9:80");
  pool.origins.back().answer("\r\n\r\n", answer_with("z"));
  pool.apply({endpoint("10.0.0.9:80")});
  const std::string moved = pool.send(cookie);
  CHECK(content_of(moved) == "z");
  CHECK(moved.contains("Set-Cookie: at="));
  for (const char* foreign : {"zz", "", "0", "0000000000000000", "123456789abcdef01"}) {
    CHECK(pool.send("Cookie: at=" + std::string(foreign) + "\r\n").contains("Set-Cookie: at="));
  }
}

std::string sticky_pair(const std::string& response) {
  constexpr std::string_view kSet = "\r\nSet-Cookie: ";
  const std::size_t begin = response.find(kSet);
  if (begin == std::string::npos) return "";
  return response.substr(begin + kSet.size(), response.find(';', begin) - begin - kSet.size());
}

TEST_CASE(
    "what a cookie calls an endpoint depends on the service and on the edges' secret, not on its core") {
  const auto first_cookie = [](std::byte secret, const std::string& name) {
    EdgeOptions options;
    options.cookie_key.fill(secret);
    Fixture fixture(options);
    PeerListener origin(fixture.fake, "10.0.0.1:80");
    origin.answer("\r\n\r\n", kNoContent);
    fixture.snapshot.services[0].name = name;
    fixture.snapshot.load_balancers[0] = load_balancer("web", {}, name);
    fixture.spec().sticky = config::StickyCookie{};
    fixture.apply({endpoint("10.0.0.1:80")});
    return sticky_pair(fixture.get());
  };
  const std::string web = first_cookie(std::byte{1}, "web");
  CHECK(web.starts_with("weir-endpoint-web="));
  CHECK(web.size() == std::string_view("weir-endpoint-web=").size() + 16);
  CHECK(first_cookie(std::byte{1}, "web") == web);
  CHECK(first_cookie(std::byte{2}, "web") != web);
  const std::string api = first_cookie(std::byte{1}, "api");
  CHECK(api.substr(api.find('=')) != web.substr(web.find('=')));
}

TEST_CASE("a split follows the cookie of one of its services, while that endpoint serves and has weight") {
  for (const char* name : {"", "at"}) {
    CAPTURE(name);
    Pool pool;
    pool.snapshot.services = {service("web", {endpoint(Pool::address_of('a'))}),
                              service("next", {endpoint(Pool::address_of('b'))})};
    for (config::Service& one : pool.snapshot.services) one.spec.sticky = config::StickyCookie{.name = name};
    auto& backends = pool.snapshot.load_balancers[0].spec.routes[0].backends;
    backends = {{"web", 1}, {"next", 1}};
    pool.apply();
    std::map<std::string, std::string> cookies;  // by who set it
    for (int i = 0; i < 2; ++i) {
      const std::string response = pool.send("");
      cookies[content_of(response)] = sticky_pair(response);
    }
    REQUIRE(cookies.size() == 2);
    for (int i = 0; i < 3; ++i) {
      for (const auto& [letter, cookie] : cookies) {
        const std::string again = pool.send("Cookie: " + cookie + "\r\n");
        CHECK(content_of(again) == letter);
        CHECK_FALSE(again.contains("Set-Cookie"));
      }
    }
    CHECK(pool.spread(10) == std::map<std::string, int>{{"a", 5}, {"b", 5}});
    backends[1].weight = 0;
    pool.apply();
    CHECK(content_of(pool.send("Cookie: " + cookies["b"] + "\r\n")) == "a");
    backends[1].weight = 1;
    pool.snapshot.services[1].endpoints.clear();
    pool.apply();
    int answered = 0;
    for (int i = 0; i < 4; ++i) {
      answered += content_of(pool.send("Cookie: " + cookies["b"] + "\r\n")) == "a" ? 1 : 0;
    }
    CHECK(answered == 2);
  }
}

TEST_CASE("a PROXY header tells the origin its client, whose connection is nobody else's") {
  Fixture fixture;
  fixture.spec().proxy_protocol = config::ProxyProtocol::kV1;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer first = origin.accept();
  const std::string header = first.take_until("\r\n");
  CHECK(header.starts_with("PROXY TCP4 127.0.0.1 0.0.0.0 "));
  CHECK(header.ends_with(" 8080\r\n"));
  CHECK(first.take().starts_with("GET /1 "));
  first.send(kNoContent);
  Peer other(fixture.fake, kEdge);
  other.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(first.take().empty());
  Peer second = origin.accept();
  CHECK(second.take_until("\r\n").starts_with("PROXY TCP4 127.0.0.1 "));
  second.send(kNoContent);
  client.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(first.take().starts_with("GET /3 "));  // no second header
}

}  // namespace
}  // namespace weir::edge
