#include "dns/svcb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace weir::dns {
namespace {

// https://www.iana.org/assignments/dns-svcb
constexpr std::uint16_t kMandatory = 0;
constexpr std::uint16_t kAlpn = 1;
constexpr std::uint16_t kNoDefaultAlpn = 2;
constexpr std::uint16_t kPort = 3;
constexpr std::uint16_t kIpv4Hint = 4;
constexpr std::uint16_t kEch = 5;
constexpr std::uint16_t kIpv6Hint = 6;
constexpr std::uint16_t kDohPath = 7;
constexpr std::uint16_t kInvalidKey = 65535;  // reserved

constexpr std::array<std::string_view, 8> kKeyNames = {"mandatory", "alpn", "no-default-alpn", "port",
                                                       "ipv4hint",  "ech",  "ipv6hint",        "dohpath"};

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view as_text(Bytes octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

Result<std::uint16_t> read_key(std::string_view text) {
  const auto* const known = std::ranges::find(kKeyNames, text);
  if (known != kKeyNames.end()) return static_cast<std::uint16_t>(known - kKeyNames.begin());
  if (!text.starts_with("key"))
    return fail(Code::kMalformed,
                "a service parameter that is not known by name; others are key0 to key65534");
  text.remove_prefix(3);
  const auto number = read_number(text, 65535);
  if (!number || *number == kInvalidKey || (text.size() > 1 && text[0] == '0'))
    return fail(Code::kMalformed, "a service parameter without a name is key0 to key65534");
  return static_cast<std::uint16_t>(*number);
}

void write_key(std::string& text, std::uint16_t key) {
  if (key < kKeyNames.size()) {
    text += kKeyNames[key];
  } else {
    text += "key" + std::to_string(key);
  }
}

// What stands between commas, each given to append. An empty list has one item, and that is empty.
template <class Append>
Result<void> read_list(std::string_view list, Append append) {
  for (;;) {
    const std::size_t comma = list.find(',');
    if (Result<void> done = append(list.substr(0, comma)); !done) return done;
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
}

Result<void> read_mandatory(std::string_view list, Octets& value) {
  std::vector<std::uint16_t> keys;
  auto done = read_list(list, [&](std::string_view item) -> Result<void> {
    const auto key = read_key(item);
    if (!key) return fail(key.error());
    keys.push_back(*key);
    return {};
  });
  std::ranges::sort(keys);
  for (const std::uint16_t key : keys) append_u16(value, key);
  return done;
}

// RFC 9460 appendix A.1: within the list, \, and \\ are a comma and a backslash.
Result<void> read_alpn(Bytes list, Octets& value) {
  std::size_t start = value.size();
  value.push_back(0);
  const auto close = [&] {
    const std::size_t size = value.size() - start - 1;
    value[start] = static_cast<std::uint8_t>(size);
    return size > 0 && size <= kStringBytesMax;
  };
  const auto refused = fail(Code::kMalformed, "a protocol in alpn has 1 to 255 octets");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      if (!close()) return refused;
      start = value.size();
      value.push_back(0);
      continue;
    }
    if (list[i] == '\\') {
      ++i;
      if (i == list.size() || (list[i] != ',' && list[i] != '\\'))
        return fail(Code::kMalformed, "a backslash in alpn goes before a comma or another one");
    }
    value.push_back(list[i]);
  }
  if (!close()) return refused;
  return {};
}

void write_alpn(std::string& text, Bytes value) {
  Octets list;
  for (std::size_t at = 0; at < value.size(); at += value[at] + 1U) {
    if (at > 0) list.push_back(',');
    for (const std::uint8_t octet : value.subspan(at + 1, value[at])) {
      if (octet == ',' || octet == '\\') list.push_back('\\');
      list.push_back(octet);
    }
  }
  append_quoted(text, list);
}

Result<void> read_base64(std::string_view text, Octets& value) {
  const auto refused = fail(Code::kMalformed, "ech is written in base64 with its padding");
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (text.empty() || text.size() % 4 != 0) return refused;
  text.remove_suffix(padding);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos) return refused;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    value.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  if ((bits & ((1U << count) - 1)) != 0) return refused;  // bits that nothing would read
  return {};
}

