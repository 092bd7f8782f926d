// Issuer: what edges elsewhere can't make without the authority, as discovery sends it: certificates for host
// names that have none of their own, made once for each, and the secrets that all edges share. On the control
// loop.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/env.h"
#include "tls/authority.h"
#include "xds/resource.h"

namespace weir::controller {

// What the key of sticky cookies is derived from the authority for (tls::Authority::derive_secret).
inline constexpr std::string_view kCookiePurpose = "weir sticky cookies";
// The same of the key by which clients of SSH know every edge (ssh::host_key_of).
inline constexpr std::string_view kSshHostKeyPurpose = "weir ssh host key";

class Issuer {
 public:
  // A certificate is made anew so long before its end: an edge that is cut off has time.
  static constexpr Duration kRenewBefore = std::chrono::days(30);

  // domain: names that weir makes itself are below it.
  Issuer(net::Env& env, std::shared_ptr<const tls::Authority> authority, std::string domain);

  // kIssuedPrefix and the host. Null: it can't be made; the log says why.
  xds::ResourcePtr for_host(const std::string& host);
  // kEdgeResource: what all edges share: the key of sticky cookies, the domain and its certificate, the key
  // of SSH and the certificate of the port for tunnels.
  xds::ResourcePtr for_edges();
  // Forgets what is to be made anew; true if there is any: then all of it is to be asked for again.
  bool drop_old();

 private:
  struct Made {
    xds::ResourcePtr resource;
    WallTime until;  // it is made anew
  };

  net::Env& env_;
  std::shared_ptr<const tls::Authority> authority_;
  std::string domain_;
  std::map<std::string, Made> made_;  // by host
  Made for_edges_;
};

}  // namespace weir::controller
