#include "config/formats.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

#include "auth/ssh_key.h"
#include "base/text.h"
#include "base/uri_path.h"

namespace weir::config {
namespace {

constexpr std::size_t kLabelBytesMax = 63;      // RFC 1035 section 2.3.4
constexpr std::size_t kHostnameBytesMax = 253;  // the same, as text

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

// `has "_" at character 4`; what is before the place is ASCII.
std::string misplaced(std::string_view text, std::size_t place) {
  std::string message = "has \"";
  message += text.substr(place, utf8_length(text[place]));
  message += "\" at character " + std::to_string(place + 1);
  return message;
}

std::string check_dns_label(std::string_view label) {
  if (label.empty()) return "has an empty part between two dots or at an end";
  if (label.size() > kLabelBytesMax) return "has a part of more than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "has a part that begins or ends with \"-\"";
  return {};
}

std::string check_dns_labels(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (std::string message = check_dns_label(text.substr(0, dot)); !message.empty()) return message;
    if (dot == std::string_view::npos) return {};
    text.remove_prefix(dot + 1);
  }
}

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

// Only digits and dots: meant as an IPv4 address, and no DNS name (the last label of one is never a number).
bool looks_like_ipv4(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? text : text.substr(dot + 1);
  return !last.empty() && std::ranges::all_of(last, is_digit);
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
  bool bracketed = false;
};

// Splits at the colon in front of the port; what is in brackets is an IPv6 address.
std::optional<HostAndPort> split_host_and_port(std::string_view text) {
  HostAndPort parts;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    parts.host = text.substr(1, end - 1);
    parts.bracketed = true;
    text.remove_prefix(end + 1);
    if (text.empty()) return parts;
    if (!text.starts_with(':')) return std::nullopt;
    parts.port = text.substr(1);
    parts.has_port = true;
    return parts;
  }
  const std::size_t colon = text.rfind(':');
  parts.host = text.substr(0, colon);
  parts.has_port = colon != std::string_view::npos;
  if (parts.has_port) parts.port = text.substr(colon + 1);
  return parts;
}

bool is_port(std::string_view text) {
  const auto number = parse_decimal(text);
  return number && *number >= 1 && *number <= 65535;
}

std::string check_host_and_port(std::string_view text, bool port_required) {
  if (text.contains("://")) return "is a URL; write only host and port, such as 10.0.0.1:80";
  const auto parts = split_host_and_port(text);
  if (!parts) return "is not like [::1]:80, which is how an IPv6 address is written";
  if (!parts->bracketed && parts->host.contains(':')) {
    return "has more than one \":\"; an IPv6 address goes in brackets, such as [::1]:80";
  }
  if (port_required && !parts->has_port) return "needs a port at its end, such as :80";
  if (parts->has_port && !is_port(parts->port)) return "needs a port from 1 to 65535 after the \":\"";
  if (parts->host.empty()) return "needs a host before the \":\"";
  if (parts->bracketed) {
    in6_addr address{};
    const bool good = inet_pton(AF_INET6, std::string(parts->host).c_str(), &address) == 1;
    return good ? std::string() : "has something in the brackets that is no IPv6 address";
  }
  return check_hostname(parts->host);
}

bool is_path_character(char c) {  // pchar or "/" (RFC 3986 section 3.3)
  return is_letter(c) || is_digit(c) || std::string_view("/-._~!$&'()*+,;=:@%").contains(c);
}

std::string check_path_characters(std::string_view text, bool query_allowed) {
  if (!text.starts_with('/')) return "must begin with \"/\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_path_character(text[i])) {
      const auto hex = [&](std::size_t place) {
        return place < text.size() && std::string_view("0123456789abcdefABCDEF").contains(text[place]);
      };
      if (text[i] == '%' && !(hex(i + 1) && hex(i + 2))) {
        return misplaced(text, i) + " that two hexadecimal digits do not follow";
      }
      continue;
    }
    if (text[i] == '?' && query_allowed) continue;
    return misplaced(text, i) + ", which can't stand in a path";
  }
  return {};
}

// Two digits or more at a fixed place; -1 when they are not digits.
int digits_at(std::string_view text, std::size_t place, std::size_t count) {
  if (place + count > text.size()) return -1;
  const auto number = parse_decimal(text.substr(place, count));
  return number ? static_cast<int>(*number) : -1;
}

// "Z", "+01:00", "-08:30"
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digits_at(text, 1, 2);
  const int minutes = digits_at(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::chrono::minutes offset(hours * 60 + minutes);
  return text[0] == '-' ? -offset : offset;
}

}  // namespace

std::string check_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] >= 'a' && text[i] <= 'z') || is_digit(text[i]) || text[i] == '-') continue;
    return misplaced(text, i) + "; a name is made of a-z, 0-9 and \"-\"";
  }
  if (text.starts_with('-') || text.ends_with('-')) return "must not begin or end with \"-\"";
  return {};
}

