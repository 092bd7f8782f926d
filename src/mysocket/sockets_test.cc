#include "mysocket/sockets.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "auth/password.h"
#include "mysocket/mysocket_fixture.h"

namespace weir::mysocket {
namespace {

using Tree = nlohmann::json;

Tree json_of(const api::ApiAnswer& answer) { return Tree::parse(answer.body, nullptr, false); }

api::ApiAnswer call(MysocketFixture& world, std::string_view method, std::string_view target,
                    const Tree& body = {}, const std::string& token = {}) {
  return world.call(method, target, body.is_null() ? "" : body.dump(), token);
}
using config::Kind;

// What the client sends.
Tree socket_wish(const std::string& name, const std::string& type = "http") {
  return {{"name", name},
          {"protected_socket", false},
          {"protected_username", ""},
          {"protected_password", ""},
          {"socket_type", type},
          {"cloud_authentication_enabled", false},
          {"cloud_authentication_email_allowed_addressses", Tree::array()},
          {"cloud_authentication_email_allowed_domains", Tree::array()}};
}

TEST_CASE("connect: a socket and its tunnel, as the client reads them") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const auto made = call(world, "POST", "/connect", socket_wish("Local port 8000"), token);
  CHECK(made.status == 200);
  const Tree socket = json_of(made);
  const std::string id = socket["socket_id"];
  CHECK(socket["dnsname"] == id + ".weir.localhost");
  CHECK(socket["socket_tcp_ports"] == Tree{8080, 8443});
  CHECK(socket["socket_type"] == "http");
  CHECK(socket["cloud_authentication_enabled"] == false);
  CHECK(socket["name"] == "Local port 8000");
  CHECK(socket["protected_socket"] == false);
  const auto user = world.world.mirror.objects().user_of_email("eve@host.example");
  CHECK(socket["user_name"] == user->metadata.name);
  REQUIRE(socket["tunnels"].size() == 1);
  const Tree& tunnel = socket["tunnels"][0];
  CHECK(tunnel["local_port"] >= kSlotPortMin);
  CHECK(tunnel["local_port"] <= kSlotPortMax);
  CHECK(tunnel["tunnel_server"] == "");

  const config::Whole& objects = world.world.mirror.objects();
  const auto balancer = objects.find(Kind::kLoadBalancer, id);
  REQUIRE(balancer);
  CHECK(balancer->metadata.labels.at(std::string(config::kOwnerLabel)) == user->metadata.name);
  const auto& spec = std::get<config::LoadBalancerSpec>(balancer->spec);
  REQUIRE(spec.listeners.size() == 2);
  CHECK(spec.listeners[0].protocol == config::ListenerProtocol::kHttp);
  CHECK(spec.listeners[1].protocol == config::ListenerProtocol::kHttps);
  CHECK(spec.routes[0].backends[0].service == id);
  CHECK_FALSE(spec.routes[0].basic_auth.has_value());
  const auto service = objects.find(Kind::kService, id);
  CHECK(service->metadata.labels == balancer->metadata.labels);
  const auto slot = objects.find(Kind::kEndpoint, tunnel["tunnel_id"].get<std::string>());
  CHECK(std::get<config::EndpointSpec>(slot->spec).tunnel->port == tunnel["local_port"]);
  CHECK(slot->metadata.labels == balancer->metadata.labels);
  // One transaction, by the account.
  CHECK(service->metadata.revision == balancer->metadata.revision);
  CHECK(slot->metadata.revision == balancer->metadata.revision);
  CHECK(
      world.world.call("GET", "/v1/events").body.contains("\"actor\":\"user/" + user->metadata.name + "\""));

