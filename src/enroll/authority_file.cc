#include "enroll/authority_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::enroll {
namespace {

constexpr std::size_t kFileBytesMax = 64UL * 1024;

std::unexpected<std::string> refuse(const char* what, const std::string& path) {
  return std::unexpected(std::string(what) + " " + path + ": " + std::strerror(errno));
}

std::expected<std::string, std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return refuse("cannot open", path);
  std::string text(kFileBytesMax, '\0');
  const ssize_t bytes = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (bytes < 0) return refuse("cannot read", path);
  text.resize(static_cast<std::size_t>(bytes));
  return text;
}

// Whole or not at all: under another name first.
std::expected<void, std::string> write_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string part = path + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return refuse("cannot write", part);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(part.c_str(), path.c_str()) != 0) return refuse("cannot write", path);
  return {};
}

}  // namespace

std::string authority_path(const std::string& data_dir, std::string_view name) {
  return data_dir + "/" + std::string(name);
}

std::expected<tls::PemPair, std::string> read_authority(const std::string& data_dir) {
  auto certificate = read_file(authority_path(data_dir, kAuthorityCertificate));
  if (!certificate) return std::unexpected(certificate.error());
  auto key = read_file(authority_path(data_dir, kAuthorityKey));
  if (!key) return std::unexpected(key.error());
  return tls::PemPair{std::move(*certificate), std::move(*key)};
}

// The key last: with it, both are there.
std::expected<void, std::string> keep_authority(const std::string& data_dir, const tls::PemPair& root) {
  auto written = write_file(authority_path(data_dir, kAuthorityCertificate), root.certificate, 0644);
  if (written) written = write_file(authority_path(data_dir, kAuthorityKey), root.private_key, 0600);
  return written;
}

std::expected<std::shared_ptr<const tls::Authority>, std::string> read_or_make_authority(
    const std::string& data_dir, WallTime now) {
  const std::string certificate_path = authority_path(data_dir, kAuthorityCertificate);
  const std::string key_path = authority_path(data_dir, kAuthorityKey);
  tls::PemPair root;
  if (::access(key_path.c_str(), F_OK) == 0) {
    auto found = read_authority(data_dir);
    if (!found) return std::unexpected(found.error());
    root = std::move(*found);
  } else {
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    auto made = tls::Authority::create("weir on " + std::string(host.data()), now);
    if (!made) return std::unexpected(std::string("no authority could be made: ") + made.error().text);
    root = std::move(*made);
    if (auto kept = keep_authority(data_dir, root); !kept) return std::unexpected(kept.error());
  }
  auto authority = tls::Authority::load(root);
  if (!authority) {
    return std::unexpected(key_path + " and " + certificate_path + " are no authority (" +
                           authority.error().text + "); remove both to get a new one");
  }
  return std::make_shared<const tls::Authority>(std::move(*authority));
}

}  // namespace weir::enroll
