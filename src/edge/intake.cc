#include "edge/intake.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/uri_path.h"

namespace weir::edge {
namespace {

using http::Known;

// X-Forwarded-For is kept as a list that this hop adds to; X-Request-Id is the server's matter.
constexpr std::uint64_t kVouched = http::bits_of({Known::kForwarded, Known::kXRealIp, Known::kXForwardedProto,
                                                  Known::kXForwardedHost, Known::kXForwardedPort});

bool is_forged(const http::Field& field, bool trusted) {
  if (field.known != Known::kOther) return !trusted && (http::bits_of({field.known}) & kVouched) != 0;
  return http::is_disguised(field.name) || (!trusted && http::is_vouched_for(field.name));
}

bool holds(std::span<const config::Network> networks, const net::Address& address) {
  return std::ranges::any_of(networks, [&address](const config::Network& network) {
    return network.contains(address.is_v6(), address.bytes());
  });
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"
std::optional<net::Address> address_of(std::string_view member) {
  const bool one_colon = std::ranges::count(member, ':') == 1;
  if (member.starts_with('[') && member.ends_with(']')) member = member.substr(1, member.size() - 2);
  const bool has_port = one_colon || member.starts_with('[');
  const auto address = has_port ? net::Address::parse(member) : net::Address::parse_ip(member, 0);
  if (!address) return std::nullopt;
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0,    0,
                                                 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2
  const auto& bytes = address->bytes();
  if (!address->is_v6() || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return *address;
  return net::Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}, address->port());
}

// From the right: each address was added by the one behind it, so the first that is not trusted is the last
// that is known for sure.
net::Address client_of(const http::Request& request, std::span<const config::Network> trusted) {
  net::Address client = request.peer;
  for (const http::Field& field : request.head.fields.span() | std::views::reverse) {
    if (field.known != Known::kXForwardedFor) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = rest.rfind(',');
      const std::string_view member = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
      if (member.empty()) continue;
      const auto address = address_of(member);
      if (!address) return client;
      client = *address;
      if (!holds(trusted, client)) return client;
    }
  }
  return client;
}

void believe(http::Request& request, std::span<const config::Network> trusted) {
  request.forwarded_by = request.peer;
  request.peer = client_of(request, trusted);
  std::string_view scheme;
  if (!http::ListReader(request.head.fields.value_of(Known::kXForwardedProto)).next(scheme)) return;
  for (const std::string_view known : {"http", "https"}) {
    if (equal_ignoring_case(scheme, known)) request.scheme = known;
  }
}

}  // namespace

Intake take_in_path(http::RequestHead& head, http::Scratch& scratch) {
  if (!may_not_be_normal(head.path)) [[likely]]
    return {};
  const PathForm form = form_of(head.path);
  if (form.valid && !form.normal) head.path = scratch.keep(normal_path(head.path));
  return {.valid_path = form.valid, .hidden_slash = form.hides_slash};
}

Intake take_in(http::Request& request, std::span<const config::Network> trusted) {
  http::Fields& fields = request.head.fields;
  const bool believed = !trusted.empty() && holds(trusted, request.peer);
  const auto forged = [believed](const http::Field& field) { return is_forged(field, believed); };
  if (std::ranges::any_of(fields, forged)) fields.remove_if(forged);
  if (believed) believe(request, trusted);
  return take_in_path(request.head, request.scratch);
}

http::ResponsePtr spend_hop(http::Request& request) {
  http::RequestHead& head = request.head;
  if (!head.fields.has(Known::kMaxForwards)) return nullptr;
  if (head.method != http::Method::kOptions && head.method != http::Method::kTrace) return nullptr;
  const auto left = parse_decimal(head.fields.value_of(Known::kMaxForwards));
  if (!left) return nullptr;
  if (*left > 0) {
    (void)head.fields.set(Known::kMaxForwards, request.scratch.keep(std::to_string(*left - 1)));
    return nullptr;
  }
  if (head.method == http::Method::kOptions) return std::make_unique<http::TextResponse>(204, "", "");
  // A request that is sent back would show a page's script what it may not read, such as cookies.
  return http::refusal(405, "max_forwards", "a TRACE is not answered here", request.id);
}

}  // namespace weir::edge
