#include "tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "tls/handshake_error.h"
#include "tls/x509.h"

namespace weir::tls {
namespace {

using net::Slice;
using net::StreamOperation;

// A client can use the first bytes of a response when their whole record has come: after a pause records are
// small, so that they fit what a congestion window carries at first, then as large as TLS allows.
constexpr std::size_t kSmallRecordBytes = 4096;
constexpr std::size_t kRecordBytes = 16384;
constexpr std::size_t kSmallRecordsUntilBytes = 64UL * 1024;
constexpr Duration kPause = std::chrono::seconds(1);
// Around a record, and the tickets or answers to key updates that may go before it (bounded by the client's
// chain, which is in each of two tickets).
constexpr std::size_t kRecordOverheadBytes = 64;
constexpr std::size_t kFlightBytesMax = 2 * 16UL * 1024;
// What one read of the stream below may bring: little while little comes, two records when much does.
constexpr std::size_t kReadBytesSmall = 4096;
constexpr std::size_t kReadBytesLarge = 2 * (kRecordBytes + 256);

bool is_empty(const StreamOperation& operation) {
  return std::ranges::all_of(operation.from, [](Slice slice) { return slice.empty(); });
}

// A resumed session brings the certificate that was verified when it was made, which may have ended since:
// the library does not look at it again.
bool has_outlived_certificate(const SSL* connection, WallTime now) {
  const auto* chain = SSL_get0_peer_certificates(connection);
  if (SSL_session_reused(connection) == 0 || chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0)
    return false;
  const bssl::UniquePtr<X509> certificate(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, 0)));
  const auto until = certificate ? not_after(*certificate) : std::nullopt;
  return !until || now > *until;
}

void cut_front(StreamOperation& operation, std::size_t bytes) {
  operation.bytes_done += bytes;
  for (Slice& slice : operation.from) {
    const std::size_t cut = std::min(bytes, slice.size());
    slice = slice.subspan(cut);
    bytes -= cut;
  }
}

}  // namespace

// The library's way to the stream below.
struct TlsBio {
  static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int bytes) {
    BIO_clear_retry_flags(bio);
    const auto room = std::as_writable_bytes(std::span(into, static_cast<std::size_t>(bytes)));
    const auto got = stream_of(bio).read_below(room);
    if (got) return static_cast<int>(*got);
    if (!stream_of(bio).read_failure_) BIO_set_retry_read(bio);
    return -1;
  }

  static int write(BIO* bio, const char* from, int bytes) {
    BIO_clear_retry_flags(bio);
    const std::size_t taken =
        stream_of(bio).append(std::as_bytes(std::span(from, static_cast<std::size_t>(bytes))));
    if (taken > 0) return static_cast<int>(taken);
    BIO_set_retry_write(bio);
    return -1;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO* create(TlsStream& stream) {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir stream");
      BIO_meth_set_read(made, &read);
      BIO_meth_set_write(made, &write);
      BIO_meth_set_ctrl(made, &control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsStream::TlsStream(std::unique_ptr<net::Stream> below, ssl_st* connection, Received received)
    : Stream(below->loop()),
      below_(std::move(below)),
      connection_(connection),
      received_(std::move(received)) {
  if (received_.begin == received_.end) received_.buffer.release();
  BIO* bio = TlsBio::create(*this);
  SSL_set_bio(connection_, bio, bio);
  SSL_set_shed_handshake_config(connection_, 1);
}

// Tells the peer that this is the end, when that can be told at once.
TlsStream::~TlsStream() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  reading_.abandon();
  if (established_ && !aborted_ && !write_failure_) {
    if (!shut_down_) SSL_shutdown(connection_);
    flush_quietly();
    ERR_clear_error();
  }
  writing_.abandon();
  SSL_free(connection_);
}

// --- the handshake

net::Task<Result<std::unique_ptr<TlsStream>>> TlsStream::accept(std::unique_ptr<net::Stream> below,
                                                                std::shared_ptr<const ServerContext> context,
                                                                Received received, Duration timeout) {
  SSL* connection = SSL_new(context->handle());
  WEIR_CHECK(connection != nullptr);
  SSL_set_accept_state(connection);
  SSL_set_app_data(connection, &below->loop());
  if (context->options().client_certificates != ClientCertificates::kOff) {
    set_verify_time(*connection, below->loop().clock().wall_now());
  }
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), connection, std::move(received)));
  if (auto done = co_await stream->handshake(timeout, Side::kDownstream); !done) co_return fail(done.error());
  co_return std::move(stream);
}

