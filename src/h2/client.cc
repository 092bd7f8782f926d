#include "h2/client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "h2/client_stream.h"
#include "h2/limits.h"

namespace weir::h2 {
namespace {

constexpr Error kRefused{Code::kOverloaded, Side::kUpstream, Retry::kSafe, 0,
                         "the connection takes no more requests"};

// The response, and what it needs: its stream, the upload beside it.
class ClientResponse final : public http::Response {
 public:
  ClientResponse(ClientConnectionPtr connection, const http::ExchangeOptions& options)
      : connection_(std::move(connection)), options_(options) {
    connection_->exchange_begins();
  }
  ~ClientResponse() override {
    if (stream_ != nullptr) stream_->release(ErrorCode::kCancel);
    connection_->exchange_ends();
  }

  net::Task<Result<void>> run(const UpstreamHead& upstream, http::Request& request);

  net::Task<Result<net::Slice>> read() override {
    return settled() ? stream_->read_content(reading_) : read_beside_upload();
  }
  net::Slice take_buffered() override { return stream_->take_content(); }
  bool at_end() const override { return stream_->content_at_end(); }
  const http::Fields* trailers() const override { return stream_->trailers(); }
  bool settled() const override { return !upload_ || upload_->size() == 0; }
  net::Task<void> settle() override { co_await upload_->stop(); }

 private:
  bool client_failed() const { return !upload_result_ && upload_result_.error().side == Side::kDownstream; }
  net::Loop& loop() const { return connection_->loop(); }
  void set_unanswered(bool unanswered) const {
    if (options_.unanswered != nullptr) *options_.unanswered = unanswered;
  }
  Result<void> open_stream(const http::Request& request);
  net::Task<Result<void>> wait_for_settings();
  Result<void> submit(const UpstreamHead& upstream, http::Request& request);
  net::Task<Result<void>> receive(http::Request& request);
  net::Task<Result<bool>> receive_head(http::Request& request, Duration timeout);
  net::Task<Result<bool>> pass_interims(http::Request& request);
  net::Task<void> upload(http::Request& request);
  net::Task<void> relay_client(http::Upgrade& client);
  net::Task<Result<void>> send_content(http::Body& content);
  net::Task<Result<net::Slice>> read_beside_upload();
  // Nothing has moved for as long as read() waits, in the other direction neither: a stream of which only one
  // side speaks is not idle.
  bool silent(const Error& error) const {
    return error.code != Code::kTimedOut || loop().now() - moved_ >= options_.read_timeout;
  }
  Error timed_out() const;

