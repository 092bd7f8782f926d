#include "edge/retrying.h"

#include <algorithm>
#include <span>

namespace weir::edge {

bool may_send_again(const http::Request& request, const Error& error, bool non_idempotent) {
  if (error.side != Side::kUpstream || (request.body != nullptr && !request.body->untouched())) return false;
  switch (error.retry) {
    case Retry::kNever: return false;
    case Retry::kSafe: return true;
    case Retry::kIfIdempotent: return non_idempotent || http::is_idempotent(request.head.method);
  }
  return false;
}

bool Retrying::wanted(const Result<http::ResponsePtr>& outcome) const {
  Error error{Code::kMalformed, Side::kUpstream, Retry::kIfIdempotent};
  if (outcome) {
    const int status = (*outcome)->head.status;
    if (std::ranges::none_of(policy_.on_statuses, [status](const config::StatusRange& range) {
          return status >= range.first && status <= range.last;
        })) {
      return false;
    }
  } else {
    error = outcome.error();
    // The endpoint has not said anything, and was given less than all the time there is.
    if (error.code == Code::kTimedOut && error.retry == Retry::kNever && policy_.per_try_timeout) {
      error.retry = Retry::kIfIdempotent;
    }
  }
  return may_send_again(request_, error, policy_.non_idempotent);
}

std::optional<std::uint32_t> Retrying::next(std::uint32_t index, const Result<http::ResponsePtr>& outcome,
                                            Instant now) {
  tried_[tries_++] = index;
  if (tries_ > policy_.attempts || tries_ == tried_.size() || now >= ends_ || !wanted(outcome)) {
    return std::nullopt;
  }
  const auto another = upstream_.pick(affinity_, std::span(tried_).first(tries_));
  if (!another || !upstream_.take_retry(policy_.budget_percent)) return std::nullopt;
  if (!permit_) permit_ = upstream_.acquire(lb::Resource::kRetries);
  if (!permit_) return std::nullopt;
  return another;
}

}  // namespace weir::edge
