#include "report/reporter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/task_group.h"

namespace weir::report {

Reporter::Reporter(net::Env& env, grpc::Channel& channel, Hello hello, std::function<Load()> take_load,
                   Options options)
    : env_(env),
      channel_(channel),
      hello_(std::move(hello)),
      take_load_(std::move(take_load)),
      options_(options),
      backoff_(options.backoff),
      load_since_(env.loop.now()) {}

net::Task<void> Reporter::run() {
  bool told = false;  // that there is no stream; once for each time that it was lost
  for (;;) {
    auto call = co_await channel_.call(std::string(kReportPath), {}, std::nullopt);
    std::string why;
    if (call) {
      co_await attach(**call);
      told &= !attached_;
      const grpc::Status& status = (*call)->status();
      why = std::string(grpc::name_of(status.code)) + ": " + status.message;
    } else {
      why = sentence_of(call.error());
    }
    if (std::exchange(attached_, false) && reply_told_) reply_told_(std::nullopt);
    const Duration wait = backoff_.failed(env_.random);
    if (auto slept = co_await env_.loop.sleep(Duration::zero()); !slept) co_return;  // it was cancelled
    if (!std::exchange(told, true)) env_.log.warning("no controller takes reports", {{"reason", why}});
    if (auto slept = co_await env_.loop.sleep(wait); !slept) co_return;
  }
}

net::Task<void> Reporter::attach(grpc::ClientCall& call) {
  net::TaskGroup sending(env_.loop);
  sending.spawn(send(call));
  co_await receive(call);
  co_await sending.stop();
}

net::Task<void> Reporter::receive(grpc::ClientCall& call) {
  for (;;) {
    auto message = co_await call.read();
    if (!message || !*message) co_return;
    auto reply = parse_reply(**message);
    if (!reply) co_return;
    if (!std::exchange(attached_, true)) {
      backoff_.succeeded();
      env_.log.info("a controller takes reports");
    }
    for (; !awaited_.empty() && awaited_.front().first <= reply->seen; awaited_.pop_front()) {
      interval_heard_ = awaited_.front().second;
    }
    for (channel::Open& one : std::exchange(reply->opens, {})) {
      if (open_told_) open_told_(channel_, std::move(one));
    }
    if (reply_told_) reply_told_(std::move(*reply));
  }
}

net::Task<void> Reporter::send(grpc::ClientCall& call) {
  change_all();
  interval_told_ = interval_heard_;
  reports_ = 0;
  awaited_.clear();
  Report report{.hello = hello_};
  load_due_ = true;
  refused_due_ = !refused_.empty();
  anycast_due_ = !anycast_.empty();
  Instant next_load{};
  for (;;) {
    if (load_due_ || env_.loop.now() >= next_load) {
      load_due_ = false;
      report.load = take_load();
      next_load = env_.loop.deadline(options_.load_interval);
    }
    if (std::exchange(refused_due_, false)) report.refused = refused_;
    if (std::exchange(anycast_due_, false)) report.anycast = anycast_;
    take_changed(report);
    take_tunnels(report);
    take_intervals(report);
    if (report != Report{}) {
      ++reports_;
      if (!co_await call.write(serialize(std::exchange(report, {})))) co_return;
      continue;
    }
    const auto woken = co_await wake_.wait(env_.loop, next_load - env_.loop.now());
    if (!woken && woken.error().code != Code::kTimedOut) co_return;
  }
}

void Reporter::see(EndpointSeen seen) {
  seen.reason.resize(std::min(seen.reason.size(), kReportTextBytesMax));
  const auto [found, is_new] = endpoints_.try_emplace({std::move(seen.service), std::move(seen.endpoint)});
  Entry& entry = found->second;
  if (!is_new && entry.state == seen.state && entry.reason == seen.reason) return;
  if (is_new && seen.state == EndpointState::kGone) {
    endpoints_.erase(found);
    return;
  }
  entry.state = seen.state;
  entry.reason = std::move(seen.reason);
  if (is_new || !std::exchange(entry.changed, true)) changed_.push_back(found->first);
  wake_.notify();
}

void Reporter::see(TunnelSeen seen) {
  Key key{seen.service, seen.instance};
  const auto found = tunnels_.find(key);
  if (seen.gone) {
    if (found == tunnels_.end() || found->second.seen.session != seen.session) return;
  } else if (found != tunnels_.end() && found->second.seen == seen) {
    return;
  }
  const bool told = found != tunnels_.end() && found->second.changed;
  tunnels_[key] = {.seen = std::move(seen)};
  if (!told) changed_tunnels_.push_back(std::move(key));
  wake_.notify();
}

void Reporter::applied(std::uint64_t revision) {
  if (std::exchange(applied_revision_, revision) == revision) return;
  load_due_ = true;
  wake_.notify();
}

void Reporter::refused(std::vector<RefusedObject> all) {
  if (all.size() > kReportRefusedMax) all.resize(kReportRefusedMax);
  for (RefusedObject& one : all) one.reason.resize(std::min(one.reason.size(), kReportTextBytesMax));
  if (refused_ == all) return;
  refused_ = std::move(all);
  refused_due_ = true;
  wake_.notify();
}

void Reporter::announces(std::vector<AnycastSeen> all) {
  if (all.size() > kReportAnycastMax) all.resize(kReportAnycastMax);
  for (AnycastSeen& one : all) one.reason.resize(std::min(one.reason.size(), kReportTextBytesMax));
  if (anycast_ == all) return;
  anycast_ = std::move(all);
  anycast_due_ = true;
  wake_.notify();
}

// For a new stream, whose other end knows nothing: what is gone was never there.
void Reporter::change_all() {
  std::erase_if(endpoints_, [](const auto& entry) { return entry.second.state == EndpointState::kGone; });
  changed_.clear();
  for (auto& [key, entry] : endpoints_) {
    entry.changed = true;
    changed_.push_back(key);
  }
  std::erase_if(tunnels_, [](const auto& entry) { return entry.second.seen.gone; });
  changed_tunnels_.clear();
  for (auto& [key, tunnel] : tunnels_) {
    tunnel.changed = true;
    changed_tunnels_.push_back(key);
  }
}

void Reporter::take_tunnels(Report& report) {
  while (!changed_tunnels_.empty() && report.tunnels.size() < kReportTunnelsMax) {
    const auto found = tunnels_.find(changed_tunnels_.front());
    changed_tunnels_.pop_front();
    found->second.changed = false;
    report.tunnels.push_back(found->second.seen);
    if (found->second.seen.gone) tunnels_.erase(found);
  }
}

void Reporter::take_intervals(Report& report) {
  if (log_ == nullptr) return;
  report.intervals = log_->behind(interval_told_, env_.loop.now());
  if (report.intervals.empty()) return;
  interval_told_ = report.intervals.back().sequence;
  awaited_.emplace_back(reports_ + 1, interval_told_);
}

void Reporter::take_changed(Report& report) {
  while (!changed_.empty() && report.endpoints.size() < kReportEndpointsMax) {
    const auto found = endpoints_.find(changed_.front());
    changed_.pop_front();
    Entry& entry = found->second;
    entry.changed = false;
    report.endpoints.push_back({found->first.first, found->first.second, entry.state, entry.reason});
    if (entry.state == EndpointState::kGone) endpoints_.erase(found);
  }
}

Load Reporter::take_load() {
  Load load = take_load_();
  load.applied_revision = applied_revision_;
  load.span = env_.loop.now() - std::exchange(load_since_, env_.loop.now());
  return load;
}

}  // namespace weir::report