void write_base64(std::string& text, Bytes value) {
  for (std::size_t i = 0; i < value.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, value.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8U | (k < count ? value[i + k] : 0U);
    for (unsigned k = 0; k < 4; ++k) text += k <= count ? kBase64[bits >> (18U - 6U * k) & 63U] : '=';
  }
}

// The value of a parameter by its name; `octets` is what its characters mean.
Result<void> read_value(std::uint16_t key, Bytes octets, Octets& value) {
  const std::string_view text = as_text(octets);
  switch (key) {
    case kMandatory: return read_mandatory(text, value);
    case kAlpn: return read_alpn(octets, value);
    case kPort: {
      const auto port = read_number(text, 65535);
      if (!port) return fail(Code::kMalformed, "a port is a number from 0 to 65535");
      append_u16(value, static_cast<std::uint16_t>(*port));
      return {};
    }
    case kIpv4Hint: return read_list(text, [&](std::string_view item) { return append_ipv4(item, value); });
    case kEch: return read_base64(text, value);
    case kIpv6Hint: return read_list(text, [&](std::string_view item) { return append_ipv6(item, value); });
    default: value.assign(octets.begin(), octets.end()); return {};
  }
}

bool needs_value(std::uint16_t key) { return key < kKeyNames.size() && key != kNoDefaultAlpn; }

struct Parameter {
  std::uint16_t key = 0;
  Octets value;
};

Result<Parameter> read_parameter(const Word& word) {
  if (word.quotes == Quotes::kAround)
    return fail(Code::kMalformed, "the quotes of a service parameter go around its value alone");
  const std::size_t equals = word.text.find('=');
  const std::string_view name = word.text.substr(0, equals);
  const auto key = read_key(name);
  if (!key) return fail(key.error());
  std::string_view written = equals == std::string_view::npos ? "" : word.text.substr(equals + 1);
  if (word.quotes == Quotes::kWithin) {
    if (!written.starts_with('"'))
      return fail(Code::kMalformed, "the quotes of a service parameter go around its whole value");
    written = written.substr(1, written.size() - 2);
  }
  Octets octets;
  if (auto done = append_unescaped(written, octets); !done) return fail(done.error());
  Parameter parameter{*key, {}};
  if (octets.empty() && needs_value(*key))
    return fail(Code::kMalformed, "a service parameter of this key has a value, as in port=443");
  if (name.starts_with("key")) {
    parameter.value = std::move(octets);
  } else if (auto done = read_value(*key, octets, parameter.value); !done) {
    return fail(done.error());
  }
  if (parameter.value.size() > 65535)
    return fail(Code::kMalformed, "the value of a service parameter has at most 65,535 octets");
  return parameter;
}

// RFC 9461 section 5: a relative URI template with the variable "dns"
bool is_doh_path(std::string_view path) {
  const std::size_t open = path.find('{');
  if (!path.starts_with('/') || open == std::string_view::npos) return false;
  const std::size_t name = path.find("dns", open);
  return name != std::string_view::npos && path.find('}', name) != std::string_view::npos;
}

Result<void> check_alpn(Bytes value) {
  std::size_t at = 0;
  while (at < value.size()) {
    if (value[at] == 0) return fail(Code::kMalformed, "a protocol in alpn has 1 to 255 octets");
    at += value[at] + 1U;
  }
  if (value.empty() || at != value.size())
    return fail(Code::kMalformed, "alpn has at least one protocol, and ends with one");
  return {};
}

Result<void> check_mandatory(Bytes value) {
  if (value.empty() || value.size() % 2 != 0)
    return fail(Code::kMalformed, "mandatory has at least one key, each of two octets");
  for (std::size_t i = 0; i < value.size(); i += 2) {
    if (load_u16(&value[i]) == kMandatory) return fail(Code::kMalformed, "mandatory does not name itself");
    if (i > 0 && load_u16(&value[i - 2]) >= load_u16(&value[i]))
      return fail(Code::kMalformed, "the keys in mandatory increase, and none is there twice");
  }
  return {};
}