std::string check_dotted_name(std::string_view text) {
  if (text.size() > kHostnameBytesMax) return "is longer than a host name can be, 253 characters";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] >= 'a' && text[i] <= 'z') || is_digit(text[i]) || text[i] == '-' || text[i] == '.') continue;
    return misplaced(text, i) + "; this name is made of a-z, 0-9, \"-\" and \".\"";
  }
  return check_dns_labels(text);
}

std::string check_hostname(std::string_view text) {
  if (text.size() > kHostnameBytesMax) return "is longer than a host name can be, 253 characters";
  for (std::size_t i = 0; i < text.size(); ++i) {
    // "_" is no character of host names, but of names that are in use inside networks
    if (is_letter(text[i]) || is_digit(text[i]) || text[i] == '-' || text[i] == '.' || text[i] == '_')
      continue;
    return misplaced(text, i) + ", which can't stand in a host name";
  }
  if (std::string message = check_dns_labels(text); !message.empty()) return message;
  if (looks_like_ipv4(text) && !is_ipv4(text)) return "ends in a number, but is not an IPv4 address";
  return {};
}

std::string check_hostname_pattern(std::string_view text) {
  if (text == "*") return "must be a host name; to take every host, leave hostnames out";
  if (text.contains("://")) return "is a URL; write only the host name";
  if (text.contains('/')) return "has a path; paths belong to routes";
  if (text.contains(':')) return "has a port; ports belong to the listener";
  const bool wildcard = text.starts_with("*.");
  const std::string_view name = wildcard ? text.substr(2) : text;
  if (name.contains('*')) return "may have a \"*\" only as the whole first part, such as *.example.com";
  if (wildcard && looks_like_ipv4(name)) return "can't have a \"*\" before an IPv4 address";
  return check_hostname(name);
}

std::string check_host_field(std::string_view text) { return check_host_and_port(text, false); }
std::string check_address(std::string_view text) { return check_host_and_port(text, true); }

std::string check_path(std::string_view text) { return check_path_characters(text, true); }

std::string check_path_prefix(std::string_view text) {
  if (text.contains('?')) return "has a query; a prefix is compared with the path alone";
  if (std::string message = check_path_characters(text, false); !message.empty()) return message;
  if (text.ends_with('*')) return "must not end with \"*\"; a prefix takes what is below it anyway";
  if (text.contains("//")) return "has an empty segment (\"//\")";
  std::string_view rest = text;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return "has a \".\" or \"..\" segment, which no request keeps";
    rest.remove_prefix(segment.size());
  }
  return {};
}

std::string check_match_path(std::string_view text) {
  if (std::string message = check_path_prefix(text); !message.empty()) return message;
  const PathForm form = form_of(text);
  if (!form.valid) return "encodes a NUL byte, which no request may have";
  return form.normal ? std::string()
                     : "must be written as requests' paths are compared: " + normal_path(text);
}

std::string check_label_key(std::string_view text) {
  constexpr std::size_t kKeyBytesMax = 128;
  if (text.empty() || text.size() > kKeyBytesMax) return "must be of 1 to 128 characters";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_letter(text[i]) || is_digit(text[i]) || std::string_view("-_./").contains(text[i])) continue;
    return misplaced(text, i) + R"(; a key is made of letters, digits, "-", "_", "." and "/")";
  }
  return {};
}

std::string check_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return "must be an e-mail address such as eve@host.example";
  constexpr std::size_t kLocalPartBytesMax = 64;
  if (at > kLocalPartBytesMax) return "has more than 64 characters before the \"@\"";
  for (std::size_t i = 0; i < at; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_atom = is_letter(text[i]) || is_digit(text[i]) || byte >= 0x80 ||
                         std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(text[i]);
    if (!is_atom) return misplaced(text, i) + ", which can't stand before the \"@\"";
  }
  if (std::string message = check_hostname(text.substr(at + 1)); !message.empty()) {
    return "has a host after the \"@\" that " + message;
  }
  return {};
}

std::string check_issuer(std::string_view text) {
  const bool is_secure = text.starts_with("https://") || text.starts_with("http://127.0.0.1:") ||
                         text.starts_with("http://localhost:");
  const bool is_plain = text.find_first_of("?# \t\r\n") == std::string_view::npos;
  if (is_secure && is_plain) return {};
  return "must be an address that begins with https://, without ? and #";
}

std::string check_password(std::string_view text) {
  constexpr std::size_t kPasswordBytesMin = 8;  // NIST SP 800-63B section 5.1.1.2
  if (text.size() < kPasswordBytesMin) return "must have at least 8 characters";
  return {};
}

