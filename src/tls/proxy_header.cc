#include "tls/proxy_header.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"

namespace weir::tls {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::size_t kLineBytesMax = 107;  // with CR LF
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr std::size_t kBytesV4 = 12;     // two addresses, two ports
constexpr std::size_t kBytesV6 = 36;
constexpr std::size_t kBytesUnix = 216;
constexpr std::uint8_t kCrc32cType = 0x03;

std::unexpected<Error> malformed(const char* text) { return fail(Code::kMalformed, text, Side::kDownstream); }

// An IPv4 address in IPv6's clothes (RFC 4291 section 2.5.5.2) is that IPv4 address: lists of addresses know
// no other form of it.
net::Address unmapped(const net::Address& address) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& bytes = address.bytes();
  if (!address.is_v6() || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return address;
  return net::Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}, address.port());
}

// --- version 1

// Up to the next space; the space goes.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  return word;
}

std::optional<net::Address> parse_end(std::string_view ip, std::string_view port, bool v6) {
  const auto number = parse_decimal(port);
  const bool leading_zero = port.size() > 1 && port.starts_with('0');
  if (!number || *number > 65535 || leading_zero) return std::nullopt;
  const auto address = net::Address::parse_ip(ip, static_cast<std::uint16_t>(*number));
  if (!address || address->is_v6() != v6) return std::nullopt;
  return *address;
}

Result<std::size_t> parse_line(std::string_view received, ProxyHeader& header) {
  const std::size_t end = received.substr(0, kLineBytesMax).find('\n');
  if (end == std::string_view::npos) {
    if (received.size() >= kLineBytesMax) return malformed("the PROXY line has no end");
    return 0;
  }
  if (received[end - 1] != '\r') return malformed("the PROXY line does not end with CR LF");
  std::string_view line = received.substr(kLineStart.size(), end - 1 - kLineStart.size());
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") {  // whatever else it says
    header.proxied.reset();
    return end + 1;
  }
  if (family != "TCP4" && family != "TCP6") return malformed("unknown family in a PROXY line");
  const std::string_view source_ip = take_word(line);
  const std::string_view destination_ip = take_word(line);
  const std::string_view source_port = take_word(line);
  const auto source = parse_end(source_ip, source_port, family == "TCP6");
  const auto destination = parse_end(destination_ip, line, family == "TCP6");
  if (!source || !destination) return malformed("an address of the PROXY line is none");
  header.proxied = {unmapped(*source), unmapped(*destination)};
  return end + 1;
}

// --- version 2

std::uint8_t byte_at(net::Slice bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }
std::uint16_t number_at(net::Slice bytes, std::size_t at) {
  return static_cast<std::uint16_t>((byte_at(bytes, at) << 8) | byte_at(bytes, at + 1));
}

template <std::size_t kSize>
std::array<std::uint8_t, kSize> ip_at(net::Slice bytes, std::size_t at) {
  std::array<std::uint8_t, kSize> ip{};
  std::memcpy(ip.data(), bytes.data() + at, kSize);
  return ip;
}

ProxyHeader::Ends ends_of(net::Slice body, bool v6) {
  if (v6) {
    return {unmapped(net::Address::v6(ip_at<16>(body, 0), number_at(body, 32))),
            unmapped(net::Address::v6(ip_at<16>(body, 16), number_at(body, 34)))};
  }
  return {net::Address::v4(ip_at<4>(body, 0), number_at(body, 8)),
          net::Address::v4(ip_at<4>(body, 4), number_at(body, 10))};
}

