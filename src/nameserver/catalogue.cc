#include "nameserver/catalogue.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "config/kinds.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone_file.h"
#include "nameserver/computed_weights.h"

namespace weir::nameserver {
namespace {

using config::EndpointHealth;

// RecordSets that don't fit; each costs making the zone once more.
constexpr std::size_t kLeftOutMax = 100;
constexpr const char* kOwnServer = "ns";  // the name server of a zone that nobody has written

bool serves(EndpointHealth health) {
  return health == EndpointHealth::kHealthy || health == EndpointHealth::kUnchecked;
}

// Whether one of the zone's RecordSets has the part of that name.
bool has_part(const config::Zone& zone, std::string_view name) {
  const auto found = std::ranges::lower_bound(zone.record_sets, name.substr(0, name.find('/')), {},
                                              [](const auto& one) { return std::string_view(one.name); });
  if (found == zone.record_sets.end()) return false;
  const std::vector<zones::Part> parts = zones::parts_of(*found);
  return std::ranges::any_of(parts, [name](const zones::Part& part) { return part.records.name == name; });
}

// The octets of an address, for A and AAAA; none: it is of the other family, or a name.
std::optional<std::vector<std::uint8_t>> rdata_of(const config::Endpoint& endpoint, dns::Type type) {
  const auto family = type == dns::Type::kA ? config::Address::Family::kIpv4 : config::Address::Family::kIpv6;
  if (endpoint.address.family != family) return std::nullopt;
  const auto rdata = dns::read_rdata(type, endpoint.address.host, dns::Name());
  if (!rdata) return std::nullopt;
  return *rdata;
}

std::vector<std::vector<std::uint8_t>> rdata_of(const config::RecordSetSpec& spec,
                                                const std::vector<std::string>& values) {
  const auto origin = dns::Name::parse(spec.zone + '.', dns::Name());
  std::vector<std::vector<std::uint8_t>> all;
  for (const std::string& value : values) {
    if (auto rdata = dns::read_rdata(config::type_of(spec.type), value, *origin)) all.push_back(*rdata);
  }
  return all;
}

std::vector<dns::Name> owners_of(const zones::ChangedSets& changed) {
  std::set<std::string> texts;
  for (const auto& sets : {changed.before, changed.after}) {
    for (const config::RecordSet* records : sets) texts.insert(config::owner_name_of(records->spec) + '.');
  }
  std::vector<dns::Name> owners;
  for (const std::string& text : texts) {
    if (const auto owner = dns::Name::parse(text, dns::Name())) owners.push_back(*owner);
  }
  return owners;
}

std::string why_not(const config::EndpointStatus& status) {
  if (!status.reason.empty()) return status.reason;
  return status.health == EndpointHealth::kUnknown ? "not checked yet" : "unhealthy";
}

}  // namespace

Catalogue::Catalogue(Health health, NameFollower* names, Changed changed)
    : health_(std::move(health)),
      names_(names),
      changed_(std::move(changed)),
      snapshot_(std::make_shared<const config::Snapshot>()),
      view_(std::make_shared<const View>(dns::Zones(), View::Sets())) {}

void Catalogue::apply(const config::SnapshotPointer& snapshot) {
  const config::SnapshotPointer before = std::exchange(snapshot_, snapshot);
  bool changed = false;
  bool rules_change = false;
  config::each_difference(before->zones, snapshot->zones, [&](const auto& old, const auto& zone) {
    renew_zone(old, zone);
    changed = rules_change = true;
  });
  config::each_difference(before->services, snapshot->services, [&](const auto& old, const auto& service) {
    const std::string& name = service ? service->name : old->name;
    changed |= renew_sets(name);
    changed |= look_for_instances(name);
  });
  config::each_difference(before->secrets, snapshot->secrets,
                          [&](const auto& /*old*/, const auto& /*secret*/) { rules_change = true; });
  if (rules_change) renew_rules();
  if (changed || rules_change) publish();
}

void Catalogue::renew_rules() {
  wrong_keys_.clear();
  rules_ = dnspeer::Rules::of(*snapshot_, histories_, wrong_keys_);
}

void Catalogue::set_domain(const std::string& domain, const std::string& address) {
  if (domain_ == domain && address_ == address) return;
  domain_ = domain;
  address_ = address;
  own_changed_ = true;
  // It has serials of its own from now on.
  if (histories_.erase(domain) > 0) renew_rules();
  publish();
}

void Catalogue::look_at(std::string_view service) {
  const bool steered = renew_sets(service);
  if (look_for_instances(service) || steered) publish();
}

// True: there is something else to be found than before.
bool Catalogue::look_for_instances(std::string_view name) {
  const config::Service* service = snapshot_->find_service(name);
  bool changed = false;
  if (service != nullptr && service->spec.discovery) {
    discovered_.insert_or_assign(std::string(name), health_.epoch(name));
    changed = registry_.look_at(name, service, health_.now(name));
  } else {
    if (const auto known = discovered_.find(name); known != discovered_.end()) discovered_.erase(known);
    changed = registry_.look_at(name, nullptr, {});
  }
  own_changed_ |= changed;
  return changed;
}

// What is found by DNS-SD, upon what somebody has written of that zone, who is right where both can't be.
void Catalogue::put_found() {
  own_.reset();
  own_refused_.clear();
  if (domain_.empty()) return;
  if (const auto served = served_.find(domain_); served != served_.end()) own_ = served->second.zone;
  if (!own_) {
    if (discovered_.empty()) return;
    config::Zone zone{.name = domain_, .serial = snapshot_->revision};
    zone.spec.nameservers = {kOwnServer};
    if (!address_.empty()) {
      zone.spec.records = std::string(kOwnServer) + (address_.contains(':') ? " AAAA " : " A ") + address_;
    }
    zone.spec.ttl = zone.spec.negative_ttl = zones::kRegistryTtlSeconds;
    auto made = zones::make_base(zone, nullptr, static_cast<std::uint32_t>(zone.serial));
    if (!made) {
      own_refused_ = made.error().sentence;
      return;
    }
    own_ = std::move(*made);
  }
  own_serial_ = std::max(own_serial_ + 1, own_->serial());
  const auto found = registry_.records(*dns::Name::parse(domain_ + '.', dns::Name()), own_refused_);
  std::set<std::string> left_out;
  while (left_out.size() <= kLeftOutMax) {
    auto made = zones::add_found(*own_, found, left_out, own_serial_);
    if (made) {
      own_ = std::move(*made);
      break;
    }
    own_refused_ += "what is found by DNS-SD is left out: " + made.error().sentence + "; ";
    if (!left_out.insert(made.error().owner).second) break;
  }
  if (!own_refused_.empty()) own_refused_.resize(own_refused_.size() - 2);
}

void Catalogue::look_at_all() {
  bool changed = false;
  for (auto& [service, followers] : followers_) {
    if (health_.epoch(service) != followers.epoch) changed |= renew_sets(service);
  }
  for (auto& [service, epoch] : discovered_) {
    if (health_.epoch(service) == epoch) continue;
    epoch = health_.epoch(service);
    own_changed_ |= registry_.look_at(service, snapshot_->find_service(service), health_.now(service));
  }
  if (changed || own_changed_) publish();
}

bool Catalogue::renew_sets(std::string_view service) {
  const auto found = followers_.find(service);
  if (found == followers_.end()) return false;
  found->second.epoch = health_.epoch(service);
  bool changed = false;
  for (const std::uint32_t policy : found->second.policies) changed |= renew_set(*steered_[policy]);
  return changed;
}

void Catalogue::renew_zone(const std::shared_ptr<const config::Zone>& before,
                           const std::shared_ptr<const config::Zone>& after) {
  own_changed_ |= (after ? after->name : before->name) == domain_;
  const config::Zone none{.name = after ? after->name : before->name};
  const zones::ChangedSets differ = zones::changed_sets(before ? *before : none, after ? *after : none);
  forget(differ.before, after ? *after : none);
  if (!after) {
    refused_.erase(before->name);
    histories_.erase(before->name);
    serve_file(before->name);
    return;
  }
  Served& served = served_[after->name];
  const bool others_stay = before && before->spec == after->spec && served.zone && served.left_out.empty();
  const zones::ChangedSets changed = others_stay ? differ : zones::changed_sets(none, *after);
  if (!served.sites || *served.sites != after->spec.sites) {
    served.sites = std::make_shared<const std::vector<config::Site>>(after->spec.sites);
  }
  bool all_placed = true;
  dnspeer::Changes changes;
  if (others_stay && after->spec.transfers) changes.owners = owners_of(differ);
  for (const config::RecordSet* records : changed.after) {
    for (const zones::Part& part : zones::parts_of(*records)) {
      const std::uint32_t policy = policy_of(*after, part);
      changes.policies.insert(policy);
      Steered& steered = *steered_[policy];
      steered.ttl_seconds = records->spec.ttl.value_or(after->spec.ttl);
      place(steered, served.sites);
      all_placed &= steered.misplaced.empty();
      renew_set(steered);
    }
  }
  const std::uint32_t serial = next_serial(*after, served);
  if (others_stay && all_placed) {
    if (auto made = change(*served.zone, *served.base, *after, changed, serial)) {
      keep_history(*after, served, **made, changes);
      served.zone = std::move(*made);
      return;
    }
  }
  changes.owners.reset();
  make_whole(*after, served, std::move(changes), serial);
}

// What its file says, and nothing else; without one, there is no such zone.
void Catalogue::serve_file(const std::string& name) {
  const auto found = served_.find(name);
  if (found == served_.end()) return;
  if (!found->second.file) {
    served_.erase(found);
    return;
  }
  const auto file = found->second.file;
  found->second = {.file = file, .base = file, .zone = file, .under = file, .wanted = file->serial()};
}

void Catalogue::put_file(const std::string& zone, zones::ChangedFile file) {
  own_changed_ |= zone == domain_;
  Served& served = served_[zone];
  if (!served.file) file.owners.reset();
  served.file = std::move(file.zone);
  if (const config::Zone* wanted = written(zone)) {
    make_whole(*wanted, served, {.owners = std::move(file.owners), .policies = {}},
               next_serial(*wanted, served));
    if (wanted->spec.transfers) renew_rules();
  } else {
    serve_file(zone);
  }
  publish();
}

const config::Zone* Catalogue::written(std::string_view zone) const {
  const auto found = std::ranges::lower_bound(snapshot_->zones, zone, {},
                                              [](const auto& one) { return std::string_view(one->name); });
  return found != snapshot_->zones.end() && (*found)->name == zone ? found->get() : nullptr;
}

// What the Zone and the serial number in its file ask for, so that all name servers that have both have the
// same; one more than it was where that says nothing new.
std::uint32_t Catalogue::next_serial(const config::Zone& zone, Served& served) {
  const std::uint32_t before = std::exchange(
      served.wanted, static_cast<std::uint32_t>(zone.serial) + (served.file ? served.file->serial() : 0));
  const auto under = std::exchange(served.under, served.file);
  if (!served.zone || (!under && served.file)) return served.wanted;
  if (before == served.wanted && under == served.file) return served.zone->serial();
  return dns::is_older(served.zone->serial(), served.wanted) ? served.wanted : served.zone->serial() + 1;
}

zones::MadeZone Catalogue::change(const dns::Zone& from, const dns::Zone& base, const config::Zone& zone,
                                  const zones::ChangedSets& changed, std::uint32_t serial) const {
  return zones::change_sets(from, base, zone, changed, serial,
                            [this](const std::string& part) { return policies_.find(part)->second; });
}

// With all RecordSets that fit.
void Catalogue::make_whole(const config::Zone& zone, Served& served, dnspeer::Changes changes,
                           std::uint32_t serial) {
  bool is_known = served.is_latest && served.left_out.empty();  // where the records are others
  served.left_out.clear();
  std::string reason = leave_misplaced_out(zone, served.left_out);
  const auto base = zones::make_base(zone, served.file.get(), serial);
  zones::MadeZone made = base;
  const config::Zone none{.name = zone.name};
  while (base) {
    zones::ChangedSets sets = zones::changed_sets(none, zone);
    std::erase_if(sets.after, [&served](const auto* one) { return served.left_out.contains(one->name); });
    made = change(**base, **base, zone, sets, serial);
    if (made) break;
    const std::size_t count = served.left_out.size();
    for (const config::RecordSet* records : sets.after) {
      if (config::owner_name_of(records->spec) + '.' != made.error().owner) continue;
      served.left_out.insert(records->name);
      reason += "RecordSet/" + records->name + " is left out: " + made.error().sentence + "; ";
    }
    if (served.left_out.size() == count || served.left_out.size() > kLeftOutMax) break;
  }
  served.is_latest = made.has_value();
  if (made) {
    is_known &= served.left_out.empty();
    if (!is_known) changes.owners.reset();
    keep_history(zone, served, **made, changes);
    served.base = *base;
    served.zone = std::move(*made);
  } else {
    reason += made.error().sentence + "; ";  // it stays as it was
  }
  if (reason.empty()) {
    refused_.erase(zone.name);
  } else {
    reason.resize(reason.size() - 2);
    refused_.insert_or_assign(zone.name, std::move(reason));
  }
}

void Catalogue::keep_history(const config::Zone& zone, const Served& served, const dns::Zone& next,
                             const dnspeer::Changes& changes) {
  if (served.zone && served.zone->serial() == next.serial()) return;  // nothing that is copied has changed
  const auto known = histories_.find(zone.name);
  auto history = !served.zone || !zone.spec.transfers || zone.name == domain_
                     ? nullptr
                     : dnspeer::History::after(known == histories_.end() ? nullptr : known->second.get(),
                                               *served.zone, next, changes);
  if (history) {
    histories_.insert_or_assign(zone.name, std::move(history));
  } else if (known != histories_.end()) {
    histories_.erase(known);
  }
}

// The number stays the same for as long as there is a RecordSet of that name.
std::uint32_t Catalogue::policy_of(const config::Zone& zone, const zones::Part& part) {
  const config::RecordSet& records = part.records;
  const auto [known, is_new] = policies_.emplace(records.name, 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(steered_.size()));
      steered_.emplace_back();
    }
    known->second = free_.back();
    free_.pop_back();
    steered_[known->second] = std::make_unique<Steered>();
  }
  Steered& steered = *steered_[known->second];
  follow(steered, known->second, false);
  steered.zone = zone.name;
  steered.records = records;
  steered.alias = part.alias;
  follow(steered, known->second, true);
  return known->second;
}

