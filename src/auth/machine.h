// Machine: which machine of weir's a verified certificate names: spiffe://<domain>/<role>/<name> (SPIFFE ID,
// section 2), as the only URI among its names. Pure; on any core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::auth {

inline constexpr std::string_view kEdgeRole = "edge";

struct Machine {
  std::string domain;  // of this weir: "weir.localhost"
  std::string role;    // "edge"
  std::string name;    // of its object: "fra-1"

  std::string uri() const;
  friend bool operator==(const Machine&, const Machine&) = default;
};

std::optional<Machine> parse_machine(std::string_view uri);
// names: the subject alternative names of a certificate that was verified, as http::TlsInfo has them:
// "DNS:a.example, URI:spiffe://b/edge/c". Nothing when they name no machine, or more than one.
std::optional<Machine> machine_of(std::string_view names);

}  // namespace weir::auth
