#include "record/line_target.h"

namespace weir::record {

void LineTarget::give(std::string& lines, std::uint64_t count) {
  if (lines.empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() < kBatchesMax) {
      std::string empty;
      if (!spare_.empty()) {
        empty = std::move(spare_.back());
        spare_.pop_back();
      }
      waiting_.push_back({std::exchange(lines, std::move(empty)), count});
      count = 0;
    }
  }
  if (count > 0) {
    lines.clear();
    return count_dropped(count);
  }
  given_.notify_one();
  wake();
}

void LineTarget::give_copy(std::string_view lines, std::uint64_t count) {
  std::string copy;
  {
    const std::scoped_lock lock(mutex_);
    if (!spare_.empty()) {
      copy = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  copy.assign(lines);
  give(copy, count);
  give_back({std::move(copy), 0});
}

std::optional<LineTarget::Batch> LineTarget::take_locked() {
  if (waiting_.empty()) return std::nullopt;
  Batch batch = std::move(waiting_.front());
  waiting_.pop_front();
  return batch;
}

std::optional<LineTarget::Batch> LineTarget::take() {
  const std::scoped_lock lock(mutex_);
  return take_locked();
}

std::optional<LineTarget::Batch> LineTarget::wait_and_take() {
  std::unique_lock lock(mutex_);
  given_.wait(lock, [this] { return !waiting_.empty() || ending_; });
  return take_locked();
}

void LineTarget::give_back(Batch batch) {
  batch.lines.clear();
  const std::scoped_lock lock(mutex_);
  if (batch.lines.capacity() > 0 && spare_.size() < kBatchesMax) spare_.push_back(std::move(batch.lines));
}

void LineTarget::end_waiting() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  given_.notify_one();
}

}  // namespace weir::record