// Those of the zone that the next one does not steer. A RecordSet of that name may be in another zone by now.
void Catalogue::forget(std::span<const config::RecordSet* const> before, const config::Zone& next) {
  const auto forget_part = [&](const std::string& name) {
    const auto known = policies_.find(name);
    if (known == policies_.end() || steered_[known->second]->zone != next.name) return;
    if (has_part(next, name)) return;
    follow(*steered_[known->second], known->second, false);
    steered_[known->second].reset();
    free_.push_back(known->second);
    policies_.erase(known);
  };
  for (const config::RecordSet* records : before) {
    for (const zones::Part& part : zones::parts_of(*records)) forget_part(part.records.name);
  }
}

void Catalogue::follow(const Steered& steered, std::uint32_t policy, bool follows) {
  const auto one = [&](const std::string& service) {
    if (service.empty()) return;
    if (follows) {
      followers_[service].policies.insert(policy);
      return;
    }
    const auto found = followers_.find(service);
    if (found == followers_.end()) return;
    found->second.policies.erase(policy);
    if (found->second.policies.empty()) followers_.erase(found);
  };
  one(steered.records.spec.service);
  for (const config::RecordAnswer& answer : steered.records.spec.answers) one(answer.service);
}

// What the places of a set mean in a zone with those sites.
void Catalogue::place(Steered& steered, const std::shared_ptr<const std::vector<config::Site>>& sites) {
  if (steered.records.spec.policy != config::RecordPolicy::kGeo) return;
  const auto before = std::exchange(steered.geography, Geography{sites, countries_, &places_});
  steered.misplaced = Places::problem(steered.records.spec, steered.geography);
  if (!steered.misplaced.empty()) steered.geography.sites.reset();
  steered.moved |= before.countries != countries_ || !before.sites || *before.sites != *sites;
}

