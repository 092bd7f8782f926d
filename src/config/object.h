// Object: one resource of any kind, as it is stored, sent and compared: metadata, spec, status. The seam
// between JSON text and values: outside this room nobody needs a JSON library for a resource.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "config/specs.h"
#include "config/specs_dns.h"
#include "config/specs_workload.h"
#include "config/violation.h"

namespace weir::config {

inline constexpr std::size_t kDocumentBytesMax = std::size_t{1}
                                                 << 20U;             // one object; etcd's order of magnitude
inline constexpr std::size_t kListBytesMax = std::size_t{8} << 20U;  // many objects: one apply, one YAML file
inline constexpr std::size_t kObjectsMax = 10'000;                   // in one list
inline constexpr int kDepthMax = 32;                                 // levels; the kinds need ten

// In the order of kKinds (kinds.h) and of Spec.
enum class Kind : std::uint8_t {
  kLoadBalancer,
  kService,
  kEndpoint,
  kToken,
  kEvent,
  kCertificate,
  kSecret,
  kEdge,
  kRollout,
  kTunnel,
  kUser,
  kZone,
  kRecordSet,
  kDnsProvider,
  kDnsLedger,
  kDnsWeights,
  kWorkload,
  kNode,
  kInstance,
  kOrganization,
  kSession
};
using AnySpec = std::variant<LoadBalancerSpec, ServiceSpec, EndpointSpec, TokenSpec, EventSpec,
                             CertificateSpec, SecretSpec, EdgeSpec, RolloutSpec, TunnelSpec, UserSpec,
                             ZoneSpec, RecordSetSpec, DnsProviderSpec, DnsLedgerSpec, DnsWeightsSpec,
                             WorkloadSpec, NodeSpec, InstanceSpec, OrganizationSpec, SessionSpec>;
// A class, so that what a variant of so many kinds needs to be copied, moved and destroyed is compiled once,
// and not in each file that has an Object by value.
class Spec : public AnySpec {
 public:
  using AnySpec::AnySpec;
  using AnySpec::operator=;
  Spec();
  Spec(const Spec& other);
  Spec(Spec&& other) noexcept;
  Spec& operator=(const Spec& other);
  Spec& operator=(Spec&& other) noexcept;
  ~Spec();
  friend bool operator==(const Spec& left, const Spec& right);
};

struct Metadata {
  std::string name;
  std::string organization;  // whose it is; empty: the platform's. Never changes
  Labels labels;
  Labels annotations;
  // Set by the server. Taken from a client as they are, for whoever wants to compare; see
  // carry_server_fields().
  std::string uid;
  std::uint64_t revision = 0;
  std::optional<WallTime> created_at;
  std::optional<WallTime> updated_at;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

struct Object {
  Metadata metadata;
  Spec spec;
  std::string status;  // a JSON object; empty: none

  Kind kind() const { return static_cast<Kind>(spec.index()); }
  friend bool operator==(const Object& left, const Object& right);
};

using ObjectPointer = std::shared_ptr<const Object>;

// Whose it is: the name of a User. Nobody else's tunnels join such a Service.
inline constexpr std::string_view kOwnerLabel = "weir/owner";
std::string_view owner_of(const Object& object);  // empty: nobody's

std::string reference_of(const Object& object);  // "Service/web"
// The service that an Endpoint or a Tunnel is a part of; null: it is none of those.
const std::string* service_joined_by(const Object& object);

// kClient: status is dropped, kinds and secrets that only the server writes are refused. kStore: everything
// is taken.
enum class Origin : std::uint8_t { kClient, kStore };
// kHide: secret fields are left out. kKeep: only for the store.
enum class Secrets : std::uint8_t { kHide, kKeep };

// Reads and validates one object by itself; defaults are filled in. All violations at once.
Checked<Object> parse_object(std::string_view json, Origin origin);
// The same for a JSON list of objects, or {"objects": [...]}. Two of the same kind and name are refused.
Checked<std::vector<Object>> parse_objects(std::string_view json, Origin origin);

// Canonical: fields in the order of the tables, defaults written out, what is empty left out. Parses back to
// an equal object (with Secrets::kKeep and Origin::kStore).
std::string to_json(const Object& object, Secrets secrets);

// Puts what only the server may set (uid, revision, times, a token's hash, status) from the stored object
// into the new one of the same kind; also secrets that the new one does not have, since nobody is shown them.
void carry_server_fields(const Object& stored, Object& updated);
// What spans the fields of the spec, once more: for an object that secrets were carried into.
Violations validate_spec(const Object& object);

// What a change would do to one field, for plan, dry run and the audit. Secrets are never in it.
struct Change {
  std::string path;    // "spec.endpoints[1].weight"
  std::string before;  // JSON; empty: not there
  std::string after;
  friend bool operator==(const Change&, const Change&) = default;
};
// Between two states of one object (the same kind). What the server sets (revision, times, status) is left
// out.
std::vector<Change> diff(const Object& before, const Object& after);

}  // namespace weir::config
