#include "client/standard_input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace weir::client {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{16} << 10U;

void ring(const net::Descriptor& wake) {
  const std::uint64_t one = 1;
  (void)!::write(wake.get(), &one, sizeof one);
}

}  // namespace

StandardInput::StandardInput(net::Loop& loop, int descriptor, Tell tell)
    : loop_(loop), descriptor_(descriptor), tell_(std::move(tell)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { run(); });
}

StandardInput::~StandardInput() {
  *there_ = false;
  ending_ = true;
  ring(wake_);
  thread_.join();
}

void StandardInput::go_on() { ring(wake_); }

void StandardInput::run() {
  std::array<char, kPieceBytes> room{};
  while (!ending_) {
    std::array<pollfd, 2> waits{pollfd{.fd = descriptor_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (ending_ || waits[0].revents == 0) continue;
    const ssize_t got = ::read(descriptor_, room.data(), room.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    std::string bytes(room.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const bool ended = bytes.empty();
    loop_.post([this, there = there_, told = std::move(bytes)]() mutable {
      if (*there) tell_(std::move(told));
    });
    if (ended) return;
    std::uint64_t rung = 0;
    (void)!::read(wake_.get(), &rung, sizeof rung);  // until it was taken, or this ends
  }
}

struct RawMode::Saved {
  int descriptor;
  termios mode;
};

bool RawMode::begin(int descriptor) {
  termios mode{};
  if (::tcgetattr(descriptor, &mode) != 0) return false;
  saved_ = std::make_unique<Saved>(descriptor, mode);
  ::cfmakeraw(&mode);
  return ::tcsetattr(descriptor, TCSADRAIN, &mode) == 0;
}

RawMode::RawMode() = default;

RawMode::~RawMode() {
  if (saved_) (void)::tcsetattr(saved_->descriptor, TCSADRAIN, &saved_->mode);
}

WindowSize window_size(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

}  // namespace weir::client
