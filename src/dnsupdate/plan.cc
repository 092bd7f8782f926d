#include "dnsupdate/plan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "config/kinds.h"
#include "dns/rdata.h"
#include "dns/zone_file.h"

namespace weir::dnsupdate {
namespace {

using dns::Octets;
using dns::Rcode;
using dns::Type;
using Done = std::expected<void, UpdateRefusal>;

// Numbers that tell generated names apart; no zone has that many of one name and type.
constexpr int kNamesMax = 1000;

std::unexpected<UpdateRefusal> refuse(Rcode rcode, std::string reason) {
  return std::unexpected(UpdateRefusal{rcode, std::move(reason)});
}

// As names are compared (RFC 4343): the data's names in lower case.
Octets comparable(Type type, dns::Bytes rdata) {
  Octets octets(rdata.begin(), rdata.end());
  const dns::NamePlaces names = dns::names_in(type, rdata);
  for (std::size_t i = 0; i < names.count; ++i) {
    const std::size_t size = dns::name_size(rdata.subspan(names.at[i]));
    for (std::size_t at = names.at[i]; at < names.at[i] + size; ++at) octets[at] = dns::lower(octets[at]);
  }
  return octets;
}

std::optional<config::RecordType> record_type_of(Type type) {
  for (auto i = std::uint8_t{0}; i < static_cast<std::uint8_t>(config::RecordType::kAlias); ++i) {
    const auto one = static_cast<config::RecordType>(i);
    if (config::type_of(one) == type) return one;
  }
  return std::nullopt;
}

// The records of one name and type.
struct Set {
  std::uint32_t ttl_seconds = 0;
  std::vector<Octets> rdata;
  config::ObjectPointer object;  // the RecordSet that has them; null: there is none
  std::string fixed;             // what else has them, which an update can't change; empty: nothing
  std::string beneath;           // what has others that would be there without the RecordSet, likewise
  bool changed = false;

  bool exists() const { return !rdata.empty() || !fixed.empty(); }
  auto find(Type type, const Octets& wanted) {
    return std::ranges::find_if(
        rdata, [&](const Octets& one) { return comparable(type, one) == comparable(type, wanted); });
  }
};

class Planner {
 public:
  Planner(const Update& update, const std::string& zone_name, const config::ZoneSpec& zone,
          const config::Whole& world, const dns::Zone* file)
      : update_(update), zone_name_(zone_name), zone_(zone), world_(world), file_(file) {}

  void read_zone();
  Done check_prerequisites();
  Done check_permissions(const std::string& secret) const;
  Done change();
  std::expected<UpdatePlan, UpdateRefusal> plan() const;

 private:
  using Sets = std::map<Type, Set>;

  static std::string text_of(const dns::Name& name) { return to_lower(name.to_text()); }
  std::string relative(const dns::Name& owner) const;
  void add_fixed(const std::string& owner, Type type, std::uint32_t ttl_seconds, Octets rdata,
                 const std::string& by);
  void read_file(const dns::Name& owner);
  void read_set(const config::ObjectPointer& object, const config::RecordSetSpec& spec);
  const Set* find(const dns::Name& owner, Type type) const;
  bool is_in_use(const dns::Name& owner) const;
  Done check_values() const;
  Done check_prerequisite(const UpdateRecord& wanted) const;
  Done add(const UpdateRecord& record);
  Done remove(const UpdateRecord& record);
  Done remove_sets(const UpdateRecord& record);
  Done clear(const UpdateRecord& record, Type type, Set& set);
  std::string free_name(const std::string& owner, Type type, const UpdatePlan& plan) const;

