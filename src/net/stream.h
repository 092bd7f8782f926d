// Stream: bytes both ways: a TCP socket, a memory pipe, TLS, an SSH channel, an h2 stream. On one core.
// At most one read (or readable) and one write are awaited at a time. Destroying a Stream closes it; what
// waits for it must have ended before.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/time.h"
#include "net/buffer.h"
#include "net/frame_pool.h"
#include "net/loop.h"
#include "net/operation.h"
#include "net/patience.h"

namespace weir::net {

class Stream;
class Socket;

// Told once when the peer has gone (closed or reset) while nobody reads; see Stream::watch_hangup.
class HangupWatch {
 public:
  virtual void on_hangup() = 0;

 protected:
  ~HangupWatch() = default;
};

// One read, write or wait, in the frame of the awaiting coroutine. A Stream's implementation fills in the
// result and calls resume(); `pending` says what is still to do.
class StreamOperation : public Operation {
 public:
  enum class Kind : std::uint8_t { kReadable, kRead, kWrite };
  static constexpr std::size_t kSlicesMax = 3;

  StreamOperation(Stream& stream, Kind kind, Duration timeout);
  ~StreamOperation() override;

  Kind kind;
  std::span<std::byte> into;             // kRead
  std::array<Slice, kSlicesMax> from{};  // kWrite; what was written is cut off the front
  std::size_t bytes_done = 0;
  Result<std::size_t> result = std::size_t{0};

 protected:
  bool start();
  template <class Promise>
  bool suspend_on(std::coroutine_handle<Promise> waiter) {
    return suspend(waiter, loop().deadline(timeout_));
  }
  void forget();
  Stream& stream() const { return stream_; }

 private:
  void give_up(const Error& why) override;
  Stream& stream_;
  Duration timeout_;
};

// A read, write or wait that a stream does on the stream under it (TLS over a socket), without a task and its
// frame. Used again and again: its owner sets kind and into or from, and begins. No deadline of its own: the
// owner's operation has one.
class StreamStep : public StreamOperation {
 public:
  explicit StreamStep(Stream& stream) : StreamOperation(stream, Kind::kReadable, Duration::max()) {}
  ~StreamStep() override { abandon(); }

  // True: done, with a result. False: done() is called later, from the loop and on top of no task.
  bool begin() {
    WEIR_CHECK(!pending_);
    bytes_done = 0;
    result = std::size_t{0};
    pending_ = !start();
    return !pending_;
  }
  // done() is called in the loop's next turn, when what else is ready has run.
  void begin_later() {
    WEIR_CHECK(!pending_);
    pending_ = true;
    resume_soon();
  }
  bool pending() const { return pending_; }
  // Not wanted any more; bytes_done says how much was written.
  void abandon() {
    if (!std::exchange(pending_, false)) return;
    forget();
    withdraw();
  }

 private:
  void completed() final {
    pending_ = false;
    done();
  }
  virtual void done() = 0;  // may destroy this

  bool pending_ = false;
};

template <StreamOperation::Kind kKind>
class [[nodiscard]] StreamAwait final : public StreamOperation {
 public:
  StreamAwait(Stream& stream, Duration timeout, std::span<std::byte> read_into,
              const std::array<Slice, kSlicesMax>& write_from)
      : StreamOperation(stream, kKind, timeout) {
    into = read_into;
    from = write_from;
  }
  bool await_ready() { return start(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return suspend_on(waiter);
  }
  Result<std::size_t> await_resume() const { return result; }
};

// The same with a peer's Patience, which outlives it.
template <StreamOperation::Kind kKind>
class [[nodiscard]] PatientAwait final : public StreamOperation {
 public:
  PatientAwait(Stream& stream, Patience& patience, std::span<std::byte> read_into,
               const std::array<Slice, kSlicesMax>& write_from)
      : StreamOperation(stream, kKind, next_wait(patience)), patience_(patience) {
    into = read_into;
    from = write_from;
  }
  bool await_ready() { return start(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    began_ = since_ = quiet_since_ = loop().now();
    waited_ = true;
    return suspend_on(waiter);
  }
  Result<std::size_t> await_resume() {
    if (waited_) patience_.spend(loop().now() - since_);
    if (kKind == Kind::kRead && result) patience_.give_back(*result);
    if (kKind == Kind::kWrite) patience_.wrote(bytes_done - seen_);
    if (result || result.error().code != Code::kTimedOut || !patience_.has_rate()) return result;
    if (loop().now() - quiet_since_ >= patience_.limit()) return result;
    return fail(Code::kTooSlow, "slower than the lowest rate");
  }

 private:
  static Duration next_wait(const Patience& patience) {
    return kKind == Kind::kWrite ? patience.until_look() : patience.left();
  }
  std::optional<Instant> prolonged() override;

  Patience& patience_;
  Instant began_;
  Instant since_;         // what was before has been spent
  Instant quiet_since_;   // no byte was taken
  std::size_t seen_ = 0;  // of bytes_done
  bool waited_ = false;
};

class Stream : public Pooled {
 public:
  explicit Stream(Loop& loop) : loop_(loop) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  Loop& loop() const { return loop_; }

