#include "net/core.h"

#include <pthread.h>
#include <sys/random.h>

#include <cerrno>
#include <ctime>

namespace weir::net {

Instant SystemClock::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

WallTime SystemClock::wall_now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return WallTime(std::chrono::seconds(time.tv_sec) + std::chrono::milliseconds(time.tv_nsec / 1'000'000));
}

Result<void> fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail(system_error(errno, "the kernel gives no random bytes"));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Result<std::unique_ptr<Core>> Core::create(Log& log, ListeningSockets* sockets) {
  auto poller = EpollPoller::create();
  if (!poller) return fail(poller.error());
  std::uint64_t seed = 0;
  if (auto filled = fill_random(std::as_writable_bytes(std::span(&seed, 1))); !filled)
    return fail(filled.error());
  return std::unique_ptr<Core>(new Core(std::move(*poller), seed, log, sockets));
}

Core::Core(std::unique_ptr<EpollPoller> poller, std::uint64_t seed, Log& log, ListeningSockets* sockets)
    : poller_(std::move(poller)),
      loop_(clock_, *poller_),
      network_(loop_, *poller_, sockets),
      random_(seed),
      env_{loop_, network_, random_, log} {}

Core::~Core() { stop(); }

void Core::start(const std::string& thread_name) {
  thread_ = std::thread([this] { loop_.run(); });
  ::pthread_setname_np(thread_.native_handle(), thread_name.substr(0, 15).c_str());
}

void Core::stop() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace weir::net
