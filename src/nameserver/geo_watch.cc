#include "nameserver/geo_watch.h"

#include <sys/stat.h>

#include <memory>
#include <utility>

namespace weir::nameserver {

GeoWatch::Stamp GeoWatch::stamp_of(const std::string& file) {
  struct stat seen{};
  if (::stat(file.c_str(), &seen) != 0) return {};
  return {.device = seen.st_dev,
          .inode = seen.st_ino,
          .bytes = seen.st_size,
          .changed_ns = seen.st_mtim.tv_sec * std::int64_t{1'000'000'000} + seen.st_mtim.tv_nsec};
}

std::expected<void, std::string> GeoWatch::open() {
  stamp_ = stamp_of(file_);
  auto read = GeoDatabase::read(file_);
  if (!read) return std::unexpected(read.error());
  changed_(std::move(*read));
  return {};
}

net::Task<void> GeoWatch::watch(net::Loop& slow) {
  while (co_await env_.loop.sleep(kLookInterval)) {
    const auto look = std::make_shared<Look>();
    slow.post([look, file = file_, known = stamp_, &loop = env_.loop] {
      look->stamp = stamp_of(file);
      if (look->stamp != known) look->read = GeoDatabase::read(file);
      loop.post([look] { look->done.set(); });
    });
    if (!co_await look->done.wait(env_.loop)) co_return;
    if (std::exchange(stamp_, look->stamp) == look->stamp) continue;
    if (!look->read) {
      env_.log.error("the countries stay as they were", {{"reason", look->read.error()}});
      continue;
    }
    env_.log.info("countries", {{"file", file_}, {"database", (*look->read)->title()}});
    changed_(std::move(*look->read));
  }
}

}  // namespace weir::nameserver
