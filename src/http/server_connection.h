// ServerConnection: one client's HTTP/1 connection: reads requests, gives them to the Service one after the
// other, sends the responses in that order. Idle, it holds no buffer. Made by Server, on its core.
#pragma once

#include <array>
#include <memory>

#include "http/request_body.h"
#include "http/server.h"
#include "http/service.h"
#include "net/buffer.h"

namespace weir::http {

class ServerConnection final : private net::HangupWatch, private InterimSink {
 public:
  ServerConnection(Server& server, std::unique_ptr<net::Stream> stream, const net::Address& peer,
                   std::uint16_t local_port);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  ~ServerConnection();

  // Until the connection is to be closed. The task that runs it owns it.
  net::Task<void> run();

 private:
  friend class Server;
  struct Exchange;
  enum class Head { kComplete, kRefused, kClose };

  net::Task<Head> read_head(Exchange& exchange);
  net::Task<bool> serve(Exchange& exchange);
  net::Task<bool> respond(Exchange& exchange, Response& response);
  net::Task<bool> send_rest(Response& response, bool chunked);
  net::Task<void> linger();
  void begin_request(Exchange& exchange);
  bool end_request(Exchange& exchange);

  net::Task<Result<void>> send_interim(const ResponseHead& head) override;
  void on_hangup() override;

  net::Env& env() const;
  const ServerOptions& options() const { return server_.options_; }

  Server& server_;
  std::unique_ptr<net::Stream> stream_;
  net::Address peer_;
  std::uint16_t local_port_;
  bool idle_ = true;
  std::uint32_t served_ = 0;
  net::Context* context_ = nullptr;
  Exchange* exchange_ = nullptr;  // under way
  net::Buffer buffer_;            // holds received_; nothing while idle
  std::size_t begin_ = 0;         // received and not yet used: [begin_, end_) of buffer_
  std::size_t end_ = 0;
  ServerConnection* next_ = nullptr;  // in the server's list
  ServerConnection** link_ = nullptr;
};

}  // namespace weir::http
