// Station: the thread on which things are brought to collectors: a core of its own, beside those of traffic,
// which may wait for the disk. One per process.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/core.h"
#include "net/task.h"

namespace weir::shipping {

class Station {
 public:
  // Begins to run. The error is a sentence. log outlives it.
  static std::expected<std::unique_ptr<Station>, std::string> create(Log& log);
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  net::Env& env() { return core_->env(); }
  // On its loop, soon. From any thread.
  void post(std::move_only_function<void()> work) { core_->loop().post(std::move(work)); }
  // Waits until the task has ended on its loop, and then `last` has been done there. From any other thread;
  // what the task refers to may go then.
  void finish(std::move_only_function<net::Task<void>()> task, std::move_only_function<void()> last);

 private:
  explicit Station(std::unique_ptr<net::Core> core) : core_(std::move(core)) {}

  std::unique_ptr<net::Core> core_;
};

}  // namespace weir::shipping
