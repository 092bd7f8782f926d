// The specs of the kinds that DNS is made of. As in specs.h: plain values, defaults in place, documented in
// schema_dns.h. TTLs are in seconds, as everywhere in DNS.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/specs.h"

namespace weir::config {

// In the order of type_of() in records.cc. An ALIAS is answered as the A and AAAA records of another name.
enum class RecordType : std::uint8_t {
  kA,
  kAaaa,
  kCname,
  kMx,
  kTxt,
  kSrv,
  kPtr,
  kCaa,
  kNs,
  kSvcb,
  kHttps,
  kDs,
  kTlsa,
  kSshfp,
  kNaptr,
  kAlias
};
enum class RecordPolicy : std::uint8_t { kSimple, kRoundRobin, kWeighted, kFailover, kMulti, kGeo };
enum class AllDown : std::uint8_t { kServeAll, kServeNone, kFallback };

inline constexpr std::int64_t kTtlMax = 604'800;       // seconds: a week, which no resolver exceeds
inline constexpr std::int64_t kRecordBytesMax = 4096;  // the text of one record's data
inline constexpr std::size_t kRecordsMax = 1000;       // of one record set
inline constexpr std::size_t kSitesMax = 1000;         // of one zone
inline constexpr std::size_t kNetworksMax = 1000;      // of one site
inline constexpr std::size_t kPlacesMax = 300;         // of one answer: more than there are countries
inline constexpr std::size_t kServersMax = 32;         // that are told of changes
inline constexpr std::size_t kBalancedMax = 16;        // providers of one record set
inline constexpr std::uint32_t kSharesAll = 1000;      // what the shares of the providers come to together
inline constexpr std::int64_t kCapacityMax = 1'000'000'000;  // requests per second

// --- Zone: a domain that weir answers for. Its name is the object's.
// Networks that are one place to the GEO answers of the zone.
struct Site {
  std::string name;
  std::vector<std::string> networks;
  friend bool operator==(const Site&, const Site&) = default;
};

// Who takes copies of it (AXFR, IXFR): from one of the networks, and signed with one of the keys, as far as
// there are any. And who is told of changes (NOTIFY).
struct ZoneTransfers {
  std::vector<std::string> networks;
  std::vector<std::string> keys;    // names of Secrets that hold TSIG keys
  std::vector<std::string> notify;  // host:port
  friend bool operator==(const ZoneTransfers&, const ZoneTransfers&) = default;
};

// What somebody may write by RFC 2136.
struct ZoneUpdateRule {
  std::string key;                 // name of a Secret that holds the TSIG key that they sign with
  std::vector<std::string> names;  // "www": that one; "*.dev": all below dev; "*": all. None: all
  std::vector<RecordType> types;   // none: all
  friend bool operator==(const ZoneUpdateRule&, const ZoneUpdateRule&) = default;
};

struct ZoneSpec {
  std::vector<std::string> nameservers;  // host names; one without a dot is within the zone
  std::string hostmaster;                // an e-mail address; empty: hostmaster@ the zone
  std::uint32_t ttl = 300;               // of records that have none
  std::uint32_t negative_ttl = 60;       // of the answer that there is nothing
  std::string records;                   // a zone file (RFC 1035 section 5): what stays as it is
  std::vector<Site> sites;
  std::optional<ZoneTransfers> transfers;  // none: nobody takes copies
  std::vector<ZoneUpdateRule> updates;     // none: nobody writes
  friend bool operator==(const ZoneSpec&, const ZoneSpec&) = default;
};

// --- RecordSet: the records of one name and type
struct RecordAnswer {
  std::string value;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string service;  // healthy while that one serves; empty: always
  // Of the policy GEO: "192.0.2.0/24", "site/home", "country/DE", "continent/EU", the closest of which
  // counts. None: everywhere else.
  std::vector<std::string> places;
  std::string provider;  // of RecordSetSpec::balance: whose share it has a part of, by its weight
  friend bool operator==(const RecordAnswer&, const RecordAnswer&) = default;
};

// Whose networks the answers are in, and what it costs there.
struct BalancedProvider {
  std::string name;            // that its edges say (--provider)
  std::string price;           // of one request, in any unit, the same for all: "0.05"
  std::uint32_t capacity = 0;  // requests per second; 0: whatever comes
  friend bool operator==(const BalancedProvider&, const BalancedProvider&) = default;
};

// Weights that are computed from the load of the providers' edges: the cheapest carry as much as they can.
struct RecordBalance {
  std::vector<BalancedProvider> providers;
  std::uint32_t share_min = 5;         // percent that each keeps
  std::uint32_t utilisation_max = 80;  // percent of its capacity, before the next one is used
  Duration interval = std::chrono::seconds(30);
  friend bool operator==(const RecordBalance&, const RecordBalance&) = default;
};

// Exactly one of values, answers and service.
struct RecordSetSpec {
  std::string zone;
  std::string name = "@";  // relative to the zone; "@" is the zone itself
  RecordType type = RecordType::kA;
  std::optional<std::uint32_t> ttl;  // none: the zone's
  RecordPolicy policy = RecordPolicy::kSimple;
  std::vector<std::string> values;
  std::vector<RecordAnswer> answers;
  std::string service;                    // whose endpoints' addresses are the answers
  std::uint32_t healthy_percent_min = 0;  // of a priority's weight; below it, the next priority answers, too
  std::uint32_t answers_max = 8;          // of the policy MULTI
  bool sticky = false;                    // a client keeps its answer while that is healthy
  AllDown all_down = AllDown::kServeAll;
  std::vector<std::string> fallback;     // of all_down: FALLBACK
  std::optional<RecordBalance> balance;  // none: weights are as they are written
  friend bool operator==(const RecordSetSpec&, const RecordSetSpec&) = default;
};

// --- DnsProvider: somebody else's name servers, to which zones are written
enum class DnsProviderType : std::uint8_t { kCloudflare, kRoute53, kPowerDns, kRfc2136 };

struct DnsProviderSpec {
  DnsProviderType type = DnsProviderType::kCloudflare;
  std::string url;                 // of its API, or host:port of the server; empty: the provider's own
  std::string credentials;         // name of a Secret
  std::string ca;                  // PEM bundle that its certificate is verified with; empty: the system's
  std::vector<std::string> zones;  // names of Zones
  std::uint32_t changes_percent_max = 30;       // of the records there; more are not made unless forced
  bool automatic = true;                        // false: written only when somebody asks for it
  Duration interval = std::chrono::minutes(5);  // at which it is compared with what is there
  friend bool operator==(const DnsProviderSpec&, const DnsProviderSpec&) = default;
};

// --- DnsLedger: the records that weir has made at a provider in one zone. Nothing else is touched there.
struct DnsLedgerSpec {
  std::string provider;
  std::string zone;
  std::vector<std::string> records;  // "www.example.com. A"
  friend bool operator==(const DnsLedgerSpec&, const DnsLedgerSpec&) = default;
};

// --- DnsWeights: the shares of the providers of one RecordSet with a balance, as the controller that leads
// has computed them last, and what they come from. Its name is that of the RecordSet.
struct ProviderWeight {
  std::string provider;
  std::uint32_t weight = 0;  // of kSharesAll
  std::string price;
  std::uint32_t capacity = 0;
  std::uint64_t load = 0;  // requests per second, of its edges
  friend bool operator==(const ProviderWeight&, const ProviderWeight&) = default;
};
struct DnsWeightsSpec {
  std::string zone;
  std::vector<ProviderWeight> providers;  // in the order of the balance
  std::optional<WallTime> computed_at;
  friend bool operator==(const DnsWeightsSpec&, const DnsWeightsSpec&) = default;
};

}  // namespace weir::config
