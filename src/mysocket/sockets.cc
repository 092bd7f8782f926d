#include "mysocket/sockets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "base/spoken_name.h"
#include "config/kinds.h"
#include "mirror/accounts.h"
#include "mysocket/accounts.h"

namespace weir::mysocket {
namespace {

using config::Kind;
using config::Object;
using Tree = nlohmann::ordered_json;

// Among 40 million names as many as a weir can have leave one that is free.
constexpr int kNamesTriedMax = 20;

std::string_view note_of(const Object& object, std::string_view key) {
  const auto found = object.metadata.annotations.find(key);
  return found == object.metadata.annotations.end() ? std::string_view() : std::string_view(found->second);
}

void put_note(Object& object, std::string_view key, std::string text) {
  if (text.empty()) {
    object.metadata.annotations.erase(std::string(key));
  } else {
    object.metadata.annotations[std::string(key)] = std::move(text);
  }
}

std::unexpected<api::Problem> no_socket() { return api::refuse(404, "not-found", "you have no such socket"); }
std::unexpected<api::Problem> no_tunnel() {
  return api::refuse(404, "not-found", "the socket has no such tunnel");
}

std::string with_commas(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : ",").append(text);
  return all;
}

Tree split(std::string_view text) {
  Tree list = Tree::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    list.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

Object owned(std::string name, std::string_view user, config::Spec spec) {
  Object object;
  object.metadata.name = std::move(name);
  object.metadata.labels[std::string(config::kOwnerLabel)] = user;
  object.spec = std::move(spec);
  return object;
}

void add(std::vector<api::Intent>& intents, api::Verb verb, Object object) {
  api::Intent& intent = intents.emplace_back();
  intent.verb = verb;
  intent.kind = object.kind();
  intent.name = object.metadata.name;
  intent.wanted = std::move(object);
}

// What belongs to a socket is whose the socket is.
std::vector<api::Intent> given_to(const std::string& organization, std::vector<api::Intent> intents) {
  for (api::Intent& intent : intents) intent.wanted.metadata.organization = organization;
  return intents;
}

void add_deletion(std::vector<api::Intent>& intents, const Object& object) {
  api::Intent& intent = intents.emplace_back();
  intent.verb = api::Verb::kDelete;
  intent.kind = object.kind();
  intent.name = object.metadata.name;
}

// Of the client's secret, which every edge of the socket needs.
std::string sign_in_secret(const std::string& socket) { return socket + "-sign-in"; }

// By which provider of identities visitors of an organization's sockets sign in; null: no wish of that.
api::Answer<const config::SignIn*> provider_for(const config::Whole& world, const SocketWish& wish,
                                                const std::string& organization) {
  if (!wish.asks_sign_in) return nullptr;
  const config::ObjectPointer object = world.find(Kind::kOrganization, organization);
  const auto* spec = object ? &std::get<config::OrganizationSpec>(object->spec) : nullptr;
  if (spec != nullptr && spec->sign_in && !spec->sign_in->client_secret.empty()) return &*spec->sign_in;
  return api::refuse(
      400, "invalid",
      "cloud_authentication_enabled can't be true: you are in no organization whose sign_in names "
      "a provider of identities and its client_secret; protected_socket asks for a password");
}

// What a wish makes of a socket's LoadBalancer; all else of it stays. provider: of wish.asks_sign_in.
void describe(Object& balancer, const SocketWish& wish, const config::SignIn* provider) {
  put_note(balancer, kTypeNote, wish.type);
  put_note(balancer, kNameNote, wish.name);
  put_note(balancer, kDescriptionNote, wish.description);
  put_note(balancer, kVisitorNote, wish.is_protected ? wish.visitor_name : std::string());
  put_note(balancer, kAddressesNote, with_commas(wish.allowed_addresses));
  put_note(balancer, kDomainsNote, with_commas(wish.allowed_domains));
  for (config::Route& route : std::get<config::LoadBalancerSpec>(balancer.spec).routes) {
    route.basic_auth.reset();
    if (wish.is_protected) route.basic_auth.emplace().secret = balancer.metadata.name;
    route.sign_in.reset();
    if (provider == nullptr) continue;
    route.sign_in = config::VisitorSignIn{.issuer = provider->issuer,
                                          .client_id = provider->client_id,
                                          .secret = sign_in_secret(balancer.metadata.name),
                                          .allow_emails = wish.allowed_addresses,
                                          .allow_domains = wish.allowed_domains};
  }
}

Object secret_of(const std::string& name, const SocketChange& change) {
  return owned(name, change.user,
               config::SecretSpec{.values = {{change.wish.visitor_name, change.password_hash}}});
}

Object secret_of(const std::string& name, std::string_view user, const config::SignIn& provider) {
  return owned(sign_in_secret(name), user,
               config::SecretSpec{.values = {{"client_secret", provider.client_secret}}});
}

// A name that nothing of a socket has yet.
std::optional<std::string> free_name(const config::Whole& world, Random& random) {
  for (int tries = 0; tries < kNamesTriedMax; ++tries) {
    std::string name = spoken_name(random);
    const bool is_taken = world.find(Kind::kLoadBalancer, name) || world.find(Kind::kService, name) ||
                          world.find(Kind::kSecret, name) || world.find(Kind::kSecret, sign_in_secret(name));
    if (!is_taken) return name;
  }
  return std::nullopt;
}

// From a random one on, so that ports tell nobody how many there are.
std::optional<std::uint32_t> free_port(const config::Whole& world, Random& random) {
  constexpr std::size_t kPorts = kSlotPortMax - kSlotPortMin + 1;
  std::vector<bool> taken(kPorts);
  for (const config::ObjectPointer& object : world.of(Kind::kEndpoint)) {
    const auto& slot = std::get<config::EndpointSpec>(object->spec).tunnel;
    if (slot && slot->port >= kSlotPortMin) taken[slot->port - kSlotPortMin] = true;
  }
  std::size_t place = random.below(kPorts);
  for (std::size_t i = 0; i < kPorts; ++i, place = (place + 1) % kPorts) {
    if (!taken[place]) return static_cast<std::uint32_t>(kSlotPortMin + place);
  }
  return std::nullopt;
}

api::Answer<Object> make_slot(const config::Whole& world, const std::string& socket, std::string_view user,
                              Random& random) {
  const auto port = free_port(world, random);
  if (!port) return api::refuse(503, "overloaded", "all ports of tunnels are taken");
  config::EndpointSpec spec{.service = socket, .address = {}};
  spec.tunnel = config::TunnelSlot{.port = *port};
  return owned(socket + '-' + std::to_string(*port), user, std::move(spec));
}

bool is_of_connections(std::string_view type) { return type == "tcp" || type == "tls"; }

// HTTP and HTTPS, as mysocket had it for both types; the type says what the origin speaks. Of tcp and tls a
// port that is handed out; TLS ends at the edge.
std::vector<config::Listener> listeners_of(const std::string& type, const std::string& hostname) {
  using enum config::ListenerProtocol;
  if (type == "tcp") return {{.protocol = kTcp, .hostnames = {}}};
  if (type == "tls") return {{.protocol = kTls, .hostnames = {hostname}}};
  return {{.protocol = kHttp, .hostnames = {hostname}}, {.protocol = kHttps, .hostnames = {hostname}}};
}

config::LoadBalancerSpec balancer_spec(const std::string& name, const std::string& type,
                                       const std::string& hostname) {
  config::LoadBalancerSpec spec;
  spec.listeners = listeners_of(type, hostname);
  spec.routes.emplace_back().backends.push_back({.service = name});
  return spec;
}

// The certificate of an origin beside the client is rarely one that anybody could verify, and the way there
// is encrypted already.
config::ServiceSpec service_spec(const std::string& type, const std::string& hostname) {
  config::ServiceSpec spec;
  if (is_of_connections(type)) spec.protocol = config::Protocol::kTcp;
  if (type == "https") {
    spec.tls.emplace().insecure_skip_verify = true;
    spec.tls->server_name = hostname;
  }
  return spec;
}

}  // namespace

namespace {

// A visitor of a connection has no way to say who it is.
api::Answer<void> check_protection(const SocketWish& wish) {
  if (!is_of_connections(wish.type) || !(wish.is_protected || wish.asks_sign_in)) return {};
  return api::refuse(400, "invalid",
                     "a socket of type " + wish.type +
                         " can't be protected: its visitors are not asked for " +
                         (wish.is_protected ? "a name and password" : "who they are"));
}

}  // namespace

config::ObjectPointer find_socket(const config::Whole& world, std::string_view user, std::string_view id) {
  config::ObjectPointer socket = world.find(Kind::kLoadBalancer, id);
  if (!socket || user.empty() || config::owner_of(*socket) != user || note_of(*socket, kTypeNote).empty())
    return nullptr;
  return socket;
}

std::vector<config::ObjectPointer> sockets_of(const config::Whole& world, std::string_view user) {
  std::vector<config::ObjectPointer> sockets;
  for (const config::ObjectPointer& object : world.of(Kind::kLoadBalancer)) {
    if (auto socket = find_socket(world, user, object->metadata.name)) sockets.push_back(std::move(socket));
  }
  return sockets;
}

std::vector<config::ObjectPointer> tunnels_of(const config::Whole& world, const Object& socket) {
  std::vector<config::ObjectPointer> tunnels;
  for (const Object* object : world.referrers(Kind::kService, socket.metadata.name)) {
    const auto* endpoint = std::get_if<config::EndpointSpec>(&object->spec);
    if (endpoint == nullptr || !endpoint->tunnel) continue;
    tunnels.push_back(world.find(Kind::kEndpoint, object->metadata.name));
  }
  return tunnels;
}

config::ObjectPointer find_tunnel(const config::Whole& world, const Object& socket, std::string_view id) {
  for (config::ObjectPointer& tunnel : tunnels_of(world, socket)) {
    if (tunnel->metadata.name == id) return std::move(tunnel);
  }
  return nullptr;
}

nlohmann::ordered_json tunnel_json(const config::Whole& world, const Object& tunnel) {
  const auto& spec = std::get<config::EndpointSpec>(tunnel.spec);
  std::string edge;
  std::optional<WallTime> since;
  for (const Object* object : world.referrers(Kind::kService, spec.service)) {
    const auto* live = std::get_if<config::TunnelSpec>(&object->spec);
    if (live == nullptr || live->instance != tunnel.metadata.name || live->since < since) continue;
    edge = live->edge;
    since = live->since;
  }
  return {{"tunnel_id", tunnel.metadata.name},
          {"socket_id", spec.service},
          {"local_port", spec.tunnel ? spec.tunnel->port : 0},
          {"tunnel_server", edge}};
}

nlohmann::ordered_json socket_json(const config::Whole& world, const Object& socket,
                                   const Surroundings& surroundings) {
  const auto& spec = std::get<config::LoadBalancerSpec>(socket.spec);
  Tree ports = surroundings.ports;
  if (config::is_of_connections(spec)) {
    ports = Tree::array();
    for (const config::Listener& listener : spec.listeners) ports.push_back(listener.port.value_or(0));
  }
  const bool is_protected = !spec.routes.empty() && spec.routes.front().basic_auth.has_value();
  const bool signs_in = !spec.routes.empty() && spec.routes.front().sign_in.has_value();
  Tree tunnels = Tree::array();
  for (const config::ObjectPointer& tunnel : tunnels_of(world, socket)) {
    tunnels.push_back(tunnel_json(world, *tunnel));
  }
  const Tree addresses = split(note_of(socket, kAddressesNote));
  return {{"socket_id", socket.metadata.name},
          {"name", note_of(socket, kNameNote)},
          {"description", note_of(socket, kDescriptionNote)},
          {"dnsname", socket.metadata.name + '.' + surroundings.domain},
          {"socket_type", note_of(socket, kTypeNote)},
          {"socket_tcp_ports", std::move(ports)},
          {"protected_socket", is_protected},
          {"protected_username", note_of(socket, kVisitorNote)},
          {"protected_password", ""},  // kept as its hash
          {"cloud_authentication_enabled", signs_in},
          {"cloud_authentication_email_allowed_addressses", addresses},
          {"cloud_authentication_email_allowed_addresses", addresses},
          {"cloud_authentication_email_allowed_domains", split(note_of(socket, kDomainsNote))},
          {"user_id", user_id_of(config::owner_of(socket))},
          {"user_name", config::owner_of(socket)},
          {"tunnels", std::move(tunnels)}};
}

Intents create_socket(const config::Whole& world, const SocketChange& change,
                      const Surroundings& surroundings, bool with_tunnel, Random& random) {
  if (sockets_of(world, change.user).size() >= kSocketsOfUserMax) {
    return api::refuse(403, "forbidden", "you have 100 sockets, and there may be no more; delete one");
  }
  if (change.wish.is_protected && change.password_hash.empty()) {
    return api::refuse(400, "invalid", "protected_password is needed");
  }
  if (auto protectable = check_protection(change.wish); !protectable) {
    return std::unexpected(std::move(protectable.error()));
  }
  const std::string organization = mirror::home_of(world, change.user);
  const auto provider = provider_for(world, change.wish, organization);
  if (!provider) return std::unexpected(provider.error());
  const auto name = free_name(world, random);
  if (!name) return api::refuse(503, "overloaded", "no free name was found; try again");
  const std::string hostname = *name + '.' + surroundings.domain;
  std::vector<api::Intent> intents;
  Object balancer = owned(*name, change.user, balancer_spec(*name, change.wish.type, hostname));
  describe(balancer, change.wish, *provider);
  add(intents, api::Verb::kCreate, std::move(balancer));
  add(intents, api::Verb::kCreate, owned(*name, change.user, service_spec(change.wish.type, hostname)));
  if (change.wish.is_protected) add(intents, api::Verb::kCreate, secret_of(*name, change));
  if (*provider != nullptr) add(intents, api::Verb::kCreate, secret_of(*name, change.user, **provider));
  if (with_tunnel) {
    auto slot = make_slot(world, *name, change.user, random);
    if (!slot) return std::unexpected(std::move(slot.error()));
    add(intents, api::Verb::kCreate, std::move(*slot));
  }
  return given_to(organization, std::move(intents));
}

Intents replace_socket(const config::Whole& world, const std::string& id, const SocketChange& change,
                       const Surroundings& surroundings) {
  const config::ObjectPointer socket = find_socket(world, change.user, id);
  if (!socket) return no_socket();
  const config::ObjectPointer secret = world.find(Kind::kSecret, id);
  const bool is_own = secret && config::owner_of(*secret) == change.user;
  std::vector<api::Intent> intents;
  if (auto protectable = check_protection(change.wish); !protectable) {
    return std::unexpected(std::move(protectable.error()));
  }
  const auto provider = provider_for(world, change.wish, socket->metadata.organization);
  if (!provider) return std::unexpected(provider.error());
  Object balancer = *socket;
  if (is_of_connections(change.wish.type) || is_of_connections(note_of(*socket, kTypeNote))) {
    auto& spec = std::get<config::LoadBalancerSpec>(balancer.spec);
    spec.listeners = listeners_of(change.wish.type, id + '.' + surroundings.domain);
  }
  describe(balancer, change.wish, *provider);
  add(intents, api::Verb::kApply, std::move(balancer));
  if (change.wish.type != note_of(*socket, kTypeNote)) {
    const std::string hostname = id + '.' + surroundings.domain;
    add(intents, api::Verb::kApply, owned(id, change.user, service_spec(change.wish.type, hostname)));
  }
  if (*provider != nullptr) {
    add(intents, api::Verb::kApply, secret_of(id, change.user, **provider));
  } else if (const auto unused = world.find(Kind::kSecret, sign_in_secret(id));
             unused && config::owner_of(*unused) == change.user) {
    add_deletion(intents, *unused);
  }
  if (!change.wish.is_protected) {
    if (is_own) add_deletion(intents, *secret);
  } else if (!change.password_hash.empty()) {
    add(intents, api::Verb::kApply, secret_of(id, change));
  } else if (!is_own || note_of(*socket, kVisitorNote) != change.wish.visitor_name) {
    return api::refuse(400, "invalid", "protected_password is needed with a new protected_username");
  }
  return given_to(socket->metadata.organization, std::move(intents));
}

Intents delete_socket(const config::Whole& world, std::string_view user, const std::string& id) {
  const config::ObjectPointer socket = find_socket(world, user, id);
  if (!socket) return no_socket();
  std::vector<api::Intent> intents;
  add_deletion(intents, *socket);
  // All that joined the service goes with it. Another load balancer that leads there keeps it.
  const config::ObjectPointer service = world.find(Kind::kService, id);
  if (service && config::owner_of(*service) == user) {
    add_deletion(intents, *service);
    for (const Object* object : world.referrers(Kind::kService, id)) {
      if (config::service_joined_by(*object) != nullptr) add_deletion(intents, *object);
    }
  }
  for (const std::string& name : {id, sign_in_secret(id)}) {
    const config::ObjectPointer secret = world.find(Kind::kSecret, name);
    if (secret && config::owner_of(*secret) == user) add_deletion(intents, *secret);
  }
  return intents;
}

Intents create_tunnel(const config::Whole& world, std::string_view user, const std::string& socket_id,
                      Random& random) {
  const config::ObjectPointer socket = find_socket(world, user, socket_id);
  if (!socket) return no_socket();
  if (tunnels_of(world, *socket).size() >= kTunnelsOfSocketMax) {
    return api::refuse(403, "forbidden", "the socket has 32 tunnels, and there may be no more; delete one");
  }
  auto slot = make_slot(world, socket_id, user, random);
  if (!slot) return std::unexpected(std::move(slot.error()));
  std::vector<api::Intent> intents;
  add(intents, api::Verb::kCreate, std::move(*slot));
  return given_to(socket->metadata.organization, std::move(intents));
}

Intents delete_tunnel(const config::Whole& world, std::string_view user, const std::string& socket_id,
                      std::string_view id) {
  const config::ObjectPointer socket = find_socket(world, user, socket_id);
  if (!socket) return no_socket();
  const config::ObjectPointer tunnel = find_tunnel(world, *socket, id);
  if (!tunnel) return no_tunnel();
  std::vector<api::Intent> intents;
  add_deletion(intents, *tunnel);
  for (const Object* object : world.referrers(Kind::kService, socket_id)) {
    const auto* live = std::get_if<config::TunnelSpec>(&object->spec);
    if (live != nullptr && live->instance == id) add_deletion(intents, *object);
  }
  return intents;
}

}  // namespace weir::mysocket
