// What holds between the objects of several organizations: references, host names, zones.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>

#include "base/random.h"
#include "config/documents.h"
#include "config/whole.h"

namespace weir::config {
namespace {

ObjectPointer object_of(const std::string& yaml) {
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  auto object = parse_object(documents->front().json, Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
  return std::make_shared<const Object>(std::move(*object));
}
std::string metadata(const std::string& name, const std::string& organization) {
  return "metadata: {name: " + name + (organization.empty() ? "" : ", organization: " + organization) + "}";
}
ObjectPointer service(const std::string& name, const std::string& organization) {
  return object_of("{kind: Service, " + metadata(name, organization) + "}");
}
ObjectPointer zone(const std::string& name, const std::string& organization) {
  return object_of("{kind: Zone, " + metadata(name, organization) + ", spec: {nameservers: [ns1]}}");
}
ObjectPointer balancer(const std::string& name, const std::string& organization, const std::string& listener,
                       const std::string& to, const std::string& edges = "{}") {
  return object_of("{kind: LoadBalancer, " + metadata(name, organization) + ", spec: {listeners: [" +
                   listener + "], routes: [{backends: [{service: " + to + "}]}], edges: {match: " + edges +
                   "}}}");
}
std::string wrong_with(const Whole& whole, ObjectPointer object) {
  const std::array changes{ObjectChange{nullptr, std::move(object)}};
  return to_text(whole.check(changes));
}

TEST_CASE("a reference reaches what is of the same organization, and people and machines") {
  Whole whole;
  whole.put(service("s", "a"));
  const std::string host = "{protocol: HTTP, hostnames: [x.example]}";
  CHECK(wrong_with(whole, balancer("l", "a", host, "s")).empty());
  for (const char* other : {"", "b"}) {
    CHECK(wrong_with(whole, balancer("l", other, host, "s")) ==
          "LoadBalancer/l: spec.routes[0].backends[0].service: there is no Service \"s\"");
  }
  // What is wrong with it is not said, either.
  CHECK(wrong_with(whole, balancer("l", "b", "{protocol: TCP, port: 9000}", "s")) ==
        "LoadBalancer/l: spec.routes[0].backends[0].service: there is no Service \"s\"");
  whole.put(object_of("{kind: User, metadata: {name: u}, spec: {email: u@x.example}}"));
  CHECK(wrong_with(whole, object_of("{kind: Token, " + metadata("t", "a") + ", spec: {user: u}}")).empty());
}

TEST_CASE("a host name is of one organization, whatever edges, ports and paths") {
  Whole whole;
  whole.put(service("s", "a"));
  whole.put(service("t", "b"));
  whole.put(service("p", ""));
  whole.put(balancer("l", "a", "{protocol: HTTP, hostnames: [X.example]}", "s", "{r: eu}"));
  const std::string taken = "LoadBalancer/m: spec.listeners[0].hostnames[0]: is taken";
  CHECK(wrong_with(whole, balancer("m", "b", "{protocol: HTTP, hostnames: [x.example]}", "t", "{r: us}")) ==
        taken);
  CHECK(wrong_with(whole, balancer("m", "", "{protocol: HTTP, port: 81, hostnames: [x.example]}", "p")) ==
        taken);
  CHECK(wrong_with(whole, balancer("m", "b", "{protocol: HTTP, hostnames: [x.example]}", "t")) == taken);
  CHECK(wrong_with(whole, balancer("m", "a", "{protocol: HTTP, hostnames: [x.example]}", "s", "{r: us}"))
            .empty());
  CHECK(wrong_with(whole, balancer("m", "a", "{protocol: HTTP, hostnames: [x.example]}", "s")) ==
        taken + " by LoadBalancer/l for the path prefix /");
}

TEST_CASE("what is shared is refused without a word of whose it is") {
  Whole whole;
  whole.put(object_of("{kind: Service, " + metadata("s", "a") + ", spec: {protocol: TCP}}"));
  whole.put(object_of("{kind: Service, " + metadata("t", "b") + ", spec: {protocol: TCP}}"));
  whole.put(service("w", "b"));
  whole.put(balancer("l", "a", "{protocol: TCP, port: 9000}", "s"));
  CHECK(wrong_with(whole, balancer("m", "b", "{protocol: TCP, port: 9000}", "t")) ==
        "LoadBalancer/m: spec.listeners[0]: takes all of its port, which is taken");
  CHECK(wrong_with(whole, balancer("m", "b", "{protocol: HTTP, port: 9000, hostnames: [y.example]}", "w")) ==
        "LoadBalancer/m: spec.listeners[0]: wants another protocol on its port than that of somebody else");
  const auto slot = [](const std::string& name, const std::string& organization, const std::string& to) {
    return object_of("{kind: Endpoint, " + metadata(name, organization) + ", spec: {service: " + to +
                     ", tunnel: {port: 20000}}}");
  };
  whole.put(slot("e", "a", "s"));
  CHECK(wrong_with(whole, slot("f", "b", "t")) == "Endpoint/f: spec.tunnel.port: is taken");
}

TEST_CASE("nobody makes a zone below or above another organization's") {
  Whole whole;
  whole.put(zone("b.example", "a"));
  const std::string taken = "metadata.name: is taken, or what is above or below it";
  CHECK(wrong_with(whole, zone("x.b.example", "b")) == "Zone/x.b.example: " + taken);
  CHECK(wrong_with(whole, zone("y.x.b.example", "")) == "Zone/y.x.b.example: " + taken);
  CHECK(wrong_with(whole, zone("example", "b")) == "Zone/example: " + taken);
  CHECK(wrong_with(whole, zone("x.b.example", "a")).empty());
  CHECK(wrong_with(whole, zone("c.example", "b")).empty());
  CHECK(wrong_with(whole, zone("bb.example", "b")).empty());
}

TEST_CASE("whether all holds is known after each of many changes, whosever") {
  Random random(4);
  const auto one = [&](const char* letter, std::size_t of) {
    return letter + std::to_string(random.below(of));
  };
  constexpr std::array kOrganizations{"", "a", "b"};
  Whole whole;
  int held = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string organization = kOrganizations[random.below(3)];
    const auto made = [&]() -> ObjectPointer {
      switch (random.below(4)) {
        case 0: return service(one("s", 3), organization);
        case 1: {
          constexpr std::array kZones{"example", "a.example", "b.a.example", "other"};
          return zone(kZones[random.below(kZones.size())], organization);
        }
        default:
          return balancer(one("l", 4), organization,
                          "{protocol: HTTP, hostnames: [" + one("h", 3) + ".example]}", one("s", 3),
                          random.below(2) == 0 ? "{r: eu}" : "{r: us}");
      }
    };
    const ObjectPointer object = made();
    if (random.below(2) == 0) {
      whole.remove(object->kind(), object->metadata.name);
    } else {
      whole.put(object);
    }
    CHECK(whole.holds() == whole.violations().empty());
    held += whole.holds() ? 1 : 0;
  }
  CHECK(held > 50);
  CHECK(held < 1900);
  for (const ObjectChange& change : whole.as_changes()) whole.remove(change.kind(), change.name());
  CHECK(whole.holds());
}

}  // namespace
}  // namespace weir::config
