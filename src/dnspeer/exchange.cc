#include "dnspeer/exchange.h"

#include <algorithm>
#include <array>

#include "dns/message.h"
#include "dns/name.h"

namespace weir::dnspeer {
namespace {

// Where what follows the question begins; 0: there is not one question. It is not compressed.
std::size_t after_question(dns::Bytes message) {
  if (dns::load_u16(message.data() + 4) != 1) return 0;
  const std::size_t name = dns::name_size(message.subspan(dns::kHeaderBytes));
  const std::size_t end = dns::kHeaderBytes + name + 4;
  return name == 0 || end > message.size() ? 0 : end;
}

bool has_opt(dns::Bytes message) {
  auto reader = dns::MessageReader::start(message);
  if (!reader) return false;
  const auto& counts = reader->header().counts;
  for (unsigned i = 0; i < counts[0]; ++i) {
    if (!reader->question()) return false;
  }
  for (unsigned left = 0U + counts[1] + counts[2] + counts[3]; left > 0; --left) {
    const auto record = reader->record();
    if (!record) return false;
    if (record->type == dns::Type::kOpt) return true;
  }
  return false;
}

std::size_t write_opt(std::span<std::uint8_t> room, dns::Rcode rcode, std::optional<ExtendedError> extended) {
  constexpr std::uint16_t kExtendedErrorOption = 15;
  constexpr std::uint16_t kCodeBytes = 2;
  dns::ByteWriter out(room);
  dns::write_opt({.rcode = rcode, .cookie = {}, .subnet = {}}, out);
  if (extended) {
    out.rewind(dns::kOptBytes - 2);
    out.u16(dns::kOptionHeadBytes + kCodeBytes);
    out.u16(kExtendedErrorOption);
    out.u16(kCodeBytes);
    out.u16(static_cast<std::uint16_t>(*extended));
  }
  return out.ok() ? out.size() : 0;
}

}  // namespace

bool is_operation(dns::Bytes message) {
  constexpr std::array<std::uint8_t, 3> kOptHead{0, 0, static_cast<std::uint8_t>(dns::Type::kOpt)};
  if (message.size() < dns::kHeaderBytes) return false;
  const std::uint16_t flags = dns::load_u16(message.data() + 2);
  if ((flags & dns::kFlagResponse) != 0) return false;
  if (dns::opcode_of(flags) == dns::Opcode::kUpdate) return true;
  if (dns::opcode_of(flags) != dns::Opcode::kQuery) return dns::load_u16(message.data() + 10) != 0;
  const std::size_t end = after_question(message);
  if (end == 0) return dns::load_u16(message.data() + 4) == 0 && dns::load_u16(message.data() + 10) > 1;
  const auto type = static_cast<dns::Type>(dns::load_u16(&message[end - 4]));
  if (type == dns::Type::kAxfr || type == dns::Type::kIxfr) return true;
  const std::uint16_t others = dns::load_u16(message.data() + 6) | dns::load_u16(message.data() + 8);
  const std::uint16_t additional = dns::load_u16(message.data() + 10);
  if (additional == 0) return false;
  const bool opt_alone = others == 0 && additional == 1 && message.size() - end >= kOptHead.size() &&
                         std::ranges::equal(message.subspan(end, kOptHead.size()), kOptHead);
  if (opt_alone) return false;
  const auto tsig = dns::find_tsig(message);
  return !tsig || *tsig;
}

std::size_t write_reply(std::span<std::uint8_t> room, dns::Bytes message, dns::Rcode rcode,
                        std::optional<ExtendedError> extended) {
  const std::size_t end = std::max(after_question(message), dns::kHeaderBytes);
  if (room.size() < end) return 0;
  std::ranges::copy(message.first(end), room.begin());
  const std::uint16_t kept = dns::load_u16(message.data() + 2) & (0x7800U | dns::kFlagRecursionDesired);
  dns::store_u16(&room[2], static_cast<std::uint16_t>(kept | dns::kFlagResponse |
                                                      (static_cast<std::uint16_t>(rcode) & 15U)));
  std::fill_n(room.begin() + 4, 8, std::uint8_t{0});
  if (end > dns::kHeaderBytes) room[5] = 1;
  if (!has_opt(message)) return end;
  const std::size_t opt = write_opt(room.subspan(end), rcode, extended);
  room[11] = opt > 0 ? 1 : 0;
  return end + opt;
}

std::size_t truncate_reply(std::span<std::uint8_t> reply) {
  dns::store_u16(reply.data() + 2, dns::load_u16(reply.data() + 2) | dns::kFlagTruncated);
  const bool asked = dns::load_u16(reply.data() + 4) == 1;
  const std::size_t name = asked ? dns::name_size(dns::Bytes(reply).subspan(dns::kHeaderBytes)) : 0;
  std::fill_n(reply.data() + 6, 6, std::uint8_t{0});
  return dns::kHeaderBytes + (asked ? name + 4 : 0);
}

Exchange::Exchange(dns::Bytes message, const Keys& keys, std::uint64_t now_seconds)
    : message_(message.begin(), message.end()), received_(message_) {
  const auto found = dns::find_tsig(received_);
  if (!found) {
    rcode_ = dns::Rcode::kFormErr;
    return;
  }
  if (!*found) return;
  tsig_ = *found;
  message_ = dns::without_tsig(received_, *tsig_);
  dns::store_u16(message_.data(), dns::load_u16(received_.data()));
  const Keys::Key* key = keys.find(tsig_->key);
  error_ = dns::TsigError::kBadKey;
  if (key != nullptr) {
    dns::TsigChain chain(key->key);
    error_ = chain.check(received_, *tsig_, now_seconds);
    const bool knows_it = error_ != dns::TsigError::kBadKey && error_ != dns::TsigError::kBadSig;
    if (knows_it) chain_ = std::move(chain);
    if (error_ == dns::TsigError::kNone) secret_ = key->secret;
  }
  if (error_ != dns::TsigError::kNone) rcode_ = dns::Rcode::kNotAuth;
}

std::optional<ExtendedError> Exchange::extended_for(dns::Rcode rcode) const {
  if (error_ != dns::TsigError::kNone) return std::nullopt;  // which says more
  if (rcode == dns::Rcode::kRefused) return ExtendedError::kProhibited;
  if (rcode == dns::Rcode::kNotAuth) return ExtendedError::kNotAuthoritative;
  return std::nullopt;
}

std::size_t Exchange::end(std::span<std::uint8_t> room, std::size_t bytes, std::uint64_t now_seconds) {
  if (!tsig_ || bytes == 0) return bytes;
  if (!chain_) return dns::append_tsig_error(room, bytes, *tsig_, error_);
  if (error_ != dns::TsigError::kNone) return chain_->sign_error(room, bytes, *tsig_, error_, now_seconds);
  return chain_->sign(room, bytes, now_seconds);
}

}  // namespace weir::dnspeer
