#include "net/pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "net/epoll.h"
#include "net/socket.h"
#include "net/timer.h"

namespace weir::net {
namespace {

constexpr std::uint64_t kUntilEnd = std::numeric_limits<std::uint64_t>::max();
// Below this, the system calls of a pipe cost more than the copy they save.
constexpr std::uint64_t kSpliceBytesMin = 48UL * 1024;
// In flight in the pipe; the kernel's own buffers hold the rest. A slot of the pipe may hold a part of a page
// only, so there are more slots than these bytes fill.
constexpr std::size_t kPipeBytes = 224UL * 1024;
constexpr std::size_t kPipeSlotBytes = 512UL * 1024;
constexpr std::size_t kKeptPipes = 32;
// A stream that is always ready lets others run after so many bytes: sixteen downloads of 1 MiB at once have
// half the p99 that they had with 3 MiB.
constexpr std::uint64_t kBytesBeforeYield = kPipeBytes;

thread_local std::vector<Pipe> idle_pipes;

// Empty: no descriptors left; the caller copies instead.
std::optional<Pipe> take_pipe() {
  if (!idle_pipes.empty()) {
    Pipe pipe = std::move(idle_pipes.back());
    idle_pipes.pop_back();
    return pipe;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
  (void)::fcntl(ends[1], F_SETPIPE_SZ,
                static_cast<int>(kPipeSlotBytes));  // refused: the default size serves too
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

void keep_pipe(Pipe pipe) {  // an empty one
  if (idle_pipes.size() < kKeptPipes) idle_pipes.push_back(std::move(pipe));
}

void read_failed(Pumped& pumped, const Error& error) {
  pumped.result = fail(error);
  pumped.read_failed = true;
}

constexpr Error kEndedEarly{Code::kClosed, Side::kInternal, Retry::kNever, 0, "the stream ended early"};

Task<Pumped> pump_by_copy(Stream& from, Stream& to, std::uint64_t bytes_max, Patience& reading,
                          Patience& writing) {
  Pumped pumped;
  Buffer buffer;
  std::uint64_t yield_at = kBytesBeforeYield;
  while (pumped.bytes < bytes_max) {
    if (pumped.bytes >= yield_at) {
      yield_at = pumped.bytes + kBytesBeforeYield;
      if (auto yielded = co_await from.loop().sleep(Duration::zero()); !yielded) {
        pumped.result = fail(yielded.error());
        co_return pumped;
      }
    }
    if (!buffer) {
      if (auto ready = co_await from.readable(reading); !ready) {
        read_failed(pumped, ready.error());
        co_return pumped;
      }
      buffer = Buffer::acquire();
    }
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(Buffer::kBytes, bytes_max - pumped.bytes));
    const auto got = co_await from.read(buffer.span().first(want), reading);
    if (!got) {
      read_failed(pumped, got.error());
      co_return pumped;
    }
    if (*got == 0) {
      if (bytes_max != kUntilEnd) read_failed(pumped, kEndedEarly);
      co_return pumped;
    }
    if (auto put = co_await to.write(buffer.span().first(*got), writing); !put) {
      pumped.result = fail(put.error());
      co_return pumped;
    }
    pumped.bytes += *got;
    if (*got < want) buffer.release();  // it was all there is
  }
  co_return pumped;
}

// Empties the pipe into `to`.
Task<Result<void>> drain_pipe(const Pipe& pipe, Socket& to, std::size_t bytes, bool more_follows,
                              Patience& writing) {
  while (bytes > 0) {
    const auto moved = to.splice_from_pipe(pipe.read_end.get(), bytes, more_follows);
    if (!moved) co_return fail(moved.error());
    if (*moved) {
      bytes -= **moved;
      writing.wrote(**moved);
      continue;
    }
    if (auto room = co_await to.write(Slice{}, writing); !room) co_return fail(room.error());
  }
  co_return Result<void>{};
}

Task<Pumped> pump_by_splice(Pipe pipe, Socket& from, Socket& to, std::uint64_t bytes_max, Patience& reading,
                            Patience& writing) {
  Pumped pumped;
  std::uint64_t yield_at = kBytesBeforeYield;
  while (pumped.bytes < bytes_max) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kPipeBytes, bytes_max - pumped.bytes));
    const auto moved = from.splice_to_pipe(pipe.write_end.get(), want);
    if (!moved) {
      read_failed(pumped, moved.error());
      co_return pumped;
    }
    if (!*moved) {
      if (auto ready = co_await from.readable(reading); !ready) {
        read_failed(pumped, ready.error());
        break;
      }
      continue;
    }
    if (**moved == 0) {
      if (bytes_max != kUntilEnd) read_failed(pumped, kEndedEarly);
      break;
    }
    reading.give_back(**moved);
    // Only what is there already: the kernel holds back a partial segment for 200 ms in the hope of more.
    const bool more_follows =
        bytes_max != kUntilEnd && pumped.bytes + **moved < bytes_max && from.has_input();
    auto drained = co_await drain_pipe(pipe, to, **moved, more_follows, writing);
    if (!drained) {
      pumped.result = fail(drained.error());
      co_return pumped;  // the pipe still holds bytes: it is not kept
    }
    pumped.bytes += **moved;
    if (pumped.bytes >= yield_at) {
      yield_at = pumped.bytes + kBytesBeforeYield;
      if (auto yielded = co_await from.loop().sleep(Duration::zero()); !yielded) {
        pumped.result = fail(yielded.error());
        break;
      }
    }
  }
  keep_pipe(std::move(pipe));
  co_return pumped;
}

