#include "shipping/station.h"

#include <semaphore>
#include <utility>

#include "net/task_group.h"

namespace weir::shipping {
namespace {

// Of one call of finish(); on the loop.
struct Finishing {
  Finishing(net::Loop& loop, std::move_only_function<void()> after) : tasks(loop), last(std::move(after)) {}
  net::TaskGroup tasks;
  std::move_only_function<void()> last;
  std::binary_semaphore done{0};
};

net::Task<void> run(net::Loop& loop, net::Task<void> task, Finishing& finishing) {
  co_await std::move(task);
  // In a later turn, when this task is gone, too.
  loop.post([&finishing] {
    finishing.last();
    finishing.done.release();
  });
}

}  // namespace

std::expected<std::unique_ptr<Station>, std::string> Station::create(Log& log) {
  auto core = net::Core::create(log);
  if (!core) return std::unexpected(sentence_of(core.error()));
  (*core)->start("weir-shipping");
  return std::unique_ptr<Station>(new Station(std::move(*core)));
}

void Station::finish(std::move_only_function<net::Task<void>()> task, std::move_only_function<void()> last) {
  Finishing finishing(core_->loop(), std::move(last));
  post([&] { finishing.tasks.spawn(run(core_->loop(), task(), finishing)); });
  finishing.done.acquire();
}

}  // namespace weir::shipping
