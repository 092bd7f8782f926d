// The specs of all kinds: plain values, defaults in place. What may stand in each field, and its one line of
// documentation, is in the tables of schema_*.h. Immutable once validated, so any core may read them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "lb/policies.h"

namespace weir::config {

using Labels = std::map<std::string, std::string, std::less<>>;

enum class Protocol : std::uint8_t { kHttp, kHttp2, kTcp };   // of a service
enum class ProxyProtocol : std::uint8_t { kNone, kV1, kV2 };  // sent to the endpoints of a service
enum class ListenerProtocol : std::uint8_t { kHttp, kHttps, kTcp, kTls };  // of a listener
enum class Balance : std::uint8_t {};  // a place in lb::kPolicies; 0 = ROUND_ROBIN
// Of people and programs, each with all that the next may do; and of machines.
enum class Role : std::uint8_t { kOwner, kAdmin, kEditor, kViewer, kJoin, kTunnel, kMember };
enum class SessionMethod : std::uint8_t { kPassword, kOpenId, kDevice, kToken };  // how somebody logged in
enum class MachineRole : std::uint8_t { kEdge, kNode };  // what a machine that joins becomes
enum class ClientCertificates : std::uint8_t { kNone, kRequest, kRequire };
// After which a call may be made again (gRPC's status codes 1, 4, 8, 13, 14).
enum class GrpcStatus : std::uint8_t {
  kCancelled,
  kDeadlineExceeded,
  kResourceExhausted,
  kInternal,
  kUnavailable
};
enum class TlsVersion : std::uint8_t { k12, k13 };
enum class TlsMode : std::uint8_t { kTerminate, kPassthrough };

// Both ends included.
struct StatusRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

// --- bounds that others keep, too
inline constexpr std::int64_t kWeightMax = 1000;          // as Envoy and the DNS services
inline constexpr std::int64_t kPriorityMax = 15;          // groups of endpoints
inline constexpr std::size_t kEndpointsMax = 1000;        // static ones of one service
inline constexpr std::size_t kSshKeysMax = 32;            // of one user; more than anybody has machines
inline constexpr std::int64_t kTextBytesMax = 256;        // any text without a bound of its own
inline constexpr std::int64_t kPemBytesMax = 256 << 10U;  // a bundle of all public authorities has 220 KiB
inline constexpr std::int64_t kNumberMax = std::numeric_limits<std::int64_t>::max();
inline constexpr std::size_t kWavesMax = 64;

// --- Service
struct StaticEndpoint {
  std::string address;  // "127.0.0.1:80", "[::1]:80", "name.example:80"
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;  // where it is, as edges say where they are: their region; empty: anywhere
  friend bool operator==(const StaticEndpoint&, const StaticEndpoint&) = default;
};

struct HttpCheck {
  std::string path = "/";
  std::string host;  // empty: the endpoint's address
  std::vector<StatusRange> expected_statuses{{200, 399}};
  friend bool operator==(const HttpCheck&, const HttpCheck&) = default;
};

struct TcpCheck {
  friend bool operator==(const TcpCheck&, const TcpCheck&) = default;
};

// grpc.health.v1.Health/Check
struct GrpcCheck {
  std::string service;  // empty: the server as a whole
  friend bool operator==(const GrpcCheck&, const GrpcCheck&) = default;
};

// Exactly one of http, grpc and tcp is there.
struct HealthCheck {
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  std::uint32_t unhealthy_threshold = 2;
  std::uint32_t healthy_threshold = 1;
  std::uint32_t quorum_percent = 51;  // of the edges that know; by default more than half
  std::optional<HttpCheck> http;
  std::optional<GrpcCheck> grpc;
  std::optional<TcpCheck> tcp;
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// A request that reached no endpoint is tried again in any case. What else is, only when the method is
// idempotent, or non_idempotent says otherwise: a connection that broke before an answer; with
// per_try_timeout a try that took longer; an answer whose status is listed.
struct Retries {
  std::uint32_t attempts = 2;                // after the first one
  std::uint32_t budget_percent = 20;         // of requests
  std::vector<StatusRange> on_statuses;      // none: every answer is passed on
  std::vector<GrpcStatus> on_grpc_statuses;  // the same of calls
  std::optional<Duration>
      per_try_timeout;  // none: a try may take all of request_timeout, and is the last then
  bool non_idempotent = false;
  friend bool operator==(const Retries&, const Retries&) = default;
};

// What of a request decides its endpoint, for RING_HASH and MAGLEV. The first that the request has counts;
// when it has none, the endpoint is random.
struct HashOn {
  std::string header;
  std::string cookie;
  bool source = false;                                       // the client's address
  std::uint32_t load_percent_max = lb::kBoundedLoadPercent;  // of the average; 0: no bound
  friend bool operator==(const HashOn&, const HashOn&) = default;
};

inline constexpr std::string_view kStickyCookiePrefix = "weir-endpoint-";

// Sends a client to the endpoint that answered it first, for as long as that can serve.
struct StickyCookie {
  std::string name;                 // empty: kStickyCookiePrefix and the service's name
  std::optional<Duration> max_age;  // none: until the browser is closed
  friend bool operator==(const StickyCookie&, const StickyCookie&) = default;
};

struct OutlierDetection {
  bool enabled = true;
  std::uint32_t consecutive_5xx = 5;
  std::uint32_t consecutive_failures = 5;  // connections refused, reset or timed out
  Duration interval = std::chrono::seconds(10);
  Duration ejection_time = std::chrono::seconds(30);  // times the number of ejections in a row
  Duration ejection_time_max = std::chrono::seconds(300);
  std::uint32_t ejected_percent_max = 10;
  bool success_rate = true;
  friend bool operator==(const OutlierDetection&, const OutlierDetection&) = default;
};

struct CircuitBreakers {
  std::uint32_t connections_max = 4096;
  std::uint32_t requests_max = 16384;
  std::uint32_t pending_max = 4096;
  std::uint32_t retries_max = 64;
  friend bool operator==(const CircuitBreakers&, const CircuitBreakers&) = default;
};

// TLS towards the endpoints. Verification can only be turned off by name.
struct UpstreamTls {
  std::string server_name;  // SNI and the name that is verified; empty: the host of the endpoint's address
  std::string ca;           // PEM bundle; empty: the system's
  std::string certificate;  // name of a Certificate that is shown to the endpoint; empty: none
  std::vector<std::string> alpn;  // of a service of protocol TCP: what is offered; none: nothing
  bool insecure_skip_verify = false;
  friend bool operator==(const UpstreamTls&, const UpstreamTls&) = default;
};

// How soon a peer that has vanished is found out. None: as the system does it.
struct TcpOptions {
  std::optional<Duration> keepalive;     // of silence, before the peer is asked
  std::optional<Duration> user_timeout;  // that what was sent may stay unacknowledged (TCP_USER_TIMEOUT)
  friend bool operator==(const TcpOptions&, const TcpOptions&) = default;
};

// How a service is found by DNS-SD (RFC 6763) in weir's own domain.
struct Discovery {
  std::string type;                   // "_http._tcp"; empty: by the service's protocol
  std::vector<std::string> subtypes;  // "_printer", by which it can be asked for, too
  friend bool operator==(const Discovery&, const Discovery&) = default;
};

struct ServiceSpec {
  Protocol protocol = Protocol::kHttp;
  Balance balance{};
  std::optional<HashOn> hash_on;
  std::optional<StickyCookie> sticky;
  std::vector<StaticEndpoint> endpoints;
  std::optional<HealthCheck> health_check;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration request_timeout = std::chrono::seconds(60);  // from the request sent to the response's head
  Duration idle_timeout = std::chrono::seconds(60);     // of a pooled upstream connection
  Retries retries;
  OutlierDetection outlier_detection;
  CircuitBreakers circuit_breakers;
  std::uint32_t panic_percent = 0;
  std::optional<Duration> slow_start;
  std::optional<UpstreamTls> tls;
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  TcpOptions tcp;
  std::optional<Duration> drain_timeout;  // of connections to an endpoint that was taken out; none: no limit
  std::optional<Discovery> discovery;     // none: it is found by no DNS-SD
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

// --- LoadBalancer
struct ListenerTls {
  TlsMode mode = TlsMode::kTerminate;
  std::vector<std::string> certificates;  // names; none: one that this weir's own authority issues
  TlsVersion min_version = TlsVersion::k12;
  ClientCertificates client_certificates = ClientCertificates::kNone;
  std::string client_ca;  // PEM bundle that client certificates are verified with
  // Of a TLS listener. kTerminate: what clients may choose from; kPassthrough: it takes only those who offer
  // one of them.
  std::vector<std::string> alpn;
  friend bool operator==(const ListenerTls&, const ListenerTls&) = default;
};

struct Listener {
  ListenerProtocol protocol = ListenerProtocol::kHttp;
  std::vector<std::string> hostnames;  // "a.example", "*.example"; none: every host nobody else names
  std::optional<std::uint32_t> port;   // none: the shared socket of the protocol
  std::optional<ListenerTls> tls;      // HTTPS and TLS only
  std::vector<std::string> proxy_protocol_from;  // networks whose connections begin with a PROXY header
  std::vector<std::string> trusted_proxies;      // networks that are believed about X-Forwarded-*
  bool h2c = false;                // HTTP only: HTTP/2 without TLS, from clients that know it beforehand
  bool redirect_to_https = false;  // HTTP only: 308 for all that comes
  std::optional<std::uint32_t> https_port;  // that redirect_to_https leads to; none: where HTTPS is served
  // TCP and TLS only, at a time on each edge; none: no limit.
  std::optional<std::uint32_t> connections_max;
  std::optional<std::uint32_t> connections_per_source_max;  // of one client address; IPv6: of its /64
  TcpOptions tcp;                                           // of the clients' connections
  friend bool operator==(const Listener&, const Listener&) = default;
};

// A header or a query parameter. With neither exact nor regex, it must only be there.
struct FieldMatch {
  std::string name;
  std::optional<std::string> exact;
  std::optional<std::string> regex;  // RE2, of the whole value
  friend bool operator==(const FieldMatch&, const FieldMatch&) = default;
};

// All of it must match.
struct RouteMatch {
  std::string path_prefix = "/";     // by segment: "/a" matches "/a" and "/a/b", not "/ab"
  std::optional<std::string> path;   // the whole path, in place of a prefix
  std::optional<std::string> regex;  // RE2, of the whole path, in place of a prefix
  std::vector<std::string> methods;  // none: all
  std::vector<FieldMatch> headers;
  std::vector<FieldMatch> query;
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

struct Backend {
  std::string service;
  std::uint32_t weight = 1;
  friend bool operator==(const Backend&, const Backend&) = default;
};

struct Redirect {
  std::uint32_t status = 302;
  std::string scheme;                      // empty: that of the request
  std::string hostname;                    // empty: that of the request
  std::optional<std::uint32_t> port;       // none: the request's, or the scheme's when that changes
  std::optional<std::string> path;         // the whole path
  std::optional<std::string> path_prefix;  // in place of the prefix that matched
  friend bool operator==(const Redirect&, const Redirect&) = default;
};

struct DirectResponse {
  std::uint32_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  friend bool operator==(const DirectResponse&, const DirectResponse&) = default;
};

struct Rewrite {
  std::string hostname;                    // empty: as the client sent it
  std::optional<std::string> path;         // the whole path
  std::optional<std::string> path_prefix;  // in place of the prefix that matched
  friend bool operator==(const Rewrite&, const Rewrite&) = default;
};

struct HeaderValue {
  std::string name;
  std::string value;
  friend bool operator==(const HeaderValue&, const HeaderValue&) = default;
};

// In this order: remove, set, add.
struct HeaderEdits {
  std::vector<std::string> remove;
  std::vector<HeaderValue> set;
  std::vector<HeaderValue> add;
  friend bool operator==(const HeaderEdits&, const HeaderEdits&) = default;
};

// A token bucket for each key: the client's address, or the value of a header; without either, one for the
// route.
struct RateLimit {
  std::uint32_t requests = 100;
  Duration per = std::chrono::seconds(1);
  std::uint32_t burst = 0;  // 0: as many as requests
  bool by_address = false;
  std::string by_header;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct BasicAuth {
  std::string realm = "weir";
  std::string secret;  // name of a Secret: user -> hash of the password, as htpasswd -B or mkpasswd print it
  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};

// Visitors sign in by a provider of identities (OpenID Connect). Who is in neither list may not come.
struct VisitorSignIn {
  std::string issuer;
  std::string client_id;
  std::string secret;  // name of a Secret: client_secret
  std::vector<std::string> allow_emails;
  std::vector<std::string> allow_domains;
  Duration session = std::chrono::hours(12);
  friend bool operator==(const VisitorSignIn&, const VisitorSignIn&) = default;
};

// Networks like 10.0.0.0/8. What is denied is refused; with allow, so is what it doesn't hold.
struct IpAccess {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  friend bool operator==(const IpAccess&, const IpAccess&) = default;
};

// Exactly one of backends, redirect and respond.
struct Route {
  RouteMatch match;
  std::vector<Backend> backends;
  std::optional<Redirect> redirect;
  std::optional<DirectResponse> respond;
  std::optional<Rewrite> rewrite;
  std::optional<HeaderEdits> request_headers;
  std::optional<HeaderEdits> response_headers;
  std::optional<IpAccess> ip_access;
  std::optional<BasicAuth> basic_auth;
  std::optional<VisitorSignIn> sign_in;
  std::vector<RateLimit> rate_limits;
  std::optional<Duration> request_timeout;              // none: the service's
  std::optional<Duration> stream_idle_timeout;          // none: by what the stream is
  std::optional<Duration> stream_duration_max;          // none: no limit
  std::optional<Duration> half_close_timeout;           // TCP and TLS only
  std::optional<std::uint64_t> request_body_bytes_max;  // none: no limit
  std::uint64_t client_bytes_per_second_min = 240;      // 0: no limit; Kestrel's
  std::optional<Retries> retries;                       // none: the service's
  friend bool operator==(const Route&, const Route&) = default;
};

struct EdgeSelector {
  Labels match;  // an edge must have all of them
  friend bool operator==(const EdgeSelector&, const EdgeSelector&) = default;
};

struct LoadBalancerSpec {
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  EdgeSelector edges;
  bool allow_encoded_slashes = false;  // else a path with %2F, %5C or a backslash is refused
  friend bool operator==(const LoadBalancerSpec&, const LoadBalancerSpec&) = default;
};

// --- Certificate: a chain, leaf first, and the leaf's key; both PEM
struct CertificateSpec {
  std::string certificate;
  std::string private_key;
  friend bool operator==(const CertificateSpec&, const CertificateSpec&) = default;
};

// --- Secret: texts by key, never shown again
struct SecretSpec {
  Labels values;
  friend bool operator==(const SecretSpec&, const SecretSpec&) = default;
};

// --- Endpoint: one that joined a service by itself
// A place that is kept for an origin which comes by a tunnel.
struct TunnelSlot {
  std::uint32_t port = 0;  // that a client asks for: ssh -R PORT:...
  friend bool operator==(const TunnelSlot&, const TunnelSlot&) = default;
};

// Exactly one of address and tunnel. The last four are what service discovery tells of it, and how long it is
// believed: with a lease it is gone when nobody has renewed it for so long.
struct EndpointSpec {
  std::string service;
  std::string address;
  std::optional<TunnelSlot> tunnel;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;
  std::string instance;           // its name for people (RFC 6763 section 4.1.1); empty: the object's
  std::string version;            // of what runs there; versions can be asked for side by side
  std::vector<std::string> text;  // "key=value", for its TXT record
  std::optional<Duration> lease;
  std::optional<WallTime> expires_at;  // set by the server when it is written and renewed, if it has a lease
  friend bool operator==(const EndpointSpec&, const EndpointSpec&) = default;
};

// --- Token
// What a machine becomes by a token. What is empty, the machine may say itself.
struct Join {
  MachineRole role = MachineRole::kEdge;
  std::string name;  // that it has to take, also when there is one already; empty: any that is new
  std::string provider;
  std::string region;
  std::string city;
  Labels labels;
  friend bool operator==(const Join&, const Join&) = default;
};

struct TokenSpec {
  std::string description;
  Role role = Role::kViewer;
  std::optional<WallTime> expires_at;
  std::string user;  // whose it is: it never may more; of the role tunnel: whose origins come in
  std::vector<std::string> scopes;    // "services:write", "*:read"; none: all that the role may
  std::optional<Join> join;           // of the role join, as are the next two
  std::uint32_t uses = 1;             // how many machines it lets in
  std::uint32_t used = 0;             // how many it has let in; set by the server
  std::vector<std::string> services;  // of the role member: that it joins and leaves
  std::string hash;  // of the secret that the caller presents; set by the server, never shown
  friend bool operator==(const TokenSpec&, const TokenSpec&) = default;
};

// --- Event: one line of the audit
struct EventSpec {
  std::optional<WallTime> time;
  std::string actor;
  std::string verb;
  std::string kind;  // of the object
  std::string name;
  std::uint64_t revision = 0;
  std::string remote_address;
  std::string reason;  // why it was refused, or done by weir itself; empty: somebody did it
  std::string before;  // JSON, without secrets; empty: there was none
  std::string after;
  friend bool operator==(const EventSpec&, const EventSpec&) = default;
};

// --- Edge: a registered machine
struct EdgeSpec {
  std::string provider;
  std::string region;
  std::string city;
  std::string address;
  std::string version;
  std::vector<std::string> capabilities;
  bool revoked = false;  // its certificate counts no more
  friend bool operator==(const EdgeSpec&, const EdgeSpec&) = default;
};

// --- Tunnel: a live way to an origin that came to an edge by itself
enum class TunnelVia : std::uint8_t { kSsh, kAgent };

struct TunnelSpec {
  std::string service;
  std::string instance;  // of the origin: the same one at several edges is one endpoint
  std::string edge;      // where it is attached
  std::string provider;  // of that edge
  std::string relay;     // host:port by which other edges reach that edge; empty: they can't
  std::string session;   // of that edge: a later one has taken the place of an earlier
  TunnelVia via = TunnelVia::kSsh;
  std::string user;
  std::string client;   // its address and port
  std::string seen_by;  // the controller that the edge tells of it
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;
  std::optional<WallTime> since;
  friend bool operator==(const TunnelSpec&, const TunnelSpec&) = default;
};

// --- Rollout: a change that reaches the edges in waves
struct RolloutWave {
  Labels match;                 // edges that have all of them, provider, region and city too; none: all
  std::uint32_t percent = 100;  // of those; one at least, see first
  Duration bake = std::chrono::seconds(30);  // the gates hold for so long, once all of the wave have it
  std::string first;  // the edge that it has at least, if the percent comes to none; set by the server
  friend bool operator==(const RolloutWave&, const RolloutWave&) = default;
};

// What must hold of the edges that have the change, for the next wave to begin.
struct RolloutGates {
  Duration apply_timeout = std::chrono::minutes(1);  // within which all of a wave have it
  std::uint32_t lost_percent_max = 0;                // edges of the waves that are gone since then
  std::uint32_t errors_percent_max = 1;      // 5xx among their requests, above the other edges' (or before's)
  std::uint32_t latency_percent_max = 50;    // by which their p99 may be above that
  std::uint32_t unhealthy_percent_max = 10;  // endpoints that they see so and did not before
  std::uint64_t requests_min = 100;          // fewer say nothing about errors and latency
  bool allow_uncounted = false;              // although none of its edges counts requests
  friend bool operator==(const RolloutGates&, const RolloutGates&) = default;
};

struct DeletedObject {
  std::string kind;
  std::string name;
  friend bool operator==(const DeletedObject&, const DeletedObject&) = default;
};

// kRefused: it never began. kWithdrawn: a gate failed, or others changed an object; edges are as before.
enum class RolloutPhase : std::uint8_t { kPending, kRunning, kDone, kWithdrawn, kRefused };

// An object that a rollout changes, as it was when the rollout began.
struct RolloutBase {
  std::string object;          // "services/web"
  std::uint64_t revision = 0;  // 0: there was none
  friend bool operator==(const RolloutBase&, const RolloutBase&) = default;
};

// How far it has come: written by the controller that leads, with each step, and read by all.
struct RolloutProgress {
  RolloutPhase phase = RolloutPhase::kPending;
  std::uint32_t wave = 0;          // the one under way, from 1
  std::vector<RolloutWave> waves;  // all of them, as worked out at the beginning
  std::optional<WallTime> since;   // of the wave, or of the end
  std::vector<RolloutBase> bases;
  std::string reason;  // why it ended
  friend bool operator==(const RolloutProgress&, const RolloutProgress&) = default;
};

// When `waves` are none: by each provider, within it by each region, within that by `percents` of its edges.
struct RolloutSpec {
  std::string changes;  // JSON: a list of objects as they shall be
  std::vector<DeletedObject> deletions;
  std::vector<RolloutWave> waves;
  std::vector<std::uint32_t> percents{10, 100};
  Duration bake = std::chrono::seconds(30);  // of those waves
  RolloutGates gates;
  bool paused = false;
  std::optional<RolloutProgress> progress;  // none: not begun; set by the server
  friend bool operator==(const RolloutSpec&, const RolloutSpec&) = default;
};

// --- User: an account
// Who somebody is at a provider of identities (OpenID Connect Core section 2).
struct OpenIdName {
  std::string issuer;
  std::string subject;
  friend bool operator==(const OpenIdName&, const OpenIdName&) = default;
};

struct UserSpec {
  std::string email;                  // by which it logs in; no other has it, in whatever case
  std::string display_name;           // as its owner writes it
  std::string password;               // a client writes it; what is kept is its hash. Empty: nobody logs in
  std::vector<std::string> ssh_keys;  // lines of authorized_keys: keys, which no other has, and authorities
  bool disabled = false;
  std::optional<Role> role;          // on the platform, over all organizations; absent: none
  std::vector<OpenIdName> open_ids;  // by which it signs in, too; no other has one of them
  friend bool operator==(const UserSpec&, const UserSpec&) = default;
};

// --- Organization: whose objects are apart from everybody else's
struct OrganizationMember {
  std::string user;
  Role role = Role::kViewer;
  friend bool operator==(const OrganizationMember&, const OrganizationMember&) = default;
};

struct Quota {
  std::string kind;  // plural, "services"
  std::uint32_t max = 0;
  friend bool operator==(const Quota&, const Quota&) = default;
};

// OpenID Connect: who may sign in by it becomes a User and a member at the first time.
struct SignIn {
  std::string issuer;  // https://..., as in its discovery document
  std::string client_id;
  std::string client_secret;
  std::string display_name;          // on the button
  std::vector<std::string> domains;  // of e-mail addresses that come in by themselves; none: nobody new
  std::optional<Role> role;          // of who does; absent: viewer
  friend bool operator==(const SignIn&, const SignIn&) = default;
};

struct OrganizationSpec {
  std::string display_name;
  std::vector<OrganizationMember> members;
  std::vector<Quota> quotas;  // only the platform writes them
  std::optional<SignIn> sign_in;
  friend bool operator==(const OrganizationSpec&, const OrganizationSpec&) = default;
};

// --- Session: somebody who is logged in
struct SessionSpec {
  std::string user;   // a User; empty: who came with a token
  std::string token;  // of the method token: the Token's name
  SessionMethod method = SessionMethod::kPassword;
  bool pending = false;  // of the method device: nobody has approved it yet
  std::string device;    // of the method device: what calls itself so
  std::string remote_address;
  std::string user_agent;
  std::optional<WallTime> expires_at;
  std::string hash;       // of the secret in the cookie or with the device
  std::string code_hash;  // of what its user types to approve a device
  friend bool operator==(const SessionSpec&, const SessionSpec&) = default;
};

}  // namespace weir::config
