// Crossing: a pipe between two loops, as two Streams: what is written to one is read from the other. Each end
// lives on its own loop; both loops outlive both ends. A direction holds a buffer only while bytes are in it.
// A wake-up of the other loop is posted only when somebody waits there.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "net/buffer.h"
#include "net/stream.h"

namespace weir::tunnel {

class Crossing final : public net::Stream {
 public:
  using Pair = std::pair<std::unique_ptr<Crossing>, std::unique_ptr<Crossing>>;
  // The second end is to be moved to its loop before anything is done with it.
  static Pair make(net::Loop& first, net::Loop& second);

  ~Crossing() override;

  std::size_t untaken_bytes() const override;
  Result<void> shutdown_write() override;
  void abort() override { aborted_ = true; }
  bool has_input() const override;
  bool peer_closed() const override;
  void watch_hangup(net::HangupWatch* watch) override;

 private:
  // What one end writes and the other reads.
  struct Way {
    net::Buffer ring;
    std::size_t begin = 0;
    std::size_t size = 0;
    bool ended = false;         // nothing follows
    bool reset = false;         // the writer was cut, or the reader is gone
    bool reader_waits = false;  // and is to be told of bytes, or of an end
    bool writer_waits = false;  // and is to be told of room
    std::size_t push(net::Slice bytes);
    std::size_t pull(std::span<std::byte> into);
  };
  struct Shared {
    std::mutex mutex;
    std::array<Way, 2> ways;            // i: what end i writes; guarded
    std::array<net::Loop*, 2> loops{};  // constant
    std::array<Crossing*, 2> ends{};    // each touched on its own loop only
  };

  Crossing(net::Loop& loop, std::shared_ptr<Shared> shared, std::size_t end);
  bool start(net::StreamOperation& operation) override;
  void forget(net::StreamOperation& operation) override;
  bool try_read(net::StreamOperation& operation);
  bool try_write(net::StreamOperation& operation);
  void look_again();
  static void tell(const std::shared_ptr<Shared>& shared, std::size_t end);
  Way& incoming() const { return shared_->ways.at(1 - end_); }
  Way& outgoing() const { return shared_->ways.at(end_); }

  std::shared_ptr<Shared> shared_;
  std::size_t end_;
  net::StreamOperation* reader_ = nullptr;
  net::StreamOperation* writer_ = nullptr;
  net::HangupWatch* watch_ = nullptr;
  bool aborted_ = false;
};

}  // namespace weir::tunnel
