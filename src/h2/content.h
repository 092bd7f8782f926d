// Content: what has come of one stream's content and was not read yet. Bounded by the windows that the peer
// was given; the windows open again only as it is read. Part of a stream, on its core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/error.h"
#include "net/buffer.h"

namespace weir::h2 {

class Content {
 public:
  Content() = default;
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content() { (void)clear(); }

  // --- what comes
  void append(net::Slice bytes);
  void end() { ended_ = true; }
  void fail(const Error& error) {
    if (!ended_ && !error_) error_ = error;
  }
  // The peer has sent all of it, or nothing more will come.
  bool ended() const { return ended_; }
  // All that came so far, read or not.
  std::uint64_t received_bytes() const { return received_bytes_; }

  // --- what is read
  // The next piece, valid until the next call; empty when nothing is here.
  net::Slice take();
  // All that was taken.
  std::uint64_t read_bytes() const { return received_bytes_ - unread_bytes_; }
  bool empty() const { return unread_bytes_ == 0; }
  // Lets the piece that take() gave last be taken again; how many bytes, 0: it is gone.
  std::size_t untake();
  // Bytes that were taken and are done with, since the last call: what the windows may be opened by.
  std::size_t done_bytes();
  const std::optional<Error>& error() const { return error_; }
  // Drops everything; how many bytes the windows may be opened by.
  std::size_t clear();

 private:
  struct Block;
  static Block* make_block(std::size_t bytes);
  static void free_block(Block* block);

  Block* first_ = nullptr;
  Block* last_ = nullptr;
  std::uint64_t received_bytes_ = 0;
  std::size_t unread_bytes_ = 0;
  std::size_t taken_bytes_ = 0;  // the piece given out last
  std::size_t done_bytes_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::h2
