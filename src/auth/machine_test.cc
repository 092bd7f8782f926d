#include "auth/machine.h"

#include <doctest/doctest.h>

namespace weir::auth {
namespace {

std::string told(std::string_view names) {
  const auto machine = machine_of(names);
  return machine ? machine->domain + " " + machine->role + " " + machine->name : "none";
}

TEST_CASE("a certificate names a machine by its one URI") {
  CHECK(told("URI:spiffe://weir.localhost/edge/fra-1") == "weir.localhost edge fra-1");
  CHECK(told("DNS:a.example, URI:spiffe://w/controller/c, IP:10.0.0.1") == "w controller c");
  CHECK(parse_machine(Machine{"w.example", "edge", "a"}.uri()) == Machine{"w.example", "edge", "a"});
}

TEST_CASE("what names no machine, or two, or is not plain, names none") {
  for (const char* names :
       {"", "DNS:spiffe://w/edge/a", "URI:https://w/edge/a", "URI:spiffe://w/edge", "URI:spiffe://w/edge/",
        "URI:spiffe:///edge/a", "URI:spiffe://w//a", "URI:spiffe://w/edge/a/b", "URI:spiffe://w/edge/A",
        "URI:spiffe://w/edge/a?x", "URI:spiffe://w/edge/a, URI:spiffe://w/edge/b",
        "URI:spiffe://w/edge/a, URI:other:b"}) {
    CAPTURE(names);
    CHECK(told(names) == "none");
  }
  CHECK(told("URI:spiffe://w/edge/" + std::string(254, 'a')) == "none");
}

}  // namespace
}  // namespace weir::auth
