// pump: moves bytes from one Stream to another until a count or the end, with as few copies as the two allow:
// between two plain sockets through a pipe (splice), else through one pooled buffer.
#pragma once

#include <cstdint>
#include <memory>

#include "net/stream.h"
#include "net/task.h"

namespace weir::net {

struct Pumped {
  std::uint64_t bytes = 0;  // written to `to`
  // Set when it ended before the count. The end of `from` before the count is kClosed.
  Result<void> result;
  bool read_failed = false;  // with an error: it was `from` that failed, not `to`
};

// bytes_max: std::numeric_limits<uint64_t>::max() means until the end of `from`, which is then no error.
// The patience with each side outlives the pump.
Task<Pumped> pump(Stream& from, Stream& to, std::uint64_t bytes_max, Patience& reading, Patience& writing);

// Until the end of `from`, for messages that come now and then: nothing is held while it waits for one.
Task<Pumped> pump_messages(Stream& from, Stream& to, Patience& reading, Patience& writing);

// Both ways, until both have ended or one has failed; the end of a direction is passed on, a failure cuts the
// other side. Cancelled, both are cut. patience: with each side and direction.
Task<void> carry(std::unique_ptr<Stream> near, std::unique_ptr<Stream> far, Duration patience);

}  // namespace weir::net
