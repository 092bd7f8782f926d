// For tests: a catalogue of the zone a.example, with health and names of others as a test says.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"
#include "dns/answer.h"
#include "nameserver/catalogue.h"
#include "nameserver/query_fixture.h"
#include "testing/fake_env.h"

namespace weir::nameserver {

inline net::Address v4(std::uint8_t last) { return net::Address::v4({192, 0, 2, last}, 0); }

// A catalogue with names that others answer for, as a test says.
struct CatalogueWorld {
  CatalogueWorld() {
    put("{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], records: \"ns1 A "
        "192.0.2.53\\nchild NS ns.b.example.\\nout CNAME cdn.b.example.\\n\"}}");
  }
  ~CatalogueWorld() { CHECK(fake.run(names.stop())); }

  void put(const std::string& yaml) {
    auto object = config::parse_object(config::read_yaml(yaml)->front().json, config::Origin::kClient);
    REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
    take(std::move(*object));
  }
  void take(config::Object object) {
    whole.put(std::make_shared<const config::Object>(std::move(object)));
    auto snapshot = config::build_snapshot(++revision, whole, nullptr, last.get());
    REQUIRE(snapshot);
    last = *snapshot;
    catalogue.apply(last);
    fake.run_until_idle();
  }
  void alias(const std::string& target, const std::string& name = "apex", const std::string& owner = "'@'") {
    put("{kind: RecordSet, metadata: {name: " + name + "}, spec: {zone: a.example, name: " + owner +
        ", type: ALIAS, values: [" + target + "]}}");
  }
  std::string ask(const std::string& name, const std::string& type = "A") const {
    const auto message = query(name, type);
    std::vector<std::uint8_t> reply(1232);
    const dns::Authority authority{.zones = &catalogue.view()->zones(), .steering = catalogue.view().get()};
    const auto answered = dns::answer(authority, {.message = message, .client = {}}, reply);
    return shown(dns::Bytes(reply).first(answered.bytes));
  }
  std::string status() const { return catalogue.record_set_status("apex").reason; }

  config::ServiceStatus status_of(std::string_view service) const {
    config::ServiceStatus status;
    const auto health =
        down.contains(service) ? config::EndpointHealth::kUnhealthy : config::EndpointHealth::kHealthy;
    status.endpoints.push_back(
        {.applied = {}, .refused = {}, .address = "a:1", .name = {}, .health = health, .reason = {}});
    return status;
  }

  testing::FakeEnv fake;
  std::set<std::string, std::less<>> down;  // Services; all others are healthy
  NameFollower names{fake.env, [this](const std::string& name) { catalogue.look_at_name(name); }};
  Catalogue catalogue{{.now = [this](std::string_view service) { return status_of(service); },
                       .epoch = [](std::string_view) { return std::uint64_t{0}; }},
                      &names,
                      [](const ViewPointer&) {}};
  config::Whole whole;
  config::SnapshotPointer last;
  std::uint64_t revision = 0;
};

}  // namespace weir::nameserver
