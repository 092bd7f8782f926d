#include "shipping/shipper.h"

#include <algorithm>
#include <utility>

#include "shipping/limit.h"

namespace weir::shipping {

Shipper::Shipper(net::Env& env, std::string name, std::unique_ptr<Collector> collector,
                 std::unique_ptr<Spool> spool, ShipperCounts& counts)
    : env_(env),
      name_(std::move(name)),
      collector_(std::move(collector)),
      spool_(std::move(spool)),
      counts_(counts),
      tasks_(env.loop) {
  show();
}

void Shipper::start() {
  tasks_.spawn(run());
  tasks_.spawn(adopt());
}

net::Task<void> Shipper::stop() {
  ending_ = true;
  arrived_.set();
  if (failing_) tasks_.cancel();
  Limit limit(tasks_);
  env_.loop.arm(limit, env_.loop.deadline(kEndGrace));
  co_await tasks_.join();
  spool_->sync();
  show();
}

void Shipper::keep(std::string_view lines, std::uint64_t count) {
  const auto kept = spool_->append(lines, env_.loop.clock().wall_now());
  if (!kept) counts_.dropped.fetch_add(count, std::memory_order_relaxed);
  if (kept.has_value() != spooling_) {
    spooling_ = kept.has_value();
    if (spooling_) {
      env_.log.info("access log is kept for its collector again", {{"target", name_}});
    } else {
      env_.log.error("access log cannot be kept for its collector",
                     {{"target", name_}, {"reason", sentence_of(kept.error())}});
    }
  }
  show();
  arrived_.set();
}

void Shipper::show() {
  counts_.dropped.fetch_add(spool_->take_dropped(), std::memory_order_relaxed);
  counts_.waiting_bytes.store(spool_->bytes(), std::memory_order_relaxed);
  const auto since = spool_->waiting_since();
  counts_.waiting_since_ms.store(since ? since->time_since_epoch().count() : 0, std::memory_order_relaxed);
}

net::Task<void> Shipper::adopt() {
  while (!ending_ && co_await env_.loop.sleep(kAdoptEvery)) {
    if (!spool_->adopt()) continue;
    show();
    arrived_.set();
  }
}

net::Task<void> Shipper::run() {
  for (;;) {
    auto pack = spool_->oldest();
    show();
    if (pack) {
      if (!co_await send(std::move(*pack))) break;
      continue;
    }
    if (ending_) break;
    arrived_.reset();
    if (!co_await arrived_.wait(env_.loop)) break;
    if (!ending_ && !co_await env_.loop.sleep(kGather)) break;
  }
  if (ending_) tasks_.cancel();  // of adopt()
}

net::Task<bool> Shipper::send(Spool::Pack pack) {
  const Delivery delivery = co_await collector_->post("application/x-ndjson", std::move(pack.lines),
                                                      {{std::string(kBatchField), pack.id}});
  if (delivery.outcome == Delivery::Outcome::kCancelled) co_return false;
  note(delivery);
  settle(pack, delivery);
  show();
  if (delivery.outcome == Delivery::Outcome::kTaken) {
    backoff_.succeeded();
    co_return true;
  }
  if (ending_) co_return false;
  spool_->sync();
  const Duration wait = std::max(backoff_.failed(env_.random), delivery.wait);
  co_return (co_await env_.loop.sleep(wait)).has_value();
}

void Shipper::settle(const Spool::Pack& pack, const Delivery& delivery) {
  if (delivery.outcome == Delivery::Outcome::kTaken) {
    counts_.taken.fetch_add(pack.count, std::memory_order_relaxed);
    return spool_->remove(pack.id);
  }
  if (delivery.outcome != Delivery::Outcome::kRefused) return;
  if (std::exchange(refused_, pack.id) != pack.id) refusals_ = 0;
  if (++refusals_ < kRefusalsMax) return;
  env_.log.error("lines of the access log are given up: their collector refuses them",
                 {{"target", name_}, {"lines", std::to_string(pack.count)}, {"reason", delivery.sentence}});
  counts_.dropped.fetch_add(pack.count, std::memory_order_relaxed);
  spool_->remove(pack.id);
}

void Shipper::note(const Delivery& delivery) {
  const bool fails = delivery.outcome != Delivery::Outcome::kTaken;
  if (fails || failing_) counts_.set_trouble(delivery.sentence);
  if (std::exchange(failing_, fails) == fails) return;
  if (fails) {
    env_.log.warning("access log is not taken by its collector, and waits on disk",
                     {{"target", name_}, {"reason", delivery.sentence}});
  } else {
    env_.log.info("access log is taken by its collector again",
                  {{"target", name_}, {"waiting_bytes", std::to_string(spool_->bytes())}});
  }
}

}  // namespace weir::shipping
