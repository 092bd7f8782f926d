// MemoryStream: one end of a pair of pipes, with the manners of net::Socket over TCP: bounded buffers, half
// close, resets, and a first write after the peer has closed that seems to succeed. Bytes written are there
// for the peer at once, unless the options cut them into segments; the peer's task runs in a later turn. On
// the core of its loop; made by pair() or by MemoryNetwork.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/random.h"
#include "net/stream.h"

namespace weir::testing {

class MemoryStream;

struct LinkOptions {
  // What a direction holds before a writer has to wait.
  std::size_t buffer_bytes = 64UL * 1024;
  // Bytes arrive in segments of at most this size, each in a turn of its own, so that a reader is suspended
  // at every split.
  std::size_t segment_bytes_max = std::numeric_limits<std::size_t>::max();
  // Each segment is of a random size up to segment_bytes_max.
  bool random_segments = false;
};

// What the two ends share. It outlives whichever end closes first.
class MemoryLink {
 public:
  MemoryLink(const LinkOptions& options, Random& random) : options_(options), random_(random) {}

  // Ends 0 and 1; direction i carries what end i writes.
  bool open(std::size_t end) const { return ends_.at(end) != nullptr; }
  // Resets both ends: the cable is cut and both kernels noticed.
  void cut();
  // A paused direction takes bytes until its buffer is full, and delivers nothing, not even an end or that
  // its reader or writer is gone.
  void pause(std::size_t direction, bool paused);

 private:
  friend class MemoryStream;

  struct Direction {
    std::vector<std::byte> ring;
    std::size_t begin = 0;
    std::size_t size = 0;     // written and not read
    std::size_t arrived = 0;  // of those, what the reader may see
    bool ended = false;       // nothing follows
    bool paused = false;
    bool resets = false;  // its writer reset the connection while it was paused
    bool delivery_posted = false;

    bool end_arrived() const { return ended && arrived == size && !paused; }
  };

  std::size_t next_segment_bytes();
  bool arrive(Direction& way);
  std::size_t push(Direction& way, net::Slice bytes);
  std::size_t pull(Direction& way, std::span<std::byte> into);

  LinkOptions options_;
  Random& random_;
  std::array<Direction, 2> ways_;
  std::array<MemoryStream*, 2> ends_{};
  std::array<bool, 2> reset_{};  // seen by this end
};

class MemoryStream final : public net::Stream {
 public:
  using Pair = std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>>;
  static Pair pair(net::Loop& loop, std::shared_ptr<MemoryLink> link);

  MemoryStream(net::Loop& loop, std::shared_ptr<MemoryLink> link, std::size_t end);
  ~MemoryStream() override;

  std::size_t untaken_bytes() const override { return outgoing().size; }
  Result<void> shutdown_write() override;
  void abort() override { aborted_ = true; }
  bool has_input() const override;
  bool peer_closed() const override;
  void watch_hangup(net::HangupWatch* watch) override;

 private:
  friend class MemoryLink;

  bool start(net::StreamOperation& operation) override;
  void forget(net::StreamOperation& operation) override;
  bool try_read(net::StreamOperation& operation);
  bool try_write(net::StreamOperation& operation);
  // Something changed for this end's reader or writer.
  void on_input();
  void on_room();
  void deliver_later(std::size_t direction);

  MemoryLink::Direction& incoming() const { return link_->ways_.at(1 - end_); }
  MemoryLink::Direction& outgoing() const { return link_->ways_.at(end_); }
  MemoryStream* peer() const { return link_->ends_.at(1 - end_); }

  std::shared_ptr<MemoryLink> link_;
  std::size_t end_;
  net::StreamOperation* reader_ = nullptr;
  net::StreamOperation* writer_ = nullptr;
  net::HangupWatch* watch_ = nullptr;
  bool writing_ = false;  // inside try_write
  bool aborted_ = false;
};

}  // namespace weir::testing
