// Opener: opens the Engine of a data directory on a thread of its own, because a large, locked or damaged
// file takes its time, and traffic does not wait for it. Tries again until it has succeeded or is destroyed,
// so that a file that is unlocked or put back is taken up by itself. Made and destroyed on one thread;
// reports on its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/time.h"
#include "store/data_directory.h"
#include "store/engine.h"

namespace weir::store {

class Opener {
 public:
  // A person who puts a file back sees it taken up soon, and a check of a whole file is not started all the
  // time.
  static constexpr Duration kPause = std::chrono::seconds(2);

  // Each failure, then the Engine; on the Opener's thread.
  using Report = std::function<void(Opened<std::unique_ptr<Engine>>)>;
  Opener(std::shared_ptr<const DataDirectory> directory, Report report, Duration pause = kPause);
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener();

 private:
  void run(std::shared_ptr<const DataDirectory> directory, Report report, Duration pause);

  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace weir::store