// A way that fills its buffers goes by splice, until it brings less than this at a time, as often in a row:
// the last piece of a long message may be short.
constexpr std::size_t kSpliceAgainBytesMin = Buffer::kBytes / 2;
constexpr std::uint8_t kLittlesMax = 2;
// At once. More than kPipeBytes, as nobody but the two sockets waits for a part of it.
constexpr std::size_t kCarriedBytes = 448UL * 1024;
static_assert(kCarriedBytes <= kPipeSlotBytes);

class Carrier;

// One direction of carry(): a machine that its streams drive, without a task. Itself the wait for bytes; the
// wait for room, which is seldom, is made when it is needed.
class Way final : private StreamStep {
 public:
  Way(Carrier& owner, Stream& from, Stream& to, std::uint64_t& bytes)
      : StreamStep(from), owner_(owner), from_(from), to_(to), bytes_(bytes) {}

  // Moves what there is, until it has to wait or is over.
  void go();
  // Is over, as it stands.
  void stop();
  bool over() const { return over_; }
  // Before go(): where it was halted.
  void restore(HaltedWay halted);
  // What it has read goes into a pipe, so that halt() can follow. False: it can't.
  bool prepare_halt();
  // It goes on after all.
  void forget_halt() { for_halt_.reset(); }
  HaltedWay halt();

 private:
  class Room final : public StreamStep, public Pooled {
   public:
    explicit Room(Way& way) : StreamStep(way.to_), way_(way) {}

   private:
    void done() override { way_.room_made(); }
    Way& way_;
  };

  void done() override { go(); }
  bool wait_for_bytes();
  bool move_by_copy();
  bool move_by_splice();
  bool empty_pipe();
  void give_back_pipe();
  bool put(Slice bytes);
  void wait_for_room(Slice rest);
  void room_made();
  void come_to_end();
  bool fail_reading(const Error& error);
  bool fail_writing(const Error& error);

  Carrier& owner_;
  Stream& from_;
  Stream& to_;
  std::uint64_t& bytes_;
  Buffer buffer_;
  std::unique_ptr<Room> room_;  // while it is waited for
  std::optional<Pipe> pipe_;    // while it goes by splice, and does not wait for bytes
  std::size_t in_pipe_ = 0;
  Slice rest_;                    // what room_ began with
  std::optional<Pipe> for_halt_;  // with what is left of that
  std::size_t moved_ = 0;         // since it last let others run
  std::uint8_t littles_ = 0;
  bool by_splice_ = false;
  bool over_ = false;
};

class Carrier final : private Timer, private Halting {
 public:
  Carrier(Stream& near, Stream& far, CarryLimits limits, Carried& carried)
      : Timer([](Timer& timer) { static_cast<Carrier&>(timer).look(); }),
        near_(near),
        far_(far),
        limits_(limits),
        carried_(carried),
        to_far_(*this, near, far, carried.to_far_bytes),
        to_near_(*this, far, near, carried.to_near_bytes) {}
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;
  ~Carrier() { carried_.carrier = nullptr; }

  void begin() {
    moved();
    near_.loop().arm(*this, near_.loop().deadline(limits_.idle));
    carried_.carrier = this;
    to_far_.restore(std::move(carried_.halted.to_far));
    to_near_.restore(std::move(carried_.halted.to_near));
    to_far_.go();
    to_near_.go();
  }
  Event& ended() { return ended_; }
  void cut(Carried::End end) {
    if (carried_.end != Carried::End::kUnderWay) return;
    carried_.end = end;
    if (end != Carried::End::kNearFailed) near_.abort();
    if (end != Carried::End::kFarFailed) far_.abort();
    to_far_.stop();
    to_near_.stop();
    ended_.set();
  }

