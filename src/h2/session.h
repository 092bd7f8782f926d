// Session: one HTTP/2 connection over a net::Stream, what both sides have in common: nghttp2's session, the
// input that it is fed, the output that is collected from it. What all streams have to send is packed into
// one buffer at once, and written once per turn of the loop. Idle, it holds no buffer. The base of the
// server's and the client's connection, on the core of the stream. RFC 9113.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "h2/frame_scanner.h"
#include "h2/stream.h"
#include "h2/tunnel_windows.h"
#include "http/fields.h"
#include "net/buffer.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/task.h"
#include "net/timer.h"

struct nghttp2_session;

namespace weir::h2 {

struct PseudoField {
  std::string_view name;  // static text
  std::string_view value;
};

// What a connection is for, beside calls: its streams' number and windows follow from it.
enum class Carries : std::uint8_t { kRequests, kTunnels };
// Of a peer whose SETTINGS have not come yet.
constexpr std::uint32_t streams_expected(Carries carries) {
  return carries == Carries::kTunnels ? kTunnelStreamsMax : kStreamsMax;
}

class Session {
 public:
  enum class Role : std::uint8_t { kServer, kClient };

  // writing: the patience with the peer as a whole
  Session(Role role, Carries carries, std::unique_ptr<net::Stream> stream, net::Patience writing);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session();

  net::Loop& loop() const { return loop_; }
  // Of the errors that are the peer's.
  Side peer_side() const { return role_ == Role::kServer ? Side::kDownstream : Side::kUpstream; }
  // Streams that are not destroyed yet.
  std::size_t open_streams() const { return open_streams_; }
  // The connection is gone, or about to be: no stream is to be had from it any more.
  bool ending() const { return ending_ || gone_; }
  // At the end: streams that are closed now are closed with the connection.
  bool dying() const { return dying_; }
  // From now on: when nothing has come for the interval the peer is asked by a PING, and when nothing comes
  // for the timeout after that, the connection is given up. Once; Duration::max(): never.
  void keep_alive(Duration interval, Duration timeout);
  // The peer's SETTINGS have come; every stream's wait ends when they do.
  bool settings_received() const { return settings_received_; }
  // A request may be a CONNECT with a :protocol (RFC 8441); known once the peer's SETTINGS have come.
  bool peer_takes_protocols() const;
  // How long a round trip took last, as far as it was measured: with tunnels through which much comes.
  Duration round_trip() const { return windows_.round_trip(); }
  bool kept_alive() const { return keepalive_interval_ != Duration::max(); }
  // Of the peer's GOAWAY, if one came.
  std::optional<ErrorCode> goodbye() const { return goodbye_; }

  // --- for its streams; flush() makes what was submitted go
  void submit_response(Stream& stream, int status, std::string_view date, const http::Fields& fields,
                       bool has_content);
  void submit_interim(Stream& stream, int status, const http::Fields& fields);
  // False: there are no stream identifiers left.
  bool submit_request(Stream& stream, std::span<const PseudoField> pseudo, const http::Fields& fields,
                      bool has_content);
  void submit_reset(std::int32_t id, ErrorCode why);
  void resume(Stream& stream);
  // The connection's window is open: what does not come is not held back here, by other streams' content.
  bool peer_may_send() const;
  // The windows may be opened by these bytes.
  void consumed(const Stream& stream, std::size_t bytes);
  // Packs what there is to send into the output, and sees to its being written in this turn of the loop.
  // While the session receives it does nothing: then it is done at the end of that.
  void flush();
  // The same at the end of this turn, for all that is submitted until then: nghttp2's code is run for many
  // streams at once while it is in the processor's cache.
  void flush_soon();
  // The windows and the output let so much content of the stream go, behind all that was left here before.
  bool lets_go(const Stream& stream, std::size_t bytes) const;

 protected:
  // streams_max: of the peer's making.
  void start(std::uint32_t streams_max);

  // Two tasks. Until the connection is done with, either way.
  net::Task<void> receive_all();
  // Until finish() and everything is written, or writing fails.
  net::Task<void> send_all();
  // Makes send_all() end.
  void finish();
  // Behind both: closes the stream, whoever still holds the session.
  void close();
  // Makes receive_all() end.
  void stop_receiving();
  bool write_failed() const { return gone_ || lost_; }
  // Behind a goodbye: no more is written, and what comes is dropped until the peer closes, or for a while.
  net::Task<void> linger(Duration timeout);

  // What came, and what follows from it.
  void take_in(net::Slice bytes);
  // Gives bytes to nghttp2; the server looks at them first.
  virtual void receive(net::Slice bytes) { feed(bytes); }
  void feed(net::Slice bytes);

