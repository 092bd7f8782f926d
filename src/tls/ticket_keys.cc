#include "tls/ticket_keys.h"

#include <openssl/mem.h>

#include <algorithm>

#include "net/core.h"

namespace weir::tls {

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key)); }

// A process that served nobody for days forgets all of them, not one.
Result<void> TicketKeys::rotate(Instant now) {
  if (!keys_.empty() && now - current_since_ < kPeriod) return {};
  const auto periods = keys_.empty() ? 0 : static_cast<std::uint64_t>((now - current_since_) / kPeriod);
  const std::size_t kept = periods >= kKept ? 0 : std::min(keys_.size(), kKept - periods);
  Key fresh{};
  for (const std::span<std::byte> part :
       {std::span<std::byte>(fresh.name), std::span<std::byte>(fresh.cipher),
        std::span<std::byte>(fresh.mac)}) {
    if (auto filled = net::fill_random(part); !filled) return filled;
  }
  keys_.reserve(kKept);  // so that no copy is left behind in freed memory
  for (std::size_t i = kept; i < keys_.size(); ++i) OPENSSL_cleanse(&keys_[i], sizeof(Key));
  keys_.resize(kept);
  keys_.insert(keys_.begin(), fresh);
  current_since_ = periods == 0 ? now : current_since_ + static_cast<std::int64_t>(periods) * kPeriod;
  OPENSSL_cleanse(&fresh, sizeof fresh);
  return {};
}

Result<TicketKeys::Key> TicketKeys::current(Instant now) {
  const std::scoped_lock lock(mutex_);
  if (auto rotated = rotate(now); !rotated) return fail(rotated.error());
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const std::byte, 16> name, Instant now) {
  const std::scoped_lock lock(mutex_);
  if (!rotate(now)) return std::nullopt;
  for (const Key& key : keys_) {
    if (std::ranges::equal(key.name, name)) return Found{key, &key == &keys_.front()};
  }
  return std::nullopt;
}

}  // namespace weir::tls
