// The tables of metadata and of the kinds that have no file of their own. See schema.h for what a table is.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "auth/ssh_key.h"
#include "config/formats.h"
#include "config/object.h"
#include "config/schema_common.h"
#include "config/specs.h"

namespace weir::config {

// --- metadata
template <>
struct Schema<Metadata> {
  static constexpr std::string_view name = "Metadata";
  static constexpr std::array fields{
      field<&Metadata::name>(
          {.name = "name",
           .doc = "unique among the objects of its kind: a-z, 0-9 and -, at most 63 characters; of Zones and "
                  "RecordSets also dots, at most 253",
           .required = true,
           .min = 1,
           .max = 253}),
      field<&Metadata::organization>(
          {.name = "organization",
           .doc =
               "whose it is: that of whoever made it; absent: the platform's, which alone may name another",
           .max = 63,
           .refers_to = "Organization"}),
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
      field<&EndpointSpec::instance>({.name = "instance",
                                      .doc = "its name for people, as DNS-SD shows it; absent: the object's",
                                      .max = 63,
                                      .check = check_instance}),
      field<&EndpointSpec::version>({.name = "version",
                                     .doc = "of what runs there: 1.4.2, blue; clients may ask for one",
                                     .max = 63,
                                     .check = check_version}),
      field<&EndpointSpec::text>({.name = "text",
                                  .doc = "for its TXT record: key=value, or a key alone",
                                  .max = 255,
                                  .check = check_text_pair}),
      field<&EndpointSpec::lease>(
          {.name = "lease",
           .doc = "it is removed when it was not renewed for so long; absent: it stays",
           .min = nanoseconds(std::chrono::seconds(1)),
           .max = kDayMax}),
      field<&EndpointSpec::expires_at>({.name = "expires_at",
                                        .doc = "when it is removed, unless it is renewed before",
                                        .server_set = true}),
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
      field<&TokenSpec::role>(
          {.name = "role",
           .doc = "what it may do: viewer reads, editor also writes, admin also says who else may, owner "
                  "all; join lets machines in, tunnel lets origins of a user in at edges, member joins and "
                  "leaves services by Endpoints"}),
      field<&TokenSpec::expires_at>({.name = "expires_at", .doc = "refused from then on; absent: never"}),
      field<&TokenSpec::user>(
          {.name = "user",
           .doc = "whose it is: it never may more than its user; of the role tunnel: whose origins come in "
                  "by it",
           .refers_to = "User"}),
      field<&TokenSpec::scopes>({.name = "scopes",
                                 .doc = "kind:read or kind:write, as services:write or *:read, which is all "
                                        "it may; none: all that its role may",
                                 .min = 1,
                                 .max = 80,
                                 .items_max = kScopesMax,
                                 .quiet = true}),
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
      field<&TokenSpec::services>(
          {.name = "services",
           .doc = "of the role member: names of the Services that Endpoints join and leave by it",
           .max = 63,
           .check = check_name,
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
struct Schema<OpenIdName> {
  static constexpr std::string_view name = "OpenIdName";
  static constexpr std::array fields{
      field<&OpenIdName::issuer>({.name = "issuer",
                                  .doc = "the provider's address",
                                  .required = true,
                                  .min = 1,
                                  .max = 1024,
                                  .check = check_issuer}),
      field<&OpenIdName::subject>({.name = "subject",
                                   .doc = "its name for this person (the claim sub)",
                                   .required = true,
                                   .min = 1,
                                   .max = 255}),
  };
};

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
      field<&UserSpec::role>({.name = "role",
                              .doc =
                                  "on the platform, over all organizations: owner, admin, editor or viewer; "
                                  "absent: none"}),
      field<&UserSpec::open_ids>({.name = "open_ids",
                                  .doc = "who it is at providers of identities, by which it signs in",
                                  .items_max = kOpenIdNamesMax}),
  };
  static void validate(const UserSpec& spec, Report& report);
};

// --- Organization
template <>
struct Schema<OrganizationMember> {
  static constexpr std::string_view name = "OrganizationMember";
  static constexpr std::array fields{
      field<&OrganizationMember::user>(
          {.name = "user", .doc = "who", .required = true, .min = 1, .max = 63, .refers_to = "User"}),
      field<&OrganizationMember::role>({.name = "role", .doc = "owner, admin, editor or viewer"}),
  };
};

template <>
struct Schema<Quota> {
  static constexpr std::string_view name = "Quota";
  static constexpr std::array fields{
      field<&Quota::kind>(
          {.name = "kind", .doc = "plural, as in services", .required = true, .min = 1, .max = 63}),
      field<&Quota::max>(
          {.name = "max", .doc = "how many of them the organization may have", .max = 1'000'000}),
  };
};

template <>
struct Schema<SignIn> {
  static constexpr std::string_view name = "SignIn";
  static constexpr std::array fields{
      field<&SignIn::issuer>({.name = "issuer",
                              .doc = "of the provider of identities (OpenID Connect): its https:// address",
                              .required = true,
                              .min = 1,
                              .max = 1024,
                              .check = check_issuer}),
      field<&SignIn::client_id>({.name = "client_id",
                                 .doc = "by which the provider knows weir",
                                 .required = true,
                                 .min = 1,
                                 .max = 1024}),
      field<&SignIn::client_secret>({.name = "client_secret",
                                     .doc = "by which weir shows that it is; absent in an update: as before",
                                     .secret = true,
                                     .max = 1024}),
      field<&SignIn::display_name>({.name = "display_name", .doc = "on the button", .max = 63}),
      field<&SignIn::domains>({.name = "domains",
                               .doc = "of e-mail addresses whose owners become members by signing in; none: "
                                      "only who is a member may",
                               .min = 1,
                               .max = 253,
                               .items_max = kSignInDomainsMax}),
      field<&SignIn::role>({.name = "role", .doc = "of who becomes a member so; absent: viewer"}),
  };
};

template <>
struct Schema<OrganizationSpec> {
  static constexpr std::string_view name = "OrganizationSpec";
  static constexpr std::array fields{
      field<&OrganizationSpec::display_name>(
          {.name = "display_name", .doc = "what people call it", .max = 200}),
      field<&OrganizationSpec::members>(
          {.name = "members", .doc = "who may do what in it", .items_max = kMembersMax}),
      field<&OrganizationSpec::quotas>({.name = "quotas",
                                        .doc = "how many objects of a kind it may have; only the platform "
                                               "writes them",
                                        .items_max = kQuotasMax}),
      field<&OrganizationSpec::sign_in>({.name = "sign_in", .doc = "by OpenID Connect"}),
  };
  static void validate(const OrganizationSpec& spec, Report& report);
};

// --- Session
template <>
struct Words<SessionMethod> {
  static constexpr std::array<std::string_view, 4> words{"password", "openid", "device", "token"};
};

template <>
struct Schema<SessionSpec> {
  static constexpr std::string_view name = "SessionSpec";
  static constexpr std::array fields{
      field<&SessionSpec::user>({.name = "user", .doc = "who is logged in", .refers_to = "User"}),
      field<&SessionSpec::token>(
          {.name = "token", .doc = "of the method token: which it was", .refers_to = "Token"}),
      field<&SessionSpec::method>({.name = "method", .doc = "how: by password, openid, device or token"}),
      field<&SessionSpec::pending>(
          {.name = "pending", .doc = "true: a device that nobody has approved yet", .quiet = true}),
      field<&SessionSpec::device>({.name = "device", .doc = "what the device calls itself", .quiet = true}),
      field<&SessionSpec::remote_address>({.name = "remote_address", .doc = "from where"}),
      field<&SessionSpec::user_agent>({.name = "user_agent", .doc = "of the browser or program", .max = 512}),
      field<&SessionSpec::expires_at>({.name = "expires_at", .doc = "ended from then on"}),
      field<&SessionSpec::hash>({.name = "hash",
                                 .doc = "of its secret, which itself is kept nowhere",
                                 .secret = true,
                                 .server_set = true}),
      field<&SessionSpec::code_hash>({.name = "code_hash",
                                      .doc = "of the code that approves a device",
                                      .secret = true,
                                      .server_set = true}),
  };
};

// --- Rollout
template <>
struct Words<RolloutPhase> {
  static constexpr std::array<std::string_view, 5> words{"PENDING", "RUNNING", "DONE", "WITHDRAWN",
                                                         "REFUSED"};
};

template <>
struct Schema<RolloutWave> {
  static constexpr std::string_view name = "RolloutWave";
  static constexpr std::array fields{
      field<&RolloutWave::match>(
          {.name = "match", .doc = "labels of its edges, all of them; also provider, region and city"}),
      field<&RolloutWave::percent>(
          {.name = "percent", .doc = "of those edges, at least one", .min = 1, .max = 100}),
      field<&RolloutWave::bake>(
          {.name = "bake", .doc = "how long the gates must hold before the next wave", .max = kDayMax}),
      field<&RolloutWave::first>({.name = "first",
                                  .doc = "the edge that has it although the percent would come to none",
                                  .server_set = true}),
  };
};

template <>
struct Schema<RolloutGates> {
  static constexpr std::string_view name = "RolloutGates";
  static constexpr std::array fields{
      field<&RolloutGates::apply_timeout>({.name = "apply_timeout",
                                           .doc = "within which every edge of a wave has to have it in force",
                                           .min = nanoseconds(std::chrono::seconds(1)),
                                           .max = kDayMax}),
      field<&RolloutGates::lost_percent_max>(
          {.name = "lost_percent_max", .doc = "edges that have it and are gone since", .max = 100}),
      field<&RolloutGates::errors_percent_max>(
          {.name = "errors_percent_max",
           .doc = "5xx among the requests of edges that have it, above those of the others, or of before",
           .max = 100}),
      field<&RolloutGates::latency_percent_max>(
          {.name = "latency_percent_max",
           .doc = "by which their 99th percentile may be longer than that of the others, or of before",
           .max = 100'000}),
      field<&RolloutGates::unhealthy_percent_max>(
          {.name = "unhealthy_percent_max",
           .doc = "endpoints that they find unhealthy and the others, or they before, do not",
           .max = 100}),
      field<&RolloutGates::requests_min>({.name = "requests_min",
                                          .doc = "with fewer requests, errors and latency say nothing",
                                          .max = kNumberMax}),
      field<&RolloutGates::allow_uncounted>(
          {.name = "allow_uncounted",
           .doc = "go on although no edge that has it counts requests, as Envoys do not"}),
  };
};

template <>
struct Schema<DeletedObject> {
  static constexpr std::string_view name = "DeletedObject";
  static constexpr std::array fields{
      field<&DeletedObject::kind>({.name = "kind", .doc = "such as Service", .required = true, .min = 1}),
      field<&DeletedObject::name>({.name = "name",
                                   .doc = "of the object",
                                   .required = true,
                                   .min = 1,
                                   .max = 63,
                                   .check = check_name}),
  };
};

template <>
struct Schema<RolloutBase> {
  static constexpr std::string_view name = "RolloutBase";
  static constexpr std::array fields{
      field<&RolloutBase::object>({.name = "object", .doc = "such as services/web"}),
      field<&RolloutBase::revision>(
          {.name = "revision", .doc = "of it then; 0: there was none", .max = kNumberMax}),
  };
};

template <>
struct Schema<RolloutProgress> {
  static constexpr std::string_view name = "RolloutProgress";
  static constexpr std::array fields{
      field<&RolloutProgress::phase>({.name = "phase", .doc = "as the status says it"}),
      field<&RolloutProgress::wave>(
          {.name = "wave", .doc = "the one under way, from 1", .max = std::int64_t{kWavesMax}}),
      field<&RolloutProgress::waves>(
          {.name = "waves", .doc = "all of them, as worked out at the beginning", .items_max = kWavesMax}),
      field<&RolloutProgress::since>({.name = "since", .doc = "when that wave began, or it ended"}),
      field<&RolloutProgress::bases>({.name = "bases",
                                      .doc = "the objects as they were when it began",
                                      .items_max = 2 * kRolloutObjectsMax}),
      field<&RolloutProgress::reason>({.name = "reason", .doc = "why it ended", .max = 4096}),
  };
};

template <>
struct Schema<RolloutSpec> {
  static constexpr std::string_view name = "RolloutSpec";
  static constexpr std::array fields{
      field<&RolloutSpec::changes>({.name = "changes",
                                    .doc = "a list of objects as they shall be, as apply takes them; no "
                                           "certificates and secrets",
                                    .type = &kJsonText,
                                    .max = kJsonBytesMax}),
      field<&RolloutSpec::deletions>(
          {.name = "deletions", .doc = "objects that shall be gone", .items_max = kRolloutObjectsMax}),
      field<&RolloutSpec::waves>({.name = "waves",
                                  .doc =
                                      "in their order; absent: each provider, within it each region, within "
                                      "that the percents",
                                  .items_max = kWavesMax}),
      field<&RolloutSpec::percents>({.name = "percents",
                                     .doc = "of the edges of a region, one wave after the other",
                                     .min = 1,
                                     .max = 100,
                                     .items_min = 1,
                                     .items_max = 16}),
      field<&RolloutSpec::bake>({.name = "bake", .doc = "of each wave that is not given", .max = kDayMax}),
      field<&RolloutSpec::gates>({.name = "gates", .doc = "what must hold for the next wave to begin"}),
      field<&RolloutSpec::paused>(
          {.name = "paused", .doc = "no further wave begins; edges that have the change keep it"}),
      field<&RolloutSpec::progress>({.name = "progress", .doc = "how far it has come", .server_set = true}),
  };
  static void validate(const RolloutSpec& spec, Report& report);
};

}  // namespace weir::config
