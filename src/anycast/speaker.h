// Speaker: a small process beside an edge that speaks with BIRD on its behalf. It outlives the edge's process
// for a moment: when that one ends, is killed or falls silent, the speaker withdraws what was announced. Says
// and hears letters (handover/letter.h) on one socket. Has no loop and no threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anycast/bird.h"
#include "base/time.h"
#include "handover/letter.h"
#include "net/epoll.h"

namespace weir::anycast {

// --- what the edge says
inline constexpr std::string_view kAnnounceWord = "announce";  // text: what BIRD is to include; number
inline constexpr std::string_view kBeatWord = "beat";          // it is well
inline constexpr std::string_view kLeaveWord = "leave";        // another process goes on: nothing is touched
// --- what the speaker says
inline constexpr std::string_view kLoadedWord = "loaded";  // number: it is in force
inline constexpr std::string_view kFailedWord =
    "failed";  // number, reason; withdrawn: what is to be is, though
inline constexpr std::string_view kSilentWord = "silent";  // the edge was, and nothing is announced any more
inline constexpr std::string_view kTextField = "text";
inline constexpr std::string_view kNumberField = "number";
inline constexpr std::string_view kReasonField = "reason";
inline constexpr std::string_view kWithdrawnField = "withdrawn";

struct SpeakerOptions {
  std::string bird_socket;
  std::string include_path;
  std::string nothing;                         // what BIRD is to include when nothing is announced
  std::vector<std::string> protocols;          // all that may be announced
  Duration silence = std::chrono::seconds(3);  // of the edge, which beats four times as often
  Duration look_interval = std::chrono::seconds(5);
  Duration retry_first = std::chrono::milliseconds(100);
  Duration retry_longest = std::chrono::seconds(2);
};

class Speaker {
 public:
  Speaker(net::Descriptor edge, SpeakerOptions options);

  // Until the edge has gone, or another process goes on in its place.
  void run();

 private:
  bool hear();  // false: it is the end
  void take(const handover::Letter& letter);
  void fall_silent();
  bool apply();  // false: BIRD has neither taken it up nor withdrawn what is not in it
  bool disable_others();
  void say(std::string_view word, std::string reason = {}, bool withdrawn = false);
  void wait();
  Duration patience();

  net::Descriptor edge_;
  SpeakerOptions options_;
  net::SystemClock clock_;
  Bird bird_;
  std::string wanted_;
  std::uint64_t number_ = 0;
  bool due_ = false;  // it is not in force, as far as is known
  Instant retry_at_{};
  Duration retry_;
  Instant look_at_{};
  Instant heard_at_;
  bool silenced_ = false;
  std::string told_;  // why it is not in force
};

// The text in place of what is there, whole or not at all, for everybody to read. The error is a sentence.
std::expected<void, std::string> write_include(const std::string& path, std::string_view text);
// Empty: there is none, or it can't be read.
std::string read_include_file(const std::string& path);

// Starts the process; what is left is the edge's end of the socket. Before any thread is started. The error
// is a sentence.
std::expected<net::Descriptor, std::string> start_speaker(const SpeakerOptions& options);

}  // namespace weir::anycast
