#include "store/kept_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "net/epoll.h"

namespace weir::store {
namespace {

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return fail(system_error(errno, "cannot be written"));
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

// Beside its place, synced, and then put there: whoever reads, at whatever instant the machine stops, finds
// the old text or the new one.
Result<void> KeptFile::replace(const std::string& path, std::string_view text) {
  const std::string part = path + ".part";
  ::unlink(part.c_str());  // of a process that was killed; its mode may be another
  const net::Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail(system_error(errno, "cannot be made"));
  if (auto written = write_all(file.get(), text); !written) return written;
  if (::fsync(file.get()) != 0) return fail(system_error(errno, "cannot be synced"));
  if (::rename(part.c_str(), path.c_str()) != 0) return fail(system_error(errno, "cannot be put in place"));
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  const net::Descriptor place(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place || ::fsync(place.get()) != 0) return fail(system_error(errno, "cannot be synced"));
  return {};
}

Result<std::string> KeptFile::read(const std::string& path, std::size_t bytes_max) {
  const net::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return fail(Code::kNotFound, "there is none");
  if (!file) return fail(system_error(errno, "cannot be opened"));
  std::string text;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error(errno, "cannot be read"));
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) return fail(Code::kBodyTooLarge, "is too large");
  }
}

KeptFile::KeptFile(std::string path, Log& log, Duration pause)
    : path_(std::move(path)), log_(log), pause_(pause), thread_([this] { run(); }) {}

KeptFile::~KeptFile() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void KeptFile::keep(Make make) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_ = std::move(make);
  }
  work_.notify_one();
}

void KeptFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return ending_ || waiting_; });
    if (!waiting_) return;
    Make make = std::exchange(waiting_, nullptr);
    lock.unlock();
    write(std::move(make));
    lock.lock();
    work_.wait_for(lock, pause_, [this] { return ending_; });
  }
}

void KeptFile::write(Make make) {
  const auto written = replace(path_, make());
  if (written) return;
  const char* why = written.error().os_errno != 0 ? std::strerror(written.error().os_errno) : "";
  log_.error("a file could not be kept",
             {{"file", path_}, {"reason", std::string(written.error().text) + ": " + why}});
}

}  // namespace weir::store
