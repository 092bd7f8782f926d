// Kinds: what there is to know of each kind of resource. A kind is a struct in specs.h, a table in
// schema_*.h, a line of kKinds, and a validate() for what spans fields. Everything that reads, prints,
// compares or documents follows from that. The tables themselves are for kinds.cc alone: whoever includes
// them compiles what makes, copies and measures every field of every kind.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/object.h"
#include "config/specs.h"
#include "config/specs_dns.h"
#include "dns/codes.h"

namespace weir::config {

struct Type;  // schema.h

struct KindInfo {
  Kind kind;
  std::string_view name;    // "LoadBalancer"
  std::string_view plural;  // "loadbalancers", as in the API's paths
  std::string_view doc;     // one line
  bool client_writes;       // false: only the server makes them
  bool dotted_names;        // names of its objects are domains: they may have dots
  const Type* spec;
  const Type* status;  // null: nothing is seen of it
  Spec (*make)();
};

inline constexpr std::size_t kKindsMax = std::variant_size_v<AnySpec>;
extern const std::array<KindInfo, kKindsMax> kKinds;
const Type& metadata_type();

// Of what is seen, not wanted: what it names may be gone, it makes no change of others wrong, and it holds up
// no deletion.
constexpr bool names_loosely(Kind kind) {
  return kind == Kind::kTunnel || kind == Kind::kInstance || kind == Kind::kSession;
}

inline const KindInfo& info_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
// What is wrong with a name for one of its objects; empty: nothing.
std::string check_name_of(const KindInfo& kind, std::string_view name);
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

// Where visitors of a load balancer with sign_in come back from the provider of identities, sign in as
// somebody else, and sign out: on each of its hosts.
inline constexpr std::string_view kSignInCallbackPath = "/.weir/sign-in/callback";
inline constexpr std::string_view kSignInAgainPath = "/.weir/sign-in/again";
inline constexpr std::string_view kSignOutPath = "/.weir/sign-in/out";
inline constexpr std::array kSignInPaths{kSignInCallbackPath, kSignInAgainPath, kSignOutPath};
// The first of its routes that has sign_in; null: none. All that have it have the same provider.
const Route* route_with_sign_in(const LoadBalancerSpec& spec);

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

// What of a zone depends on its name.
void check_zone(const std::string& name, const ZoneSpec& spec, Report& report);
// Whose records they are: "www.example.com", in lower case.
std::string owner_name_of(const RecordSetSpec& spec);
dns::Type type_of(RecordType type);
// In millionths; none: it is no decimal number above 0 that has at most six places behind the point.
std::optional<std::uint64_t> parse_price(std::string_view text);
// "aws 720 of 1000: 0.05 a unit, 400 of 1000 requests/s"
std::string sentence_of(const ProviderWeight& weight);
// Whether they were computed for these providers, all of them and no others.
bool is_for(const DnsWeightsSpec& weights, const RecordBalance& balance);

const void* spec_of(const Object& object);  // what info_of(object.kind()).spec describes
void* spec_of(Object& object);

}  // namespace weir::config
