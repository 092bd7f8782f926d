#include "store/opener.h"

#include <utility>

namespace weir::store {

Opener::Opener(std::shared_ptr<const DataDirectory> directory, Report report, Duration pause)
    : thread_([this, directory = std::move(directory), report = std::move(report), pause]() mutable {
        run(std::move(directory), std::move(report), pause);
      }) {}

Opener::~Opener() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

void Opener::run(std::shared_ptr<const DataDirectory> directory, Report report, Duration pause) {
  for (bool first = true;; first = false) {
    auto opened = Engine::open({.directory = {}, .taken = directory, .make = first});
    const bool done = opened.has_value();
    report(std::move(opened));
    std::unique_lock lock(mutex_);
    if (done || ending_.wait_for(lock, pause, [this] { return ended_; })) return;
  }
}

}  // namespace weir::store