net::Task<Result<std::unique_ptr<TlsStream>>> TlsStream::connect(std::unique_ptr<net::Stream> below,
                                                                 std::shared_ptr<ClientContext> context,
                                                                 ServerName server, Duration timeout) {
  SSL* connection = SSL_new(context->handle());
  WEIR_CHECK(connection != nullptr);
  SSL_set_connect_state(connection);
  const WallTime now = below->loop().clock().wall_now();
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), connection, {}));
  stream->link_ = std::make_unique<ClientLink>(std::move(context), std::move(server.endpoint));
  const ClientLink& link = *stream->link_;
  SSL_set_app_data(connection, stream->link_.get());
  if (auto named = expect_server(*connection, server.name, now); !named) co_return fail(named.error());
  const auto& certificate = link.context->options().certificate;
  if (certificate && !certificate->use_for(connection)) {
    ERR_clear_error();
    co_return fail(Code::kInvalid, "the client certificate has no usable key");
  }
  if (!link.endpoint.empty()) {
    if (const auto session = link.context->take(link.endpoint)) SSL_set_session(connection, session.get());
  }
  if (auto done = co_await stream->handshake(timeout, Side::kUpstream); !done) co_return fail(done.error());
  co_return std::move(stream);
}

net::Task<Result<void>> TlsStream::handshake(Duration timeout, Side peer) {
  const Instant deadline = loop().deadline(timeout);
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(connection_);
    const int why = SSL_get_error(connection_, done);
    std::optional<Error> failure;
    if (done != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      failure = read_failure_ ? *read_failure_ : handshake_error(*connection_, peer);
      failure->side = peer;
    }
    ERR_clear_error();
    if (out_begin_ != out_end_) {  // after a failure it is the alert
      auto sent = co_await below_->write(output(), deadline - loop().now());
      drop_output();
      if (!sent && !failure) failure = sent.error();
    }
    if (failure) co_return fail(*failure);
    if (done == 1) break;
    if (why == SSL_ERROR_WANT_READ) {
      if (auto ready = co_await below_->readable(deadline - loop().now()); !ready)
        co_return fail(ready.error());
    }
  }
  if (peer == Side::kDownstream && has_outlived_certificate(connection_, loop().clock().wall_now())) {
    co_return fail(Code::kUnauthenticated, "the peer's certificate has expired", peer);
  }
  established_ = true;
  co_return Result<void>{};
}

TlsDetails TlsStream::details() const {
  TlsDetails details{.version = SSL_get_version(connection_),
                     .cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(connection_)),
                     .protocol = std::string(protocol()),
                     .resumed = SSL_session_reused(connection_) == 1};
  const char* name = SSL_get_servername(connection_, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) details.server_name = name;
  const auto* chain = SSL_get0_peer_certificates(connection_);
  if (SSL_is_server(connection_) == 1 && chain != nullptr && sk_CRYPTO_BUFFER_num(chain) > 0) {
    if (auto identity = identity_of(sk_CRYPTO_BUFFER_value(chain, 0))) {
      details.client_subject = std::move(identity->subject);
      details.client_names = std::move(identity->names);
      details.client_fingerprint = std::move(identity->fingerprint);
    }
  }
  return details;
}

std::string_view TlsStream::protocol() const {
  const std::uint8_t* data = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(connection_, &data, &bytes);
  return {reinterpret_cast<const char*>(data), bytes};
}

// --- what comes in

bool TlsStream::start(StreamOperation& operation) {
  if (operation.kind == StreamOperation::Kind::kWrite) {
    WEIR_CHECK(writer_ == nullptr);
    if (try_write(operation)) return true;
    writer_ = &operation;
    return false;
  }
  WEIR_CHECK(reader_ == nullptr);
  if (try_read(operation)) return true;
  reader_ = &operation;
  return false;
}

void TlsStream::forget(StreamOperation& operation) {
  if (reader_ == &operation) {
    reader_ = nullptr;
    reading_.abandon();
  }
  if (writer_ == &operation) {
    writer_ = nullptr;
    if (writing_.pending()) {
      writing_.abandon();
      out_begin_ += writing_.bytes_done;
      if (out_begin_ == out_end_) drop_output();
    }
  }
}

void TlsStream::on_readable() {
  if (!try_read(*reader_)) return;
  std::exchange(reader_, nullptr)->resume();  // may destroy this
}

// True: done, with a result. Asks the stream below for no bytes before it says that it has some.
bool TlsStream::try_read(StreamOperation& operation) {
  bool may_find = ended_ || received_.begin != received_.end || SSL_has_pending(connection_) == 1;
  while (!may_find || !take(operation)) {
    reading_.kind = StreamOperation::Kind::kReadable;
    if (!reading_.begin()) return false;
    if (!reading_.result) {
      operation.result = fail(reading_.result.error());
      return true;
    }
    may_find = true;
  }
  return true;
}

