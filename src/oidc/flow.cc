#include "oidc/flow.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/uri_path.h"
#include "net/core.h"
#include "oidc/json.h"

namespace weir::oidc {
namespace {

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::optional<std::string> form_decoded(std::string_view text) {
  const auto value = [](char c) {
    const char lower = ascii_lower(c);
    if (c >= '0' && c <= '9') return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || value(text[i + 1]) < 0 || value(text[i + 2]) < 0) return std::nullopt;
    decoded += static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2]));
    i += 2;
  }
  return decoded;
}

// Of a name that is there twice, nothing is known.
std::map<std::string, std::string> parameters_of(std::string_view query) {
  std::map<std::string, std::string> all;
  std::vector<std::string> twice;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto value = form_decoded(pair.substr(std::min(equals + 1, pair.size())));
    std::string name(pair.substr(0, equals));
    if (value && value->size() <= kCodeBytesMax && !all.emplace(name, std::move(*value)).second) {
      twice.push_back(std::move(name));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  for (const std::string& name : twice) all.erase(name);
  return all;
}

std::unexpected<Failure> refused(const char* sentence, std::string reason) {
  return std::unexpected(Failure{Failure::Kind::kRefused, sentence, std::move(reason)});
}

// In answer to prompt=select_account: the word for it (OpenID Connect Core 1.0 section 3.1.2.6), what Pocket
// ID says, and what oidc-provider does.
bool says_no_choice(std::string_view error) {
  return error == "account_selection_required" || error == "interaction_required" ||
         error == "invalid_request";
}

}  // namespace

std::string local_path(std::string_view asked) {
  const bool is_plain = std::ranges::all_of(asked, [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
  const bool is_local = asked.starts_with('/') && !asked.starts_with("//") && asked.size() <= kReturnBytesMax;
  return is_plain && is_local ? std::string(asked) : "/";
}

std::string parameter(std::string_view query, std::string_view name) {
  auto all = parameters_of(query);
  const auto found = all.find(std::string(name));
  return found == all.end() ? std::string() : std::move(found->second);
}

std::string Flow::derived(std::string_view purpose, std::string_view state) const {
  return auth::to_base64url(auth::hmac_sha256(key_, {auth::bytes_of(purpose), auth::bytes_of(state)}));
}

std::string Flow::signed_by_us(std::string_view text) const { return derived("cookie:", text); }

net::Task<Told<Flow::Start>> Flow::start(Client client, std::string name, std::string redirect_uri,
                                         std::string return_to, Account account) {
  const auto metadata = co_await providers_.metadata(client.issuer);
  if (!metadata) co_return std::unexpected(metadata.error());
  if (account == Account::kChosen && !metadata->has_choice) account = Account::kAnew;
  std::array<std::byte, 24> random{};
  if (const auto filled = net::fill_random(random); !filled) {
    co_return std::unexpected(Failure{Failure::Kind::kOurs, "try again", filled.error().text});
  }
  const std::string state = auth::to_base64url(random);
  const auth::Digest challenge = auth::sha256({auth::bytes_of(derived("verifier:", state))});
  std::string location = metadata->authorization_endpoint;
  location += location.contains('?') ? '&' : '?';
  location.append("response_type=code&scope=openid%20email%20profile&client_id=")
      .append(encoded(client.client_id))
      .append("&redirect_uri=")
      .append(encoded(redirect_uri))
      .append("&state=")
      .append(state)
      .append("&nonce=")
      .append(derived("nonce:", state))
      .append("&code_challenge_method=S256&code_challenge=")
      .append(auth::to_base64url(challenge));
  if (account == Account::kChosen) location.append("&prompt=select_account");
  if (account == Account::kAnew) location.append("&prompt=login");
  const WallTime until = env_.loop.clock().wall_now() + std::chrono::floor<WallTime::duration>(kFlowLife);
  const std::string text = std::to_string(seconds_of(until)) + ':' + state + ':' +
                           std::to_string(static_cast<unsigned>(account)) + ':' + name + ':' +
                           local_path(return_to);
  co_return Start{std::move(location), auth::to_base64url(auth::bytes_of(text)) + '.' + signed_by_us(text)};
}

std::optional<Begun> Flow::read(std::string_view cookie) const {
  if (cookie.size() > kFlowCookieBytesMax) return std::nullopt;
  const std::size_t dot = cookie.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto text = auth::from_base64url(cookie.substr(0, dot));
  if (!text) return std::nullopt;
  const std::string wanted = signed_by_us(*text);
  if (!auth::constant_time_equal(auth::bytes_of(cookie.substr(dot + 1)), auth::bytes_of(wanted))) {
    return std::nullopt;
  }
  std::array<std::string, 4> parts;
  std::string_view rest = *text;
  for (std::string& part : parts) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  const auto until = parse_decimal(parts[0]);
  const auto now = seconds_of(env_.loop.clock().wall_now());
  if (!until || now < 0 || static_cast<std::uint64_t>(now) >= *until) return std::nullopt;
  const auto account = parse_decimal(parts[2]);
  if (!account || *account > static_cast<unsigned>(Account::kAnew)) return std::nullopt;
  return Begun{std::move(parts[1]), static_cast<Account>(*account), std::move(parts[3]), std::string(rest)};
}

net::Task<Told<Claims>> Flow::finish(Client client, Begun begun, std::string redirect_uri,
                                     std::string query) {
  constexpr const char* kAgain = "this sign-in is not the one that was begun here; try again";
  auto parameters = parameters_of(query);
  const auto state = parameters.find("state");
  if (state == parameters.end() ||
      !auth::constant_time_equal(auth::bytes_of(state->second), auth::bytes_of(begun.state))) {
    co_return refused(kAgain, client.issuer + ": another state came back");
  }
  // RFC 9207: which provider says it.
  if (const auto issuer = parameters.find("iss");
      issuer != parameters.end() && issuer->second != client.issuer) {
    co_return refused(kAgain, client.issuer + ": another iss came back: " + printable(issuer->second));
  }
  if (const auto error = parameters.find("error"); error != parameters.end()) {
    if (begun.account == Account::kChosen && says_no_choice(error->second)) {
      co_return std::unexpected(Failure{Failure::Kind::kNoChoice,
                                        "the provider of identities has no choice of accounts",
                                        client.issuer + ": it does not take prompt=select_account"});
    }
    co_return refused("the provider of identities has refused it",
                      client.issuer + ": it refuses: " + printable(error->second));
  }
  const auto code = parameters.find("code");
  if (code == parameters.end() || code->second.empty()) {
    co_return refused(kAgain, client.issuer + ": no code came back");
  }
  co_return co_await providers_.redeem(std::move(client), std::move(code->second), std::move(redirect_uri),
                                       derived("verifier:", begun.state), derived("nonce:", begun.state));
}

}  // namespace weir::oidc
