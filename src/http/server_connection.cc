#include "http/server_connection.h"

#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "http/h1_parser.h"
#include "http/request_id.h"
#include "http/response_writer.h"

namespace weir::http {
namespace {
constexpr std::size_t kLingerBytesMax = 1024UL * 1024;  // then a client that goes on sending is cut off
}

// What lives from a request's first byte to its response's last.
struct ServerConnection::Exchange : net::Pooled {
  Exchange(ServerConnection& connection) : request{.head = head, .peer = connection.peer_} {}
  RequestHead head;
  Request request;
  std::optional<RequestBody> body;
  RequestId id;
  RequestEnd end;

  // Puts the head, which is somewhere in these bytes, into a block of their size.
  void keep_head(net::Slice bytes) {
    kept_ = std::make_unique_for_overwrite<char[]>(bytes.size());
    std::memcpy(kept_.get(), bytes.data(), bytes.size());
    const char* const from = net::as_text(bytes).data();
    const auto move = [&](std::string_view& text) {
      const bool within =
          !std::less<>()(text.data(), from) && std::less<>()(text.data(), from + bytes.size());
      if (within) text = {kept_.get() + (text.data() - from), text.size()};
    };
    for (std::string_view* text :
         {&head.method_text, &head.target, &head.scheme, &head.authority, &head.path, &head.query}) {
      move(*text);
    }
    Fields moved;
    for (Field field : head.fields) {
      move(field.name);
      move(field.value);
      (void)moved.add(field.known, field.name, field.value);
    }
    head.fields = moved;
  }

