#include "role/process.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace weir::role {
namespace {

// Every connection is a descriptor or two: take what the system gives.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::expected<std::unique_ptr<Process>, std::string> Process::create(Log& log, ProcessOptions options) {
  raise_descriptor_limit();
  std::unique_ptr<Process> process(new Process());
  const bool hold = !options.inherited.empty();
  process->sockets_.inherit(std::move(options.inherited), std::max(options.workers, 1U));
  auto control = process->make_core(log, hold);
  if (!control) return std::unexpected(control.error());
  process->control_ = std::move(*control);
  const auto handler = [raw = process.get()](int signal) {
    if (raw->handler_) raw->handler_(signal);
  };
  net::EpollPoller& poller = process->control_->poller();
  auto signals = options.on_hangup ? Signals::create(poller, {SIGTERM, SIGINT, SIGHUP}, handler)
                                   : Signals::create(poller, {SIGTERM, SIGINT}, handler);
  if (!signals) return std::unexpected(std::string(signals.error().text));
  process->signals_ = std::move(*signals);
  for (unsigned i = 0; i < options.workers; ++i) {
    auto core = process->make_core(log, hold);
    if (!core) return std::unexpected(core.error());
    process->worker_envs_.push_back(&(*core)->env());
    process->workers_.push_back(std::move(*core));
  }
  auto slow = process->make_core(log, false);
  if (!slow) return std::unexpected(slow.error());
  process->slow_ = std::move(*slow);
  return process;
}

std::expected<std::unique_ptr<net::Core>, std::string> Process::make_core(Log& log, bool hold) {
  auto core = net::Core::create(log, &sockets_);
  if (!core) return std::unexpected(std::string(core.error().text));
  if (hold) (*core)->network().hold();
  return std::move(*core);
}

// What there is already is not needed twice.
void Process::release(std::vector<net::ListeningSockets::One> late) {
  std::erase_if(late, [this](const auto& one) { return sockets_.has(one.at); });
  sockets_.inherit(std::move(late), std::max<std::size_t>(workers_.size(), 1));
  for (const auto& worker : workers_) {
    worker->loop().post([core = worker.get()] { core->network().release(); });
  }
  control_->loop().post([core = control_.get()] { core->network().release(); });
}

void Process::run() {
  slow_->start("weir-slow");
  for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->start("weir-edge-" + std::to_string(i));
  control_->loop().run();
  for (const auto& core : workers_) core->stop();
  slow_->stop();
}

void Ending::on_signal(int signal) {
  if (++signals_ == 1) {
    env_.log.info("draining", {{"signal", strsignal(signal)}});
    if (leaving_) return steps_.hurry();
    tasks_.spawn(end(steps_.drain()));
  } else if (signals_ == 2) {
    env_.log.warning("stopping at once");
    steps_.cut();
  } else {
    std::_Exit(1);
  }
}

void Ending::leave(net::Task<void> leaving) {
  if (begun()) return;
  leaving_ = true;
  tasks_.spawn(end(std::move(leaving)));
}

net::Task<void> Ending::end(net::Task<void> steps) {
  co_await steps;
  env_.log.info("stopped");
  env_.loop.stop();
}

}  // namespace weir::role
