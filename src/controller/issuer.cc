#include "controller/issuer.h"

#include <utility>
#include <vector>

#include "ssh/key.h"
#include "translation/own.h"
#include "wire/agent_messages.h"

namespace weir::controller {

Issuer::Issuer(net::Env& env, std::shared_ptr<const tls::Authority> authority, std::string domain)
    : env_(env), authority_(std::move(authority)), domain_(std::move(domain)) {}

xds::ResourcePtr Issuer::for_host(const std::string& host) {
  Made& made = made_[host];
  if (made.resource) return made.resource;
  const WallTime now = env_.loop.clock().wall_now();
  const auto pair = authority_->issue(std::vector{host}, tls::Usage::kServer, now);
  if (!pair) {
    env_.log.error("no certificate could be issued", {{"host", host}, {"reason", pair.error().text}});
    return nullptr;
  }
  made.resource = translation::issued_resource(host, {pair->certificate, pair->private_key});
  made.until =
      now + std::chrono::duration_cast<WallTime::duration>(tls::Authority::kLeafValidity - kRenewBefore);
  return made.resource;
}

xds::ResourcePtr Issuer::for_edges() {
  if (for_edges_.resource) return for_edges_.resource;
  const WallTime now = env_.loop.clock().wall_now();
  translation::EdgeSecrets secrets{.domain = domain_};
  if (const auto key = authority_->derive_secret(kCookiePurpose)) {
    secrets.cookie_key = *key;
  } else {
    env_.log.error("edges elsewhere can't keep to sticky cookies", {{"reason", key.error().text}});
  }
  if (const auto seed = authority_->derive_secret(kSshHostKeyPurpose)) {
    secrets.ssh_host_key = ssh::host_key_of(*seed);
  } else {
    env_.log.error("edges elsewhere have no key for SSH", {{"reason", seed.error().text}});
  }
  if (const auto port = authority_->issue(std::vector<std::string>{std::string(wire::kServerName)},
                                          tls::Usage::kServer, now)) {
    secrets.tunnel = {port->certificate, port->private_key};
  } else {
    env_.log.error("edges elsewhere have no certificate for tunnels", {{"reason", port.error().text}});
  }
  const auto pair = authority_->issue(
      std::vector<std::string>{domain_, "*." + domain_, "localhost", "127.0.0.1"}, tls::Usage::kServer, now);
  if (pair) {
    secrets.issued[domain_] = {pair->certificate, pair->private_key};
  } else {
    env_.log.error("no certificate could be issued", {{"host", domain_}, {"reason", pair.error().text}});
  }
  for_edges_.resource = translation::edge_resource(secrets);
  for_edges_.until =
      now + std::chrono::duration_cast<WallTime::duration>(tls::Authority::kLeafValidity - kRenewBefore);
  return for_edges_.resource;
}

bool Issuer::drop_old() {
  const WallTime now = env_.loop.clock().wall_now();
  bool any = std::erase_if(made_, [now](const auto& one) { return one.second.until <= now; }) > 0;
  if (for_edges_.resource && for_edges_.until <= now) {
    for_edges_ = {};
    any = true;
  }
  return any;
}

}  // namespace weir::controller
