#include "h2/server_stream.h"

#include <algorithm>

#include "h2/head.h"
#include "h2/server_connection.h"

namespace weir::h2 {

using http::Known;

ServerStream::ServerStream(ServerConnection& connection)
    : Stream(connection), connection_(connection), request_{.head = head_, .peer = connection.peer_} {
  static_assert(sizeof(ServerStream) <= 8192, "the pool keeps nothing larger");
}

http::Fields& ServerStream::begin_section() {
  if (!head_received_) return head_.fields;
  trailers_ = std::make_unique<http::Fields>();
  return *trailers_;
}

void ServerStream::end_section(bool end_stream) {
  if (head_received_) {
    if (section_.too_large()) {
      content_.fail(
          {Code::kHeadTooLarge, Side::kDownstream, Retry::kNever, 0, "trailers larger than the limit"});
    }
    http::remove_forbidden_trailers(*trailers_);
    return;
  }
  head_received_ = true;
  const bool connects = connection_.handler_ != nullptr && is_connect(section_);
  if (auto settled = connects ? settle_connect(section_, head_) : settle_request(section_, end_stream, head_);
      !settled) {
    refusal_ = settled.error();
    connection_.offend(Offence::kHeadRefused);
  }
  wants_continue_ = head_.expect_continue;
  *connection_.to_start_end_ = this;
  connection_.to_start_end_ = &next_to_start;
}

void ServerStream::begin_request() {
  request_.arrived = connection_.loop().now();
  request_.version_major = 2;
  request_.local_port = connection_.local_port_;
  request_.scheme = connection_.scheme_;
  request_.tls = connection_.tls_.get();
  request_id_.assign(head_.fields.value_of(Known::kXRequestId), connection_.env().random);
  request_.id = request_id_.text();
  request_.interim = this;
  request_.client_rate_min = connection_.options().client_rate_min;
  content_body_.set_read_timeout(connection_.options().body_timeout);
  if (head_.upgrade) {
    request_.upgrade = this;
    request_.client_rate_min = 0;  // both may be silent: what ends it is take_up()'s time
  } else if (!content_at_end()) {
    request_.body = &content_body_;
  }
}

http::Body& ServerStream::take_up(Duration idle_timeout) {
  content_body_.set_read_timeout(idle_timeout);
  return content_body_;
}

// The end of both directions is the normal one; anything else takes the request from who serves it.
void ServerStream::on_closed(ErrorCode /*code*/) {
  if (context_ != nullptr && !end_sent() && !released()) context_->cancel();
  if (!head_received_) abandon();
}

void ServerStream::response_begins() {
  sending_ = net::Patience(connection_.options().write_timeout, request_.client_rate_min);
  if (!head_.upgrade) content_body_.wait_on();
}

void ServerStream::send_continue() {
  wants_continue_ = false;
  connection_.submit_interim(*this, 100, {});
  connection_.flush();
}

net::Task<Result<void>> ServerStream::send_interim(const http::ResponseHead& head) {
  if (closed()) co_return fail(Code::kReset, "the client reset the stream", Side::kDownstream);
  if (head.status == 101) co_return fail(Code::kInternal, "101 does not exist in HTTP/2");
  if (head.status == 100) {
    if (wants_continue_) send_continue();
    co_return Result<void>{};
  }
  connection_.submit_interim(*this, head.status, head.fields);
  connection_.flush();
  co_return Result<void>{};
}

bool ServerStream::RequestContent::allow(net::Slice piece) {
  if (piece.size() > allowed_) exceeded_ = true;
  if (!exceeded_) allowed_ -= piece.size();
  return !exceeded_;
}

net::Task<Result<net::Slice>> ServerStream::RequestContent::read() {
  if (pieces_ < 2) patience_ = net::Patience(timeout_, stream_.request_.client_rate_min);
  pieces_ = 2;
  if (stream_.wants_continue_) stream_.send_continue();
  if (!exceeded_) {
    auto piece = co_await stream_.read_content(patience_);
    if (!piece || allow(*piece)) co_return piece;
  }
  co_return fail(Code::kBodyTooLarge, "the content is larger than allowed", Side::kDownstream);
}

net::Slice ServerStream::RequestContent::take_buffered() {
  pieces_ = std::min(pieces_ + 1, 2U);
  if (exceeded_) return {};
  const net::Slice piece = stream_.take_content();
  return allow(piece) ? piece : net::Slice{};
}

bool ServerStream::RequestContent::rewind() {
  if (pieces_ == 1 && !exceeded_) {
    if (const std::size_t bytes = stream_.untake_content(); bytes > 0) {
      allowed_ += bytes;
      pieces_ = 0;
    }
  }
  return pieces_ == 0;
}

}  // namespace weir::h2
