#include "net/core.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "net/task_group.h"
#include "testing/memory_log.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Core> make_core(Log& log) {
  auto core = Core::create(log);
  REQUIRE(core.has_value());
  return std::move(*core);
}

template <class T>
T wait_for(std::future<T> future) {
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  return future.get();
}

TEST_CASE("each core runs on a thread of its own, until it is stopped") {
  testing::MemoryLog log;
  auto first = make_core(log);
  auto second = make_core(log);
  first->start("first");
  second->start("second");
  std::set<std::thread::id> threads{std::this_thread::get_id()};
  for (Core* core : {first.get(), second.get(), first.get()}) {
    std::promise<std::thread::id> ran_on;
    core->loop().post([&] { ran_on.set_value(std::this_thread::get_id()); });
    threads.insert(wait_for(ran_on.get_future()));
  }
  CHECK(threads.size() == 3);
  first->stop();
  first->stop();
}

TEST_CASE("cores draw different random numbers, and the kernel gives some") {
  testing::MemoryLog log;
  auto first = make_core(log);
  auto second = make_core(log);
  CHECK(first->env().random.next() != second->env().random.next());
  std::array<std::byte, 32> one{};
  std::array<std::byte, 32> two{};
  CHECK(fill_random(one).has_value());
  CHECK(fill_random(two).has_value());
  CHECK(one != two);
}

// One core's whole life: it dials the other's listener, resolves a name, and ends what it began.
Task<void> dial(Env& env, Address to, std::promise<bool>& done) {
  const auto resolved = co_await env.network.resolve("localhost", to.port(), 20s);
  auto made = co_await env.network.connect(to, 20s);
  std::array<std::byte, 16> bytes{};
  bool echoed = resolved.has_value() && made.has_value();
  if (echoed) echoed = (co_await (*made)->write(as_slice("hello"), 20s)).has_value();
  if (echoed) echoed = (co_await (*made)->read(bytes, 20s)) == std::size_t{5};
  done.set_value(echoed);
}

Task<void> echo(std::unique_ptr<Stream> stream) {
  std::array<std::byte, 16> bytes{};
  for (;;) {
    const auto got = co_await stream->read(bytes, 20s);
    if (!got || *got == 0) co_return;
    if (!co_await stream->write(Slice(bytes).first(*got), 20s)) co_return;
  }
}

Task<void> accept_all(Listener& listener, TaskGroup& group) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    group.spawn(echo(std::move(accepted->stream)));
  }
}

Task<void> stop_then(TaskGroup& group, std::promise<bool>& done) {
  co_await group.stop();
  done.set_value(true);
}

TEST_CASE("cores serve and dial one another at the same time") {
  testing::MemoryLog log;
  std::vector<std::unique_ptr<Core>> cores;
  std::vector<std::unique_ptr<TaskGroup>> groups;
  std::vector<std::unique_ptr<TaskGroup>> keepers;
  std::vector<std::unique_ptr<Listener>> listeners;
  Address at = Address::v4({127, 0, 0, 1}, 0);
  for (int i = 0; i < 3; ++i) {
    cores.push_back(make_core(log));
    auto listener = cores.back()->env().network.listen(at);
    REQUIRE(listener.has_value());
    at = (*listener)->address();  // all share the first's port
    listeners.push_back(std::move(*listener));
    groups.push_back(std::make_unique<TaskGroup>(cores.back()->loop()));
    keepers.push_back(std::make_unique<TaskGroup>(cores.back()->loop()));
    groups.back()->spawn(accept_all(*listeners.back(), *groups.back()));
  }
  constexpr std::size_t kDialsPerCore = 30;
  std::vector<std::promise<bool>> dialled(cores.size() * kDialsPerCore);
  for (std::size_t i = 0; i < cores.size(); ++i) cores[i]->start("core");
  for (std::size_t i = 0; i < dialled.size(); ++i) {
    const std::size_t core = i % cores.size();
    cores[core]->loop().post([&, core, i] { groups[core]->spawn(dial(cores[core]->env(), at, dialled[i])); });
  }
  for (std::promise<bool>& done : dialled) CHECK(wait_for(done.get_future()));
  std::vector<std::promise<bool>> stopped(cores.size());
  for (std::size_t i = 0; i < cores.size(); ++i) {
    cores[i]->loop().post([&, i] { keepers[i]->spawn(stop_then(*groups[i], stopped[i])); });
  }
  for (std::promise<bool>& done : stopped) CHECK(wait_for(done.get_future()));
  for (const auto& core : cores) core->stop();
}

}  // namespace
}  // namespace weir::net
