#include "role/process.h"

#include <sys/resource.h>

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
  auto control = net::Core::create(log);
  if (!control) return std::unexpected(std::string(control.error().text));
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
    auto core = net::Core::create(log);
    if (!core) return std::unexpected(std::string(core.error().text));
    process->worker_envs_.push_back(&(*core)->env());
    process->workers_.push_back(std::move(*core));
  }
  auto slow = net::Core::create(log);
  if (!slow) return std::unexpected(std::string(slow.error().text));
  process->slow_ = std::move(*slow);
  return process;
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
    tasks_.spawn(end());
  } else if (signals_ == 2) {
    env_.log.warning("stopping at once");
    steps_.cut();
  } else {
    std::_Exit(1);
  }
}

net::Task<void> Ending::end() {
  co_await steps_.drain();
  env_.log.info("stopped");
  env_.loop.stop();
}

}  // namespace weir::role
