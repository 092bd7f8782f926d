#include "images/file_body.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::images {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;

}  // namespace

Result<std::unique_ptr<FileBody>> FileBody::open(const std::string& path) {
  net::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!file || ::fstat(file.get(), &about) != 0) return fail(system_error(errno, "cannot be read"));
  if (!S_ISREG(about.st_mode)) return fail(Code::kInvalid, "is no file");
  return take(std::move(file));
}

Result<std::unique_ptr<FileBody>> FileBody::take(net::Descriptor file) {
  struct stat about{};
  if (!file || ::fstat(file.get(), &about) != 0) return fail(system_error(errno, "cannot be read"));
  if (S_ISDIR(about.st_mode)) return fail(Code::kInvalid, "is no file");
  std::optional<std::uint64_t> bytes;
  if (S_ISREG(about.st_mode)) bytes = static_cast<std::uint64_t>(about.st_size);
  return std::unique_ptr<FileBody>(new FileBody(std::move(file), bytes));
}

net::Task<Result<net::Slice>> FileBody::read() {
  const std::uint64_t left = bytes_ ? *bytes_ - at_ : kPieceBytes;
  piece_.resize(ended_ ? 0 : std::min<std::uint64_t>(kPieceBytes, left));
  if (piece_.empty()) co_return net::Slice{};
  const ssize_t got = bytes_ ? ::pread(file_.get(), piece_.data(), piece_.size(), static_cast<off_t>(at_))
                             : ::read(file_.get(), piece_.data(), piece_.size());
  if (got < 0 || (got == 0 && bytes_))
    co_return fail(system_error(got < 0 ? errno : EIO, "it can't be read"));
  ended_ = got == 0;
  at_ += static_cast<std::uint64_t>(got);
  co_return net::Slice(piece_.data(), static_cast<std::size_t>(got));
}

}  // namespace weir::images
