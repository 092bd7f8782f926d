// Socket: a connected TCP or Unix stream socket on an epoll loop. Remembers what the kernel last said about
// it, so that a read that would find nothing and a write that would find no room are not tried.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "net/epoll.h"
#include "net/stream.h"

namespace weir::net {

class Socket final : public Stream, private EpollPoller::Handler {
 public:
  // The descriptor is non-blocking; connecting: its connect() has not finished, nothing can be written yet.
  static Result<std::unique_ptr<Socket>> create(Loop& loop, EpollPoller& poller, Descriptor descriptor,
                                                bool connecting);
  ~Socket() override;

  int descriptor() const { return descriptor_.get(); }
  // An errno, once; 0: there is none.
  int take_error();

  std::size_t untaken_bytes() const override;
  Result<void> shutdown_write() override;
  void abort() override;
  bool has_input() const override;
  bool peer_closed() const override { return hung_up_; }
  void watch_hangup(HangupWatch* watch) override;
  Socket* plain_socket() override { return this; }

  // How soon a peer that has vanished is found out; what is absent stays as the system does it.
  struct Liveness {
    std::optional<Duration> keepalive;     // of silence, before it is asked
    std::optional<Duration> user_timeout;  // that what was sent may stay unacknowledged
  };
  // Of TCP; on others it has no effect.
  void set_liveness(const Liveness& liveness);

  // For a library that reads and writes a descriptor by itself: it is not this socket's any more, which can
  // only be destroyed now, and `next` hears of its events (kStreamEvents, edge-triggered), but not of those
  // before. Nothing waits for the socket.
  struct HandedOver {
    EpollPoller& poller;
    Descriptor descriptor;
  };
  HandedOver hand_over(EpollPoller::Handler& next);

  // For another process: it is this socket's no more, which can only be destroyed now. Nothing waits for it.
  Descriptor release();

  // For splice: moves up to `bytes` between the socket and a pipe without waiting. 0 from splice_to_pipe: the
  // end of the stream. Nothing (an empty optional): not now; await readable(), or a write of nothing.
  Result<std::optional<std::size_t>> splice_to_pipe(int pipe, std::size_t bytes);
  Result<std::optional<std::size_t>> splice_from_pipe(int pipe, std::size_t bytes, bool more_follows);

 private:
  Socket(Loop& loop, EpollPoller& poller, Descriptor descriptor, bool connecting)
      : Stream(loop), poller_(poller), descriptor_(std::move(descriptor)), writable_(!connecting) {}

  bool start(StreamOperation& operation) override;
  void forget(StreamOperation& operation) override;
  void on_events(std::uint32_t events) override;
  bool try_read(StreamOperation& operation);
  bool try_write(StreamOperation& operation);

  EpollPoller& poller_;
  Descriptor descriptor_;
  StreamOperation* reader_ = nullptr;
  StreamOperation* writer_ = nullptr;
  HangupWatch* watch_ = nullptr;
  bool writable_;
  mutable bool readable_ = false;  // a read may find something; false: it would not
  bool hung_up_ = false;
};

}  // namespace weir::net
