#include "shipping/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "store/kept_file.h"

namespace weir::shipping {
namespace {

// <tag>-<number>.ndjson, and <tag>.lock, which the process of that tag holds as long as it lives.
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kNumberBytes = 12;
constexpr std::string_view kFileEnd = ".ndjson";
constexpr std::string_view kLockEnd = ".lock";

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Of a file's name; empty: it is none of a spool's.
std::string_view id_in(std::string_view name) {
  constexpr std::size_t kIdBytes = kTagBytes + 1 + kNumberBytes;
  if (name.size() != kIdBytes + kFileEnd.size() || !name.ends_with(kFileEnd)) return {};
  const std::string_view id = name.substr(0, kIdBytes);
  const bool valid = is_hex(id.substr(0, kTagBytes)) && id[kTagBytes] == '-' &&
                     parse_decimal(id.substr(kTagBytes + 1)).has_value();
  return valid ? id : std::string_view();
}
std::string tag_of(std::string_view id) { return std::string(id.substr(0, kTagBytes)); }

net::Descriptor take_lock(const std::string& path) {
  net::Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return lock;
}

Result<void> write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return fail(system_error(errno, "the spool cannot be written"));
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void sync_path(const std::string& path, int flags) {
  const net::Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (file) (void)::fdatasync(file.get());
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const directory = ::opendir(folder.c_str());
  if (directory == nullptr) return names;
  while (const dirent* one = ::readdir(directory)) names.emplace_back(one->d_name);
  ::closedir(directory);
  return names;
}

}  // namespace

Spool::Spool(std::string folder, std::uint64_t bytes_max, std::string tag)
    : folder_(std::move(folder)), bytes_max_(std::max(bytes_max, kBytesMin)), tag_(std::move(tag)) {}

Result<std::unique_ptr<Spool>> Spool::open(std::string folder, std::uint64_t bytes_max, Random& random) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(system_error(errno, "the spool's folder cannot be made"));
  }
  const std::uint64_t number = random.next();
  std::string tag = to_hex(std::as_bytes(std::span(&number, 1)));
  std::unique_ptr<Spool> spool(new Spool(std::move(folder), bytes_max, std::move(tag)));
  net::Descriptor lock = take_lock(spool->lock_path_of(spool->tag_));
  if (!lock) return fail(system_error(errno, "the spool cannot be locked"));
  spool->locks_.emplace(spool->tag_, std::move(lock));
  (void)spool->adopt();
  return spool;
}

Spool::~Spool() {
  release_locks();
  const bool empty = std::ranges::none_of(files_, [this](const File& one) { return tag_of(one.id) == tag_; });
  if (empty) ::unlink(lock_path_of(tag_).c_str());
}

std::string Spool::path_of(const std::string& id) const { return folder_ + '/' + id + std::string(kFileEnd); }
std::string Spool::lock_path_of(const std::string& tag) const {
  return folder_ + '/' + tag + std::string(kLockEnd);
}

