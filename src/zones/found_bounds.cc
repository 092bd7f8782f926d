#include "zones/found_bounds.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/text.h"
#include "config/formats.h"
#include "dns/zone.h"
#include "zones/registry.h"

namespace weir::zones {
namespace {

using config::Kind;
using config::Object;

constexpr std::size_t kNumberBytesMax = 6;       // " (999)", of instances with one name
constexpr std::size_t kHostPrefixBytes = 3 + 1;  // "ip-", and "0" at the end
constexpr std::size_t kSrvHeadBytes = 6;

// "_http._tcp" and "weir.example", in wire form.
std::size_t labels_bytes(std::string_view text) { return text.size() + 1; }

// A set of records, as it would be.
struct Size {
  std::size_t records = 0;
  std::size_t bytes = 0;
  void add(std::size_t rdata_bytes) {
    ++records;
    bytes += rdata_bytes + dns::kPackedHeadBytes;
  }
};

const config::ServiceSpec* service_of(const Object* object) {
  const auto* spec = object == nullptr ? nullptr : std::get_if<config::ServiceSpec>(&object->spec);
  return spec == nullptr || !spec->discovery ? nullptr : spec;
}
const config::EndpointSpec* endpoint_of(const Object* object) {
  const auto* spec = object == nullptr ? nullptr : std::get_if<config::EndpointSpec>(&object->spec);
  return spec == nullptr || spec->tunnel ? nullptr : spec;
}

// The objects with changes, or as if there were none.
class Seen {
 public:
  Seen(const config::Whole& world, std::span<const config::ObjectChange> changes, std::string_view domain)
      : world_(world), domain_bytes_(labels_bytes(domain) + 1) {
    for (const config::ObjectChange& change : changes) {
      if (change.kind() == Kind::kService) services_[change.name()] = change.after.get();
      if (change.kind() != Kind::kEndpoint) continue;
      endpoints_.insert(change.name());
      if (const auto* spec = endpoint_of(change.after.get())) joining_[spec->service].push_back(&change);
    }
  }

  const config::ServiceSpec* service(std::string_view name) const {
    if (const auto changed = services_.find(name); changed != services_.end()) {
      return service_of(changed->second);
    }
    return service_of(world_.find(Kind::kService, name).get());
  }
  // By their SRV records at SERVICE.service.DOMAIN.
  Size by_name(std::string_view service) const {
    Size size;
    each_instance(service, [&](const std::string& /*label*/, const std::string& address) {
      size.add(kSrvHeadBytes + host_bytes(address));
    });
    return size;
  }
  // By their PTR records at TYPE.DOMAIN, of each of these types.
  using Sizes = std::map<std::string, Size, std::less<>>;
  template <class Types>
  Sizes by_type(const Types& types) const {
    Sizes sizes;
    std::map<std::string, std::set<std::string>, std::less<>> labels;  // by type
    each_service([&](std::string_view name, const config::ServiceSpec& spec) {
      const std::string type = service_type(spec);
      if (!types.contains(type)) return;
      Size& size = sizes[type];
      std::set<std::string>& taken = labels[type];
      each_instance(name, [&](const std::string& label, const std::string& /*address*/) {
        const bool is_first = taken.insert(to_lower(label)).second;
        const std::size_t bytes = label.size() + (is_first ? 0 : kNumberBytesMax);
        size.add(1 + std::min(bytes, dns::kLabelBytesMax) + labels_bytes(type) + domain_bytes_);
      });
    });
    return sizes;
  }
  // By the PTR records of _services._dns-sd._udp.DOMAIN.
  Size of_types() const {
    std::set<std::string> types;
    each_service([&](std::string_view /*name*/, const config::ServiceSpec& spec) {
      types.insert(service_type(spec));
    });
    Size size;
    for (const std::string& type : types) size.add(labels_bytes(type) + domain_bytes_);
    return size;
  }

