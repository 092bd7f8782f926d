#include "tunnel/admission.h"

#include <algorithm>
#include <array>

#include "auth/pinned_token.h"
#include "auth/ssh_key.h"
#include "base/text.h"
#include "config/formats.h"

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
      for (const std::string& line : user->spec.ssh_keys) {
        if (auto key = auth::parse_ssh_key(line)) index_.users.emplace(std::move(key->blob), user->name);
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
  const bool has_key = std::ranges::any_of(user->spec.ssh_keys, [&](const std::string& line) {
    const auto key = auth::parse_ssh_key(line);
    return key && key->blob == proof.key;
  });
  proof.judged = std::move(user);
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

std::string Admission::url_of_service(const config::Service& service) const {
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
  if (port != 0 && port != kHttpPort && port != kHttpsPort) return std::unexpected(no_such_port(port));
  std::string name = to_lower(address);
  if (std::ranges::find(kNoNames, name) != kNoNames.end()) name = preset;
  const std::string suffix = '.' + options_.domain;
  if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return place_of_name(account, name, {});
}

std::expected<Place, std::string> Admission::place_of_name(std::string_view account, std::string_view name,
                                                           std::string_view hostname) const {
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
  return Place{.service = std::string(name),
               .hostname = service == nullptr ? host : std::string(),
               .slot = {},
               .url = service == nullptr ? url_of(host) : url_of_service(*service)};
}

std::vector<std::string> Admission::urls_of(const Place& place) const {
  if (place.url.empty()) return {};
  std::vector<std::string> urls{place.url};
  if (options_.ports.https == 0) return urls;
  std::string host = place.url.substr(place.url.find("//") + 2);
  host.resize(std::min(host.size(), host.find(':')));
  urls.push_back("https://" + std::move(host));
  if (options_.ports.https != kHttpsPort) urls.back() += ':' + std::to_string(options_.ports.https);
  return urls;
}

}  // namespace weir::tunnel
