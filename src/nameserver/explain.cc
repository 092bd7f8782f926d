#include "nameserver/explain.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "config/formats.h"
#include "config/kinds.h"
#include "config/schema_dns.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "record/json.h"

namespace weir::nameserver {
namespace {

constexpr std::size_t kStepsMax = 9;     // names that lead from one to the next
constexpr std::size_t kRecordTtlAt = 6;  // in a packed record

template <class Enum>
std::string_view word_of(Enum value) {
  return config::Words<Enum>::words[static_cast<std::size_t>(value)];
}

std::string rdata_text(dns::Type type, dns::Bytes rdata) {
  std::string text;
  dns::write_rdata(text, type, rdata);
  return text;
}

std::vector<dns::Bytes> records_of(const dns::Chosen& chosen) {
  std::vector<dns::Bytes> all;
  dns::Bytes rest = chosen.packed;
  for (std::uint16_t i = 0; i < chosen.count; ++i) {
    const std::size_t bytes = dns::packed_rdata_bytes(rest);
    all.push_back(rest.subspan(dns::kPackedHeadBytes, bytes));
    rest = rest.subspan(dns::kPackedHeadBytes + bytes);
  }
  return all;
}

class Explaining {
 public:
  Explaining(const Catalogue& catalogue, dns::Type type, const dns::Client& client, std::string& out)
      : catalogue_(catalogue), view_(*catalogue.view()), type_(type), client_(client), json_(out) {}

  void explain(const dns::Name& name, const std::string& from) {
    json_.begin_object();
    json_.key("name").text(dns::name_text(name.wire()));
    json_.key("type").text(dns::type_text(type_));
    json_.key("from").text(from);
    json_.key("steps").begin_array();
    std::optional<dns::Name> next = name;
    for (std::size_t i = 0; next && i < kStepsMax; ++i) {
      json_.begin_object();
      next = step(*next, i == 0);
      json_.end_object();
    }
    json_.end_array();
    json_.key("rcode").text(rcode_);
    json_.key("scope_bits").number(scope_bits_);
    json_.end_object();
  }

 private:
  void outcome(const std::string& sentence) { json_.key("outcome").text(sentence); }

  // What is at one name; the name that it leads to.
  std::optional<dns::Name> step(const dns::Name& name, bool first) {
    json_.key("name").text(dns::name_text(name.wire()));
    const dns::HashedName hashed(name.wire());
    const dns::Zone* zone = view_.zones().find(hashed, type_);
    if (zone == nullptr) {
      if (first) rcode_ = "REFUSED";
      outcome(first ? "no zone here has that name: REFUSED"
                    : "no zone here has that name: whoever asks has to ask others for it");
      return std::nullopt;
    }
    const std::string apex = dns::name_text(zone->apex());
    json_.key("zone").text(apex);
    json_.key("serial").number(zone->serial());
    const dns::Found found = zone->find(hashed, type_);
    switch (found.outcome) {
      case dns::Outcome::kNoName:
        rcode_ = "NXDOMAIN";
        outcome("there is no such name in the zone: NXDOMAIN");
        return std::nullopt;
      case dns::Outcome::kNoData:
        outcome("the name exists, and has no records of that type");
        return std::nullopt;
      case dns::Outcome::kReferral:
        json_.key("delegation").text(dns::name_text(dns::name_of(*found.node)));
        given(dns::Type::kNs, {.packed = dns::packed_of(*found.node, *found.set), .count = found.set->count});
        outcome("the name is delegated to other servers, which are named");
        return std::nullopt;
      case dns::Outcome::kSet:
      case dns::Outcome::kAlias: break;
    }
    const dns::Bytes owner = dns::name_of(*found.node);
    if (dns::is_wildcard(owner) && !dns::same_name(owner, name.wire())) {
      json_.key("wildcard").text(dns::name_text(owner));
    }
    return found.set->steered == 0 ? plain(found, apex) : steered(found);
  }

  std::optional<dns::Name> plain(const dns::Found& found, std::string zone) {
    const dns::Chosen chosen{.packed = dns::packed_of(*found.node, *found.set), .count = found.set->count};
    zone.pop_back();  // the last dot
    std::string owner = dns::name_text(dns::name_of(*found.node));
    owner.pop_back();
    const std::string records = catalogue_.record_set_of(zone, owner, found.set->type);
    json_.key("records").text(records.empty() ? "Zone/" + zone : "RecordSet/" + records);
    json_.key("policy").text("SIMPLE");
    return end(found, chosen, "the same for everybody");
  }

  std::optional<dns::Name> steered(const dns::Found& found) {
    const Catalogue::Steered& steered = *catalogue_.steered(found.set->value);
    const SteeredSet& set = *steered.set;
    std::string name = steered.records.name;
    json_.key("records").text("RecordSet/" + name.substr(0, name.find('/')));
    json_.key("policy").text(steered.alias ? "ALIAS" : word_of(set.spec().policy));
    if (steered.alias) return aliased(found, steered);
    const dns::Chosen chosen = set.peek(client_);
    scope_bits_ = std::max(scope_bits_, chosen.scope_bits);
    const std::string place = set.places() == nullptr ? "" : places(steered);
    if (const auto& weights = steered.records.weights; weights && weights->computed_at) {
      json_.key("computed_at").text(format_rfc3339(*weights->computed_at));
    }
    answers(set, chosen, place);
    return end(found, chosen, Catalogue::reason_of(steered));
  }

