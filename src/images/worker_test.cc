#include "images/worker.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::images {
namespace {

using namespace std::chrono_literals;

net::Task<void> keep(net::Task<Result<void>> task, std::optional<Result<void>>& result) {
  result.emplace(co_await std::move(task));
}

TEST_CASE("work is done in its order, and what comes of it is told") {
  testing::FakeEnv fake;
  Worker worker(fake.loop);
  std::string done;  // touched by the worker's thread alone, until both are done
  std::optional<Result<void>> first;
  std::optional<Result<void>> second;
  net::TaskGroup tasks(fake.loop);
  tasks.spawn(keep(worker.perform([&done]() -> Result<void> {
    done += 'a';
    return {};
  }),
                   first));
  tasks.spawn(keep(worker.perform([&done]() -> Result<void> {
    done += 'b';
    return fail(Code::kInternal, "the disk is broken");
  }),
                   second));
  REQUIRE(fake.run_with_threads(20s, [&] { return first && second; }));
  CHECK(done == "ab");
  CHECK(first->has_value());
  CHECK(std::string(second->error().text) == "the disk is broken");
}

TEST_CASE("who is told to stop leaves at once, and the work is done all the same") {
  testing::FakeEnv fake;
  std::string done;
  {
    Worker worker(fake.loop);
    std::optional<Result<void>> result;
    net::TaskGroup tasks(fake.loop);
    tasks.spawn(keep(worker.perform([&done]() -> Result<void> {
      done = "done";
      return {};
    }),
                     result));
    tasks.cancel();
    fake.run_until_idle();
    REQUIRE(result);
  }
  CHECK(done == "done");
  fake.run_until_idle();
}

}  // namespace
}  // namespace weir::images