// Leaves out the sets whose places there are not, and says so.
std::string Catalogue::leave_misplaced_out(const config::Zone& zone, std::set<std::string>& left_out) const {
  std::string reason;
  for (const config::RecordSet& records : zone.record_sets) {
    if (records.spec.policy != config::RecordPolicy::kGeo) continue;
    const std::string& problem = steered_[policies_.find(records.name)->second]->misplaced;
    if (problem.empty()) continue;
    left_out.insert(records.name);
    reason += "RecordSet/" + records.name + " is left out: " + problem + "; ";
  }
  return reason;
}

void Catalogue::set_countries(GeoDatabasePointer countries) {
  countries_ = std::move(countries);
  bool changed = false;
  for (const auto& steered : steered_) {
    if (!steered || steered->records.spec.policy != config::RecordPolicy::kGeo) continue;
    steered->geography.countries = countries_;
    steered->moved = true;
    changed |= renew_set(*steered);
  }
  if (changed) publish();
}

// The addresses of what others answer for. What our own zones have is chosen by View.
std::vector<Answer> Catalogue::aliased(const Steered& steered) const {
  std::vector<Answer> answers;
  const NameFollower::Known* known = steered.followed.empty() ? nullptr : names_->known(steered.followed);
  if (known == nullptr) return answers;
  for (const net::Address& address : known->addresses) {
    if (address.is_v6() != (steered.records.spec.type == config::RecordType::kAaaa)) continue;
    const auto end = address.bytes().begin() + (address.is_v6() ? 16 : 4);
    answers.push_back({.rdata = {address.bytes().begin(), end}, .why = {}});
  }
  return answers;
}

