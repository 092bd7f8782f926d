#include "cloud/update.h"

#include <algorithm>
#include <array>
#include <optional>

#include "cloud/dns_client.h"
#include "dns/rdata.h"
#include "dns/tsig.h"

namespace weir::cloud {
namespace {

constexpr std::size_t kRecordHeadBytes = 10;
constexpr std::size_t kRequestBytesMax = dns::kMessageBytesMax - dns::kTsigBytesMax;
// Where a header counts (RFC 2136 section 2.2).
constexpr std::size_t kConditionsAt = 6;
constexpr std::size_t kUpdatesAt = 8;

void write_head(dns::ByteWriter& out, std::uint16_t id, dns::Opcode opcode, const dns::Name& zone,
                dns::Type type) {
  out.u16(id);
  out.u16(static_cast<std::uint16_t>(static_cast<unsigned>(opcode) << 11U));
  out.u16(1);
  out.u16(0);
  out.u32(0);
  out.bytes(zone.wire());
  out.u16(static_cast<std::uint16_t>(type));
  out.u16(dns::kClassIn);
}

// A record set in octets.
struct Packed {
  dns::Name name;
  dns::Type type{};
  std::vector<Octets> values;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Octets& value : values) sum += name.wire().size() + kRecordHeadBytes + value.size();
    return sum;
  }
};

std::optional<Packed> pack(const RecordSet& set) {
  const auto name = dns::Name::parse(set.name, dns::Name());
  const auto type = dns::read_type(set.type);
  if (!name || !type || dns::is_meta(*type)) return std::nullopt;
  Packed packed{.name = *name, .type = *type, .values = {}};
  for (const std::string& value : set.values) {
    auto rdata = dns::read_rdata(*type, value, dns::Name());
    if (!rdata) return std::nullopt;
    packed.values.push_back(std::move(*rdata));
  }
  return packed;
}

class UpdateWriter {
 public:
  explicit UpdateWriter(std::span<std::uint8_t> room) : out_(room) {}
  dns::ByteWriter& out() { return out_; }

  void begin_section(std::size_t count_at) { count_at_ = count_at; }

  void record(const Packed& set, std::uint16_t record_class, std::uint32_t ttl, dns::Bytes rdata) {
    record(set.name, set.type, record_class, ttl, rdata);
  }
  void record(const dns::Name& name, dns::Type type, std::uint16_t record_class, std::uint32_t ttl = 0,
              dns::Bytes rdata = {}) {
    out_.bytes(name.wire());
    out_.u16(static_cast<std::uint16_t>(type));
    out_.u16(record_class);
    out_.u32(ttl);
    out_.u16(static_cast<std::uint16_t>(rdata.size()));
    out_.bytes(rdata);
    if (!out_.ok()) return;
    std::uint8_t* count = out_.at(count_at_);
    dns::store_u16(count, static_cast<std::uint16_t>(dns::load_u16(count) + 1));
  }

 private:
  dns::ByteWriter out_;
  std::size_t count_at_ = kConditionsAt;
};

bool takes_away(std::span<const Change> batch, const RecordSet& created) {
  return std::ranges::any_of(batch, [&](const Change& change) {
    const bool beside = created.type == "CNAME" || change.before.type == "CNAME";
    return change.action == Action::kDelete && change.before.name == created.name && beside;
  });
}

// Section 2.4. A server passes over what can't be beside a CNAME (section 3.4.2.2), without a word: that is a
// condition as well.
void write_conditions(UpdateWriter& writer, std::span<const Change> batch, const Change& change,
                      const Packed& set) {
  if (change.action != Action::kCreate) {
    for (const Octets& value : set.values) writer.record(set, dns::kClassIn, 0, value);
    return;
  }
  const bool alone = set.type == dns::Type::kCname;
  const bool has_room = takes_away(batch, change.after);
  if (!alone || has_room) writer.record(set.name, set.type, dns::kClassNone);
  if (has_room) return;
  writer.record(set.name, alone ? dns::Type::kAny : dns::Type::kCname, dns::kClassNone);
}

// Of a message that is no part of one.
constexpr const char* kStrange = "sends something that is not the zone";

}  // namespace

