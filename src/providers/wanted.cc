#include "providers/wanted.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "config/snapshot.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone.h"
#include "nameserver/catalogue.h"
#include "nameserver/view.h"

namespace weir::providers {
namespace {

using config::EndpointHealth;
using config::Kind;
using config::RecordSetSpec;

bool is_alias(const config::Object& object) {
  const auto* spec = std::get_if<RecordSetSpec>(&object.spec);
  return spec != nullptr && spec->type == config::RecordType::kAlias;
}

// The objects that the answers of one zone are made of.
class Part {
 public:
  Part(const config::Whole& objects, std::string_view zone) : objects_(objects) {
    take(objects.find(Kind::kZone, zone));
    for (const config::Object* one : objects.referrers(Kind::kZone, zone)) {
      if (one->kind() == Kind::kRecordSet && !is_alias(*one)) {
        take(objects.find(Kind::kRecordSet, one->metadata.name));
      }
    }
  }
  const config::Whole& whole() const { return whole_; }

 private:
  void take(const config::ObjectPointer& object) {
    if (!object || whole_.find(object->kind(), object->metadata.name)) return;
    whole_.put(object);
    for (const auto& [kind, name] : config::references_of(*object)) take(objects_.find(kind, name));
    if (object->kind() != Kind::kService) return;
    for (const config::Object* one : objects_.referrers(Kind::kService, object->metadata.name)) {
      if (config::service_joined_by(*one) != nullptr) take(objects_.find(one->kind(), one->metadata.name));
    }
  }

  const config::Whole& objects_;
  config::Whole whole_;
};

std::vector<std::string> services_of(const RecordSetSpec& spec) {
  std::vector<std::string> services;
  if (!spec.service.empty()) services.push_back(spec.service);
  for (const config::RecordAnswer& answer : spec.answers) {
    if (!answer.service.empty()) services.push_back(answer.service);
  }
  return services;
}

bool is_unsure(const RecordSetSpec& spec, const Health& health, bool patient) {
  return std::ranges::any_of(services_of(spec), [&](const std::string& service) {
    const config::ServiceStatus status = health(service);
    bool unknown = false;
    bool serves = false;
    for (const config::EndpointStatus& endpoint : status.endpoints) {
      unknown |= endpoint.health == EndpointHealth::kUnknown;
      serves |= endpoint.health == EndpointHealth::kHealthy || endpoint.health == EndpointHealth::kUnchecked;
    }
    return unknown && (patient || !serves);
  });
}

// The sets of a zone, out of what its name servers answer from.
class Reader {
 public:
  Reader(const config::Zone& zone, const nameserver::View& view, const Health& health, bool patient)
      : zone_(zone), view_(view), health_(health), patient_(patient) {}

  Wanted read(const dns::Zone& made) {
    for (const dns::Node* node = made.first(); node != nullptr; node = made.next(node)) {
      for (const dns::RecordSet& set : dns::sets_of(*node)) {
        const bool apex = node == made.first();
        if (set.type == dns::Type::kSoa || (apex && set.type == dns::Type::kNs)) continue;
        cloud::RecordSet one{
            .name = dns::name_text(dns::name_of(*node)), .type = dns::type_text(set.type), .values = {}};
        set.steered != 0 ? steered(set, one) : packed(dns::packed_of(*node, set), set, one);
        if (!one.values.empty()) wanted_.sets.push_back(std::move(one));
      }
    }
    wanted_.sets = cloud::normal_sets(std::move(wanted_.sets));
    return std::move(wanted_);
  }

 private:
  static void add(dns::Type type, dns::Bytes rdata, cloud::RecordSet& to) {
    dns::write_rdata(to.values.emplace_back(), type, rdata);
  }

