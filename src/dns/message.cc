#include "dns/message.h"

namespace weir::dns {
namespace {

// Where what follows the name begins; 0: it is none.
std::size_t skip_name(Bytes message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if (length >= 0xC0) return at + 2 <= message.size() ? at + 2 : 0;
    if (length > kLabelBytesMax) return 0;
    at += length + 1U;
  }
  return 0;
}

// The records of all sections; false breaks the format.
bool read_records(ByteReader& bytes, Bytes message, Query& query) {
  const auto& counts = query.header.counts;
  const unsigned before = 0U + counts[1] + counts[2];
  const unsigned records = before + counts[3];
  for (unsigned i = 0; i < records; ++i) {
    const std::size_t name_at = bytes.at();
    const std::size_t end = skip_name(message, name_at);
    if (end == 0) return false;
    bytes = ByteReader(message, end);
    const auto type = static_cast<Type>(bytes.u16());
    const std::uint16_t record_class = bytes.u16();
    const std::uint32_t ttl = bytes.u32();
    const std::uint16_t size = bytes.u16();
    const Bytes rdata = bytes.take(size);
    if (!bytes.ok()) return false;
    if (type != Type::kOpt) continue;
    if (i < before || query.opt.present || message[name_at] != 0) return false;
    if (!read_opt(record_class, ttl, rdata, query.opt)) return false;
  }
  return true;
}

}  // namespace

Result<MessageReader> MessageReader::start(Bytes message) {
  if (message.size() < kHeaderBytes) return fail(Code::kMalformed, "a message has at least 12 octets");
  if (message.size() > kMessageBytesMax) return fail(Code::kMalformed, "a message has at most 65,535 octets");
  MessageReader reader(message);
  ByteReader bytes(message);
  reader.header_.id = bytes.u16();
  reader.header_.flags = bytes.u16();
  for (std::uint16_t& count : reader.header_.counts) count = bytes.u16();
  return reader;
}

Result<Question> MessageReader::question() {
  Question question;
  const auto end = read_name(message_, at_, question.name);
  if (!end) return fail(end.error());
  ByteReader bytes(message_, *end);
  question.type = static_cast<Type>(bytes.u16());
  question.record_class = bytes.u16();
  if (!bytes.ok()) return fail(Code::kMalformed, "a question goes beyond the message");
  at_ = bytes.at();
  return question;
}

Result<Record> MessageReader::record() {
  Record record;
  const auto end = read_name(message_, at_, record.owner);
  if (!end) return fail(end.error());
  ByteReader bytes(message_, *end);
  record.type = static_cast<Type>(bytes.u16());
  record.record_class = bytes.u16();
  record.ttl_seconds = bytes.u32();
  const std::size_t length = bytes.u16();
  record.rdata_at = bytes.at();
  record.rdata = bytes.take(length);
  if (!bytes.ok()) return fail(Code::kMalformed, "a record goes beyond the message");
  at_ = bytes.at();
  return record;
}

std::optional<Rcode> read_query(Bytes message, Query& query) {
  if (message.size() < kHeaderBytes) return std::nullopt;
  Header& header = query.header;
  header.id = load_u16(message.data());
  header.flags = load_u16(message.data() + 2);
  for (std::size_t i = 0; i < 4; ++i) header.counts[i] = load_u16(message.data() + 4 + 2 * i);
  if ((header.flags & kFlagResponse) != 0) return std::nullopt;
  if (opcode_of(header.flags) != Opcode::kQuery) return Rcode::kNotImp;
  if (header.counts[0] > 1) return Rcode::kFormErr;
  ByteReader bytes(message, kHeaderBytes);
  if (header.counts[0] == 1) {
    const std::size_t size = name_size(message.subspan(kHeaderBytes));
    const Bytes name = bytes.take(size);
    const auto type = static_cast<Type>(bytes.u16());
    const std::uint16_t record_class = bytes.u16();
    if (size == 0 || !bytes.ok()) return Rcode::kFormErr;
    query.name = name;
    query.type = type;
    query.record_class = record_class;
  }
  if (!read_records(bytes, message, query)) return Rcode::kFormErr;
  if (bytes.left() != 0) return Rcode::kFormErr;
  if (query.opt.version != kEdnsVersion) return Rcode::kBadVers;
  if (header.counts[0] == 0 && query.opt.cookie.empty()) return Rcode::kFormErr;
  return Rcode::kNoError;
}

}  // namespace weir::dns
