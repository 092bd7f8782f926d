#include "h2/connect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "h2/client_stream.h"
#include "h2/server_connection.h"
#include "h2/session.h"
#include "net/timer.h"

namespace weir::h2 {
namespace {

// One stream of a connection; see connect.h.
class ConnectStream final : public net::Stream, private StreamWatch {
 public:
  // Takes the stream over, and releases it. connection: to be kept meanwhile; null: the owner sees to that.
  ConnectStream(h2::Stream& stream, std::shared_ptr<ClientConnection> connection);
  ~ConnectStream() override;

  std::size_t untaken_bytes() const override { return sending_bytes_; }
  Result<void> shutdown_write() override;
  void abort() override { aborted_ = true; }
  bool has_input() const override;
  bool peer_closed() const override { return stream_.closed() || stream_.content_received(); }
  void watch_hangup(net::HangupWatch* watch) override;

 private:
  // A hangup is told from the loop, never from within the session.
  struct HangupTimer final : net::Timer {
    explicit HangupTimer(ConnectStream& owner);
    ConnectStream& stream;
  };

  bool start(net::StreamOperation& operation) override;
  void forget(net::StreamOperation& operation) override;
  void on_received() override;
  void on_progress() override;
  bool try_read(net::StreamOperation& operation);
  bool try_write(net::StreamOperation& operation);
  void settle_sent(net::StreamOperation& operation);
  Error broken() const;

  h2::Stream& stream_;
  std::shared_ptr<ClientConnection> connection_;
  net::Slice piece_;  // of the content, not yet copied
  net::StreamOperation* reader_ = nullptr;
  net::StreamOperation* writer_ = nullptr;
  std::size_t sending_bytes_ = 0;  // given to the stream, not yet in the output
  net::HangupWatch* watch_ = nullptr;
  HangupTimer hangup_timer_{*this};
  bool aborted_ = false;
};

ConnectStream::HangupTimer::HangupTimer(ConnectStream& owner)
    : Timer([](net::Timer& timer) {
        ConnectStream& stream = static_cast<HangupTimer&>(timer).stream;
        if (stream.watch_ != nullptr) std::exchange(stream.watch_, nullptr)->on_hangup();
      }),
      stream(owner) {}

ConnectStream::ConnectStream(h2::Stream& stream, std::shared_ptr<ClientConnection> connection)
    : net::Stream(stream.session().loop()), stream_(stream), connection_(std::move(connection)) {
  stream_.become_tunnel();
  stream_.set_watch(this);
  if (connection_ != nullptr) connection_->exchange_begins();
}

// As of a socket: what was written goes out, and then the end, unless it was cut.
ConnectStream::~ConnectStream() {
  stream_.set_watch(nullptr);
  if (!aborted_) (void)shutdown_write();
  stream_.release(aborted_ ? ErrorCode::kConnectError : ErrorCode::kCancel);
  if (connection_ != nullptr) connection_->exchange_ends();
}

Result<void> ConnectStream::shutdown_write() {
  if (stream_.closed()) return fail(broken());
  if (stream_.end_given()) return {};
  stream_.send({}, true, nullptr);
  stream_.session().flush();
  return {};
}

bool ConnectStream::has_input() const { return !piece_.empty() || !stream_.content_empty() || peer_closed(); }

Error ConnectStream::broken() const {
  if (stream_.content_error()) return *stream_.content_error();
  return {Code::kReset, stream_.session().peer_side(), Retry::kNever, 0, "the stream is closed"};
}

bool ConnectStream::start(net::StreamOperation& operation) {
  if (operation.kind == net::StreamOperation::Kind::kWrite) {
    if (try_write(operation)) return true;
    writer_ = &operation;
  } else {
    if (try_read(operation)) return true;
    reader_ = &operation;
  }
  return false;
}

void ConnectStream::forget(net::StreamOperation& operation) {
  if (reader_ == &operation) reader_ = nullptr;
  if (writer_ != &operation) return;
  writer_ = nullptr;
  sending_bytes_ -= stream_.retract();
  settle_sent(operation);
}

void ConnectStream::settle_sent(net::StreamOperation& operation) {
  std::size_t sent = std::exchange(sending_bytes_, 0);
  operation.bytes_done += sent;
  for (net::Slice& slice : operation.from) {
    const std::size_t fitting = std::min(sent, slice.size());
    slice = slice.subspan(fitting);
    sent -= fitting;
  }
}

bool ConnectStream::try_read(net::StreamOperation& operation) {
  operation.result = std::size_t{0};
  if (piece_.empty()) piece_ = stream_.take_content();
  if (piece_.empty()) {
    if (stream_.content_at_end()) return true;
    if (stream_.content_error()) {
      operation.result = fail(*stream_.content_error());
      return true;
    }
    stream_.session().flush();  // the peer may be waiting for its windows
    return false;
  }
  if (operation.kind == net::StreamOperation::Kind::kReadable) return true;
  std::size_t copied = 0;
  while (copied < operation.into.size() && !piece_.empty()) {
    const std::size_t fitting = std::min(piece_.size(), operation.into.size() - copied);
    std::memcpy(operation.into.data() + copied, piece_.data(), fitting);
    copied += fitting;
    piece_ = piece_.subspan(fitting);
    if (piece_.empty()) piece_ = stream_.take_content();
  }
  operation.result = copied;
  return true;
}

bool ConnectStream::try_write(net::StreamOperation& operation) {
  for (;;) {
    if (stream_.closed() || stream_.end_given()) {
      operation.result = fail(broken());
      return true;
    }
    if (!stream_.all_sent()) return false;
    settle_sent(operation);
    const auto next = std::ranges::find_if(operation.from, [](net::Slice slice) { return !slice.empty(); });
    if (next == operation.from.end()) {
      operation.result = operation.bytes_done;
      return true;
    }
    sending_bytes_ = next->size();
    stream_.send(*next, false, nullptr);
    stream_.session().flush();
  }
}

// --- from within the session

void ConnectStream::on_received() {
  if (reader_ != nullptr) {
    if (try_read(*reader_)) std::exchange(reader_, nullptr)->resume_soon();
  } else if (watch_ != nullptr && peer_closed()) {
    loop().arm(hangup_timer_, loop().now());
  }
}

void ConnectStream::on_progress() {
  if (writer_ != nullptr && try_write(*writer_)) std::exchange(writer_, nullptr)->resume_soon();
}

void ConnectStream::watch_hangup(net::HangupWatch* watch) {
  watch_ = watch;
  hangup_timer_.disarm();
  if (watch_ != nullptr && peer_closed()) loop().arm(hangup_timer_, loop().now());
}

// --- who asks

constexpr Error kFull{Code::kOverloaded, Side::kUpstream, Retry::kSafe, 0,
                      "the connection takes no more streams"};

// A request of ours until it is answered.
class Asked {
 public:
  explicit Asked(ClientConnection& connection)
      : stream_(new ClientStream(connection, head_, http::Method::kConnect)) {}
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() {
    if (stream_ != nullptr) stream_->release(ErrorCode::kCancel);
  }

