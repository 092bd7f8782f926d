// What holds within a Zone and within a RecordSet, by the rules of DNS.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "config/kinds.h"
#include "config/schema_dns.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone.h"
#include "dns/zone_file.h"

namespace weir::config {

dns::Type type_of(RecordType type) {
  using enum dns::Type;
  constexpr std::array<dns::Type, Words<RecordType>::words.size()> kTypes{
      kA, kAaaa, kCname, kMx, kTxt, kSrv, kPtr, kCaa, kNs, kSvcb, kHttps, kDs, kTlsa, kSshfp, kNaptr};
  return kTypes[static_cast<std::size_t>(type)];
}

std::string owner_name_of(const RecordSetSpec& spec) {
  return spec.name == "@" ? spec.zone : to_lower(spec.name) + '.' + spec.zone;
}

namespace {

// Relative to its zone, as a person means it.
std::string check_record_name(const RecordSetSpec& spec) {
  const std::string name = to_lower(spec.name);
  if (name == "@") return {};
  if (name.ends_with('.')) return "is relative to its zone: it ends without a dot";
  if (name == spec.zone) return "is relative to its zone: the zone itself is \"@\"";
  if (name.ends_with("." + spec.zone)) {
    return "is relative to its zone: write \"" + name.substr(0, name.size() - spec.zone.size() - 1) + '"';
  }
  for (const char c : name) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("-_.*/").contains(c);
    if (!good) return "is made of letters, digits, \"-\", \"_\" and \".\"; a first part \"*\" stands for any";
  }
  if (name.rfind('*') != std::string::npos && (name.rfind('*') > 0 || (name.size() > 1 && name[1] != '.'))) {
    return "has a \"*\" that is not the whole first part";
  }
  if (const auto parsed = dns::Name::parse(name + '.' + spec.zone + '.', dns::Name()); !parsed) {
    return parsed.error().text;
  }
  return {};
}

// Values, where each is found, one after the other.
class Values {
 public:
  Values(const RecordSetSpec& spec, Report& report)
      : report_(report), type_(type_of(spec.type)), origin_(dns::Name::parse(spec.zone + ".", dns::Name())) {}

  void check(const std::string& value) {
    if (!origin_) return;
    const auto rdata = dns::read_rdata(type_, value, *origin_);
    if (!rdata) return report_.add(rdata.error().text);
    if (std::ranges::find(seen_, *rdata) != seen_.end()) return report_.add("is there twice");
    bytes_ += rdata->size() + kRecordBytesBesides;
    seen_.push_back(*rdata);
  }
  // Beyond it no reply can have them all.
  bool fits() const { return bytes_ <= dns::kMessageBytesMax - kMessageBytesBesides; }
  bool empty() const { return seen_.empty(); }
  std::size_t size() const { return seen_.size(); }

 private:
  static constexpr std::size_t kRecordBytesBesides = 12;    // pointer, type, class, TTL, length
  static constexpr std::size_t kMessageBytesBesides = 350;  // header, question, OPT with its options
  Report& report_;
  dns::Type type_;
  Result<dns::Name> origin_;
  std::vector<dns::Octets> seen_;
  std::size_t bytes_ = 0;
};

void check_texts(const RecordSetSpec& spec, const std::vector<std::string>& texts, std::string_view name,
                 Report& report) {
  const Report::Step list(report, name);
  Values values(spec, report);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Report::Step item(report, i);
    values.check(texts[i]);
  }
  if (!values.fits()) report.add("is more than one reply can have, 65,535 bytes");
  if (spec.type == RecordType::kCname && values.size() > 1) report.add("has more than one name for a CNAME");
}

void check_answers(const RecordSetSpec& spec, Report& report) {
  const Report::Step list(report, "answers");
  Values values(spec, report);
  for (std::size_t i = 0; i < spec.answers.size(); ++i) {
    const Report::Step item(report, i);
    const Report::Step field(report, "value");
    values.check(spec.answers[i].value);
  }
  if (!values.fits()) report.add("is more than one reply can have, 65,535 bytes");
}

}  // namespace

