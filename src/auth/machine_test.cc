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

TEST_CASE("a machine's name is that of a certificate with nothing else in it") {
  CHECK(name_in("URI:spiffe://a.test/edge/fra-1", "a.test", kEdgeRole) == "fra-1");
  CHECK(name_in("URI:spiffe://a.test/node/fra-1", "a.test", kNodeRole) == "fra-1");
  for (const char* names : {"", "DNS:fra-1", "URI:spiffe://a.test/edge/", "URI:spiffe://b.test/edge/fra-1",
                            "URI:spiffe://a.test/node/fra-1", "URI:spiffe://a.test/edge/fra-1/x",
                            "URI:spiffe://a.test/edge/fra-1, URI:spiffe://a.test/edge/fra-2",
                            "DNS:x, URI:spiffe://a.test/edge/fra-1", "URI:spiffe://a.test.evil/edge/fra-1"}) {
    CAPTURE(names);
    CHECK(name_in(names, "a.test", kEdgeRole).empty());
  }
}

}  // namespace
}  // namespace weir::auth