  // GOAWAY that says: no more soon (RFC 9113 section 6.8).
  void submit_notice();
  // The last GOAWAY: streams under way end, then the connection.
  void submit_goaway(ErrorCode why);
  // GOAWAY at once, and nothing else is received.
  void die(ErrorCode why);
  // Of the GOAWAY by which the connection ended here; kNoError: it did not, or for no fault.
  ErrorCode death() const { return death_; }
  // Nothing is left to receive or to send.
  bool done() const;
  std::size_t queued_frames() const;
  std::uint32_t peer_streams_max() const;
  // Content that was left here is still here, and this is when some last came or went: the peer has narrowed
  // its windows meanwhile.
  std::optional<Instant> left_since() const;
  bool is_open(std::int32_t id) { return find(id) != nullptr; }
  // Closes every stream, because the connection is at its end: nghttp2 is not asked for output any more,
  // which could be theirs.
  void close_streams(ErrorCode why);

  std::int32_t last_opened() const { return last_opened_; }
  std::int32_t last_reset() const { return last_reset_; }
  // Grows with whatever comes.
  std::uint64_t receivings() const { return receivings_; }
  // Whose field section has begun and not ended; 0: none.
  std::int32_t section_id() const { return decoding_ == nullptr ? 0 : decoding_->id(); }

  // --- from nghttp2, while it receives or packs
  // A stream of the peer's; null: refuse it.
  virtual Stream* make_stream() { return nullptr; }
  // A stream was reset here for a fault of the peer's. refused: there were too many.
  virtual void on_stream_error(bool /*refused*/) {}
  virtual void on_data_sent() {}
  virtual void on_end_sent(Stream& /*stream*/) {}
  // After each take_in(), with nghttp2 at rest.
  virtual void on_received() {}

 private:
  friend class Stream;
  struct Callbacks;
  // The content of a PING that measures.
  static constexpr std::array<std::uint8_t, 8> kProbe = {'m', 'e', 'a', 's', 'u', 'r', 'e', 0};
  static nghttp2_session* make_session(Role role, Session& session);

  void forget(const Stream& stream);
  Stream* find(std::int32_t id);
  void wake_streams();
  void pack();
  void pack_all();
  std::size_t room() const { return kOutputBuffers * net::Buffer::kBytes - out_bytes_; }
  void append(net::Slice bytes);
  net::Stream::Slices output() const;
  void release_output();
  void break_off();
  void check_alive();
  bool carries_tunnels() const { return carries_ == Carries::kTunnels; }
  void open_connection();
  void measure();
  void grow_windows();

  struct KeepaliveTimer final : net::Timer {
    explicit KeepaliveTimer(Session& owner);
    Session& session;
  };

  Role role_;
  Carries carries_;
  net::Loop& loop_;
  std::unique_ptr<net::Stream> stream_;
  net::Patience writing_patience_;
  nghttp2_session* session_;

  // What goes out in one write: ten streams with a few kilobytes each, or half of what a socket takes.
  static constexpr std::size_t kOutputBuffers = 2;
  static_assert(kOutputBuffers <= net::StreamOperation::kSlicesMax);

  std::array<net::Buffer, kOutputBuffers> out_;  // packed, not yet written, from the first on
  std::size_t out_bytes_ = 0;
  net::Slice left_over_;  // of a frame of nghttp2's for which there was no room
  net::Event wake_;       // of send_all()
  net::Context* receiver_ = nullptr;
  bool receiving_ = false;
  bool packing_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool stopped_ = false;  // nothing more is received
  bool ending_ = false;   // a GOAWAY was sent or received
  bool gone_ = false;     // nothing can be sent any more
  bool dying_ = false;    // nghttp2's session is not used any more
  bool death_packed_ = false;
  bool settings_received_ = false;
  bool lost_ = false;  // the peer is not there any more
  ErrorCode death_ = ErrorCode::kNoError;
  std::optional<ErrorCode> goodbye_;

  Duration keepalive_interval_ = Duration::max();
  Duration keepalive_timeout_ = Duration::max();
  Instant received_at_{};  // the last that came; with a keepalive
  bool asked_ = false;     // by a PING, and nothing has come since
  KeepaliveTimer keepalive_timer_{*this};

  TunnelWindows windows_;        // with tunnels
  bool probe_answered_ = false;  // in this receiving

  std::uint64_t receivings_ = 0;
  Stream* streams_ = nullptr;  // intrusive list
  std::size_t open_streams_ = 0;
  std::size_t left_streams_ = 0;  // that were left here and have not gone yet
  std::size_t left_bytes_ = 0;    // of their content
  Instant left_since_;
  Stream* decoding_ = nullptr;  // whose field section is being received
  Stream* found_ = nullptr;     // by find(), last
  std::int32_t last_opened_ = 0;
  std::int32_t last_reset_ = 0;
};

}  // namespace weir::h2