  using Slices = std::array<Slice, StreamOperation::kSlicesMax>;

  // At least one byte, or 0 at the end of the stream. `into` is not empty.
  auto read(std::span<std::byte> into, Duration timeout) {
    return StreamAwait<StreamOperation::Kind::kRead>(*this, timeout, into, {});
  }
  // Until a read would not wait; takes no buffer meanwhile.
  auto readable(Duration timeout) {
    return StreamAwait<StreamOperation::Kind::kReadable>(*this, timeout, {}, {});
  }
  // All of the slices, in order; the result is their size. Writing nothing waits until there is room.
  auto write(Slices slices, Duration timeout) {
    return StreamAwait<StreamOperation::Kind::kWrite>(*this, timeout, {}, slices);
  }
  auto write(Slice slice, Duration timeout) { return write(Slices{slice, Slice{}, Slice{}}, timeout); }

  // The same, waiting as long as the peer's patience says.
  auto read(std::span<std::byte> into, Patience& patience) {
    return PatientAwait<StreamOperation::Kind::kRead>(*this, patience, into, {});
  }
  auto readable(Patience& patience) {
    return PatientAwait<StreamOperation::Kind::kReadable>(*this, patience, {}, {});
  }
  auto write(Slices slices, Patience& patience) {
    return PatientAwait<StreamOperation::Kind::kWrite>(*this, patience, {}, slices);
  }
  auto write(Slice slice, Patience& patience) { return write(Slices{slice, Slice{}, Slice{}}, patience); }

  // Of what was written, what the peer has not taken yet.
  virtual std::size_t untaken_bytes() const = 0;
  // No more will be written; the peer reads an end. What it sends can still be read.
  virtual Result<void> shutdown_write() = 0;
  // Closing will tell the peer that the stream was cut (TCP: RST), not ended.
  virtual void abort() = 0;
  // The peer has closed its side, or bytes wait unread: an idle pooled connection in this state is not
  // reusable.
  virtual bool has_input() const = 0;
  // The peer is known to have ended or reset its side; bytes may still be unread.
  virtual bool peer_closed() const = 0;
  // At most one watch; nullptr ends it. Called from the loop.
  virtual void watch_hangup(HangupWatch* watch) = 0;
  // The socket under this stream when its bytes are exactly the socket's (for splice), else nullptr.
  virtual Socket* plain_socket() { return nullptr; }

 private:
  friend class StreamOperation;
  // Does the operation if that is possible without waiting (true, with result), else remembers it (false).
  virtual bool start(StreamOperation& operation) = 0;
  // Forgets a remembered operation.
  virtual void forget(StreamOperation& operation) = 0;

  Loop& loop_;
};

inline StreamOperation::StreamOperation(Stream& stream, Kind operation_kind, Duration timeout)
    : Operation(stream.loop()), kind(operation_kind), stream_(stream), timeout_(timeout) {}
inline StreamOperation::~StreamOperation() {
  if (suspended()) stream_.forget(*this);
}
inline bool StreamOperation::start() { return stream_.start(*this); }
inline void StreamOperation::forget() { stream_.forget(*this); }
template <StreamOperation::Kind kKind>
std::optional<Instant> PatientAwait<kKind>::prolonged() {
  const Instant now = loop().now();
  patience_.spend(now - since_);
  if (kKind == Kind::kWrite && patience_.has_rate()) {
    patience_.wrote(bytes_done - std::exchange(seen_, bytes_done));
    if (patience_.look(stream().untaken_bytes())) quiet_since_ = now;
  }
  since_ = now;
  if (patience_.over(now - began_)) return std::nullopt;
  return loop().deadline(next_wait(patience_));
}
inline void StreamOperation::give_up(const Error& why) {
  forget();
  result = fail(why);
}

}  // namespace weir::net