  for (const char* path : {"/connect", "/socket"}) {
    CHECK(json_of(call(world, "GET", path, {}, token)) == Tree::array({socket}));
  }
  CHECK(json_of(call(world, "GET", "/socket/" + id, {}, token)) == socket);
  CHECK(call(world, "DELETE", "/socket/" + id, {}, token).status == 204);
  CHECK(json_of(call(world, "GET", "/socket", {}, token)) == Tree::array());
  for (const Kind kind : {Kind::kLoadBalancer, Kind::kService, Kind::kEndpoint})
    CHECK(objects.of(kind).empty());
  CHECK(call(world, "DELETE", "/socket/" + id, {}, token).status == 404);
}

TEST_CASE("a socket of a member of one organization is the organization's, with all that belongs to it") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const config::Whole& objects = world.world.mirror.objects();
  const std::string user = objects.user_of_email("eve@host.example")->metadata.name;
  const Tree organization{{"kind", "Organization"},
                          {"metadata", {{"name", "acme"}}},
                          {"spec", {{"members", Tree::array({{{"user", user}}})}}}};
  REQUIRE(world.administer("POST", "/v1/apply", "[" + organization.dump() + "]").status == 200);
  const auto made = call(world, "POST", "/connect", socket_wish("one"), token);
  REQUIRE(made.status == 200);
  const std::string id = json_of(made)["socket_id"];
  CHECK(objects.find(Kind::kLoadBalancer, id)->metadata.organization == "acme");
  CHECK(objects.find(Kind::kService, id)->metadata.organization == "acme");
  CHECK(call(world, "POST", "/socket/" + id + "/tunnel", {}, token).status == 200);
  for (const auto& endpoint : objects.of(Kind::kEndpoint)) {
    CHECK(endpoint->metadata.organization == "acme");
  }
  Tree wish = socket_wish("one");
  wish["protected_socket"] = true;
  wish["protected_username"] = "v";
  wish["protected_password"] = "secret of visitors";
  CHECK(call(world, "PUT", "/socket/" + id, wish, token).status == 200);
  CHECK(objects.find(Kind::kSecret, id)->metadata.organization == "acme");
}

TEST_CASE("tunnels come and go") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const Tree socket = json_of(call(world, "POST", "/socket", socket_wish("web"), token));
  CHECK(socket["tunnels"] == Tree::array());
  const std::string path = "/socket/" + socket["socket_id"].get<std::string>() + "/tunnel";
  CHECK(json_of(call(world, "GET", path, {}, token)) == Tree::array());
  const auto made = call(world, "POST", path, Tree::object(), token);
  CHECK(made.status == 200);
  const Tree first = json_of(made);
  const Tree second = json_of(call(world, "POST", path, Tree::object(), token));
  CHECK(first["local_port"] != second["local_port"]);
  CHECK(json_of(call(world, "GET", path, {}, token)).size() == 2);
  const std::string one = path + '/' + first["tunnel_id"].get<std::string>();
  CHECK(json_of(call(world, "GET", one, {}, token)) == first);
  CHECK(call(world, "DELETE", one, {}, token).status == 204);
  CHECK(call(world, "GET", one, {}, token).status == 404);
  CHECK(call(world, "DELETE", one, {}, token).status == 404);
  CHECK(json_of(call(world, "GET", path, {}, token)) == Tree::array({second}));
}

TEST_CASE("a live tunnel says where it is, and goes with its slot") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const Tree socket = json_of(call(world, "POST", "/connect", socket_wish("web"), token));
  const std::string id = socket["socket_id"];
  const std::string tunnel = socket["tunnels"][0]["tunnel_id"];
  const auto live = [&](const std::string& edge, const std::string& since) {
    auto object = config::parse_object(R"({"kind":"Tunnel","metadata":{"name":")" + edge +
                                           R"("},"spec":{"service":")" + id + R"(","instance":")" + tunnel +
                                           R"(","edge":")" + edge + R"(","since":")" + since + R"("}})",
                                       config::Origin::kStore);
    REQUIRE(object.has_value());
    api::Intent intent{.kind = Kind::kTunnel, .name = edge, .wanted = std::move(*object)};
    std::vector<api::Intent> intents{std::move(intent)};
    REQUIRE(world.fake.run(world.world.api.writer().write(std::move(intents), {"controller", {}}, false)));
  };
  live("fra", "2026-01-02T00:00:00Z");
  live("ams", "2026-01-01T00:00:00Z");
  const std::string path = "/socket/" + id + "/tunnel/" + tunnel;
  CHECK(json_of(call(world, "GET", path, {}, token))["tunnel_server"] == "fra");
  SUBCASE("the slot") { CHECK(call(world, "DELETE", path, {}, token).status == 204); }
  SUBCASE("the socket") { CHECK(call(world, "DELETE", "/socket/" + id, {}, token).status == 204); }
  CHECK(world.world.mirror.objects().of(Kind::kTunnel).empty());
}