Result<void> check_value(std::uint16_t key, Bytes value) {
  switch (key) {
    case kMandatory: return check_mandatory(value);
    case kAlpn: return check_alpn(value);
    case kNoDefaultAlpn:
      if (!value.empty()) return fail(Code::kMalformed, "no-default-alpn has no value");
      return {};
    case kPort:
      if (value.size() != 2) return fail(Code::kMalformed, "a port has two octets");
      return {};
    case kIpv4Hint:
      if (value.empty() || value.size() % 4 != 0)
        return fail(Code::kMalformed, "ipv4hint has at least one IPv4 address, each of four octets");
      return {};
    case kEch:
      if (value.empty()) return fail(Code::kMalformed, "ech has a value");
      return {};
    case kIpv6Hint:
      if (value.empty() || value.size() % 16 != 0)
        return fail(Code::kMalformed, "ipv6hint has at least one IPv6 address, each of sixteen octets");
      return {};
    case kDohPath:
      if (!is_doh_path(as_text(value)))
        return fail(Code::kMalformed, "dohpath is a path with the variable dns, like /dns-query{?dns}");
      return {};
    case kInvalidKey: return fail(Code::kMalformed, "65535 is no key of a service parameter");
    default: return {};
  }
}

void write_value(std::string& text, std::uint16_t key, Bytes value) {
  const auto in_steps = [&](std::size_t step, auto write) {
    for (std::size_t at = 0; at < value.size(); at += step) {
      if (at > 0) text += ',';
      write(value.subspan(at, step));
    }
  };
  switch (key) {
    case kMandatory: return in_steps(2, [&](Bytes item) { write_key(text, load_u16(item.data())); });
    case kAlpn: return write_alpn(text, value);
    case kPort: text += std::to_string(load_u16(value.data())); return;
    case kIpv4Hint: return in_steps(4, [&](Bytes item) { write_ipv4(text, item); });
    case kEch: return write_base64(text, value);
    case kIpv6Hint: return in_steps(16, [&](Bytes item) { write_ipv6(text, item); });
    default: return append_quoted(text, value);
  }
}

}  // namespace

Result<void> append_service_parameters(Words& words, Octets& rdata) {
  std::vector<Parameter> parameters;
  while (!words.empty()) {
    auto parameter = read_parameter(words.front());
    words.drop();
    if (!parameter) return fail(parameter.error());
    parameters.push_back(std::move(*parameter));
  }
  std::ranges::sort(parameters, {}, &Parameter::key);
  if (std::ranges::adjacent_find(parameters, {}, &Parameter::key) != parameters.end())
    return fail(Code::kMalformed, "a service parameter is there twice");
  const std::size_t start = rdata.size();
  for (const Parameter& parameter : parameters) {
    append_u16(rdata, parameter.key);
    append_u16(rdata, static_cast<std::uint16_t>(parameter.value.size()));
    rdata.insert(rdata.end(), parameter.value.begin(), parameter.value.end());
  }
  return check_service_parameters(Bytes(rdata).subspan(start));
}

Result<void> check_service_parameters(Bytes parameters) {
  ByteReader reader(parameters);
  Bytes mandatory;  // those that were not met yet
  std::optional<std::uint16_t> before;
  bool has_alpn = false;
  while (reader.left() > 0) {
    const std::uint16_t key = reader.u16();
    const Bytes value = reader.take(reader.u16());
    if (!reader.ok()) return fail(Code::kMalformed, "a service parameter goes beyond the record data");
    if (before && *before >= key)
      return fail(Code::kMalformed, "the keys of service parameters increase, and none is there twice");
    if (auto done = check_value(key, value); !done) return done;
    if (key == kMandatory) {
      mandatory = value;
    } else if (!mandatory.empty() && load_u16(mandatory.data()) == key) {
      mandatory = mandatory.subspan(2);
    }
    has_alpn |= key == kAlpn;
    if (key == kNoDefaultAlpn && !has_alpn)
      return fail(Code::kMalformed, "no-default-alpn goes with an alpn");
    before = key;
  }
  if (!mandatory.empty()) return fail(Code::kMalformed, "a mandatory service parameter is missing");
  return {};
}

void write_service_parameters(std::string& text, Bytes parameters) {
  ByteReader reader(parameters);
  while (reader.left() > 0) {
    const std::uint16_t key = reader.u16();
    const Bytes value = reader.take(reader.u16());
    text += ' ';
    write_key(text, key);
    if (value.empty()) continue;
    text += '=';
    write_value(text, key, value);
  }
}

}  // namespace weir::dns
