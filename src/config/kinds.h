// Kinds: the tables of all resource kinds. A kind is a struct in specs.h, its table here, a line of kKinds,
// and a validate() for what spans fields. Everything that reads, prints, compares or documents follows from
// that.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "auth/ssh_key.h"
#include "config/formats.h"
#include "config/object.h"
#include "config/schema_load_balancer.h"
#include "config/schema_rollout.h"
#include "config/schema_service.h"
#include "config/specs.h"
#include "config/status.h"

namespace weir::config {

// --- metadata
template <>
struct Schema<Metadata> {
  static constexpr std::string_view name = "Metadata";
  static constexpr std::array fields{
      field<&Metadata::name>(
          {.name = "name",
           .doc = "unique among the objects of its kind: a-z, 0-9 and -, at most 63 characters",
           .required = true,
           .min = 1,
           .max = 63,
           .check = check_name}),
      field<&Metadata::labels>({.name = "labels", .doc = "what selectors match on"}),
      field<&Metadata::annotations>({.name = "annotations", .doc = "notes of tools and people", .max = 4096}),
      field<&Metadata::uid>({.name = "uid", .doc = "set at creation, never used twice", .server_set = true}),
      field<&Metadata::revision>({.name = "revision",
                                  .doc = "of the store, at the last change of this object",
                                  .server_set = true,
                                  .max = kNumberMax}),
      field<&Metadata::created_at>({.name = "created_at", .doc = "when it was created", .server_set = true}),
      field<&Metadata::updated_at>(
          {.name = "updated_at", .doc = "when it was last changed", .server_set = true}),
  };
};

// --- Certificate
template <>
struct Schema<CertificateSpec> {
  static constexpr std::string_view name = "CertificateSpec";
  static constexpr std::array fields{
      field<&CertificateSpec::certificate>({.name = "certificate",
                                            .doc = "PEM chain, the server's own first",
                                            .required = true,
                                            .min = 1,
                                            .max = kPemBytesMax,
                                            .lines = true}),
      field<&CertificateSpec::private_key>(
          {.name = "private_key",
           .doc = "PEM, of the first certificate; absent in an update: as before",
           .secret = true,
           .max = kPemBytesMax,
           .lines = true}),
  };
  static void validate(const CertificateSpec& spec, Report& report);
};

// --- Secret
template <>
struct Schema<SecretSpec> {
  static constexpr std::string_view name = "SecretSpec";
  static constexpr std::array fields{
      field<&SecretSpec::values>({.name = "values",
                                  .doc = "texts by key, shown to nobody; absent in an update: as before",
                                  .secret = true,
                                  .max = 4096,
                                  .items_max = 10'000}),
  };
};

// --- Endpoint
template <>
struct Schema<TunnelSlot> {
  static constexpr std::string_view name = "TunnelSlot";
  static constexpr std::array fields{
      field<&TunnelSlot::port>(
          {.name = "port",
           .doc = "that a client asks for, as in ssh -R PORT:...; no other Endpoint has it",
           .required = true,
           .min = 1,
           .max = 65535}),
  };
};

template <>
struct Schema<EndpointSpec> {
  static constexpr std::string_view name = "EndpointSpec";
  static constexpr std::array fields{
      field<&EndpointSpec::service>({.name = "service",
                                     .doc = "name of the Service that it joins",
                                     .required = true,
                                     .min = 1,
                                     .max = 63,
                                     .check = check_name,
                                     .refers_to = "Service"}),
      field<&EndpointSpec::address>(
          {.name = "address",
           .doc = "host:port; the host is an IPv4 address, an [IPv6] address or a DNS name",
           .max = 260,
           .check = check_address,
           .quiet = true}),
      field<&EndpointSpec::tunnel>(
          {.name = "tunnel", .doc = "in place of address: kept for an origin that comes by a tunnel"}),
      field<&EndpointSpec::weight>({.name = "weight",
                                    .doc = "share of the requests, relative to the others; 0 drains it",
                                    .max = kWeightMax}),
      field<&EndpointSpec::priority>({.name = "priority",
                                      .doc = "lower ones serve first, higher ones only when no lower one can",
                                      .max = kPriorityMax}),
      field<&EndpointSpec::zone>(
          {.name = "zone", .doc = "where it is: edges of the region of that name prefer it", .max = 63}),
  };
  static void validate(const EndpointSpec& spec, Report& report);
};

// --- Tunnel
template <>
struct Words<TunnelVia> {
  static constexpr std::array<std::string_view, 2> words{"SSH", "AGENT"};
};

template <>
struct Schema<TunnelSpec> {
  static constexpr std::string_view name = "TunnelSpec";
  static constexpr std::array fields{
      field<&TunnelSpec::service>({.name = "service",
                                   .doc = "name of the Service that it joins",
                                   .required = true,
                                   .min = 1,
                                   .max = 63,
                                   .check = check_name,
                                   .refers_to = "Service"}),
      field<&TunnelSpec::instance>({.name = "instance",
                                    .doc = "of the origin; at several edges it is one endpoint",
                                    .required = true,
                                    .min = 1,
                                    .max = 63,
                                    .check = check_name}),
      field<&TunnelSpec::edge>({.name = "edge", .doc = "where it is attached", .max = 63}),
      field<&TunnelSpec::provider>({.name = "provider", .doc = "the cloud that the edge runs in"}),
      field<&TunnelSpec::relay>({.name = "relay",
                                 .doc = "host:port by which other edges reach that edge; absent: they can't",
                                 .max = 260,
                                 .check = check_address}),
      field<&TunnelSpec::session>(
          {.name = "session", .doc = "of that edge; a later one takes the place of an earlier", .max = 64}),
      field<&TunnelSpec::via>({.name = "via", .doc = "how it came"}),
      field<&TunnelSpec::user>({.name = "user", .doc = "whose it is; absent: nobody's"}),
      field<&TunnelSpec::client>({.name = "client", .doc = "its address and port"}),
      field<&TunnelSpec::seen_by>({.name = "seen_by", .doc = "the controller that the edge tells of it"}),
      field<&TunnelSpec::weight>({.name = "weight",
                                  .doc = "share of the requests, relative to the others; 0 drains it",
                                  .max = kWeightMax}),
      field<&TunnelSpec::priority>({.name = "priority",
                                    .doc = "lower ones serve first, higher ones only when no lower one can",
                                    .max = kPriorityMax}),
      field<&TunnelSpec::zone>(
          {.name = "zone", .doc = "where it is: edges of the region of that name prefer it", .max = 63}),
      field<&TunnelSpec::since>({.name = "since", .doc = "when it came"}),
  };
};

// --- Token
template <>
struct Schema<Join> {
  static constexpr std::string_view name = "Join";
  static constexpr std::array fields{
      field<&Join::role>({.name = "role", .doc = "what it becomes"}),
      field<&Join::name>(
          {.name = "name",
           .doc = "that it has to take, also when there is one already; absent: any that is new",
           .max = 63,
           .check = check_name}),
      field<&Join::provider>({.name = "provider", .doc = "the cloud it runs in; absent: as it says"}),
      field<&Join::region>(
          {.name = "region", .doc = "the provider's name of the region; absent: as it says"}),
      field<&Join::city>({.name = "city", .doc = "where it is; absent: as it says"}),
      field<&Join::labels>({.name = "labels", .doc = "that it gets, whatever it says"}),
  };
};

template <>
struct Schema<TokenSpec> {
  static constexpr std::string_view name = "TokenSpec";
  static constexpr std::array fields{
      field<&TokenSpec::description>({.name = "description", .doc = "what it is for"}),
      field<&TokenSpec::role>({.name = "role",
                               .doc =
                                   "what it may do: viewer reads, admin also writes, join lets machines in, "
                                   "tunnel lets origins of a user in at edges"}),
      field<&TokenSpec::expires_at>({.name = "expires_at", .doc = "refused from then on; absent: never"}),
      field<&TokenSpec::user>(
          {.name = "user", .doc = "of the role tunnel: whose origins come in by it", .refers_to = "User"}),
      field<&TokenSpec::join>({.name = "join", .doc = "of the role join: what a machine becomes by it"}),
      field<&TokenSpec::uses>({.name = "uses",
                               .doc = "of the role join: how many machines it lets in",
                               .min = 1,
                               .max = kTokenUsesMax,
                               .quiet = true}),
      field<&TokenSpec::used>({.name = "used",
                               .doc = "how many it has let in",
                               .server_set = true,
                               .max = kTokenUsesMax,
                               .quiet = true}),
      field<&TokenSpec::hash>({.name = "hash",
                               .doc = "of the secret, which itself is kept nowhere",
                               .secret = true,
                               .server_set = true}),
  };
  static void validate(const TokenSpec& spec, Report& report);
};

// --- Event
template <>
struct Schema<EventSpec> {
  static constexpr std::string_view name = "EventSpec";
  static constexpr std::array fields{
      field<&EventSpec::time>({.name = "time", .doc = "when"}),
      field<&EventSpec::actor>(
          {.name = "actor", .doc = "who: the name of a Token, of a machine, or rollout/NAME"}),
      field<&EventSpec::verb>({.name = "verb",
                               .doc =
                                   "create, update, delete, rollback, enroll, renew or connect; of a rollout "
                                   "also begin (a wave), finish, withdraw or refuse"}),
      field<&EventSpec::kind>({.name = "kind", .doc = "of the object"}),
      field<&EventSpec::name>(
          {.name = "name", .doc = "of the object; of a rollback: the revision that it went back to"}),
      field<&EventSpec::revision>({.name = "revision", .doc = "that the change made", .max = kNumberMax}),
      field<&EventSpec::remote_address>({.name = "remote_address", .doc = "from where"}),
      field<&EventSpec::reason>({.name = "reason",
                                 .doc = "why it was refused or withdrawn; absent: it was done",
                                 .max = 4096,
                                 .quiet = true}),
      field<&EventSpec::before>({.name = "before",
                                 .doc = "the object before, without secrets",
                                 .type = &kJsonText,
                                 .max = kJsonBytesMax}),
      field<&EventSpec::after>({.name = "after",
                                .doc = "the object after, without secrets",
                                .type = &kJsonText,
                                .max = kJsonBytesMax}),
  };
};

// --- Edge
template <>
struct Schema<EdgeSpec> {
  static constexpr std::string_view name = "EdgeSpec";
  static constexpr std::array fields{
      field<&EdgeSpec::provider>({.name = "provider", .doc = "the cloud it runs in"}),
      field<&EdgeSpec::region>({.name = "region", .doc = "the provider's name of the region"}),
      field<&EdgeSpec::city>({.name = "city", .doc = "where it is"}),
      field<&EdgeSpec::address>(
          {.name = "address", .doc = "by which clients reach it", .check = check_host_field}),
      field<&EdgeSpec::version>({.name = "version", .doc = "of its program"}),
      field<&EdgeSpec::capabilities>({.name = "capabilities", .doc = "what it can do", .min = 1, .max = 63}),
      field<&EdgeSpec::revoked>({.name = "revoked",
                                 .doc = "true: its certificate counts no more, and it gets no other",
                                 .quiet = true}),
  };
};

// --- User
template <>
struct Schema<UserSpec> {
  static constexpr std::string_view name = "UserSpec";
  static constexpr std::array fields{
      field<&UserSpec::email>({.name = "email",
                               .doc = "by which it logs in; no other User has it",
                               .required = true,
                               .min = 1,
                               .max = 254,
                               .check = check_email}),
      field<&UserSpec::display_name>({.name = "display_name", .doc = "what its owner is called", .max = 200}),
      field<&UserSpec::password>(
          {.name = "password",
           .doc = "8 bytes or more, kept as its Argon2id hash; absent in an update: as before",
           .secret = true,
           .check = check_password}),
      field<&UserSpec::ssh_keys>(
          {.name = "ssh_keys",
           .doc = "lines of authorized_keys: public keys, which no other User has, and authorities whose "
                  "certificates let in (cert-authority,principals=\"...\")",
           .min = 1,
           .max = auth::kSshKeyLineBytesMax,
           .items_max = kSshKeysMax,
           .check = check_ssh_key}),
      field<&UserSpec::disabled>(
          {.name = "disabled", .doc = "true: it can neither log in nor do anything", .quiet = true}),
  };
  static void validate(const UserSpec& spec, Report& report);
};

// --- all of them
struct KindInfo {
  Kind kind;
  std::string_view name;    // "LoadBalancer"
  std::string_view plural;  // "loadbalancers", as in the API's paths
  std::string_view doc;     // one line
  bool client_writes;       // false: only the server makes them
  const Type* spec;
  const Type* status;  // null: nothing is seen of it
  Spec (*make)();
};

template <class T>
constexpr KindInfo kind_line(Kind kind, std::string_view name, std::string_view plural, std::string_view doc,
                             const Type* status = nullptr, bool client_writes = true) {
  return {kind, name, plural, doc, client_writes, &kType<T>, status, [] { return Spec(T{}); }};
}

inline constexpr std::array kKinds{
    kind_line<LoadBalancerSpec>(Kind::kLoadBalancer, "LoadBalancer", "loadbalancers",
                                "listeners for clients, and routes from there to services",
                                &kType<LoadBalancerStatus>),
    kind_line<ServiceSpec>(Kind::kService, "Service", "services",
                           "a pool of endpoints with its balancing policy and health check",
                           &kType<ServiceStatus>),
    kind_line<EndpointSpec>(Kind::kEndpoint, "Endpoint", "endpoints",
                            "one endpoint that joined a service by itself", &kType<EndpointStatus>),
    kind_line<TokenSpec>(Kind::kToken, "Token", "tokens", "lets a program or a person use the API"),
    kind_line<EventSpec>(Kind::kEvent, "Event", "events", "one line of the audit: who changed what and when",
                         nullptr, false),
    kind_line<CertificateSpec>(Kind::kCertificate, "Certificate", "certificates",
                               "a certificate chain and its key, named by HTTPS listeners",
                               &kType<AppliedStatus>),
    kind_line<SecretSpec>(Kind::kSecret, "Secret", "secrets", "texts that are written and never shown",
                          &kType<AppliedStatus>),
    kind_line<EdgeSpec>(Kind::kEdge, "Edge", "edges", "a registered machine that carries traffic",
                        &kType<EdgeStatus>),
    kind_line<RolloutSpec>(Kind::kRollout, "Rollout", "rollouts",
                           "a change that reaches the edges in waves, and goes back by itself",
                           &kType<RolloutStatus>),
    kind_line<TunnelSpec>(Kind::kTunnel, "Tunnel", "tunnels",
                          "a live way to an origin that came to an edge by itself", nullptr, false),
    kind_line<UserSpec>(Kind::kUser, "User", "users",
                        "an account: who owns load balancers, services and tunnels"),
};

// Of what is seen, not wanted: what it names may be gone, it makes no change of others wrong, and it holds up
// no deletion.
constexpr bool names_loosely(Kind kind) { return kind == Kind::kTunnel; }

constexpr const KindInfo& info_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
const KindInfo* find_kind(std::string_view name);  // "Service"; null: none
// "services", "service", "Service": what a person types; null: none.
const KindInfo* find_kind_loosely(std::string_view word);
const KindInfo* find_plural(std::string_view plural);  // "services"; null: none

// Two matches that take the same requests have the same text, which is for people, too.
std::string canonical_match(const RouteMatch& match);

// How closely a match names its requests, in the order of the Gateway API: of the routes that take a request,
// the one with the greatest answers it.
struct Precedence {
  enum class Path : std::uint8_t { kPrefix, kPattern, kExact };
  Path path = Path::kPrefix;
  std::size_t path_bytes = 0;
  bool methods = false;
  std::size_t headers = 0;
  std::size_t query = 0;
  friend auto operator<=>(const Precedence&, const Precedence&) = default;
};
Precedence precedence_of(const RouteMatch& match);

// What stands for the shared sockets where ports are compared.
inline constexpr std::uint32_t kSharedHttp = 0;
inline constexpr std::uint32_t kSharedHttps = 1 << 16U;
inline constexpr std::uint32_t kNoPort = 2 << 16U;  // of TCP and TLS, before one is handed out
std::uint32_t shared_or_own_port(const Listener& listener);

// Whether it takes whole connections, not requests.
constexpr bool is_of_connections(ListenerProtocol protocol) {
  return protocol == ListenerProtocol::kTcp || protocol == ListenerProtocol::kTls;
}
// All listeners of a load balancer are, or none.
bool is_of_connections(const LoadBalancerSpec& spec);
bool is_passthrough(const Listener& listener);

const void* spec_of(const Object& object);  // what info_of(object.kind()).spec describes
void* spec_of(Object& object);

}  // namespace weir::config
