// The tables of the kinds that the name server answers from. See schema.h for what a table is.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "config/formats.h"
#include "config/object.h"
#include "config/schema_common.h"
#include "config/specs.h"
#include "config/specs_dns.h"
#include "config/status.h"

namespace weir::config {

template <>
struct Words<RecordType> {
  static constexpr std::array<std::string_view, 16> words{"A",    "AAAA",  "CNAME", "MX",   "TXT",   "SRV",
                                                          "PTR",  "CAA",   "NS",    "SVCB", "HTTPS", "DS",
                                                          "TLSA", "SSHFP", "NAPTR", "ALIAS"};
};
template <>
struct Words<RecordPolicy> {
  static constexpr std::array<std::string_view, 6> words{"SIMPLE",   "ROUND_ROBIN", "WEIGHTED",
                                                         "FAILOVER", "MULTI",       "GEO"};
};
template <>
struct Words<AllDown> {
  static constexpr std::array<std::string_view, 3> words{"SERVE_ALL", "SERVE_NONE", "FALLBACK"};
};
template <>
struct Words<DnsProviderType> {
  static constexpr std::array<std::string_view, 4> words{"CLOUDFLARE", "ROUTE53", "POWERDNS", "RFC2136"};
};

// --- Zone
std::string check_site_name(std::string_view text);    // letters, digits, "-" and "_"
std::string check_update_name(std::string_view text);  // see ZoneUpdateRule::names
std::string check_place(std::string_view text);        // see RecordAnswer::places
std::string check_price(std::string_view text);        // see parse_price()

template <>
struct Schema<Site> {
  static constexpr std::string_view name = "Site";
  static constexpr std::array fields{
      field<&Site::name>({.name = "name",
                          .doc = "by which answers name it: site/NAME",
                          .required = true,
                          .min = 1,
                          .max = 63,
                          .check = check_site_name}),
      field<&Site::networks>({.name = "networks",
                              .doc = "networks that are there: 192.0.2.0/24, 2001:db8::/32",
                              .required = true,
                              .max = 64,
                              .items_min = 1,
                              .items_max = kNetworksMax,
                              .check = check_network}),
  };
};

template <>
struct Schema<ZoneTransfers> {
  static constexpr std::string_view name = "ZoneTransfers";
  static constexpr std::array fields{
      field<&ZoneTransfers::networks>(
          {.name = "networks",
           .doc = "from which copies are taken; absent: from anywhere, and keys are required",
           .max = 64,
           .check = check_network}),
      field<&ZoneTransfers::keys>(
          {.name = "keys",
           .doc = "Secrets with TSIG keys (name, algorithm, secret), one of which must sign the transfer",
           .max = 63,
           .check = check_name,
           .refers_to = "Secret"}),
      field<&ZoneTransfers::notify>({.name = "notify",
                                     .doc = "servers that are told of each change, as host:port",
                                     .max = 260,
                                     .items_max = kServersMax,
                                     .check = check_address}),
  };
  static void validate(const ZoneTransfers& spec, Report& report);
};

template <>
struct Schema<ZoneUpdateRule> {
  static constexpr std::string_view name = "ZoneUpdateRule";
  static constexpr std::array fields{
      field<&ZoneUpdateRule::key>({.name = "key",
                                   .doc = "Secret with the TSIG key (name, algorithm, secret) that signs",
                                   .required = true,
                                   .min = 1,
                                   .max = 63,
                                   .check = check_name,
                                   .refers_to = "Secret"}),
      field<&ZoneUpdateRule::names>(
          {.name = "names",
           .doc = "that it may write, relative to the zone: www, *.dev for all below dev, \"*\" for all; "
                  "absent: all",
           .min = 1,
           .max = 253,
           .check = check_update_name}),
      field<&ZoneUpdateRule::types>({.name = "types", .doc = "of records that it may write; absent: all"}),
  };
  static void validate(const ZoneUpdateRule& spec, Report& report);
};

template <>
struct Schema<ZoneSpec> {
  static constexpr std::string_view name = "ZoneSpec";
  static constexpr std::array fields{
      field<&ZoneSpec::nameservers>(
          {.name = "nameservers",
           .doc = "host names of the servers that answer for it; one without a dot is within the zone",
           .required = true,
           .min = 1,
           .max = 253,
           .items_min = 1,
           .items_max = 13,
           .check = check_hostname}),
      field<&ZoneSpec::hostmaster>(
          {.name = "hostmaster",
           .doc = "e-mail address of who answers for it; absent: hostmaster@ the zone",
           .max = 254,
           .check = check_email}),
      field<&ZoneSpec::ttl>(
          {.name = "ttl", .doc = "seconds that records are kept which have no ttl", .max = kTtlMax}),
      field<&ZoneSpec::negative_ttl>(
          {.name = "negative_ttl", .doc = "seconds that it is kept that there is no record", .max = kTtlMax}),
      field<&ZoneSpec::records>(
          {.name = "records",
           .doc = "records as a zone file has them (RFC 1035), for what no RecordSet says",
           .max = kDocumentBytesMax,
           .lines = true}),
      field<&ZoneSpec::sites>({.name = "sites",
                               .doc = "places of your own, that answers of the policy GEO may name",
                               .items_max = kSitesMax}),
      field<&ZoneSpec::transfers>(
          {.name = "transfers", .doc = "who takes copies (AXFR, IXFR) and is told of changes (NOTIFY)"}),
      field<&ZoneSpec::updates>(
          {.name = "updates", .doc = "who may write its RecordSets by DNS UPDATE (RFC 2136)"}),
  };
  static void validate(const ZoneSpec& spec, Report& report);
};

template <>
struct Schema<ZoneStatus> {
  static constexpr std::string_view name = "ZoneStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&ZoneStatus::serving>({.name = "serving", .doc = "whether the name server here answers for it"}),
      field<&ZoneStatus::serial>({.name = "serial", .doc = "of its SOA", .max = kNumberMax}),
      field<&ZoneStatus::records>({.name = "records", .doc = "the same for everybody", .max = kNumberMax}),
      field<&ZoneStatus::reason>(
          {.name = "reason", .doc = "why it is not served as it is written", .max = 4096}),
  };
};

