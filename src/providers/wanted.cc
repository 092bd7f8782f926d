#include "providers/wanted.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "base/text.h"
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

// The zone of ours that a name is in; null: others answer for it.
config::ObjectPointer zone_of(const config::Whole& objects, std::string_view name) {
  for (;;) {
    if (config::ObjectPointer zone = objects.find(Kind::kZone, name)) return zone;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return nullptr;
    name.remove_prefix(dot + 1);
  }
}

// "shop.example.com": what an ALIAS leads to; empty: it is none.
std::string target_of(const RecordSetSpec& spec) {
  if (spec.type != config::RecordType::kAlias || spec.values.size() != 1) return {};
  const std::string value = to_lower(spec.values.front());
  if (value == "@") return spec.zone;
  return value.ends_with('.') ? value.substr(0, value.size() - 1) : value + '.' + spec.zone;
}

// The objects that the answers of one zone are made of.
class Part {
 public:
  Part(const config::Whole& objects, std::string_view zone) : objects_(objects) {
    for (const std::string& one : zones_behind(objects, zone)) take_zone(one);
  }
  const config::Whole& whole() const { return whole_; }

 private:
  void take_zone(std::string_view zone) {
    take(objects_.find(Kind::kZone, zone));
    for (const config::Object* one : objects_.referrers(Kind::kZone, zone)) {
      if (one->kind() == Kind::kRecordSet) take(objects_.find(Kind::kRecordSet, one->metadata.name));
    }
  }
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
  Reader(const nameserver::Catalogue& catalogue, const Health& health, bool patient)
      : catalogue_(catalogue), view_(*catalogue.view()), health_(health), patient_(patient) {}

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
    if (steering->alias() == nullptr) return given(*steering, set.type, to);
    const auto followed = view_.follow(*steering, set.type, {});
    if (followed.chosen.failed || (followed.by != nullptr && followed.by->fails())) {
      wanted_.unsure[cloud::key_of(to)] = catalogue_.alias_reason(*catalogue_.steered(set.value));
    } else if (followed.by != nullptr) {
      given(*followed.by, set.type, to);
    } else {
      packed(followed.chosen.packed, set, to);
    }
  }

  void given(const nameserver::SteeredSet& by, dns::Type type, cloud::RecordSet& to) {
    const RecordSetSpec& spec = by.spec();
    to.ttl = by.ttl_seconds();
    const bool by_place = spec.policy == config::RecordPolicy::kGeo;
    bool any = false;
    for (std::size_t i = 0; i < by.answers().size(); ++i) {
      if (by_place && !by.answers()[i].places.empty()) continue;
      if (!by.gives(i) || (any && type == dns::Type::kCname)) continue;
      add(type, by.answers()[i].rdata, to);
      any = true;
    }
    if (!any && by_place) {
      wanted_.left_out.push_back(to.name + ' ' + to.type +
                                 ": a provider gets what GEO has for everywhere else, and there is nothing");
      return;
    }
    if (!any && spec.all_down == config::AllDown::kFallback) fall_back(spec, type, to);
    if (is_unsure(spec, health_, patient_)) {
      wanted_.unsure[cloud::key_of(to)] = "the health of its endpoints is not known yet";
    }
  }

  void fall_back(const RecordSetSpec& spec, dns::Type type, cloud::RecordSet& to) {
    const auto origin = dns::Name::parse(spec.zone + '.', dns::Name());
    for (const std::string& value : spec.fallback) {
      if (const auto rdata = dns::read_rdata(type, value, *origin)) add(type, *rdata, to);
    }
  }

  const nameserver::Catalogue& catalogue_;
  const nameserver::View& view_;
  const Health& health_;
  bool patient_;
  Wanted wanted_;
};

}  // namespace

std::set<std::string, std::less<>> zones_behind(const config::Whole& objects, std::string_view zone) {
  std::set<std::string, std::less<>> all{std::string(zone)};
  std::vector<std::string> todo{std::string(zone)};
  while (!todo.empty()) {
    const std::string next = std::move(todo.back());
    todo.pop_back();
    for (const config::Object* one : objects.referrers(Kind::kZone, next)) {
      const auto* spec = std::get_if<RecordSetSpec>(&one->spec);
      const std::string target = spec == nullptr ? std::string() : target_of(*spec);
      const auto other = target.empty() ? nullptr : zone_of(objects, target);
      if (other && all.insert(other->metadata.name).second) todo.push_back(other->metadata.name);
    }
  }
  return all;
}

std::set<std::string, std::less<>> services_of(const config::Whole& objects, std::string_view zone) {
  std::set<std::string, std::less<>> all;
  for (const std::string& behind : zones_behind(objects, zone)) {
    for (const config::Object* one : objects.referrers(Kind::kZone, behind)) {
      const auto* spec = std::get_if<RecordSetSpec>(&one->spec);
      if (spec == nullptr) continue;
      for (std::string& service : services_of(*spec)) all.insert(std::move(service));
    }
  }
  return all;
}

std::expected<Wanted, std::string> wanted_sets(const config::Whole& objects, std::string_view zone,
                                               const Health& health, bool patient,
                                               nameserver::NameFollower& names) {
  if (!objects.find(Kind::kZone, zone)) return std::unexpected("there is no Zone/" + std::string(zone));
  const Part part(objects, zone);
  const auto snapshot = config::build_snapshot(1, part.whole());
  if (!snapshot) return std::unexpected("the zone can't be made: " + config::to_text(snapshot.error()));
  nameserver::Catalogue catalogue(
      {.now = health, .epoch = [](std::string_view /*service*/) { return std::uint64_t{0}; }}, &names,
      [](const nameserver::ViewPointer& /*view*/) {});
  catalogue.apply(*snapshot);
  const auto refusals = catalogue.refused();
  const auto refused = refusals.find(zone);
  const auto zones = catalogue.view()->zones().all();
  const auto made = std::ranges::find_if(
      zones, [&](const auto& one) { return dns::name_text(one->apex()) == cloud::absolute_name(zone); });
  if (made == zones.end()) {
    return std::unexpected("the zone can't be made" +
                           (refused == refusals.end() ? "" : ": " + refused->second));
  }
  Wanted wanted = Reader(catalogue, health, patient).read(**made);
  if (refused != refusals.end()) wanted.left_out.push_back(refused->second);
  return wanted;
}

}  // namespace weir::providers
