// Session: one SSH connection of a client, as the server sees it: who it is, what it forwards, and a stream
// to its side for each visitor. Made and owned by its Server, on one core; others have a reference from
// Gate::began() until Gate::ended() returns. Nothing in it waits: libssh is given the socket when the loop
// says that it is ready, and its callbacks only note what came. RFC 4252-4254.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/epoll.h"
#include "net/loop.h"
#include "net/network.h"
#include "net/task.h"
#include "net/timer.h"
#include "ssh/gate.h"

struct ssh_event_struct;
struct ssh_session_struct;
struct ssh_channel_callbacks_struct;
struct ssh_channel_struct;
struct ssh_message_struct;
struct ssh_key_struct;

namespace weir::ssh {

class Channel;
class Server;

// What a client asked for by -R, with the port that it got.
struct Forward {
  std::string address;  // exactly its bytes: the client knows its forward by them
  std::uint16_t port = 0;
  friend bool operator==(const Forward&, const Forward&) = default;
};

class Session final : private net::EpollPoller::Handler {
 public:
  Session(Server& server, net::Address peer);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // --- facts
  const net::Address& peer() const { return peer_; }
  std::string_view client() const;  // "SSH-2.0-OpenSSH_9.2p1"; the peer's words
  std::string_view user() const { return user_; }
  // The content of the certificate that somebody came with; its blob is kept with it.
  const Certificate* certificate() const { return certificate_ ? &*certificate_ : nullptr; }
  std::string_view cipher() const;
  const std::vector<Forward>& forwards() const { return forwards_; }
  std::size_t channels() const { return channels_; }  // streams open or being opened
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;
  std::size_t held_bytes() const { return held_bytes_; }  // received, and not read by anybody
  Instant heard_at() const { return heard_at_; }
  bool ending() const { return ending_; }
  net::Loop& loop() const { return loop_; }

  // A stream to the origin behind a forward (`forwarded-tcpip`): what the client connects it to is the
  // client's matter. Several may be opened at once. The session may end meanwhile. When the client can't or
  // won't, the error is kConnectFailed, of the upstream, and another origin may safely be tried.
  net::Task<Result<std::unique_ptr<net::Stream>>> open(Forward forward, net::Address originator,
                                                       Duration timeout);
  // Ends it soon, telling the client why; the text is shown to people.
  void end(const Error& why, std::string_view said);

 private:
  friend class Channel;
  friend class Server;
  friend class Terminal;
  struct Counters;  // these two have libssh's types
  struct Callbacks;
  friend struct Callbacks;

  // A channel that is to be closed; `gone`: the client has done so, or never had it.
  struct Closing {
    ssh_channel_struct* channel;
    bool gone;
  };

  struct Ticker final : net::Timer {
    explicit Ticker(Session& owner);
    Session& session;
  };
  // At the end of a turn: what all tasks want to write goes out together.
  struct Flusher final : net::Operation {
    explicit Flusher(Session& owner);
    void give_up(const Error&) override {}
    void completed() override;
    Session& session;
  };

  // --- the server's: takes the socket over; until it has ended
  net::Task<void> run(std::unique_ptr<net::Stream> socket);
  Result<void> start(std::unique_ptr<net::Stream> socket);
  void close();

  void on_events(std::uint32_t events) override;
  void pump();
  void settle(bool emptied);
  void flush();
  void flush_soon();
  bool output_waits() const;
  void before_write(std::size_t bytes);
  void after_write(std::size_t bytes);
  void push();
  void cork(bool on);
  void finish(const Error& why);
  void lost();
  void tick();
  void ask();
  Instant next_tick() const;

  // --- channels
  void want_write(Channel& channel);
  void settle_openings();
  bool settle_opening(Channel& channel, bool refused);
  void release(Channel& channel);
  void close_channels();
  void release_terminal_channel(ssh_channel_struct* channel, ssh_channel_callbacks_struct* hooks,
                                bool closed);
  void on_disowned_closed(ssh_channel_struct* channel);
  void hold(std::int64_t more_bytes);
  bool grant_window(std::size_t bytes);
  void return_window(std::size_t bytes);

  // --- what callbacks come to
  void keys_exchanged();
  bool authenticate(const Credential& credential);
  bool authenticate_key(std::string_view user, net::Slice blob, bool proven);
  void count_refused_try();
  void ensure_began();
  Result<Forward> forward(std::string_view address, std::uint16_t port);
  bool cancel_forward(std::string_view address, std::uint16_t port);
  void close_terminal(std::size_t index);
  void tell(Terminal& terminal, TerminalEvent event);

  Server& server_;
  net::Loop& loop_;
  net::Address peer_;
  net::EpollPoller* poller_ = nullptr;
  int descriptor_ = -1;
  std::unique_ptr<Counters> counters_;
  std::unique_ptr<Callbacks> callbacks_;
  ssh_session_struct* ssh_ = nullptr;
  ssh_event_struct* event_ = nullptr;
  Ticker ticker_{*this};
  Flusher flusher_{*this};
  net::Event ended_;

  std::string user_;
  std::string certificate_blob_;
  std::optional<Certificate> certificate_;
  std::vector<Forward> forwards_;
  std::vector<std::unique_ptr<Terminal>> terminals_;
  std::vector<Channel*> openings_;
  std::vector<Channel*> writers_;         // want to write, in turn
  std::vector<Channel*> serving_;         // those of writers_, while they write
  std::vector<Channel*> hung_up_;         // whose watch is to be told
  std::vector<Channel*> window_waiters_;  // want to write, and the client's window is closed
  std::vector<Closing> closings_;
  std::vector<Channel*> key_waiters_;         // want to write, and keys are being exchanged anew
  std::vector<ssh_channel_struct*> orphans_;  // opened by the client after nobody waited any more
  Channel* all_channels_ = nullptr;
  std::string seen_error_;

  Error why_;
  std::string said_;
  Instant started_at_;
  Instant heard_at_;
  Instant asked_at_;
  std::uint64_t heard_bytes_ = 0;
  std::size_t channels_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t window_bytes_ = 0;  // granted beyond the least
  std::size_t direct_bytes_ = 0;  // that may be written without a look whether there is room
  std::size_t zombies_ = 0;       // channels that were closed here and not yet by the client
  unsigned tries_ = 0;
  bool greeted_ = false;
  bool keys_exchanged_ = false;
  bool authenticated_ = false;
  bool began_ = false;
  bool paused_ = false;
  bool pumping_ = false;
  bool pump_again_ = false;
  bool served_ = false;  // a reader has got something
  bool corked_ = false;
  bool ending_ = false;
  bool is_lost_ = false;
};

}  // namespace weir::ssh