// --- RecordSet
template <>
struct Schema<RecordAnswerStatus> {
  static constexpr std::string_view name = "RecordAnswerStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&RecordAnswerStatus::value>({.name = "value", .doc = "the record", .max = kRecordBytesMax}),
      field<&RecordAnswerStatus::healthy>({.name = "healthy", .doc = "whether it may be given"}),
      field<&RecordAnswerStatus::given>({.name = "given", .doc = "whether it is among those that are"}),
      field<&RecordAnswerStatus::reason>({.name = "reason", .doc = "why it is not healthy", .max = 4096}),
  };
};
template <>
struct Schema<RecordSetStatus> {
  static constexpr std::string_view name = "RecordSetStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&RecordSetStatus::reason>(
          {.name = "reason", .doc = "of a set with a policy: why these are given", .max = 4096}),
      field<&RecordSetStatus::answers>(
          {.name = "answers", .doc = "all that there are", .items_max = kRecordsMax}),
  };
};

template <>
struct Schema<RecordAnswer> {
  static constexpr std::string_view name = "RecordAnswer";
  static constexpr std::array fields{
      field<&RecordAnswer::value>({.name = "value",
                                   .doc = "as a zone file has it: 192.0.2.1",
                                   .required = true,
                                   .min = 1,
                                   .max = kRecordBytesMax}),
      field<&RecordAnswer::weight>({.name = "weight",
                                    .doc = "of the policy WEIGHTED: share of the replies, relative to the "
                                           "others; 0 drains it",
                                    .max = kWeightMax}),
      field<&RecordAnswer::priority>(
          {.name = "priority",
           .doc = "of the policy FAILOVER: lower ones answer, higher ones only when no lower one can",
           .max = kPriorityMax}),
      field<&RecordAnswer::service>(
          {.name = "service",
           .doc = "it is an answer while an endpoint of that Service is healthy; absent: always",
           .max = 63,
           .check = check_name,
           .refers_to = "Service"}),
      field<&RecordAnswer::places>(
          {.name = "places",
           .doc = "of the policy GEO: whose clients get it: a network, site/NAME, country/DE, continent/EU, "
                  "the closest of which counts; absent: those of everywhere else",
           .max = 80,
           .items_max = kPlacesMax,
           .check = check_place}),
      field<&RecordAnswer::provider>({.name = "provider",
                                      .doc = "beside balance: the one that it is at; of whose share it has "
                                             "the part that weight says",
                                      .max = 63}),
  };
};

