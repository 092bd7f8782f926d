// ServiceLookup: where a service can be reached, as a name server has it: SRV records (RFC 2782) of a name,
// or of the instances that are browsed at a type (RFC 6763), with the addresses of their hosts. Asks by TCP,
// so that sets of any size come whole. On one loop.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "dns/codes.h"
#include "dns/name.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::client {

inline constexpr Duration kLookupTimeout = std::chrono::seconds(5);  // of one question
// Each of a browsed type is asked for by itself.
inline constexpr std::size_t kInstancesMax = 10'000;

struct ServicePlace {
  std::string host;  // its address; the name, where the server has none of it
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::string instance;  // empty: it was not browsed
  std::vector<std::string> text;
  friend bool operator==(const ServicePlace&, const ServicePlace&) = default;
};

// The name to ask for: of a service "db.service.DOMAIN", of a type "_http._tcp.DOMAIN", of an instance of one
// "The\032first._http._tcp.DOMAIN", all of which may be of a version.
struct ServiceName {
  dns::Name name;
  bool browsed = false;  // a type, whose instances have the records
};
// The error is a sentence.
std::expected<ServiceName, std::string> service_name(std::string_view service, std::string_view version,
                                                     std::string_view domain);

class ServiceLookup {
 public:
  ServiceLookup(net::Env& env, net::Address server) : env_(env), server_(server) {}

  // None: the name is not there. The error is a sentence.
  using Places = std::expected<std::vector<ServicePlace>, std::string>;
  net::Task<Places> find(ServiceName name);

 private:
  struct Answer;
  using Asked = std::expected<Answer, std::string>;
  net::Task<Asked> ask(dns::Name name, dns::Type type);
  net::Task<Result<std::vector<std::uint8_t>>> exchange(std::vector<std::uint8_t> query);
  net::Task<std::expected<void, std::string>> add_instance(dns::Name instance, bool browsed,
                                                           std::vector<ServicePlace>& to);

  net::Env& env_;
  net::Address server_;
};

// The first `nameserver` of the text of /etc/resolv.conf.
std::expected<net::Address, std::string> system_name_server(std::string_view resolv_conf);

}  // namespace weir::client
