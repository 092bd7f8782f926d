// ClientStream: one request to an origin, and its response as it comes. Belongs to the ClientResponse that
// exchange() gives; lives on until the wire is done with it. On the core of its connection.
#pragma once

#include <memory>
#include <optional>

#include "h2/client_connection.h"
#include "h2/stream.h"
#include "http/message.h"

namespace weir::h2 {

class ClientStream final : public Stream {
 public:
  // head: of the response; until release(). method: see settle_response().
  ClientStream(ClientConnection& connection, http::ResponseHead& head, http::Method method)
      : Stream(connection), head_(head), method_(method) {}

  // The final head is there.
  bool head_received() const { return head_received_; }
  // The next 1xx, or null. The request's own reading of it: 100 is among them.
  std::unique_ptr<http::ResponseHead> take_interim();
  // No final head will come, and why.
  const std::optional<Error>& failure() const { return failure_; }
  const http::Fields* trailers() const { return trailers_.get(); }
  // How the wire closed it, once it has: with its connection, or else by this code of the origin's.
  bool closed_with_connection() const { return closed_with_connection_; }
  ErrorCode close_code() const { return close_code_; }

  // Until something has come, or wake().
  Signal::Wait wait(Duration timeout) { return received_.wait(session_.loop(), timeout); }
  void wake() { received_.notify(); }

 private:
  struct Interim {
    std::unique_ptr<http::ResponseHead> head;
    std::unique_ptr<Interim> next;
  };

  http::Fields& begin_section() override;
  void end_section(bool end_stream) override;
  void on_closed(ErrorCode code) override;
  void refuse(const Error& error);

  http::ResponseHead& head_;
  http::Method method_;
  bool head_received_ = false;
  unsigned interims_seen_ = 0;
  std::unique_ptr<Interim> interims_;  // not yet taken, in order
  std::unique_ptr<http::Fields> trailers_;
  std::optional<Error> failure_;
  bool closed_with_connection_ = false;
  ErrorCode close_code_ = ErrorCode::kNoError;
};

}  // namespace weir::h2
