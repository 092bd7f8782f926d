#include "grpc/call.h"

#include <array>
#include <utility>

#include "h2/grpc.h"
#include "http/fields.h"

namespace weir::grpc {

using http::Known;

namespace {

// A server that sends what it was told not to send is at fault (gRPC's compression.md).
Status failure_of(Status failure) {
  if (failure.code == StatusCode::kUnimplemented) failure.code = StatusCode::kInternal;
  return failure;
}

}  // namespace

ClientCall::DeadlineTimer::DeadlineTimer(ClientCall& owner)
    : Timer([](net::Timer& timer) {
        static_cast<DeadlineTimer&>(timer).call.cut(
            {StatusCode::kDeadlineExceeded, "the deadline of the call has passed"});
      }),
      call(owner) {}

ClientCall::ClientCall(std::shared_ptr<h2::ClientConnection> connection, std::string_view scheme,
                       std::string_view authority, std::string_view path, const Metadata& metadata,
                       std::optional<Duration> timeout, Options options)
    : connection_(std::move(connection)), options_(options), reader_(options.message_bytes_max) {
  connection_->exchange_begins();
  submit(scheme, authority, path, metadata, timeout);
}

ClientCall::~ClientCall() {
  if (stream_ != nullptr) stream_->release(h2::ErrorCode::kCancel);
  connection_->exchange_ends();
}

void ClientCall::submit(std::string_view scheme, std::string_view authority, std::string_view path,
                        const Metadata& metadata, std::optional<Duration> timeout) {
  stream_ = new h2::ClientStream(*connection_, head_, http::Method::kPost);
  const auto pseudo = std::to_array<h2::PseudoField>(
      {{":method", "POST"}, {":scheme", scheme}, {":authority", authority}, {":path", path}});
  http::Fields fields;
  fields.add(Known::kTe, "trailers");
  fields.add(Known::kContentType, "application/grpc");
  fields.add(Known::kUserAgent, "weir");
  fields.add("grpc-accept-encoding", "identity");
  const std::string timeout_text = timeout ? format_timeout(*timeout) : "";
  if (timeout) fields.add("grpc-timeout", timeout_text);
  for (const auto& [name, value] : metadata) fields.add(name, value);
  if (!connection_->submit_request(*stream_, pseudo, fields, true)) {
    connection_->retire();
    stream_->release(h2::ErrorCode::kNoError);
    stream_ = nullptr;
    end({StatusCode::kUnavailable, "the connection takes no more calls"});
    return;
  }
  connection_->flush();
  if (!timeout) return;
  const Instant at = connection_->loop().deadline(*timeout);
  if (at != Instant::max()) connection_->loop().arm(deadline_timer_, at);
}

void ClientCall::end(Status status) {
  if (std::exchange(ended_, true)) return;
  status_ = std::move(status);
  deadline_timer_.disarm();
}

void ClientCall::cut(Status status) {
  end(std::move(status));
  if (stream_ == nullptr) return;
  stream_->reset(h2::ErrorCode::kCancel);
  connection_->flush();
  stream_->wake();
}

net::Task<Result<void>> ClientCall::write(std::string message) {
  const auto ended = fail(Code::kClosed, "the call has ended", Side::kUpstream);
  // A write that was cancelled has left a part of a message.
  if (!ended_ && !stream_->all_sent()) cut({StatusCode::kCancelled, "a message was not sent to its end"});
  if (ended_ || stream_->closed() || half_closed_) co_return ended;
  sending_.clear();
  append_message(sending_, message);
  stream_->send(net::as_slice(sending_), false, nullptr);
  connection_->flush();
  if (!stream_->all_sent()) {
    std::exchange(message, {});
    net::Patience writing(options_.write_timeout);
    const auto sent = co_await stream_->wait_sent(writing);
    if (!sent && sent.error().code == Code::kCancelled) co_return fail(sent.error());
    if (!sent && sent.error().code == Code::kTimedOut) {
      cut({StatusCode::kUnavailable, "the server does not take what is sent"});
      co_return fail(sent.error());
    }
  }
  std::string().swap(sending_);  // assigning would keep the memory
  if (stream_->closed()) co_return ended;
  co_return Result<void>{};
}

void ClientCall::half_close() {
  if (ended_ || stream_->closed() || std::exchange(half_closed_, true)) return;
  if (!stream_->all_sent()) {
    cut({StatusCode::kCancelled, "a message was not sent to its end"});
    return;
  }
  stream_->send({}, true, nullptr);
  connection_->flush();
}

net::Task<Result<std::optional<std::string>>> ClientCall::read() {
  for (;;) {
    std::string_view rest = net::as_text(piece_);
    std::optional<std::string> message = reader_.take(rest);
    piece_ = net::as_slice(rest);
    if (message) co_return message;
    if (reader_.failure()) cut(failure_of(*reader_.failure()));
    if (ended_) co_return std::nullopt;
    if (take_head()) {
      piece_ = stream_->take_content();
      if (!piece_.empty()) continue;
    }
    if (ended_) co_return std::nullopt;
    if (stream_->closed() || stream_->content_at_end()) {
      end(status_at_end());
      co_return std::nullopt;
    }
    connection_->flush();  // the server may be waiting for windows
    if (auto waited = co_await stream_->wait(Duration::max()); !waited) co_return fail(waited.error());
  }
}

// True: the head is there, and messages follow it.
bool ClientCall::take_head() {
  while (stream_->take_interim()) {
  }
  if (!stream_->head_received()) return false;
  if (head_read_) return true;
  head_read_ = true;
  if (head_.status == 200 && h2::is_grpc(head_.fields)) return true;
  cut(head_.fields.find("grpc-status") != nullptr
          ? status_in(head_.fields)
          : Status{status_for_http(head_.status), "HTTP status " + std::to_string(head_.status)});
  return false;
}

Status ClientCall::status_at_end() const {
  if (stream_->content_received() && head_read_) {
    const http::Fields* trailers = stream_->trailers();
    Status status = status_in(trailers != nullptr ? *trailers : head_.fields);
    if (status.ok() && !reader_.at_boundary()) {
      return {StatusCode::kInternal, "the answer ended amid a message"};
    }
    return status;
  }
  if (stream_->closed_with_connection()) return {StatusCode::kUnavailable, "the connection was lost"};
  const bool unseen = stream_->failure() && stream_->failure()->retry == Retry::kSafe;
  if (unseen) return {StatusCode::kUnavailable, stream_->failure()->text};
  return {status_for_reset(stream_->close_code()), "the server reset the stream"};
}

std::string_view ClientCall::metadata(std::string_view name) const {
  const http::Field* field = head_read_ ? head_.fields.find(name) : nullptr;
  return field == nullptr ? std::string_view() : field->value;
}

}  // namespace weir::grpc
