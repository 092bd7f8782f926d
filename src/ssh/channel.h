// Channel: one channel of a Session as a net::Stream. Made by Session::open() for whoever reads and writes
// it, which may outlive the session: then every call fails. On the core of its session.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "net/stream.h"

struct ssh_channel_struct;

namespace weir::ssh {

class Session;

class Channel final : public net::Stream {
 public:
  Channel(Session& session, ssh_channel_struct* channel);
  ~Channel() override;

  std::size_t untaken_bytes() const override;
  Result<void> shutdown_write() override;
  void abort() override {}  // SSH has no reset: the client's side always reads an end
  bool has_input() const override;
  bool peer_closed() const override { return session_ == nullptr || ended_ || closed_; }
  void watch_hangup(net::HangupWatch* watch) override;

 private:
  friend class Session;
  struct Hooks;

  // Until the client has answered, which it may have done before anybody waits: libssh reads while it asks.
  class [[nodiscard]] Opening final : public net::Operation {
   public:
    Opening(Channel& channel, Duration timeout);
    ~Opening() override;
    bool await_ready() const { return channel_.open_ || !result; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      channel_.opening_ = this;
      return suspend(waiter, loop().deadline(timeout_));
    }
    Result<void> await_resume() const { return result; }
    Result<void> result;

   private:
    void give_up(const Error& why) override;
    Channel& channel_;
    Duration timeout_;
  };

  bool start(net::StreamOperation& operation) override;
  void forget(net::StreamOperation& operation) override;
  bool try_read(net::StreamOperation& operation);
  std::size_t take(std::span<std::byte> into);
  std::size_t fetch(std::span<std::byte> into);
  void widen();
  std::size_t take_kept(std::span<std::byte> into);

  // --- for the session
  // Something came, or the end of it.
  void on_input(std::size_t buffered_bytes);
  void on_end(bool closed);
  void serve_reader();
  void fail_writer();
  bool has_window() const;
  // Hands one packet's worth to libssh.
  enum class Wrote : std::uint8_t { kDone, kMore, kNoWindow, kNotNow };
  Wrote write_some();
  void opened(const Result<void>& result);
  void hook();
  void unhook();
  // The session is gone.
  void detach();
  std::size_t buffered_bytes() const { return buffered_ + kept_.size() - kept_begin_; }

  Session* session_;
  ssh_channel_struct* channel_;
  std::unique_ptr<Hooks> hooks_;
  Channel* next_ = nullptr;  // of the session's channels
  Channel** link_ = nullptr;
  net::StreamOperation* reader_ = nullptr;
  net::StreamOperation* writer_ = nullptr;
  Opening* opening_ = nullptr;
  Result<void> answer_;  // of the client, to opening it: an error when it was refused
  net::HangupWatch* watch_ = nullptr;

  std::size_t buffered_ = 0;        // by libssh
  std::vector<std::byte> kept_;     // taken from libssh, for a reader that is slower than the client
  std::size_t kept_begin_ = 0;      // before it, read
  std::size_t window_bytes_;        // that the client may fill
  std::size_t consumed_bytes_ = 0;  // since the window was opened wide last
  bool open_ = false;
  bool ended_ = false;           // the client sends no more
  bool closed_ = false;          // nor does it take any
  bool shut_ = false;            // we send no more, and are to say so
  bool waits_for_turn_ = false;  // among the session's writers
};

}  // namespace weir::ssh