  bool halt() override {
    if (carried_.end != Carried::End::kUnderWay || near_.plain_socket() == nullptr ||
        far_.plain_socket() == nullptr) {
      return false;
    }
    if (!to_far_.prepare_halt() || !to_near_.prepare_halt()) {
      to_far_.forget_halt();
      to_near_.forget_halt();
      return false;
    }
    carried_.end = Carried::End::kHalted;
    carried_.halted = {to_far_.halt(), to_near_.halt()};
    ended_.set();
    return true;
  }

  // --- for its ways
  bool other_is_over(const Way& way) const { return (&way == &to_far_ ? to_near_ : to_far_).over(); }
  void moved() { last_ = near_.loop().now(); }
  void way_over() {
    carried_.near_ended |= to_far_.over();
    if (to_far_.over() && to_near_.over()) {
      if (carried_.end == Carried::End::kUnderWay) carried_.end = Carried::End::kEnded;
      ended_.set();
    } else {
      look();
    }
  }
  void failed(const Stream& side, const Error& error) {
    carried_.error = error;
    cut(&side == &near_ ? Carried::End::kNearFailed : Carried::End::kFarFailed);
  }

 private:
  // Ends what has been silent for too long, or looks again when it would have been.
  void look() {
    const Duration limit = to_far_.over() || to_near_.over() ? limits_.half_closed : limits_.idle;
    const Instant due = limit < Instant::max() - last_ ? last_ + limit : Instant::max();
    if (due <= near_.loop().now()) return cut(Carried::End::kIdle);
    near_.loop().arm(*this, due);
  }

  Stream& near_;
  Stream& far_;
  CarryLimits limits_;
  Carried& carried_;
  Way to_far_;
  Way to_near_;
  Event ended_;
  Instant last_;  // that something moved
};

void Way::go() {
  while (!over_ && !room_) {
    if (by_splice_ ? !move_by_splice() : !move_by_copy()) return;
    if (moved_ < kBytesBeforeYield) continue;
    moved_ = 0;
    return begin_later();
  }
}

// False: it waits, and done() is told; or it is over.
bool Way::wait_for_bytes() {
  kind = Kind::kReadable;
  if (!begin()) {
    moved_ = 0;
    return false;
  }
  return result ? true : fail_reading(result.error());
}

bool Way::move_by_copy() {
  if (!wait_for_bytes()) return false;
  if (!buffer_) buffer_ = Buffer::acquire();
  kind = Kind::kRead;
  into = buffer_.span();
  if (!begin()) {
    abandon();  // there was nothing after all
    buffer_.release();
    return wait_for_bytes();
  }
  if (!result) return fail_reading(result.error());
  const std::size_t got = *result;
  if (got == 0) {
    come_to_end();
    return false;
  }
  owner_.moved();
  if (!put(Slice(buffer_.span()).first(got))) return false;
  buffer_.release();
  moved_ += got;
  if (got == Buffer::kBytes && from_.plain_socket() != nullptr && to_.plain_socket() != nullptr) {
    by_splice_ = true;
  }
  return true;
}

// True: all of it was written.
bool Way::put(Slice bytes) {
  class Try final : public StreamStep {
   public:
    using StreamStep::StreamStep;

   private:
    void done() override {}
  } writing(to_);
  writing.kind = Kind::kWrite;
  writing.from = {bytes, Slice{}, Slice{}};
  const bool tried = writing.begin();
  writing.abandon();
  bytes_ += writing.bytes_done;
  if (tried) return writing.result ? true : fail_writing(writing.result.error());
  wait_for_room(bytes.subspan(writing.bytes_done));
  return false;
}

// Until all of the rest is written; with none, until something could be.
void Way::wait_for_room(Slice rest) {
  rest_ = rest;
  room_ = std::make_unique<Room>(*this);
  room_->kind = Kind::kWrite;
  room_->from = {rest, Slice{}, Slice{}};
  if (room_->begin()) room_made();
}

void Way::room_made() {
  const std::unique_ptr<Room> room = std::move(room_);
  bytes_ += room->bytes_done;
  owner_.moved();
  if (!room->result) {
    fail_writing(room->result.error());
    return;
  }
  if (!pipe_) buffer_.release();
  go();
}

