// FieldSection: one field section as it is decoded (RFC 9113 section 8.2): copies into the stream's arena
// what a head then refers to, apart from the pseudo-header fields, puts cookies together again, and keeps to
// the limits. Part of a stream, on its core.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

#include "http/fields.h"
#include "net/frame_pool.h"

namespace weir::h2 {

// Arena: where the names and values of one stream's heads are kept: in one block in nearly all cases, which
// is part of the stream, else in further blocks from the pool. Freed all at once. On the core of the stream.
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

class FieldSection {
 public:
  struct Pseudo {
    std::string_view method;
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view protocol;  // RFC 8441 section 4
    std::string_view status;
  };

  explicit FieldSection(Arena& arena) : arena_(arena) {}

  // The fields outlive the section's decoding.
  void begin(http::Fields& into);
  // In the order of the wire; the decoder has checked that it is lower case and what RFC 9113 allows.
  void add(std::string_view name, std::string_view value);
  void finish();

  const Pseudo& pseudo() const { return pseudo_; }
  // A limit was passed; what came behind it was dropped.
  bool too_large() const { return too_large_; }
  // Dropped or not.
  std::size_t decoded_bytes() const { return decoded_bytes_; }

 private:
  struct Crumb {  // lies in front of its text, unaligned
    char* next;
    std::size_t bytes;
  };
  void add_pseudo(std::string_view name, std::string_view value);
  void add_crumb(std::string_view value);
  void join_crumbs();

  Arena& arena_;
  http::Fields* fields_ = nullptr;
  Pseudo pseudo_;
  std::size_t decoded_bytes_ = 0;
  bool too_large_ = false;
  char* first_crumb_ = nullptr;
  char* last_crumb_ = nullptr;
  std::size_t crumbs_ = 0;
  std::size_t crumb_bytes_ = 0;
};

// "content-length": as HTTP/2 wants names; empty for kOther. Static text.
std::string_view lower_name_of(http::Known known);

}  // namespace weir::h2
