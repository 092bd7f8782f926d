#include "config/http_formats.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"

namespace weir::config {
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
