#include "h2/client_stream.h"

#include <utility>

#include "h2/head.h"
#include "h2/limits.h"

namespace weir::h2 {

http::Fields& ClientStream::begin_section() {
  if (!head_received_) return head_.fields;
  trailers_ = std::make_unique<http::Fields>();
  return *trailers_;
}

void ClientStream::end_section(bool /*end_stream*/) {
  if (head_received_) {
    if (section_.too_large()) {
      refuse({Code::kHeadTooLarge, Side::kUpstream, Retry::kNever, 0, "trailers larger than the limit"});
    }
    http::remove_forbidden_trailers(*trailers_);
    return;
  }
  if (auto settled = settle_response(section_, method_, head_); !settled) {
    refuse(settled.error());
    return;
  }
  if (head_.status >= 200 || head_.status == 101) {
    head_received_ = true;
    return;
  }
  if (++interims_seen_ > kInterimMax) {
    refuse({Code::kMalformed, Side::kUpstream, Retry::kNever, 0, "too many interim responses"});
    return;
  }
  std::unique_ptr<Interim>* last = &interims_;
  while (*last) last = &(*last)->next;
  *last = std::make_unique<Interim>(std::make_unique<http::ResponseHead>(head_), nullptr);
}

std::unique_ptr<http::ResponseHead> ClientStream::take_interim() {
  if (!interims_) return nullptr;
  std::unique_ptr<Interim> first = std::move(interims_);
  interims_ = std::move(first->next);
  return std::move(first->head);
}

void ClientStream::refuse(const Error& error) {
  failure_ = error;
  content_.fail(error);
  reset(ErrorCode::kProtocolError);
}

// RFC 9113 section 8.7: what was refused, or never sent, was not acted upon. A stream's reset says nothing
// about its connection, so that has another code.
void ClientStream::on_closed(ErrorCode code) {
  close_code_ = code;
  closed_with_connection_ = session_.dying();
  if (head_received_ || failure_) return;
  const Retry retry = code == ErrorCode::kRefusedStream || !head_sent() ? Retry::kSafe : Retry::kIfIdempotent;
  if (session_.dying()) {
    failure_ = {Code::kClosed, Side::kUpstream, retry, 0,
                "the connection to the origin ended before an answer"};
  } else {
    failure_ = {Code::kReset, Side::kUpstream, retry, 0,
                retry == Retry::kSafe ? "the origin refused the stream"
                                      : "the origin reset the stream before an answer"};
  }
}

}  // namespace weir::h2
