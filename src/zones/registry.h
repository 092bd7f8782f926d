// Registry: what is found by DNS-SD (RFC 6763) in weir's own domain: the instances of Services that have
// `discovery`, as records of one zone. Only what may serve is in it, so what health takes out is gone from
// every list at once. Kept per service; pure. On the control loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "config/status.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::zones {

// Short: whoever asks again soon follows what comes and goes.
inline constexpr std::uint32_t kRegistryTtlSeconds = 5;
// Below the domain, as web.service.weir.example: addresses of a service by its name.
inline constexpr std::string_view kServiceLabel = "service";

struct RegistryRecord {
  dns::Name owner;
  dns::Type type{};
  std::vector<std::uint8_t> rdata;
};

class Registry {
 public:
  // Whether it has anything of that service, or would.
  bool follows(std::string_view service) const { return services_.contains(service); }
  // The service as it is now, and what is seen of it. True: other records than before. Null: there is no such
  // service any more.
  bool look_at(std::string_view name, const config::Service* service, const config::ServiceStatus& status);

  // Those of the zone of that name, in no order. What can't be there is left out, and `left_out` says why, in
  // sentences.
  std::vector<RegistryRecord> records(const dns::Name& domain, std::string& left_out) const;

 private:
  // One that can be used.
  struct Instance {
    std::string label;  // its name for people: one label
    std::string host;   // an IP address or a host name
    std::uint32_t port = 0;
    std::uint32_t priority = 0;
    std::uint32_t weight = 0;
    std::string version;
    std::vector<std::string> text;
    bool is_address = false;
    friend bool operator==(const Instance&, const Instance&) = default;
  };
  struct Found {
    std::string type;  // "_http._tcp"
    std::vector<std::string> subtypes;
    std::vector<Instance> instances;
    friend bool operator==(const Found&, const Found&) = default;
  };
  class Writer;

  std::map<std::string, Found, std::less<>> services_;  // those with discovery
};

// "_http._tcp", as the Service says or as its protocol does.
std::string service_type(const config::ServiceSpec& spec);
// By which a version can be asked for, before the service's name: "1.4.2" is "v1-4-2".
std::string version_label(std::string_view version);
// The same before "._sub": "_v1-4-2".
std::string version_subtype(std::string_view version);

}  // namespace weir::zones
