#include "images/worker.h"

#include <memory>
#include <utility>

namespace weir::images {

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

net::Task<Result<void>> Worker::perform(Work work) {
  struct Done {
    net::Event event;
    Result<void> result;
  };
  const auto done = std::make_shared<Done>();
  {
    const std::scoped_lock lock(mutex_);
    waiting_.emplace_back([this, done, todo = std::move(work)]() mutable {
      Result<void> result = todo();
      loop_.post([done, result = std::move(result)]() mutable {
        done->result = std::move(result);
        done->event.set();
      });
    });
  }
  wake_.notify_one();
  if (auto waited = co_await done->event.wait(loop_); !waited) co_return fail(waited.error());
  co_return std::move(done->result);
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next();
    lock.lock();
  }
}

}  // namespace weir::images
