#include "images/library.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "auth/crypto.h"
#include "base/text.h"
#include "config/formats.h"
#include "images/name.h"
#include "net/epoll.h"
#include "store/kept_file.h"

namespace weir::images {
namespace {

using Tree = nlohmann::ordered_json;

constexpr std::string_view kIncoming = "incoming-";
constexpr std::size_t kMagicBytes = 512;  // of the first block of a tar

Tree tree_of(const Image& image) {
  return {{"name", image.name},
          {"sha256", image.sha256},
          {"bytes", image.bytes},
          {"pushed_at", format_rfc3339(image.pushed_at)}};
}

std::string text_of(const Tree& tree, int indent = -1) {
  return tree.dump(indent, ' ', false, Tree::error_handler_t::replace);
}

std::optional<Image> read_image(const Tree& tree) {
  const auto text = [&tree](const char* key) {
    const auto found = tree.find(key);
    return found != tree.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!tree.is_object()) return std::nullopt;
  Image image{.name = text("name"), .sha256 = text("sha256"), .bytes = 0, .pushed_at = {}};
  const auto pushed_at = config::parse_rfc3339(text("pushed_at"));
  const bool good = full_name(image.name) == image.name && image.sha256.size() == 64 &&
                    image.sha256.find_first_not_of("0123456789abcdef") == std::string::npos && pushed_at;
  if (!good) return std::nullopt;
  image.pushed_at = *pushed_at;
  return image;
}

// As podman takes archives: a tar, or one that was compressed.
bool is_archive(std::string_view begin) {
  return begin.substr(std::min<std::size_t>(257, begin.size())).starts_with("ustar") ||
         begin.starts_with("\x1f\x8b") || begin.starts_with("\x28\xb5\x2f\xfd") ||
         begin.starts_with(
             "\xfd"
             "7zXZ");
}

std::string shown_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
  return bytes < kMebibyte ? std::to_string(bytes) + " bytes" : std::to_string(bytes / kMebibyte) + " MiB";
}

std::unexpected<Refusal> refuse(Refusal::Kind kind, std::string sentence) {
  return std::unexpected(Refusal{kind, std::move(sentence)});
}
std::unexpected<Refusal> broken(const Error& error) {
  return refuse(Refusal::Kind::kBroken, "the image was not kept: " + why_not(error));
}

Result<void> write_all(int file, net::Slice piece) {
  while (!piece.empty()) {
    const ssize_t wrote = ::write(file, piece.data(), piece.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail(system_error(wrote < 0 ? errno : EIO, "the disk does not take it"));
    piece = piece.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

// One that is under way; what it has left behind goes with it.
struct Library::Push {
  Push(Library& to, std::string called)
      : library(to),
        name(std::move(called)),
        path(to.directory_ + '/' + std::string(kIncoming) + std::to_string(++to.number_)),
        file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    ++library.pushes_;
  }
  ~Push() {
    --library.pushes_;
    library.coming_ -= bytes;
    ::unlink(path.c_str());
  }
  Push(const Push&) = delete;
  Push& operator=(const Push&) = delete;

  Library& library;
  std::string name;
  std::string path;
  net::Descriptor file;
  std::uint64_t bytes = 0;
  std::string begin;  // of the archive
  auth::Sha256 hash;
};

std::expected<std::unique_ptr<Library>, std::string> Library::open(net::Env& env, std::string directory,
                                                                   Limits limits) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(directory + ": " + why_not(system_error(errno, "cannot be made")));
  }
  std::unique_ptr<Library> library(new Library(env, std::move(directory), limits));
  if (auto read = library->read_index(); !read) return std::unexpected(std::move(read.error()));
  library->sweep();
  return library;
}

std::expected<void, std::string> Library::read_index() {
  const std::string path = directory_ + "/index.json";
  const auto text = store::KeptFile::read(path, kIndexBytesMax);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return std::unexpected(path + ": " + why_not(text.error()));
  const Tree tree = Tree::parse(*text, nullptr, false);
  const auto list = tree.is_object() ? tree.find("images") : tree.end();
  if (!tree.is_object() || list == tree.end() || !list->is_array()) {
    return std::unexpected(path + ": is no index of images");
  }
  for (const Tree& one : *list) {
    auto image = read_image(one);
    struct stat about{};
    if (!image || ::stat(path_of(image->sha256).c_str(), &about) != 0) continue;
    image->bytes = static_cast<std::uint64_t>(about.st_size);
    images_.insert_or_assign(image->name, *image);
  }
  return {};
}

// What no name leads to.
void Library::sweep() const {
  std::set<std::string> known;
  for (const auto& [name, image] : images_) known.insert(path_of(image.sha256));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name.starts_with(kIncoming) || name.ends_with(".tar");
    if (ours && !known.contains(entry.path().string())) ::unlink(entry.path().c_str());
  }
}

std::vector<Image> Library::list() const {
  std::vector<Image> all;
  for (const auto& [name, image] : images_) all.push_back(image);
  return all;
}

