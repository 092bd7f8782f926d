// Channel: letters between two processes, over a Unix socket that keeps them apart (SOCK_SEQPACKET), on a
// loop. The same by blocking calls, with a deadline, for who has no loop. Owned by whoever speaks; on its
// core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/time.h"
#include "handover/letter.h"
#include "net/epoll.h"
#include "net/operation.h"
#include "net/task.h"

namespace weir::handover {

struct Pair {
  net::Descriptor ours;
  net::Descriptor theirs;
};
Result<Pair> make_pair();

// --- without a loop; kTimedOut, kClosed
Result<Letter> receive_now(const net::Descriptor& socket, Duration timeout);
Result<void> send_now(const net::Descriptor& socket, const Letter& letter, Duration timeout);

class Channel final : private net::EpollPoller::Handler {
 public:
  // The socket is non-blocking from here on.
  static Result<std::unique_ptr<Channel>> create(net::Loop& loop, net::EpollPoller& poller,
                                                 net::Descriptor socket);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // One at a time. kClosed: the other side has gone.
  net::Task<Result<Letter>> receive(Duration timeout);
  // What the letter encloses is the other's, too, once it is sent.
  net::Task<Result<void>> send(const Letter& letter, Duration timeout);

  // The socket once more, for another process that goes on with it.
  Result<net::Descriptor> duplicate() const;
  // Whether the other side is of our user, or root.
  bool is_ours() const;

 private:
  class Wait;
  Channel(net::Loop& loop, net::EpollPoller& poller, net::Descriptor socket)
      : loop_(loop), poller_(poller), socket_(std::move(socket)) {}
  void on_events(std::uint32_t events) override;

  net::Loop& loop_;
  net::EpollPoller& poller_;
  net::Descriptor socket_;
  Wait* reader_ = nullptr;
  Wait* writer_ = nullptr;
  bool watched_ = false;
};

}  // namespace weir::handover
