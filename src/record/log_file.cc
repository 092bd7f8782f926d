#include "record/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "net/core.h"

namespace weir::record {
namespace {

constexpr int kPollMillis = 100;
// A pipe that is writable takes this much without waiting (POSIX, PIPE_BUF).
constexpr std::size_t kPieceBytes = 4096;

Instant now() {
  net::SystemClock clock;
  return clock.now();
}

Result<net::Descriptor> connect_datagram(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(system_error(ENAMETOOLONG, "access log"));
  std::ranges::copy(path, address.sun_path);
  net::Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(system_error(errno, "access log"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(system_error(errno, "access log"));
  }
  return socket;
}

// "<30>Nov 21 08:00:00 weir[123]: ", as the C library writes to the same socket (RFC 3164 section 4.1,
// without the host, which the receiver knows). On that socket journald and rsyslog read no RFC 5424.
std::string datagram_prefix() {
  const std::time_t seconds = ::time(nullptr);
  tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> stamp{};
  const std::size_t bytes = std::strftime(stamp.data(), stamp.size(), "%b %e %H:%M:%S", &local);
  return '<' + std::to_string(LOG_DAEMON | LOG_INFO) + '>' + std::string(stamp.data(), bytes) + " weir[" +
         std::to_string(::getpid()) + "]: ";
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(AccessLogTarget target, Log& log) {
  std::unique_ptr<LogFile> made(new LogFile(std::move(target), log));
  if (auto opened = made->open_target(); !opened) return fail(opened.error());
  made->thread_ = std::thread([log_of_it = made.get()] { log_of_it->run(); });
  return made;
}

LogFile::~LogFile() {
  if (!thread_.joinable()) return;
  ending_ = true;
  end_waiting();
  thread_.join();
}

Result<void> LogFile::open_target() {
  torn_ = false;
  switch (target_.kind) {
    case AccessLogTarget::Kind::kOff:
    case AccessLogTarget::Kind::kCollector: return fail(Code::kInvalid, "it is not written by this machine");
    case AccessLogTarget::Kind::kStdout: descriptor_ = STDOUT_FILENO; break;
    case AccessLogTarget::Kind::kSyslog: {
      auto socket = connect_datagram(target_.path);
      if (!socket) return fail(socket.error());
      file_ = std::move(*socket);
      descriptor_ = file_.get();
      return {};
    }
    case AccessLogTarget::Kind::kFile: {
      // Not waiting matters for a named pipe only.
      net::Descriptor file(
          ::open(target_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640));
      if (!file) return fail(system_error(errno, "the access log cannot be opened"));
      file_ = std::move(file);
      descriptor_ = file_.get();
      break;
    }
  }
  struct stat found{};
  regular_ = ::fstat(descriptor_, &found) == 0 && S_ISREG(found.st_mode);
  return {};
}

void LogFile::run() {
  while (auto batch = wait_and_take()) {
    if (ending_ && end_by_ == Instant{}) end_by_ = now() + kEndGrace;
    follow_file();
    write(*batch);
    give_back(std::move(*batch));
  }
}

// What a rotation renamed is let go, also without being told; so is a socket whose other end was restarted.
void LogFile::follow_file() {
  if (target_.kind == AccessLogTarget::Kind::kStdout) return;
  bool stale = reopen_.exchange(false) || !working_;
  const Instant time = now();
  if (!stale && time - checked_ < kRenamedCheck) return;
  checked_ = time;
  if (target_.kind == AccessLogTarget::Kind::kFile && !stale) {
    struct stat held{};
    struct stat named{};
    const bool there = ::fstat(descriptor_, &held) == 0 && ::stat(target_.path.c_str(), &named) == 0;
    stale = !there || held.st_ino != named.st_ino || held.st_dev != named.st_dev;
  }
  if (stale) (void)open_target();  // else the old one goes on
}

void LogFile::write(const Batch& batch) {
  if (target_.kind == AccessLogTarget::Kind::kSyslog) {
    const std::uint64_t sent = send_datagrams(batch.lines);
    count_written(sent);
    count_dropped(batch.count - sent);
    return note(sent == batch.count);
  }
  // A line that only half of was written must not run into the next.
  if (torn_ && write_stream("\n") == 1) torn_ = false;
  const std::size_t bytes = torn_ ? 0 : write_stream(batch.lines);
  const std::string_view done = std::string_view(batch.lines).substr(0, bytes);
  const auto lines = static_cast<std::uint64_t>(std::ranges::count(done, '\n'));
  torn_ = torn_ || (!done.empty() && done.back() != '\n');
  count_written(lines);
  count_dropped(batch.count - lines);
  note(bytes == batch.lines.size());
}

std::size_t LogFile::write_stream(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    std::string_view piece = bytes.substr(done);
    if (!regular_) {
      piece = piece.substr(0, kPieceBytes);
      if (!wait_writable()) break;
    }
    const auto got = ::write(descriptor_, piece.data(), piece.size());
    if (got >= 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR && errno != EAGAIN) {
      failure_ = errno;
      break;
    }
  }
  return done;
}

bool LogFile::wait_writable() {
  for (;;) {
    pollfd wanted{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&wanted, 1, kPollMillis);
    if (ready > 0 && (wanted.revents & POLLOUT) != 0) return true;
    if (ready > 0) failure_ = EPIPE;
    if (ready > 0 || (ready < 0 && errno != EINTR)) return false;
    if (!ending_) continue;
    if (end_by_ == Instant{}) end_by_ = now() + kEndGrace;
    if (now() < end_by_) continue;
    failure_ = EAGAIN;
    return false;
  }
}

std::uint64_t LogFile::send_datagrams(std::string_view lines) {
  prefix_ = datagram_prefix();
  std::uint64_t sent = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    if (send_datagram(lines.substr(0, end))) ++sent;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return sent;
}

// A receiver that is behind gets a moment, then loses the line.
bool LogFile::send_datagram(std::string_view line) {
  std::array<iovec, 2> pieces{iovec{prefix_.data(), prefix_.size()},
                              iovec{const_cast<char*>(line.data()), line.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    failure_ = errno;
    if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) return false;
    pollfd wanted{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    (void)::poll(&wanted, 1, kPollMillis);
  }
  return false;
}

void LogFile::note(bool working) {
  if (std::exchange(working_, working) == working) return;
  if (working) {
    log_.info("access log is written again", {{"dropped", std::to_string(dropped())}});
  } else {
    log_.error("access log cannot be written", {{"path", target_.path}, {"reason", std::strerror(failure_)}});
  }
}

}  // namespace weir::record