  ClientStream& stream() { return *stream_; }
  // Once there is a head, or a failure.
  Result<void> answer() const {
    if (stream_->failure()) {
      Error error = *stream_->failure();
      error.retry = Retry::kSafe;
      return fail(error);
    }
    if (head_.status == 101) return {};  // see settle_response()
    if (head_.status == 404) {
      return fail(
          {Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "the origin is not there any more"});
    }
    return fail({Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "the origin could not be reached"});
  }
  std::unique_ptr<net::Stream> take(std::shared_ptr<ClientConnection> connection) {
    return std::make_unique<ConnectStream>(*std::exchange(stream_, nullptr), std::move(connection));
  }

 private:
  http::ResponseHead head_;  // nothing is written to it once the final head is there
  ClientStream* stream_;
};

}  // namespace

net::Task<Result<std::unique_ptr<net::Stream>>> connect(std::shared_ptr<ClientConnection> connection,
                                                        ConnectHead head, Duration timeout) {
  if (!connection->usable() || (connection->settings_received() && connection->exchanges_free() == 0)) {
    co_return fail(kFull);
  }
  const Instant deadline = connection->loop().deadline(timeout);
  Asked asked(*connection);
  const auto pseudo = std::to_array<PseudoField>({{":method", "CONNECT"}, {":authority", head.authority}});
  if (!connection->submit_request(asked.stream(), pseudo, head.fields, true)) {
    connection->retire();
    co_return fail(kFull);
  }
  connection->flush();
  while (!asked.stream().head_received() && !asked.stream().failure()) {
    const bool endless = deadline == Instant::max();
    auto waited =
        co_await asked.stream().wait(endless ? Duration::max() : deadline - connection->loop().now());
    if (waited) continue;
    if (waited.error().code != Code::kTimedOut) co_return fail(waited.error());
    co_return fail({Code::kTimedOut, Side::kUpstream, Retry::kSafe, 0, "the origin was not reached in time"});
  }
  if (auto agreed = asked.answer(); !agreed) co_return fail(agreed.error());
  co_return asked.take(std::move(connection));
}

// --- who is asked

const http::RequestHead& ConnectRequest::head() const { return stream_->head(); }
const net::Address& ConnectRequest::peer() const { return connection_.peer_; }

std::unique_ptr<net::Stream> ConnectRequest::accept() {
  ServerStream& stream = *std::exchange(stream_, nullptr);
  if (stream.closed()) {
    connection_.stream_ends(stream, ErrorCode::kCancel);
    return nullptr;
  }
  connection_.submit_response(stream, 200, connection_.server_.date().now(), {}, true);
  auto tunnel = std::make_unique<ConnectStream>(stream, nullptr);
  connection_.flush();
  return tunnel;
}

void ConnectRequest::refuse(int status, std::string_view reason) {
  ServerStream& stream = *std::exchange(stream_, nullptr);
  http::Fields fields;
  fields.add("weir-reason", reason);
  connection_.submit_response(stream, status, connection_.server_.date().now(), fields, false);
  connection_.flush();
  connection_.stream_ends(stream, ErrorCode::kNoError);
}

}  // namespace weir::h2
