// Reading a DNS message (RFC 1035 section 4): header, then questions and records one after the other. Nothing
// is copied but names, and of a query not even those; what is refused breaks the format. Pure; on any core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/edns.h"
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
  std::size_t at() const { return at_; }  // where the next one begins
  bool at_end() const { return at_ == message_.size(); }

 private:
  explicit MessageReader(Bytes message) : message_(message) {}
  Bytes message_;
  Header header_;
  std::size_t at_ = kHeaderBytes;
};

// A query as a name server takes it. What it shows lies within the message.
struct Query {
  Header header;
  Bytes name;  // empty: the question was not read, or there is none
  Type type{};
  std::uint16_t record_class = kClassIn;
  Opt opt;

  // Its octets, to be repeated in the reply
  Bytes question() const { return name.empty() ? Bytes() : Bytes(name.data(), name.size() + 4); }
};

// kNoError: the query can be answered. Nothing: there must be no reply, for it is one itself or is no
// message. Else what to refuse it with, and query has what could be read. No question at all is fine beside a
// cookie (RFC 7873 section 5.4). Records other than OPT are skipped.
std::optional<Rcode> read_query(Bytes message, Query& query);

}  // namespace weir::dns
