#include "node/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::node {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;

}  // namespace

Result<std::unique_ptr<ArchiveBody>> ArchiveBody::open(const std::string& path) {
  net::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!file || ::fstat(file.get(), &about) != 0) return fail(system_error(errno, "cannot be read"));
  if (!S_ISREG(about.st_mode)) return fail(Code::kInvalid, "is no file");
  return std::unique_ptr<ArchiveBody>(
      new ArchiveBody(std::move(file), static_cast<std::uint64_t>(about.st_size)));
}

net::Task<Result<net::Slice>> ArchiveBody::read() {
  piece_.resize(std::min<std::uint64_t>(kPieceBytes, bytes_ - at_));
  if (piece_.empty()) co_return net::Slice{};
  const ssize_t got = ::pread(file_.get(), piece_.data(), piece_.size(), static_cast<off_t>(at_));
  if (got <= 0) co_return fail(system_error(got < 0 ? errno : EIO, "the archive can't be read"));
  at_ += static_cast<std::uint64_t>(got);
  co_return net::Slice(piece_.data(), static_cast<std::size_t>(got));
}

}  // namespace weir::node
