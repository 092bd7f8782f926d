#include "tunnel/admission.h"

#include <algorithm>
#include <array>

#include "auth/pinned_token.h"
#include "auth/ssh_key.h"
#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"

namespace weir::tunnel {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

// A DNS label, and a name of an object.
constexpr std::size_t kNameBytesMax = 63;

// What clients write, or send by themselves, when they mean no name.
constexpr std::array<std::string_view, 8> kNoNames{"",          "*",  "localhost", "0.0.0.0",
                                                   "127.0.0.1", "::", "::1",       "[::]"};

std::string no_such_port(std::uint16_t port) {
  return "port " + std::to_string(port) +
         " is not kept for a tunnel of yours; ask for port 80 to serve HTTP, as in ssh -R NAME:80:...";
}

}  // namespace

const Admission::Index& Admission::index() const {
  std::call_once(made_, [this] {
    if (!snapshot_) return;
    for (const auto& service : snapshot_->services) {
      for (const config::Slot& slot : service->slots) {
        index_.slots.emplace(slot.port, Slot{service.get(), &slot});
      }
    }
    for (const auto& balancer : snapshot_->load_balancers) {
      for (const config::Listener& listener : balancer->spec.listeners) {
        if (config::is_of_connections(listener.protocol)) {
          for (const config::Backend& backend : balancer->spec.routes.front().backends) {
            index_.connections.emplace(backend.service, &listener);
          }
        }
        for (const std::string& hostname : listener.hostnames) {
          index_.balancers.emplace(hostname, balancer.get());
          for (const config::Route& route : balancer->spec.routes) {
            for (const config::Backend& backend : route.backends) {
              index_.hostnames.emplace(backend.service, hostname);
            }
          }
        }
      }
    }
    for (const auto& user : snapshot_->users) {
      for (const std::string& text : user->spec.ssh_keys) {
        const auto line = auth::parse_ssh_line(text);
        if (line && !line->is_authority) index_.users.emplace(line->key.blob, user->name);
        if (!line || !line->is_authority) continue;
        for (std::string& principal : line->principals_of(user->name)) {
          index_.authorities[line->key.blob].emplace(std::move(principal), user->name);
        }
      }
    }
    std::vector<auth::TokenRecord> tokens;
    for (const auto& token : snapshot_->tunnel_tokens) {
      if (auto hash = auth::TokenHash::parse(token->spec.hash)) {
        tokens.push_back({.name = token->name,
                          .hash = std::move(*hash),
                          .role = auth::Role::kTunnel,
                          .expires_at = token->spec.expires_at});
      }
    }
    index_.tokens.replace(tokens);
  });
  return index_;
}

bool Admission::is_user(std::string_view name) const {
  return snapshot_ && snapshot_->find_user(name) != nullptr;
}

bool Admission::allows_anonymous(std::string_view user) const { return options_.anonymous && !is_user(user); }

std::string_view Admission::user_of_key(std::string_view blob) const {
  const auto found = index().users.find(blob);
  return found == index().users.end() ? std::string_view() : found->second;
}

Result<Certified> Admission::certified_by(std::string_view authority,
                                          std::span<const std::string_view> principals) const {
  const auto known = index().authorities.find(authority);
  if (known == index().authorities.end()) {
    return fail(Code::kUnauthenticated, "its authority is in no user's ssh_keys");
  }
  for (const std::string_view principal : principals) {
    const auto found = known->second.find(principal);
    if (found != known->second.end()) return Certified{found->second, found->first};
  }
  return fail(Code::kUnauthenticated, "its authority is in no user's ssh_keys for one of its principals");
}

std::optional<Bearer> Admission::bearer_of(std::string_view shown, WallTime now) const {
  const auto pinned = auth::parse_pinned_token(auth::kTunnelPrefix, shown);
  if (!pinned) return std::nullopt;
  auto identity = index().tokens.verify(pinned->token, now);
  if (!identity) return std::nullopt;
  const auto* token = snapshot_->find_tunnel_token(identity->token);
  if (token == nullptr || !is_user(token->spec.user)) return std::nullopt;
  return Bearer{token->spec.user, std::move(identity->token)};
}

// Not by the index, which would be made for every snapshot then.
bool Admission::admits(std::string_view account, Proof& proof, WallTime now) const {
  if (proof.key.empty() && proof.token.empty()) return options_.anonymous;
  auto user = snapshot_ ? snapshot_->find_user(account) : nullptr;
  if (user == nullptr) return false;
  if (!proof.token.empty()) {
    const auto* token = snapshot_->find_tunnel_token(proof.token);
    return token != nullptr && token->spec.user == account &&
           (!token->spec.expires_at || now < *token->spec.expires_at);
  }
  if (user == proof.judged) return true;
  const bool has_key = std::ranges::any_of(user->spec.ssh_keys, [&](const std::string& text) {
    const auto line = auth::parse_ssh_line(text);
    if (!line || line->key.blob != proof.key) return false;
    return proof.principal.empty() ? !line->is_authority
                                   : std::ranges::count(line->principals_of(account), proof.principal) > 0;
  });
  if (has_key) proof.judged = std::move(user);
  return has_key;
}

bool Admission::keeps(const Place& place, std::string_view account) const {
  const auto* service = snapshot_ ? snapshot_->find_service(place.service) : nullptr;
  return service == nullptr || service->owner == account;
}

