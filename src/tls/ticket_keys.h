// TicketKeys: the keys of session tickets (RFC 5077, RFC 8446 section 4.6.1), shared by all workers and
// listeners of the process, so that a session begun on one resumes on another. They change with time; the
// ones before are still accepted, and then forgotten, which is what makes old recordings unreadable. From any
// thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace weir::tls {

class TicketKeys {
 public:
  static constexpr Duration kPeriod = std::chrono::hours(4);
  static constexpr std::size_t kKept =
      4;  // the current one and those before: a ticket lives at least 12 hours

  struct Key {
    std::array<std::byte, 16> name;
    std::array<std::byte, 32> cipher;  // AES-256
    std::array<std::byte, 32> mac;     // HMAC-SHA-256
  };
  struct Found {
    Key key;
    bool is_current;
  };

  TicketKeys() = default;
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // What new tickets are sealed with at that time; fails only when the system gives no randomness.
  Result<Key> current(Instant now);
  // The key that a ticket names, unless it is forgotten.
  std::optional<Found> find(std::span<const std::byte, 16> name, Instant now);

 private:
  Result<void> rotate(Instant now);

  std::mutex mutex_;
  std::vector<Key> keys_;  // the current one first
  Instant current_since_;
};

}  // namespace weir::tls