// What an ALIAS leads to is looked up as long as it leads there.
void Catalogue::follow_names(const dns::Zones& zones) {
  if (names_ == nullptr) return;
  const auto is_alias = [](const auto& steered) { return steered && steered->alias; };
  std::set<std::string> names;
  std::vector<Steered*> moved;
  View::Sets sets;
  if (std::ranges::none_of(steered_, is_alias)) return names_->follow(names);
  for (const auto& steered : steered_) sets.push_back(steered ? steered->set : nullptr);
  for (const auto& steered : steered_) {
    if (!is_alias(steered)) continue;
    const auto outside = outside_name(zones, sets, *steered->alias);
    std::string name = outside ? dns::name_text(outside->wire()) : "";
    if (!name.empty()) names.insert(name);
    if (std::exchange(steered->followed, name) != name) moved.push_back(steered.get());
  }
  names_->follow(names);
  for (Steered* steered : moved) renew_set(*steered);
}

void Catalogue::look_at_name(const std::string& name) {
  bool changed = false;
  for (const auto& steered : steered_) {
    if (steered && steered->alias && steered->followed == name) changed |= renew_set(*steered);
  }
  if (changed) publish();
}

std::vector<Answer> Catalogue::answers_of(const Steered& steered) const {
  if (steered.alias) return aliased(steered);
  const config::RecordSetSpec& spec = steered.records.spec;
  std::vector<Answer> answers;
  for (auto& rdata : rdata_of(spec, spec.values)) answers.push_back({.rdata = std::move(rdata), .why = {}});
  for (const config::RecordAnswer& one : spec.answers) {
    auto rdata = rdata_of(spec, {one.value});
    if (rdata.empty()) continue;
    Answer answer{
        .rdata = std::move(rdata.front()), .weight = one.weight, .priority = one.priority, .why = {}};
    answer.places = one.places;
    answer.provider = one.provider;
    if (!one.service.empty()) {
      const config::ServiceStatus status = health_.now(one.service);
      answer.healthy =
          std::ranges::any_of(status.endpoints, [](const auto& end) { return serves(end.health); });
      if (!answer.healthy) answer.why = "no endpoint of Service/" + one.service + " is healthy";
    }
    answers.push_back(std::move(answer));
  }
  if (steered.records.weights) weigh(*steered.records.weights, answers);
  if (spec.service.empty()) return answers;
  const config::ServiceStatus status = health_.now(spec.service);
  const config::Service* service = snapshot_->find_service(spec.service);
  if (service == nullptr) return answers;
  for (const config::Endpoint& endpoint : service->endpoints) {
    auto rdata = rdata_of(endpoint, config::type_of(spec.type));
    if (!rdata) continue;
    Answer answer{
        .rdata = std::move(*rdata), .weight = endpoint.weight, .priority = endpoint.priority, .why = {}};
    const auto seen = std::ranges::find(status.endpoints, endpoint.key, &config::EndpointStatus::address);
    answer.healthy = seen != status.endpoints.end() && serves(seen->health);
    if (!answer.healthy) answer.why = seen == status.endpoints.end() ? "not checked yet" : why_not(*seen);
    // Two ports of one address are one record, which is as good as the better of them.
    const auto same = std::ranges::find(answers, answer.rdata, &Answer::rdata);
    if (same == answers.end()) {
      answers.push_back(std::move(answer));
    } else if (answer.healthy && !same->healthy) {
      *same = std::move(answer);
    }
  }
  return answers;
}

