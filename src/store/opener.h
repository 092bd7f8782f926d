// Opening a store, wherever it is: open() now, or an Opener on a thread of its own, because a large, locked
// or damaged file or a database that is away takes its time, and traffic does not wait for it. An Opener
// tries again until it has succeeded or is destroyed, so that a store that is unlocked, put back or reached
// again is taken up by itself. It is made and destroyed on one thread; reports on its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"
#include "store/engine.h"

namespace weir::store {

// The store at a place: postgres://..., or a directory.
Opened<std::unique_ptr<Engine>> open(const std::string& place, Log* log);

class Opener {
 public:
  // A person who puts a file back sees it taken up soon, and a check of a whole file is not started all the
  // time.
  static constexpr Duration kPause = std::chrono::seconds(2);

  // Each failure, then the Engine; on the Opener's thread.
  using Report = std::function<void(Opened<std::unique_ptr<Engine>>)>;
  // make, of the options: at the first try only.
  Opener(Engine::Options options, Report report, Duration pause = kPause);
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener();

 private:
  void run(Engine::Options options, Report report, Duration pause);

  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace weir::store