TEST_CASE("another account's sockets are not there") {
  MysocketFixture world;
  const std::string eve = world.account("eve");
  const std::string bob = world.account("bob");
  const Tree socket = json_of(call(world, "POST", "/connect", socket_wish("web"), eve));
  const std::string path = "/socket/" + socket["socket_id"].get<std::string>();
  const std::string tunnel = path + "/tunnel/" + socket["tunnels"][0]["tunnel_id"].get<std::string>();
  CHECK(json_of(call(world, "GET", "/socket", {}, bob)) == Tree::array());
  struct Case {
    const char* method;
    std::string path;
    Tree body;
  };
  for (const Case& one :
       {Case{"GET", path, {}}, Case{"DELETE", path, {}}, Case{"PUT", path, socket_wish("mine")},
        Case{"GET", path + "/tunnel", {}}, Case{"POST", path + "/tunnel", Tree::object()},
        Case{"GET", tunnel, {}}, Case{"DELETE", tunnel, {}}}) {
    CAPTURE(one.method);
    CAPTURE(one.path);
    const auto answer = call(world, one.method, one.path, one.body, bob);
    CHECK(answer.status == 404);
    CHECK(json_of(answer)["status_code"] == 404);
  }
  // Nor is what an administrator made.
  world.world.call("POST", "/v1/services", R"({"kind":"Service","metadata":{"name":"web"}})");
  CHECK(call(world, "DELETE", "/socket/web", {}, eve).status == 404);
  CHECK(json_of(call(world, "GET", path, {}, eve)) == socket);
}

TEST_CASE("a protected socket asks its visitors for a name and a password") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  Tree wish = socket_wish("web");
  wish.update(
      {{"protected_socket", true}, {"protected_username", "guest"}, {"protected_password", "sesame"}});
  const Tree socket = json_of(call(world, "POST", "/socket", wish, token));
  const std::string id = socket["socket_id"];
  CHECK(socket["protected_socket"] == true);
  CHECK(socket["protected_username"] == "guest");
  CHECK(socket["protected_password"] == "");
  const auto secret = [&] { return world.world.mirror.objects().find(Kind::kSecret, id); };
  const auto hash = [&] { return std::get<config::SecretSpec>(secret()->spec).values.at("guest"); };
  CHECK(auth::password_matches(hash(), "sesame"));
  const auto balancer = world.world.mirror.objects().find(Kind::kLoadBalancer, id);
  CHECK(std::get<config::LoadBalancerSpec>(balancer->spec).routes[0].basic_auth->secret == id);
  const std::string path = "/socket/" + id;

  // The client that puts back what it got has no password to put.
  Tree same = json_of(call(world, "GET", path, {}, token));
  same["name"] = "renamed";
  CHECK(json_of(call(world, "PUT", path, same, token))["name"] == "renamed");
  CHECK(auth::password_matches(hash(), "sesame"));
  same["protected_username"] = "other";
  CHECK(call(world, "PUT", path, same, token).status == 400);
  wish["protected_password"] = "another";
  CHECK(call(world, "PUT", path, wish, token).status == 200);
  CHECK(auth::password_matches(hash(), "another"));
  CHECK(json_of(call(world, "PUT", path, socket_wish("open", "https"), token))["protected_socket"] == false);
  CHECK(secret() == nullptr);
  const auto service = world.world.mirror.objects().find(Kind::kService, id);
  CHECK(std::get<config::ServiceSpec>(service->spec).tls->insecure_skip_verify);
  CHECK(call(world, "PUT", path, wish, token).status == 200);
  CHECK(call(world, "DELETE", path, {}, token).status == 204);
  CHECK(secret() == nullptr);
}