bool Catalogue::renew_set(Steered& steered) {
  std::vector<Answer> answers = answers_of(steered);
  const config::RecordSetSpec& spec = steered.records.spec;
  std::uint32_t ttl_seconds = steered.ttl_seconds;
  std::optional<SteeredSet::Alias> alias;
  if (steered.alias) {
    const NameFollower::Known* known = steered.followed.empty() ? nullptr : names_->known(steered.followed);
    alias = SteeredSet::Alias{*steered.alias, known != nullptr && !known->addresses.empty()};
    if (alias->known) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(known->ttl).count();
      ttl_seconds = std::min(ttl_seconds, static_cast<std::uint32_t>(seconds));
    }
  }
  const bool same = steered.set && !steered.moved && steered.set->is_of(spec, ttl_seconds) &&
                    steered.set->answers() == answers && steered.set->fails() == (alias && !alias->known);
  if (same) return false;
  steered.moved = false;
  Turn turn = steered.set ? steered.set->turn() : std::make_shared<std::atomic<std::uint32_t>>(0);
  steered.set =
      std::make_shared<const SteeredSet>(spec, ttl_seconds, std::move(answers), rdata_of(spec, spec.fallback),
                                         std::move(turn), steered.geography, std::move(alias));
  return true;
}

void Catalogue::publish() {
  if (std::exchange(own_changed_, false)) put_found();
  std::vector<std::shared_ptr<const dns::Zone>> list;
  for (const auto& [name, served] : served_) {
    if (served.zone && name != domain_) list.push_back(served.zone);
  }
  if (own_) list.push_back(own_);
  dns::Zones zones(std::move(list));
  follow_names(zones);
  View::Sets sets;
  for (const auto& steered : steered_) sets.push_back(steered ? steered->set : nullptr);
  view_ = std::make_shared<const View>(std::move(zones), std::move(sets), rules_);
  changed_(view_);
}

}  // namespace weir::nameserver
