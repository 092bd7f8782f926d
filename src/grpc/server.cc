#include "grpc/server.h"

#include <utility>

#include "base/check.h"
#include "grpc/metadata.h"
#include "h2/grpc.h"

namespace weir::grpc {
namespace {

using http::Known;

constexpr std::string_view kContentType = "application/grpc";
const Status kEnding{StatusCode::kUnavailable, "the server ends"};

// Views of the status, which stays as long as the fields.
class StatusFields {
 public:
  void add_to(http::Fields& fields, const Status& status) {
    fields.add("grpc-status", number_of(status.code));
    if (status.message.empty()) return;
    message_ = encode_message(beginning_of(status.message));
    fields.add("grpc-message", message_);
  }

 private:
  // Not amid a character.
  static std::string_view beginning_of(std::string_view message) {
    if (message.size() <= kStatusMessageBytesMax) return message;
    std::size_t end = kStatusMessageBytesMax;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U) --end;
    return message.substr(0, end);
  }
  std::string message_;
};

void begin_head(http::ResponseHead& head) {
  head.status = 200;
  head.fields.add(Known::kContentType, kContentType);
  head.fields.add("grpc-accept-encoding", "identity");
}

// All of an answer: Trailers-Only.
class StatusResponse final : public http::Response {
 public:
  explicit StatusResponse(const Status& status) {
    begin_head(head);
    fields_.add_to(head.fields, status);
  }
  net::Task<Result<net::Slice>> read() override { co_return net::Slice{}; }
  bool at_end() const override { return true; }

 private:
  StatusFields fields_;
};

// Behind "application/grpc": nothing, or what every client of Protocol Buffers says.
bool is_proto(std::string_view content_type) {
  const std::string_view subtype = content_type.substr(kContentType.size());
  if (!subtype.starts_with('+')) return true;
  return subtype.starts_with("+proto") && (subtype.size() == 6 || subtype[6] == ';' || subtype[6] == ' ');
}

// What is wrong with the head of a call.
std::optional<Status> refuse_head(const http::Fields& fields) {
  if (!is_proto(fields.value_of(Known::kContentType))) {
    return Status{StatusCode::kUnimplemented, "messages are application/grpc+proto here"};
  }
  const http::Field* encoding = fields.find("grpc-encoding");
  if (encoding != nullptr && encoding->value != "identity") {
    return Status{StatusCode::kUnimplemented, "compressed messages are not taken here"};
  }
  return std::nullopt;
}

}  // namespace

// --- the call

ServerCall::DeadlineTimer::DeadlineTimer(ServerCall& owner)
    : Timer([](net::Timer& timer) {
        static_cast<DeadlineTimer&>(timer).call.end(
            {StatusCode::kDeadlineExceeded, "the deadline of the call has passed"});
      }),
      call(owner) {}

ServerCall::ServerCall(Server& server, http::Request& request)
    : server_(server),
      request_(request),
      reader_(server.options_.message_bytes_max),
      handler_task_(server.loop_) {
  next_ = server_.calls_;
  link_ = &server_.calls_;
  if (next_ != nullptr) next_->link_ = &next_;
  server_.calls_ = this;
  ++server_.open_calls_;
  // A stream may be silent for days; its connection's keepalive finds out whether the client is there.
  request_.client_rate_min = 0;
  if (request_.body != nullptr) request_.body->set_read_timeout(Duration::max());
}

ServerCall::~ServerCall() {
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  --server_.open_calls_;
}

net::Loop& ServerCall::loop() const { return server_.loop_; }

void ServerCall::set_timeout(Duration timeout) {
  const Instant at = loop().deadline(timeout);
  if (at == Instant::max()) return;
  deadline_ = at;
  loop().arm(deadline_timer_, at);
}

net::Task<void> ServerCall::run(const Handler& handler) {
  Status status = co_await handler(*this);
  deadline_timer_.disarm();
  status_ = verdict_ ? *std::exchange(verdict_, std::nullopt) : std::move(status);
  handler_returned_ = true;
  outbox_changed_.set();
}

void ServerCall::end(Status verdict) {
  if (handler_returned_ || verdict_) return;
  verdict_ = std::move(verdict);
  handler_task_.cancel();
}

net::Task<Result<std::optional<std::string>>> ServerCall::read() {
  for (;;) {
    if (verdict_) co_return fail(Code::kCancelled, "the call has ended");
    std::string_view rest = net::as_text(piece_);
    std::optional<std::string> message = reader_.take(rest);
    piece_ = net::as_slice(rest);
    if (message) co_return message;
    if (reader_.failure()) {
      end(*reader_.failure());
      co_return fail(Code::kMalformed, "what the client sent is no message to be taken", Side::kDownstream);
    }
    if (request_.body == nullptr || request_.body->at_end()) break;
    const auto piece = co_await request_.body->read();
    if (!piece) co_return fail(piece.error());
    piece_ = *piece;
  }
  if (reader_.at_boundary()) co_return std::nullopt;
  end({StatusCode::kInternal, "the client half-closed amid a message"});
  co_return fail(Code::kMalformed, "the client half-closed amid a message", Side::kDownstream);
}

