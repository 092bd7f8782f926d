#include "health/monitor.h"

#include <utility>

namespace weir::health {
namespace {

// Each pause is up to a tenth longer or shorter, so that checks do not stay in step.
Duration jittered(Duration interval, Random& random) {
  const auto tenth = static_cast<std::uint64_t>(interval.count() / 10);
  if (tenth == 0) return interval;
  return interval - Duration(static_cast<std::int64_t>(tenth)) +
         Duration(static_cast<std::int64_t>(random.below(2 * tenth)));
}

}  // namespace

struct Monitor::Watched {
  Watched(net::Loop& loop, std::string watched_key, Target watched_target)
      : key(std::move(watched_key)),
        target(std::move(watched_target)),
        state({.unhealthy = target.check.unhealthy_threshold, .healthy = target.check.healthy_threshold}),
        group(loop) {}
  std::string key;
  Target target;
  lb::HealthState state;
  net::TaskGroup group;  // the one task that checks
};

Monitor::Monitor(net::Env& env) : env_(env), ending_(env.loop) {}
Monitor::~Monitor() = default;

void Monitor::set(const std::string& group, std::map<std::string, Target> targets) {
  Group& all = groups_[group];
  for (auto& [key, watched] : all) {
    const auto wanted = targets.find(key);
    const bool same = wanted != targets.end() && wanted->second.addresses == watched->target.addresses &&
                      wanted->second.check == watched->target.check;
    if (!same) ending_.spawn(end(std::move(watched)));
  }
  std::erase_if(all, [](const auto& item) { return item.second == nullptr; });
  for (auto& [key, target] : targets) {
    auto& watched = all[key];
    if (watched) {
      watched->target.on_verdict = std::move(target.on_verdict);
      watched->target.on_pass = std::move(target.on_pass);
      continue;
    }
    watched = std::make_unique<Watched>(env_.loop, key, std::move(target));
    if (watched->target.known == lb::Health::kHealthy) watched->state.observe(true);
    watched->group.spawn(watch(*watched));
  }
  if (all.empty()) groups_.erase(group);
}

net::Task<void> Monitor::end(std::unique_ptr<Watched> watched) { co_await watched->group.stop(); }

net::Task<void> Monitor::stop() {
  while (!groups_.empty()) set(std::string(groups_.begin()->first), {});
  co_await ending_.join();
}

net::Task<void> Monitor::watch(Watched& watched) {
  for (;;) {
    const auto passed = co_await run_check(env_, watched.target.addresses, watched.target.check);
    if (!passed && passed.error().code == Code::kCancelled) co_return;
    checks_.add();
    if (!passed) failures_.add();
    if (watched.state.observe(passed.has_value())) {
      env_.log.info("endpoint health changed", {{"endpoint", watched.key},
                                                {"health", std::string(name_of(watched.state.health()))},
                                                {"reason", passed ? "" : passed.error().text}});
      watched.target.on_verdict(watched.state.health(), passed ? Error{} : passed.error());
    }
    if (passed) watched.target.on_pass();
    if (!co_await env_.loop.sleep(jittered(watched.target.check.interval, env_.random))) co_return;
  }
}

}  // namespace weir::health
