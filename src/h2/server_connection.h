// ServerConnection: one client's HTTP/2 connection under an http::Server: gives each of its requests to the
// Service in a task of its own, and ends a client that does what only attackers do (abuse.h). Made by
// make_connection, on the core of the server. RFC 9113.
#pragma once

#include <memory>

#include "h2/abuse.h"
#include "h2/connect.h"
#include "h2/frame_scanner.h"
#include "h2/server_stream.h"
#include "h2/session.h"
#include "http/server.h"
#include "net/task_group.h"
#include "net/timer.h"

namespace weir::h2 {

// For http::ServerOptions::h2. `incoming` begins with the client's preface, received or not.
std::unique_ptr<http::Connection> make_connection(http::Server& server, http::Incoming incoming);
// The same for a connection that carries tunnels, whose CONNECT requests (RFC 9113 section 8.5) are given to
// the handler; all else is as above.
std::unique_ptr<http::Connection> make_tunnel_connection(http::Server& server, http::Incoming incoming,
                                                         ConnectHandler& handler);

// Of a cleartext port where clients may begin with HTTP/2 (RFC 9113 section 3.3).
struct PriorKnowledge final : http::Handshake {
  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override {
    incoming.may_begin_h2 = true;
    co_return incoming;
  }
};

class ServerConnection final : public http::Connection, private Session {
 public:
  // handler: of CONNECT; null: those are refused.
  ServerConnection(http::Server& server, http::Incoming incoming, ConnectHandler* handler);
  ~ServerConnection() override;

  net::Task<void> run() override;
  void drain() override;
  void end_when_idle() override;

 private:
  friend class ServerStream;
  friend class ConnectRequest;
  struct Watch final : net::Timer {
    explicit Watch(ServerConnection& watched);
    ServerConnection& connection;
  };

  net::Task<void> serve(ServerStream& stream);
  net::Task<void> serve_connect(ServerStream& stream);
  bool begin_response(ServerStream& stream, http::Response& response);
  net::Task<bool> finish_response(ServerStream& stream, http::Response& response);
  net::Task<bool> send_content(ServerStream& stream, http::Response& response);
  // The client did not take what there was to send; false, for who sends.
  bool not_taken(ServerStream& stream, const Error& error);
  // Something failed on that side; false, as nothing more can be sent.
  bool give_up(ServerStream& stream, Side side, const Error& error);
  void stream_ends(ServerStream& stream, ErrorCode why);
  // The same, for a request that the service knows of.
  void request_ends(ServerStream& stream, ErrorCode why);
  void start_streams();

  void receive(net::Slice bytes) override;
  void look_at(const FrameHead& head);
  // Counts against the client; may end the connection.
  void offend(Offence offence);
  void end_for_abuse(std::string_view offence);
  // Deadlines of the connection as a whole: arms the timer for the next.
  void watch();

  Stream* make_stream() override;
  void on_stream_error(bool refused) override { offend(refused ? Offence::kRefused : Offence::kStreamError); }
  void on_data_sent() override { abuse_.data_sent(); }
  void on_end_sent(Stream& stream) override;
  void on_received() override { start_streams(); }

  net::Env& env() const { return server_.env(); }
  const http::ServerOptions& options() const { return server_.options(); }

  http::Server& server_;
  ConnectHandler* handler_;
  net::Context* context_ = nullptr;  // of run()
  net::Address peer_;
  std::uint16_t local_port_;
  std::string_view scheme_;
  std::shared_ptr<const http::TlsInfo> tls_;
  net::Buffer received_;  // before run(): [begin_, end_)
  std::size_t begin_;
  std::size_t end_;

  net::TaskGroup tasks_;              // one for each stream
  net::TaskGroup sender_;             // send_all()
  ServerStream* to_start_ = nullptr;  // received in this turn, in order
  ServerStream** to_start_end_ = &to_start_;

  std::size_t preface_left_;
  FrameScanner scanner_;
  std::int32_t last_seen_ = 0;  // the highest stream of which a head was seen
  AbuseScore abuse_;
  bool abused_ = false;
  bool said_last_ = false;  // the final GOAWAY was submitted

  Instant began_;
  Instant idle_since_;
  std::int32_t section_ = 0;  // the stream whose field section was unfinished after the last receiving
  Instant section_since_;
  Watch watch_{*this};
};

}  // namespace weir::h2
