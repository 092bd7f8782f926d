#include "zones/registry.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "dns/bytes.h"
#include "dns/rdata.h"
#include "dns/zone.h"

namespace weir::zones {
namespace {

using config::EndpointHealth;
using Octets = std::vector<std::uint8_t>;

// Of a host name that is made for an address, and of the subtypes of versions
constexpr std::string_view kHostPrefix = "ip-";
constexpr std::string_view kVersionKey = "version";

bool serves(EndpointHealth health) {
  return health == EndpointHealth::kHealthy || health == EndpointHealth::kUnchecked;
}

// place: where it is among the endpoints, which a status has in the same order but for rare moments.
const config::EndpointStatus* seen_of(const config::ServiceStatus& status, std::size_t place,
                                      std::string_view key) {
  const auto& all = status.endpoints;
  if (place < all.size() && all[place].address == key) return &all[place];
  const auto found = std::ranges::find(all, key, &config::EndpointStatus::address);
  return found == all.end() ? nullptr : &*found;
}

std::string cut_to_label(std::string text) {
  std::size_t size = std::min(text.size(), dns::kLabelBytesMax);
  // A character of UTF-8 stays whole.
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  text.resize(size);
  return text;
}

// The labels before the name; nothing when it is too long. Any octets may be in a label.
std::optional<dns::Name> below(std::initializer_list<std::string_view> labels, const dns::Name& name) {
  Octets wire;
  for (const std::string_view label : labels) {
    if (label.empty() || label.size() > dns::kLabelBytesMax) return std::nullopt;
    wire.push_back(static_cast<std::uint8_t>(label.size()));
    wire.insert(wire.end(), label.begin(), label.end());
  }
  wire.insert(wire.end(), name.wire().begin(), name.wire().end());
  if (wire.size() > dns::kNameBytesMax) return std::nullopt;
  return dns::Name(wire);
}

// Of an IP address, in the form that a label can have: "ip-192-0-2-1", "ip-2001-db8--1".
std::string host_label(std::string_view ip) {
  std::string label(kHostPrefix);
  for (const char c : ip) label += c == '.' || c == ':' ? '-' : c;
  if (label.ends_with('-')) label += '0';  // "2001:db8::"
  return label;
}

Octets octets_of(const dns::Name& name) { return {name.wire().begin(), name.wire().end()}; }

}  // namespace

std::string service_type(const config::ServiceSpec& spec) {
  if (spec.discovery && !spec.discovery->type.empty()) return spec.discovery->type;
  return "_http._tcp";  // a Service of protocol TCP has to say it
}

std::string version_label(std::string_view version) {
  std::string label = 'v' + to_lower(version);
  std::ranges::replace_if(label, [](char c) { return c == '.' || c == '+'; }, '-');
  return label;
}

std::string version_subtype(std::string_view version) { return '_' + version_label(version); }

bool Registry::look_at(std::string_view name, const config::Service* service,
                       const config::ServiceStatus& status) {
  const auto known = services_.find(name);
  if (service == nullptr || !service->spec.discovery) {
    if (known == services_.end()) return false;
    services_.erase(known);
    return true;
  }
  Found found{
      .type = service_type(service->spec), .subtypes = service->spec.discovery->subtypes, .instances = {}};
  std::size_t place = 0;
  for (const config::Endpoint& endpoint : service->endpoints) {
    ++place;
    // What is drained is for those who have it already; what comes by a tunnel has no address to tell.
    if (endpoint.weight == 0 || !endpoint.tunnels.empty()) continue;
    const config::EndpointStatus* seen = seen_of(status, place - 1, endpoint.key);
    if (seen == nullptr || !serves(seen->health)) continue;
    std::string label = endpoint.instance;
    if (label.empty()) label = endpoint.object.empty() ? endpoint.key : endpoint.object;
    found.instances.push_back({.label = cut_to_label(std::move(label)),
                               .host = endpoint.address.host,
                               .port = endpoint.address.port,
                               .priority = endpoint.priority,
                               .weight = endpoint.weight,
                               .version = endpoint.version,
                               .text = endpoint.text,
                               .is_address = endpoint.address.family != config::Address::Family::kName});
  }
  if (known != services_.end() && known->second == found) return false;
  services_.insert_or_assign(std::string(name), std::move(found));
  return true;
}

// Puts the records of all services together, each set as far as a message holds it.
class Registry::Writer {
 public:
  Writer(const dns::Name& domain, std::string& left_out) : domain_(domain), left_out_(left_out) {}