void check_zone(const std::string& name, const ZoneSpec& spec, Report& report) {
  if (spec.records.empty()) return;
  const auto origin = dns::Name::parse(name + '.', dns::Name());
  if (!origin) return;
  const Report::Step field(report, "records");
  dns::ZoneBuilder builder(origin->wire());
  const auto sink = [&](const dns::ZoneRecord& record) -> Result<void> {
    if (!dns::is_within(record.owner, origin->wire())) {
      return fail(Code::kInvalid, "the name is not within the zone");
    }
    if (record.type == dns::Type::kSoa) {
      return fail(Code::kInvalid, "the SOA is made from the Zone's other fields");
    }
    if (record.type == dns::Type::kNs && dns::same_name(record.owner, origin->wire())) {
      return fail(Code::kInvalid, "the zone's own NS records are its nameservers");
    }
    return builder.add(record.owner, record.type, record.ttl_seconds, record.rdata);
  };
  const auto read = dns::read_zone_file(spec.records, *origin, sink, spec.ttl);
  if (!read) return report.add("can't be taken: " + read.error().sentence());
  for (const auto& [type, text] :
       {std::pair(dns::Type::kNs, "ns"), std::pair(dns::Type::kSoa, "a b 1 2 3 4 5")}) {
    if (auto own = builder.add(origin->wire(), type, 0, *dns::read_rdata(type, text, *origin)); !own) return;
  }
  const auto zone = std::move(builder).build();
  if (zone) return;
  report.add("can't be taken: " + dns::name_text(zone.error().owner.wire()) + ' ' +
             dns::type_text(zone.error().type) + ": " + zone.error().text);
}

namespace {

// One type at one name. A CNAME is beside nothing.
void claim(const std::string& name, dns::Type type, Claims& claims) {
  const std::string end = " records of " + name + " in ";
  const std::string same = "the " + dns::type_text(type) + end;
  const std::string alias = "the CNAME" + end;
  const std::string others = "the other" + end;
  claims.own.insert(same);
  claims.rivals.insert(same);
  if (type != dns::Type::kCname) claims.own.insert(others);
  claims.rivals.insert(type == dns::Type::kCname ? others : alias);
}

}  // namespace

Claims record_claims(const Object& object) {
  Claims claims;
  if (const auto* records = std::get_if<RecordSetSpec>(&object.spec)) {
    claim(owner_name_of(*records), type_of(records->type), claims);
  }
  const auto* zone = std::get_if<ZoneSpec>(&object.spec);
  const auto origin = dns::Name::parse(object.metadata.name + '.', dns::Name());
  if (zone == nullptr || zone->records.empty() || !origin) return claims;
  const auto sink = [&](const dns::ZoneRecord& record) -> Result<void> {
    std::string name = to_lower(dns::name_text(record.owner));
    name.pop_back();  // the last dot
    claim(name, record.type, claims);
    return {};
  };
  (void)dns::read_zone_file(zone->records, *origin, sink, zone->ttl);  // check_zone() says what is wrong
  return claims;
}

void Schema<RecordSetSpec>::validate(const RecordSetSpec& spec, Report& report) {
  using enum RecordPolicy;
  if (std::string wrong = check_record_name(spec); !wrong.empty()) {
    const Report::Step field(report, "name");
    report.add(std::move(wrong));
    return;
  }
  const int sources =
      (spec.values.empty() ? 0 : 1) + (spec.answers.empty() ? 0 : 1) + (spec.service.empty() ? 0 : 1);
  if (sources != 1) report.add("needs exactly one of values, answers and service");
  check_texts(spec, spec.values, "values", report);
  check_answers(spec, report);
  check_texts(spec, spec.fallback, "fallback", report);
  const bool chosen = spec.policy != kSimple;
  const bool one = spec.policy == kWeighted;
  refuse_field(spec.type == RecordType::kCname && chosen && !one, "policy",
               "gives several records, and a CNAME has one; WEIGHTED gives one", report);
  refuse_field(!spec.service.empty() && spec.type != RecordType::kA && spec.type != RecordType::kAaaa,
               "service", "has addresses: the type must be A or AAAA", report);
  const bool apex = spec.name == "@";
  refuse_field(apex && spec.type == RecordType::kCname, "type",
               "can't be CNAME at the zone itself, which has other records", report);
  refuse_field(apex && spec.type == RecordType::kNs, "type",
               "can't be NS at the zone itself, whose Zone has nameservers", report);
  refuse_field(spec.name.starts_with('*') && spec.type == RecordType::kNs, "type",
               "can't be NS at a wildcard (RFC 4592 section 4.2)", report);
  refuse_field(!spec.answers.empty() && !chosen, "answers", "needs a policy", report);
  refuse_field((one || spec.policy == kFailover) && !spec.values.empty(), "values",
               "has no weights and priorities; write answers", report);
  refuse_field(spec.healthy_percent_min != 0 && spec.policy != kFailover, "healthy_percent_min",
               "is for the policy FAILOVER", report);
  refuse_field(spec.sticky && !chosen, "sticky", "needs a policy", report);
  refuse_field((spec.all_down == AllDown::kFallback) == spec.fallback.empty(), "fallback",
               spec.fallback.empty() ? "is required by all_down: FALLBACK" : "needs all_down: FALLBACK",
               report);
}

}  // namespace weir::config