template <>
struct Schema<BalancedProvider> {
  static constexpr std::string_view name = "BalancedProvider";
  static constexpr std::array fields{
      field<&BalancedProvider::name>({.name = "name",
                                      .doc = "as its edges have it (--provider)",
                                      .required = true,
                                      .min = 1,
                                      .max = 63}),
      field<&BalancedProvider::price>({.name = "price",
                                       .doc = "of a request there, in any unit, the same for all: \"0.05\"",
                                       .required = true,
                                       .min = 1,
                                       .max = 20,
                                       .check = check_price}),
      field<&BalancedProvider::capacity>(
          {.name = "capacity",
           .doc = "requests per second that its edges are to carry; 0: whatever comes",
           .max = kCapacityMax}),
  };
};

template <>
struct Schema<RecordBalance> {
  static constexpr std::string_view name = "RecordBalance";
  static constexpr std::array fields{
      field<&RecordBalance::providers>({.name = "providers",
                                        .doc = "that the answers are at, and what they cost",
                                        .required = true,
                                        .items_min = 1,
                                        .items_max = kBalancedMax}),
      field<&RecordBalance::share_min>(
          {.name = "share_min", .doc = "percent of the replies that each keeps, to stay warm", .max = 100}),
      field<&RecordBalance::utilisation_max>(
          {.name = "utilisation_max",
           .doc = "percent of its capacity, beyond which the next one by price is used",
           .min = 1,
           .max = 100}),
      field<&RecordBalance::interval>({.name = "interval",
                                       .doc = "at which they are computed",
                                       .min = nanoseconds(std::chrono::seconds(1)),
                                       .max = kDayMax}),
  };
  static void validate(const RecordBalance& spec, Report& report);
};

