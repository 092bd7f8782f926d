#include "zones/zone_maker.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "config/kinds.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone_file.h"

namespace weir::zones {
namespace {

// Of the SOA, for secondary servers (RIPE-203)
constexpr std::uint32_t kRefreshSeconds = 3600;
constexpr std::uint32_t kRetrySeconds = 600;
constexpr std::uint32_t kExpireSeconds = 1'209'600;

std::unexpected<Refusal> refuse(const dns::ZoneRefusal& why) {
  const std::string owner = dns::name_text(why.owner.wire());
  return std::unexpected(Refusal{owner, owner + ' ' + dns::type_text(why.type) + ": " + why.text});
}

using Made = std::expected<void, Refusal>;

// What a zone is made of, one record after the other, into a ZoneBuilder or a ZoneChange.
template <class Into>
class Making {
 public:
  Making(const config::Zone& zone, Into& into)
      : zone_(zone), apex_(*dns::Name::parse(zone.name + '.', dns::Name())), into_(into) {}

  Made add_servers() {
    if (auto done = clear(apex_, dns::Type::kNs); !done) return done;
    for (const std::string& server : zone_.spec.nameservers) {
      if (auto done = add_text(apex_, dns::Type::kNs, zone_.spec.ttl, absolute(server)); !done) return done;
    }
    return {};
  }
  Made add_soa(std::uint32_t serial) {
    const config::ZoneSpec& spec = zone_.spec;
    const std::string soa = absolute(spec.nameservers.front()) + ' ' + mailbox() + ' ' +
                            std::to_string(serial) + ' ' + std::to_string(kRefreshSeconds) + ' ' +
                            std::to_string(kRetrySeconds) + ' ' + std::to_string(kExpireSeconds) + ' ' +
                            std::to_string(spec.negative_ttl);
    if (auto done = clear(apex_, dns::Type::kSoa); !done) return done;
    return add_text(apex_, dns::Type::kSoa, spec.ttl, soa);
  }
  Made add_file() {
    if (zone_.spec.records.empty()) return {};
    const auto sink = [this](const dns::ZoneRecord& record) {
      return into_.add(record.owner, record.type, record.ttl_seconds, record.rdata);
    };
    const auto read = dns::read_zone_file(zone_.spec.records, apex_, sink, zone_.spec.ttl);
    if (read) return {};
    return std::unexpected(Refusal{{}, "records: " + read.error().sentence()});
  }
  // In place of what is there of its name and type.
  Made put(const config::RecordSetSpec& spec) {
    const dns::Name owner = owner_of(spec);
    if (auto done = clear(owner, config::type_of(spec.type)); !done) return done;
    for (const std::string& value : spec.values) {
      if (auto done = add_text(owner, config::type_of(spec.type), ttl_of(spec), value); !done) return done;
    }
    return {};
  }
  Made steer(const config::RecordSetSpec& spec, std::uint32_t policy) {
    const dns::Name owner = owner_of(spec);
    const dns::Type type = config::type_of(spec.type);
    if (auto done = clear(owner, type); !done) return done;
    const auto steered = into_.steer(owner.wire(), type, policy);
    if (steered) return {};
    return refuse({owner, type, steered.error().text});
  }
  Made take(const dns::Zone& base, const std::string& name, dns::Type type) {
    const dns::Name owner = *dns::Name::parse(name + '.', dns::Name());
    const auto taken = into_.take(base, owner.wire(), type);
    if (taken) return {};
    return refuse({owner, type, taken.error().text});
  }

 private:
  Made clear(const dns::Name& owner, dns::Type type) {
    if constexpr (requires { into_.clear(owner.wire(), type); }) {
      if (const auto cleared = into_.clear(owner.wire(), type); !cleared) {
        return refuse({owner, type, cleared.error().text});
      }
    }
    return {};
  }
  Made add_text(const dns::Name& owner, dns::Type type, std::uint32_t ttl_seconds, const std::string& text) {
    const auto rdata = dns::read_rdata(type, text, apex_);
    if (!rdata) return refuse({owner, type, rdata.error().text});
    const auto added = into_.add(owner.wire(), type, ttl_seconds, *rdata);
    if (added) return {};
    return refuse({owner, type, added.error().text});
  }
  std::uint32_t ttl_of(const config::RecordSetSpec& spec) const { return spec.ttl.value_or(zone_.spec.ttl); }
  static dns::Name owner_of(const config::RecordSetSpec& spec) {
    return *dns::Name::parse(config::owner_name_of(spec) + '.', dns::Name());
  }
  std::string absolute(const std::string& host) const {
    return host.contains('.') ? host + '.' : host + '.' + zone_.name + '.';
  }
  // RFC 1035 section 8: dots before the "@" are part of the first label.
  std::string mailbox() const {
    const std::string& address = zone_.spec.hostmaster;
    if (address.empty()) return "hostmaster." + zone_.name + '.';
    const std::size_t at = address.rfind('@');
    std::string text;
    for (const char c : std::string_view(address).substr(0, at)) {
      if (c == '.') text += '\\';
      text += c;
    }
    return text + '.' + address.substr(at + 1) + '.';
  }

