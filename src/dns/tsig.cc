#include "dns/tsig.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "dns/message.h"

namespace weir::dns {
namespace {

struct AlgorithmInfo {
  std::string_view text;
  std::size_t mac_bytes;
};
constexpr std::array<AlgorithmInfo, 4> kAlgorithms{
    {{"hmac-sha1", 20}, {"hmac-sha256", 32}, {"hmac-sha384", 48}, {"hmac-sha512", 64}}};

constexpr std::size_t kMacBytesMin = 10;  // of a MAC that is cut off (section 5.2.2.1)
constexpr std::size_t kTimeBytes = 6;

using Octets = std::vector<std::uint8_t>;

void add(Octets& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void add_number(Octets& out, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void add_name(Octets& out, const Name& name) {
  std::ranges::transform(name.wire(), std::back_inserter(out), lower);
}

std::uint64_t read_time(ByteReader& bytes) {
  const std::uint64_t high = bytes.u16();
  return high << 32U | bytes.u32();
}

// The time depends on the sizes only, which are no secret.
bool same_mac(Bytes left, Bytes right) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= 0U + (left[i] ^ right[i]);
  return difference == 0;
}

Name algorithm_name(TsigAlgorithm algorithm) { return *Name::parse(tsig_algorithm_text(algorithm), Name()); }

Result<Tsig> read_tsig(const Record& record, std::size_t at) {
  constexpr const char* kBroken = "the TSIG record is cut off or too long";
  if (record.record_class != kClassAny || record.ttl_seconds != 0) {
    return fail(Code::kMalformed, "a TSIG record has class ANY and TTL 0");
  }
  Tsig tsig{.at = at, .key = record.owner, .algorithm = {}, .mac = {}, .other = {}};
  const std::size_t name = name_size(record.rdata);  // never compressed (section 4.2)
  if (name == 0) return fail(Code::kMalformed, kBroken);
  tsig.algorithm = Name(record.rdata.first(name));
  ByteReader bytes(record.rdata, name);
  tsig.signed_at = read_time(bytes);
  tsig.fudge_seconds = bytes.u16();
  tsig.mac = bytes.take(bytes.u16());
  tsig.original_id = bytes.u16();
  tsig.error = static_cast<TsigError>(bytes.u16());
  tsig.other = bytes.take(bytes.u16());
  if (!bytes.ok() || bytes.left() != 0) return fail(Code::kMalformed, kBroken);
  return tsig;
}

// Behind the message; its header says that there is one more record.
std::size_t append_record(std::span<std::uint8_t> room, std::size_t message_bytes, const Tsig& tsig) {
  ByteWriter out(room);
  out.rewind(message_bytes);
  out.bytes(tsig.key.wire());
  out.u16(static_cast<std::uint16_t>(Type::kTsig));
  out.u16(kClassAny);
  out.u32(0);
  out.u16(
      static_cast<std::uint16_t>(tsig.algorithm.wire().size() + 16 + tsig.mac.size() + tsig.other.size()));
  out.bytes(tsig.algorithm.wire());
  out.u16(static_cast<std::uint16_t>(tsig.signed_at >> 32U));
  out.u32(static_cast<std::uint32_t>(tsig.signed_at));
  out.u16(tsig.fudge_seconds);
  out.u16(static_cast<std::uint16_t>(tsig.mac.size()));
  out.bytes(tsig.mac);
  out.u16(tsig.original_id);
  out.u16(static_cast<std::uint16_t>(tsig.error));
  out.u16(static_cast<std::uint16_t>(tsig.other.size()));
  out.bytes(tsig.other);
  if (!out.ok()) return 0;
  std::uint8_t* count = out.at(10);
  store_u16(count, static_cast<std::uint16_t>(load_u16(count) + 1));
  return out.size();
}

}  // namespace

std::optional<TsigAlgorithm> read_tsig_algorithm(std::string_view text) {
  const auto found = std::ranges::find(kAlgorithms, text, &AlgorithmInfo::text);
  if (found == kAlgorithms.end()) return std::nullopt;
  return static_cast<TsigAlgorithm>(found - kAlgorithms.begin());
}
std::string_view tsig_algorithm_text(TsigAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)].text;
}
std::size_t mac_bytes(TsigAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)].mac_bytes;
}

Result<std::optional<Tsig>> find_tsig(Bytes message) {
  auto reader = MessageReader::start(message);
  if (!reader) return fail(reader.error());
  const auto& counts = reader->header().counts;
  for (unsigned i = 0; i < counts[0]; ++i) {
    if (const auto question = reader->question(); !question) return fail(question.error());
  }
  const unsigned before = 0U + counts[1] + counts[2];
  const unsigned records = before + counts[3];
  for (unsigned i = 0; i < records; ++i) {
    const std::size_t at = reader->at();
    const auto record = reader->record();
    if (!record) return fail(record.error());
    if (record->type != Type::kTsig) continue;
    if (i < before || i + 1 != records || !reader->at_end()) {
      return fail(Code::kMalformed, "a TSIG record is the last of its message");
    }
    const auto tsig = read_tsig(*record, at);
    if (!tsig) return fail(tsig.error());
    return std::optional(*tsig);
  }
  return std::optional<Tsig>();
}