  std::optional<dns::Name> aliased(const dns::Found& found, const Catalogue::Steered& steered) {
    json_.key("alias").text(dns::name_text(steered.alias->wire()));
    const std::string reason = catalogue_.alias_reason(steered);
    if (steered.followed.empty()) {
      outcome(reason);
      return *steered.alias;
    }
    const dns::Chosen chosen = steered.set->peek(client_);
    if (chosen.failed) rcode_ = "SERVFAIL";
    return end(found, chosen, reason);
  }

  // The closest of the places that the client is in, of which an answer may be given.
  std::string places(const Catalogue::Steered& steered) {
    std::vector<std::vector<std::string>> all;
    for (const Answer& answer : steered.set->answers()) all.push_back(answer.places);
    std::string closest;
    json_.key("places").begin_array();
    for (const std::string& place : places_around(all, steered.geography, client_.ip)) {
      std::size_t count = 0;
      std::size_t usable = 0;
      for (const Answer& answer : steered.set->answers()) {
        if (std::ranges::find(answer.places, place) == answer.places.end()) continue;
        ++count;
        if (answer.healthy && answer.weight > 0) ++usable;
      }
      if (usable > 0 && closest.empty()) closest = place;
      json_.begin_object();
      json_.key("place").text(place);
      json_.key("answers").number(count);
      json_.key("usable").number(usable);
      json_.end_object();
    }
    json_.end_array();
    if (closest.empty()) closest = "everywhere else";
    json_.key("place").text(closest);
    return closest;
  }

  void answers(const SteeredSet& set, const dns::Chosen& chosen, const std::string& place) {
    const auto now = records_of(chosen);
    json_.key("answers").begin_array();
    for (const Answer& answer : set.answers()) {
      const bool is_given = std::ranges::any_of(
          now, [&answer](dns::Bytes rdata) { return std::ranges::equal(rdata, answer.rdata); });
      json_.begin_object();
      json_.key("value").text(rdata_text(config::type_of(set.spec().type), answer.rdata));
      json_.key("weight").number(answer.weight);
      json_.key("priority").number(answer.priority);
      if (!answer.provider.empty()) json_.key("provider").text(answer.provider);
      if (!place.empty()) {
        json_.key("places").begin_array();
        for (const std::string& one : answer.places) json_.text(one);
        json_.end_array();
      }
      json_.key("healthy").boolean(answer.healthy);
      json_.key("given").boolean(is_given);
      if (const std::string why = why_not(set, answer, is_given); !why.empty())
        json_.key("why_not").text(why);
      json_.end_object();
    }
    json_.end_array();
  }

  static std::string why_not(const SteeredSet& set, const Answer& answer, bool is_given) {
    if (is_given) return {};
    if (!answer.healthy) return answer.why;
    switch (set.spec().policy) {
      case config::RecordPolicy::kWeighted:
        return answer.weight == 0 ? "its weight is 0" : "it is not its turn";
      case config::RecordPolicy::kGeo:
        return answer.weight == 0 ? "its weight is 0" : "its places are not the closest";
      case config::RecordPolicy::kFailover:
        return answer.weight == 0 ? "its weight is 0" : "answers of a lower priority value are enough";
      case config::RecordPolicy::kMulti: return "it is not its turn";
      default: return "there are others";
    }
  }

  void given(dns::Type type, const dns::Chosen& chosen) {
    json_.key("given").begin_array();
    for (const dns::Bytes rdata : records_of(chosen)) json_.text(rdata_text(type, rdata));
    json_.end_array();
    if (chosen.count > 0) json_.key("ttl").number(dns::load_u32(chosen.packed.data() + kRecordTtlAt));
  }

  std::optional<dns::Name> end(const dns::Found& found, const dns::Chosen& chosen, const std::string& why) {
    given(found.set->type, chosen);
    outcome(chosen.failed ? why + ": SERVFAIL" : why);
    if (found.outcome != dns::Outcome::kAlias || chosen.count == 0) return std::nullopt;
    return dns::Name(records_of(chosen).front());
  }

  const Catalogue& catalogue_;
  const View& view_;
  dns::Type type_;
  const dns::Client& client_;
  record::Json json_;
  std::string rcode_ = "NOERROR";
  std::uint8_t scope_bits_ = 0;
};

}  // namespace

std::expected<std::string, std::string> explain(const Catalogue& catalogue, const QueryToExplain& query) {
  const std::string text = query.name.ends_with('.') ? query.name : query.name + '.';
  const auto name = dns::Name::parse(text, dns::Name());
  if (!name) return std::unexpected("the name " + query.name + ": " + name.error().text);
  const auto type = dns::read_type(query.type.empty() ? "A" : query.type);
  if (!type || dns::is_meta(*type)) return std::unexpected("there is no type " + query.type + " of records");
  const std::string from = query.from.empty() ? "127.0.0.1" : query.from;
  const auto network = config::parse_network(from);
  if (!network) return std::unexpected("the client is no IP address or network: " + from);
  dns::Client client{
      .ip = {.octets = network->bytes, .size = static_cast<std::uint8_t>(network->v6 ? 16 : 4)},
      .bits = network->prefix_bits};
  for (unsigned bit = client.bits; bit < client.ip.size * 8U; ++bit) {
    client.ip.octets.at(bit / 8) &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  }
  std::string out;
  Explaining(catalogue, *type, client, out).explain(*name, from);
  return out;
}

}  // namespace weir::nameserver
