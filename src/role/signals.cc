#include "role/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace weir::role {

Result<std::unique_ptr<Signals>> Signals::create(net::EpollPoller& poller, std::initializer_list<int> signals,
                                                 OnSignal on_signal) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int failed = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); failed != 0) {
    return fail(system_error(failed, "cannot block signals"));
  }
  net::Descriptor descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!descriptor) return fail(system_error(errno, "cannot make a signalfd"));
  const int fd = descriptor.get();
  std::unique_ptr<Signals> made(new Signals(poller, std::move(descriptor), std::move(on_signal)));
  auto added = poller.add(fd, EPOLLIN, *made);
  made->watched_ = added.has_value();
  if (!added) return fail(added.error());
  return made;
}

Signals::~Signals() {
  if (watched_) poller_.remove(descriptor_.get());
}

void Signals::on_events(std::uint32_t /*events*/) {
  signalfd_siginfo info{};
  while (::read(descriptor_.get(), &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace weir::role