  static void packed(dns::Bytes records, const dns::RecordSet& set, cloud::RecordSet& to) {
    constexpr std::size_t kTtlAt = 6;  // write_packed()
    while (records.size() >= dns::kPackedHeadBytes) {
      to.ttl = dns::load_u32(records.data() + kTtlAt);
      const std::size_t bytes = dns::packed_rdata_bytes(records);
      add(set.type, records.subspan(dns::kPackedHeadBytes, bytes), to);
      records = records.subspan(dns::kPackedHeadBytes + bytes);
    }
  }

  void steered(const dns::RecordSet& set, cloud::RecordSet& to) {
    const nameserver::SteeredSet* steering = view_.set(set.value);
    if (steering == nullptr) return;
    const RecordSetSpec& spec = steering->spec();
    to.ttl = spec.ttl.value_or(zone_.spec.ttl);
    const bool by_place = spec.policy == config::RecordPolicy::kGeo;
    bool any = false;
    for (std::size_t i = 0; i < steering->answers().size(); ++i) {
      if (by_place && !steering->answers()[i].places.empty()) continue;
      if (!steering->gives(i) || (any && set.type == dns::Type::kCname)) continue;
      add(set.type, steering->answers()[i].rdata, to);
      any = true;
    }
    if (!any && by_place) {
      wanted_.left_out.push_back(to.name + ' ' + to.type +
                                 ": a provider gets what GEO has for everywhere else, and there is nothing");
      return;
    }
    if (!any && spec.all_down == config::AllDown::kFallback) fall_back(spec, set.type, to);
    if (is_unsure(spec, health_, patient_)) wanted_.unsure.insert(cloud::key_of(to));
  }

  void fall_back(const RecordSetSpec& spec, dns::Type type, cloud::RecordSet& to) {
    const auto origin = dns::Name::parse(zone_.name + '.', dns::Name());
    for (const std::string& value : spec.fallback) {
      if (const auto rdata = dns::read_rdata(type, value, *origin)) add(type, *rdata, to);
    }
  }

  const config::Zone& zone_;
  const nameserver::View& view_;
  const Health& health_;
  bool patient_;
  Wanted wanted_;
};

}  // namespace

std::set<std::string, std::less<>> services_of(const config::Whole& objects, std::string_view zone) {
  std::set<std::string, std::less<>> all;
  for (const config::Object* one : objects.referrers(Kind::kZone, zone)) {
    const auto* spec = std::get_if<RecordSetSpec>(&one->spec);
    if (spec == nullptr) continue;
    for (std::string& service : services_of(*spec)) all.insert(std::move(service));
  }
  return all;
}

std::expected<Wanted, std::string> wanted_sets(const config::Whole& objects, std::string_view zone,
                                               const Health& health, bool patient) {
  const Part part(objects, zone);
  const auto snapshot = config::build_snapshot(1, part.whole());
  if (!snapshot) return std::unexpected("the zone can't be made: " + config::to_text(snapshot.error()));
  if ((*snapshot)->zones.size() != 1) return std::unexpected("there is no Zone/" + std::string(zone));
  nameserver::Catalogue catalogue(
      {.now = health, .epoch = [](std::string_view /*service*/) { return std::uint64_t{0}; }}, nullptr,
      [](const nameserver::ViewPointer& /*view*/) {});
  catalogue.apply(*snapshot);
  const auto zones = catalogue.view()->zones().all();
  const auto refusals = catalogue.refused();
  const auto refused = refusals.find(zone);
  if (zones.empty()) {
    return std::unexpected("the zone can't be made" +
                           (refused == refusals.end() ? "" : ": " + refused->second));
  }
  Wanted wanted =
      Reader(*(*snapshot)->zones.front(), *catalogue.view(), health, patient).read(*zones.front());
  if (refused != refusals.end()) wanted.left_out.push_back(refused->second);
  for (const config::Object* one : objects.referrers(Kind::kZone, zone)) {
    if (!is_alias(*one)) continue;
    wanted.left_out.push_back(config::reference_of(*one) + ": an ALIAS is not written to providers");
  }
  return wanted;
}

}  // namespace weir::providers