template <>
struct Schema<RecordSetSpec> {
  static constexpr std::string_view name = "RecordSetSpec";
  static constexpr std::array fields{
      field<&RecordSetSpec::zone>({.name = "zone",
                                   .doc = "name of the Zone that it is in",
                                   .required = true,
                                   .min = 1,
                                   .max = 253,
                                   .check = check_dotted_name,
                                   .refers_to = "Zone"}),
      field<&RecordSetSpec::name>(
          {.name = "name",
           .doc = "relative to the zone: www, *.dev, _db._tcp; \"@\" is the zone itself",
           .min = 1,
           .max = 253}),
      field<&RecordSetSpec::type>(
          {.name = "type",
           .doc = "of the records; ALIAS: the A and AAAA records of another name, looked up by weir",
           .required = true}),
      field<&RecordSetSpec::ttl>(
          {.name = "ttl", .doc = "seconds that they may be kept; absent: as the zone says", .max = kTtlMax}),
      field<&RecordSetSpec::policy>(
          {.name = "policy",
           .doc =
               "SIMPLE: all of them; ROUND_ROBIN: all that are healthy, each first in turn; WEIGHTED: one, "
               "by weight; FAILOVER: the healthy ones of the lowest priority; MULTI: a few healthy ones; "
               "GEO: "
               "the healthy ones of the client's place"}),
      field<&RecordSetSpec::values>({.name = "values",
                                     .doc = "the records, as a zone file has them",
                                     .min = 1,
                                     .max = kRecordBytesMax,
                                     .items_max = kRecordsMax}),
      field<&RecordSetSpec::answers>({.name = "answers",
                                      .doc = "in place of values: the same with weight, priority or health",
                                      .items_max = kRecordsMax}),
      field<&RecordSetSpec::service>(
          {.name = "service",
           .doc = "in place of values: a Service, whose endpoints' addresses are the records, with their "
                  "weight, priority and health",
           .max = 63,
           .check = check_name,
           .refers_to = "Service"}),
      field<&RecordSetSpec::healthy_percent_min>(
          {.name = "healthy_percent_min",
           .doc =
               "of the policy FAILOVER: with less of the weight of a priority healthy, the next answers, too",
           .max = 100,
           .quiet = true}),
      field<&RecordSetSpec::answers_max>({.name = "answers_max",
                                          .doc = "of the policy MULTI: records in one reply",
                                          .min = 1,
                                          .max = 64,
                                          .quiet = true}),
      field<&RecordSetSpec::sticky>(
          {.name = "sticky",
           .doc = "true: clients of one network (/24, of IPv6 /56) get the same answer while it is healthy",
           .quiet = true}),
      field<&RecordSetSpec::all_down>(
          {.name = "all_down", .doc = "what is answered while none is healthy", .quiet = true}),
      field<&RecordSetSpec::fallback>({.name = "fallback",
                                       .doc = "of all_down: FALLBACK: the records that are answered then",
                                       .min = 1,
                                       .max = kRecordBytesMax,
                                       .items_max = kRecordsMax}),
      field<&RecordSetSpec::balance>(
          {.name = "balance",
           .doc = "of the policy WEIGHTED: the weights of its providers are computed from load and price"}),
  };
  static void validate(const RecordSetSpec& spec, Report& report);
};

// --- DnsProvider and its ledgers
template <>
struct Schema<DnsProviderSpec> {
  static constexpr std::string_view name = "DnsProviderSpec";
  static constexpr std::array fields{
      field<&DnsProviderSpec::type>({.name = "type", .doc = "which API it has", .required = true}),
      field<&DnsProviderSpec::url>(
          {.name = "url",
           .doc =
               "where that API is: http://127.0.0.1:8081; of RFC2136: host:port; absent: the provider's own",
           .max = 2048}),
      field<&DnsProviderSpec::credentials>(
          {.name = "credentials",
           .doc = "a Secret. CLOUDFLARE: token; ROUTE53: access_key_id, secret_access_key, session_token; "
                  "POWERDNS: api_key; RFC2136: name, algorithm, secret",
           .required = true,
           .min = 1,
           .max = 63,
           .check = check_name,
           .refers_to = "Secret"}),
      field<&DnsProviderSpec::ca>({.name = "ca",
                                   .doc = "PEM bundle that its certificate is verified with; absent: the "
                                          "system's",
                                   .max = kPemBytesMax,
                                   .lines = true}),
      field<&DnsProviderSpec::zones>({.name = "zones",
                                      .doc = "Zones that are written there, under the same names",
                                      .required = true,
                                      .min = 1,
                                      .max = 253,
                                      .items_min = 1,
                                      .items_max = kSitesMax,
                                      .check = check_dotted_name,
                                      .refers_to = "Zone"}),
      field<&DnsProviderSpec::changes_percent_max>(
          {.name = "changes_percent_max",
           .doc = "of a zone's records there; a change of more is only made when it is forced",
           .max = 100}),
      field<&DnsProviderSpec::automatic>(
          {.name = "automatic", .doc = "false: it is written only by weir provider sync"}),
      field<&DnsProviderSpec::interval>({.name = "interval",
                                         .doc = "at which it is compared with what is there",
                                         .min = nanoseconds(std::chrono::seconds(1)),
                                         .max = kDayMax}),
  };
  static void validate(const DnsProviderSpec& spec, Report& report);
};

