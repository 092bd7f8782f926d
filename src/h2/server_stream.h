// ServerStream: one request and its response. Part of a ServerConnection, on its core.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "h2/stream.h"
#include "http/request_id.h"
#include "http/service.h"

namespace weir::h2 {

class ServerConnection;

class ServerStream final : public Stream, private http::InterimSink, private http::Upgrade {
 public:
  explicit ServerStream(ServerConnection& connection);

  // The request is to be answered here, with this: it is not one, or too much.
  const std::optional<Error>& refusal() const { return refusal_; }
  http::Request& request() { return request_; }
  http::RequestHead& head() { return head_; }
  // What the service is told at the end.
  http::RequestEnd end;
  // Makes the request ready for the service.
  void begin_request();
  // With the client, while it takes the response.
  net::Patience& sending() { return sending_; }
  // The response is on its way: its deadlines hold for both directions now.
  void response_begins();
  // The task that serves it; cancelled when the client gives the request up.
  void set_context(net::Context* context) { context_ = context; }
  ServerStream* next_to_start = nullptr;  // in the connection's list

 private:
  class RequestContent final : public http::Body {
   public:
    explicit RequestContent(ServerStream& stream) : stream_(stream) {}
    net::Task<Result<net::Slice>> read() override;
    net::Slice take_buffered() override;
    bool at_end() const override { return !exceeded_ && stream_.content_at_end(); }
    bool untouched() const override { return pieces_ == 0; }
    bool rewind() override;
    void set_bytes_max(std::uint64_t bytes_max) override { allowed_ = bytes_max; }
    void set_read_timeout(Duration timeout) override { timeout_ = timeout; }
    void wait_on() {
      timeout_ = Duration::max();
      patience_ = net::Patience(timeout_);
    }
    const http::Fields* trailers() const override { return stream_.trailers_.get(); }

   private:
    bool allow(net::Slice piece);
    ServerStream& stream_;
    std::uint64_t allowed_ = std::numeric_limits<std::uint64_t>::max();  // bytes that may still be given out
    Duration timeout_{};
    net::Patience patience_{Duration::max()};
    bool exceeded_ = false;
    unsigned pieces_ = 0;  // asked for, 2 at most
  };

  http::Fields& begin_section() override;
  void end_section(bool end_stream) override;
  void on_closed(ErrorCode code) override;
  net::Task<Result<void>> send_interim(const http::ResponseHead& head) override;
  http::Body& take_up(Duration idle_timeout) override;
  void cut() override { reset(ErrorCode::kCancel); }
  void send_continue();

  ServerConnection& connection_;
  http::RequestHead head_;
  http::Request request_;
  RequestContent content_body_{*this};
  http::RequestId request_id_;
  std::unique_ptr<http::Fields> trailers_;
  std::optional<Error> refusal_;
  net::Context* context_ = nullptr;
  net::Patience sending_{Duration::max()};
  bool head_received_ = false;
  bool wants_continue_ = false;
};

}  // namespace weir::h2
