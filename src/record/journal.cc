#include "record/journal.h"

#include <utility>

namespace weir::record {
Try& Decision::begin_try(std::string_view endpoint, bool reused, Instant now) {
  Try& one = *new (&tries[std::min<std::size_t>(tries_made, kTriesKept - 1)]) Try;
  ++tries_made;
  one.endpoint.assign(endpoint);
  one.reused = reused;
  one.connecting = !reused;
  one.began = now;
  return one;
}

void Decision::end_try(Try& one, int answered_status, Instant now) {
  one.outcome = "answered";
  one.status = static_cast<std::uint16_t>(answered_status);
  one.took = now - one.began;
  upstream_took = now - tries[0].began;
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
  took = now - arrived;
  if (end.head_sent) head_took = *end.head_sent - arrived;
  // Who ended it for that is who cut it.
  if (!flags.has(Flag::kLastedTooLong)) flags.add(flags_of(end.cut));
}

Journal::~Journal() {
  while (under_way_ != nullptr) {
    const std::unique_ptr<Decision> one(under_way_);
    under_way_ = one->next_;
  }
}

Decision& Journal::begin(http::Request& request) {
  Decision* decision = spare_ ? ::new (spare_.release()) Decision : new Decision;
  const http::RequestHead& head = request.head;
  decision->id.assign(request.id);
  decision->known_method = head.method;
  if (head.method == http::Method::kOther) decision->other_method.assign(head.method_text);
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
  spare_ = std::exchange(kept_[next_], std::unique_ptr<Decision>(&decision));
  next_ = (next_ + 1) % kKeptMax;
}

void Decision::keep_names() {
  const auto keep = [](std::string_view& name, auto& own) {
    if (name.empty() || name.data() == own.view().data()) return;
    own.assign(name);
    name = own.view();
  };
  keep(route, own_route_);
  keep(service, own_service_);
}

void Journal::keep_names() {
  for (Decision* one = under_way_; one != nullptr; one = one->next_) one->keep_names();
  for (const auto& one : kept_) {
    if (one) one->keep_names();
  }
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