  ClientConnectionPtr connection_;
  http::ExchangeOptions options_;
  net::Patience reading_{options_.read_timeout};
  net::Patience writing_{options_.write_timeout};
  ClientStream* stream_ = nullptr;
  std::uint64_t received_before_ = 0;          // by the connection
  Instant moved_ = connection_->loop().now();  // some content, in either direction
  bool continue_received_ = false;
  bool interims_received_ = false;
  std::optional<net::TaskGroup> upload_;  // there while the request's content is sent beside the response
  bool upload_ended_ = false;
  Result<void> upload_result_;
};

net::Task<Result<void>> ClientResponse::run(const UpstreamHead& upstream, http::Request& request) {
  if (auto opened = open_stream(request); !opened) co_return opened;
  if (request.upgrade != nullptr) {
    if (auto allowed = co_await wait_for_settings(); !allowed) co_return allowed;
  }
  if (auto submitted = submit(upstream, request); !submitted) co_return submitted;
  auto received = co_await receive(request);
  if (received && head.status == 101) {
    upload_.emplace(loop());
    upload_->spawn(relay_client(*request.upgrade));
  }
  if (!received && upload_) co_await upload_->stop();
  if (settled()) upload_.reset();
  co_return received;
}

Result<void> ClientResponse::open_stream(const http::Request& request) {
  if (!connection_->usable()) return fail(kRefused);
  if (connection_->exchanges_free() == 0 &&
      connection_->open_streams() >= connection_->streams_allowed() + kWaitingRequestsMax) {
    return fail(kRefused);
  }
  const bool switches = request.upgrade != nullptr;
  stream_ = new ClientStream(*connection_, head, switches ? http::Method::kConnect : request.head.method);
  return {};
}

// An origin says in its SETTINGS whether it takes WebSockets (RFC 8441 section 3). That it does not is no
// fault of its health.
net::Task<Result<void>> ClientResponse::wait_for_settings() {
  while (!connection_->settings_received()) {
    if (stream_->failure()) co_return fail(*stream_->failure());
    auto waited = co_await stream_->wait(options_.response_timeout);
    if (!waited && waited.error().code == Code::kTimedOut) co_return fail(timed_out());
    if (!waited) co_return waited;
  }
  if (connection_->peer_takes_protocols()) co_return Result<void>{};
  co_return fail(Code::kNotImplemented, "the endpoint takes no WebSockets over HTTP/2 (RFC 8441)");
}

// The head, and what has arrived of the content already, in one write.
Result<void> ClientResponse::submit(const UpstreamHead& upstream, http::Request& request) {
  const bool switches = request.upgrade != nullptr;
  received_before_ = connection_->received();
  http::Body* content = request.body;
  net::Slice first;
  if (content != nullptr && !request.head.expect_continue) first = content->take_buffered();
  const bool last = content == nullptr || content->at_end();
  const http::Fields* trailers = content != nullptr && last ? content->trailers() : nullptr;
  const bool has_content =
      switches || (content != nullptr && (!last || !first.empty() || trailers != nullptr));
  const auto pseudo = std::to_array<PseudoField>({{":method", switches ? "CONNECT" : upstream.method},
                                                  {":scheme", upstream.scheme},
                                                  {":authority", upstream.authority},
                                                  {":path", upstream.path},
                                                  {":protocol", "websocket"}});
  const auto said = std::span(pseudo).first(pseudo.size() - (switches ? 0 : 1));
  if (!connection_->submit_request(*stream_, said, upstream.fields, has_content)) {
    connection_->retire();
    return fail(kRefused);
  }
  if (has_content && !switches) stream_->send(first, last, trailers);
  connection_->flush();
  upload_ended_ = last;
  return {};
}

net::Task<Result<void>> ClientResponse::receive(http::Request& request) {
  if (!upload_ended_) {
    if (request.head.expect_continue) {
      const auto answered = co_await receive_head(request, kContinueWait);
      if (!answered && answered.error().code != Code::kTimedOut) co_return fail(answered.error());
      if (answered && stream_->head_received()) co_return Result<void>{};  // the content is not wanted
    }
    upload_.emplace(loop());
    upload_->spawn(upload(request));
  }
  // The origin's time to answer begins when it has the whole request. Until then the upload has its own
  // deadlines, and its end wakes this.
  for (bool sent = upload_ended_;; sent = upload_ended_) {
    const auto received = co_await receive_head(request, sent ? options_.response_timeout : Duration::max());
    if (client_failed()) co_return fail(upload_result_.error());
    if (!received) {
      co_return fail(received.error().code == Code::kTimedOut ? timed_out() : received.error());
    }
    if (stream_->head_received()) co_return Result<void>{};
  }
}

// True: a head to go on with is there, final or the 100 that starts the upload. False: the upload has ended.
net::Task<Result<bool>> ClientResponse::receive_head(http::Request& request, Duration timeout) {
  const Instant deadline = loop().deadline(timeout);
  const bool uploading = !upload_ended_;
  for (;;) {
    const auto continued = co_await pass_interims(request);
    if (!continued) co_return fail(continued.error());
    if (stream_->head_received()) co_return true;
    if (*continued && uploading && !upload_) co_return true;
    if (stream_->failure()) co_return fail(*stream_->failure());
    if (client_failed() || (uploading && upload_ended_)) co_return false;
    const Duration left = deadline == Instant::max() ? Duration::max() : deadline - loop().now();
    set_unanswered(upload_ended_ && !uploading && !interims_received_);
    auto waited = co_await stream_->wait(left);
    set_unanswered(false);
    if (!waited) co_return fail(waited.error());
  }
}

// True: the first 100 was among them.
net::Task<Result<bool>> ClientResponse::pass_interims(http::Request& request) {
  bool continued = false;
  while (const auto interim = stream_->take_interim()) {
    interims_received_ = true;
    if (request.interim != nullptr) {
      http::remove_hop_by_hop(interim->fields);
      if (auto sent = co_await request.interim->send_interim(*interim); !sent) co_return fail(sent.error());
    }
    if (interim->status == 100 && !std::exchange(continue_received_, true)) continued = true;
  }
  co_return continued;
}

// Nothing came on the whole connection: it may be dead, and gets no more requests.
Error ClientResponse::timed_out() const {
  if (connection_->received() == received_before_) connection_->retire();
  return {Code::kTimedOut, Side::kUpstream, Retry::kNever, 0, "the origin did not answer in time"};
}

// When the origin has stopped reading, its answer may still come: that failure is left to the reading side.
net::Task<void> ClientResponse::upload(http::Request& request) {
  upload_result_ = co_await send_content(*request.body);
  upload_ended_ = true;
  stream_->wake();
}

// After a 101, as in http/client.cc: a client that breaks off takes the origin's stream with it.
net::Task<void> ClientResponse::relay_client(http::Upgrade& client) {
  upload_result_ = co_await send_content(client.take_up(options_.switched_idle_timeout));
  if (!upload_result_ && upload_result_.error().code != Code::kCancelled) client.cut();
}

net::Task<Result<void>> ClientResponse::send_content(http::Body& content) {
  for (bool last = false;;) {
    if (!stream_->all_sent()) {
      if (auto sent = co_await stream_->wait_sent(writing_); !sent) co_return sent;
    }
    if (last || stream_->closed()) co_return Result<void>{};
    const auto piece = co_await content.read();
    if (!piece) co_return fail(piece.error());
    moved_ = loop().now();
    if (stream_->closed()) co_return Result<void>{};
    last = piece->empty() || content.at_end();
    stream_->send(*piece, last, last ? content.trailers() : nullptr);
    connection_->flush();
  }
}

net::Task<Result<net::Slice>> ClientResponse::read_beside_upload() {
  for (;;) {
    auto piece = co_await stream_->read_content(reading_);
    if (!piece && !silent(piece.error())) continue;
    if (piece) moved_ = loop().now();
    co_return piece;
  }
}

}  // namespace

net::Task<Result<http::ResponsePtr>> exchange(ClientConnectionPtr connection, UpstreamHead head,
                                              http::Request& request, http::ExchangeOptions options) {
  std::unique_ptr<ClientResponse> response(new ClientResponse(std::move(connection), options));
  if (auto received = co_await response->run(head, request); !received) co_return fail(received.error());
  co_return std::move(response);
}

// --- the pool

ClientPool::Waiter::~Waiter() {
  if (link == nullptr) return;
  *link = next;
  if (next != nullptr) next->link = link;
}

// The first with room: those behind it grow idle and are closed when they are not needed.
ClientConnectionPtr ClientPool::take() {
  std::erase_if(connections_, [](const ClientConnectionPtr& connection) { return !connection->usable(); });
  for (const ClientConnectionPtr& connection : connections_) {
    if (connection->exchanges_free() > 0) return connection;
  }
  if (connections_.size() < kConnectionsMax) return nullptr;
  return *std::ranges::min_element(connections_, {}, &ClientConnection::open_streams);
}

net::Task<Result<ClientConnectionPtr>> ClientPool::acquire(Opener& opener, Duration timeout) {
  for (;;) {
    if (ClientConnectionPtr connection = take()) co_return connection;
    if (waiting_ >= opening_ * streams_expected(carries_)) co_return co_await open(opener);
    if (auto waited = co_await wait(timeout); !waited) co_return fail(waited.error());
  }
}

net::Task<Result<ClientConnectionPtr>> ClientPool::open(Opener& opener) {
  ++opening_;
  auto stream = co_await opener.open();
  --opening_;
  Result<ClientConnectionPtr> opened;
  if (stream) {
    opened = add(std::move(*stream));
  } else {
    opened = fail(stream.error());
  }
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
    // Whose client has gone says nothing about the origin: another of them opens one.
    if (!opened && opened.error().code != Code::kCancelled) waiter->error = opened.error();
    waiter->signal.notify();
  }
  co_return opened;
}