Result<void> Spool::begin_file(WallTime now) {
  std::string number = std::to_string(next_);
  number.insert(0, kNumberBytes - std::min(kNumberBytes, number.size()), '0');
  std::string id = tag_ + '-' + number;
  net::Descriptor file(::open(path_of(id).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return fail(system_error(errno, "the spool cannot be written"));
  ++next_;
  open_ = std::move(file);
  files_.push_back({.id = std::move(id), .since = now});
  return {};
}

Result<void> Spool::append(std::string_view lines, WallTime now) {
  if (open_ && files_.back().bytes + lines.size() > kFileBytesMax) open_ = {};
  if (!open_) {
    if (auto begun = begin_file(now); !begun) return begun;
  }
  File& file = files_.back();
  if (auto written = write_all(open_.get(), lines); !written) {
    // Should that fail, too, the half line at its end is cut off when it is read.
    if (::ftruncate(open_.get(), static_cast<off_t>(file.bytes)) != 0) open_ = {};
    return written;
  }
  file.bytes += lines.size();
  file.synced = false;
  bytes_ += lines.size();
  keep_bound();
  return {};
}

Result<std::string> Spool::read(const std::string& id) const {
  return store::KeptFile::read(path_of(id), kForeignFileBytesMax);
}

void Spool::keep_bound() {
  while (bytes_ > bytes_max_) {
    auto oldest = files_.begin();
    if (oldest->id == sending_) ++oldest;
    if (oldest == files_.end() || (open_ && std::next(oldest) == files_.end())) return;
    if (const auto lines = read(oldest->id)) {
      dropped_ += static_cast<std::uint64_t>(std::ranges::count(*lines, '\n'));
    }
    forget(oldest);
  }
}

std::optional<Spool::Pack> Spool::oldest() {
  while (!files_.empty()) {
    if (files_.size() == 1) open_ = {};
    const File& first = files_.front();
    auto lines = read(first.id);
    if (lines) {
      const std::size_t whole = lines->rfind('\n') + 1;  // a process may have died while it wrote
      if (whole < lines->size()) ++dropped_;
      lines->resize(whole);
    }
    if (lines && !lines->empty()) {
      sending_ = first.id;
      const auto count = static_cast<std::uint64_t>(std::ranges::count(*lines, '\n'));
      return Pack{first.id, std::move(*lines), count};
    }
    if (!lines && lines.error().code != Code::kNotFound) ++dropped_;  // at least
    forget(files_.begin());
  }
  return std::nullopt;
}

void Spool::remove(const std::string& id) {
  if (id == sending_) sending_.clear();
  const auto found = std::ranges::find(files_, id, &File::id);
  if (found != files_.end()) forget(found);
}

void Spool::forget(std::deque<File>::iterator file) {
  if (open_ && std::next(file) == files_.end()) open_ = {};
  ::unlink(path_of(file->id).c_str());
  bytes_ -= file->bytes;
  files_.erase(file);
  release_locks();
}

// Of processes that have ended, and of whose files none is left.
void Spool::release_locks() {
  if (locks_.size() <= 1) return;
  std::erase_if(locks_, [this](const auto& lock) {
    if (lock.first == tag_) return false;
    const bool used =
        std::ranges::any_of(files_, [&](const File& one) { return one.id.starts_with(lock.first); });
    if (!used) ::unlink(lock_path_of(lock.first).c_str());
    return !used;
  });
}

void Spool::sync() {
  bool any = false;
  for (File& file : files_) {
    if (std::exchange(file.synced, true)) continue;
    sync_path(path_of(file.id), O_RDONLY);
    any = true;
  }
  if (any) sync_path(folder_, O_RDONLY | O_DIRECTORY);
}

bool Spool::adopt() {
  std::vector<File> found;
  for (const std::string& name : names_in(folder_)) {
    const std::string id(id_in(name));
    if (id.empty()) continue;
    const std::string tag = tag_of(id);
    if (tag == tag_ || std::ranges::find(files_, id, &File::id) != files_.end()) continue;
    if (!locks_.contains(tag)) {
      net::Descriptor lock = take_lock(lock_path_of(tag));
      if (!lock) continue;  // of a process that goes on
      locks_.emplace(tag, std::move(lock));
    }
    struct stat seen{};
    if (::stat(path_of(id).c_str(), &seen) != 0) continue;
    found.push_back({.id = id,
                     .bytes = static_cast<std::uint64_t>(seen.st_size),
                     .since = WallTime(std::chrono::seconds(seen.st_mtim.tv_sec)),
                     .synced = true});
  }
  std::ranges::sort(found, [](const File& left, const File& right) {
    return std::pair(left.since, left.id) > std::pair(right.since, right.id);
  });
  for (File& file : found) {
    bytes_ += file.bytes;
    files_.push_front(std::move(file));
  }
  release_locks();
  keep_bound();
  return !found.empty();
}

std::optional<WallTime> Spool::waiting_since() const {
  if (files_.empty()) return std::nullopt;
  return files_.front().since;
}

}  // namespace weir::shipping
