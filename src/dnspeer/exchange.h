// Exchange: one request whose signature (RFC 8945) has been looked at, and what its reply needs: the same
// key. Made and used on the core that the request came to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/tsig.h"
#include "dnspeer/keys.h"

namespace weir::dnspeer {

// Whether a message is more than a query that anybody may ask: another opcode, a transfer, or signed. Looks
// at as much as is needed to say no; what is no message is not.
bool is_operation(dns::Bytes message);

// Extended errors (RFC 8914).
enum class ExtendedError : std::uint16_t { kProhibited = 18, kNotAuthoritative = 20 };

// Header and question of the reply that refuses it, or is all that there is to say: how many octets. With an
// OPT where the request has one, which has the extended error.
std::size_t write_reply(std::span<std::uint8_t> room, dns::Bytes message, dns::Rcode rcode,
                        std::optional<ExtendedError> extended = std::nullopt);

// The same of a reply that has no room: it says to ask again by TCP.
std::size_t truncate_reply(std::span<std::uint8_t> reply);

class Exchange {
 public:
  Exchange(dns::Bytes message, const Keys& keys, std::uint64_t now_seconds);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The request, without its signature.
  dns::Bytes message() const { return message_; }
  dns::Opcode opcode() const { return dns::opcode_of(dns::load_u16(message_.data() + 2)); }
  // kNoError, or why it is not carried out: kFormErr, kNotAuth.
  dns::Rcode rcode() const { return rcode_; }
  dns::TsigError error() const { return error_; }
  // Name of the Secret whose key it is signed with; empty: it is not.
  const std::string& secret() const { return secret_; }
  bool is_signed() const { return !secret_.empty(); }
  // Which end() adds.
  std::size_t signature_bytes() const { return tsig_ ? dns::kTsigBytesMax : 0; }

  // Of the reply's next message, the first `bytes` of room: with its signature. 0: there must be no reply.
  std::size_t end(std::span<std::uint8_t> room, std::size_t bytes, std::uint64_t now_seconds);
  // A reply that says no more than that.
  std::size_t say(std::span<std::uint8_t> room, dns::Rcode rcode, std::uint64_t now_seconds) {
    return end(room, write_reply(room, message_, rcode, extended_for(rcode)), now_seconds);
  }

 private:
  std::optional<ExtendedError> extended_for(dns::Rcode rcode) const;

  std::vector<std::uint8_t> message_;
  std::optional<dns::Tsig> tsig_;  // shows octets of received_
  std::vector<std::uint8_t> received_;
  std::optional<dns::TsigChain> chain_;  // none: the key is not known, or the signature wrong
  std::string secret_;
  dns::Rcode rcode_ = dns::Rcode::kNoError;
  dns::TsigError error_ = dns::TsigError::kNone;
};

}  // namespace weir::dnspeer
