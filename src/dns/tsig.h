// Transaction signatures (RFC 8945): the TSIG record that a message ends with, what its MAC is made of, and
// messages checked and signed by it. The MAC itself comes from whoever holds the key. Pure values; on any
// core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::dns {

// HMAC-MD5 is not spoken (RFC 8945 section 6).
enum class TsigAlgorithm : std::uint8_t { kHmacSha1, kHmacSha256, kHmacSha384, kHmacSha512 };
inline constexpr std::size_t kMacBytesMax = 64;

std::optional<TsigAlgorithm> read_tsig_algorithm(std::string_view text);  // "hmac-sha256"
std::string_view tsig_algorithm_text(TsigAlgorithm algorithm);
std::size_t mac_bytes(TsigAlgorithm algorithm);

inline constexpr std::uint16_t kTsigFudgeSeconds = 300;  // RFC 8945 section 10
// Longer names of keys are not taken: a signature with a question still fits the smallest datagram.
inline constexpr std::size_t kTsigKeyNameBytesMax = 128;
// Of a record that is signed with such a key: owner, head, algorithm, fields, MAC, time of the server
inline constexpr std::size_t kTsigBytesMax = kTsigKeyNameBytesMax + 10 + 13 + 16 + kMacBytesMax + 6;

struct TsigKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::kHmacSha256;
  std::function<std::vector<std::uint8_t>(Bytes)> mac;
};

// Section 3
enum class TsigError : std::uint16_t { kNone = 0, kBadSig = 16, kBadKey = 17, kBadTime = 18, kBadTrunc = 22 };

// The record as it stands in a message, within which mac and other lie.
struct Tsig {
  std::size_t at = 0;  // where it begins: the message ends there without it
  Name key;
  Name algorithm;
  std::uint64_t signed_at = 0;  // seconds since 1970
  std::uint16_t fudge_seconds = 0;
  Bytes mac;
  std::uint16_t original_id = 0;
  TsigError error = TsigError::kNone;
  Bytes other;
};

// Nothing: the message is not signed. A record that is not the last, or not formed as one, breaks the format.
Result<std::optional<Tsig>> find_tsig(Bytes message);

// The message as it was before it was signed.
std::vector<std::uint8_t> without_tsig(Bytes message, const Tsig& tsig);

// The MACs of one exchange, each of which is made of the one before, too (sections 5.3.1, 5.3.2): the
// request, then the messages of the reply.
class TsigChain {
 public:
  // For whoever asks.
  explicit TsigChain(TsigKey key) : key_(std::move(key)) {}
  const TsigKey& key() const { return key_; }

  // Section 5.2: of a request or, at the other end, of the messages of a reply, one after the other. kNone:
  // signed by that key at about that time; then the next MAC is made of this one.
  TsigError check(Bytes message, const Tsig& tsig, std::uint64_t now_seconds);

  // Signs the message, the first message_bytes of room: how many octets it has then; 0: there is no room.
  std::size_t sign(std::span<std::uint8_t> room, std::size_t message_bytes, std::uint64_t now_seconds);
  // With what was wrong with a request that was signed by the key all the same (section 5.2.3): signed at the
  // time of the request, which the client understands.
  std::size_t sign_error(std::span<std::uint8_t> room, std::size_t message_bytes, const Tsig& request,
                         TsigError error, std::uint64_t now_seconds);

 private:
  std::vector<std::uint8_t> mac_of(Bytes message, const Tsig& tsig) const;
  std::size_t append(std::span<std::uint8_t> room, std::size_t message_bytes, Tsig tsig);

  // Which message of the exchange is next.
  enum class Next : std::uint8_t { kRequest, kFirstReply, kLaterReply };
  void go_on(std::vector<std::uint8_t> mac);

  TsigKey key_;
  std::vector<std::uint8_t> prior_;  // MAC of the message before
  Next next_ = Next::kRequest;
};

// Tells the client that its request was not signed as it should be, without a signature (section 5.2).
std::size_t append_tsig_error(std::span<std::uint8_t> room, std::size_t message_bytes, const Tsig& request,
                              TsigError error);

}  // namespace weir::dns