std::uint64_t Library::bytes() const {
  std::map<std::string_view, std::uint64_t> archives;
  for (const auto& [name, image] : images_) archives[image.sha256] = image.bytes;
  std::uint64_t sum = 0;
  for (const auto& [sha256, bytes] : archives) sum += bytes;
  return sum;
}

const Image* Library::find(std::string_view name) const {
  const auto found = images_.find(name);
  return found == images_.end() ? nullptr : &found->second;
}

Result<std::unique_ptr<FileBody>> Library::read(const Image& image) const {
  return FileBody::open(path_of(image.sha256));
}

net::Task<std::expected<Image, Refusal>> Library::put(std::string name, http::Body& archive) {
  if (pushes_ == kPushesMax) {
    co_return refuse(Refusal::Kind::kBusy, std::to_string(kPushesMax) + " images are being pushed already");
  }
  if (images_.size() >= kNamesMax && !images_.contains(name)) {
    co_return refuse(Refusal::Kind::kFull,
                     "there are " + std::to_string(kNamesMax) + " images already, and no more are kept");
  }
  Push push(*this, std::move(name));
  if (!push.file) co_return broken(system_error(errno, "cannot be made"));
  co_return co_await take(push, archive);
}

net::Task<std::expected<Image, Refusal>> Library::take(Push& push, http::Body& archive) {
  if (auto copied = co_await copy(push, archive); !copied) co_return std::unexpected(copied.error());
  if (!is_archive(push.begin)) {
    co_return refuse(Refusal::Kind::kNoArchive,
                     "this is no archive of an image; podman save and docker save make one");
  }
  Image image{.name = push.name,
              .sha256 = to_hex(push.hash.finish()),
              .bytes = push.bytes,
              .pushed_at = env_.loop.clock().wall_now()};
  auto placed = co_await worker_.perform(
      [file = std::move(push.file), from = push.path, to = path_of(image.sha256)]() -> Result<void> {
        if (::fsync(file.get()) != 0) return fail(system_error(errno, "cannot be synced"));
        if (::rename(from.c_str(), to.c_str()) != 0)
          return fail(system_error(errno, "cannot be put in place"));
        return {};
      });
  if (!placed) co_return broken(placed.error());
  const Image* old = find(push.name);
  const std::string replaced = old == nullptr ? std::string() : old->sha256;
  images_.insert_or_assign(push.name, image);
  if (auto kept = co_await keep_index(); !kept) co_return broken(kept.error());
  if (!replaced.empty()) co_await forget(replaced);
  co_return image;
}

net::Task<std::expected<void, Refusal>> Library::copy(Push& push, http::Body& archive) {
  while (!archive.at_end()) {
    const auto piece = co_await archive.read();
    if (!piece)
      co_return refuse(Refusal::Kind::kBroken, "the image did not come whole: " + why_not(piece.error()));
    push.bytes += piece->size();
    coming_ += piece->size();
    if (push.bytes > limits_.image_bytes_max) {
      co_return refuse(Refusal::Kind::kTooLarge,
                       "an image may have " + shown_bytes(limits_.image_bytes_max) + " at most");
    }
    if (bytes() + coming_ > limits_.all_bytes_max) {
      co_return refuse(Refusal::Kind::kFull, "all images together may have " +
                                                 shown_bytes(limits_.all_bytes_max) +
                                                 " at most; delete one that is not needed");
    }
    if (push.begin.size() < kMagicBytes) {
      push.begin += net::as_text(*piece).substr(0, kMagicBytes - push.begin.size());
    }
    push.hash.add(*piece);
    if (auto written = write_all(push.file.get(), *piece); !written) co_return broken(written.error());
  }
  co_return std::expected<void, Refusal>{};
}

net::Task<Result<bool>> Library::remove(std::string name) {
  const auto found = images_.find(name);
  if (found == images_.end()) co_return false;
  const std::string sha256 = found->second.sha256;
  images_.erase(found);
  if (auto kept = co_await keep_index(); !kept) co_return fail(kept.error());
  co_await forget(sha256);
  co_return true;
}

// The archive, unless another name leads to it, or has come to do so meanwhile.
net::Task<void> Library::forget(std::string sha256) {
  const bool named =
      std::ranges::any_of(images_, [&](const auto& one) { return one.second.sha256 == sha256; });
  if (named) co_return;
  (void)co_await worker_.perform([path = path_of(sha256)]() -> Result<void> {
    ::unlink(path.c_str());
    return {};
  });
}

std::string Library::index_text() const {
  Tree list = Tree::array();
  for (const auto& [name, image] : images_) list.push_back(tree_of(image));
  return text_of(Tree{{"images", std::move(list)}}, 1) + '\n';
}

net::Task<Result<void>> Library::keep_index() {
  return worker_.perform([path = directory_ + "/index.json", text = index_text()] {
    return store::KeptFile::replace(path, text);
  });
}

std::string to_json(const Image& image) { return text_of(tree_of(image)); }

std::string to_json(const Library& library) {
  Tree list = Tree::array();
  for (const Image& image : library.list()) list.push_back(tree_of(image));
  return text_of(Tree{{"images", std::move(list)},
                      {"bytes", library.bytes()},
                      {"bytes_max", library.limits().all_bytes_max}});
}

}  // namespace weir::images
