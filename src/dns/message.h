// Reading a DNS message (RFC 1035 section 4): header, then questions and records one after the other. Nothing
// is copied but names; what is refused breaks the format. Pure; on any core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::dns {

struct Header {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;                // RFC 1035 section 4.1.1
  std::array<std::uint16_t, 4> counts{};  // question, answer, authority, additional
};

struct Question {
  Name name;
  Type type{};
  std::uint16_t record_class = kClassIn;
};

struct Record {
  Name owner;
  Type type{};
  std::uint16_t record_class = kClassIn;
  std::uint32_t ttl_seconds = 0;  // of OPT: flags
  std::size_t rdata_at = 0;       // names in it may point to elsewhere in the message
  Bytes rdata;                    // within the message
};

// The message outlives the reader and the records.
class MessageReader {
 public:
  static Result<MessageReader> start(Bytes message);

  const Header& header() const { return header_; }
  // As often as the header's counts say, and in that order
  Result<Question> question();
  Result<Record> record();
  bool at_end() const { return at_ == message_.size(); }

 private:
  explicit MessageReader(Bytes message) : message_(message) {}
  Bytes message_;
  Header header_;
  std::size_t at_ = kHeaderBytes;
};

}  // namespace weir::dns
