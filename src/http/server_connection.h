// ServerConnection: one client's HTTP/1 connection: reads requests, gives them to the Service one after the
// other, sends the responses in that order. Idle, it holds no buffer. Made by Server, on its core.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "http/connection.h"
#include "http/request_body.h"
#include "http/server.h"
#include "http/service.h"
#include "net/buffer.h"

namespace weir::http {

class ServerConnection final : public Connection,
                               private net::HangupWatch,
                               private InterimSink,
                               private Upgrade {
 public:
  ServerConnection(Server& server, Incoming incoming);

  net::Task<void> run() override;
  void end_when_idle() override;
  // HTTP/1 has no word for the end but that of an answer: it stays until it has said so, or is idle for long.
  void end_gently() override {}
  void hand_over() override;
  // The client turned out to speak HTTP/2: run() has ended, and this is where it goes on.
  std::optional<Incoming> take_h2();

 private:
  struct Exchange;
  enum class Head { kComplete, kRefused, kClose };
  enum class Preface { kNo, kPart, kWhole };

  net::Task<Head> read_head(Exchange& exchange);
  net::Task<bool> serve(Exchange& exchange);
  net::Task<bool> respond(Exchange& exchange, Response& response);
  net::Task<bool> send_rest(Exchange& exchange, Response& response, bool chunked, net::Patience& sending);
  net::Task<void> linger();
  net::Task<void> refuse(Exchange& exchange, const Error& error);
  // What a service is told of a request beside its head and its content.
  void describe(Exchange& exchange);
  bool has_heir() const;
  void give();
  void begin_request(Exchange& exchange);
  bool end_request(Exchange& exchange);
  // Something failed on that side; false, as nothing more can be sent.
  bool give_up(Exchange& exchange, Side side, const Error& error);
  void tell_end(Exchange& exchange);

  net::Task<Result<void>> send_interim(const ResponseHead& head) override;
  void on_hangup() override;
  Body& take_up(Duration idle_timeout) override;
  void cut() override { on_hangup(); }

  Preface h2_preface() const;

  net::Env& env() const { return server_.env(); }
  const ServerOptions& options() const { return server_.options(); }

  Server& server_;
  std::unique_ptr<net::Stream> stream_;
  net::Address peer_;
  std::uint16_t local_port_;
  std::string_view scheme_;
  std::shared_ptr<const TlsInfo> tls_;
  bool idle_ = true;
  bool may_begin_h2_;
  bool is_h2_ = false;
  bool client_gone_ = false;
  std::uint32_t served_ = 0;
  net::Context* context_ = nullptr;
  Exchange* exchange_ = nullptr;  // under way
  net::Buffer buffer_;            // holds received_; nothing while idle
  std::size_t begin_ = 0;         // received and not yet used: [begin_, end_) of buffer_
  std::size_t end_ = 0;
};

}  // namespace weir::http
