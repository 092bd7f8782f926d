// UringSocket: a connected TCP or Unix stream socket on an io_uring loop. Receives without being asked until
// the bytes outrun its reader; from then on one receive for each read, so that the kernel holds the sender
// back. Small writes are complete when they are staged; a rest that the kernel refuses is kept and sent
// first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "net/stream.h"
#include "net/uring.h"

namespace weir::net {

class UringSocket final : public Stream, public PlainSocket, private UringPoller::Handler {
 public:
  // As Socket::create.
  static Result<std::unique_ptr<UringSocket>> create(Loop& loop, UringPoller& poller, Descriptor descriptor,
                                                     bool connecting);
  ~UringSocket() override;

  Result<void> shutdown_write() override;
  void abort() override;
  bool has_input() const override;
  bool peer_closed() const override { return hung_up_; }
  void watch_hangup(HangupWatch* watch) override;
  PlainSocket* plain_socket() override { return this; }
  Result<std::optional<std::size_t>> splice_to_pipe(int pipe, std::size_t bytes) override;
  Result<std::optional<std::size_t>> splice_from_pipe(int pipe, std::size_t bytes,
                                                      bool more_follows) override;

 private:
  using Poll = UringPoller::Poll;
  UringSocket(Loop& loop, UringPoller& poller, Descriptor descriptor, bool connecting);

  bool start(StreamOperation& operation) override;
  void forget(StreamOperation& operation) override;
  void on_received(std::span<const std::byte> bytes, int os_errno, bool more) override;
  void on_polled(Poll what) override;
  void on_end_near() override;
  void on_not_sent(std::size_t bytes_sent, int os_errno) override;

  Slice next_input() const;
  void consume(std::size_t bytes);
  bool try_read(StreamOperation& operation);
  void receive();
  void cancel_receive();
  void await_input();
  void poll(Poll what);
  void tell_hangup();

  bool try_write(StreamOperation& operation);
  bool write_now(StreamOperation& operation, std::size_t bytes);
  void on_writable();

  UringPoller& poller_;
  Descriptor descriptor_;
  UringPoller::Slot slot_;
  StreamOperation* reader_ = nullptr;
  StreamOperation* writer_ = nullptr;
  HangupWatch* watch_ = nullptr;
  bool* gone_ = nullptr;         // told when this is destroyed below on_received
  std::vector<std::byte> held_;  // received, not read
  std::size_t held_begin_ = 0;
  Slice fresh_;                    // received after those, still in the poller's buffer
  std::vector<std::byte> unsent_;  // written, not sent
  int read_errno_ = 0;
  int write_errno_ = 0;
  std::uint8_t polling_ = 0;  // a bit for each Poll
  bool receiving_ = false;
  bool cancelling_ = false;
  bool eager_ = true;
  bool splicing_ = false;  // a wait for input is one for readiness: the bytes are not wanted here
  bool ended_ = false;     // a receive said so, or failed
  bool hung_up_ = false;
  bool reader_knows_ = false;  // the end came together with the bytes that a reader took
  bool writable_;
  bool shut_down_ = false;         // for writing
  bool shutdown_pending_ = false;  // when the rest is sent
  bool aborted_ = false;
};

}  // namespace weir::net
