// Record data: text to wire form and back, checked, and copied out of messages. One table says of which
// fields a type's data consists; data of other types is octets (RFC 3597). In wire form, names are
// uncompressed. Pure; on any core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/scanner.h"

namespace weir::dns {

inline constexpr std::size_t kRdataBytesMax = 65535;

// "A", "https", "TYPE731"; nothing when it is none. Types of questions and of messages have names as well.
std::optional<Type> read_type(std::string_view text);
std::string type_text(Type type);  // of one without a name: "TYPE731"

// The words to the last one, which replace what is in rdata. "\# 4 0a000001" is understood for every type
// (RFC 3597 section 5), "@" is the origin.
Result<void> read_rdata(Type type, Words& words, const Name& origin, Octets& rdata);
Result<Octets> read_rdata(Type type, std::string_view text, const Name& origin);

// Reads back to the same octets. What check_rdata refuses is written as octets.
void write_rdata(std::string& text, Type type, Bytes rdata);

// Whether the octets have the form of their type; those of a type without a form do.
Result<void> check_rdata(Type type, Bytes rdata);

// Data of a record that was read from the message replaces what is in rdata: decompressed and checked. Names
// may be compressed in the types of RFC 1035 and of RFC 3597 section 4.
Result<void> copy_rdata(Bytes message, const Record& record, Octets& rdata);

// Where the names begin in checked data
struct NamePlaces {
  std::array<std::uint16_t, 2> at{};
  std::size_t count = 0;
};
NamePlaces names_in(Type type, Bytes rdata);
// Whether whoever reads the type has to understand compressed names in it (RFC 3597 section 4)
bool is_compressible(Type type);
// The name in checked data of NS, CNAME, PTR, MX, SRV, SVCB and HTTPS: the one to look up next.
std::optional<Bytes> target_of(Type type, Bytes rdata);

// TXT of any length: what is longer than a string can be is cut into several.
Result<Octets> txt_of(std::span<const std::string_view> strings);

}  // namespace weir::dns