  void add(const std::string& service, const Found& found) {
    if (found.instances.empty()) return;
    const std::size_t dot = found.type.find('.');
    const std::string_view name = std::string_view(found.type).substr(0, dot);
    const std::string_view protocol = std::string_view(found.type).substr(dot + 1);
    const auto type = below({name, protocol}, domain_);
    if (!type) return leave_out(service, "its type makes a name that is too long");
    pointer({"_services", "_dns-sd", "_udp"}, domain_, *type);
    const Firsts firsts = firsts_of(found);
    for (const Instance& one : found.instances) {
      const auto own = instance_name(one.label, *type);
      const auto target = host_of(one);
      if (one.label == "*") {
        leave_out(service, "an instance named \"*\" would stand for all names (RFC 4592)");
        continue;
      }
      if (!own || !target) {
        leave_out(service, "the instance \"" + one.label + "\" makes a name that is too long");
        continue;
      }
      put(*type, dns::Type::kPtr, octets_of(*own));
      for (const std::string& subtype : found.subtypes) pointer({subtype, "_sub"}, *type, *own);
      if (!one.version.empty()) pointer({version_subtype(one.version), "_sub"}, *type, *own);
      put(*own, dns::Type::kSrv, srv_of(one, *target));
      put(*own, dns::Type::kTxt, txt_of(one));
      address(*target, one);
      by_name(service, one, *target, firsts);
    }
  }

  std::vector<RegistryRecord> take() {
    for (const char* browsed : {"b", "lb"}) pointer({browsed, "_dns-sd", "_udp"}, domain_, domain_);
    std::vector<RegistryRecord> all;
    for (auto& [key, set] : sets_) {
      if (set.bytes > dns::kSetBytesMax) {
        left_out_ += dns::name_text(set.owner.wire()) + ' ' + dns::type_text(key.second) + " would have " +
                     std::to_string(set.rdata.size()) +
                     " records, which are more than a message of 65535 bytes holds, and has none; ";
        continue;
      }
      for (const Octets& rdata : set.rdata) all.push_back({set.owner, key.second, rdata});
    }
    return all;
  }

 private:
  struct Set {
    dns::Name owner;
    std::set<Octets> rdata;
    std::size_t bytes = 0;
  };

  // The first priority of all, and of the instances of each version, by its label.
  struct Firsts {
    std::uint32_t of_all = 0;
    std::map<std::string, std::uint32_t> of_version;
  };
  static Firsts firsts_of(const Found& found) {
    Firsts firsts{.of_all = found.instances.front().priority, .of_version = {}};
    for (const Instance& one : found.instances) {
      firsts.of_all = std::min(firsts.of_all, one.priority);
      const auto [known, is_new] = firsts.of_version.try_emplace(version_label(one.version), one.priority);
      if (!is_new) known->second = std::min(known->second, one.priority);
    }
    return firsts;
  }

