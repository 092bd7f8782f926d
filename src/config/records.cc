// What holds within a Zone and within a RecordSet, by the rules of DNS.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "config/formats.h"
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
      kA,  kAaaa, kCname, kMx, kTxt,  kSrv,   kPtr,   kCaa,
      kNs, kSvcb, kHttps, kDs, kTlsa, kSshfp, kNaptr, kCname};  // an ALIAS is written as a CNAME is
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
    const std::string name = owner_name_of(*records);
    if (records->type == RecordType::kAlias) {
      claim(name, dns::Type::kA, claims);
      claim(name, dns::Type::kAaaa, claims);
    } else {
      claim(name, type_of(records->type), claims);
    }
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

void Schema<ZoneTransfers>::validate(const ZoneTransfers& spec, Report& report) {
  const bool to_all = spec.networks.empty() && spec.keys.empty() && spec.notify.empty();
  if (to_all) report.add("needs networks, keys or notify; 0.0.0.0/0 and ::/0 are everybody");
}

void Schema<ZoneUpdateRule>::validate(const ZoneUpdateRule& spec, Report& report) {
  const Report::Step list(report, "types");
  for (std::size_t i = 0; i < spec.types.size(); ++i) {
    if (spec.types[i] != RecordType::kAlias) continue;
    const Report::Step item(report, i);
    report.add("is no type that an update can have");
  }
}

void Schema<ZoneSpec>::validate(const ZoneSpec& spec, Report& report) {
  const Report::Step list(report, "sites");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < spec.sites.size(); ++i) {
    if (names.insert(spec.sites[i].name).second) continue;
    const Report::Step item(report, i);
    const Report::Step field(report, "name");
    report.add("is there twice");
  }
}

void Schema<DnsProviderSpec>::validate(const DnsProviderSpec& spec, Report& report) {
  using enum DnsProviderType;
  const bool needs_url = spec.type == kPowerDns || spec.type == kRfc2136;
  refuse_field(needs_url && spec.url.empty(), "url", "is required of this type", report);
  const bool http = spec.url.starts_with("http://") || spec.url.starts_with("https://");
  refuse_field(spec.type != kRfc2136 && !spec.url.empty() && !http, "url",
               "must begin with http:// or https://", report);
  refuse_field(spec.type == kRfc2136 && !spec.url.empty() && !parse_address(spec.url), "url",
               "must be host:port", report);
  std::set<std::string_view> zones;
  const Report::Step list(report, "zones");
  for (std::size_t i = 0; i < spec.zones.size(); ++i) {
    if (zones.insert(spec.zones[i]).second) continue;
    const Report::Step item(report, i);
    report.add("is there twice");
  }
}

namespace {

void check_alias(const RecordSetSpec& spec, Report& report) {
  refuse_field(spec.values.size() != 1, "values", "must be one name for an ALIAS", report);
  refuse_field(spec.policy != RecordPolicy::kSimple, "policy", "must be SIMPLE for an ALIAS", report);
}

void check_places(const RecordSetSpec& spec, Report& report) {
  const bool geo = spec.policy == RecordPolicy::kGeo;
  refuse_field(geo && spec.answers.empty(), "answers", "are required by the policy GEO", report);
  const Report::Step list(report, "answers");
  for (std::size_t i = 0; i < spec.answers.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!geo && !spec.answers[i].places.empty(), "places", "are for the policy GEO", report);
  }
}

std::string names_of(const RecordBalance& balance) {
  std::string names;
  for (const BalancedProvider& one : balance.providers) names += (names.empty() ? "" : ", ") + one.name;
  return names;
}

// Each answer is at a provider of the balance, and each provider has an answer.
void check_balance(const RecordSetSpec& spec, Report& report) {
  refuse_field(spec.balance && spec.policy != RecordPolicy::kWeighted, "balance",
               "is for the policy WEIGHTED", report);
  refuse_field(spec.balance && spec.answers.empty(), "answers",
               "are required beside balance, each with its provider", report);
  if (spec.balance && spec.balance->providers.empty()) return;  // has its own violation
  std::set<std::string_view> listed;
  std::set<std::string_view> used;
  if (spec.balance) {
    for (const BalancedProvider& one : spec.balance->providers) listed.insert(one.name);
  }
  {
    const Report::Step list(report, "answers");
    for (std::size_t i = 0; i < spec.answers.size(); ++i) {
      const std::string& provider = spec.answers[i].provider;
      used.insert(provider);
      const Report::Step item(report, i);
      refuse_field(!spec.balance && !provider.empty(), "provider", "needs balance, which says what it costs",
                   report);
      if (!spec.balance || listed.contains(provider)) continue;
      const std::string names = names_of(*spec.balance);
      refuse_field(true, "provider",
                   provider.empty() ? "is required beside balance: one of " + names
                                    : "is none of the providers of balance: " + names,
                   report);
    }
  }
  if (!spec.balance || spec.answers.empty()) return;
  const Report::Step field(report, "balance");
  const Report::Step list(report, "providers");
  for (std::size_t i = 0; i < spec.balance->providers.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!used.contains(spec.balance->providers[i].name), "name", "is of no answer", report);
  }
}

}  // namespace

