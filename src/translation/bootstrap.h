// Bootstrap: the configuration that an Envoy begins with, so that it gets all else from weir's controllers by
// delta discovery (ADS) over mutual TLS. Pure: values in, JSON out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/formats.h"
#include "config/specs.h"

namespace weir::translation {

// PEM, or a file that Envoy reads it from. Empty: none.
struct PemSource {
  enum class Kind : std::uint8_t { kFile, kInline };
  Kind kind = Kind::kFile;
  std::string text;
  bool empty() const { return text.empty(); }
};

struct Bootstrap {
  std::string node;        // its name, as the controllers know it
  config::Labels labels;   // what rollouts and load balancers select by
  config::EdgeSpec where;  // provider, region and city count
  std::vector<config::Address> controllers;
  std::string server_name;  // that the controllers' certificate is for; empty: it is not looked at
  PemSource ca;             // empty: no TLS, for a controller on the same machine
  PemSource certificate;    // the node's own, and its key
  PemSource private_key;
  std::uint16_t admin_port = 9901;  // on loopback; 0: none
};

std::string envoy_bootstrap(const Bootstrap& from);

}  // namespace weir::translation