// False: there is not yet a whole record with content.
bool TlsStream::take(StreamOperation& operation) {
  int last = 0;
  if (operation.kind == StreamOperation::Kind::kReadable) {
    std::uint8_t next = 0;
    last = SSL_peek(connection_, &next, 1);
    if (last > 0) return true;
  } else {
    std::size_t got = 0;
    while (got < operation.into.size()) {
      const std::size_t room = std::min(operation.into.size() - got, kReadBytesLarge);
      last = SSL_read(connection_, operation.into.data() + got, static_cast<int>(room));
      if (last <= 0) break;
      got += static_cast<std::size_t>(last);
      if (SSL_has_pending(connection_) == 0) break;
    }
    if (got > 0) {  // what else the library has to say, it says again
      ERR_clear_error();
      operation.result = got;
      return true;
    }
  }
  const int why = SSL_get_error(connection_, last);
  if (why == SSL_ERROR_WANT_READ) {
    ERR_clear_error();
    return false;
  }
  ended_ = true;
  if (why == SSL_ERROR_ZERO_RETURN) {
    operation.result = std::size_t{0};
  } else {
    operation.result = fail(read_error());
    flush_quietly();  // the alert
  }
  ERR_clear_error();
  return true;
}

Error TlsStream::read_error() {
  if (read_failure_) return *read_failure_;
  const std::uint32_t why = ERR_peek_error();
  if (why == 0 || ERR_GET_REASON(why) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return {Code::kClosed, Side::kInternal, Retry::kNever, 0, "the TLS stream was cut without close_notify"};
  }
  if (ERR_GET_REASON(why) > SSL_AD_REASON_OFFSET) {
    return {Code::kReset, Side::kInternal, Retry::kNever, 0, "the peer ended the TLS stream with an alert"};
  }
  return {Code::kMalformed, Side::kInternal, Retry::kNever, 0,
          "what came is not a TLS record of this stream"};
}

// For the library: what is there, 0 at the end; nothing when it would have to wait or has failed.
std::optional<std::size_t> TlsStream::read_below(std::span<std::byte> into) {
  if (received_.begin != received_.end) {
    const std::size_t bytes = std::min(into.size(), received_.end - received_.begin);
    std::memcpy(into.data(), received_.buffer.data() + received_.begin, bytes);
    received_.begin += bytes;
    if (received_.begin == received_.end) received_.buffer.release();
    return bytes;
  }
  if (read_failure_ || reading_.pending()) return std::nullopt;
  reading_.kind = StreamOperation::Kind::kRead;
  reading_.into = into;
  if (!reading_.begin()) {
    reading_.abandon();
    return std::nullopt;
  }
  if (!reading_.result) {
    read_failure_ = reading_.result.error();
    return std::nullopt;
  }
  const std::size_t bytes = *reading_.result;
  const bool much =
      bytes == into.size() ? reads_much_ || bytes >= kReadBytesSmall / 2 : bytes > kReadBytesSmall;
  if (much != reads_much_) {
    reads_much_ = much;
    SSL_set_default_read_buffer_len(connection_, much ? kReadBytesLarge : kReadBytesSmall);
  }
  return bytes;
}

bool TlsStream::is_readable_below() const {
  reading_.kind = StreamOperation::Kind::kReadable;
  if (reading_.begin()) return true;
  reading_.abandon();
  return false;
}

// Tickets and key updates are no input: what came is looked into.
bool TlsStream::has_input() const {
  if (ended_) return true;
  if (reader_ != nullptr) return false;
  if (received_.begin == received_.end && SSL_has_pending(connection_) == 0 && !is_readable_below())
    return false;
  std::uint8_t next = 0;
  const int found = SSL_peek(connection_, &next, 1);
  if (found <= 0 && SSL_get_error(connection_, found) != SSL_ERROR_WANT_READ) ended_ = true;
  ERR_clear_error();
  return found > 0 || ended_;
}

void TlsStream::watch_hangup(net::HangupWatch* watch) {
  watch_ = watch;
  if (ended_ && watch != nullptr) return std::exchange(watch_, nullptr)->on_hangup();
  below_->watch_hangup(watch != nullptr ? this : nullptr);
}

void TlsStream::on_hangup() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->on_hangup();
}

// --- what goes out

std::size_t TlsStream::record_bytes_max() {
  if (loop().now() - last_write_ > kPause) burst_bytes_ = 0;
  last_write_ = loop().now();
  return burst_bytes_ < kSmallRecordsUntilBytes ? kSmallRecordBytes : kRecordBytes;
}

// True: done, with a result.
bool TlsStream::try_write(StreamOperation& operation) {
  for (;;) {
    if (write_failure_) {
      operation.result = fail(*write_failure_);
      return true;
    }
    if (writing_.pending()) return false;
    if (!seal(operation)) {
      write_failure_ = Error{Code::kReset, Side::kInternal, Retry::kNever, 0, "the TLS stream was shut down"};
      continue;
    }
    if (out_begin_ == out_end_ && operation.bytes_done > 0) {
      operation.result = operation.bytes_done;
      return true;
    }
    const bool waits_for_room = out_begin_ == out_end_;  // a write of nothing
    if (!flush()) return false;
    if (waits_for_room && !write_failure_) {
      operation.result = std::size_t{0};
      return true;
    }
  }
}

