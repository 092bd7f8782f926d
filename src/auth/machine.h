// Machine: which machine of weir's a verified certificate names: spiffe://<domain>/<role>/<name> (SPIFFE ID,
// section 2), as the only URI among its names. Pure; on any core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::auth {

inline constexpr std::string_view kEdgeRole = "edge";
inline constexpr std::string_view kNodeRole = "node";

struct Machine {
  std::string domain;  // of this weir: "weir.localhost"
  std::string role;    // "edge", "node"
  std::string name;    // of its object: "fra-1"

  std::string uri() const;
  friend bool operator==(const Machine&, const Machine&) = default;
};

std::optional<Machine> parse_machine(std::string_view uri);
// names: the subject alternative names of a certificate that was verified, as http::TlsInfo has them:
// "DNS:a.example, URI:spiffe://b/edge/c". Nothing when they name no machine, or more than one.
std::optional<Machine> machine_of(std::string_view names);
// "fra-1" for "URI:spiffe://weir.example/edge/fra-1", when that is all of the names, and domain and role are
// these; else empty.
std::string_view name_in(std::string_view names, std::string_view domain, std::string_view role);

}  // namespace weir::auth
