// UringPoller: the io_uring side of a Loop: receives into one ring of shared buffers, sends that go to the
// kernel in one batch with the wait for what is next. What only watches a descriptor (listeners, the
// resolver) stays on an epoll, which the ring watches. On the core of its loop; wake() from any thread. Owns
// no socket.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "net/epoll.h"

namespace weir::net {

class UringPoller final : public Poller {
 public:
  enum class Poll : std::uint8_t { kOut, kIn, kHangup };  // kIn tells of an end as well

  class Handler {
   public:
    // bytes: valid during the call; empty: the end, or os_errno. more: the receive goes on. May destroy the
    // handler, as on_polled may.
    virtual void on_received(std::span<const std::byte> bytes, int os_errno, bool more) = 0;
    virtual void on_polled(Poll what) = 0;
    // The receive has reached the end, of which on_received tells after the bytes before it. Resumes nothing.
    virtual void on_end_near() = 0;
    // A staged send went out only in part, or failed. Before any other call of the turn; resumes nothing.
    virtual void on_not_sent(std::size_t bytes_sent, int os_errno) = 0;

   protected:
    ~Handler() = default;
  };
  using Slot = std::uint32_t;

  // kInternal or an errno: this kernel has no io_uring that serves, or forbids it. It is tried, not asked.
  static Result<std::unique_ptr<UringPoller>> create(EpollPoller& epoll);
  ~UringPoller() override;

  Slot add(Handler& handler);
  void remove(Slot slot);  // what is under way for it is told to nobody
  // What is under way holds on to the socket: that ends first, both with the next batch.
  void close(Descriptor descriptor);

  // multishot: until cancelled or told otherwise by `more`; else once.
  void receive(Slot slot, int fd, bool multishot);
  void cancel_receive(Slot slot);
  void poll(Slot slot, int fd, Poll what);  // once
  // Copies the slices and sends them with the next batch, in full or on_not_sent(). One for a slot and turn;
  // false: no room in this turn.
  bool stage(Slot slot, int fd, std::span<const std::span<const std::byte>> slices, std::size_t bytes);
  std::span<const std::byte> staged(Slot slot) const { return entries_[slot].staged; }
  bool is_staged(Slot slot) const { return entries_[slot].staged_turn == turn_; }
  // Sends what is staged now, so that the handler knows what became of it.
  void settle(Slot slot);
  // Sends the rest to a socket that nobody owns any more, then closes it, as the kernel does by itself with
  // what it has accepted. Bounded in number and time.
  void send_and_close(Descriptor descriptor, std::vector<std::byte> rest);

  void wait(std::optional<Duration> timeout) override;
  bool dispatch() override;
  void wake() override { epoll_.wake(); }

 private:
  enum class Kind : std::uint64_t { kPollOut, kPollIn, kPollHangup, kReceive, kSend, kIgnore, kEpoll };
  struct Ring;
  class Orphan;
  struct Entry {
    Handler* handler = nullptr;
    std::uint32_t generation = 0;
    std::span<const std::byte> staged;
    std::uint64_t staged_turn = 0;
  };

  UringPoller(EpollPoller& epoll, std::unique_ptr<Ring> ring);
  std::uint64_t tag(Kind kind, Slot slot) const {
    return (std::uint64_t{entries_[slot].generation} << 32U) | (std::uint64_t{slot} << 3U) |
           static_cast<std::uint64_t>(kind);
  }
  Entry* find(std::uint64_t data);
  void not_sent(std::uint64_t data, int result);
  void handle(std::uint64_t data, int result, std::uint32_t flags);
  void watch_epoll();

  EpollPoller& epoll_;
  std::unique_ptr<Ring> ring_;
  // Two: the bytes of the batch whose failures are not told yet stay where they are.
  std::array<std::unique_ptr<std::byte[]>, 2> arenas_;
  std::size_t staged_bytes_ = 0;
  std::uint64_t turn_ = 1;
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  std::vector<std::unique_ptr<Orphan>> orphans_;
};

}  // namespace weir::net
