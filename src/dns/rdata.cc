#include "dns/rdata.h"

#include <algorithm>

#include "base/text.h"
#include "dns/svcb.h"

namespace weir::dns {
namespace {

enum class Field : std::uint8_t {
  kEnd,
  kName,       // compressed when whoever sent it was allowed to
  kPlainName,  // never compressed
  kU8,
  kU16,
  kU32,
  kSeconds,  // 32 bits
  kV4,
  kV6,
  kString,      // a length octet and up to 255
  kStrings,     // to the end, one at least
  kTag,         // letters and digits with a length octet
  kText,        // to the end
  kHex,         // to the end, one octet at least
  kParameters,  // to the end
};

constexpr std::size_t kFieldsMax = 7;
using Fields = std::array<Field, kFieldsMax + 1>;  // closed by kEnd

struct Form {
  Type type;
  std::string_view name;
  Fields fields{};  // none: no form is known, or records do not have the type
  bool compressible = false;
};

using enum Field;
constexpr std::array kForms = {
    Form{Type::kA, "A", {kV4}},
    Form{Type::kNs, "NS", {kName}, true},
    Form{Type{3}, "MD", {kName}, true},
    Form{Type{4}, "MF", {kName}, true},
    Form{Type::kCname, "CNAME", {kName}, true},
    Form{Type::kSoa, "SOA", {kName, kName, kU32, kSeconds, kSeconds, kSeconds, kSeconds}, true},
    Form{Type{7}, "MB", {kName}, true},
    Form{Type{8}, "MG", {kName}, true},
    Form{Type{9}, "MR", {kName}, true},
    Form{Type::kPtr, "PTR", {kName}, true},
    Form{Type{13}, "HINFO", {kString, kString}},
    Form{Type{14}, "MINFO", {kName, kName}, true},
    Form{Type::kMx, "MX", {kU16, kName}, true},
    Form{Type::kTxt, "TXT", {kStrings}},
    Form{Type{17}, "RP", {kName, kName}},
    Form{Type{18}, "AFSDB", {kU16, kName}},
    Form{Type{21}, "RT", {kU16, kName}},
    Form{Type{26}, "PX", {kU16, kName, kName}},
    Form{Type::kAaaa, "AAAA", {kV6}},
    Form{Type::kSrv, "SRV", {kU16, kU16, kU16, kName}},
    Form{Type::kNaptr, "NAPTR", {kU16, kU16, kString, kString, kString, kName}},
    Form{Type{36}, "KX", {kU16, kName}},
    Form{Type::kDname, "DNAME", {kName}},
    Form{Type::kOpt, "OPT"},
    Form{Type::kDs, "DS", {kU16, kU8, kU8, kHex}},
    Form{Type::kSshfp, "SSHFP", {kU8, kU8, kHex}},
    Form{Type::kRrsig, "RRSIG"},
    Form{Type::kNsec, "NSEC"},
    Form{Type::kNsec3, "NSEC3"},
    Form{Type::kTlsa, "TLSA", {kU8, kU8, kU8, kHex}},
    Form{Type::kSvcb, "SVCB", {kU16, kPlainName, kParameters}},
    Form{Type::kHttps, "HTTPS", {kU16, kPlainName, kParameters}},
    Form{Type::kIxfr, "IXFR"},
    Form{Type::kAxfr, "AXFR"},
    Form{Type::kAny, "ANY"},
    Form{Type::kCaa, "CAA", {kU8, kTag, kText}},
};

// Where a type is in kForms, plus one; types beyond the end are searched for.
constexpr auto kPlaces = [] {
  std::array<std::uint8_t, 66> places{};
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    const auto number = static_cast<std::size_t>(kForms[i].type);
    if (number < places.size()) places[number] = static_cast<std::uint8_t>(i + 1);
  }
  return places;
}();

const Form* form_of(Type type) {
  const auto number = static_cast<std::size_t>(type);
  if (number < kPlaces.size()) return kPlaces[number] == 0 ? nullptr : &kForms[kPlaces[number] - 1U];
  const auto* const found = std::ranges::find(kForms, type, &Form::type);
  return found == kForms.end() ? nullptr : found;
}

const Fields& fields_of(Type type) {
  static constexpr Fields kNone{};
  const Form* const form = form_of(type);
  return form == nullptr ? kNone : form->fields;
}

void append(Octets& octets, Bytes more) { octets.insert(octets.end(), more.begin(), more.end()); }

bool is_alphanumeric(std::uint8_t octet) {
  const char c = ascii_lower(static_cast<char>(octet));
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// ---- Wire form ----

// How many octets a field of a fixed size has; else 0.
std::size_t fixed_size(Field field) {
  switch (field) {
    case kU8: return 1;
    case kU16: return 2;
    case kU32:
    case kSeconds:
    case kV4: return 4;
    case kV6: return 16;
    default: return 0;
  }
}

// How many octets the field at the start of rest has; what it means is checked.
Result<std::size_t> field_size(Field field, Bytes rest) {
  const auto too_short = fail(Code::kMalformed, "the record data ends before its last field");
  if (const std::size_t size = fixed_size(field); size > 0) {
    if (rest.size() < size) return too_short;
    return size;
  }
  if (field == kName || field == kPlainName) {
    const std::size_t size = name_size(rest);
    if (size == 0) return fail(Code::kMalformed, "the record data lacks a whole name");
    return size;
  }
  if (field == kText) return rest.size();
  if (field == kParameters) {
    if (auto done = check_service_parameters(rest); !done) return fail(done.error());
    return rest.size();
  }
  if (rest.empty()) return too_short;
  if (field == kHex) return rest.size();
  std::size_t size = rest[0] + 1U;
  while (field == kStrings && size < rest.size()) size += rest[size] + 1U;
  if (size > rest.size()) return fail(Code::kMalformed, "a string goes beyond the record data");
  if (field == kTag && (size == 1 || !std::ranges::all_of(rest.subspan(1, size - 1), is_alphanumeric)))
    return fail(Code::kMalformed, "a tag has letters and digits only, at least one");
  return size;
}

// ---- Text to wire form ----

Result<void> read_name_field(Words& words, const Name& origin, Octets& rdata) {
  const auto word = words.plain();
  if (!word) return fail(word.error());
  if (*word == "@") {
    append(rdata, origin.wire());
    return {};
  }
  const auto name = Name::parse(*word, origin);
  if (!name) return fail(name.error());
  append(rdata, name->wire());
  return {};
}

Result<void> read_number_field(Field field, Words& words, Octets& rdata) {
  const auto word = words.plain();
  if (!word) return fail(word.error());
  const auto number = field == kSeconds ? read_seconds(*word)
                      : field == kU8    ? read_number(*word, 255)
                      : field == kU16   ? read_number(*word, 65535)
                                        : read_number(*word, UINT32_MAX);
  if (!number) return fail(number.error());
  if (field == kU8) {
    rdata.push_back(static_cast<std::uint8_t>(*number));
    return {};
  }
  if (field != kU16) append_u16(rdata, static_cast<std::uint16_t>(*number >> 16U));
  append_u16(rdata, static_cast<std::uint16_t>(*number));
  return {};
}

Result<void> read_string(const Word& word, Octets& rdata) {
  if (word.quotes == Quotes::kWithin) return fail(Code::kMalformed, "a quote stands within a word");
  const std::size_t start = rdata.size();
  rdata.push_back(0);
  if (auto done = append_unescaped(word.text, rdata); !done) return done;
  const std::size_t size = rdata.size() - start - 1;
  if (size > kStringBytesMax)
    return fail(Code::kMalformed, "a string has at most 255 octets; more are written as several strings");
  rdata[start] = static_cast<std::uint8_t>(size);
  return {};
}

Result<void> read_strings(Words& words, Octets& rdata) {
  do {
    const auto word = words.take();
    if (!word) return fail(word.error());
    if (auto done = read_string(*word, rdata); !done) return done;
  } while (!words.empty() && rdata.size() <= kRdataBytesMax);
  return {};
}

Result<void> read_text(Words& words, Octets& rdata) {
  const auto word = words.take();
  if (!word) return fail(word.error());
  if (word->quotes == Quotes::kWithin) return fail(Code::kMalformed, "a quote stands within a word");
  return append_unescaped(word->text, rdata);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The words to the last one; blanks stand anywhere, even between the two digits of an octet.
Result<void> read_hex(Words& words, Octets& rdata) {
  int high = -1;
  while (!words.empty()) {
    const auto word = words.plain();
    if (!word) return fail(word.error());
    for (const char c : *word) {
      const int digit = hex_digit(c);
      if (digit < 0) return fail(Code::kMalformed, "octets are written in hex digits");
      if (high < 0) {
        high = digit;
        continue;
      }
      rdata.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
    if (rdata.size() > kRdataBytesMax) break;
  }
  if (high >= 0) return fail(Code::kMalformed, "an octet has two hex digits");
  return {};
}

Result<void> read_field(Field field, Words& words, const Name& origin, Octets& rdata) {
  switch (field) {
    case kName:
    case kPlainName: return read_name_field(words, origin, rdata);
    case kV4:
    case kV6: {
      const auto word = words.plain();
      if (!word) return fail(word.error());
      return field == kV4 ? append_ipv4(*word, rdata) : append_ipv6(*word, rdata);
    }
    case kString:
    case kTag: {
      const auto word = words.take();
      if (!word) return fail(word.error());
      return read_string(*word, rdata);
    }
    case kStrings: return read_strings(words, rdata);
    case kText: return read_text(words, rdata);
    case kHex: return read_hex(words, rdata);
    case kParameters: return append_service_parameters(words, rdata);
    default: return read_number_field(field, words, rdata);
  }
}

// RFC 3597 section 5, after the \#
Result<void> read_octets(Words& words, Octets& rdata) {
  const auto word = words.plain();
  if (!word) return fail(word.error());
  const auto size = read_number(*word, kRdataBytesMax);
  if (!size) return fail(size.error());
  if (auto done = read_hex(words, rdata); !done) return done;
  if (rdata.size() != *size)
    return fail(Code::kMalformed, "there are more or fewer octets than the number after \\# says");
  return {};
}

// ---- Wire form to text ----

void write_hex(std::string& text, Bytes octets) { text += to_hex(std::as_bytes(octets)); }

void write_octets(std::string& text, Bytes rdata) {
  text += "\\# " + std::to_string(rdata.size());
  if (rdata.empty()) return;
  text += ' ';
  write_hex(text, rdata);
}

// The blank that parts it from the field before is written already.
void write_field(std::string& text, Field field, Bytes octets) {
  switch (field) {
    case kName:
    case kPlainName: text += name_text(octets); return;
    case kU8: text += std::to_string(octets[0]); return;
    case kU16: text += std::to_string(load_u16(octets.data())); return;
    case kU32:
    case kSeconds: text += std::to_string(load_u32(octets.data())); return;
    case kV4: return write_ipv4(text, octets);
    case kV6: return write_ipv6(text, octets);
    case kString: return append_quoted(text, octets.subspan(1));
    case kStrings:
      for (std::size_t at = 0; at < octets.size(); at += octets[at] + 1U) {
        if (at > 0) text += ' ';
        append_quoted(text, octets.subspan(at + 1, octets[at]));
      }
      return;
    case kTag: text.append(octets.begin() + 1, octets.end()); return;
    case kText: return append_quoted(text, octets);
    case kHex: return write_hex(text, octets);
    case kParameters: return write_service_parameters(text, octets);
    case kEnd: return;
  }
}

}  // namespace

std::optional<Type> read_type(std::string_view text) {
  for (const Form& form : kForms) {
    if (equal_ignoring_case(text, form.name)) return form.type;
  }
  if (text.size() < 5 || !equal_ignoring_case(text.substr(0, 4), "TYPE")) return std::nullopt;
  const auto number = parse_decimal(text.substr(4));
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<Type>(*number);
}

std::string type_text(Type type) {
  if (const Form* const form = form_of(type)) return std::string(form->name);
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

Result<void> read_rdata(Type type, Words& words, const Name& origin, Octets& rdata) {
  rdata.clear();
  const Fields& fields = fields_of(type);
  if (!words.empty() && words.front().is("\\#")) {
    words.drop();
    if (auto done = read_octets(words, rdata); !done) return done;
    return check_rdata(type, rdata);
  }
  if (fields[0] == kEnd)
    return fail(Code::kMalformed, "data of this type is written as octets, like \\# 2 beef");
  for (const Field* field = fields.data(); *field != kEnd; ++field) {
    if (auto done = read_field(*field, words, origin, rdata); !done) return done;
    if (rdata.size() > kRdataBytesMax) return fail(Code::kMalformed, "record data has at most 65,535 octets");
  }
  if (!words.empty()) {
    words.drop();
    return fail(Code::kMalformed, "something follows the last field of the record");
  }
  return check_rdata(type, rdata);
}

Result<Octets> read_rdata(Type type, std::string_view text, const Name& origin) {
  Scanner scanner(text);
  const auto found = scanner.next();
  if (!found) return fail(found.error());
  Words words(scanner.words());
  Octets rdata;
  if (auto done = read_rdata(type, words, origin, rdata); !done) return fail(done.error());
  const auto more = scanner.next();  // the words are gone, and are not needed any more
  if (!more) return fail(more.error());
  if (*more) return fail(Code::kMalformed, "the data of one record is one line");
  return rdata;
}

void write_rdata(std::string& text, Type type, Bytes rdata) {
  const Fields& fields = fields_of(type);
  if (fields[0] == kEnd || !check_rdata(type, rdata)) return write_octets(text, rdata);
  std::size_t at = 0;
  for (const Field* field = fields.data(); *field != kEnd; ++field) {
    const Bytes rest = rdata.subspan(at);
    const std::size_t size = *field_size(*field, rest);
    if (field != fields.data() && *field != kParameters) text += ' ';
    write_field(text, *field, rest.first(size));
    at += size;
  }
}

Result<void> check_rdata(Type type, Bytes rdata) {
  if (rdata.size() > kRdataBytesMax) return fail(Code::kMalformed, "record data has at most 65,535 octets");
  const Fields& fields = fields_of(type);
  if (fields[0] == kEnd) return {};
  std::size_t at = 0;
  for (const Field* field = fields.data(); *field != kEnd; ++field) {
    const Bytes rest = rdata.subspan(at);
    if (*field == kParameters && load_u16(rdata.data()) == 0 && !rest.empty())
      return fail(Code::kMalformed, "an alias (priority 0) has no service parameters");
    const auto size = field_size(*field, rest);
    if (!size) return fail(size.error());
    at += *size;
  }
  if (at != rdata.size()) return fail(Code::kMalformed, "octets follow the last field of the record data");
  return {};
}

Result<void> copy_rdata(Bytes message, const Record& record, Octets& rdata) {
  rdata.clear();
  const std::size_t end = record.rdata_at + record.rdata.size();
  const Bytes known = message.first(end);  // a name that starts in the data stays within it, or points back
  std::size_t at = record.rdata_at;
  const Fields& fields = fields_of(record.type);
  for (const Field* field = fields.data(); *field != kEnd; ++field) {
    if (*field == kName) {
      Name name;
      const auto after = read_name(known, at, name);
      if (!after) return fail(after.error());
      append(rdata, name.wire());
      at = *after;
      continue;
    }
    const auto size = field_size(*field, known.subspan(at));
    if (!size) return fail(size.error());
    append(rdata, known.subspan(at, *size));
    at += *size;
  }
  append(rdata, known.subspan(at));  // of a type without a form; otherwise check_rdata refuses it
  return check_rdata(record.type, rdata);
}

NamePlaces names_in(Type type, Bytes rdata) {
  NamePlaces places;
  std::size_t at = 0;
  for (const Field* field = fields_of(type).data(); *field != kEnd; ++field) {
    if (*field == kHex || *field == kStrings || *field == kText || *field == kParameters) break;
    if (*field == kName || *field == kPlainName) places.at[places.count++] = static_cast<std::uint16_t>(at);
    const auto size = field_size(*field, rdata.subspan(at));
    if (!size) return {};
    at += *size;
  }
  return places;
}

bool is_compressible(Type type) {
  const Form* const form = form_of(type);
  return form != nullptr && form->compressible;
}

std::optional<Bytes> target_of(Type type, Bytes rdata) {
  switch (type) {
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: return rdata;
    case Type::kMx: return rdata.subspan(2);
    case Type::kSrv: return rdata.subspan(6);
    case Type::kSvcb:
    case Type::kHttps: {
      const Bytes name = rdata.subspan(2);
      return name.first(name_size(name));
    }
    default: return std::nullopt;
  }
}

Result<Octets> txt_of(std::span<const std::string_view> strings) {
  if (strings.empty()) return fail(Code::kInvalid, "a TXT record has at least one string");
  Octets rdata;
  for (std::string_view rest : strings) {
    do {
      const std::string_view string = rest.substr(0, kStringBytesMax);
      rdata.push_back(static_cast<std::uint8_t>(string.size()));
      rdata.insert(rdata.end(), string.begin(), string.end());
      if (rdata.size() > kRdataBytesMax)
        return fail(Code::kInvalid, "a TXT record has at most 65,535 octets with the lengths of its strings");
      rest.remove_prefix(string.size());
    } while (!rest.empty());
  }
  return rdata;
}

}  // namespace weir::dns