TEST_CASE("a socket of connections has a port of its own, which stays until it becomes one of requests") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const Tree made = json_of(call(world, "POST", "/connect", socket_wish("db", "tcp"), token));
  const std::string id = made["socket_id"];
  CHECK(made["dnsname"] == id + ".weir.localhost");
  CHECK(made["socket_tcp_ports"] == Tree{20'000});
  CHECK(json_of(call(world, "POST", "/socket", socket_wish("secure", "tls"), token))["socket_tcp_ports"] ==
        Tree{20'001});
  const auto service = world.world.mirror.objects().find(Kind::kService, id);
  REQUIRE(service);
  CHECK(std::get<config::ServiceSpec>(service->spec).protocol == config::Protocol::kTcp);
  const std::string path = "/socket/" + id;
  CHECK(json_of(call(world, "PUT", path, socket_wish("other", "tcp"), token))["socket_tcp_ports"] ==
        Tree{20'000});
  CHECK(json_of(call(world, "PUT", path, socket_wish("other", "http"), token))["socket_tcp_ports"] ==
        Tree{8080, 8443});
}

TEST_CASE("what a socket can't be is refused, and nothing comes of it") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  struct Case {
    Tree change;
    const char* message;
  };
  const std::string long_text(201, 'x');
  for (const Case& one : {
           Case{{{"socket_type", "ftp"}}, "socket_type must be http, https, tcp or tls"},
           Case{
               {{"socket_type", "tcp"},
                {"protected_socket", true},
                {"protected_username", "guest"},
                {"protected_password", "secret"}},
               "a socket of type tcp can't be protected: its visitors are not asked for a name and password"},
           Case{{{"socket_type", nullptr}, {"name", nullptr}}, "name is needed"},
           Case{{{"name", long_text}}, "name must be at most 200 bytes long"},
           Case{{{"name", 1}}, "name must be a text"},
           Case{{{"protected_socket", "yes"}}, "protected_socket must be true or false"},
           Case{{{"protected_socket", true}}, "protected_username is needed"},
           Case{{{"protected_socket", true}, {"protected_username", "guest"}},
                "protected_password is needed"},
           Case{
               {{"protected_socket", true}, {"protected_username", "a b"}, {"protected_password", "x"}},
               "protected_username has \" \" at character 2; a key is made of letters, digits, \"-\", \"_\", "
               "\".\" and \"/\""},
           Case{{{"cloud_authentication_enabled", true}},
                "cloud_authentication_enabled needs addresses or domains that are allowed, or nobody could "
                "come"},
           Case{{{"cloud_authentication_enabled", true},
                 {"cloud_authentication_email_allowed_addressses", {"a@b@host.example"}}},
                "cloud_authentication_email_allowed_addressses has one in it that has \"@\" at character 2, "
                "which can't stand before the \"@\""},
           Case{
               {{"cloud_authentication_enabled", true},
                {"cloud_authentication_email_allowed_domains", {"host.example"}}},
               "cloud_authentication_enabled can't be true: you are in no organization whose sign_in names a "
               "provider of identities and its client_secret; protected_socket asks for a password"},
           Case{{{"socket_type", "tls"},
                 {"cloud_authentication_enabled", true},
                 {"cloud_authentication_email_allowed_domains", {"host.example"}}},
                "a socket of type tls can't be protected: its visitors are not asked for who they are"},
           Case{{{"cloud_authentication_email_allowed_domains", "a,b"}},
                "cloud_authentication_email_allowed_domains must be a list of at most 100 texts"},
       }) {
    Tree wish = socket_wish("web");
    wish.update(one.change);
    const auto answer = call(world, "POST", "/socket", wish, token);
    CHECK(answer.status == 400);
    CHECK(json_of(answer)["error_message"] == one.message);
  }
  CHECK(world.world.mirror.objects().of(Kind::kLoadBalancer).empty());
}

TEST_CASE("visitors of a socket sign in by its organization's provider of identities") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const config::Whole& objects = world.world.mirror.objects();
  const std::string user = objects.user_of_email("eve@host.example")->metadata.name;
  const Tree provider{
      {"issuer", "https://id.example"}, {"client_id", "weir"}, {"client_secret", "known to id.example"}};
  const Tree organization{{"kind", "Organization"},
                          {"metadata", {{"name", "acme"}}},
                          {"spec", {{"members", Tree::array({{{"user", user}}})}, {"sign_in", provider}}}};
  REQUIRE(world.administer("POST", "/v1/apply", "[" + organization.dump() + "]").status == 200);
  Tree wish = socket_wish("web");
  wish.update({{"cloud_authentication_enabled", true},
               {"cloud_authentication_email_allowed_addressses", {"bob@else.example"}},
               {"cloud_authentication_email_allowed_domains", {"host.example"}}});
  const auto made = call(world, "POST", "/socket", wish, token);
  REQUIRE(made.status == 200);
  const std::string id = json_of(made)["socket_id"];
  CHECK(json_of(made)["cloud_authentication_enabled"] == true);
  const auto route = [&] {
    return std::get<config::LoadBalancerSpec>(objects.find(Kind::kLoadBalancer, id)->spec).routes[0];
  };
  REQUIRE(route().sign_in);
  CHECK(route().sign_in->issuer == "https://id.example");
  CHECK(route().sign_in->client_id == "weir");
  CHECK(route().sign_in->allow_emails == std::vector<std::string>{"bob@else.example"});
  CHECK(route().sign_in->allow_domains == std::vector<std::string>{"host.example"});
  const auto secret = [&] { return objects.find(Kind::kSecret, id + "-sign-in"); };
  REQUIRE(secret());
  CHECK(std::get<config::SecretSpec>(secret()->spec).values.at("client_secret") == "known to id.example");
  CHECK(secret()->metadata.organization == "acme");
  CHECK_FALSE(made.body.contains("known to id.example"));

  // Open again, and its secret gone; closed once more, and all of it gone with the socket.
  CHECK(call(world, "PUT", "/socket/" + id, socket_wish("web"), token).status == 200);
  CHECK_FALSE(route().sign_in);
  CHECK_FALSE(secret());
  CHECK(call(world, "PUT", "/socket/" + id, wish, token).status == 200);
  CHECK(secret());
  CHECK(call(world, "DELETE", "/socket/" + id, {}, token).status == 204);
  CHECK_FALSE(secret());
}

TEST_CASE("whom a socket would let in is noted and shown, in both spellings") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  for (const char* field :
       {"cloud_authentication_email_allowed_addressses", "cloud_authentication_email_allowed_addresses"}) {
    Tree wish{{"name", "web"}, {"cloud_authentication_email_allowed_domains", {"x.example"}}};
    wish[field] = {"a@x", "b@x"};
    const Tree socket = json_of(call(world, "POST", "/socket", wish, token));
    CHECK(socket["cloud_authentication_email_allowed_addressses"] == Tree{"a@x", "b@x"});
    CHECK(socket["cloud_authentication_email_allowed_addresses"] == Tree{"a@x", "b@x"});
    CHECK(socket["cloud_authentication_email_allowed_domains"] == Tree{"x.example"});
    CHECK(socket["cloud_authentication_enabled"] == false);
  }
}

TEST_CASE("an account has so many sockets, and a socket so many tunnels") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  std::string id;
  for (std::size_t i = 0; i < kSocketsOfUserMax; ++i) {
    const auto made = call(world, "POST", "/socket", socket_wish("web"), token);
    REQUIRE(made.status == 200);
    id = json_of(made)["socket_id"];
  }
  const auto refused = call(world, "POST", "/connect", socket_wish("web"), token);
  CHECK(refused.status == 403);
  CHECK(json_of(refused)["error_message"] == "you have 100 sockets, and there may be no more; delete one");
  for (std::size_t i = 0; i < kTunnelsOfSocketMax; ++i) {
    REQUIRE(call(world, "POST", "/socket/" + id + "/tunnel", Tree::object(), token).status == 200);
  }
  CHECK(call(world, "POST", "/socket/" + id + "/tunnel", Tree::object(), token).status == 403);
  // Others have theirs.
  CHECK(call(world, "POST", "/connect", socket_wish("web"), world.account("bob")).status == 200);
}

TEST_CASE("other paths are the API's, and other methods nobody's") {
  MysocketFixture world;
  CHECK(world.call_with("", "GET", "/v1").status == 200);
  CHECK(world.call_with("", "GET", "/healthz").body == "ok\n");
  CHECK(world.call_with("", "GET", "/sockets").status == 404);
  CHECK(world.call_with("", "GET", "/socket/a/tunnel/b/c").status == 404);
  CHECK(world.call_with("", "GET", "/socket/").status == 404);
  const auto wrong = call(world, "PATCH", "/socket/a", Tree::object());
  CHECK(wrong.status == 405);
  CHECK(wrong.field("Allow") == "GET, PUT, DELETE");
  CHECK(json_of(wrong)["status_code"] == 405);
}

}  // namespace
}  // namespace weir::mysocket
