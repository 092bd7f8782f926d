// GeoWatch: the file of countries, read once more when another one takes its place. What takes long is done
// on a loop that may wait; everything else on that of Env. A file that can't be read changes nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "nameserver/geo_database.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::nameserver {

class GeoWatch {
 public:
  static constexpr Duration kLookInterval = std::chrono::seconds(2);

  using Changed = std::function<void(GeoDatabasePointer)>;
  GeoWatch(net::Env& env, std::string file, Changed changed)
      : env_(env), file_(std::move(file)), changed_(std::move(changed)) {}

  // Here and now. The error is a sentence.
  std::expected<void, std::string> open();
  // Until it is cancelled. slow: of another thread, or (in tests) Env's own loop; it ends before that does.
  net::Task<void> watch(net::Loop& slow);

 private:
  // Another file, or the same with other content.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Look {
    Stamp stamp;  // of before it was read; nothing: there is none
    std::expected<GeoDatabasePointer, std::string> read;
    net::Event done;
  };
  static Stamp stamp_of(const std::string& file);

  net::Env& env_;
  std::string file_;
  Changed changed_;
  Stamp stamp_;
};

}  // namespace weir::nameserver
