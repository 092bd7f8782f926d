#include "ssh/session.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/socket.h"
#include "ssh/callbacks.h"
#include "ssh/channel.h"
#include "ssh/limits.h"
#include "ssh/server.h"
#include "ssh/terminal.h"

namespace weir::ssh {
namespace {

// What libssh reads at once. A shorter read has emptied the socket.
constexpr std::uint64_t kLibraryReadBytes = 4096;
// Small packets that go without a look whether there is room: much less than a third of the smallest buffer
// of a connected socket, 46 KiB.
constexpr std::size_t kDirectBytes = 4096;
constexpr std::size_t kPacketOverheadBytes = 64;  // head, padding and MAC, at most
// Reads of one session before others have their turn: 256 KiB.
constexpr unsigned kReadsPerTurn = 64;

constexpr Error kSessionGone{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "the tunnel is gone"};

void set_option(int fd, int level, int option, int value) {
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

// What libssh says of a connection that it has given up.
Error why_lost(ssh_session_struct* ssh) {
  const std::string_view text = ssh_get_error(ssh);
  if (text.starts_with("Received SSH_MSG_DISCONNECT")) {
    return {Code::kClosed, Side::kDownstream, Retry::kNever, 0, "the client disconnected"};
  }
  if (text.empty() || text.contains("ocket")) {
    return {Code::kClosed, Side::kDownstream, Retry::kNever, 0, "the connection was closed"};
  }
  return {Code::kMalformed, Side::kDownstream, Retry::kNever, 0, "not the SSH protocol, or no way in common"};
}

}  // namespace

struct Session::Counters {
  ssh_counter_struct socket{};
};

Session::Ticker::Ticker(Session& owner)
    : Timer([](net::Timer& timer) { static_cast<Ticker&>(timer).session.tick(); }), session(owner) {}

Session::Flusher::Flusher(Session& owner) : Operation(owner.loop_), session(owner) {}

void Session::Flusher::completed() {
  if (std::exchange(session.pump_again_, false)) session.pump();
  session.flush();
}

Session::Session(Server& server, net::Address peer)
    : server_(server),
      loop_(server.env_.loop),
      peer_(peer),
      counters_(std::make_unique<Counters>()),
      callbacks_(std::make_unique<Callbacks>(*this)),
      started_at_(loop_.now()),
      heard_at_(loop_.now()) {}

Session::~Session() {
  WEIR_CHECK(all_channels_ == nullptr);
  if (event_ != nullptr) {
    ssh_event_remove_session(event_, ssh_);
    ssh_event_free(event_);
  }
  if (ssh_ != nullptr) ssh_free(ssh_);
}

std::string_view Session::client() const {
  const char* banner = ssh_ == nullptr ? nullptr : ssh_get_clientbanner(ssh_);
  return banner == nullptr ? "" : banner;
}

std::string_view Session::cipher() const {
  const char* name = ssh_ == nullptr ? nullptr : ssh_get_cipher_in(ssh_);
  return name == nullptr ? "" : name;
}

std::uint64_t Session::bytes_in() const { return counters_->socket.in_bytes; }
std::uint64_t Session::bytes_out() const { return counters_->socket.out_bytes; }

// --- beginning and end

net::Task<void> Session::run(std::unique_ptr<net::Stream> socket) {
  const auto started = start(std::move(socket));
  if (started) {
    pump();  // what came before the socket was ours
    const auto waited = co_await ended_.wait(loop_);
    if (!waited) finish({Code::kCancelled, Side::kInternal, Retry::kNever, 0, "the server ends"});
  } else {
    finish(started.error());
  }
  close();
}

Result<void> Session::start(std::unique_ptr<net::Stream> socket) {
  net::Socket* plain = socket->plain_socket();
  WEIR_CHECK(plain != nullptr);
  ssh_ = ssh_new();
  event_ = ssh_event_new();
  if (ssh_ == nullptr || event_ == nullptr) return fail(Code::kOverloaded, "out of memory");
  ssh_set_blocking(ssh_, 0);
  ssh_options_set(ssh_, SSH_OPTIONS_COMPRESSION, "no");
  ssh_set_counters(ssh_, &counters_->socket, nullptr);
  callbacks_->install(ssh_);

  auto handed = plain->hand_over(*this);
  poller_ = &handed.poller;
  descriptor_ = handed.descriptor.get();
  const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(limits::kSilenceMax);
  set_option(descriptor_, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence.count()));
  // From here on libssh owns the descriptor, and closes it.
  if (ssh_bind_accept_fd(server_.bind_.get(), ssh_, handed.descriptor.release()) != SSH_OK) {
    return fail(Code::kOverloaded, "libssh does not take the connection");
  }
  ssh_set_auth_methods(ssh_, SSH_AUTH_METHOD_PUBLICKEY | SSH_AUTH_METHOD_PASSWORD);
  if (ssh_handle_key_exchange(ssh_) == SSH_ERROR) {
    lost();
    return fail(why_);
  }
  if (ssh_event_add_session(event_, ssh_) != SSH_OK) return fail(Code::kOverloaded, "out of memory");
  loop_.arm(ticker_, next_tick());
  return {};
}

void Session::end(const Error& why, std::string_view said) {
  if (!ending_) said_ = said;
  finish(why);
}

void Session::finish(const Error& why) {
  if (std::exchange(ending_, true)) return;
  why_ = why;
  ended_.set();
}

// libssh has given the connection up, and closed the descriptor, which somebody else may have next.
void Session::lost() {
  if (!std::exchange(is_lost_, true) && descriptor_ >= 0) {
    poller_->remove(descriptor_);
    descriptor_ = -1;
  }
  finish(why_lost(ssh_));
}

// Behind everything: no callback of libssh's is on the stack.
void Session::close() {
  ticker_.disarm();
  if (authenticated_) ensure_began();  // who was let in is told of, however short it stayed
  while (all_channels_ != nullptr) {
    Channel& channel = *all_channels_;
    release(channel);
    channel.detach();
  }
  for (auto& terminal : terminals_) {
    if (terminal->started_) tell(*terminal, TerminalEvent::kClosed);
  }
  terminals_.clear();
  while (!forwards_.empty()) {
    const Forward forward = std::move(forwards_.back());
    forwards_.pop_back();
    server_.gate_.cancelled(*this, forward.address, forward.port);
  }
  if (began_) server_.gate_.ended(*this, why_);
  if (ssh_ == nullptr) return;
  if (!is_lost_ && descriptor_ >= 0) {
    poller_->remove(descriptor_);
    descriptor_ = -1;
    if (said_.empty()) said_ = why_.text;
    ssh_session_set_disconnect_message(ssh_, said_.c_str());
    pollfd room{.fd = ssh_get_fd(ssh_), .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) ssh_set_fd_towrite(ssh_);
    ssh_disconnect(ssh_);
  }
}

// --- input

void Session::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) direct_bytes_ = kDirectBytes;
  pump();
}

