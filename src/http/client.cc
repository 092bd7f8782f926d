#include "http/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "http/h1_chunked.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "net/task_group.h"

namespace weir::http {
namespace {

// How long an origin may keep silent about "Expect: 100-continue" before the content is sent anyway.
constexpr Duration kContinueWait = std::chrono::seconds(1);
constexpr unsigned kInterimMax = 32;  // 1xx responses to one request
constexpr Duration kForever = std::chrono::hours(24 * 365);

Error upstream_error(Error error, Retry retry) {
  error.side = Side::kUpstream;
  error.retry = retry;
  return error;
}

// The response, and what it needs: its connection, the upload beside it.
class ClientResponse final : public Response {
 public:
  ClientResponse(ClientConnectionPtr connection, std::shared_ptr<ClientPool> home,
                 const ExchangeOptions& options)
      : connection_(std::move(connection)), home_(std::move(home)), options_(options) {
    home_->exchange_begins();
  }
  ~ClientResponse() override {
    home_->exchange_ends();
    const bool complete = body_ && body_->at_end() && body_->rest().empty();
    if (complete && keep_alive_ && request_sent_ && settled() && connection_->reusable()) {
      connection_->used_before = true;
      connection_->idle_since = now();
      home_->give(std::move(connection_));
    }
  }

  static net::Task<Result<ResponsePtr>> run(std::unique_ptr<ClientResponse> response, net::Slice serialised,
                                            Request& request);

  net::Task<Result<net::Slice>> read() override {
    release_head();
    return body_->read();
  }
  net::Slice take_buffered() override { return body_->take_buffered(); }
  bool at_end() const override { return body_->at_end(); }
  net::Task<net::Pumped> pump_to(net::Stream& to, net::Patience& writing) override {
    release_head();
    return body_->pump_to(to, writing);
  }
  const Fields* trailers() const override { return body_->trailers(); }
  bool settled() const override { return !upload_ || upload_->size() == 0; }
  net::Task<void> settle() override { co_await upload_->stop(); }

 private:
  enum class Parsed : std::uint8_t { kNone, kInterim, kFinal };
  void set_unanswered(bool unanswered) const {
    if (options_.unanswered != nullptr) *options_.unanswered = unanswered;
  }
  // Content may be long in coming, and nobody looks at the head any more.
  void release_head() {
    if (body_->rest().empty()) buffer_.release();
  }
  bool client_failed() const { return !upload_result_ && upload_result_.error().side == Side::kDownstream; }
  Instant now() const { return connection_->stream().loop().now(); }
  net::Stream& stream() { return connection_->stream(); }
  net::Stream::Slices first_slices(net::Slice serialised, Request& request);
  net::Task<Result<void>> exchange_with_body(Request& request);
  net::Task<Result<void>> receive_head(Request& request, Duration timeout);
  Result<Parsed> parse_one(Request& request);
  net::Task<void> upload(Request& request);
  net::Task<void> relay_client(Upgrade& client);
  net::Task<Result<void>> send_content(Request& request);