std::string Admission::url_of(std::string_view hostname) const {
  std::string url = "http://" + std::string(hostname);
  if (options_.ports.http != kHttpPort) url += ':' + std::to_string(options_.ports.http);
  return url;
}

std::string Admission::url_of_connections(const config::Service& service) const {
  const auto [begin, end] = index().connections.equal_range(service.name);
  for (auto one = begin; one != end; ++one) {
    const config::Listener& listener = *one->second;
    if (!listener.port) continue;
    const bool tls = listener.protocol == config::ListenerProtocol::kTls;
    const std::string host =
        listener.hostnames.empty() ? service.name + '.' + options_.domain : listener.hostnames.front();
    return (tls ? "tls://" : "tcp://") + host + ':' + std::to_string(*listener.port);
  }
  return {};
}

bool Admission::takes_port(const config::Service& service, std::uint16_t port) const {
  const auto [begin, end] = index().connections.equal_range(service.name);
  return std::any_of(begin, end, [port](const auto& one) { return one.second->port == port; });
}

std::string Admission::url_of_service(const config::Service& service) const {
  if (service.spec.protocol == config::Protocol::kTcp) return url_of_connections(service);
  const auto hostname = index().hostnames.find(service.name);
  return hostname == index().hostnames.end() ? std::string() : url_of(hostname->second);
}

std::string_view Admission::taker_of(std::string_view hostname) const {
  const auto taker = index().balancers.find(hostname);
  return taker == index().balancers.end() ? std::string_view() : std::string_view(taker->second->name);
}

std::expected<Place, std::string> Admission::place_of(const Slot& slot, std::string_view account) const {
  if (slot.service->owner != account)
    return std::unexpected(no_such_port(static_cast<std::uint16_t>(slot.slot->port)));
  return Place{.service = slot.service->name,
               .hostname = {},
               .slot = slot.slot->object,
               .url = url_of_service(*slot.service),
               .weight = slot.slot->weight,
               .priority = slot.slot->priority};
}

std::expected<Place, std::string> Admission::place(std::string_view account, std::string_view address,
                                                   std::uint16_t port, std::string_view preset) const {
  if (const auto slot = index().slots.find(port); slot != index().slots.end())
    return place_of(slot->second, account);
  std::string name = to_lower(address);
  if (std::ranges::find(kNoNames, name) != kNoNames.end()) name = preset;
  const std::string suffix = '.' + options_.domain;
  if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  // One of TCP is asked for by its port, or by none.
  const auto* service = snapshot_ ? snapshot_->find_service(name) : nullptr;
  const bool tcp = service != nullptr && service->spec.protocol == config::Protocol::kTcp;
  const bool known_port = port == 0 || (tcp ? service->owner == account && takes_port(*service, port)
                                            : port == kHttpPort || port == kHttpsPort);
  if (!known_port) return std::unexpected(no_such_port(port));
  return place_of_name(account, name, {}, tcp ? Serves::kConnections : Serves::kRequests);
}

std::expected<Place, std::string> Admission::place_of_name(std::string_view account, std::string_view name,
                                                           std::string_view hostname, Serves serves) const {
  const std::string suffix = '.' + options_.domain;
  std::string wrong = name.empty() || name.size() > kNameBytesMax ? "must be of 1 to 63 characters"
                                                                  : config::check_name(name);
  if (!wrong.empty()) {
    return std::unexpected("the name \"" + std::string(name.substr(0, kNameBytesMax)) + "\" " + wrong);
  }
  std::string host = hostname.empty() ? std::string(name) + suffix : to_lower(hostname);
  const std::string label = host.ends_with(suffix) ? host.substr(0, host.size() - suffix.size()) : "";
  if (label.empty() || label.size() > kNameBytesMax || !config::check_name(label).empty()) {
    return std::unexpected("the host name \"" + host.substr(0, kNameBytesMax) +
                           "\" must be one label below " + options_.domain +
                           "; for others, a LoadBalancer leads to the service");
  }
  const auto* service = snapshot_ ? snapshot_->find_service(name) : nullptr;
  const std::string_view taker = taker_of(host);
  const bool taken = service == nullptr ? !taker.empty() : service->owner != account;
  if (taken) return std::unexpected("the name " + host + " is another one's");
  const bool tcp = service != nullptr && service->spec.protocol == config::Protocol::kTcp;
  if (service != nullptr && tcp != (serves == Serves::kConnections)) {
    return std::unexpected("the service " + service->name +
                           (tcp ? " takes connections (protocol TCP): its origins are of type tcp or tls"
                                : " takes requests: its origins are of type http or https"));
  }
  return Place{.service = std::string(name),
               .hostname = service == nullptr ? host : std::string(),
               .slot = {},
               .url = service != nullptr            ? url_of_service(*service)
                      : serves == Serves::kRequests ? url_of(host)
                                                    : std::string()};
}

std::vector<std::string> Admission::urls_of(const Place& place) const {
  if (place.url.empty()) return {};
  std::vector<std::string> urls{place.url};
  if (options_.ports.https == 0 || !place.url.starts_with("http://")) return urls;
  std::string host = place.url.substr(place.url.find("//") + 2);
  host.resize(std::min(host.size(), host.find(':')));
  urls.push_back("https://" + std::move(host));
  if (options_.ports.https != kHttpsPort) urls.back() += ':' + std::to_string(options_.ports.https);
  return urls;
}

}  // namespace weir::tunnel
