// Worker: does what waits for the disk on a thread of its own, one after the other, for tasks of one loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "net/loop.h"
#include "net/task.h"

namespace weir::images {

class Worker {
 public:
  using Work = std::move_only_function<Result<void>()>;

  explicit Worker(net::Loop& loop) : loop_(loop), thread_([this] { run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();  // does what waits

  // work refers to nothing that others change. It is done even when the task is told to stop meanwhile.
  net::Task<Result<void>> perform(Work work);

 private:
  void run();

  net::Loop& loop_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::images
