#include "node/prober.h"

#include <algorithm>
#include <utility>

#include "health/check.h"
#include "lb/health_state.h"
#include "node/labels.h"

namespace weir::node {
namespace {

std::string fails(std::string_view probe, const Container& container, const std::string& why) {
  return "the " + std::string(probe) + " probe of the container " + container.name + " fails: " + why;
}

lb::HealthState state_of(const Probe& probe) {
  return lb::HealthState({.unhealthy = probe.failure_threshold, .healthy = probe.success_threshold});
}

// A container that has just been started is ready soon, or in a while: it is not asked a whole period later.
constexpr int kEagerTries = 10;
constexpr Duration kEagerPeriod = std::chrono::seconds(1);

bool is_bad(lb::Health health) {
  return health == lb::Health::kUnhealthy || health == lb::Health::kNeverHealthy;
}

}  // namespace

Prober::Prober(net::Env& env, podman::Client& podman, std::shared_ptr<const Instance> instance,
               std::string address, Hear hear)
    : env_(env),
      podman_(podman),
      instance_(std::move(instance)),
      address_(std::move(address)),
      hear_(std::move(hear)),
      unready_(instance_->containers.size()),
      tasks_(env.loop) {}

void Prober::start() {
  starting_ = instance_->containers.size();
  for (std::size_t i = 0; i < instance_->containers.size(); ++i) {
    if (instance_->containers[i].readiness_probe) unready_[i] = "no readiness probe has passed yet";
  }
  for (std::size_t i = 0; i < instance_->containers.size(); ++i) tasks_.spawn(watch(i));
}

net::Task<void> Prober::watch(std::size_t place) {
  const Container& container = instance_->containers[place];
  if (container.startup_probe) {
    const Probe& probe = *container.startup_probe;
    lb::HealthState state = state_of(probe);
    if (!co_await env_.loop.sleep(probe.initial_delay)) co_return;
    while (state.health() != lb::Health::kHealthy) {
      const std::string why = co_await check(container, probe);
      if ((co_await net::current_context()).cancelled()) co_return;
      (void)state.observe(why.empty());
      if (is_bad(state.health())) {
        hear_.dead(fails("startup", container, why));
        co_return;
      }
      if (why.empty()) continue;
      if (!co_await env_.loop.sleep(probe.period)) co_return;
    }
  }
  if (--starting_ == 0) hear_.started();
  if (container.liveness_probe) tasks_.spawn(watch_liveness(place));
  if (container.readiness_probe) tasks_.spawn(watch_readiness(place));
}

net::Task<void> Prober::watch_liveness(std::size_t place) {
  const Container& container = instance_->containers[place];
  const Probe& probe = *container.liveness_probe;
  lb::HealthState state = state_of(probe);
  if (!co_await env_.loop.sleep(probe.initial_delay)) co_return;
  for (;;) {
    const std::string why = co_await check(container, probe);
    if ((co_await net::current_context()).cancelled()) co_return;
    if (state.observe(why.empty()) && is_bad(state.health())) {
      hear_.dead(fails("liveness", container, why));
      co_return;
    }
    if (!co_await env_.loop.sleep(probe.period)) co_return;
  }
}

net::Task<void> Prober::watch_readiness(std::size_t place) {
  const Container& container = instance_->containers[place];
  const Probe& probe = *container.readiness_probe;
  lb::HealthState state = state_of(probe);
  if (!co_await env_.loop.sleep(probe.initial_delay)) co_return;
  for (int tries = 0;; tries = std::min(tries + 1, kEagerTries)) {
    const std::string why = co_await check(container, probe);
    if ((co_await net::current_context()).cancelled()) co_return;
    if (why.empty()) tries = kEagerTries;
    if (state.observe(why.empty())) {
      unready_[place] = is_bad(state.health()) ? fails("readiness", container, why) : std::string();
      const auto first = std::ranges::find_if(unready_, [](const std::string& one) { return !one.empty(); });
      hear_.ready(first == unready_.end(), first == unready_.end() ? std::string() : *first);
    }
    const bool is_eager = tries < kEagerTries && !probe.exec;  // a command costs more
    const Duration pause = is_eager ? std::min(probe.period, kEagerPeriod) : probe.period;
    if (!co_await env_.loop.sleep(pause)) co_return;
  }
}

net::Task<std::string> Prober::check(const Container& container, const Probe& probe) {
  if (probe.exec) co_return co_await check_by_command(container, probe);
  const auto port = static_cast<std::uint16_t>(probe.http ? probe.http->port : probe.tcp->port);
  const auto at = net::Address::parse_ip(address_, port);
  if (!at) co_return std::string("the instance has no address");
  health::Check check{.interval = probe.period, .timeout = probe.timeout};
  if (probe.http) {
    check.http = health::HttpCheck{.path = probe.http->path,
                                   .host = probe.http->host.empty() ? at->to_string() : probe.http->host,
                                   .expected_statuses = {{200, 399}}};
  }
  const auto passed = co_await health::run_check(env_, {*at}, check);
  co_return passed ? std::string() : sentence_of(passed.error());
}

net::Task<std::string> Prober::check_by_command(const Container& container, const Probe& probe) {
  auto ran =
      co_await podman_.exec(joined_name(instance_->name, container.name), probe.exec->command, probe.timeout);
  if (!ran) co_return ran.error().sentence;
  if (ran->exit_code == 0) co_return std::string();
  co_return "exit code " + std::to_string(ran->exit_code);
}

}  // namespace weir::node