 private:
  std::unique_ptr<char[]> kept_;
};

ServerConnection::ServerConnection(Server& server, Incoming incoming)
    : Connection(server),
      server_(server),
      stream_(std::move(incoming.stream)),
      peer_(incoming.peer),
      local_port_(incoming.local_port),
      scheme_(incoming.scheme),
      tls_(std::move(incoming.tls)),
      may_begin_h2_(incoming.may_begin_h2),
      buffer_(std::move(incoming.buffer)),
      begin_(incoming.begin),
      end_(incoming.end) {}

void ServerConnection::end_when_idle() {
  if (idle_ && context_ != nullptr) context_->cancel();
}

// What TLS knows of a connection can't be told to another process.
bool ServerConnection::has_heir() const {
  return server_.heir() && tls_ == nullptr && stream_->plain_socket() != nullptr;
}

// A request that has come is answered here.
void ServerConnection::hand_over() {
  if (idle_ && context_ != nullptr && has_heir() && !stream_->has_input()) context_->cancel();
}

void ServerConnection::give() {
  server_.heir()({.stream = std::move(stream_),
                  .peer = peer_,
                  .local_port = local_port_,
                  .scheme = scheme_,
                  .may_begin_h2 = may_begin_h2_ && served_ == 0});
}

std::optional<Incoming> ServerConnection::take_h2() {
  if (!is_h2_) return std::nullopt;
  return Incoming{.stream = std::move(stream_),
                  .peer = peer_,
                  .local_port = local_port_,
                  .scheme = scheme_,
                  .tls = std::move(tls_),
                  .buffer = std::move(buffer_),
                  .begin = begin_,
                  .end = end_};
}

// A client with prior knowledge begins with 24 bytes that are no request (RFC 9113 section 3.4).
ServerConnection::Preface ServerConnection::h2_preface() const {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  if (!options().h2 || !may_begin_h2_ || served_ > 0) return Preface::kNo;
  const std::string_view received = net::as_text(buffer_.span().subspan(begin_, end_ - begin_));
  if (received.starts_with(kPreface)) return Preface::kWhole;
  return kPreface.starts_with(received) ? Preface::kPart : Preface::kNo;
}

net::Task<void> ServerConnection::run() {
  context_ = &co_await net::current_context();
  for (;;) {
    if (begin_ == end_) {
      idle_ = true;
      buffer_.release();
      const bool has_more = !has_heir() && co_await stream_->readable(options().idle_timeout);
      if (!has_more && has_heir()) co_return give();
      if (!has_more) break;
      idle_ = false;
      buffer_ = net::Buffer::acquire();
      begin_ = end_ = 0;
    } else if (served_ % limits::kPipelinedRequestsMax == 0) {
      if (!co_await env().loop.sleep(Duration::zero())) break;
    }
    const std::unique_ptr<Exchange> exchange(new Exchange(*this));
    if (!co_await serve(*exchange)) break;
  }
  stream_->watch_hangup(nullptr);
}

// One request and its response; false when the connection is to be closed.
net::Task<bool> ServerConnection::serve(Exchange& exchange) {
  const Head head = co_await read_head(exchange);
  if (head != Head::kComplete) co_return false;
  begin_request(exchange);
  auto response = co_await server_.service().handle(exchange.request);
  if (!response) {
    const Error& error = response.error();
    // The client is gone, or this connection was told to stop: there is nobody to answer.
    if (error.code == Code::kCancelled || (error.side == Side::kDownstream && error.code == Code::kReset)) {
      give_up(exchange, Side::kDownstream, error);
      tell_end(exchange);
      co_return false;
    }
    // After a fault of the client's, what follows on its connection is not read as a request.
    if (error.side == Side::kDownstream) exchange.head.keep_alive = false;
    response = error_response(error, exchange.id.text());
  }
  const bool switched = (*response)->head.status == 101;
  const bool reusable = co_await respond(exchange, **response);
  if (!(*response)->settled()) co_await (*response)->settle();
  response->reset();
  tell_end(exchange);
  stream_->watch_hangup(nullptr);
  exchange_ = nullptr;
  if (reusable) co_return end_request(exchange);
  const H1Body& content = exchange.body->received();
  if (switched) {
    (void)stream_->shutdown_write();
    co_return false;
  }
  if (!content.at_end() || !content.rest().empty() || stream_->has_input()) co_await linger();
  co_return false;
}

net::Task<ServerConnection::Head> ServerConnection::read_head(Exchange& exchange) {
  const Instant started = env().loop.now();
  const Instant deadline = started + options().head_timeout;
  std::size_t seen = 0;
  Error error;
  for (;;) {
    const Preface preface = begin_ == end_ ? Preface::kNo : h2_preface();
    if (preface == Preface::kWhole) {
      is_h2_ = true;
      co_return Head::kClose;
    }
    if (begin_ != end_ && preface == Preface::kNo) {
      const net::Slice received = buffer_.span().subspan(begin_, end_ - begin_);
      const auto parsed = parse_request_head(net::as_text(received), exchange.head, seen);
      if (!parsed) {
        error = parsed.error();
        break;
      }
      if (*parsed > 0) {
        begin_ += *parsed;
        exchange.request.arrived = started;
        co_return Head::kComplete;
      }
      seen = received.size();
      if (begin_ > 0) {
        std::memmove(buffer_.data(), received.data(), received.size());
        begin_ = 0;
        end_ = received.size();
      }
    }
    const auto got = co_await stream_->read(buffer_.span().subspan(end_), deadline - env().loop.now());
    if (!got && got.error().code == Code::kTimedOut && seen > 0) {
      error = Error{Code::kTimedOut, Side::kDownstream, Retry::kNever, 0,
                    "the request head did not come in time"};
      break;
    }
    if (!got || *got == 0) co_return Head::kClose;
    end_ += *got;
  }
  exchange.request.arrived = started;
  co_await refuse(exchange, error);
  co_return Head::kRefused;
}

// Not a request, or not all of one: answered here.
net::Task<void> ServerConnection::refuse(Exchange& exchange, const Error& error) {
  server_.counters().refused.add();
  exchange.head = RequestHead();  // what the parser left in it is not to be read
  exchange.head.keep_alive = false;
  describe(exchange);
  server_.service().refused(exchange.request, error);
  const ResponsePtr response = error_response(error, exchange.request.id);
  (void)co_await respond(exchange, *response);
  tell_end(exchange);
  co_await linger();
}

void ServerConnection::describe(Exchange& exchange) {
  Request& request = exchange.request;
  request.local_port = local_port_;
  request.scheme = scheme_;
  request.tls = tls_.get();
  exchange.id.assign(exchange.head.fields.value_of(Known::kXRequestId), env().random);
  request.id = exchange.id.text();
  request.client_rate_min = options().client_rate_min;
}

void ServerConnection::begin_request(Exchange& exchange) {
  ++served_;
  server_.counters().requests.add();
  exchange_ = &exchange;
  Request& request = exchange.request;
  RequestHead& head = exchange.head;
  describe(exchange);
  if (head.version_minor >= 1) request.interim = this;
  exchange.body.emplace(*stream_, request, buffer_.span().subspan(begin_, end_ - begin_),
                        options().body_timeout, options().write_timeout);
  if (!exchange.body->at_end()) request.body = &*exchange.body;
  const bool may_switch = head.upgrade && head.version_minor >= 1 && head.framing == Framing::kNone &&
                          equal_ignoring_case(head.fields.value_of(Known::kUpgrade), "websocket");
  if (may_switch) request.upgrade = this;
  // A client that has closed its side together with the request may be reading still; one that does so later,
  // while it waits, has gone.
  if (!stream_->peer_closed()) stream_->watch_hangup(this);
}

// Makes ready for the next request of this connection.
bool ServerConnection::end_request(Exchange& exchange) {
  const net::Slice rest = exchange.body->received().rest();
  if (net::Buffer taken = exchange.body->received().take_buffer()) {
    begin_ = static_cast<std::size_t>(rest.data() - taken.data());
    end_ = begin_ + rest.size();
    if (rest.empty()) begin_ = end_ = 0;
    buffer_ = std::move(taken);
  } else {
    begin_ = end_ - rest.size();
  }
  return true;
}

bool ServerConnection::give_up(Exchange& exchange, Side side, const Error& error) {
  const bool late = is_late(error.code);
  Cut& cut = exchange.end.cut;
  if (error.code == Code::kCancelled) {
    cut = client_gone_ ? Cut::kClientGone : Cut::kStopped;
  } else if (side == Side::kDownstream) {
    cut = late ? Cut::kClientTimedOut : Cut::kClientGone;
  } else {
    cut = late ? Cut::kOriginTimedOut : Cut::kOriginBroke;
  }
  stream_->abort();  // the client must not take a part for the whole
  return false;
}

void ServerConnection::tell_end(Exchange& exchange) {
  if (exchange.body) exchange.end.body_bytes_received = exchange.body->received().bytes();
  server_.service().ended(exchange.request, exchange.end);
}

void ServerConnection::on_hangup() {
  client_gone_ = true;
  context_->cancel();
}

Body& ServerConnection::take_up(Duration idle_timeout) {
  stream_->watch_hangup(nullptr);  // from here on it is read
  exchange_->body->switch_protocols(idle_timeout);
  return *exchange_->body;
}

net::Task<Result<void>> ServerConnection::send_interim(const ResponseHead& head) {
  if (head.status == 100) {
    if (!exchange_->body->wants_continue()) co_return Result<void>{};
    co_return co_await exchange_->body->send_continue();
  }
  const net::Buffer out = net::Buffer::acquire();
  HeadWriter writer(out.span());
  writer.status_line(head.status, head.reason);
  writer.fields(head.fields);
  const auto bytes = writer.finish();
  if (!bytes) co_return fail(bytes.error());
  auto written = co_await stream_->write(out.span().first(*bytes), options().write_timeout);
  if (!written) co_return fail(written.error());
  co_return Result<void>{};
}

// Sends the response; true when the connection can take another request.
net::Task<bool> ServerConnection::respond(Exchange& exchange, Response& response) {
  const bool switched = response.head.status == 101;
  if (exchange.body && !switched) exchange.body->received().discard_buffered();
  const bool body_read = !exchange.body || exchange.body->at_end();
  const bool keep_alive = exchange.head.keep_alive && response.head.keep_alive && body_read && !switched &&
                          (!server_.draining() || has_heir());

  RequestEnd& end = exchange.end;
  net::Buffer out = net::Buffer::acquire();
  ResponseWriter writer(out.span(), exchange.head, server_.date());
  const auto first = writer.begin(response, keep_alive);
  if (!first && switched) co_return give_up(exchange, Side::kUpstream, first.error());
  if (!first) {
    // What came from the origin and what was added to it don't fit a head: nothing of it was sent yet.
    const ResponsePtr instead = error_response(
        {Code::kHeadTooLarge, Side::kUpstream, Retry::kNever, 0, first.error().text}, exchange.request.id);
    out.release();
    co_return co_await respond(exchange, *instead);
  }
  end.status = response.head.status;
  server_.counters().responses[static_cast<std::size_t>(end.status / 100) % 6].add();
  // What a WebSocket's client takes, and when, is for the two ends to say.
  net::Patience sending(options().write_timeout, switched ? 0 : exchange.request.client_rate_min);
  auto written = co_await stream_->write(first->slices, sending);
  if (!written) co_return give_up(exchange, Side::kDownstream, written.error());
  end.head_sent = env().loop.now();
  end.body_bytes_sent = first->content_bytes;
  out.release();
  if (switched && begin_ == end_) {
    // It may be silent for hours: what is left of the request, for its end, needs no I/O buffer.
    exchange.keep_head(buffer_.span().first(end_));
    buffer_.release();
  }
  if (first->complete) co_return first->keep_alive;
  if (exchange.body && !switched) exchange.body->response_begins();
  if (!co_await send_rest(exchange, response, first->chunked, sending)) co_return false;
  co_return first->keep_alive;
}

net::Task<bool> ServerConnection::send_rest(Exchange& exchange, Response& response, bool chunked,
                                            net::Patience& sending) {
  if (!chunked) {
    const net::Pumped pumped = co_await response.pump_to(*stream_, sending);
    exchange.end.body_bytes_sent += pumped.bytes;
    if (pumped.result && response.at_end()) co_return true;
    const Error error = pumped.result ? Error{.code = Code::kClosed} : pumped.result.error();
    const bool origin_failed = pumped.result || pumped.read_failed;
    co_return give_up(exchange, origin_failed ? Side::kUpstream : Side::kDownstream, error);
  }
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return give_up(exchange, Side::kUpstream, piece.error());
    if (piece->empty()) break;
    const ChunkHead head(piece->size());
    const net::Stream::Slices slices{net::as_slice(head.text()), *piece, net::as_slice(kChunkEnd)};
    const auto written = co_await stream_->write(slices, sending);
    if (!written) co_return give_up(exchange, Side::kDownstream, written.error());
    exchange.end.body_bytes_sent += piece->size();
  }
  const net::Buffer out = net::Buffer::acquire();
  HeadWriter writer(out.span());
  writer.raw(kLastChunkHead);
  if (const Fields* trailers = response.trailers(); trailers != nullptr) writer.fields(*trailers);
  const auto bytes = writer.finish();
  if (!bytes) co_return give_up(exchange, Side::kUpstream, bytes.error());
  const auto written = co_await stream_->write(out.span().first(*bytes), sending);
  co_return written || give_up(exchange, Side::kDownstream, written.error());
}

// Closing with unread bytes would reset the connection and could take the response from the client. So: no
// more is written, and what comes is dropped until the client closes, or for a while.
net::Task<void> ServerConnection::linger() {
  if (!stream_->shutdown_write()) co_return;
  const Instant deadline = env().loop.now() + options().linger_timeout;
  if (!buffer_) buffer_ = net::Buffer::acquire();
  std::size_t dropped = 0;
  while (dropped < kLingerBytesMax) {
    const auto got = co_await stream_->read(buffer_.span(), deadline - env().loop.now());
    if (!got || *got == 0) co_return;
    dropped += *got;
  }
}

}  // namespace weir::http