bool is_made_by_signing(std::string_view type) {
  constexpr std::array<std::uint16_t, 6> kTypes{46, 47, 48, 50, 51, 65534};  // RRSIG, NSEC, DNSKEY, NSEC3 ...
  const auto known = dns::read_type(type);
  return known && std::ranges::find(kTypes, static_cast<std::uint16_t>(*known)) != kTypes.end();
}

std::expected<Octets, std::string> transfer_request(std::string_view zone, std::uint16_t id) {
  const auto name = dns::Name::parse(zone, dns::Name());
  if (!name) return std::unexpected("the zone's name is no domain name");
  Octets message(dns::kHeaderBytes + name->wire().size() + 4);
  dns::ByteWriter out(message);
  write_head(out, id, dns::Opcode::kQuery, *name, dns::Type::kAxfr);
  return message;
}

std::expected<Octets, std::string> update_request(std::string_view zone, std::uint16_t id,
                                                  std::span<const Change> batch) {
  const auto name = dns::Name::parse(zone, dns::Name());
  if (!name) return std::unexpected("the zone's name is no domain name");
  Octets message(kRequestBytesMax);
  UpdateWriter writer(message);
  write_head(writer.out(), id, dns::Opcode::kUpdate, *name, dns::Type::kSoa);
  for (const Change& change : batch) {
    const RecordSet& set = change.action == Action::kCreate ? change.after : change.before;
    const auto packed = pack(set);
    if (!packed) return std::unexpected(key_of(set) + " can't be written as octets");
    write_conditions(writer, batch, change, *packed);
  }
  writer.begin_section(kUpdatesAt);
  for (const Change& change : batch) {
    const auto packed = pack(change.either());
    if (!packed) return std::unexpected(key_of(change.either()) + " can't be written as octets");
    if (change.action != Action::kCreate) writer.record(packed->name, packed->type, dns::kClassAny);
    if (change.action == Action::kDelete) continue;
    for (const Octets& value : packed->values) {
      writer.record(*packed, dns::kClassIn, change.after.ttl, value);
    }
  }
  if (!writer.out().ok()) return std::unexpected("the records do not fit into one message");
  message.resize(writer.out().size());
  return message;
}

std::size_t update_bytes(const Change& change) {
  const std::size_t around = 2 * (change.either().name.size() + 2 + kRecordHeadBytes);
  const auto before = pack(change.before);
  const auto after = pack(change.after);
  return around + (before ? before->bytes() : 0) + (after ? after->bytes() : 0);
}

std::string TransferReader::take(dns::Bytes message) {
  auto reader = dns::MessageReader::start(message);
  if (!reader) return kStrange;
  const auto& counts = reader->header().counts;
  for (unsigned i = 0; i < counts[0]; ++i) {
    if (!reader->question()) return kStrange;
  }
  if (counts[1] == 0) return kStrange;
  for (unsigned i = 0; i < counts[1]; ++i) {
    const auto record = reader->record();
    if (!record || ended_) return kStrange;
    if (std::string wrong = take_record(message, *record); !wrong.empty()) return wrong;
  }
  return {};
}

std::string TransferReader::take_record(dns::Bytes message, const dns::Record& record) {
  Octets rdata;
  const bool is_soa = record.type == dns::Type::kSoa;
  const bool fits = record.record_class == dns::kClassIn && !dns::is_meta(record.type) &&
                    dns::is_within(record.owner.wire(), zone_.wire());
  if (!fits || (soa_.empty() && !is_soa) || !dns::copy_rdata(message, record, rdata)) return kStrange;
  if (is_soa) {
    if (!dns::same_name(record.owner.wire(), zone_.wire())) return kStrange;
    ended_ = !soa_.empty();
    if (ended_ && rdata != soa_) return "changes the zone while it sends it";
    soa_ = std::move(rdata);
    return {};
  }
  RecordSet set{.name = absolute_name(record.owner.to_text()),
                .type = dns::type_text(record.type),
                .ttl = record.ttl_seconds,
                .values = {}};
  if (is_made_by_signing(set.type) || is_providers_own(set, absolute_name(zone_.to_text()))) return {};
  dns::write_rdata(set.values.emplace_back(), record.type, rdata);
  sets_.push_back(std::move(set));
  return {};
}

}  // namespace weir::cloud
