#include "h2/server_connection.h"

#include <algorithm>
#include <utility>

#include "h2/grpc.h"
#include "h2/limits.h"

namespace weir::h2 {
namespace {

constexpr std::size_t kPrefaceBytes = 24;  // RFC 9113 section 3.4

}  // namespace

std::unique_ptr<http::Connection> make_connection(http::Server& server, http::Incoming incoming) {
  return std::make_unique<ServerConnection>(server, std::move(incoming), nullptr);
}

std::unique_ptr<http::Connection> make_tunnel_connection(http::Server& server, http::Incoming incoming,
                                                         ConnectHandler& handler) {
  return std::make_unique<ServerConnection>(server, std::move(incoming), &handler);
}

ServerConnection::Watch::Watch(ServerConnection& watched)
    : Timer([](net::Timer& timer) { static_cast<Watch&>(timer).connection.watch(); }), connection(watched) {}

ServerConnection::ServerConnection(http::Server& server, http::Incoming incoming, ConnectHandler* handler)
    : Connection(server),
      Session(Role::kServer, handler == nullptr ? Carries::kRequests : Carries::kTunnels,
              std::move(incoming.stream),
              net::Patience(server.options().write_timeout, server.options().client_rate_min)),
      server_(server),
      handler_(handler),
      peer_(incoming.peer),
      local_port_(incoming.local_port),
      scheme_(incoming.scheme),
      tls_(std::move(incoming.tls)),
      received_(std::move(incoming.buffer)),
      begin_(incoming.begin),
      end_(incoming.end),
      tasks_(loop()),
      sender_(loop()),
      preface_left_(kPrefaceBytes),
      began_(loop().now()),
      idle_since_(began_) {}

ServerConnection::~ServerConnection() = default;

net::Task<void> ServerConnection::run() {
  context_ = &co_await net::current_context();
  sender_.spawn(send_all());
  start(handler_ == nullptr ? kStreamsMax : kTunnelStreamsMax);
  keep_alive(options().keepalive_interval, options().keepalive_timeout);
  if (server_.draining()) drain();
  watch();
  if (begin_ != end_) take_in(received_.span().subspan(begin_, end_ - begin_));
  received_.release();
  co_await receive_all();

  watch_.disarm();
  flush();  // what streams have left here
  close_streams(ErrorCode::kCancel);
  co_await tasks_.stop();
  if (!context_->cancelled() && !write_failed()) {
    finish();
    co_await sender_.join();
    co_await linger(options().linger_timeout);
  }
  co_await sender_.stop();
}

void ServerConnection::drain() { submit_notice(); }

void ServerConnection::end_when_idle() {
  if (std::exchange(said_last_, true)) return;
  submit_goaway(ErrorCode::kNoError);
}

// --- requests

Stream* ServerConnection::make_stream() {
  offend(Offence::kStreamOpened);
  const std::size_t tasks_max = handler_ == nullptr ? kStreamTasksMax : 2 * kTunnelStreamsMax;
  if (open_streams() >= tasks_max || dying()) return nullptr;
  return new ServerStream(*this);
}

// Behind the receiving, so that a request that is given up in the same read costs no task.
void ServerConnection::start_streams() {
  while (to_start_ != nullptr) {
    ServerStream& stream = *to_start_;
    to_start_ = stream.next_to_start;
    if (to_start_ == nullptr) to_start_end_ = &to_start_;
    if (stream.closed() || dying()) {
      stream_ends(stream, ErrorCode::kCancel);
    } else {
      tasks_.spawn(stream.head().method == http::Method::kConnect && !stream.refusal() ? serve_connect(stream)
                                                                                       : serve(stream));
    }
  }
}

net::Task<void> ServerConnection::serve(ServerStream& stream) {
  net::Context& context = co_await net::current_context();
  stream.set_context(&context);
  stream.begin_request();
  Result<http::ResponsePtr> response;
  if (stream.refusal()) {
    server_.counters().refused.add();
    server_.service().refused(stream.request(), *stream.refusal());
    response = http::error_response(*stream.refusal(), stream.request().id);
  } else {
    server_.counters().requests.add();
    response = co_await server_.service().handle(stream.request());
  }
  if (!response) {
    const Error& error = response.error();
    // The client has given it up, or this connection was told to stop: there is nobody to answer.
    if (error.code == Code::kCancelled || stream.closed()) {
      give_up(stream, Side::kDownstream, error);
      request_ends(stream, ErrorCode::kCancel);
      co_return;
    }
    if (error.side == Side::kDownstream && is_late(error.code)) offend(Offence::kStalled);
    response = http::error_response(error, stream.request().id);
  }
  // Over HTTP/2 any 2xx would be an agreement to what was asked for.
  if (stream.request().upgrade != nullptr && (*response)->head.status / 100 == 2) {
    response = http::error_response({.code = Code::kNotImplemented, .text = "no WebSocket is served here"},
                                    stream.request().id);
  }
  const bool complete = begin_response(stream, **response) || co_await finish_response(stream, **response);
  if (!(*response)->settled()) co_await (*response)->settle();
  response->reset();
  const ErrorCode broken =
      stream.request().upgrade == nullptr ? ErrorCode::kInternalError : ErrorCode::kCancel;
  request_ends(stream, complete ? ErrorCode::kNoError : broken);
}

net::Task<void> ServerConnection::serve_connect(ServerStream& stream) {
  stream.set_context(&co_await net::current_context());
  server_.counters().requests.add();
  ConnectRequest request(*this, stream);
  co_await handler_->serve(request);
  if (!request.answered()) request.refuse(500, "no answer");
  idle_since_ = loop().now();
}

// Gives the head and what is there of the content away. True: that is all of it, and it is on its way.
bool ServerConnection::begin_response(ServerStream& stream, http::Response& response) {
  const http::ResponseHead& head = response.head;
  stream.end.status = head.status;
  server_.counters().responses[static_cast<std::size_t>(head.status / 100) % 6].add();
  if (!response.refusal.empty() && is_grpc(stream.head().fields)) tell_as_grpc(response);
  const bool no_content = stream.head().method == http::Method::kHead ||
                          head.framing == http::Framing::kNone || head.status == 204 || head.status == 304;
  const net::Slice first = no_content ? net::Slice{} : response.take_buffered();
  const bool last = no_content || response.at_end();
  const http::Fields* trailers = last && !no_content ? response.trailers() : nullptr;
  const bool has_trailers = trailers != nullptr && !trailers->empty();
  const bool has_content = !last || !first.empty() || has_trailers;
  const bool switched = head.status == 101;  // which over HTTP/2 is 200 (RFC 8441 section 5)
  submit_response(stream, switched ? 200 : head.status, server_.date().now(), head.fields, has_content);
  if (!head.keep_alive && !switched) end_when_idle();
  if (!stream.closed()) stream.end.head_sent = loop().now();
  if (last && !has_trailers && stream.leave(first)) return true;
  stream.response_begins();
  if (has_content) stream.send(first, last, trailers);
  flush();
  return false;
}

// True: all of the response was sent.
net::Task<bool> ServerConnection::finish_response(ServerStream& stream, http::Response& response) {
  if (!stream.all_sent()) {
    const auto sent = co_await stream.wait_sent(stream.sending());
    if (!sent) co_return not_taken(stream, sent.error());
  }
  if (stream.end_given() || stream.closed())
    co_return stream.end_sent() || not_taken(stream, {.code = Code::kReset});
  co_return co_await send_content(stream, response);
}

net::Task<bool> ServerConnection::send_content(ServerStream& stream, http::Response& response) {
  for (bool last = false; !last;) {
    const auto piece = co_await response.read();
    if (stream.closed()) co_return not_taken(stream, {.code = Code::kReset});
    if (!piece) co_return give_up(stream, Side::kUpstream, piece.error());
    last = piece->empty() || response.at_end();
    stream.send(*piece, last, last ? response.trailers() : nullptr);
    flush();
    if (stream.all_sent()) continue;
    const auto sent = co_await stream.wait_sent(stream.sending());
    if (!sent) co_return not_taken(stream, sent.error());
  }
  co_return stream.end_sent() || not_taken(stream, {.code = Code::kReset});
}

bool ServerConnection::not_taken(ServerStream& stream, const Error& error) {
  give_up(stream, Side::kDownstream, error);
  if (is_late(error.code)) offend(Offence::kStalled);
  return false;
}

bool ServerConnection::give_up(ServerStream& stream, Side side, const Error& error) {
  const bool late = is_late(error.code);
  http::Cut& cut = stream.end.cut;
  if (context_->cancelled()) {
    cut = http::Cut::kStopped;
  } else if (side == Side::kUpstream && error.code != Code::kCancelled) {
    cut = late ? http::Cut::kOriginTimedOut : http::Cut::kOriginBroke;
  } else if (death() != ErrorCode::kNoError) {
    cut = http::Cut::kClientFault;
  } else {
    cut = late ? http::Cut::kClientTimedOut : http::Cut::kClientGone;
  }
  return false;
}

void ServerConnection::on_end_sent(Stream& stream) {
  abuse_.stream_finished();
  // An answer ahead of the request's end: the rest of it is not wanted (RFC 9113 section 8.1).
  if (!stream.content_received()) stream.reset(ErrorCode::kNoError);
}

void ServerConnection::stream_ends(ServerStream& stream, ErrorCode why) {
  stream.set_context(nullptr);
  idle_since_ = loop().now();
  stream.release(why);
}

void ServerConnection::request_ends(ServerStream& stream, ErrorCode why) {
  stream.end.body_bytes_received = stream.content_bytes_received();
  stream.end.body_bytes_sent = stream.content_bytes_sent();
  server_.service().ended(stream.request(), stream.end);
  stream.request().held.reset();
  stream_ends(stream, why);
}

// --- what the client does beside

void ServerConnection::receive(net::Slice bytes) {
  std::size_t seen = std::min(preface_left_, bytes.size());
  preface_left_ -= seen;
  std::size_t fed = 0;
  bool reset_unfed = false;  // of a stream that nghttp2 still believes to be open
  while (seen < bytes.size() && !dying()) {
    const FrameScanner::Step step = scanner_.next(bytes.subspan(seen));
    seen += step.bytes;
    if (!step.head) continue;
    const bool needs_stream =
        (step.head->type == FrameType::kData || step.head->type == FrameType::kHeaders) &&
        step.head->stream_id <= last_seen_;
    if (step.head->type == FrameType::kHeaders) last_seen_ = std::max(last_seen_, step.head->stream_id);
    if (needs_stream && (reset_unfed || !is_open(step.head->stream_id))) {
      // It may be open by then, or not any more: that is known when the frames before it are fed.
      const std::size_t before = seen - std::min(seen, FrameScanner::kHeadBytes);
      if (before > fed) feed(bytes.subspan(fed, before - fed));
      fed = std::max(fed, before);
      reset_unfed = false;
    }
    reset_unfed |= step.head->type == FrameType::kRstStream;
    look_at(*step.head);
  }
  if (fed < bytes.size()) feed(bytes.subspan(fed));
  if (std::exchange(section_, section_id()) == section_id() || section_ == 0) return;
  section_since_ = loop().now();
  watch();
}

// What nghttp2 does not tell of, or does not mind.
void ServerConnection::look_at(const FrameHead& head) {
  const bool ends = (head.flags & kFlagEndStream) != 0;
  switch (head.type) {
    case FrameType::kData:
      if (head.length == 0 && !ends) offend(Offence::kEmptyData);
      [[fallthrough]];
    case FrameType::kHeaders:
      // RFC 9113 section 5.1. What comes behind a reset of ours was on its way.
      if (head.stream_id % 2 == 1 && head.stream_id <= last_opened() && head.stream_id > last_reset() &&
          !is_open(head.stream_id)) {
        die(ErrorCode::kStreamClosed);
      }
      break;
    case FrameType::kPriority:
      offend(Offence::kPriority);
      if (head.stream_id == 0 || head.stream_id == head.depends_on) die(ErrorCode::kProtocolError);
      break;
    case FrameType::kRstStream: offend(Offence::kReset); break;
    case FrameType::kSettings: offend(Offence::kSettings); break;
    case FrameType::kPing: offend(Offence::kPing); break;
    case FrameType::kWindowUpdate:
      if (handler_ == nullptr && !abuse_.add_window_update(loop().now())) end_for_abuse("window_update");
      break;
    case FrameType::kContinuation: offend(Offence::kContinuation); break;
    case FrameType::kPushPromise:
    case FrameType::kGoaway: break;
    default: offend(Offence::kUnknownFrame); break;
  }
}

void ServerConnection::offend(Offence offence) {
  if (handler_ != nullptr) return;  // it is known who that is
  if (!abuse_.add(offence, loop().now())) end_for_abuse(kOffences[static_cast<std::size_t>(offence)].name);
}

void ServerConnection::end_for_abuse(std::string_view offence) {
  if (std::exchange(abused_, true)) return;
  server_.counters().ended_for_abuse.add();
  if (const auto more = server_.abuse_log().take(loop().now())) {
    env().log.info("HTTP/2 connection ended for abuse", {{"peer", peer_.to_string()},
                                                         {"last_offence", std::string(offence)},
                                                         {"others", std::to_string(*more)}});
  }
  die(ErrorCode::kEnhanceYourCalm);
}

void ServerConnection::watch() {
  const Instant now = loop().now();
  if (dying()) return;
  if (!settings_received() && now >= began_ + options().head_timeout) {
    die(ErrorCode::kSettingsTimeout);
    return;
  }
  if (section_ != 0 && now >= section_since_ + options().head_timeout) {
    die(ErrorCode::kEnhanceYourCalm);
    return;
  }
  if (const auto since = left_since(); since && now >= *since + options().write_timeout) {
    die(ErrorCode::kEnhanceYourCalm);
    return;
  }
  Instant next = now + options().head_timeout;
  if (settings_received() && open_streams() == 0) {
    next = idle_since_ + options().idle_timeout;
    if (now >= next) {
      end_when_idle();
      return;
    }
  } else if (!settings_received()) {
    next = began_ + options().head_timeout;
  } else if (section_ != 0) {
    next = section_since_ + options().head_timeout;
  }
  loop().arm(watch_, next);
}

}  // namespace weir::h2
