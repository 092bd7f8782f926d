#include "handover/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::handover {
namespace {

constexpr std::size_t kStackBytes = 64UL * 1024;
constexpr std::size_t kArgumentsBytesMax = 1024UL * 1024;

// The words that this process was started with.
Result<std::vector<std::string>> own_arguments() {
  const net::Descriptor file(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  if (!file) return fail(system_error(errno, "cannot read this process's arguments"));
  std::string text;
  std::array<char, 4096> part{};
  while (text.size() < kArgumentsBytesMax) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0) return fail(system_error(errno, "cannot read this process's arguments"));
    if (got == 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    words.emplace_back(text.c_str() + begin);
    begin += words.back().size() + 1;
  }
  return words;
}

struct Start {
  const char* binary;
  char* const* arguments;
  char* const* environment;
  int descriptor;
  int death_signal;  // of the parent that both have
  int failed = 0;    // errno
};

// In the child, on memory that it shares with its parent, which waits: system calls and nothing else.
int become(void* with) {
  auto& start = *static_cast<Start*>(with);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction how{};
    how.sa_handler = SIG_DFL;
    if (signal != SIGPIPE) ::sigaction(signal, &how, nullptr);
  }
  if (start.death_signal != 0) ::prctl(PR_SET_PDEATHSIG, start.death_signal);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // dup3 would leave a descriptor that is there already to be closed.
  const bool there = start.descriptor == kChildDescriptor ? ::fcntl(kChildDescriptor, F_SETFD, 0) == 0
                                                          : ::dup2(start.descriptor, kChildDescriptor) >= 0;
  if (there) ::execve(start.binary, start.arguments, start.environment);
  start.failed = errno;
  ::_exit(127);
}

}  // namespace

Result<Child> Child::start(const std::string& binary, const net::Descriptor& theirs,
                           const char* const* environment) {
  auto words = own_arguments();
  if (!words) return fail(words.error());
  if (words->empty()) return fail(Code::kInternal, "this process has no arguments");
  words->front() = binary;
  std::vector<std::string> variables{std::string(kChildVariable) + "=" + std::to_string(::getpid())};
  const std::string own = std::string(kChildVariable) + "=";
  for (; *environment != nullptr; ++environment) {
    if (!std::string_view(*environment).starts_with(own)) variables.emplace_back(*environment);
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const std::vector<char*> arguments = pointers(*words);
  const std::vector<char*> environment_pointers = pointers(variables);
  int death_signal = 0;
  (void)::prctl(PR_GET_PDEATHSIG, &death_signal);
  Start start{binary.c_str(), arguments.data(), environment_pointers.data(), theirs.get(), death_signal};

  void* stack =
      ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return fail(system_error(errno, "no memory for another process"));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler runs on memory that is shared
  int handle = -1;
  const pid_t id = ::clone(become, static_cast<char*>(stack) + kStackBytes,
                           CLONE_PARENT | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &start, &handle);
  const int failed = id < 0 ? errno : start.failed;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, kStackBytes);
  net::Descriptor owned(handle);
  if (failed != 0) return fail(system_error(failed, "cannot be started"));
  return Child(id, std::move(owned));
}

void Child::kill() const { (void)::syscall(SYS_pidfd_send_signal, handle_.get(), SIGKILL, nullptr, 0); }

}  // namespace weir::handover
