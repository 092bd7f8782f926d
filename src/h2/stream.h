// Stream: one stream of a Session (RFC 9113 section 5), what both sides have in common: the head as it is
// decoded, the content that comes, the content that goes. It is used by one task, or by two of which one
// sends and the other receives; both end, and release() it, before or after the wire has closed it, and only
// then it is destroyed. On the core of its session.
#pragma once

#include <cstdint>

#include "h2/content.h"
#include "h2/field_section.h"
#include "h2/frame_scanner.h"
#include "h2/limits.h"
#include "h2/signal.h"
#include "http/fields.h"
#include "net/frame_pool.h"
#include "net/patience.h"
#include "net/task.h"

namespace weir::h2 {

class Session;

// Told of what happens to a stream, in place of a task that waits for it. From within the session: it only
// notes it, or wakes somebody for the loop's next turn.
class StreamWatch {
 public:
  virtual void on_received() = 0;  // content, its end, or an error
  virtual void on_progress() = 0;  // of what is sent

 protected:
  ~StreamWatch() = default;
};

class Stream : public net::Pooled {
 public:
  explicit Stream(Session& session);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream();

  std::int32_t id() const { return id_; }  // 0: of a request that was not submitted
  // The wire is done with it: both sides have ended, or one has reset it, or the connection is gone.
  bool closed() const { return closed_; }

  // --- content that comes
  // The next piece, valid until the next call; empty when nothing is here. Opens the windows by what was
  // taken before.
  net::Slice take_content();
  // The same, waiting; empty at the end. The patience is the peer's; it may be replaced meanwhile. The rate
  // is that of the whole connection: each of its streams has its share.
  net::Task<Result<net::Slice>> read_content(net::Patience& patience);
  // See Content::untake().
  std::size_t untake_content() { return content_.untake(); }
  bool content_at_end() const { return content_.ended() && content_.empty(); }
  bool content_received() const { return content_.ended(); }
  bool content_empty() const { return content_.empty(); }
  // Why no more comes.
  const std::optional<Error>& content_error() const { return content_.error(); }
  std::uint64_t content_bytes_received() const { return content_.received_bytes(); }

  // --- content that goes
  // What follows in the content; `last`: nothing follows, but these trailers if not null. All that was given
  // before is sent. The bytes and trailers stay valid until all_sent().
  void send(net::Slice piece, bool last, const http::Fields* trailers);
  // In place of send() and flush(), with all of a short content, or none, when the windows let it go at once:
  // it is copied here and goes out at the end of this turn (see Session::flush_soon). Its user need not wait
  // for that, and can release() the stream. False: nothing was done.
  bool leave(net::Slice piece);
  // All that was given has been copied into the output (after the last piece: and the end with it), or the
  // stream is closed.
  bool all_sent() const { return closed_ || left_ || (last_ ? end_sent_ : rest_.empty()); }
  // Until all_sent(). The patience is as above; without a rate, it is for the peer to take kSlowestBytes.
  net::Task<Result<void>> wait_sent(net::Patience& patience);
  // Nothing follows what was given.
  bool end_given() const { return last_; }
  bool end_sent() const { return end_sent_; }
  // Of the content, as far as it has been copied into the output or left.
  std::uint64_t content_bytes_sent() const { return content_bytes_sent_; }

  // A request of ours is on the wire, or has been.
  bool head_sent() const { return head_sent_; }

  // Takes back what send() was given and is not in the output yet; how many bytes that is.
  std::size_t retract();

  // --- a tunnel (RFC 9113 section 8.5)
  // From now on each direction ends by itself. watch: until null is given.
  void become_tunnel() { tunnel_ = true; }
  bool is_tunnel() const { return tunnel_; }
  void set_watch(StreamWatch* watch) { watch_ = watch; }
  Session& session() const { return session_; }

  // Both directions end here and now.
  void reset(ErrorCode why);
  // Nobody uses it any more; resets it when it is not finished. (Of a tunnel whose end was given: behind
  // that.) It may be destroyed by this, as is one that never came to be on the wire.
  void release(ErrorCode why);

 protected:
  // --- from the session, while it receives or packs: nobody is resumed before the loop's next turn
  // Where the fields of the section go that begins now.
  virtual http::Fields& begin_section() = 0;
  // It is complete; behind it comes content, or not.
  virtual void end_section(bool end_stream) = 0;
  // Once. The code is that of the RST_STREAM or GOAWAY by which it ended; kNoError: both sides have ended.
  virtual void on_closed(ErrorCode /*code*/) {}
  // In on_closed(): it had no user yet who could release() it.
  void abandon() { released_ = true; }

  bool released() const { return released_; }

  Session& session_;
  Arena arena_;
  FieldSection section_{arena_};
  Content content_;
  Signal received_;  // content, its end, or an error
  Signal progress_;  // of what is sent

 private:
  friend class Session;
  Error late(const net::Patience& patience, Duration quiet) const;
  void note_received() {
    received_.notify();
    if (watch_ != nullptr) watch_->on_received();
  }
  void note_progress() {
    progress_.notify();
    if (watch_ != nullptr) watch_->on_progress();
  }
  // A longer piece is copied once only, into the output.
  static constexpr std::size_t kLeftBytesMax = 4096;
  void close(ErrorCode code);

  std::int32_t id_ = 0;
  bool closed_ = false;
  bool released_ = false;
  bool reset_here_ = false;  // on purpose, not for a fault of the peer's
  bool tunnel_ = false;
  StreamWatch* watch_ = nullptr;
  std::int32_t window_bytes_ = kTunnelWindowBytes;  // of a tunnel
  std::uint64_t read_at_probe_ = 0;  // of the content, when the last measuring of a round trip began
  // --- the data source that nghttp2 reads
  bool head_sent_ = false;
  bool has_source_ = false;
  bool deferred_ = false;  // nghttp2 was told that nothing is here
  bool last_ = false;
  bool left_ = false;
  bool end_sent_ = false;
  net::Slice rest_;  // given, not yet in the output
  std::uint64_t content_bytes_sent_ = 0;
  const http::Fields* trailers_ = nullptr;
  // --- in the session's list
  Stream* next_ = nullptr;
  Stream** link_ = nullptr;
};

}  // namespace weir::h2