void Session::pump() {
  if (pumping_ || ending_) return;
  if (paused_) {
    pump_again_ = true;
    return;
  }
  pumping_ = true;
  bool waited = false;
  for (unsigned reads = 1;; ++reads) {
    const std::uint64_t before = counters_->socket.in_bytes;
    const int polled = ssh_event_dopoll(event_, 0);
    if (polled == SSH_ERROR || !ssh_is_connected(ssh_) || ending_) break;
    // What a callback wrote waits until libssh has seen again that the socket takes it; of that no event
    // tells.
    const bool waits = output_waits();
    if (counters_->socket.in_bytes - before < kLibraryReadBytes && (!waits || waited)) break;
    waited = waits;
    if (reads == kReadsPerTurn || served_ || paused_) {
      pump_again_ = true;
      flush_soon();
      break;
    }
  }
  served_ = false;
  pumping_ = false;
  settle(true);
}

// After libssh has had its turn: what it noted is passed on. Whatever it is asked, it may read from the
// socket; unless the caller has emptied that, there may be more, of which no event tells.
void Session::settle(bool emptied) {
  if (ending_) return;
  if (!ssh_is_connected(ssh_) || (ssh_get_status(ssh_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0) return lost();
  if (counters_->socket.in_bytes != heard_bytes_) {
    heard_bytes_ = counters_->socket.in_bytes;
    heard_at_ = loop_.now();
    if (!emptied) {
      pump_again_ = true;
      flush_soon();
    }
  }
  if (authenticated_) ensure_began();
  settle_openings();
  while (!hung_up_.empty()) {
    Channel* channel = hung_up_.back();
    hung_up_.pop_back();
    if (channel->watch_ != nullptr) std::exchange(channel->watch_, nullptr)->on_hangup();
  }
  std::erase_if(window_waiters_, [this](Channel* channel) {
    if (!channel->has_window()) return false;
    writers_.push_back(channel);
    return true;
  });
  if (emptied && !key_waiters_.empty()) {
    writers_.insert(writers_.end(), key_waiters_.begin(), key_waiters_.end());
    key_waiters_.clear();
  }
  bool output = !writers_.empty() || !closings_.empty();
  for (std::size_t i = 0; i < terminals_.size();) {
    if (terminals_[i]->closed_) {
      close_terminal(i);
      continue;
    }
    output = output || terminals_[i]->has_output();
    ++i;
  }
  if (output && !output_waits()) flush_soon();
}

void Session::close_terminal(std::size_t index) {
  const auto terminal = std::move(terminals_[index]);
  terminals_.erase(terminals_.begin() + static_cast<std::ptrdiff_t>(index));
  if (terminal->started_) tell(*terminal, TerminalEvent::kClosed);
}

void Session::tell(Terminal& terminal, TerminalEvent event) {
  server_.gate_.terminal(*this, terminal, event);
}

void Session::hold(std::int64_t more_bytes) {
  held_bytes_ += static_cast<std::size_t>(more_bytes);
  server_.held_bytes_ += static_cast<std::size_t>(more_bytes);
  const bool too_much =
      held_bytes_ > limits::kSessionHeldBytesMax || server_.held_bytes_ > limits::kCoreHeldBytesMax;
  if (too_much && held_bytes_ > limits::kWindowBytesMin) {  // who holds little is not to blame
    paused_ = true;
  } else if (paused_ && held_bytes_ < limits::kSessionHeldBytesMax / 2) {
    paused_ = false;
    heard_at_ = loop_.now();
    pump_again_ = true;
    flush_soon();
  }
}

bool Session::grant_window(std::size_t bytes) {
  if (window_bytes_ + bytes > limits::kSessionWindowBytesMax) return false;
  if (server_.window_bytes_ + bytes > limits::kCoreWindowBytesMax) return false;
  window_bytes_ += bytes;
  server_.window_bytes_ += bytes;
  return true;
}

void Session::return_window(std::size_t bytes) {
  window_bytes_ -= bytes;
  server_.window_bytes_ -= bytes;
}

// --- output

bool Session::output_waits() const { return (ssh_get_status(ssh_) & SSH_WRITE_PENDING) != 0; }

// libssh takes a write that finds no room for the end of the connection, so it looks before each of them.
// The kernel says that there is room when a third of its buffer is free: the next few small packets need no
// look.
void Session::before_write(std::size_t bytes) {
  if (bytes + kPacketOverheadBytes > direct_bytes_) {
    direct_bytes_ = 0;
    return;
  }
  direct_bytes_ -= bytes + kPacketOverheadBytes;
  ssh_set_fd_towrite(ssh_);
}

void Session::after_write(std::size_t bytes) {
  if (direct_bytes_ == 0 && bytes < kDirectBytes && !output_waits()) direct_bytes_ = kDirectBytes - bytes;
}

// What libssh has written by itself, and not for a channel's write, goes when it looks at the socket again.
void Session::push() {
  if (pumping_ || !output_waits()) return;
  pump_again_ = true;
  flush_soon();
}

void Session::cork(bool on) {
  if (std::exchange(corked_, on) != on) set_option(descriptor_, IPPROTO_TCP, TCP_CORK, on ? 1 : 0);
}

void Session::want_write(Channel& channel) {
  if (std::exchange(channel.waits_for_turn_, true)) return;
  writers_.push_back(&channel);
  flush_soon();
}

void Session::flush_soon() { flusher_.resume_soon(); }

// libssh sends each packet by itself; the cork makes one segment of many.
void Session::flush() {
  if (ending_ || ssh_ == nullptr || output_waits()) return;
  const bool terminals = std::ranges::any_of(terminals_, [](const auto& each) { return each->has_output(); });
  if (writers_.size() + closings_.size() + (terminals ? 1 : 0) > 1) cork(true);
  close_channels();
  while (!writers_.empty() && !output_waits() && ssh_is_connected(ssh_)) {
    serving_.swap(writers_);
    for (Channel* channel : serving_) {
      if (output_waits()) {
        writers_.push_back(channel);
        continue;
      }
      switch (channel->write_some()) {
        case Channel::Wrote::kDone: channel->waits_for_turn_ = false; break;
        case Channel::Wrote::kMore: writers_.push_back(channel); break;
        case Channel::Wrote::kNoWindow: window_waiters_.push_back(channel); break;
        case Channel::Wrote::kNotNow: key_waiters_.push_back(channel); break;
      }
    }
    serving_.clear();
  }
  for (const auto& terminal : terminals_) {
    if (!output_waits()) terminal->write_some();
  }
  if (descriptor_ >= 0 && ssh_is_connected(ssh_)) cork(false);
  settle(false);
}

void Session::release_terminal_channel(ssh_channel_struct* channel, ssh_channel_callbacks_struct* hooks,
                                       bool closed) {
  (void)ssh_remove_channel_callbacks(channel, hooks);
  callbacks_->disown(channel);
  closings_.push_back({channel, closed});
  ++channels_;
  flush_soon();
}

void Session::close_channels() {
  while (!closings_.empty() && !output_waits()) {
    const Closing closing = closings_.back();
    closings_.pop_back();
    --channels_;
    if (!closing.gone) ++zombies_;
    before_write(2 * kPacketOverheadBytes);  // the end, and the close
    ssh_channel_free(closing.channel);
    after_write(2 * kPacketOverheadBytes);
  }
}

void Session::on_disowned_closed(ssh_channel_struct* channel) {
  const auto found = std::ranges::find(closings_, channel, &Closing::channel);
  if (found != closings_.end()) {
    found->gone = true;
  } else if (zombies_ > 0) {
    --zombies_;
  }
}

// --- silence and deadlines

Instant Session::next_tick() const {
  if (!authenticated_) {
    return started_at_ + (keys_exchanged_ ? server_.options_.authentication_timeout
                                          : server_.options_.key_exchange_timeout);
  }
  const Instant quiet = std::max(heard_at_, asked_at_);
  return std::min(std::max(quiet + limits::kAskAfter, loop_.now()), heard_at_ + limits::kSilenceMax);
}

void Session::tick() {
  if (ending_) return;
  const Instant now = loop_.now();
  if (!authenticated_) {
    if (now >= next_tick()) {
      server_.counters_.timed_out.add();
      return finish(
          {Code::kTimedOut, Side::kDownstream, Retry::kNever, 0,
           keys_exchanged_ ? "nobody has logged in for too long" : "the key exchange took too long"});
    }
  } else if (paused_) {
    heard_at_ = now;  // it may well speak: nobody listens
    hold(0);          // others may have given memory back
  } else if (now - heard_at_ >= limits::kSilenceMax) {
    server_.counters_.silent.add();
    return finish({Code::kTimedOut, Side::kDownstream, Retry::kNever, 0, "the client is silent"});
  } else if (now - std::max(heard_at_, asked_at_) >= limits::kAskAfter) {
    asked_at_ = now;
    ask();
  }
  if (!ending_) loop_.arm(ticker_, std::max(next_tick(), now + std::chrono::milliseconds(1)));
}

// The first call may only collect the answer to the one before.
void Session::ask() {
  if (output_waits()) return;
  (void)ssh_send_keepalive(ssh_);
  (void)ssh_send_keepalive(ssh_);
  settle(false);
}

// --- streams

net::Task<Result<std::unique_ptr<net::Stream>>> Session::open(Forward forward, net::Address originator,
                                                              Duration timeout) {
  if (ending_ || !authenticated_) co_return fail(kSessionGone);
  if (channels_ + orphans_.size() + zombies_ >= limits::kChannelsMax) {
    co_return fail(Code::kOverloaded, "the tunnel has too many streams", Side::kUpstream, Retry::kSafe);
  }
  ssh_channel_struct* made = ssh_channel_new(ssh_);
  if (made == nullptr) co_return fail(kSessionGone);
  auto channel = std::make_unique<Channel>(*this, made);
  openings_.push_back(channel.get());
  const std::string from = originator.ip();
  const int rc = ssh_channel_open_reverse_forward(made, forward.address.c_str(), forward.port, from.c_str(),
                                                  originator.port());
  if (rc == SSH_ERROR) seen_error_.clear();
  settle(false);
  const auto opened = co_await Channel::Opening(*channel, timeout);
  // The session may be gone: from here on only the channel is asked.
  if (!opened) co_return fail(opened.error());
  co_return channel;
}

// libssh 0.10 has no callback for the answer to an open. That one was accepted the channel knows; that one
// was refused is seen by the session's last error, which names the channel and so differs from the last.
void Session::settle_openings() {
  if (openings_.empty() && orphans_.empty()) return;
  const char* error = ssh_get_error(ssh_);
  const bool refused = seen_error_ != error;
  if (refused) seen_error_ = error;
  for (std::size_t i = 0; i < openings_.size();) {
    if (settle_opening(*openings_[i], refused)) {
      openings_.erase(openings_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  std::erase_if(orphans_, [&](ssh_channel_struct* orphan) {
    const bool open = ssh_channel_is_open(orphan) != 0;
    if (!open && !(refused && ssh_channel_open_reverse_forward(orphan, "", 0, "", 0) == SSH_ERROR)) {
      return false;
    }
    closings_.push_back({orphan, !open});
    ++channels_;
    return true;
  });
}

// RFC 4254 section 5.1: 1 administratively prohibited, 2 connect failed, 3 unknown type, 4 resource shortage.
bool Session::settle_opening(Channel& channel, bool refused) {
  if (ssh_channel_is_open(channel.channel_) != 0) {
    channel.opened({});
    server_.counters_.opened.add();
    return true;
  }
  if (!refused || ssh_channel_open_reverse_forward(channel.channel_, "", 0, "", 0) != SSH_ERROR) return false;
  const bool prohibited = seen_error_.contains("error (1)");
  server_.counters_.open_failed.add();
  channel.opened(
      fail(Code::kConnectFailed,
           prohibited ? "the tunnel's client refuses" : "the tunnel's client can't reach its origin",
           Side::kUpstream, Retry::kSafe));
  return true;
}

// Its channel is not a stream's any more: it is closed at the next flush, or as soon as the client has opened
// it.
void Session::release(Channel& channel) {
  *channel.link_ = channel.next_;
  if (channel.next_ != nullptr) channel.next_->link_ = channel.link_;
  const bool opening = std::erase(openings_, &channel) > 0 && channel.answer_;
  std::erase(writers_, &channel);
  std::erase(window_waiters_, &channel);
  std::erase(key_waiters_, &channel);
  hold(-static_cast<std::int64_t>(channel.buffered_bytes()));
  return_window(channel.window_bytes_ - limits::kWindowBytesMin);
  channel.unhook();
  std::erase(hung_up_, &channel);
  callbacks_->disown(channel.channel_);
  if (opening) {
    orphans_.push_back(channel.channel_);
    --channels_;
  } else {
    closings_.push_back({channel.channel_, channel.closed_ || !channel.answer_});
    flush_soon();
  }
}

}  // namespace weir::ssh