  // Two of one name and type would be taken for one: the later one has a number, as in appendix D.
  std::optional<dns::Name> instance_name(const std::string& label, const dns::Name& type) {
    for (int number = 1; number < 1000; ++number) {
      std::string name = label;
      if (number > 1) {
        const std::string suffix = " (" + std::to_string(number) + ')';
        name.resize(std::min(name.size(), dns::kLabelBytesMax - suffix.size()));
        name = cut_to_label(name) + suffix;
      }
      auto whole = below({name}, type);
      if (!whole) return std::nullopt;
      if (taken_.insert(lower_case(*whole)).second) return whole;
    }
    return std::nullopt;
  }
  static std::string lower_case(const dns::Name& name) {
    std::string text;
    for (const std::uint8_t octet : name.wire()) text += static_cast<char>(dns::lower(octet));
    return text;
  }
  std::optional<dns::Name> host_of(const Instance& one) const {
    if (one.is_address) return below({host_label(one.host)}, domain_);
    const auto name = dns::Name::parse(one.host + '.', dns::Name());
    return name ? std::optional(*name) : std::nullopt;
  }
  static Octets srv_of(const Instance& one, const dns::Name& target) {
    Octets rdata;
    for (const std::uint32_t number : {one.priority, one.weight, one.port}) {
      rdata.push_back(static_cast<std::uint8_t>(number >> 8U));
      rdata.push_back(static_cast<std::uint8_t>(number & 0xFFU));
    }
    rdata.insert(rdata.end(), target.wire().begin(), target.wire().end());
    return rdata;
  }
  static Octets txt_of(const Instance& one) {
    Octets rdata;
    const auto string = [&rdata](std::string_view text) {
      text = text.substr(0, 255);
      rdata.push_back(static_cast<std::uint8_t>(text.size()));
      rdata.insert(rdata.end(), text.begin(), text.end());
    };
    bool has_version = one.version.empty();
    for (const std::string& pair : one.text) {
      has_version |= to_lower(pair.substr(0, pair.find('='))) == kVersionKey;
      string(pair);
    }
    if (!has_version) string(std::string(kVersionKey) + '=' + one.version);
    if (rdata.empty()) string("");  // RFC 6763 section 6.1: never no string at all
    return rdata;
  }
  void address(const dns::Name& owner, const Instance& one) {
    if (!one.is_address) return;
    const dns::Type type = one.host.contains(':') ? dns::Type::kAaaa : dns::Type::kA;
    if (auto rdata = dns::read_rdata(type, one.host, dns::Name())) put(owner, type, std::move(*rdata));
  }
  // Addresses have no priority, so those of the first alone are told: of all, or of the version.
  void by_name(const std::string& service, const Instance& one, const dns::Name& target,
               const Firsts& firsts) {
    const auto write = [&](const std::optional<dns::Name>& owner, std::uint32_t first) {
      if (!owner) return;
      put(*owner, dns::Type::kSrv, srv_of(one, target));
      if (one.priority == first) address(*owner, one);
    };
    const auto all = below({service, kServiceLabel}, domain_);
    write(all, firsts.of_all);
    if (!all || one.version.empty()) return;
    const std::string version = version_label(one.version);
    write(below({version}, *all), firsts.of_version.at(version));
  }
  void pointer(std::initializer_list<std::string_view> labels, const dns::Name& zone, const dns::Name& to) {
    if (const auto owner = below(labels, zone)) put(*owner, dns::Type::kPtr, octets_of(to));
  }
  void put(const dns::Name& owner, dns::Type type, Octets rdata) {
    Set& set = sets_[{lower_case(owner), type}];
    set.owner = owner;
    const std::size_t bytes = rdata.size() + dns::kPackedHeadBytes;
    if (set.rdata.insert(std::move(rdata)).second) set.bytes += bytes;
  }
  void leave_out(const std::string& service, const std::string& why) {
    left_out_ += "Service/" + service + ": " + why + "; ";
  }

  const dns::Name& domain_;
  std::string& left_out_;
  std::map<std::pair<std::string, dns::Type>, Set> sets_;  // by owner in lower case
  std::set<std::string> taken_;                            // names of instances
};

std::vector<RegistryRecord> Registry::records(const dns::Name& domain, std::string& left_out) const {
  Writer writer(domain, left_out);
  for (const auto& [name, found] : services_) writer.add(name, found);
  return writer.take();
}

}  // namespace weir::zones
