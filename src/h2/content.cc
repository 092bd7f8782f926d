#include "h2/content.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "net/frame_pool.h"

namespace weir::h2 {

// Its bytes follow it, or are a pooled I/O buffer.
struct Content::Block {
  Block* next = nullptr;
  std::size_t whole_bytes = 0;  // of this block with what follows it
  std::byte* data = nullptr;
  std::size_t capacity = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  net::Buffer buffer;
};

// Of the size that fits: a message of gRPC must not hold 32 KiB, an upload wants pieces as large as can be.
Content::Block* Content::make_block(std::size_t bytes) {
  constexpr std::size_t kSmall[] = {1024, 4096, 8192};
  for (const std::size_t whole : kSmall) {
    if (bytes > whole - sizeof(Block)) continue;
    auto* block = new (net::pool_allocate(whole)) Block{.whole_bytes = whole};
    block->data = reinterpret_cast<std::byte*>(block + 1);
    block->capacity = whole - sizeof(Block);
    return block;
  }
  auto* block = new (net::pool_allocate(sizeof(Block))) Block{.whole_bytes = sizeof(Block)};
  block->buffer = net::Buffer::acquire();
  block->data = block->buffer.data();
  block->capacity = net::Buffer::kBytes;
  return block;
}

void Content::free_block(Block* block) {
  const std::size_t whole = block->whole_bytes;
  block->~Block();
  net::pool_release(block, whole);
}

void Content::append(net::Slice bytes) {
  received_bytes_ += bytes.size();
  unread_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->end == last_->capacity) {
      Block* block = make_block(bytes.size());
      (last_ == nullptr ? first_ : last_->next) = block;
      last_ = block;
    }
    const std::size_t fitting = std::min(bytes.size(), last_->capacity - last_->end);
    std::memcpy(last_->data + last_->end, bytes.data(), fitting);
    last_->end += fitting;
    bytes = bytes.subspan(fitting);
  }
}

net::Slice Content::take() {
  done_bytes_ += std::exchange(taken_bytes_, 0);
  while (first_ != nullptr && first_->begin == first_->end) {
    Block* read = first_;
    first_ = read->next;
    if (first_ == nullptr) last_ = nullptr;
    free_block(read);
  }
  if (first_ == nullptr) return {};
  const net::Slice piece{first_->data + first_->begin, first_->end - first_->begin};
  first_->begin = first_->end;
  taken_bytes_ = piece.size();
  unread_bytes_ -= piece.size();
  return piece;
}

std::size_t Content::untake() {
  const std::size_t bytes = std::exchange(taken_bytes_, 0);
  if (bytes > 0) first_->begin -= bytes;
  unread_bytes_ += bytes;
  return bytes;
}

std::size_t Content::done_bytes() { return std::exchange(done_bytes_, 0); }

std::size_t Content::clear() {
  while (first_ != nullptr) {
    Block* block = first_;
    first_ = block->next;
    free_block(block);
  }
  last_ = nullptr;
  return std::exchange(unread_bytes_, 0) + std::exchange(taken_bytes_, 0) + std::exchange(done_bytes_, 0);
}

}  // namespace weir::h2
