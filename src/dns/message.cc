#include "dns/message.h"

namespace weir::dns {

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

}  // namespace weir::dns
