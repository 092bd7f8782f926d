// Arena: where the names and values of one stream's heads are kept: in one block in nearly all cases, which
// is part of the stream, else in further blocks from the pool. Freed all at once. On the core of the stream.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

#include "net/frame_pool.h"

namespace weir::h2 {

class Arena {
 public:
  static constexpr std::size_t kFirstBytes = 1024;    // a browser's head without its cookies
  static constexpr std::size_t kFurtherBytes = 4096;  // or what is asked for, when that is more

  Arena() {}  // the first block stays uninitialized
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (blocks_ != nullptr) {
      Block* block = blocks_;
      blocks_ = block->next;
      net::pool_release(block, block->bytes);
    }
  }

  // Uninitialized, aligned for characters only.
  char* take(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - next_) < bytes) grow(bytes);
    char* taken = next_;
    next_ += bytes;
    return taken;
  }
  std::string_view keep(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* kept = take(text.size());
    std::memcpy(kept, text.data(), text.size());
    return {kept, text.size()};
  }

 private:
  struct Block {
    Block* next;
    std::size_t bytes;
  };

  void grow(std::size_t bytes) {
    const std::size_t whole = sizeof(Block) + std::max(bytes, kFurtherBytes - sizeof(Block));
    blocks_ = new (net::pool_allocate(whole)) Block{blocks_, whole};
    next_ = reinterpret_cast<char*>(blocks_ + 1);
    end_ = reinterpret_cast<char*>(blocks_) + whole;
  }

  char first_[kFirstBytes];
  char* next_ = first_;
  char* end_ = first_ + kFirstBytes;
  Block* blocks_ = nullptr;
};

}  // namespace weir::h2
