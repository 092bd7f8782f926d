#include "upstream/retrying.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "record/journal.h"

namespace weir::upstream {

bool may_send_again(const http::Request& request, const Error& error, bool non_idempotent) {
  if (error.side != Side::kUpstream || error.retry == Retry::kNever) return false;
  if (error.retry == Retry::kIfIdempotent && !non_idempotent && !http::is_idempotent(request.head.method)) {
    return false;
  }
  return request.body == nullptr || request.body->rewind();
}

void Retrying::begin_wait(UpstreamHost& host, net::Context& asking) {
  asking_ = &asking;
  connecting_ = may_leave_ = true;
  left_ = false;
  wait_at(host);
}

bool* Retrying::sent_unanswered() {
  connecting_ = may_leave_ = false;
  return &may_leave_;
}

Error Retrying::end_wait(const Error& error) {
  end_wait();
  if (!left_ || error.code != Code::kCancelled || asking_->cancelled()) return error;
  return {Code::kTimedOut, Side::kUpstream, connecting_ ? Retry::kSafe : Retry::kIfIdempotent, 0,
          "the endpoint went down before it answered"};
}

// What could not go to another one waits on: it may be answered still.
void Retrying::host_is_down() {
  if (left_ || !may_leave_ || asking_->cancelled()) return;
  const bool again = connecting_ || (request_.body == nullptr && request_.upgrade == nullptr &&
                                     (policy_.non_idempotent || http::is_idempotent(request_.head.method)));
  const std::size_t tries = tries_ + 1;
  if (!again || tries > policy_.attempts || tries >= tried_.size()) return;
  if (!upstream_.take_retry(policy_.budget_percent)) return;
  left_ = true;
  asking_->interrupt();
}

// A response of trailers only (gRPC's PROTOCOL-HTTP2.md): the status is in the head, and nothing follows.
bool Retrying::is_listed_call(const http::Response& response) const {
  static constexpr std::array<std::string_view, 5> kCodes{"1", "4", "8", "13",
                                                          "14"};  // by config::GrpcStatus
  if (policy_.on_grpc_statuses.empty() || !response.at_end()) return false;
  const http::Field* status = response.head.fields.find("grpc-status");
  if (status == nullptr) return false;
  return std::ranges::any_of(policy_.on_grpc_statuses, [status](config::GrpcStatus listed) {
    return kCodes[static_cast<std::size_t>(listed)] == status->value;
  });
}

bool Retrying::wanted(const Result<http::ResponsePtr>& outcome) const {
  Error error{Code::kMalformed, Side::kUpstream, Retry::kIfIdempotent};
  if (outcome) {
    if (!(*outcome)->settled()) return false;  // the body is on its way still
    const int status = (*outcome)->head.status;
    const bool listed = std::ranges::any_of(policy_.on_statuses, [status](const config::StatusRange& range) {
      return status >= range.first && status <= range.last;
    });
    if (!listed && !is_listed_call(**outcome)) return false;
  } else {
    error = outcome.error();
    // The endpoint has not said anything, and was given less than all the time there is.
    if (error.code == Code::kTimedOut && error.retry == Retry::kNever && policy_.per_try_timeout) {
      error.retry = Retry::kIfIdempotent;
    }
  }
  return may_send_again(request_, error, policy_.non_idempotent);
}

// An origin that came by tunnels to several edges is one endpoint with so many ways to it; which of them is
// broken is known where it is dialled.
std::optional<std::uint32_t> Retrying::by_another_way() const {
  const PlannedService& service = upstream_.service();
  const auto tried = std::span(tried_).first(tries_);
  for (const std::uint32_t index : tried) {
    const auto found = std::ranges::find(service.source->endpoints, service.hosts[index].shared->key,
                                         &config::Endpoint::key);
    if (found == service.source->endpoints.end()) continue;
    if (std::cmp_less(std::ranges::count(tried, index), found->tunnels.size())) return index;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Retrying::next(std::uint32_t index, const Result<http::ResponsePtr>& outcome,
                                            Instant now) {
  tried_[tries_++] = index;
  if (!wanted(outcome)) return std::nullopt;
  record::Flags& flags = record::Decision::of(request_).flags;
  const bool used_up = tries_ > policy_.attempts || tries_ == tried_.size() || now >= ends_;
  if (used_up && policy_.attempts > 0) flags.add(record::Flag::kRetriesUsedUp);
  if (used_up) return std::nullopt;
  auto another = upstream_.pick(affinity_, std::span(tried_).first(tries_));
  // Whoever could not even dial has tried all ways.
  const bool broke = !outcome && outcome.error().retry != Retry::kSafe;
  if (!another && broke) another = by_another_way();
  if (!another) return std::nullopt;
  if (!std::exchange(left_, false) && !upstream_.take_retry(policy_.budget_percent)) {
    flags.add(record::Flag::kRetriesUsedUp);
    return std::nullopt;
  }
  if (!permit_) permit_ = upstream_.acquire(lb::Resource::kRetries);
  if (!permit_) {
    flags.add(record::Flag::kOverflow);
    return std::nullopt;
  }
  return another;
}

}  // namespace weir::upstream
