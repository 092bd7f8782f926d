#include "dns/zone_file.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "dns/rdata.h"
#include "dns/scanner.h"

namespace weir::dns {
namespace {

// Whether the word names a class, and if so, its number; 0 stands for one that is not IN.
std::optional<std::uint16_t> read_class(std::string_view word) {
  if (equal_ignoring_case(word, "IN")) return kClassIn;
  for (const std::string_view other : {"CH", "HS", "CS"}) {
    if (equal_ignoring_case(word, other)) return std::uint16_t{0};
  }
  if (word.size() < 6 || !equal_ignoring_case(word.substr(0, 5), "CLASS")) return std::nullopt;
  const auto number = parse_decimal(word.substr(5));
  if (!number) return std::nullopt;
  return *number == kClassIn ? kClassIn : std::uint16_t{0};
}

Result<std::uint32_t> read_ttl(std::string_view word) {
  const auto seconds = read_seconds(word);
  if (seconds && *seconds > kTtlSecondsMax)
    return fail(Code::kMalformed, "a TTL has at most 2147483647 seconds");
  return seconds;
}

struct Head {
  std::optional<std::uint32_t> ttl_seconds;
  Type type{};
};

// [TTL] [class] type, or [class] [TTL] type
Result<Head> read_head(Words& words) {
  Head head;
  bool has_class = false;
  for (;;) {
    if (words.empty()) return fail(Code::kMalformed, "a record has a type");
    const auto word = words.plain();
    if (!word) return fail(word.error());
    if (!word->empty() && word->front() >= '0' && word->front() <= '9') {
      if (head.ttl_seconds) return fail(Code::kMalformed, "a record has one TTL");
      const auto ttl = read_ttl(*word);
      if (!ttl) return fail(ttl.error());
      head.ttl_seconds = *ttl;
      continue;
    }
    if (const auto record_class = read_class(*word); record_class && !has_class) {
      if (*record_class != kClassIn) return fail(Code::kMalformed, "records have the class IN here");
      has_class = true;
      continue;
    }
    const auto type = read_type(*word);
    if (!type)
      return fail(Code::kMalformed, "a type that is not known by name; any is written like TYPE65280");
    if (is_meta(*type)) return fail(Code::kMalformed, "a type of questions or messages, not of records");
    head.type = *type;
    return head;
  }
}

class Reader {
 public:
  Reader(std::string_view text, const Name& origin, const RecordSink& sink,
         std::optional<std::uint32_t> ttl_seconds)
      : scanner_(text), origin_(origin), sink_(sink), default_ttl_(ttl_seconds) {}

  std::expected<void, ZoneFileError> read() {
    for (;;) {
      const auto found = scanner_.next();
      if (!found) return std::unexpected(ZoneFileError{scanner_.line(), found.error()});
      if (!*found) return {};
      Words words(scanner_.words());
      if (auto done = entry(words); !done) return std::unexpected(ZoneFileError{words.line(), done.error()});
    }
  }

 private:
  Result<void> entry(Words& words) {
    if (!scanner_.begins_blank()) {
      const auto word = words.plain();
      if (!word) return fail(word.error());
      if (word->starts_with('$')) return directive(*word, words);
      if (auto done = set_owner(*word); !done) return done;
    }
    if (!owner_) return fail(Code::kMalformed, "the first record has no owner");
    const auto head = read_head(words);
    if (!head) return fail(head.error());
    if (auto done = read_rdata(head->type, words, origin_, rdata_); !done) return done;
    const auto ttl = choose_ttl(*head);
    if (!ttl) return fail(ttl.error());
    return sink_({owner_->wire(), head->type, *ttl, rdata_});
  }

  Result<void> set_owner(std::string_view word) {
    if (word == "@") {
      owner_ = origin_;
      return {};
    }
    const auto name = Name::parse(word, origin_);
    if (!name) return fail(name.error());
    owner_ = *name;
    return {};
  }

  Result<std::uint32_t> choose_ttl(const Head& head) {
    if (head.type == Type::kSoa && rdata_.size() > 4)
      soa_minimum_ = std::min(load_u32(&rdata_[rdata_.size() - 4]), kTtlSecondsMax);
    if (head.ttl_seconds) last_ttl_ = head.ttl_seconds;
    for (const auto& ttl : {head.ttl_seconds, default_ttl_, last_ttl_, soa_minimum_}) {
      if (ttl) return *ttl;
    }
    return fail(Code::kMalformed, "the record has no TTL, and neither $TTL nor a record before it says one");
  }

  Result<void> directive(std::string_view name, Words& words) {
    if (equal_ignoring_case(name, "$INCLUDE"))
      return fail(Code::kMalformed, "$INCLUDE is not read here; the file holds all records of its zone");
    if (equal_ignoring_case(name, "$GENERATE"))
      return fail(Code::kMalformed, "$GENERATE is not read here; each record is written out");
    const bool is_origin = equal_ignoring_case(name, "$ORIGIN");
    if (!is_origin && !equal_ignoring_case(name, "$TTL"))
      return fail(Code::kMalformed, "a directive that is not known; there are $ORIGIN and $TTL");
    if (words.empty()) return fail(Code::kMalformed, "the directive has no value");
    const auto word = words.plain();
    if (!word) return fail(word.error());
    if (!words.empty()) return fail(Code::kMalformed, "the directive has one value");
    if (is_origin) {
      const auto origin = Name::parse(*word, origin_);
      if (!origin) return fail(origin.error());
      if (*word != "@") origin_ = *origin;
      return {};
    }
    const auto ttl = read_ttl(*word);
    if (!ttl) return fail(ttl.error());
    default_ttl_ = *ttl;
    return {};
  }

  Scanner scanner_;
  Name origin_;
  const RecordSink& sink_;
  std::optional<Name> owner_;
  std::optional<std::uint32_t> default_ttl_;  // of $TTL
  std::optional<std::uint32_t> last_ttl_;
  std::optional<std::uint32_t> soa_minimum_;
  Octets rdata_;  // its memory serves all records
};

}  // namespace

std::string ZoneFileError::sentence() const { return "line " + std::to_string(line) + ": " + error.text; }

std::expected<void, ZoneFileError> read_zone_file(std::string_view text, const Name& origin,
                                                  const RecordSink& sink,
                                                  std::optional<std::uint32_t> ttl_seconds) {
  return Reader(text, origin, sink, ttl_seconds).read();
}

void write_record(std::string& text, const ZoneRecord& record) {
  text += name_text(record.owner);
  text += '\t';
  text += std::to_string(record.ttl_seconds);
  text += "\tIN\t";
  text += type_text(record.type);
  text += '\t';
  write_rdata(text, record.type, record.rdata);
  text += '\n';
}

}  // namespace weir::dns