  const config::Zone& zone_;
  dns::Name apex_;
  Into& into_;
};

MadeZone shared(std::expected<dns::Zone, dns::ZoneRefusal> zone) {
  if (!zone) return refuse(zone.error());
  return std::make_shared<const dns::Zone>(std::move(*zone));
}

template <class Into>
Made add_what_stays(const config::Zone& zone, std::uint32_t serial, Into& into) {
  Making making(zone, into);
  auto done = making.add_servers();
  if (done) done = making.add_soa(serial);
  if (done) done = making.add_file();
  return done;
}

bool is_steered(const config::RecordSetSpec& spec) {
  return spec.policy != config::RecordPolicy::kSimple || !spec.service.empty() ||
         spec.type == config::RecordType::kAlias;
}

// The names and types of its sets.
using Key = std::pair<std::string, dns::Type>;
std::vector<Key> keys_of(const config::RecordSet& records) {
  const std::string owner = config::owner_name_of(records.spec);
  if (records.spec.type != config::RecordType::kAlias) return {{owner, config::type_of(records.spec.type)}};
  return {{owner, dns::Type::kA}, {owner, dns::Type::kAaaa}};
}

}  // namespace

std::vector<Part> parts_of(const config::RecordSet& records) {
  std::vector<Part> parts;
  if (!is_steered(records.spec)) return parts;
  if (records.spec.type != config::RecordType::kAlias) return {{records, std::nullopt}};
  const auto origin = dns::Name::parse(records.spec.zone + '.', dns::Name());
  if (!origin || records.spec.values.empty()) return parts;
  const auto target = dns::read_rdata(dns::Type::kCname, records.spec.values.front(), *origin);
  if (!target) return parts;
  for (const auto& [end, type] : kAliasParts) {
    Part& part = parts.emplace_back(records, dns::Name(*target));
    part.records.name += end;
    part.records.spec.type = type;
  }
  return parts;
}

ChangedSets changed_sets(const config::Zone& before, const config::Zone& after) {
  ChangedSets changed;
  auto old = before.record_sets.begin();
  for (const config::RecordSet& records : after.record_sets) {
    for (; old != before.record_sets.end() && old->name < records.name; ++old)
      changed.before.push_back(&*old);
    const bool known = old != before.record_sets.end() && old->name == records.name;
    if (!known || *old != records) {
      changed.after.push_back(&records);
      if (known) changed.before.push_back(&*old);
    }
    if (known) ++old;
  }
  for (; old != before.record_sets.end(); ++old) changed.before.push_back(&*old);
  return changed;
}

MadeZone make_base(const config::Zone& zone, const dns::Zone* file, std::uint32_t serial) {
  if (file != nullptr) {
    dns::ZoneChange change(*file);
    if (auto done = add_what_stays(zone, serial, change); !done) return std::unexpected(done.error());
    return shared(std::move(change).made());
  }
  dns::ZoneBuilder builder(dns::Name::parse(zone.name + '.', dns::Name())->wire());
  if (auto done = add_what_stays(zone, serial, builder); !done) return std::unexpected(done.error());
  return shared(std::move(builder).build());
}

MadeZone change_sets(const dns::Zone& from, const dns::Zone& base, const config::Zone& zone,
                     const ChangedSets& changed, std::uint32_t serial,
                     const std::function<std::uint32_t(const std::string&)>& policy_of) {
  dns::ZoneChange change(from);
  Making making(zone, change);
  std::set<Key> put;
  for (const config::RecordSet* records : changed.after) {
    for (Key& key : keys_of(*records)) put.insert(std::move(key));
  }
  auto done = making.add_soa(serial);
  for (const config::RecordSet* records : changed.before) {
    for (const Key& key : keys_of(*records)) {
      if (done && !put.contains(key)) done = making.take(base, key.first, key.second);
    }
  }
  for (const config::RecordSet* records : changed.after) {
    const std::vector<Part> parts = parts_of(*records);
    if (done && parts.empty()) done = making.put(records->spec);
    for (const Part& part : parts) {
      if (done) done = making.steer(part.records.spec, policy_of(part.records.name));
    }
  }
  if (!done) return std::unexpected(done.error());
  return shared(std::move(change).made());
}

MadeZone add_found(const dns::Zone& to, std::span<const RegistryRecord> found,
                   const std::set<std::string>& left_out, std::uint32_t serial) {
  dns::ZoneChange change(to);
  constexpr std::size_t kSerialFromEnd = 20;  // and four more numbers behind it
  const dns::RecordSet* soa = dns::set_of(*to.first(), dns::Type::kSoa);
  const dns::Bytes packed = dns::packed_of(*to.first(), *soa);
  std::vector<std::uint8_t> rdata(packed.begin() + dns::kPackedHeadBytes, packed.end());
  for (std::size_t i = 0; i < 4; ++i) {
    rdata[rdata.size() - kSerialFromEnd + i] = static_cast<std::uint8_t>(serial >> (24 - 8 * i));
  }
  const std::uint32_t ttl_seconds = dns::load_u32(packed.data() + 6);
  auto done = change.clear(to.apex(), dns::Type::kSoa);
  if (done) done = change.add(to.apex(), dns::Type::kSoa, ttl_seconds, rdata);
  if (!done) return refuse({dns::Name(to.apex()), dns::Type::kSoa, done.error().text});
  for (const RegistryRecord& one : found) {
    if (left_out.contains(dns::name_text(one.owner.wire()))) continue;
    done = change.add(one.owner.wire(), one.type, kRegistryTtlSeconds, one.rdata);
    if (!done) return refuse({one.owner, one.type, done.error().text});
  }
  return shared(std::move(change).made());
}

}  // namespace weir::zones
