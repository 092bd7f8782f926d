#include <optional>

#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

struct Site : Fixture {
  Site() : origin(fake, "10.0.0.1:80") { start(); }
  void start() { apply({endpoint("10.0.0.1:80")}); }
  config::Listener& listener() { return snapshot.load_balancers[0].spec.listeners[0]; }
  config::Route& route() { return snapshot.load_balancers[0].spec.routes[0]; }
  // What the origin got of a request, which it answers; empty: it got nothing.
  std::string forwarded(std::string_view line, std::string_view fields = "") {
    Peer client(fake, kEdge);
    client.send(std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    if (!upstream || !upstream->open()) upstream.emplace(origin.accept());
    std::string got = upstream->connected() ? upstream->take() : "";
    if (!got.empty()) upstream->send(kNoContent);
    answer = client.take();
    return got;
  }
  std::string path_of(std::string_view path) {
    const std::string got = forwarded("GET " + std::string(path));
    return got.empty() ? "" : got.substr(4, got.find(' ', 4) - 4);
  }

  PeerListener origin;
  std::optional<Peer> upstream;
  std::string answer;
};

TEST_CASE("a route's rules hold for every way to write its path") {
  Site site;
  config::Route& admin = site.snapshot.load_balancers[0].spec.routes.emplace_back(site.route());
  admin.match.path_prefix = "/admin";
  admin.ip_access = config::IpAccess{.allow = {}, .deny = {"127.0.0.0/8"}};
  site.start();
  CHECK(site.path_of("/other") == "/other");
  for (const char* path : {"/admin", "/admin/x", "//admin", "/./admin", "/x/../admin", "/%61dmin",
                           "/x/%2e%2e/admin", "/x/.%2E//admin", "/admin%2F%2e%2e"}) {
    CAPTURE(path);
    CHECK(site.path_of(path).empty());
    CHECK((site.answer.starts_with("HTTP/1.1 403") || site.answer.starts_with("HTTP/1.1 400")));
  }
}

TEST_CASE("the origin gets the path that was compared; what has two readings is refused") {
  Site site;
  CHECK(site.path_of("/a//b/./c/../%7Euser?q=%2F/../x") == "/a/b/~user?q=%2F/../x");
  CHECK(site.path_of("/.well-known/a%20b") == "/.well-known/a%20b");
  for (const char* path : {"/a%2fb", "/a%5Cb", "/a\\b", "/a%00", "/a%", "/a%2", "/a%zz", "/%%32%66"}) {
    CAPTURE(path);
    CHECK(site.path_of(path).empty());
    CHECK(site.answer.starts_with("HTTP/1.1 400"));
    CHECK(site.answer.contains("\r\nweir-reason: malformed\r\n"));
  }
  site.snapshot.load_balancers[0].spec.allow_encoded_slashes = true;
  site.start();
  CHECK(site.path_of("/group%2fname/../b") == "/b");
  CHECK(site.path_of("/group%2fname") == "/group%2Fname");
  CHECK(site.path_of("/a\\b") == "/a\\b");
  CHECK(site.path_of("/a%00").empty());
}

TEST_CASE("what a client says about itself is not passed on as if a proxy had said it") {
  Site site;
  const std::string got = site.forwarded(
      "GET /",
      "X_Forwarded_For: 1.1.1.1\r\nX_Forwarded_Client_Cert: Hash=1\r\nX-Forwarded-Client-Cert: Hash=2\r\n"
      "Forwarded: for=2.2.2.2\r\nX-Real-IP: 3.3.3.3\r\nX_Real_IP: 4.4.4.4\r\nX-Forwarded-Port: 1\r\n"
      "X-Forwarded-Prefix: /p\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nContent_Length: 5\r\n"
      "my_header: 1\r\nX-Request-Id: r\r\n");
  CHECK(
      got ==
      "GET / HTTP/1.1\r\nHost: a\r\nmy_header: 1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
      "X-Forwarded-Host: a\r\nX-Request-Id: r\r\nVia: 1.1 weir\r\n\r\n");
}

TEST_CASE("a trusted proxy is believed about its client") {
  Site site;
  site.listener().trusted_proxies = {"127.0.0.0/8", "10.1.0.0/16"};
  config::HeaderEdits edits;
  edits.set = {{"X-Client", "${client_address}"}};
  site.route().request_headers = edits;
  site.start();
  struct Row {
    const char* sent;
    const char* client;
  };
  for (const Row& row : {Row{"192.0.2.7", "192.0.2.7"}, Row{"6.6.6.6, 192.0.2.7", "192.0.2.7"},
                         Row{"6.6.6.6, 192.0.2.7, 10.1.2.3", "192.0.2.7"}, Row{"192.0.2.7:4711", "192.0.2.7"},
                         Row{"[2001:db8::1]:80", "2001:db8::1"}, Row{"2001:db8::1", "2001:db8::1"},
                         Row{"::ffff:192.0.2.7", "192.0.2.7"}, Row{"10.1.0.1, 10.1.0.2", "10.1.0.1"},
                         Row{"192.0.2.7, unknown", "127.0.0.1"},
                         Row{"192.0.2.7\r\nX-Forwarded-For: 192.0.2.8", "192.0.2.8"}, Row{"", "127.0.0.1"}}) {
    CAPTURE(row.sent);
    const std::string got = site.forwarded("GET /", "X-Forwarded-For: " + std::string(row.sent) + "\r\n");
    CHECK(got.contains("\r\nX-Client: " + std::string(row.client) + "\r\n"));
    CHECK(got.contains("127.0.0.1\r\nX-Forwarded-Proto: http\r\n"));  // the proxy's own address ends the list
  }
  const std::string got = site.forwarded(
      "GET /",
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\nX-Forwarded-Client-Cert: Hash=1\r\n"
      "X_Forwarded_For: 9.9.9.9\r\nX-Real-IP: 192.0.2.7\r\n");
  CHECK(got.contains("\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\n"));
  CHECK(got.contains("\r\nX-Forwarded-Client-Cert: Hash=1\r\n"));
  CHECK(got.contains("\r\nX-Real-IP: 192.0.2.7\r\n"));
  CHECK_FALSE(got.contains("9.9.9.9"));
}

TEST_CASE("access by address is about the client behind a trusted proxy, and about no other's word") {
  Site site;
  site.listener().trusted_proxies = {"127.0.0.1"};
  site.route().ip_access = config::IpAccess{.allow = {}, .deny = {"192.0.2.0/24"}};
  site.start();
  CHECK(site.forwarded("GET /", "X-Forwarded-For: 192.0.2.7\r\n").empty());
  CHECK(site.answer.starts_with("HTTP/1.1 403"));
  CHECK_FALSE(site.forwarded("GET /", "X-Forwarded-For: 192.0.2.7, 198.51.100.1\r\n").empty());
  site.listener().trusted_proxies = {"10.0.0.0/8"};
  site.start();
  CHECK_FALSE(site.forwarded("GET /", "X-Forwarded-For: 192.0.2.7\r\n").empty());
}

TEST_CASE("Max-Forwards is counted, and ends TRACE and OPTIONS at 0") {
  Site site;
  CHECK(site.forwarded("OPTIONS /", "Max-Forwards: 2\r\n").contains("\r\nMax-Forwards: 1\r\n"));
  CHECK(site.forwarded("GET /", "Max-Forwards: 0\r\n").contains("\r\nMax-Forwards: 0\r\n"));
  CHECK(site.forwarded("OPTIONS /", "Max-Forwards: 0\r\n").empty());
  CHECK(site.answer.starts_with("HTTP/1.1 204"));
  CHECK(site.forwarded("TRACE /", "Max-Forwards: 0\r\n").empty());
  CHECK(site.answer.starts_with("HTTP/1.1 405"));
}

TEST_CASE("edits of responses are made to the edge's own errors, too") {
  Site site;
  config::HeaderEdits edits;
  edits.set = {{"Strict-Transport-Security", "max-age=1"}};
  site.route().response_headers = edits;
  site.apply({});
  CHECK(site.forwarded("GET /").empty());
  CHECK(site.answer.starts_with("HTTP/1.1 503"));
  CHECK(site.answer.contains("\r\nStrict-Transport-Security: max-age=1\r\n"));
  CHECK(site.answer.contains("\r\nweir-reason: no_endpoint\r\n"));
}

TEST_CASE("a head that its edits make too large is 502, and the connection goes on") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  config::HeaderEdits edits;
  edits.add = {{"X-More", std::string(4000, 'm')}, {"X-More", std::string(4000, 'n')}};
  fixture.snapshot.load_balancers[0].spec.routes[0].response_headers = edits;
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer upstream = origin.accept();
  std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
  for (int i = 0; i < 12; ++i) head += "X-Large: " + std::string(1900, 'x') + "\r\n";
  upstream.send(head + "\r\nhi");
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 502"));
  CHECK(answer.contains("\r\nweir-reason: head_too_large\r\n"));
  CHECK(client.open());
}

}  // namespace
}  // namespace weir::edge
