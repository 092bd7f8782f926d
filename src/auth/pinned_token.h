// A token that also says whom to show it to: what an operator gives a new machine, or an agent, once.
// "weirjoin_<id>_<secret>.<CA>": the token of a Token object, and the front of the SHA-256 of the authority
// of those who may see it, so that who has it knows whom it talks to before it says anything, without a file
// of certificates. Pure; never logs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::auth {

inline constexpr std::string_view kJoinPrefix = "weirjoin_";      // for a controller: lets a machine join
inline constexpr std::string_view kTunnelPrefix = "weirtunnel_";  // for edges: lets origins in
// 128 bits: nobody makes another authority that has them in common.
inline constexpr std::size_t kFingerprintChars = 32;

struct PinnedToken {
  std::string token;        // "weir_<id>_<secret>", for who is meant alone
  std::string fingerprint;  // kFingerprintChars lower-case hex digits
};

// prefix: one of the above. fingerprint: of the authority, at least kFingerprintChars.
std::string pinned_text(std::string_view prefix, std::string_view token, std::string_view fingerprint);
// Empty when this is none of that prefix, or was not copied right.
std::optional<PinnedToken> parse_pinned_token(std::string_view prefix, std::string_view text);

}  // namespace weir::auth