template <>
struct Schema<DnsLedgerSpec> {
  static constexpr std::string_view name = "DnsLedgerSpec";
  static constexpr std::array fields{
      field<&DnsLedgerSpec::provider>(
          {.name = "provider", .doc = "name of the DnsProvider", .required = true, .min = 1, .max = 63}),
      field<&DnsLedgerSpec::zone>(
          {.name = "zone", .doc = "name of the Zone", .required = true, .min = 1, .max = 253}),
      field<&DnsLedgerSpec::records>({.name = "records",
                                      .doc = "name and type of each: www.example.com. A",
                                      .max = 300,
                                      .items_max = 100'000}),
  };
};

template <>
struct Schema<ProviderWeight> {
  static constexpr std::string_view name = "ProviderWeight";
  static constexpr std::array fields{
      field<&ProviderWeight::provider>(
          {.name = "provider", .doc = "its name", .required = true, .min = 1, .max = 63}),
      field<&ProviderWeight::weight>(
          {.name = "weight", .doc = "of 1000: its share of the replies", .max = kSharesAll}),
      field<&ProviderWeight::price>({.name = "price", .doc = "that it was computed with", .max = 20}),
      field<&ProviderWeight::capacity>(
          {.name = "capacity", .doc = "likewise, in requests per second", .max = kCapacityMax}),
      field<&ProviderWeight::load>(
          {.name = "load", .doc = "requests per second that its edges carried then", .max = kNumberMax}),
  };
};

template <>
struct Schema<DnsWeightsSpec> {
  static constexpr std::string_view name = "DnsWeightsSpec";
  static constexpr std::array fields{
      field<&DnsWeightsSpec::zone>(
          {.name = "zone", .doc = "of the RecordSet", .required = true, .min = 1, .max = 253}),
      field<&DnsWeightsSpec::providers>(
          {.name = "providers", .doc = "what each gets, and why", .items_max = kBalancedMax}),
      field<&DnsWeightsSpec::computed_at>({.name = "computed_at", .doc = "when that was"}),
  };
};

template <>
struct Schema<DnsWeightsStatus> {
  static constexpr std::string_view name = "DnsWeightsStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&DnsWeightsStatus::reason>(
          {.name = "reason", .doc = "why none are computed now: the last ones stay", .max = 4096}),
  };
};

template <>
struct Schema<DnsProviderZoneStatus> {
  static constexpr std::string_view name = "DnsProviderZoneStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&DnsProviderZoneStatus::zone>({.name = "zone", .doc = "its name", .max = 253}),
      field<&DnsProviderZoneStatus::synced>({.name = "synced", .doc = "whether it is there as it shall be"}),
      field<&DnsProviderZoneStatus::synced_at>(
          {.name = "synced_at", .doc = "when that was last seen; absent: never"}),
      field<&DnsProviderZoneStatus::records>(
          {.name = "records", .doc = "record sets there that weir has made", .max = kNumberMax}),
      field<&DnsProviderZoneStatus::reason>(
          {.name = "reason", .doc = "why it is not as it shall be", .max = 4096}),
  };
};
template <>
struct Schema<DnsProviderStatus> {
  static constexpr std::string_view name = "DnsProviderStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&DnsProviderStatus::zones>(
          {.name = "zones", .doc = "how each of them stands", .items_max = kSitesMax}),
  };
};

// What an object claims of names, and what others claim that can't be beside it, as it is told: "the A
// records of www.a.example in ". Of two objects each has as many rivals among the other's own.
struct Claims {
  std::set<std::string> own;
  std::set<std::string> rivals;
};
// Of a Zone, by its text, and of a RecordSet; of others none.
Claims record_claims(const Object& object);

}  // namespace weir::config