std::string check_ssh_key(std::string_view text) {
  const auto line = auth::parse_ssh_line(text);
  return line ? std::string() : line.error();
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = utf8_length(text[i]);
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
    std::uint32_t point = lead & (0x7fU >> length);
    for (std::size_t j = 1; j < length; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      if ((byte & 0xc0U) != 0x80) return false;
      point = (point << 6U) | (byte & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};  // shorter forms exist below
    if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

std::optional<Address> parse_address(std::string_view text) {
  if (!check_address(text).empty()) return std::nullopt;
  const HostAndPort parts = *split_host_and_port(text);
  Address address;
  address.port = static_cast<std::uint16_t>(*parse_decimal(parts.port));
  address.host = to_lower(parts.host);
  if (parts.bracketed) {
    in6_addr bytes{};
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    inet_pton(AF_INET6, address.host.c_str(), &bytes);
    inet_ntop(AF_INET6, &bytes, canonical.data(), canonical.size());
    address.family = Address::Family::kIpv6;
    address.host = canonical.data();
  } else if (is_ipv4(address.host)) {
    address.family = Address::Family::kIpv4;
  }
  return address;
}

std::string to_text(const Address& address) {
  if (address.family == Address::Family::kTunnel) return "tunnel:" + address.host;
  const std::string port = ':' + std::to_string(address.port);
  return address.family == Address::Family::kIpv6 ? '[' + address.host + ']' + port : address.host + port;
}

std::string_view normal_prefix(std::string_view prefix) {
  while (prefix.size() > 1 && prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size()) return std::nullopt;
  for (const std::size_t place : {4, 7, 13, 16}) {
    if (text[place] != kForm[place]) return std::nullopt;
  }
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const int year = digits_at(text, 0, 4);
  const int month = digits_at(text, 5, 2);
  const int day = digits_at(text, 8, 2);
  const int hour = digits_at(text, 11, 2);
  const int minute = digits_at(text, 14, 2);
  const int second = digits_at(text, 17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 0 || day < 0 || !date.ok()) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  text.remove_prefix(kForm.size());
  int milliseconds = 0;
  if (text.starts_with('.')) {
    std::size_t end = 1;
    for (int scale = 100; end < text.size() && is_digit(text[end]); ++end, scale /= 10) {
      milliseconds += (text[end] - '0') * scale;
    }
    if (end == 1) return std::nullopt;
    text.remove_prefix(end);
  }
  const auto offset = parse_offset(text);
  if (!offset) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::milliseconds(milliseconds) - *offset;
}

// --- of HTTP messages and their senders
namespace {

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

// What says where a message ends, or belongs to one connection: the proxy itself writes these.
constexpr std::array<std::string_view, 11> kOwnFields{
    "host",    "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect",         "proxy-connection",  "via"};

// Of the compiled program: enough for lists of hundreds of words, and too little to slow an edge down.
constexpr std::int64_t kProgramBytesMax = 256 << 10U;

re2::RE2::Options options() {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kProgramBytesMax);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // of bytes: what comes need not be UTF-8
  return options;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Pattern::Pattern(std::string_view text) : compiled_(std::make_unique<re2::RE2>(piece(text), options())) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

std::string Pattern::problem() const { return compiled_->error(); }
bool Pattern::matches(std::string_view text) const { return re2::RE2::FullMatch(piece(text), *compiled_); }

std::string check_token(std::string_view text) {
  if (std::ranges::all_of(text, is_token_character)) return {};
  return R"(must be made of letters, digits and !#$%&'*+-.^_`|~)";
}

std::string check_field_value(std::string_view text) {
  const auto bad = [](char c) { return (c < ' ' && c != '\t') || c > '~'; };
  if (std::ranges::any_of(text, bad)) return "has a byte that can't stand in a field value";
  if (!text.empty() && (text.front() == ' ' || text.back() == ' ')) return "begins or ends with a blank";
  return {};
}

std::string check_realm(std::string_view text) {
  if (text.contains('"') || text.contains('\\')) return R"(must not have a " or \ in it)";
  return check_field_value(text);
}

std::string check_regex(std::string_view text) {
  const std::string problem = Pattern(text).problem();
  return problem.empty() ? problem : "is no regular expression that RE2 takes: " + problem;
}

std::string check_editable_field(std::string_view text) {
  if (std::string problem = check_token(text); !problem.empty()) return problem;
  if (std::ranges::find(kOwnFields, to_lower(text)) == kOwnFields.end()) return {};
  return "is a field that only the proxy itself writes";
}

std::string check_network(std::string_view text) {
  if (parse_network(text)) return {};
  return "must be a network such as 10.0.0.0/8 or fd00::/8, or an IP address";
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string ip(text.substr(0, slash));
  Network network;
  network.v6 = ip.contains(':');
  if (inet_pton(network.v6 ? AF_INET6 : AF_INET, ip.c_str(), network.bytes.data()) != 1) return std::nullopt;
  const unsigned bits_max = network.v6 ? 128 : 32;
  network.prefix_bits = static_cast<std::uint8_t>(bits_max);
  if (slash == std::string_view::npos) return network;
  const auto bits = parse_decimal(text.substr(slash + 1));
  if (!bits || *bits > bits_max) return std::nullopt;
  network.prefix_bits = static_cast<std::uint8_t>(*bits);
  return network;
}

bool Network::contains(bool address_is_v6, std::span<const std::uint8_t> address) const {
  if (address_is_v6 != v6) return false;
  const std::size_t whole = prefix_bits / 8;
  if (!std::equal(bytes.begin(), bytes.begin() + whole, address.begin())) return false;
  const unsigned rest = prefix_bits % 8;
  return rest == 0 || (bytes.at(whole) ^ address[whole]) >> (8 - rest) == 0;
}

}  // namespace weir::config