net::Task<Result<void>> ClientPool::wait(Duration timeout) {
  Waiter waiter;
  waiter.next = waiters_;
  waiter.link = &waiters_;
  if (waiter.next != nullptr) waiter.next->link = &waiter.next;
  waiters_ = &waiter;
  ++waiting_;
  auto waited = co_await waiter.signal.wait(loop_, timeout);
  --waiting_;
  if (waiter.error) co_return fail(*waiter.error);
  if (waited) co_return waited;
  Error error = waited.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;
  co_return fail(error);
}

ClientConnectionPtr ClientPool::add(Opener::Opened opened) {
  auto connection =
      std::make_shared<ClientConnection>(std::move(opened.stream), write_timeout_, active_, carries_);
  connection->held = std::move(opened.held);
  group_.spawn(ClientConnection::run(connection));
  if (retired_) {
    connection->retire_when_idle();
  } else {
    connections_.push_back(connection);
  }
  return connection;
}

void ClientPool::close_idle_since(Instant before) {
  std::erase_if(connections_, [before](const ClientConnectionPtr& connection) {
    if (connection->open_streams() > 0 || connection->idle_since() > before) return false;
    connection->retire();
    return true;
  });
}

void ClientPool::close_all() {
  for (const ClientConnectionPtr& connection : connections_) connection->retire();
  connections_.clear();
}

void ClientPool::retire() {
  retired_ = true;
  close_all();
}

}  // namespace weir::h2
