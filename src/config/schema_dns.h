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
#include "config/status.h"

namespace weir::config {

template <>
struct Words<RecordType> {
  static constexpr std::array<std::string_view, 15> words{"A",     "AAAA", "CNAME", "MX",    "TXT",
                                                          "SRV",   "PTR",  "CAA",   "NS",    "SVCB",
                                                          "HTTPS", "DS",   "TLSA",  "SSHFP", "NAPTR"};
};
template <>
struct Words<RecordPolicy> {
  static constexpr std::array<std::string_view, 5> words{"SIMPLE", "ROUND_ROBIN", "WEIGHTED", "FAILOVER",
                                                         "MULTI"};
  static constexpr std::array<std::string_view, 1> later{"GEO"};
};
template <>
struct Words<AllDown> {
  static constexpr std::array<std::string_view, 3> words{"SERVE_ALL", "SERVE_NONE", "FALLBACK"};
};
inline constexpr std::array<std::string_view, 1> kLaterRecordTypes{"ALIAS"};

// --- Zone
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
  };
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
  };
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
          {.name = "type", .doc = "of the records", .required = true, .later = kLaterRecordTypes}),
      field<&RecordSetSpec::ttl>(
          {.name = "ttl", .doc = "seconds that they may be kept; absent: as the zone says", .max = kTtlMax}),
      field<&RecordSetSpec::policy>(
          {.name = "policy",
           .doc =
               "SIMPLE: all of them; ROUND_ROBIN: all that are healthy, each first in turn; WEIGHTED: one, "
               "by weight; FAILOVER: the healthy ones of the lowest priority; MULTI: a few healthy ones",
           .later = Words<RecordPolicy>::later}),
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
  };
  static void validate(const RecordSetSpec& spec, Report& report);
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
