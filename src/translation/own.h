// What weir's own edges get by discovery: each object as it is written, under its key ("services/web"); what
// they can't make themselves without the authority; the revision that all of it belongs to, which is sent
// last; and the verdicts on the endpoints of a service.
// weir.v1.Object and weir.v1.ServiceHealth on the wire (xds/weir.proto). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/object.h"
#include "config/violation.h"
#include "xds/resource.h"

namespace weir::translation {

// "services/web": the name of its resource.
std::string key_of(config::Kind kind, std::string_view name);

// With its secrets, but for the password of a User, which no edge compares; without status.
xds::ResourcePtr object_resource(const config::Object& object);
// digest: of all that it ends, so that another whole of the same revision has another version.
xds::ResourcePtr revision_resource(std::uint64_t revision, std::uint64_t digest = 0);
// unhealthy: keys of endpoints.
xds::ResourcePtr health_resource(const std::string& service, const std::set<std::string>& unhealthy);

// What edges have from those who hold the authority.
struct IssuedPair {
  std::string certificate;  // PEM, its own first
  std::string private_key;  // PKCS #8, PEM
  friend bool operator==(const IssuedPair&, const IssuedPair&) = default;
};
struct EdgeSecrets {
  std::array<std::byte, 32> cookie_key{};
  std::string domain;
  std::string ssh_host_key;                  // OpenSSH's format: all edges show the same
  IssuedPair tunnel;                         // for wire::kServerName: the port for agents and other edges
  std::map<std::string, IssuedPair> issued;  // by host name, where there is no Certificate
  friend bool operator==(const EdgeSecrets&, const EdgeSecrets&) = default;
};
inline constexpr std::string_view kEdgeResource = "internal/edge";
inline constexpr std::string_view kIssuedPrefix = "internal/certificates/";
// Issued pairs are in it, or each is a resource of its own, so that a new host sends one pair only.
xds::ResourcePtr edge_resource(const EdgeSecrets& secrets);
xds::ResourcePtr issued_resource(const std::string& host, const IssuedPair& pair);

// The key, read back: kInvalid when it is none of a kind.
struct ObjectKey {
  config::Kind kind{};
  std::string name;
};
Result<ObjectKey> parse_key(std::string_view key);
// The bodies, read back.
config::Checked<config::Object> read_object(std::string_view body);
Result<std::uint64_t> read_revision(std::string_view body);
Result<std::set<std::string>> read_health(std::string_view body);
Result<EdgeSecrets> read_edge(std::string_view body);
Result<IssuedPair> read_issued(std::string_view body);

}  // namespace weir::translation