Octets without_tsig(Bytes message, const Tsig& tsig) {
  Octets plain(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(tsig.at));
  store_u16(plain.data(), tsig.original_id);
  store_u16(&plain[10], static_cast<std::uint16_t>(load_u16(&plain[10]) - 1));
  return plain;
}

// Of a message without its TSIG record, with the original id.
Octets TsigChain::mac_of(Bytes message, const Tsig& tsig) const {
  Octets signed_octets;
  if (next_ != Next::kRequest) {
    add_number(signed_octets, prior_.size(), 2);
    add(signed_octets, prior_);
  }
  add(signed_octets, message);
  if (next_ != Next::kLaterReply) {
    add_name(signed_octets, key_.name);
    add_number(signed_octets, kClassAny, 2);
    add_number(signed_octets, 0, 4);
    add_name(signed_octets, tsig.algorithm);
  }
  add_number(signed_octets, tsig.signed_at, kTimeBytes);
  add_number(signed_octets, tsig.fudge_seconds, 2);
  if (next_ != Next::kLaterReply) {
    add_number(signed_octets, static_cast<std::uint16_t>(tsig.error), 2);
    add_number(signed_octets, tsig.other.size(), 2);
    add(signed_octets, tsig.other);
  }
  return key_.mac(signed_octets);
}

void TsigChain::go_on(Octets mac) {
  prior_ = std::move(mac);
  next_ = next_ == Next::kRequest ? Next::kFirstReply : Next::kLaterReply;
}

TsigError TsigChain::check(Bytes message, const Tsig& tsig, std::uint64_t now_seconds) {
  if (!same_name(tsig.key.wire(), key_.name.wire()) ||
      !same_name(tsig.algorithm.wire(), algorithm_name(key_.algorithm).wire())) {
    return TsigError::kBadKey;
  }
  const Octets mac = mac_of(without_tsig(message, tsig), tsig);
  if (tsig.mac.size() > mac.size() || tsig.mac.size() < std::max(kMacBytesMin, mac.size() / 2)) {
    return TsigError::kBadSig;
  }
  if (!same_mac(tsig.mac, mac)) return TsigError::kBadSig;
  go_on(Octets(tsig.mac.begin(), tsig.mac.end()));
  const std::uint64_t apart =
      now_seconds > tsig.signed_at ? now_seconds - tsig.signed_at : tsig.signed_at - now_seconds;
  if (apart > std::min(tsig.fudge_seconds, kTsigFudgeSeconds)) return TsigError::kBadTime;
  return tsig.mac.size() < mac.size() ? TsigError::kBadTrunc : TsigError::kNone;
}

std::size_t TsigChain::append(std::span<std::uint8_t> room, std::size_t message_bytes, Tsig tsig) {
  Octets mac = mac_of(Bytes(room).first(message_bytes), tsig);
  tsig.mac = mac;
  const std::size_t bytes = append_record(room, message_bytes, tsig);
  go_on(std::move(mac));
  return bytes;
}

std::size_t TsigChain::sign(std::span<std::uint8_t> room, std::size_t message_bytes,
                            std::uint64_t now_seconds) {
  return append(room, message_bytes,
                {.key = key_.name,
                 .algorithm = algorithm_name(key_.algorithm),
                 .signed_at = now_seconds,
                 .fudge_seconds = kTsigFudgeSeconds,
                 .mac = {},
                 .original_id = load_u16(room.data()),
                 .other = {}});
}

std::size_t TsigChain::sign_error(std::span<std::uint8_t> room, std::size_t message_bytes,
                                  const Tsig& request, TsigError error, std::uint64_t now_seconds) {
  Octets now;
  if (error == TsigError::kBadTime) add_number(now, now_seconds, kTimeBytes);
  return append(room, message_bytes,
                {.key = key_.name,
                 .algorithm = algorithm_name(key_.algorithm),
                 .signed_at = request.signed_at,
                 .fudge_seconds = request.fudge_seconds,
                 .mac = {},
                 .original_id = load_u16(room.data()),
                 .error = error,
                 .other = now});
}

std::size_t append_tsig_error(std::span<std::uint8_t> room, std::size_t message_bytes, const Tsig& request,
                              TsigError error) {
  return append_record(room, message_bytes,
                       {.key = request.key,
                        .algorithm = request.algorithm,
                        .signed_at = request.signed_at,
                        .fudge_seconds = request.fudge_seconds,
                        .mac = {},
                        .original_id = load_u16(room.data()),
                        .error = error,
                        .other = {}});
}

}  // namespace weir::dns
