// AbuseScore: how much of what only an attacker does in quantity a client has done of late. Points for each
// offence, which leak away with time and with work well done; at the limit the connection ends. Pure: the
// time comes in. A member of a server connection, on its core. RFC 9113 section 10.5.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace weir::h2 {

enum class Offence : std::uint8_t {
  kStreamOpened,  // taken back when the stream finishes
  kReset,         // the client resets a stream that is not finished (rapid reset, CVE-2023-44487)
  kStreamError,   // we reset a stream for a fault of the client's (MadeYouReset, CVE-2025-8671)
  kRefused,       // a stream beyond what was advertised
  kHeadRefused,   // a head that is malformed or too large, answered with a 4xx
  kEmptyData,     // DATA without content that ends nothing
  kContinuation,  // a field section in pieces
  kSettings,      // each is answered, and may change every stream's window
  kPing,          // each is answered
  kPriority,      // ignored, but read
  kWindowUpdate,  // beyond kWindowUpdatesPerData for each DATA frame that was sent
  kUnknownFrame,  // of a type that is not known here
  kStalled,       // sends or takes nothing until its deadline (zero-window holder), or too slowly
};

struct OffenceRow {
  std::string_view name;
  int points;
};
// By Offence.
inline constexpr std::array<OffenceRow, 13> kOffences = {{{"stream_opened", 1},
                                                          {"reset", 4},
                                                          {"stream_error", 5},
                                                          {"refused", 2},
                                                          {"head_refused", 10},
                                                          {"empty_data", 5},
                                                          {"continuation", 5},
                                                          {"settings", 10},
                                                          {"ping", 2},
                                                          {"priority", 1},
                                                          {"window_update", 1},
                                                          {"unknown_frame", 2},
                                                          {"stalled", 50}}};
static_assert(kOffences.size() == static_cast<std::size_t>(Offence::kStalled) + 1);

class AbuseScore {
 public:
  // 200 streams reset at once (a browser's tab that is closed has at most 100), or 100 SETTINGS.
  static constexpr int kPointsMax = 1000;
  // Sustained: 20 resets, 50 pings a second.
  static constexpr Duration kPointLeak = std::chrono::milliseconds(10);
  // The stream's opening, and as much again.
  static constexpr int kPointsOfFinish = 2;
  // Envoy's measure: a client that reads what it is sent in small pieces returns windows often.
  static constexpr std::uint32_t kWindowUpdatesPerData = 10;
  // Before anything was sent, and what can be saved up.
  static constexpr std::uint32_t kWindowUpdatesFreeMax = 1000;

  // False: enough, the connection is to end.
  [[nodiscard]] bool add(Offence offence, Instant now) {
    level_until_ =
        std::max(level_until_, now) + kOffences[static_cast<std::size_t>(offence)].points * kPointLeak;
    return level_until_ - now <= kPointsMax * kPointLeak;
  }
  [[nodiscard]] bool add_window_update(Instant now) {
    if (window_updates_free_ == 0) return add(Offence::kWindowUpdate, now);
    --window_updates_free_;
    return true;
  }
  // A response was sent to its end. That is work for something: a client that gives up one stream in six, as
  // one that hedges its requests does, is let be at any rate.
  void stream_finished() { level_until_ -= kPointsOfFinish * kPointLeak; }
  void data_sent() {
    window_updates_free_ = std::min(window_updates_free_ + kWindowUpdatesPerData, kWindowUpdatesFreeMax);
  }

 private:
  Instant level_until_{};  // when the last point will have leaked away
  std::uint32_t window_updates_free_ = kWindowUpdatesFreeMax / 10;
};

}  // namespace weir::h2