bool Way::move_by_splice() {
  if (in_pipe_ > 0) return empty_pipe();
  if (!pipe_) {
    if (!wait_for_bytes()) return false;
    pipe_ = take_pipe();
    by_splice_ = pipe_.has_value();
    if (!pipe_) return true;
  }
  const auto moved = from_.plain_socket()->splice_to_pipe(pipe_->write_end.get(), kCarriedBytes);
  if (!moved) return fail_reading(moved.error());
  if (!*moved) {
    give_back_pipe();
    return wait_for_bytes();
  }
  if (**moved == 0) {
    come_to_end();
    return false;
  }
  owner_.moved();
  in_pipe_ = **moved;
  moved_ += **moved;
  littles_ = **moved < kSpliceAgainBytesMin ? littles_ + 1 : 0;
  if (!empty_pipe()) return false;
  if (littles_ >= kLittlesMax) {
    littles_ = 0;
    by_splice_ = false;
    give_back_pipe();
  }
  return true;
}

bool Way::empty_pipe() {
  while (in_pipe_ > 0) {
    const auto moved = to_.plain_socket()->splice_from_pipe(pipe_->read_end.get(), in_pipe_, false);
    if (!moved) return fail_writing(moved.error());
    if (!*moved) {
      wait_for_room(Slice{});
      return false;
    }
    in_pipe_ -= **moved;
    bytes_ += **moved;
  }
  return true;
}

void Way::come_to_end() {
  const bool closed_next = owner_.other_is_over(*this) && to_.plain_socket() != nullptr;
  if (!closed_next) (void)to_.shutdown_write();  // fails when `to` is gone, which its reader tells
  stop();
  owner_.moved();
  owner_.way_over();
}

void Way::stop() {
  over_ = true;
  abandon();
  room_.reset();
  buffer_.release();
  give_back_pipe();
}

// One that still has bytes is not for others.
void Way::give_back_pipe() {
  if (pipe_ && in_pipe_ == 0) keep_pipe(std::move(*pipe_));
  pipe_.reset();
}

void Way::restore(HaltedWay halted) {
  over_ = halted.over;
  pipe_ = std::move(halted.pipe);
  by_splice_ = pipe_.has_value();
  in_pipe_ = halted.in_pipe;
}

// The room may have been made, and nobody told yet.
bool Way::prepare_halt() {
  if (over_ || !room_ || pipe_) return true;
  if (!room_->result) return false;
  const Slice left = rest_.subspan(room_->bytes_done);
  if (left.empty()) return true;
  for_halt_ = take_pipe();
  if (!for_halt_) return false;
  const auto put = ::write(for_halt_->write_end.get(), left.data(), left.size());
  return put == static_cast<ssize_t>(left.size());  // an empty pipe takes a whole buffer
}

HaltedWay Way::halt() {
  HaltedWay halted{.over = over_, .in_pipe = in_pipe_, .pipe = {}};
  if (room_ && !pipe_) bytes_ += room_->bytes_done;
  if (for_halt_) {
    halted.in_pipe = rest_.size() - room_->bytes_done;
    halted.pipe = std::move(for_halt_);
    for_halt_.reset();
  } else if (in_pipe_ > 0) {
    halted.pipe = std::move(pipe_);
    pipe_.reset();
    in_pipe_ = 0;
  }
  stop();
  return halted;
}

bool Way::fail_reading(const Error& error) {
  owner_.failed(from_, error);
  return false;
}

bool Way::fail_writing(const Error& error) {
  owner_.failed(to_, error);
  return false;
}

}  // namespace

Task<Pumped> pump(Stream& from, Stream& to, std::uint64_t bytes_max, Patience& reading, Patience& writing) {
  Socket* from_socket = from.plain_socket();
  Socket* to_socket = to.plain_socket();
  if (from_socket != nullptr && to_socket != nullptr && bytes_max >= kSpliceBytesMin) {
    if (auto pipe = take_pipe()) {
      co_return co_await pump_by_splice(std::move(*pipe), *from_socket, *to_socket, bytes_max, reading,
                                        writing);
    }
  }
  co_return co_await pump_by_copy(from, to, bytes_max, reading, writing);
}

Task<Pumped> pump_messages(Stream& from, Stream& to, Patience& reading, Patience& writing) {
  return pump_by_copy(from, to, kUntilEnd, reading, writing);
}

Task<void> carry(Stream& near, Stream& far, CarryLimits limits, Carried& carried) {
  Carrier carrier(near, far, limits, carried);
  carrier.begin();
  if (!co_await carrier.ended().wait(near.loop())) carrier.cut(Carried::End::kCancelled);
}

bool halt(Carried& carried) { return carried.carrier != nullptr && carried.carrier->halt(); }

Task<void> carry(std::unique_ptr<Stream> near, std::unique_ptr<Stream> far, Duration idle) {
  Carried carried;
  co_await carry(*near, *far, {.idle = idle, .half_closed = idle}, carried);
}

}  // namespace weir::net
