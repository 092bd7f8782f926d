#include "testing/memory_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace weir::testing {

using net::StreamOperation;

std::size_t MemoryLink::next_segment_bytes() {
  if (!options_.random_segments) return options_.segment_bytes_max;
  return 1 + static_cast<std::size_t>(random_.below(options_.segment_bytes_max));
}

std::size_t MemoryLink::push(Direction& way, net::Slice bytes) {
  if (way.ring.empty()) way.ring.resize(options_.buffer_bytes);
  const std::size_t taken = std::min(bytes.size(), way.ring.size() - way.size);
  std::size_t done = 0;
  while (done < taken) {
    const std::size_t at = (way.begin + way.size) % way.ring.size();
    const std::size_t run = std::min(taken - done, way.ring.size() - at);
    std::memcpy(way.ring.data() + at, bytes.data() + done, run);
    way.size += run;
    done += run;
  }
  return taken;
}

std::size_t MemoryLink::pull(Direction& way, std::span<std::byte> into) {
  const std::size_t given = std::min(into.size(), way.arrived);
  std::size_t done = 0;
  while (done < given) {
    const std::size_t run = std::min(given - done, way.ring.size() - way.begin);
    std::memcpy(into.data() + done, way.ring.data() + way.begin, run);
    way.begin = (way.begin + run) % way.ring.size();
    done += run;
  }
  way.size -= given;
  way.arrived -= given;
  return given;
}

// True: there is more to read than before.
bool MemoryLink::arrive(Direction& way) {
  const bool segmented =
      options_.segment_bytes_max != std::numeric_limits<std::size_t>::max() || options_.random_segments;
  if (segmented && (way.arrived > 0 || way.delivery_posted)) return false;
  way.arrived = segmented ? std::min(way.size, next_segment_bytes()) : way.size;
  return true;
}

void MemoryLink::cut() {
  reset_ = {true, true};
  for (MemoryStream* end : ends_) {
    if (end == nullptr) continue;
    end->on_input();
    end->on_room();
  }
}

void MemoryLink::pause(std::size_t direction, bool paused) {
  Direction& way = ways_.at(direction);
  way.paused = paused;
  if (paused) return;
  MemoryStream* reader = ends_.at(1 - direction);
  if (reader == nullptr) {  // what was on its way to one that is gone is answered with a reset
    reset_.at(direction) |= way.size > 0;
    reader = ends_.at(direction);
    if (reader == nullptr || !reset_.at(direction)) return;
    reader->on_input();
    reader->on_room();
    return;
  }
  if (std::exchange(way.resets, false)) reset_.at(1 - direction) = true;
  reader->on_input();
  if (reset_.at(1 - direction)) reader->on_room();
}

MemoryStream::Pair MemoryStream::pair(net::Loop& loop, std::shared_ptr<MemoryLink> link) {
  auto first = std::make_unique<MemoryStream>(loop, link, 0);
  return {std::move(first), std::make_unique<MemoryStream>(loop, std::move(link), 1)};
}

MemoryStream::MemoryStream(net::Loop& loop, std::shared_ptr<MemoryLink> link, std::size_t end)
    : Stream(loop), link_(std::move(link)), end_(end) {
  link_->ends_.at(end_) = this;
}

// As a kernel closes: what was not read makes it a reset, and so does abort().
MemoryStream::~MemoryStream() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  link_->ends_.at(end_) = nullptr;
  const bool resets = aborted_ || incoming().size > 0;
  outgoing().resets = resets && outgoing().paused;
  if (resets && !outgoing().paused) {
    link_->reset_.at(1 - end_) = true;
  } else {
    outgoing().ended = true;
  }
  if (peer() == nullptr) return;
  peer()->on_input();
  if (link_->reset_.at(1 - end_)) peer()->on_room();
}

Result<void> MemoryStream::shutdown_write() {
  if (link_->reset_.at(end_)) return fail(Code::kIo, "shutdown failed");
  outgoing().ended = true;
  if (peer() != nullptr) peer()->on_input();
  return {};
}

// Behind the bytes that are still on their way.
bool MemoryStream::peer_closed() const {
  return incoming().end_arrived() || (link_->reset_.at(end_) && !incoming().delivery_posted);
}

bool MemoryStream::has_input() const {
  return peer_closed() || (incoming().arrived > 0 && !incoming().paused);
}

