// Library: archives of images that people have pushed, in a directory of a controller's own: each once, by
// the SHA-256 of its bytes, and the names by which they are asked for. What is put there passes to the disk
// as it comes. On the control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/body.h"
#include "images/file_body.h"
#include "images/worker.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::images {

struct Limits {
  std::uint64_t image_bytes_max = std::uint64_t{1} << 30U;
  std::uint64_t all_bytes_max = std::uint64_t{8} << 30U;
};

struct Image {
  std::string name;    // "web:1.2"
  std::string sha256;  // of the archive, in digits
  std::uint64_t bytes = 0;
  WallTime pushed_at;
  friend bool operator==(const Image&, const Image&) = default;
};

// Why one was not taken.
struct Refusal {
  enum class Kind : std::uint8_t {
    kTooLarge,
    kFull,       // until something is deleted
    kNoArchive,  // what came is no image
    kBusy,       // with others
    kBroken,     // the disk, or the way from who sends it
  };
  Kind kind = Kind::kBroken;
  std::string sentence;
};

class Library {
 public:
  static constexpr std::size_t kNamesMax = 1000;
  static constexpr std::size_t kPushesMax = 4;  // at once
  static constexpr std::size_t kIndexBytesMax = std::size_t{1} << 20U;

  // Makes the directory when it is not there; takes away what a push that was cut off has left. Blocking.
  static std::expected<std::unique_ptr<Library>, std::string> open(net::Env& env, std::string directory,
                                                                   Limits limits = {});

  std::vector<Image> list() const;
  std::uint64_t bytes() const;  // of all archives
  const Limits& limits() const { return limits_; }
  const Image* find(std::string_view name) const;  // null: there is none
  Result<std::unique_ptr<FileBody>> read(const Image& image) const;
  // name: as full_name() gives it. One that has the name already is replaced.
  net::Task<std::expected<Image, Refusal>> put(std::string name, http::Body& archive);
  // False: there is none. Who reads it meanwhile reads it to its end.
  net::Task<Result<bool>> remove(std::string name);

 private:
  struct Push;
  Library(net::Env& env, std::string directory, Limits limits)
      : env_(env), directory_(std::move(directory)), limits_(limits), worker_(env.loop) {}
  std::expected<void, std::string> read_index();
  void sweep() const;
  std::string path_of(std::string_view sha256) const {
    return directory_ + '/' + std::string(sha256) + ".tar";
  }
  std::string index_text() const;
  net::Task<Result<void>> keep_index();
  net::Task<std::expected<Image, Refusal>> take(Push& push, http::Body& archive);
  net::Task<std::expected<void, Refusal>> copy(Push& push, http::Body& archive);
  net::Task<void> forget(std::string sha256);

  net::Env& env_;
  std::string directory_;
  Limits limits_;
  std::map<std::string, Image, std::less<>> images_;
  std::size_t pushes_ = 0;
  std::uint64_t coming_ = 0;  // bytes of them
  std::uint64_t number_ = 0;  // of the last push
  Worker worker_;
};

// {"name": "web:1.2", "sha256": ..., "bytes": ..., "pushed_at": ...}
std::string to_json(const Image& image);
// {"images": [...], "bytes": ..., "bytes_max": ...}
std::string to_json(const Library& library);

}  // namespace weir::images
