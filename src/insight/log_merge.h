// LogMerge: lines of many sources in the order of their times. Each source tells its own in order; a line is
// given when no other source can have an earlier one, or when it has waited long enough for those that are
// silent. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/time.h"
#include "channel/messages.h"

namespace weir::insight {

class LogMerge {
 public:
  using Source = std::uint64_t;

  // How long a line waits for sources that are silent: while they are followed; before such a source has been
  // heard of at all; and behind that, for its first line.
  static constexpr Duration kPatience = std::chrono::milliseconds(500);
  static constexpr Duration kBeginPatience = std::chrono::seconds(3);
  static constexpr Duration kFirstPatience = std::chrono::seconds(1);
  // The same where nothing is followed, and each source comes to an end.
  static constexpr Duration kWholePatience = std::chrono::seconds(15);
  // Of a source, that wait to be given; one line may go beyond.
  static constexpr std::size_t kSourceBytesMax = std::size_t{64} << 10U;

  explicit LogMerge(bool following) : following_(following) {}

  void begin(Source source, Instant now);
  void opened(Source source, Instant now);  // it can be heard
  void put(Source source, channel::ChannelLine line, Instant now);
  void end(Source source);  // it tells no more; what it has told is given
  bool is_full(Source source) const;

  using Given = std::pair<Source, channel::ChannelLine>;
  std::optional<Given> take(Instant now);
  // When take() gives something though nothing else happens; none: never.
  std::optional<Instant> due() const;
  // All sources have ended, and all that they told was given.
  bool at_end() const { return sources_.empty(); }

 private:
  struct Waiting {
    channel::ChannelLine line;
    Instant came;
  };
  struct State {
    std::deque<Waiting> lines;
    std::size_t bytes = 0;
    Instant waited_for;  // while it is silent, until then whatever comes from others
    bool ended = false;
  };
  using Sources = std::map<Source, State>;

  Sources::const_iterator earliest() const;
  Instant due_of(const Waiting& first) const;

  bool following_;
  Sources sources_;
};

}  // namespace weir::insight
