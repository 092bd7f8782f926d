// pump: moves bytes from one Stream to another until a count or the end, with as few copies as the two allow:
// between two plain sockets through a pipe (splice), else through one pooled buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "net/epoll.h"
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

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

// One direction of two streams that are carried into each other, where it was halted.
struct HaltedWay {
  bool over = false;         // its end has been passed on
  std::size_t in_pipe = 0;   // bytes that were read and not written yet
  std::optional<Pipe> pipe;  // that has them; none: there are none
};
struct Halted {
  HaltedWay to_far;
  HaltedWay to_near;
};

class Halting {
 public:
  virtual bool halt() = 0;

 protected:
  ~Halting() = default;
};

// What two streams that are carried into each other have come to; kept up to date meanwhile, on their core.
struct Carried {
  // Why it ended. kEnded: both sides did, one after the other; a plain socket is told that the later one did
  // by being closed. kHalted: halt() was called, and both are as they were. Else one failed or was silent, or
  // the task was cancelled, and both are cut.
  enum class End : std::uint8_t { kUnderWay, kEnded, kHalted, kNearFailed, kFarFailed, kIdle, kCancelled };
  std::uint64_t to_far_bytes = 0;
  std::uint64_t to_near_bytes = 0;
  End end = End::kUnderWay;
  Error error{};               // of kNearFailed and kFarFailed
  bool near_ended = false;     // it has said its last
  Halted halted;               // of kHalted; before carry(): where to go on
  Halting* carrier = nullptr;  // while it is under way
};

struct CarryLimits {
  Duration idle;         // nothing moves, either way
  Duration half_closed;  // the same once one side has ended
};

// Both ways, until both have ended; the end of a direction is passed on, a failure cuts the other side.
// Nothing is held for a direction that waits; one that has much to move goes by splice where both are
// sockets.
Task<void> carry(Stream& near, Stream& far, CarryLimits limits, Carried& carried);
// Stops a carry() that is under way, between two plain sockets, so that another process can go on with it. On
// its core. False: that can't be done now, and it goes on here.
bool halt(Carried& carried);
// The same, for whoever doesn't want to know.
Task<void> carry(std::unique_ptr<Stream> near, std::unique_ptr<Stream> far, Duration idle);

}  // namespace weir::net
