// Retrying: whether a request goes to another endpoint after one has failed it, or was found to be down
// before it answered, which is decided here alone. One per request, on its core; allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "http/service.h"
#include "lb/weighted.h"
#include "upstream/upstream.h"

namespace weir::upstream {

// Sending it again is right: nothing of it was acted upon, or doing it twice is the same as once (or said to
// be: non_idempotent); and its body, if any, is still to be had.
bool may_send_again(const http::Request& request, const Error& error, bool non_idempotent = false);

class Retrying final : public Waiting {
 public:
  // All outlive it. ends: no try begins after it.
  Retrying(const config::Retries& policy, Upstream& upstream, const http::Request& request,
           const Affinity& affinity, Instant ends)
      : policy_(policy), upstream_(upstream), request_(request), affinity_(affinity), ends_(ends) {}

  // While the endpoint is asked by this task: from the connecting on, when nothing was sent, to the answer.
  void begin_wait(UpstreamHost& host, net::Context& asking);
  // Of http::ExchangeOptions: sent, and nothing has come.
  bool* sent_unanswered();
  // What the try ended with: that the endpoint is down, where that was why.
  Error end_wait(const Error& error);
  void end_wait() { Waiting::end_wait(); }

  // After a try at the host of that index: the host of the next one, which is taken out of the budget; the
  // same one again when there is no other and it is reached by another way. Nothing when the outcome is what
  // the client gets.
  std::optional<std::uint32_t> next(std::uint32_t index, const Result<http::ResponsePtr>& outcome,
                                    Instant now);

 private:
  void host_is_down() override;
  bool is_listed_call(const http::Response& response) const;
  bool wanted(const Result<http::ResponsePtr>& outcome) const;
  std::optional<std::uint32_t> by_another_way() const;

  const config::Retries& policy_;
  Upstream& upstream_;
  const http::Request& request_;
  const Affinity& affinity_;
  Instant ends_;
  std::array<std::uint32_t, lb::kTriedMax> tried_{};
  std::size_t tries_ = 0;
  lb::Permit permit_;
  net::Context* asking_ = nullptr;
  bool connecting_ = false;
  bool may_leave_ = false;  // an interruption would be right
  bool left_ = false;       // the current try, out of the budget
};

}  // namespace weir::upstream
