#include "net/pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "net/epoll.h"
#include "net/socket.h"
#include "net/task_group.h"

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

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

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

// Both directions of carry().
struct Carried {
  TaskGroup tasks;
  Event ended;  // both have, by themselves
  unsigned under_way = 2;
};

Task<void> carry_one_way(Stream& from, Stream& to, Carried& both, Duration patience) {
  Patience reading(patience);
  Patience writing(patience);
  const Pumped pumped = co_await pump_messages(from, to, reading, writing);
  if (pumped.result) {
    (void)to.shutdown_write();  // fails when `to` is gone, which its reader tells
  } else {
    (pumped.read_failed ? to : from).abort();
    both.tasks.cancel();
  }
  if (--both.under_way == 0) both.ended.set();
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

Task<void> carry(std::unique_ptr<Stream> near, std::unique_ptr<Stream> far, Duration patience) {
  Carried both{.tasks = TaskGroup(near->loop())};
  both.tasks.spawn(carry_one_way(*near, *far, both, patience));
  both.tasks.spawn(carry_one_way(*far, *near, both, patience));
  if (!co_await both.ended.wait(near->loop())) {
    near->abort();
    far->abort();
  }
  co_await both.tasks.stop();
}

}  // namespace weir::net