void MemoryStream::watch_hangup(net::HangupWatch* watch) {
  watch_ = watch;
  if (watch_ != nullptr && peer_closed()) std::exchange(watch_, nullptr)->on_hangup();
}

bool MemoryStream::start(StreamOperation& operation) {
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

void MemoryStream::forget(StreamOperation& operation) {
  if (reader_ == &operation) reader_ = nullptr;
  if (writer_ == &operation) writer_ = nullptr;
}

// Bytes that arrived are read before an end or a reset is seen, and an end before a reset.
bool MemoryStream::try_read(StreamOperation& operation) {
  if (!has_input()) return false;
  if (operation.kind == StreamOperation::Kind::kReadable) return true;
  MemoryLink::Direction& way = incoming();
  if (way.arrived > 0 && !way.paused) {
    const bool was_full = way.size == way.ring.size();
    operation.result = link_->pull(way, operation.into);
    if (way.arrived == 0 && way.size > 0) deliver_later(1 - end_);
    if (was_full && peer() != nullptr) peer()->on_room();
  } else if (way.end_arrived()) {
    operation.result = std::size_t{0};
  } else {
    operation.result = fail(Code::kReset, "read failed");
  }
  return true;
}

bool MemoryStream::try_write(StreamOperation& operation) {
  const std::size_t asked = operation.from[0].size() + operation.from[1].size() + operation.from[2].size();
  MemoryLink::Direction& way = outgoing();
  if (asked == 0) {
    const bool has_room = way.size < link_->options_.buffer_bytes || link_->reset_.at(end_);
    if (has_room) operation.result = operation.bytes_done;
    return has_room;
  }
  if (link_->reset_.at(end_) || way.ended) {
    operation.result = fail(Code::kReset, "write failed");
    return true;
  }
  if (peer() == nullptr && !incoming().paused && !way.paused) {
    // The kernel takes it; the peer's answers with a reset.
    link_->reset_.at(end_) = true;
    operation.result = operation.bytes_done + asked;
    on_input();
    return true;
  }
  // A reader that waits takes from the ring at once, which makes room for more.
  writing_ = true;
  std::size_t rest = asked;
  while (rest > 0 && way.size < link_->options_.buffer_bytes) {
    for (net::Slice& slice : operation.from) {
      const std::size_t taken = link_->push(way, slice);
      slice = slice.subspan(taken);
      operation.bytes_done += taken;
      rest -= taken;
      if (!slice.empty()) break;
    }
    if (link_->arrive(way) && peer() != nullptr) peer()->on_input();
  }
  writing_ = false;
  if (rest == 0) operation.result = operation.bytes_done;
  return rest == 0;
}

void MemoryStream::deliver_later(std::size_t direction) {
  MemoryLink::Direction& way = link_->ways_.at(direction);
  if (std::exchange(way.delivery_posted, true)) return;
  loop().post([link = std::weak_ptr(link_), direction] {
    const auto held = link.lock();
    if (!held) return;
    MemoryLink::Direction& posted = held->ways_.at(direction);
    posted.delivery_posted = false;
    (void)held->arrive(posted);
    if (MemoryStream* reader = held->ends_.at(1 - direction); reader != nullptr) reader->on_input();
  });
}

// The watch is told from the loop, on top of no task, as a poller does.
void MemoryStream::on_input() {
  if (reader_ != nullptr) {
    StreamOperation* reading = std::exchange(reader_, nullptr);  // what it makes room for may come back here
    if (try_read(*reading)) {
      reading->resume_soon();
    } else {
      reader_ = reading;
    }
    return;
  }
  if (watch_ == nullptr || !peer_closed()) return;
  loop().post([link = std::weak_ptr(link_), end = end_] {
    const auto held = link.lock();
    MemoryStream* stream = held ? held->ends_.at(end) : nullptr;
    if (stream == nullptr || stream->watch_ == nullptr || stream->reader_ != nullptr) return;
    if (stream->peer_closed()) std::exchange(stream->watch_, nullptr)->on_hangup();
  });
}

void MemoryStream::on_room() {
  if (writer_ != nullptr && !writing_ && try_write(*writer_)) std::exchange(writer_, nullptr)->resume_soon();
}

}  // namespace weir::testing
