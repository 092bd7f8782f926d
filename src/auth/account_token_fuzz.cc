// Whatever somebody presents as the token of an account, and whatever somebody gives as a key or as an
// authority for SSH.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/account_token.h"
#include "auth/ssh_key.h"
#include "base/check.h"

namespace {

std::string text_of(const weir::auth::SshLine& line) {
  std::string list;
  for (const std::string& principal : line.principals) {
    list += list.empty() ? "" : ",";
    for (const char c : principal) list.append(c == '"' ? "\\" : "") += c;
  }
  std::string text = line.is_authority ? "cert-authority" : "";
  if (!list.empty()) text += ",principals=\"" + list + '"';
  if (!text.empty()) text += ' ';
  text += line.key.type + ' ' + weir::auth::to_base64(weir::auth::bytes_of(line.key.blob));
  return text + ' ' + line.key.comment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Digest key = account_key(bytes_of("key"), "eve", "hash");
  if (const auto token = AccountToken::parse(text)) {
    WEIR_CHECK(looks_like_account_token(text));
    WEIR_CHECK(!token->user_id().empty() && token->user_id().size() <= kUserIdBytesMax);
    // Who has not the key has not made one that is good.
    WEIR_CHECK(!token->is_signed_by(key));
    (void)token->is_current(weir::WallTime{});
  }
  if (const auto parsed = parse_ssh_key(text)) {
    const auto again =
        parse_ssh_key(parsed->type + ' ' + to_base64(bytes_of(parsed->blob)) + ' ' + parsed->comment);
    WEIR_CHECK(again == parsed);
    WEIR_CHECK(parsed->fingerprint().size() == 7 + 43);
  }
  if (const auto line = parse_ssh_line(text)) {
    WEIR_CHECK(line->is_authority || (line->principals.empty() && parse_ssh_key(text) == line->key));
    WEIR_CHECK(!line->is_authority || !parse_ssh_key(text));
    WEIR_CHECK(line->principals.size() <= kSshPrincipalsMax);
    WEIR_CHECK(parse_ssh_line(text_of(*line)) == line);
  }
  return 0;
}
