#include "record/journal.h"

#include <chrono>

#include "record/trace_context.h"

namespace weir::record {
namespace {

std::uint64_t micros_between(Instant begin, Instant end) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(end - begin).count();
  return micros > 0 ? static_cast<std::uint64_t>(micros) : 0;
}

}  // namespace

Try& Decision::begin_try(std::string_view endpoint, bool reused, Instant now) {
  Try& one = tries[std::min<std::size_t>(tries_made, kTriesKept - 1)];
  ++tries_made;
  one.endpoint.assign(endpoint);
  one.outcome = {};
  one.detail = "";
  one.status = 0;
  one.reused = reused;
  one.connecting = !reused;
  one.began = now;
  one.micros = 0;
  return one;
}

void Decision::end_try(Try& one, int answered_status, Instant now) {
  one.outcome = "answered";
  one.status = static_cast<std::uint16_t>(answered_status);
  one.micros = micros_between(one.began, now);
  upstream_micros = micros_between(tries[0].began, now);
}

void Decision::end_try(Try& one, const Error& error, Instant now) {
  end_try(one, 0, now);
  one.outcome = name_of(error.code);
  one.detail = error.text;
}

void Decision::end(const http::RequestEnd& end, Instant now) {
  ended = true;
  status = static_cast<std::uint16_t>(end.status);
  bytes_received = end.body_bytes_received;
  bytes_sent = end.body_bytes_sent;
  micros = micros_between(arrived, now);
  if (end.head_sent) head_micros = micros_between(arrived, *end.head_sent);
  flags.add(flags_of(end.cut));
}

Journal::~Journal() {
  while (under_way_ != nullptr) {
    const std::unique_ptr<Decision> one(under_way_);
    under_way_ = one->next_;
  }
}

Decision& Journal::begin(http::Request& request) {
  auto* decision = new Decision;
  const http::RequestHead& head = request.head;
  decision->id.assign(request.id);
  decision->method.assign(head.method_text);
  decision->host.assign(head.authority);
  decision->target.assign(head.target.empty() ? head.path : head.target);
  if (head.fields.has(http::Known::kTraceparent)) {
    decision->trace_id.assign(trace_id_of(head.fields.value_of(http::Known::kTraceparent)));
  }
  decision->peer = request.peer;
  decision->local_port = request.local_port;
  decision->version_major = request.version_major;
  decision->version_minor = request.version_major > 1 ? 0 : head.version_minor;
  decision->scheme = request.scheme;
  decision->arrived = request.arrived;
  request.note = reinterpret_cast<std::uint64_t>(decision);

  decision->next_ = under_way_;
  decision->link_ = &under_way_;
  if (under_way_ != nullptr) under_way_->link_ = &decision->next_;
  under_way_ = decision;
  ++under_way_count_;
  return *decision;
}

void Journal::end(Decision& decision) {
  *decision.link_ = decision.next_;
  if (decision.next_ != nullptr) decision.next_->link_ = decision.link_;
  --under_way_count_;
  decision.load_balancer_counts = nullptr;
  decision.service_counts = nullptr;
  kept_[next_].reset(&decision);
  next_ = (next_ + 1) % kKeptMax;
}

const Decision* Journal::find(std::string_view id) const {
  for (const Decision* one = under_way_; one != nullptr; one = one->next_) {
    if (one->id.view() == id) return one;
  }
  for (std::size_t back = 1; back <= kKeptMax; ++back) {
    const Decision* one = kept_[(next_ + kKeptMax - back) % kKeptMax].get();
    if (one == nullptr) return nullptr;
    if (one->id.view() == id) return one;
  }
  return nullptr;
}

}  // namespace weir::record