 private:
  template <class Visit>
  void each_service(const Visit& visit) const {
    for (const config::ObjectPointer& object : world_.of(Kind::kService)) {
      if (services_.contains(object->metadata.name)) continue;
      if (const auto* spec = service_of(object.get())) visit(object->metadata.name, *spec);
    }
    for (const auto& [name, object] : services_) {
      if (const auto* spec = service_of(object)) visit(name, *spec);
    }
  }
  // visit(label, address)
  template <class Visit>
  void each_instance(std::string_view service, const Visit& visit) const {
    const config::ServiceSpec* spec = this->service(service);
    if (spec == nullptr) return;
    for (const config::StaticEndpoint& one : spec->endpoints) visit(one.address, one.address);
    const auto visit_joined = [&visit](const Object& object, const config::EndpointSpec& joined) {
      visit(joined.instance.empty() ? object.metadata.name : joined.instance, joined.address);
    };
    for (const Object* object : world_.referrers(Kind::kService, service)) {
      const auto* joined = endpoint_of(object);
      if (joined == nullptr || endpoints_.contains(object->metadata.name)) continue;
      visit_joined(*object, *joined);
    }
    const auto joining = joining_.find(service);
    if (joining == joining_.end()) return;
    for (const config::ObjectChange* change : joining->second) {
      visit_joined(*change->after, *endpoint_of(change->after.get()));
    }
  }
  std::size_t host_bytes(const std::string& address) const {
    const auto parsed = config::parse_address(address);
    if (!parsed) return dns::kNameBytesMax;
    if (parsed->family == config::Address::Family::kName) return labels_bytes(parsed->host) + 1;
    return 1 + kHostPrefixBytes + parsed->host.size() + domain_bytes_;
  }

  const config::Whole& world_;
  std::size_t domain_bytes_;
  std::map<std::string, const Object*, std::less<>> services_;  // changed; null: deleted
  std::set<std::string, std::less<>> endpoints_;                // changed or deleted
  std::map<std::string, std::vector<const config::ObjectChange*>, std::less<>> joining_;  // by service
};

std::string too_large(const Size& size, std::string_view set, std::string_view advice) {
  return "would make " + std::to_string(size.records) + ' ' + std::string(set) + " of " +
         std::to_string(size.bytes) + " bytes, and a message of DNS holds " +
         std::to_string(dns::kSetBytesMax) + "; " + std::string(advice);
}

}  // namespace

config::Violations check_found(const config::Whole& world, std::span<const config::ObjectChange> changes,
                               std::string_view domain) {
  std::map<std::string, const config::ObjectChange*> touched;  // Services, by one of the changes that do it
  const config::ObjectChange* of_service = nullptr;            // one that changes a Service
  for (const config::ObjectChange& change : changes) {
    if (!change.after) continue;
    if (const auto* joined = endpoint_of(change.after.get())) touched.emplace(joined->service, &change);
    if (service_of(change.after.get()) == nullptr) continue;
    touched.emplace(change.name(), &change);
    of_service = &change;
  }
  if (domain.empty() || touched.empty()) return {};
  const Seen before(world, {}, domain);
  const Seen after(world, changes, domain);
  config::Violations violations;
  const auto check = [&](const Size& now, const auto& was, const config::ObjectChange& change,
                         const std::string& set, std::string_view advice) {
    if (now.bytes <= dns::kSetBytesMax || now.bytes <= was().bytes) return;
    const char* field = change.kind() == Kind::kService ? "spec.discovery" : "spec.service";
    violations.push_back({field, too_large(now, set, advice), config::reference_of(*change.after)});
  };
  const std::string zone = '.' + std::string(domain) + '.';
  std::map<std::string, const config::ObjectChange*> types;  // by one of the changes that touch it
  for (const auto& [service, change] : touched) {
    const config::ServiceSpec* spec = after.service(service);
    if (spec == nullptr) continue;
    types.emplace(service_type(*spec), change);
    check(
        after.by_name(service), [&] { return before.by_name(service); }, *change,
        "SRV records at " + service + '.' + std::string(kServiceLabel) + zone,
        "share them out among several Services");
  }
  for (const auto& [type, size] : after.by_type(types)) {
    const std::set<std::string> alone{type};
    const auto was = [&] { return before.by_type(alone)[type]; };
    check(size, was, *types.at(type), "PTR records at " + type + zone,
          "a Service whose discovery has another type has a set of its own");
  }
  if (of_service != nullptr) {
    check(
        after.of_types(), [&] { return before.of_types(); }, *of_service,
        "PTR records at _services._dns-sd._udp" + zone, "use fewer types");
  }
  return violations;
}

}  // namespace weir::zones
