#include "auth/admin_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "auth/token.h"
#include "base/text.h"
#include "net/core.h"
#include "net/epoll.h"

namespace weir::auth {
namespace {

constexpr mode_t kPrivate = 0600;
constexpr mode_t kOthers = 0077;
constexpr std::size_t kFileBytesMax = 256;  // a token and what editors put around it

std::unexpected<FileRefusal> refuse(Code code, const char* text, std::string sentence) {
  return std::unexpected(FileRefusal{{code, Side::kInternal, Retry::kNever, 0, text}, std::move(sentence)});
}

std::unexpected<FileRefusal> refuse_errno(const char* what, const std::string& path) {
  const int os_errno = errno;
  return std::unexpected(FileRefusal{system_error(os_errno, what),
                                     std::string(what) + " " + path + ": " + std::strerror(os_errno)});
}

std::expected<AdminToken, FileRefusal> read_token(int fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return refuse_errno("cannot look at", path);
  if (!S_ISREG(status.st_mode)) return refuse(Code::kInvalid, "not a file", path + " is not a file");
  if ((status.st_mode & kOthers) != 0) {
    return refuse(Code::kNotPermitted, "the admin token may be read by others",
                  path +
                      " may be read or written by others than its owner, so the token in it is no secret; " +
                      "remove the file to get a new token, or, if you trust it, chmod 600 " + path);
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return refuse(Code::kNotPermitted, "the admin token belongs to somebody else",
                  path + " belongs to another user (" + std::to_string(status.st_uid) + ")");
  }
  std::array<char, kFileBytesMax> content{};
  const ssize_t read = ::read(fd, content.data(), content.size());
  if (read < 0) return refuse_errno("cannot read", path);
  std::string_view text(content.data(), static_cast<std::size_t>(read));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  text = trim(text);
  if (!token_id(text)) {
    return refuse(Code::kInvalid, "no token in the admin token's file",
                  path + " does not hold a token (or not all of it); remove the file to get a new one");
  }
  return AdminToken{std::string(text), false};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_directory(const std::string& directory) {
  const net::Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened && ::fsync(opened.get()) == 0;
}

// Written beside its place and then linked there, which fails when somebody else was faster.
std::expected<AdminToken, FileRefusal> make_token_file(const std::string& directory,
                                                       const std::string& path) {
  auto issued = issue_token();
  if (!issued) return refuse(issued.error().code, issued.error().text, "cannot make a token: no randomness");
  std::array<std::byte, 8> suffix{};
  if (!net::fill_random(suffix)) return refuse_errno("cannot name a file for", path);
  const std::string beside = path + "." + to_hex(suffix);
  const net::Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate));
  if (!file) return refuse_errno("cannot make", beside);
  const bool kept = write_all(file.get(), issued->text + "\n") && ::fsync(file.get()) == 0 &&
                    ::link(beside.c_str(), path.c_str()) == 0;
  const int os_errno = errno;
  ::unlink(beside.c_str());
  errno = os_errno;
  if (!kept) return refuse_errno("cannot write", path);
  if (!sync_directory(directory)) return refuse_errno("cannot sync", directory);
  return AdminToken{std::move(issued->text), true};
}

}  // namespace

std::expected<AdminToken, FileRefusal> read_or_make_admin_token(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kAdminTokenName);
  const auto open_file = [&path] {  // O_NONBLOCK: a FIFO of this name must not hold the start
    return net::Descriptor(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  };
  net::Descriptor file = open_file();
  if (!file && errno == ENOENT) {
    auto made = make_token_file(directory, path);
    if (made || made.error().error.os_errno != EEXIST) return made;
    file = open_file();
  }
  if (!file && errno == ELOOP) return refuse(Code::kInvalid, "a symbolic link", path + " is a symbolic link");
  if (!file) return refuse_errno("cannot open", path);
  return read_token(file.get(), path);
}

}  // namespace weir::auth
