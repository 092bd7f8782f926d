#include "tunnel/admission.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "auth/ssh_key.h"

namespace weir::tunnel {
namespace {

// Ada has the service "shop" with a slot at 2201; "web" is nobody's; "docs" has a name of its own.
config::SnapshotPointer snapshot() {
  auto made = std::make_shared<config::Snapshot>();
  const auto add = [&made](const std::string& name, const std::string& owner, const std::string& hostname) {
    config::Service service{.name = name, .owner = owner, .spec = {}, .endpoints = {}, .slots = {}};
    if (name == "shop") service.slots.push_back({.object = "desk", .port = 2201, .weight = 3, .zone = {}});
    made->services.push_back(std::make_shared<const config::Service>(std::move(service)));
    config::LoadBalancer balancer{.name = name, .spec = {}};
    balancer.spec.listeners.push_back({.protocol = {}, .hostnames = {hostname}});
    config::Route route;
    route.backends.push_back({name, 1});
    balancer.spec.routes.push_back(std::move(route));
    made->load_balancers.push_back(std::make_shared<const config::LoadBalancer>(std::move(balancer)));
  };
  add("docs", "", "books.weir.example");
  add("shop", "ada", "shop.weir.example");
  add("web", "", "web.weir.example");
  return made;
}

Admission admission(std::uint16_t http = 80) {
  return Admission(snapshot(), {.domain = "weir.example", .anonymous = false, .ports = {.http = http}});
}

std::string asked(std::string_view account, std::string_view address, std::uint16_t port) {
  const auto place = admission().place(account, address, port, "quiet-otter-5697");
  if (!place) return place.error();
  return place->service + " " + place->url + (place->hostname.empty() ? "" : " new " + place->hostname) +
         (place->slot.empty() ? "" : " slot " + place->slot);
}

TEST_CASE("who names a place gets it when it is theirs or nobody has it") {
  CHECK(asked("ada", "hello", 80) == "hello http://hello.weir.example new hello.weir.example");
  CHECK(asked("ada", "HELLO.weir.example", 443) == "hello http://hello.weir.example new hello.weir.example");
  CHECK(asked("ada", "shop", 80) == "shop http://shop.weir.example");
  CHECK(asked("eve", "shop", 80) == "the name shop.weir.example is another one's");
  CHECK(asked("ada", "web", 80) == "the name web.weir.example is another one's");
  // No service, but somebody's load balancer has the host name.
  CHECK(asked("ada", "books", 80) == "the name books.weir.example is another one's");
}

TEST_CASE("no name means one that is made up, however the client says so") {
  for (const char* none : {"", "*", "localhost", "0.0.0.0", "127.0.0.1", "::"}) {
    CAPTURE(none);
    CHECK(asked("ada", none, 0) ==
          "quiet-otter-5697 http://quiet-otter-5697.weir.example new quiet-otter-5697.weir.example");
  }
}

TEST_CASE("a slot is its owner's, whatever the address") {
  CHECK(asked("ada", "localhost", 2201) == "shop http://shop.weir.example slot desk");
  CHECK(asked("ada", "hello", 2201) == "shop http://shop.weir.example slot desk");
  const std::string refused =
      "port 2201 is not kept for a tunnel of yours; ask for port 80 to serve HTTP, as in ssh -R NAME:80:...";
  CHECK(asked("eve", "localhost", 2201) == refused);
  CHECK(asked("ada", "hello", 2202).starts_with("port 2202 is not kept"));
  CHECK(admission().place("ada", "", 2201, "x")->weight == 3);
}

TEST_CASE("a name that is none is refused with a sentence") {
  for (const char* bad : {"a_b", "-a", "a.b", "UPPER case", "a/b", "..", "é", ".weir.example"}) {
    CAPTURE(bad);
    CHECK(asked("ada", bad, 80).starts_with("the name \""));
  }
  CHECK(asked("ada", std::string(300, 'a'), 80).size() < 300);
}

TEST_CASE("a key is its owner's, and who calls itself a user has to prove it") {
  auto made = std::make_shared<config::Snapshot>(*snapshot());
  const std::string line =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop ada@laptop";
  made->users.push_back(std::make_shared<const config::User>(
      config::User{.name = "ada", .spec = {.email = "ada@example.net", .ssh_keys = {line}}}));
  const Admission known(made, {.domain = "weir.example", .anonymous = true, .ports = {}});
  const auto key = auth::parse_ssh_key(line);
  REQUIRE(key.has_value());
  CHECK(known.user_of_key(key->blob) == "ada");
  CHECK(known.user_of_key(key->blob + "x").empty());
  CHECK_FALSE(known.allows_anonymous("ada"));
  CHECK(known.allows_anonymous("adam"));
  CHECK(known.keeps({.service = "shop"}, "ada"));
  CHECK_FALSE(known.keeps({.service = "shop"}, "eve"));
  CHECK(known.keeps({.service = "new"}, "eve"));
}

TEST_CASE("before the first snapshot names are given, and nothing else") {
  const Admission none(nullptr, {.domain = "weir.example", .anonymous = true, .ports = {.http = 8080}});
  CHECK(none.allows_anonymous("anyone"));
  CHECK(none.place("anonymous", "hello", 80, "x")->url == "http://hello.weir.example:8080");
  CHECK_FALSE(none.place("anonymous", "", 2201, "x").has_value());
}

}  // namespace
}  // namespace weir::tunnel
