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
  // Names and addresses of which one must be in a controller's certificate; none: that is not looked at.
  std::vector<std::string> server_names;
  PemSource ca;           // empty: no TLS, for a controller on the same machine
  PemSource certificate;  // the node's own, and its key
  PemSource private_key;
  // Instead of the two: a file with both (envoy_identity), which Envoy reads anew whenever another one is
  // renamed into its place.
  std::string identity_path;
  // Where it listens for listeners that name no port: the controllers learn it from the node's metadata.
  std::string listen = "0.0.0.0";
  std::uint16_t http_port = 80;
  std::uint16_t https_port = 443;
  std::uint16_t admin_port = 9901;  // on loopback; 0: none
};

std::string envoy_bootstrap(const Bootstrap& from);
// What stands in the file of an identity: a Secret of discovery, of PEM.
std::string envoy_identity(const std::string& certificate, const std::string& private_key);

}  // namespace weir::translation
