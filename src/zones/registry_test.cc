#include "zones/registry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dns/rdata.h"

namespace weir::zones {
namespace {

using config::EndpointHealth;

config::Service service(const std::string& name, const std::string& type = {}) {
  config::Service made{.name = name};
  made.spec.discovery.emplace().type = type;
  return made;
}

config::Endpoint& add(config::Service& to, const std::string& address, const std::string& instance = {}) {
  config::Endpoint endpoint{.address = *config::parse_address(address)};
  endpoint.key = config::to_text(endpoint.address);
  endpoint.object = instance.empty() ? "" : "object";
  endpoint.instance = instance;
  to.endpoints.push_back(endpoint);
  return to.endpoints.back();
}

config::ServiceStatus seen(const config::Service& service, EndpointHealth health = EndpointHealth::kHealthy) {
  config::ServiceStatus status;
  for (const config::Endpoint& one : service.endpoints) {
    status.endpoints.push_back(
        {.applied = {}, .refused = {}, .address = one.key, .name = {}, .health = health, .reason = {}});
  }
  return status;
}

struct Shown {
  Registry registry;
  std::string left_out;

  bool take(const config::Service& service, EndpointHealth health = EndpointHealth::kHealthy) {
    return registry.look_at(service.name, &service, seen(service, health));
  }
  // "owner TYPE data", sorted
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    left_out.clear();
    for (const RegistryRecord& one :
         registry.records(*dns::Name::parse("weir.example.", dns::Name()), left_out)) {
      std::string line = dns::name_text(one.owner.wire()) + ' ' + dns::type_text(one.type) + ' ';
      dns::write_rdata(line, one.type, one.rdata);
      lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    return lines;
  }
  bool has(const std::string& line) {
    const auto all = lines();
    const bool found = std::ranges::find(all, line) != all.end();
    if (!found) {
      std::string text;
      for (const std::string& one : all) text += one + '\n';
      CAPTURE(text);
      CHECK_MESSAGE(found, line);
    }
    return found;
  }
};

TEST_CASE("a service is found by type, instance, version and name") {
  Shown shown;
  config::Service web = service("web");
  web.spec.discovery->subtypes = {"_printer"};
  config::Endpoint& one = add(web, "10.0.0.1:8080", "The big one");
  one.priority = 1;
  one.weight = 20;
  one.version = "1.4.2";
  one.text = {"path=/x", "flag"};
  CHECK(shown.take(web));
  CHECK_FALSE(shown.take(web));
  CHECK(shown.lines() ==
        std::vector<std::string>{
            R"(The\032big\032one._http._tcp.weir.example. SRV 1 20 8080 ip-10-0-0-1.weir.example.)",
            R"(The\032big\032one._http._tcp.weir.example. TXT "path=/x" "flag" "version=1.4.2")",
            R"(_http._tcp.weir.example. PTR The\032big\032one._http._tcp.weir.example.)",
            R"(_printer._sub._http._tcp.weir.example. PTR The\032big\032one._http._tcp.weir.example.)",
            R"(_services._dns-sd._udp.weir.example. PTR _http._tcp.weir.example.)",
            R"(_v1-4-2._sub._http._tcp.weir.example. PTR The\032big\032one._http._tcp.weir.example.)",
            R"(b._dns-sd._udp.weir.example. PTR weir.example.)", R"(ip-10-0-0-1.weir.example. A 10.0.0.1)",
            R"(lb._dns-sd._udp.weir.example. PTR weir.example.)",
            R"(v1-4-2.web.service.weir.example. A 10.0.0.1)",
            R"(v1-4-2.web.service.weir.example. SRV 1 20 8080 ip-10-0-0-1.weir.example.)",
            R"(web.service.weir.example. A 10.0.0.1)",
            R"(web.service.weir.example. SRV 1 20 8080 ip-10-0-0-1.weir.example.)"});
  CHECK(shown.left_out.empty());
}

TEST_CASE("only what may serve is in it") {
  Shown shown;
  config::Service web = service("web", "_web._tcp");
  add(web, "10.0.0.1:80", "a");
  const std::vector<std::string> none{"b._dns-sd._udp.weir.example. PTR weir.example.",
                                      "lb._dns-sd._udp.weir.example. PTR weir.example."};
  for (const EndpointHealth health :
       {EndpointHealth::kUnknown, EndpointHealth::kUnhealthy, EndpointHealth::kEjected}) {
    shown.take(web, health);
    CHECK(shown.lines() == none);
  }
  CHECK(shown.take(web, EndpointHealth::kUnchecked));
  CHECK(shown.has("_web._tcp.weir.example. PTR a._web._tcp.weir.example."));
  web.endpoints.front().weight = 0;  // drained
  CHECK(shown.take(web));
  CHECK(shown.lines() == none);
  web.endpoints.front().weight = 1;
  CHECK(shown.take(web));
  CHECK(shown.registry.look_at("web", &web, {}));  // nobody has looked at it yet
  CHECK(shown.lines() == none);
  CHECK(shown.registry.follows("web"));
  CHECK(shown.registry.look_at("web", nullptr, {}));
  CHECK_FALSE(shown.registry.follows("web"));
  web.spec.discovery.reset();
  CHECK_FALSE(shown.take(web));
}

TEST_CASE("instances have any name, and each one its own") {
  Shown shown;
  config::Service web = service("web");
  add(web, "10.0.0.1:80", "a.b\\c");
  add(web, "10.0.0.2:80", "Küche");
  add(web, "10.0.0.3:80", "KITCHEN");
  add(web, "10.0.0.4:80");
  add(web, "host.example:80", "named");
  add(web, "[2001:db8::1]:80", "six");
  config::Service other = service("other");
  add(other, "10.0.0.5:80", "kitchen");
  shown.take(web);
  shown.take(other);
  CHECK(shown.has(R"(_http._tcp.weir.example. PTR a\.b\\c._http._tcp.weir.example.)"));
  CHECK(shown.has(R"(_http._tcp.weir.example. PTR K\195\188che._http._tcp.weir.example.)"));
  CHECK(shown.has(R"(10\.0\.0\.4:80._http._tcp.weir.example. SRV 0 1 80 ip-10-0-0-4.weir.example.)"));
  CHECK(shown.has("named._http._tcp.weir.example. SRV 0 1 80 host.example."));
  CHECK(shown.has("ip-2001-db8--1.weir.example. AAAA 2001:db8::1"));
  CHECK(shown.has("web.service.weir.example. AAAA 2001:db8::1"));
  CHECK(shown.has(R"(named._http._tcp.weir.example. TXT "")"));
  // Services come by name; the later one of a name in whatever case has a number.
  CHECK(shown.has("kitchen._http._tcp.weir.example. SRV 0 1 80 ip-10-0-0-5.weir.example."));
  CHECK(shown.has(R"(KITCHEN\032\(2\)._http._tcp.weir.example. SRV 0 1 80 ip-10-0-0-3.weir.example.)"));
}

TEST_CASE("addresses by name are those of the first priority alone") {
  Shown shown;
  config::Service web = service("web");
  add(web, "10.0.0.1:80", "a").priority = 2;
  add(web, "10.0.0.2:80", "b").priority = 1;
  shown.take(web);
  const auto lines = shown.lines();
  CHECK(std::ranges::count_if(lines, [](const std::string& line) {
          return line.starts_with("web.service.weir.example. A ");
        }) == 1);
  CHECK(shown.has("web.service.weir.example. A 10.0.0.2"));
  CHECK(shown.has("web.service.weir.example. SRV 2 1 80 ip-10-0-0-1.weir.example."));
}

TEST_CASE("addresses by a version's name are those of the version's own first priority") {
  Shown shown;
  config::Service web = service("web");
  add(web, "10.0.0.1:80", "a").version = "1.0";
  for (const char* address : {"10.0.0.2:80", "10.0.0.3:80"}) {
    config::Endpoint& one = add(web, address, address);
    one.version = "2.0";
    one.priority = address == std::string("10.0.0.2:80") ? 1 : 2;
  }
  shown.take(web);
  CHECK(shown.has("web.service.weir.example. A 10.0.0.1"));
  CHECK(shown.has("v1-0.web.service.weir.example. A 10.0.0.1"));
  CHECK(shown.has("v2-0.web.service.weir.example. A 10.0.0.2"));
  CHECK(shown.has("v2-0.web.service.weir.example. SRV 1 1 80 ip-10-0-0-2.weir.example."));
  const auto lines = shown.lines();
  for (const char* name : {"web.service.weir.example. A ", "v2-0.web.service.weir.example. A "}) {
    CHECK(std::ranges::count_if(lines, [&](const std::string& line) { return line.starts_with(name); }) == 1);
  }
}

TEST_CASE("what can't be there is left out, and it is said why") {
  Shown shown;
  config::Service web = service("web");
  add(web, "10.0.0.1:80", "*");
  add(web, "10.0.0.2:80", std::string(80, 'x'));  // cut to a label
  shown.take(web);
  CHECK(shown.has(std::string(63, 'x') + "._http._tcp.weir.example. TXT \"\""));
  CHECK(shown.left_out == "Service/web: an instance named \"*\" would stand for all names (RFC 4592); ");

  config::Service big = service("big", "_big._tcp");
  for (int i = 0; i < 1500; ++i) {
    add(big, "10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250) + ":80",
        "instance-" + std::to_string(i));
  }
  shown.take(big);
  const auto lines = shown.lines();
  CHECK(std::ranges::none_of(lines, [](const std::string& l) { return l.starts_with("_big._tcp"); }));
  CHECK(std::ranges::any_of(lines, [](const std::string& l) { return l.starts_with("instance-7._big."); }));
  CHECK(
      shown.left_out.contains("_big._tcp.weir.example. PTR would have 1500 records, which are more than a "
                              "message of 65535 bytes holds, "
                              "and has none; "));
}

TEST_CASE("a version is asked for by a label") {
  CHECK(version_subtype("1.4.2+B") == "_v1-4-2-b");
  CHECK(version_subtype("blue") == "_vblue");
  config::ServiceSpec spec;
  CHECK(service_type(spec) == "_http._tcp");
  spec.discovery.emplace().type = "_db._tcp";
  CHECK(service_type(spec) == "_db._tcp");
}

}  // namespace
}  // namespace weir::zones