net::Task<Result<void>> ServerCall::write(std::string message) {
  while (outbox_.size() >= kOutboxBytesMax && !verdict_) {
    outbox_has_room_.reset();
    if (auto waited = co_await outbox_has_room_.wait(loop()); !waited) co_return fail(waited.error());
  }
  if (verdict_) co_return fail(Code::kCancelled, "the call has ended");
  append_message(outbox_, message);
  outbox_changed_.set();
  co_return Result<void>{};
}

// --- its response

class CallResponse final : public http::Response {
 public:
  CallResponse(Server& server, http::Request& request) : call_(server, request) {}

  // Starts the handler; until the head is known.
  net::Task<Result<void>> begin(const Handler& handler, std::optional<Duration> timeout) {
    if (timeout) call_.set_timeout(*timeout);
    call_.handler_task_.spawn(call_.run(handler));
    if (auto waited = co_await wait(); !waited) {
      co_await call_.handler_task_.stop();
      co_return waited;
    }
    begin_head(head);
    if (call_.outbox_.empty()) {
      status_fields_.add_to(head.fields, call_.status_);
    } else {
      head.framing = http::Framing::kChunked;
    }
    co_return Result<void>{};
  }

  net::Task<Result<net::Slice>> read() override {
    sending_.clear();
    if (call_.outbox_.empty()) {  // nothing is held while it waits; assigning would keep the memory
      std::string().swap(sending_);
      std::string().swap(call_.outbox_);
    }
    if (auto waited = co_await wait(); !waited) co_return fail(waited.error());
    co_return take_buffered();
  }
  net::Slice take_buffered() override {
    sending_.clear();
    std::swap(sending_, call_.outbox_);
    call_.outbox_has_room_.set();
    if (call_.handler_returned_ && trailers_ == nullptr) {
      trailers_ = std::make_unique<http::Fields>();
      status_fields_.add_to(*trailers_, call_.status_);
    }
    return net::as_slice(sending_);
  }
  bool at_end() const override { return call_.handler_returned_ && call_.outbox_.empty(); }
  const http::Fields* trailers() const override { return trailers_.get(); }
  bool settled() const override { return call_.handler_task_.size() == 0; }
  net::Task<void> settle() override { co_await call_.handler_task_.stop(); }

 private:
  // Until there is something to send, or the end of it.
  net::Task<Result<void>> wait() {
    while (call_.outbox_.empty() && !call_.handler_returned_) {
      call_.outbox_changed_.reset();
      if (auto waited = co_await call_.outbox_changed_.wait(call_.loop()); !waited) co_return waited;
    }
    co_return Result<void>{};
  }

  ServerCall call_;
  std::string sending_;
  StatusFields status_fields_;
  std::unique_ptr<http::Fields> trailers_;
};

// --- the server

Server::~Server() { WEIR_CHECK(calls_ == nullptr); }

void Server::add(std::string path, Handler handler) {
  WEIR_CHECK(path.starts_with('/') && handlers_.emplace(std::move(path), std::move(handler)).second);
}

void Server::end_calls() {
  ending_ = true;
  for (ServerCall* call = calls_; call != nullptr; call = call->next_) call->end(kEnding);
}

net::Task<Result<http::ResponsePtr>> Server::handle(http::Request& request) {
  const http::Fields& fields = request.head.fields;
  if (request.version_major != 2 || request.head.method != http::Method::kPost || !h2::is_grpc(fields)) {
    co_return http::refusal(415, "no_grpc", "only gRPC is spoken here", request.id);
  }
  if (auto refused = refuse_head(fields)) co_return std::make_unique<StatusResponse>(*refused);
  const auto handler = handlers_.find(request.head.path);
  if (handler == handlers_.end()) {
    co_return std::make_unique<StatusResponse>(
        Status{StatusCode::kUnimplemented, "no method " + std::string(request.head.path)});
  }
  if (ending_) co_return std::make_unique<StatusResponse>(kEnding);
  std::optional<Duration> timeout;
  if (const http::Field* told = fields.find("grpc-timeout"); told != nullptr) {
    timeout = parse_timeout(told->value);
    if (!timeout) {
      co_return std::make_unique<StatusResponse>(Status{StatusCode::kInternal, "grpc-timeout is none"});
    }
  }
  auto response = std::make_unique<CallResponse>(*this, request);
  if (auto begun = co_await response->begin(handler->second, timeout); !begun) co_return fail(begun.error());
  co_return response;
}

}  // namespace weir::grpc
