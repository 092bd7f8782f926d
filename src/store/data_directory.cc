#include "store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace weir::store {
namespace {

constexpr std::string_view kLockName = "lock";
constexpr int kMode = 0600;

std::unexpected<OpenFailure> refuse(int os_errno, const char* text, const std::string& path) {
  return std::unexpected(OpenFailure{system_error(os_errno, text),
                                     std::string(text) + " " + path + ": " + std::strerror(os_errno)});
}

// Who has the lock, as it wrote itself; for people, so that a wrong answer does no harm.
std::string holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t read = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view line(text.data(), read > 0 ? static_cast<std::size_t>(read) : 0);
  const auto number = parse_decimal(line.substr(0, line.find('\n')));
  return number ? "process " + std::to_string(*number) : "another process";
}

Result<void> sync_directory(const std::string& path) {
  const net::Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return fail(system_error(errno, "cannot sync"));
  return {};
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Opened<DataDirectory> DataDirectory::open(std::string path) {
  path = without_slashes(std::move(path));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse(errno, "cannot make the data directory", path);
  }
  const std::string lock_path = path + "/" + std::string(kLockName);
  net::Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
  if (!lock) return refuse(errno, "cannot open", lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse(errno, "cannot lock", lock_path);
    return std::unexpected(OpenFailure{
        {Code::kConflict, Side::kInternal, Retry::kNever, EWOULDBLOCK, "the data directory is in use"},
        "the data directory " + path + " is in use by " + holder(lock.get()) +
            "; stop that one, or give this one another directory"});
  }
  DataDirectory directory(std::move(path), std::move(lock));
  if (auto signed_now = directory.sign(); !signed_now) return std::unexpected(signed_now.error());
  return directory;
}

Opened<DataDirectory> DataDirectory::share(std::string path, net::Descriptor lock) {
  DataDirectory directory(without_slashes(std::move(path)), std::move(lock));
  struct stat ours{};
  struct stat given{};
  const std::string lock_path = directory.path_of(kLockName);
  if (::stat(lock_path.c_str(), &ours) != 0) return refuse(errno, "cannot look at", lock_path);
  if (::fstat(directory.lock_.get(), &given) != 0 || ours.st_ino != given.st_ino ||
      ours.st_dev != given.st_dev) {
    return refuse(EINVAL, "another data directory was handed over than", directory.path_);
  }
  return directory;
}

Result<net::Descriptor> DataDirectory::lock() const {
  return net::duplicate(lock_.get(), "cannot duplicate the lock");
}

Opened<void> DataDirectory::sign() const {
  const std::string line = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_.get(), 0) != 0 ||
      ::pwrite(lock_.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
    return refuse(errno, "cannot write", path_of(kLockName));
  }
  return {};
}

Opened<std::string> DataDirectory::private_file(std::string_view name) const {
  std::string path = path_of(name);
  const net::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
  if (!file) return refuse(errno, "cannot open", path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return refuse(errno, "cannot look at", path);
  if ((status.st_mode & 077U) != 0 && ::fchmod(file.get(), kMode) != 0) {
    return refuse(errno, "cannot make private", path);
  }
  if (!sync_directory(path_)) return refuse(errno, "cannot sync", path_);
  return path;
}

}  // namespace weir::store
