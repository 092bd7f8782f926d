// What would make sets of DNS-SD too large, beside the records that the registry really makes.
#include "zones/found_bounds.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/formats.h"
#include "dns/zone.h"
#include "zones/registry.h"

namespace weir::zones {
namespace {

constexpr const char* kDomain = "weir.example";

config::ObjectPointer service(const std::string& name, const std::string& type) {
  config::ServiceSpec spec;
  if (!type.empty()) spec.discovery.emplace().type = type;
  config::Object object{.metadata = {}, .spec = spec, .status = {}};
  object.metadata.name = name;
  return std::make_shared<const config::Object>(std::move(object));
}

config::ObjectPointer endpoint(const std::string& service, int number, const std::string& instance = {}) {
  config::EndpointSpec spec{
      .service = service,
      .address = "10.1." + std::to_string(number / 200) + '.' + std::to_string(number % 200 + 1) + ":80"};
  spec.instance = instance;
  config::Object object{.metadata = {}, .spec = spec, .status = {}};
  object.metadata.name = service + '-' + std::to_string(1000 + number);
  return std::make_shared<const config::Object>(std::move(object));
}

struct World {
  config::Whole whole;

  std::string check(config::ObjectPointer after, config::ObjectPointer before = nullptr) const {
    const config::ObjectChange change{std::move(before), std::move(after)};
    return config::to_text(check_found(whole, std::span(&change, 1), kDomain));
  }
  // How many can join, one after the other, of those that `make` makes; the first `easy` do.
  template <class Make>
  int joined(int easy, const Make& make) {
    for (int number = 0;; ++number) {
      config::ObjectPointer next = make(number);
      if (number >= easy && !check(next).empty()) return number;
      whole.put(std::move(next));
    }
  }
};

// What the registry leaves out with so many of them.
std::string left_out(const std::string& type, int count, const std::string& instance = {}) {
  config::Service made{.name = "web"};
  made.spec.discovery.emplace().type = type;
  config::ServiceStatus status;
  for (int number = 0; number < count; ++number) {
    const config::ObjectPointer object = endpoint("web", number, instance);
    const auto& spec = std::get<config::EndpointSpec>(object->spec);
    config::Endpoint one{.address = *config::parse_address(spec.address)};
    one.key = config::to_text(one.address);
    one.object = object->metadata.name;
    one.instance = spec.instance;
    made.endpoints.push_back(one);
    status.endpoints.push_back({.applied = {},
                                .refused = {},
                                .address = one.key,
                                .name = {},
                                .health = config::EndpointHealth::kHealthy,
                                .reason = {}});
  }
  Registry registry;
  registry.look_at("web", &made, status);
  std::string text;
  (void)registry.records(*dns::Name::parse(std::string(kDomain) + '.', dns::Name()), text);
  return text;
}

TEST_CASE("who would make a set too large is refused, and what was let in is found as a whole") {
  World world;
  world.whole.put(service("web", "_http._tcp"));
  const int count = world.joined(1200, [](int number) { return endpoint("web", number); });
  CHECK(count > 1000);
  CHECK(left_out("_http._tcp", count).empty());
  CHECK_FALSE(left_out("_http._tcp", count + count / 10).empty());
  const std::string wrong = world.check(endpoint("web", count));
  CHECK(wrong.starts_with("Endpoint/web-" + std::to_string(1000 + count) + ": spec.service: would make " +
                          std::to_string(count + 1)));
  CHECK(wrong.contains(" and a message of DNS holds " + std::to_string(dns::kSetBytesMax) + "; "));
}

TEST_CASE("the border is exact where names have one length and differ") {
  // 12 octets of head, and 9 + 7 + 5 + 14 of the name: "web-1000", "_x0123", "_tcp", "weir.example."
  World world;
  world.whole.put(service("web", "_x0123._tcp"));
  const auto fits = static_cast<int>(dns::kSetBytesMax / (12 + 9 + 7 + 5 + 14));
  for (int number = 0; number + 1 < fits; ++number) world.whole.put(endpoint("web", number));
  CHECK(world.check(endpoint("web", fits - 1)).empty());
  world.whole.put(endpoint("web", fits - 1));
  CHECK(world.check(endpoint("web", fits)).contains("PTR records at _x0123._tcp.weir.example."));
}

TEST_CASE("services of one type share its set; names of hosts count; drained ones do") {
  World world;
  world.whole.put(service("web", "_http._tcp"));
  world.whole.put(service("shop", "_http._tcp"));
  world.whole.put(service("db", "_db._tcp"));
  world.whole.put(service("plain", ""));
  const int count =
      world.joined(1200, [](int number) { return endpoint(number % 2 == 0 ? "web" : "shop", number); });
  CHECK(count > 1000);
  CHECK(world.check(endpoint("db", 0)).empty());
  for (int number = 0; number < 2000; ++number) world.whole.put(endpoint("plain", number));
  CHECK(world.check(endpoint("plain", 2000)).empty());
  CHECK(world.check(service("plain", "_plain._tcp"), world.whole.find(config::Kind::kService, "plain"))
            .starts_with("Service/plain: spec.discovery: would make 2000 "));
}

TEST_CASE("instances with one name have numbers, which count") {
  World world;
  world.whole.put(service("web", "_http._tcp"));
  const int count = world.joined(1200, [](int number) { return endpoint("web", number, "The same"); });
  CHECK(count < 1000 + 300);
  // A name is numbered up to 999 (appendix D), and then left out for another reason.
  CHECK_FALSE(left_out("_http._tcp", std::min(count, 990), "The same").contains("65535"));
}

TEST_CASE("what is too large already may change and shrink, not grow") {
  World world;
  world.whole.put(service("web", "_http._tcp"));
  for (int number = 0; number < 2000; ++number) world.whole.put(endpoint("web", number));
  const auto first = world.whole.find(config::Kind::kEndpoint, "web-1000");
  auto heavier = std::make_shared<config::Object>(*first);
  std::get<config::EndpointSpec>(heavier->spec).weight = 7;
  CHECK(world.check(heavier, first).empty());
  CHECK(world.check(nullptr, first).empty());
  auto longer = std::make_shared<config::Object>(*first);
  std::get<config::EndpointSpec>(longer->spec).instance = "A longer name than it had";
  CHECK_FALSE(world.check(longer, first).empty());
}

TEST_CASE("long host names fill the set of the service first") {
  World world;
  world.whole.put(service("web", "_http._tcp"));
  const std::string domain = '.' + std::string(60, 'a') + '.' + std::string(60, 'b') + ".example:80";
  const int count = world.joined(400, [&domain](int number) {
    auto made = std::make_shared<config::Object>(*endpoint("web", number));
    std::get<config::EndpointSpec>(made->spec).address = 'h' + std::to_string(1000 + number) + domain;
    return made;
  });
  CHECK(count == static_cast<int>(dns::kSetBytesMax / (12 + 6 + 6 + 61 + 61 + 8 + 1)));
  auto next = std::make_shared<config::Object>(*endpoint("web", count));
  std::get<config::EndpointSpec>(next->spec).address = "h1" + domain;
  CHECK(world.check(next).contains("SRV records at web.service.weir.example."));
}

TEST_CASE("without a domain nothing is found, so nothing is too large") {
  config::Whole whole;
  whole.put(service("web", "_http._tcp"));
  for (int number = 0; number < 2000; ++number) whole.put(endpoint("web", number));
  const config::ObjectChange change{nullptr, endpoint("web", 2000)};
  CHECK(check_found(whole, std::span(&change, 1), "").empty());
}

TEST_CASE("a type beyond those that can be listed is refused") {
  World world;
  const int count = world.joined(1600, [](int number) {
    return service("s" + std::to_string(number), "_t" + std::to_string(10000 + number) + "._tcp");
  });
  CHECK(count == static_cast<int>(dns::kSetBytesMax / (12 + 8 + 5 + 14)));
  CHECK(
      world.check(service("one-more", "_one-more._tcp")).contains("at _services._dns-sd._udp.weir.example."));
  CHECK(world.check(service("same", "_t10000._tcp")).empty());
}

}  // namespace
}  // namespace weir::zones
