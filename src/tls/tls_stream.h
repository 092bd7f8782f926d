// TlsStream: TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over any Stream, either side. Owns the stream under it. A
// read takes all records that one read of the stream below brought; a write becomes one write below, of up to
// 64 KiB of records. Holds no buffer while nothing is under way. An end without close_notify is an error
// (kClosed): it may be an attacker's. Closing sends close_notify, abort() does not. On the core of its loop.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/buffer.h"
#include "net/stream.h"
#include "net/task.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

struct bio_st;
struct ssl_st;

namespace weir::tls {

// What was received before TLS began (behind a PROXY header): [begin, end) of the buffer.
struct Received {
  net::Buffer buffer;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Whom a client connects to.
struct ServerName {
  std::string name;      // a host name or an address: verified, and sent as SNI when it is a name
  std::string endpoint;  // sessions are resumed between connections with the same text here; empty: never
};

// What the handshake found out.
struct TlsDetails {
  std::string_view version;  // static: "TLSv1.3"
  std::string_view cipher;   // static: "TLS_AES_128_GCM_SHA256"
  std::string server_name;   // that the client asked for; empty: none
  std::string protocol;      // by ALPN; empty: none
  bool resumed = false;
  // The verified certificate of a client; all empty when there is none.
  std::string client_subject;      // RFC 2253
  std::string client_names;        // "DNS:a.example, URI:spiffe://b/c"
  std::string client_fingerprint;  // SHA-256, lower-case hex
};

class TlsStream final : public net::Stream, private net::HangupWatch {
 public:
  // The handshake, within the timeout. What goes wrong is the other side's (kDownstream, kUpstream):
  // kMalformed and kUnauthenticated for a client, kConnectFailed for a server, so that another endpoint is
  // tried; beside those, kTimedOut, kCancelled, and the errors of the stream below.
  static net::Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::Stream> below,
                                                              std::shared_ptr<const ServerContext> context,
                                                              Received received, Duration timeout);
  static net::Task<Result<std::unique_ptr<TlsStream>>> connect(std::unique_ptr<net::Stream> below,
                                                               std::shared_ptr<ClientContext> context,
                                                               ServerName server, Duration timeout);
  ~TlsStream() override;

  TlsDetails details() const;
  // By ALPN; empty: none. Valid as long as the stream.
  std::string_view protocol() const;
  // What it holds of buffers beyond itself and the library's state: nothing when idle.
  std::size_t buffered_bytes() const;

  std::size_t untaken_bytes() const override { return below_->untaken_bytes() + out_end_ - out_begin_; }
  Result<void> shutdown_write() override;
  void abort() override;
  bool has_input() const override;
  bool peer_closed() const override { return ended_ || below_->peer_closed(); }
  void watch_hangup(net::HangupWatch* watch) override;

 private:
  class ReadStep final : public net::StreamStep {
   public:
    explicit ReadStep(TlsStream& owner) : StreamStep(*owner.below_), owner_(owner) {}

   private:
    void done() override { owner_.on_readable(); }
    TlsStream& owner_;
  };
  class WriteStep final : public net::StreamStep {
   public:
    explicit WriteStep(TlsStream& owner) : StreamStep(*owner.below_), owner_(owner) {}

   private:
    void done() override { owner_.on_flushed(); }
    TlsStream& owner_;
  };
  friend struct TlsBio;

  TlsStream(std::unique_ptr<net::Stream> below, ssl_st* connection, Received received);
  net::Task<Result<void>> handshake(Duration timeout, Side peer);

  bool start(net::StreamOperation& operation) override;
  void forget(net::StreamOperation& operation) override;
  void on_hangup() override;

  bool try_read(net::StreamOperation& operation);
  bool take(net::StreamOperation& operation);
  void on_readable();
  bool is_readable_below() const;
  Error read_error();
  std::optional<std::size_t> read_below(std::span<std::byte> into);

  bool try_write(net::StreamOperation& operation);
  bool seal(net::StreamOperation& operation);
  std::size_t record_bytes_max();
  std::size_t append(net::Slice bytes);
  net::Stream::Slices output() const;
  bool flush();
  void flush_quietly();
  void settle_flush();
  void on_flushed();
  void drop_output();

  std::unique_ptr<net::Stream> below_;
  ssl_st* connection_;
  std::unique_ptr<ClientLink> link_;  // a client's
  net::HangupWatch* watch_ = nullptr;

  // What comes in.
  Received received_;
  net::StreamOperation* reader_ = nullptr;
  mutable ReadStep reading_{*this};    // pending only while there is a reader
  std::optional<Error> read_failure_;  // of the stream below
  mutable bool ended_ = false;         // close_notify, a cut or an error was met: reading tells it at once
  bool reads_much_ = false;

  // What goes out: [out_begin_, out_end_) over the buffers one after the other.
  static constexpr std::size_t kOutBuffers = 3;
  static constexpr std::size_t kOutBytes = kOutBuffers * net::Buffer::kBytes;
  std::array<net::Buffer, kOutBuffers> out_;
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  std::size_t flushing_until_ = 0;
  net::StreamOperation* writer_ = nullptr;
  WriteStep writing_{*this};
  std::optional<Error> write_failure_;
  std::size_t burst_bytes_ = 0;  // written since the last pause
  Instant last_write_;
  bool established_ = false;
  bool aborted_ = false;
  bool shut_down_ = false;
};

}  // namespace weir::tls