// RFC 9260 appendix A; a header is short and comes once a connection, so bit by bit is fast enough.
std::uint32_t crc32c(net::Slice bytes, std::size_t zero_begin) {
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    crc ^= i >= zero_begin && i < zero_begin + 4 ? 0U : byte_at(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

// Extensions have to be well-formed, and a checksum to be right; what else they say is nobody's business
// here.
Result<void> check_extensions(net::Slice whole, std::size_t at) {
  while (at < whole.size()) {
    if (whole.size() - at < 3) return malformed("a PROXY extension is cut");
    const std::uint8_t type = byte_at(whole, at);
    const std::size_t length = number_at(whole, at + 1);
    at += 3;
    if (whole.size() - at < length) return malformed("a PROXY extension is cut");
    if (type == kCrc32cType) {
      if (length != 4) return malformed("the PROXY header's checksum has not 4 bytes");
      const std::uint32_t said = (std::uint32_t{number_at(whole, at)} << 16U) | number_at(whole, at + 2);
      if (said != crc32c(whole, at)) return malformed("the PROXY header's checksum is wrong");
    }
    at += length;
  }
  return {};
}

Result<std::size_t> parse_binary(net::Slice received, ProxyHeader& header) {
  if (received.size() < kFixedBytes) return 0;
  const std::uint8_t command = byte_at(received, 12);
  const std::uint8_t family = byte_at(received, 13);
  if ((command >> 4U) != 2) return malformed("unknown version of the PROXY header");
  if ((command & 0x0fU) > 1) return malformed("unknown command of the PROXY header");
  const std::size_t length = number_at(received, 14);
  if (length > kProxyHeaderBytesMax - kFixedBytes) return malformed("the PROXY header is too long");
  if (received.size() < kFixedBytes + length) return 0;
  const net::Slice whole = received.first(kFixedBytes + length);
  const net::Slice body = whole.subspan(kFixedBytes);
  header.proxied.reset();
  if ((command & 0x0fU) == 0) return whole.size();  // LOCAL: the rest is to be ignored
  const unsigned kind = family >> 4U;
  const unsigned transport = family & 0x0fU;
  if (kind > 3 || transport > 2) return malformed("unknown family of the PROXY header");
  constexpr std::array<std::size_t, 4> kAddressBytes{0, kBytesV4, kBytesV6, kBytesUnix};
  const std::size_t address_bytes = kAddressBytes.at(kind);
  if (body.size() < address_bytes) return malformed("the addresses of the PROXY header are cut");
  if (auto good = check_extensions(whole, kFixedBytes + address_bytes); !good) return fail(good.error());
  if (transport == 1 && (kind == 1 || kind == 2)) header.proxied = ends_of(body, kind == 2);
  return whole.size();
}

// --- writing

class Writer {
 public:
  explicit Writer(ProxyHeaderBytes& out) : out_(out) {}
  void add(std::string_view text) {
    WEIR_CHECK(text.size() <= out_.size() - size_);
    std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void add_byte(unsigned byte) {
    const char character = static_cast<char>(byte);
    add({&character, 1});
  }
  void add_number(unsigned number) {
    add_byte(number >> 8U);
    add_byte(number & 0xffU);
  }
  void add_ip(const net::Address& address, bool v6) {
    const auto& bytes = address.bytes();
    if (v6 && !address.is_v6()) add("\0\0\0\0\0\0\0\0\0\0\xff\xff"sv);
    add({reinterpret_cast<const char*>(bytes.data()), address.is_v6() ? 16U : 4U});
  }
  std::span<const std::byte> written() const { return std::span(out_).first(size_); }

 private:
  ProxyHeaderBytes& out_;
  std::size_t size_ = 0;
};

void write_line(const ProxyHeader& header, Writer& out) {
  if (!header.proxied || header.proxied->source.is_v6() != header.proxied->destination.is_v6()) {
    return out.add("PROXY UNKNOWN\r\n");
  }
  const auto& [source, destination] = *header.proxied;
  out.add(source.is_v6() ? "PROXY TCP6 " : "PROXY TCP4 ");
  out.add(source.ip());
  out.add(" ");
  out.add(destination.ip());
  out.add(" ");
  out.add(std::to_string(source.port()));
  out.add(" ");
  out.add(std::to_string(destination.port()));
  out.add("\r\n");
}

void write_binary(const ProxyHeader& header, Writer& out) {
  out.add(kSignature);
  if (!header.proxied) return out.add("\x20\0\0\0"sv);
  const auto& [source, destination] = *header.proxied;
  const bool v6 = source.is_v6() || destination.is_v6();
  out.add_byte(0x21);
  out.add_byte(v6 ? 0x21 : 0x11);
  out.add_number(static_cast<unsigned>(v6 ? kBytesV6 : kBytesV4));
  out.add_ip(source, v6);
  out.add_ip(destination, v6);
  out.add_number(source.port());
  out.add_number(destination.port());
}

}  // namespace

Result<std::size_t> parse_proxy_header(net::Slice received, ProxyHeader& header) {
  const std::string_view text = net::as_text(received);
  if (text.starts_with(kLineStart)) return parse_line(text, header);
  if (text.starts_with(kSignature)) return parse_binary(received, header);
  if (kLineStart.starts_with(text) || kSignature.starts_with(text)) return 0;
  return malformed("no PROXY header");
}

std::span<const std::byte> write_proxy_header(ProxyVersion version, const ProxyHeader& header,
                                              ProxyHeaderBytes& out) {
  Writer writer(out);
  if (version == ProxyVersion::k1) {
    write_line(header, writer);
  } else {
    write_binary(header, writer);
  }
  return writer.written();
}

}  // namespace weir::tls
