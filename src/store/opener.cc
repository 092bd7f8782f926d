#include "store/opener.h"

#include <utility>

namespace weir::store {

Opened<std::unique_ptr<Engine>> open(const std::string& place, Log* log) {
  const std::size_t scheme = place.find("://");
  if (scheme == std::string::npos) return Engine::open({.directory = place, .log = log});
  return Engine::open({.directory = {}, .url = place, .log = log});
}

Opener::Opener(Engine::Options options, Report report, Duration pause)
    : thread_([this, options = std::move(options), report = std::move(report), pause]() mutable {
        run(std::move(options), std::move(report), pause);
      }) {}

Opener::~Opener() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

void Opener::run(Engine::Options options, Report report, Duration pause) {
  for (;; options.make = false) {
    auto opened = Engine::open(options);
    const bool done = opened.has_value();
    report(std::move(opened));
    std::unique_lock lock(mutex_);
    if (done || ending_.wait_for(lock, pause, [this] { return ended_; })) return;
  }
}

}  // namespace weir::store