  ClientConnectionPtr connection_;
  std::shared_ptr<ClientPool> home_;
  ExchangeOptions options_;
  net::Buffer buffer_;
  std::size_t begin_ = 0;  // received and not yet used: [begin_, end_) of buffer_
  std::size_t end_ = 0;
  unsigned interims_ = 0;
  bool continue_received_ = false;
  bool request_sent_ = false;
  bool keep_alive_ = false;
  std::optional<H1Body> body_;
  std::optional<net::TaskGroup> upload_;  // there while the request's content is sent beside the response
  net::Context* waiting_ = nullptr;       // waits for the head during an upload
  bool upload_ended_ = false;
  Result<void> upload_result_;
};

// One frame for all of a request without content: it stays while the origin thinks.
net::Task<Result<ResponsePtr>> ClientResponse::run(std::unique_ptr<ClientResponse> response,
                                                   net::Slice serialised, Request& request) {
  ClientResponse& self = *response;
  const net::Stream::Slices slices = self.first_slices(serialised, request);
  self.set_unanswered(self.request_sent_);
  auto written = co_await self.stream().write(slices, self.options_.write_timeout);
  if (!written) co_return fail(upstream_error(written.error(), Retry::kIfIdempotent));
  Result<void> received;
  if (self.request_sent_) {
    received = co_await self.receive_head(request, self.options_.response_timeout);
  } else {
    received = co_await self.exchange_with_body(request);
    if (!received && self.upload_) co_await self.upload_->stop();
    if (self.settled()) self.upload_.reset();
  }
  if (!received) co_return fail(received.error());
  co_return std::move(response);
}

// The head, and what has arrived of the content already, in one write.
net::Stream::Slices ClientResponse::first_slices(net::Slice serialised, Request& request) {
  net::Stream::Slices slices{serialised, {}, {}};
  if (request.body != nullptr && request.head.framing == Framing::kLength && !request.head.expect_continue) {
    slices[1] = request.body->take_buffered();
  }
  request_sent_ = request.body == nullptr || request.body->at_end();
  return slices;
}

net::Task<Result<void>> ClientResponse::exchange_with_body(Request& request) {
  if (request.head.expect_continue) {
    auto answered = co_await receive_head(request, kContinueWait);
    if (answered && !continue_received_)
      co_return Result<void>{};  // a final response: the content is not wanted
    if (!answered && answered.error().code != Code::kTimedOut) co_return answered;
  }
  waiting_ = &co_await net::current_context();
  upload_.emplace(stream().loop());
  upload_->spawn(upload(request));
  Result<void> received;
  do {
    // The origin's time to answer begins when it has the whole request. Until then the upload has its own
    // deadlines, and its end is a nudge here.
    if (client_failed()) break;
    received = co_await receive_head(request, upload_ended_ ? options_.response_timeout : kForever);
  } while (!received && received.error().code == Code::kCancelled && !waiting_->cancelled());
  waiting_ = nullptr;
  // An origin that refuses the content may close before it has it all: its answer counts, not the failed
  // sending.
  if (client_failed()) co_return fail(upload_result_.error());
  co_return received;
}

// When the origin has stopped reading, its answer may still come: that failure is left to the reading side.
net::Task<void> ClientResponse::upload(Request& request) {
  upload_result_ = co_await send_content(request);
  upload_ended_ = true;
  request_sent_ = upload_result_.has_value();
  if (waiting_ != nullptr) waiting_->interrupt();
}

// After a 101: what the client sends goes on as it is, its end too. A client that breaks off takes the
// origin's connection with it, which ends the other direction. Cancelled, the exchange has ended already.
net::Task<void> ClientResponse::relay_client(Upgrade& client) {
  net::Patience writing(options_.write_timeout);
  const net::Pumped pumped =
      co_await client.take_up(options_.switched_idle_timeout).pump_to(stream(), writing);
  const bool ended = pumped.result && stream().shutdown_write();
  const bool cancelled = !pumped.result && pumped.result.error().code == Code::kCancelled;
  if (!ended && !cancelled) client.cut();
}

net::Task<Result<void>> ClientResponse::send_content(Request& request) {
  Body& content = *request.body;
  if (request.head.framing == Framing::kLength) {
    net::Patience writing(options_.write_timeout);
    const net::Pumped pumped = co_await content.pump_to(stream(), writing);
    if (pumped.result) co_return Result<void>{};
    Error error = pumped.result.error();
    error.side = pumped.read_failed ? Side::kDownstream : Side::kUpstream;
    co_return fail(error);
  }
  while (!content.at_end()) {
    const auto piece = co_await content.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    const ChunkHead chunk(piece->size());
    auto written = co_await stream().write({net::as_slice(chunk.text()), *piece, net::as_slice(kChunkEnd)},
                                           options_.write_timeout);
    if (!written) co_return fail(upstream_error(written.error(), Retry::kNever));
  }
  const net::Buffer out = net::Buffer::acquire();
  HeadWriter writer(out.span());
  writer.raw(kLastChunkHead);
  if (const Fields* trailers = content.trailers(); trailers != nullptr) writer.fields(*trailers);
  const auto bytes = writer.finish();
  if (!bytes) co_return fail(bytes.error());
  auto written = co_await stream().write(out.span().first(*bytes), options_.write_timeout);
  if (!written) co_return fail(upstream_error(written.error(), Retry::kNever));
  co_return Result<void>{};
}

// Until a final head, or a 100 that starts the upload.
net::Task<Result<void>> ClientResponse::receive_head(Request& request, Duration timeout) {
  const Instant deadline = now() + timeout;
  for (;;) {
    while (begin_ != end_) {
      const auto parsed = parse_one(request);
      if (!parsed) co_return fail(parsed.error());
      if (*parsed == Parsed::kFinal) co_return Result<void>{};
      if (*parsed == Parsed::kNone) break;
      if (request.interim != nullptr) {
        remove_hop_by_hop(head.fields);
        if (auto sent = co_await request.interim->send_interim(head); !sent) co_return fail(sent.error());
      }
      if (head.status == 100 && request.head.expect_continue && !continue_received_) {
        continue_received_ = true;
        co_return Result<void>{};
      }
    }
    const Retry retry = begin_ == end_ && interims_ == 0 ? Retry::kIfIdempotent : Retry::kNever;
    if (!buffer_) {
      const auto ready = co_await stream().readable(deadline - now());
      if (!ready) {
        const bool no_answer = ready.error().code == Code::kTimedOut;
        co_return fail(upstream_error(ready.error(), no_answer ? Retry::kNever : retry));
      }
      buffer_ = net::Buffer::acquire();
    }
    const auto got = co_await stream().read(buffer_.span().subspan(end_), deadline - now());
    if (!got) {
      const bool no_answer = got.error().code == Code::kTimedOut;
      co_return fail(upstream_error(got.error(), no_answer ? Retry::kNever : retry));
    }
    if (*got == 0)
      co_return fail(Code::kClosed, "the origin closed without an answer", Side::kUpstream, retry);
    set_unanswered(false);
    end_ += *got;
  }
}

// One head out of the buffer.
Result<ClientResponse::Parsed> ClientResponse::parse_one(Request& request) {
  const net::Slice received = buffer_.span().subspan(begin_, end_ - begin_);
  const auto parsed = parse_response_head(net::as_text(received), request.head.method, head);
  if (!parsed) return fail(parsed.error());
  if (*parsed == 0) return Parsed::kNone;
  begin_ += *parsed;
  if (head.status >= 200) {
    keep_alive_ = std::exchange(head.keep_alive, true);  // of this connection; the client's is another matter
    body_.emplace(stream(), Side::kUpstream, head.framing, head.content_length, received.subspan(*parsed),
                  net::Patience(options_.read_timeout));
    return Parsed::kFinal;
  }
  if (head.status == 101) {
    if (request.upgrade == nullptr)
      return fail(Code::kMalformed, "an upgrade that nobody asked for", Side::kUpstream);
    body_.emplace(stream(), Side::kUpstream, Framing::kUntilClose, 0, received.subspan(*parsed),
                  net::Patience(options_.read_timeout));
    body_->switch_protocols(options_.switched_idle_timeout);
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
    upload_.emplace(stream().loop());
    upload_->spawn(relay_client(*request.upgrade));
    return Parsed::kFinal;
  }
  if (++interims_ > kInterimMax) return fail(Code::kMalformed, "too many interim responses", Side::kUpstream);
  return Parsed::kInterim;
}

}  // namespace

ClientConnectionPtr ClientPool::take(const net::Address& client) {
  for (auto last = idle_.end(); last != idle_.begin();) {
    if ((*--last)->client != client) continue;
    ClientConnectionPtr connection = std::move(*last);
    last = idle_.erase(last);
    if (last != idle_.begin()) __builtin_prefetch(std::prev(last)->get());  // for who comes next
    if (connection->reusable()) return connection;
  }
  return nullptr;
}

void ClientPool::give(ClientConnectionPtr connection) {
  if (retired_ || idle_.size() >= kIdleMax) return;
  idle_.push_back(std::move(connection));
}

void ClientPool::close_idle_since(Instant before) {
  const auto young = std::ranges::find_if(
      idle_, [before](const auto& connection) { return connection->idle_since > before; });
  idle_.erase(idle_.begin(), young);
}

void ClientPool::retire() {
  retired_ = true;
  idle_.clear();
}

net::Task<Result<ResponsePtr>> exchange(ClientConnectionPtr connection, std::shared_ptr<ClientPool> home,
                                        net::Slice head, Request& request, ExchangeOptions options) {
  std::unique_ptr<ClientResponse> response(
      new ClientResponse(std::move(connection), std::move(home), options));
  return ClientResponse::run(std::move(response), head, request);
}

}  // namespace weir::http