  const Update& update_;
  const std::string& zone_name_;
  const config::ZoneSpec& zone_;
  const config::Whole& world_;
  const dns::Zone* file_;                    // null: none
  std::map<std::string, Sets> names_;        // by owner: "www.a.example."
  std::map<std::string, dns::Name> owners_;  // of those that the update changes
};

std::string Planner::relative(const dns::Name& owner) const {
  const std::string text = text_of(owner);
  if (text.size() <= zone_name_.size() + 1) return "@";
  return text.substr(0, text.size() - zone_name_.size() - 2);
}

void Planner::add_fixed(const std::string& owner, Type type, std::uint32_t ttl_seconds, Octets rdata,
                        const std::string& by) {
  Set& set = names_[owner][type];
  set.ttl_seconds = ttl_seconds;
  set.fixed = by;
  if (!rdata.empty()) set.rdata.push_back(std::move(rdata));
}

// What the file has of that name.
void Planner::read_file(const dns::Name& owner) {
  const std::string text = text_of(owner);
  const dns::HashedName hashed(owner.wire());
  const dns::Node* node = file_->node(hashed.wire(), hashed.hash(0));
  if (node == nullptr || names_.contains(text)) return;
  const bool is_apex = dns::same_name(owner.wire(), update_.zone.wire());
  for (const dns::RecordSet& set : dns::sets_of(*node)) {
    if (is_apex && (set.type == Type::kSoa || set.type == Type::kNs))
      continue;  // the Zone's are in their place
    for (dns::Bytes rest = dns::packed_of(*node, set); !rest.empty();) {
      const dns::Bytes record = dns::first_record(rest);
      const dns::Bytes rdata = record.subspan(dns::kPackedHeadBytes);
      add_fixed(text, set.type, dns::load_u32(&record[6]), Octets(rdata.begin(), rdata.end()),
                "it is in the zone's file");
      rest = rest.subspan(record.size());
    }
  }
}

// It takes the place of what files have of its name and type.
void Planner::read_set(const config::ObjectPointer& object, const config::RecordSetSpec& spec) {
  const std::string owner = config::owner_name_of(spec) + '.';
  const std::string by = "RecordSet/" + object->metadata.name + " has a policy";
  if (spec.type == config::RecordType::kAlias) {
    for (const Type type : {Type::kA, Type::kAaaa}) names_[owner][type] = {.fixed = by};
    return;
  }
  const Type type = config::type_of(spec.type);
  if (spec.policy != config::RecordPolicy::kSimple || !spec.service.empty()) {
    names_[owner][type] = {.fixed = by};
    return;
  }
  Set& set = names_[owner][type];
  set.beneath = std::exchange(set.fixed, "");
  set.rdata.clear();
  set.ttl_seconds = spec.ttl.value_or(zone_.ttl);
  set.object = object;
  for (const std::string& value : spec.values) {
    if (auto rdata = dns::read_rdata(type, value, update_.zone)) set.rdata.push_back(std::move(*rdata));
  }
}

// The sets as they are now, those of the zone file (of names in the update) and of the Zone itself included.
void Planner::read_zone() {
  for (const auto* records : {&update_.prerequisites, &update_.changes}) {
    for (const UpdateRecord& one : *records) {
      if (file_ != nullptr) read_file(one.owner);
    }
  }
  const std::string apex = text_of(update_.zone);
  add_fixed(apex, Type::kSoa, zone_.ttl, {}, "the Zone makes it");
  for (const std::string& server : zone_.nameservers) {
    const std::string host = server.contains('.') ? server + '.' : server + '.' + apex;
    if (auto rdata = dns::read_rdata(Type::kNs, host, update_.zone)) {
      add_fixed(apex, Type::kNs, zone_.ttl, std::move(*rdata), "the Zone makes it");
    }
  }
  const auto sink = [&](const dns::ZoneRecord& record) {
    add_fixed(text_of(dns::Name(record.owner)), record.type, record.ttl_seconds,
              Octets(record.rdata.begin(), record.rdata.end()), "it is among the Zone's records");
    return Result<void>();
  };
  if (!zone_.records.empty()) (void)dns::read_zone_file(zone_.records, update_.zone, sink, zone_.ttl);
  for (const config::Object* one : world_.referrers(config::Kind::kZone, zone_name_)) {
    const auto* spec = std::get_if<config::RecordSetSpec>(&one->spec);
    if (spec != nullptr) read_set(world_.find(config::Kind::kRecordSet, one->metadata.name), *spec);
  }
}

const Set* Planner::find(const dns::Name& owner, Type type) const {
  const auto name = names_.find(text_of(owner));
  if (name == names_.end()) return nullptr;
  const auto set = name->second.find(type);
  return set != name->second.end() && set->second.exists() ? &set->second : nullptr;
}

bool Planner::is_in_use(const dns::Name& owner) const {
  const auto name = names_.find(text_of(owner));
  return name != names_.end() &&
         std::ranges::any_of(name->second, [](const auto& one) { return one.second.exists(); });
}

// RFC 2136 section 3.2.
Done Planner::check_prerequisites() {
  for (const UpdateRecord& wanted : update_.prerequisites) {
    if (auto done = check_prerequisite(wanted); !done) return done;
  }
  return check_values();
}

Done Planner::check_prerequisite(const UpdateRecord& wanted) const {
  const std::string name = text_of(wanted.owner) + ' ' + dns::type_text(wanted.type);
  const bool any = wanted.type == Type::kAny;
  const bool exists = any ? is_in_use(wanted.owner) : find(wanted.owner, wanted.type) != nullptr;
  if (wanted.record_class == dns::kClassAny && !exists) {
    return refuse(any ? Rcode::kNxDomain : Rcode::kNxRrset, name + " is not there");
  }
  if (wanted.record_class == dns::kClassNone && exists) {
    return refuse(any ? Rcode::kYxDomain : Rcode::kYxRrset, name + " is there");
  }
  return {};
}

// Sets that must be exactly so (section 3.2.3).
Done Planner::check_values() const {
  std::map<std::pair<std::string, Type>, std::pair<const UpdateRecord*, std::set<Octets>>> wanted;
  for (const UpdateRecord& one : update_.prerequisites) {
    if (one.record_class != dns::kClassIn) continue;
    auto& [record, values] = wanted[{text_of(one.owner), one.type}];
    record = &one;
    values.insert(comparable(one.type, one.rdata));
  }
  for (const auto& [key, values] : wanted) {
    const Set* set = find(values.first->owner, key.second);
    std::set<Octets> there;
    if (set != nullptr) {
      for (const Octets& one : set->rdata) there.insert(comparable(key.second, one));
    }
    if (there != values.second) {
      return refuse(Rcode::kNxRrset, key.first + ' ' + dns::type_text(key.second) + " is another set");
    }
  }
  return {};
}

// Whether the rule's name covers the owner; both relative to the zone.
bool covers(std::string_view rule, std::string_view owner) {
  if (rule == "*") return true;
  if (!rule.starts_with("*.")) return rule == owner;
  return owner.size() >= rule.size() && owner.ends_with(rule.substr(1));
}

bool lets(const config::ZoneUpdateRule& rule, const std::string& owner, Type type) {
  const bool named = rule.names.empty() || std::ranges::any_of(rule.names, [&](const std::string& one) {
                       return covers(to_lower(one), owner);
                     });
  const bool typed = rule.types.empty() || std::ranges::any_of(rule.types, [&](config::RecordType one) {
                       return one != config::RecordType::kAlias && config::type_of(one) == type;
                     });
  return named && typed;
}

// Section 3.3. Deleting all sets of a name needs all its types.
Done Planner::check_permissions(const std::string& secret) const {
  for (const UpdateRecord& record : update_.changes) {
    const std::string owner = relative(record.owner);
    const auto permitted = [&](Type type) {
      return std::ranges::any_of(zone_.updates, [&](const config::ZoneUpdateRule& rule) {
        return rule.key == secret && lets(rule, owner, type);
      });
    };
    std::vector<Type> types{record.type};
    if (record.type == Type::kAny) {
      types.clear();
      if (const auto name = names_.find(text_of(record.owner)); name != names_.end()) {
        for (const auto& [type, set] : name->second) {
          if (set.object) types.push_back(type);
        }
      }
    }
    const auto other = std::ranges::find_if_not(types, permitted);
    if (other == types.end()) continue;
    return refuse(Rcode::kRefused,
                  "the key may not write " + text_of(record.owner) + ' ' + dns::type_text(*other));
  }
  return {};
}

// Section 3.4.2.
Done Planner::change() {
  for (const UpdateRecord& record : update_.changes) {
    owners_.emplace(text_of(record.owner), record.owner);
    auto done = record.record_class == dns::kClassIn     ? add(record)
                : record.record_class == dns::kClassNone ? remove(record)
                                                         : remove_sets(record);
    if (!done) return done;
  }
  return {};
}

Done Planner::add(const UpdateRecord& record) {
  const std::string name = text_of(record.owner) + ' ' + dns::type_text(record.type);
  if (!record_type_of(record.type)) return refuse(Rcode::kRefused, name + " can't be in a RecordSet");
  Sets& sets = names_[text_of(record.owner)];
  const bool is_alias = record.type == Type::kCname;
  // A CNAME beside others, and others beside a CNAME, are left aside (section 3.4.2.2).
  const bool beside = std::ranges::any_of(
      sets, [&](const auto& one) { return one.second.exists() && (one.first == Type::kCname) != is_alias; });
  if (beside) return {};
  Set& set = sets[record.type];
  const auto same = set.find(record.type, record.rdata);
  if (same != set.rdata.end() && set.ttl_seconds == record.ttl_seconds) return {};
  if (!set.fixed.empty()) return refuse(Rcode::kRefused, name + ": " + set.fixed);
  if (same != set.rdata.end()) {
    *same = record.rdata;
  } else {
    if (is_alias) set.rdata.clear();
    set.rdata.push_back(record.rdata);
  }
  set.ttl_seconds = record.ttl_seconds;  // of the whole set (RFC 2181 section 5.2)
  set.changed = true;
  return {};
}

Done Planner::remove(const UpdateRecord& record) {
  const auto name = names_.find(text_of(record.owner));
  if (name == names_.end()) return {};
  const auto found = name->second.find(record.type);
  if (found == name->second.end() || record.type == Type::kSoa) return {};
  Set& set = found->second;
  const auto same = set.find(record.type, record.rdata);
  if (same == set.rdata.end() && (set.fixed.empty() || !set.rdata.empty())) return {};
  if (!set.fixed.empty()) {
    return refuse(Rcode::kRefused, name->first + ' ' + dns::type_text(record.type) + ": " + set.fixed);
  }
  set.rdata.erase(same);
  set.changed = true;
  return {};
}

Done Planner::remove_sets(const UpdateRecord& record) {
  const auto name = names_.find(text_of(record.owner));
  if (name == names_.end()) return {};
  if (record.type != Type::kAny) {
    const auto set = name->second.find(record.type);
    return set == name->second.end() ? Done() : clear(record, set->first, set->second);
  }
  for (auto& [type, set] : name->second) {
    if (auto done = clear(record, type, set); !done) return done;
  }
  return {};
}

Done Planner::clear(const UpdateRecord& record, Type type, Set& set) {
  if (!set.exists()) return {};
  // Of the zone itself they stay, and nothing is said (section 3.4.2.3).
  const bool is_apex = dns::same_name(record.owner.wire(), update_.zone.wire());
  if (is_apex && (type == Type::kSoa || type == Type::kNs)) return {};
  if (!set.fixed.empty()) {
    return refuse(Rcode::kRefused, text_of(record.owner) + ' ' + dns::type_text(type) + ": " + set.fixed);
  }
  set.rdata.clear();
  set.changed = true;
  return {};
}

// "www.a.example-aaaa", or with a number where another has that name.
std::string Planner::free_name(const std::string& owner, Type type, const UpdatePlan& plan) const {
  std::string base = owner == "@" ? zone_name_ : owner + '.' + zone_name_;
  if (base.starts_with('*')) base.replace(0, 1, "any");
  for (char& c : base) {
    if (c == '_' || c == '/') c = '-';
  }
  // A label neither begins nor ends with "-".
  while (base.starts_with('-')) base.erase(0, 1);
  for (std::size_t at = 0; (at = base.find(".-")) != std::string::npos;) base.erase(at + 1, 1);
  for (std::size_t at = 0; (at = base.find("-.")) != std::string::npos;) base.erase(at, 1);
  base += '-' + to_lower(dns::type_text(type));
  std::string name = base;
  for (int i = 2; i < kNamesMax; ++i) {
    const bool is_new = std::ranges::none_of(
        plan.puts, [&](const config::Object& object) { return object.metadata.name == name; });
    if (is_new && !world_.find(config::Kind::kRecordSet, name)) break;
    name = base + '-' + std::to_string(i);
  }
  return name;
}

std::expected<UpdatePlan, UpdateRefusal> Planner::plan() const {
  UpdatePlan plan;
  for (const auto& [owner, sets] : names_) {
    for (const auto& [type, set] : sets) {
      if (!set.changed) continue;
      if (set.rdata.empty()) {
        if (!set.beneath.empty()) {
          return refuse(Rcode::kRefused, owner + ' ' + dns::type_text(type) +
                                             ": without the RecordSet others would be there, for " +
                                             set.beneath);
        }
        if (set.object) plan.deletions.push_back(set.object->metadata.name);
        continue;
      }
      const std::string name = relative(owners_.find(owner)->second);
      config::Object object;
      if (set.object) {
        object = {.metadata = set.object->metadata, .spec = set.object->spec, .status = {}};
      } else {
        object.metadata.name = free_name(name, type, plan);
        object.spec = config::RecordSetSpec{.zone = zone_name_, .name = name, .type = *record_type_of(type)};
      }
      auto& spec = std::get<config::RecordSetSpec>(object.spec);
      if (!set.object || set.ttl_seconds != spec.ttl.value_or(zone_.ttl)) spec.ttl = set.ttl_seconds;
      spec.values.clear();
      for (const Octets& rdata : set.rdata) dns::write_rdata(spec.values.emplace_back(), type, rdata);
      // As if somebody had written it.
      const auto checked =
          config::parse_object(config::to_json(object, config::Secrets::kKeep), config::Origin::kClient);
      if (!checked) return refuse(Rcode::kRefused, config::to_text(checked.error()));
      plan.puts.push_back(std::move(object));
    }
  }
  return plan;
}

}  // namespace

std::expected<UpdatePlan, UpdateRefusal> plan_update(const UpdateRequest& request,
                                                     const config::Whole& world) {
  const auto update = read_update(request.message);
  if (!update) return std::unexpected(update.error());
  std::string name = to_lower(update->zone.to_text());
  name.pop_back();
  const config::ObjectPointer object = world.find(config::Kind::kZone, name);
  if (!object) return refuse(Rcode::kNotAuth, "there is no such zone");
  const auto& zone = std::get<config::ZoneSpec>(object->spec);
  if (std::ranges::find(zone.updates, request.secret, &config::ZoneUpdateRule::key) == zone.updates.end()) {
    return refuse(Rcode::kRefused, "the key may not write this zone");
  }
  Planner planner(*update, object->metadata.name, zone, world, request.file.get());
  planner.read_zone();
  if (auto done = planner.check_prerequisites(); !done) return std::unexpected(done.error());
  if (auto done = planner.check_permissions(request.secret); !done) return std::unexpected(done.error());
  if (auto done = planner.change(); !done) return std::unexpected(done.error());
  return planner.plan();
}

}  // namespace weir::dnsupdate
