#include "tunnel/crossing.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace weir::tunnel {
namespace {

using net::Buffer;
using net::HangupWatch;
using net::Loop;
using net::Slice;
using net::StreamOperation;

bool all_taken(const StreamOperation& write) {
  return std::ranges::all_of(write.from, [](const Slice& slice) { return slice.empty(); });
}

}  // namespace

std::size_t Crossing::Way::push(Slice bytes) {
  if (!ring) ring = Buffer::acquire();
  const std::size_t taken = std::min(bytes.size(), Buffer::kBytes - size);
  for (std::size_t done = 0; done < taken;) {
    const std::size_t at = (begin + size) % Buffer::kBytes;
    const std::size_t run = std::min(taken - done, Buffer::kBytes - at);
    std::memcpy(ring.data() + at, bytes.data() + done, run);
    size += run;
    done += run;
  }
  return taken;
}

std::size_t Crossing::Way::pull(std::span<std::byte> into) {
  const std::size_t given = std::min(into.size(), size);
  for (std::size_t done = 0; done < given;) {
    const std::size_t run = std::min(given - done, Buffer::kBytes - begin);
    std::memcpy(into.data() + done, ring.data() + begin, run);
    begin = (begin + run) % Buffer::kBytes;
    done += run;
  }
  size -= given;
  if (size == 0) {
    ring = Buffer();
    begin = 0;
  }
  return given;
}

Crossing::Pair Crossing::make(Loop& first, Loop& second) {
  auto shared = std::make_shared<Shared>();
  shared->loops = {&first, &second};
  std::unique_ptr<Crossing> one(new Crossing(first, shared, 0));
  return {std::move(one), std::unique_ptr<Crossing>(new Crossing(second, std::move(shared), 1))};
}

Crossing::Crossing(Loop& loop, std::shared_ptr<Shared> shared, std::size_t end)
    : Stream(loop), shared_(std::move(shared)), end_(end) {
  shared_->ends.at(end_) = this;
}

// As a kernel closes: what was not read makes it a reset, and so does abort().
Crossing::~Crossing() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  shared_->ends.at(end_) = nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    outgoing().ended = true;
    outgoing().reset |= aborted_ || incoming().size > 0;
    incoming().reset = true;
  }
  tell(shared_, 1 - end_);
}

// The other end looks again whether what it waits for is there.
void Crossing::tell(const std::shared_ptr<Shared>& shared, std::size_t end) {
  shared->loops.at(end)->post([shared, end] {
    if (Crossing* told = shared->ends.at(end); told != nullptr) told->look_again();
  });
}

std::size_t Crossing::untaken_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return outgoing().size;
}

Result<void> Crossing::shutdown_write() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (outgoing().reset) return fail(Code::kIo, "shutdown failed");
    outgoing().ended = true;
  }
  tell(shared_, 1 - end_);
  return {};
}

bool Crossing::peer_closed() const {
  const std::lock_guard lock(shared_->mutex);
  return incoming().ended;
}

bool Crossing::has_input() const {
  const std::lock_guard lock(shared_->mutex);
  return incoming().ended || incoming().size > 0;
}

void Crossing::watch_hangup(HangupWatch* watch) {
  watch_ = watch;
  if (watch_ != nullptr && peer_closed()) std::exchange(watch_, nullptr)->on_hangup();
}

bool Crossing::start(StreamOperation& operation) {
  if (operation.kind == StreamOperation::Kind::kWrite) {
    WEIR_CHECK(writer_ == nullptr);
    if (try_write(operation)) return true;
    writer_ = &operation;
    return false;
  }
  WEIR_CHECK(reader_ == nullptr);
  if (try_read(operation)) return true;
  reader_ = &operation;
  return false;
}

void Crossing::forget(StreamOperation& operation) {
  const std::lock_guard lock(shared_->mutex);
  if (reader_ == &operation) {
    reader_ = nullptr;
    incoming().reader_waits = false;
  }
  if (writer_ == &operation) {
    writer_ = nullptr;
    outgoing().writer_waits = false;
  }
}

// Bytes that came are read before an end is seen.
bool Crossing::try_read(StreamOperation& operation) {
  bool made_room = false;
  {
    const std::lock_guard lock(shared_->mutex);
    Way& way = incoming();
    way.reader_waits = way.size == 0 && !way.ended;
    if (way.reader_waits) return false;
    if (operation.kind == StreamOperation::Kind::kReadable) return true;
    if (way.size > 0) {
      operation.result = way.pull(operation.into);
      made_room = std::exchange(way.writer_waits, false);
    } else if (way.reset) {
      operation.result = fail(Code::kReset, "read failed");
    } else {
      operation.result = std::size_t{0};
    }
  }
  if (made_room) tell(shared_, 1 - end_);
  return true;
}

bool Crossing::try_write(StreamOperation& operation) {
  bool told = false;
  bool done = false;
  {
    const std::lock_guard lock(shared_->mutex);
    Way& way = outgoing();
    const bool nothing = all_taken(operation);
    if (way.reset || (way.ended && !nothing)) {
      operation.result = fail(Code::kReset, "write failed");
      return true;
    }
    for (Slice& slice : operation.from) {
      const std::size_t taken = slice.empty() ? 0 : way.push(slice);
      slice = slice.subspan(taken);
      operation.bytes_done += taken;
      told |= taken > 0;
      if (!slice.empty()) break;
    }
    done = nothing ? way.size < Buffer::kBytes : all_taken(operation);
    way.writer_waits = !done;
    told = told && std::exchange(way.reader_waits, false);
    if (done) operation.result = operation.bytes_done;
  }
  if (told) tell(shared_, 1 - end_);
  return done;
}

// What is resumed may destroy this.
void Crossing::look_again() {
  const std::shared_ptr<Shared> shared = shared_;
  const std::size_t end = end_;
  if (reader_ != nullptr && try_read(*reader_)) std::exchange(reader_, nullptr)->resume();
  if (shared->ends.at(end) != this) return;
  if (writer_ != nullptr && try_write(*writer_)) std::exchange(writer_, nullptr)->resume();
  if (shared->ends.at(end) != this) return;
  if (watch_ != nullptr && reader_ == nullptr && peer_closed()) std::exchange(watch_, nullptr)->on_hangup();
}

}  // namespace weir::tunnel