// Makes records of as much as there is room for. False: the library refuses.
bool TlsStream::seal(StreamOperation& operation) {
  net::Buffer gathered;
  const std::size_t limit = is_empty(operation) ? 0 : record_bytes_max();
  while (!is_empty(operation)) {
    const std::size_t size = std::min(limit, kRecordBytes);
    if (out_end_ + size + kRecordOverheadBytes + kFlightBytesMax > kOutBytes) return true;
    const auto first = std::ranges::find_if(operation.from, [](Slice slice) { return !slice.empty(); });
    const std::size_t total = operation.from[0].size() + operation.from[1].size() + operation.from[2].size();
    Slice piece = first->first(std::min(first->size(), size));
    if (piece.size() < total && total <= size) {  // a head and its short content are one record
      if (!gathered) gathered = net::Buffer::acquire();
      std::size_t at = 0;
      for (const Slice slice : operation.from) {
        std::ranges::copy(slice, gathered.data() + at);
        at += slice.size();
      }
      piece = gathered.span().first(total);
    }
    const int sealed = SSL_write(connection_, piece.data(), static_cast<int>(piece.size()));
    if (sealed <= 0) {
      ERR_clear_error();
      return false;
    }
    cut_front(operation, static_cast<std::size_t>(sealed));
    burst_bytes_ += static_cast<std::size_t>(sealed);
  }
  return true;
}

// For the library: a record for the stream below. Less than all of it only in a handshake.
std::size_t TlsStream::append(Slice bytes) {
  std::size_t done = 0;
  while (done < bytes.size() && out_end_ < kOutBytes) {
    net::Buffer& buffer = out_.at(out_end_ / net::Buffer::kBytes);
    if (!buffer) buffer = net::Buffer::acquire();
    const auto room = buffer.span().subspan(out_end_ % net::Buffer::kBytes);
    const std::size_t part = std::min(room.size(), bytes.size() - done);
    std::memcpy(room.data(), bytes.data() + done, part);
    out_end_ += part;
    done += part;
  }
  return done;
}

net::Stream::Slices TlsStream::output() const {
  Slices slices{};
  std::size_t at = out_begin_;
  for (std::size_t i = 0; at < out_end_; ++i) {
    const std::size_t offset = at % net::Buffer::kBytes;
    const std::size_t part = std::min(net::Buffer::kBytes - offset, out_end_ - at);
    slices.at(i) = out_.at(at / net::Buffer::kBytes).span().subspan(offset, part);
    at += part;
  }
  return slices;
}

// True: the stream below took all of it, or failed. Writing nothing waits until it has room.
bool TlsStream::flush() {
  writing_.kind = StreamOperation::Kind::kWrite;
  writing_.from = output();
  flushing_until_ = out_end_;
  if (!writing_.begin()) return false;
  settle_flush();
  return true;
}

void TlsStream::settle_flush() {
  if (!writing_.result) write_failure_ = writing_.result.error();
  out_begin_ = write_failure_ ? out_end_ : flushing_until_;
  if (out_begin_ == out_end_) drop_output();
}

void TlsStream::drop_output() {
  out_begin_ = out_end_ = 0;
  for (net::Buffer& buffer : out_) buffer.release();
}

void TlsStream::flush_quietly() {
  if (out_begin_ != out_end_ && !writing_.pending() && writer_ == nullptr) (void)flush();
}

void TlsStream::on_flushed() {
  settle_flush();
  if (writer_ != nullptr) {
    if (try_write(*writer_)) std::exchange(writer_, nullptr)->resume();  // may destroy this
    return;
  }
  flush_quietly();
  if (shut_down_ && !writing_.pending()) (void)below_->shutdown_write();
}

Result<void> TlsStream::shutdown_write() {
  if (std::exchange(shut_down_, true)) return {};
  SSL_shutdown(connection_);
  ERR_clear_error();
  flush_quietly();
  if (write_failure_) return fail(*write_failure_);
  if (writing_.pending()) return {};  // the rest follows by itself
  return below_->shutdown_write();
}

void TlsStream::abort() {
  aborted_ = true;
  below_->abort();
}

std::size_t TlsStream::buffered_bytes() const {
  std::size_t bytes = received_.buffer ? net::Buffer::kBytes : 0;
  for (const net::Buffer& buffer : out_) bytes += buffer ? net::Buffer::kBytes : 0;
  return bytes;
}

}  // namespace weir::tls