void Schema<RecordBalance>::validate(const RecordBalance& spec, Report& report) {
  {
    const Report::Step list(report, "providers");
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < spec.providers.size(); ++i) {
      const Report::Step item(report, i);
      refuse_field(!names.insert(spec.providers[i].name).second, "name", "is there twice", report);
    }
  }
  const std::size_t kept = spec.share_min * spec.providers.size();
  refuse_field(kept > 100, "share_min",
               "is kept by each of " + std::to_string(spec.providers.size()) + " providers, which comes to " +
                   std::to_string(kept) + " %",
               report);
}

std::optional<std::uint64_t> parse_price(std::string_view text) {
  constexpr std::size_t kDigitsMax = 9;
  constexpr std::size_t kPlaces = 6;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string places(point == std::string_view::npos ? "0" : text.substr(point + 1));
  if (whole.size() > kDigitsMax || places.empty() || places.size() > kPlaces) return std::nullopt;
  places.resize(kPlaces, '0');
  const auto units = parse_decimal(whole);
  const auto millionths = parse_decimal(places);
  if (!units || !millionths || *units + *millionths == 0) return std::nullopt;
  return *units * 1'000'000 + *millionths;
}

std::string check_price(std::string_view text) {
  return parse_price(text) ? "" : "must be a decimal number above 0, as 0.05, to six places";
}

std::string sentence_of(const ProviderWeight& weight) {
  std::string text = weight.provider + ' ' + std::to_string(weight.weight) + " of " +
                     std::to_string(kSharesAll) + ": " + weight.price + " a unit, " +
                     std::to_string(weight.load);
  if (weight.capacity > 0) text += " of " + std::to_string(weight.capacity);
  return text + " requests/s";
}

bool is_for(const DnsWeightsSpec& weights, const RecordBalance& balance) {
  return std::ranges::equal(weights.providers, balance.providers, {}, &ProviderWeight::provider,
                            &BalancedProvider::name);
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
  if (spec.type == RecordType::kAlias) check_alias(spec, report);
  check_places(spec, report);
  check_balance(spec, report);
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

// --- what may stand in the texts of service discovery and of zones
namespace {

constexpr std::size_t kLabelBytesMax = 63;        // RFC 1035 section 2.3.4
constexpr std::size_t kServiceNameBytesMax = 15;  // RFC 6335 section 5.1

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

bool is_made_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text,
                             [others](char c) { return is_digit(c) || is_letter(c) || others.contains(c); });
}

}  // namespace

std::string check_service_type(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view protocol = dot == std::string_view::npos ? "" : text.substr(dot);
  if (!text.starts_with('_') || (protocol != "._tcp" && protocol != "._udp")) {
    return "must be like _http._tcp or _syslog._udp";
  }
  const std::string_view name = text.substr(1, dot - 1);
  const bool good = !name.empty() && name.size() <= kServiceNameBytesMax && is_made_of(name, "-") &&
                    std::ranges::any_of(name, is_letter) && !name.starts_with('-') && !name.ends_with('-') &&
                    !name.contains("--");
  return good ? "" : "has a name that is not 1 to 15 letters, digits and \"-\" with a letter (RFC 6335)";
}

std::string check_subtype(std::string_view text) {
  const bool good = text.starts_with('_') && text.size() > 1 && is_made_of(text.substr(1), "-_");
  return good ? "" : "must be \"_\" and letters, digits, \"-\" and \"_\"";
}

std::string check_instance(std::string_view text) {
  const bool good = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return good && !text.contains('\x7f') ? "" : "has a control character";
}

std::string check_version(std::string_view text) {
  return is_made_of(text, ".-_+") ? "" : "is made of letters, digits, \".\", \"-\", \"_\" and \"+\"";
}

std::string check_text_pair(std::string_view text) {
  const std::string_view key = text.substr(0, text.find('='));
  if (key.empty()) return "must begin with a key: key=value";
  const bool good = std::ranges::all_of(key, [](char c) { return c >= 0x20 && c <= 0x7e; });
  return good ? "" : "has a key that is not printable ASCII (RFC 6763 section 6.4)";
}

std::string check_site_name(std::string_view text) {
  return is_made_of(text, "-_") ? "" : "is made of letters, digits, \"-\" and \"_\"";
}

std::string check_update_name(std::string_view text) {
  if (text == "*" || text == "@") return {};
  const std::string_view name = text.starts_with("*.") ? text.substr(2) : text;
  if (name.ends_with('.')) return "is relative to the zone: it ends without a dot";
  if (name.empty() || name.starts_with('.') || name.contains("..")) {
    return "has an empty part between two dots or at an end";
  }
  if (!is_made_of(name, "-_.")) {
    return "is made of letters, digits, \"-\", \"_\" and \".\"; a first part \"*\" stands for all below";
  }
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    if (label.size() > kLabelBytesMax) return "has a part of more than 63 characters";
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  return {};
}

std::string check_place(std::string_view text) {
  constexpr std::string_view kContinents = "AF AN AS EU NA OC SA";
  const std::size_t slash = text.find('/');
  const std::string_view kind = text.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  const bool code =
      name.size() == 2 && std::ranges::all_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (kind == "site") return name.empty() ? "must name a site: site/home" : check_site_name(name);
  if (kind == "country") return code ? "" : "must be two capital letters, as in country/DE (ISO 3166)";
  if (kind == "continent") {
    return code && kContinents.contains(name) ? ""
                                              : "must be continent/ and one of AF, AN, AS, EU, NA, OC, SA";
  }
  if (check_network(text).empty()) return {};
  return "must be a network like 192.0.2.0/24, or site/NAME, country/DE or continent/EU";
}

}  // namespace weir::config
