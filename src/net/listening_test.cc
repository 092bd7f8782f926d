// Listening sockets that go from one process to another; here, from one network to the next.
#include "net/listening.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "net/epoll_network.h"
#include "net/task_group.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::RealEnv;

const Address kAnyPort = Address::v4({127, 0, 0, 1}, 0);

// What one process has: listeners on an address, one for each loop.
struct Before {
  Before(RealEnv& real, std::size_t loops) : network(real.loop, *real.poller, &sockets) {
    Address at = kAnyPort;
    for (std::size_t i = 0; i < loops; ++i) {
      auto made = network.listen(at);
      REQUIRE(made);
      at = (*made)->address();
      listeners.push_back(std::move(*made));
    }
  }
  Address at() const { return listeners.front()->address(); }

  ListeningSockets sockets;
  EpollNetwork network;
  std::vector<std::unique_ptr<Listener>> listeners;
};

std::unique_ptr<Stream> connect(RealEnv& real, Address to) {
  auto client = real.run(real.network.connect(to, 5s));
  REQUIRE(client);
  REQUIRE(*client);
  return std::move(**client);
}

Task<void> accept_all(Listener& listener, std::size_t& count) {
  while (co_await listener.accept()) ++count;
}

// As many clients as come are taken by as many loops as there are after, none is refused or reset.
void hand_over(std::size_t loops_before, std::size_t loops_after) {
  CAPTURE(loops_before);
  CAPTURE(loops_after);
  RealEnv real;
  auto before = std::make_unique<Before>(real, loops_before);
  const Address at = before->at();
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect(real, at));  // they wait in the queues

  ListeningSockets sockets;
  auto open = before->sockets.open();
  REQUIRE(open);
  CHECK(open->size() == loops_before);
  sockets.inherit(std::move(*open), loops_after);
  CHECK(sockets.has(at));
  EpollNetwork network(real.loop, *real.poller, &sockets);
  CHECK(network.check_unused(at));
  CHECK_FALSE(real.network.check_unused(at));
  network.hold();
  std::vector<std::unique_ptr<Listener>> listeners;
  std::size_t accepted = 0;
  TaskGroup accepting(real.loop);
  for (std::size_t i = 0; i < loops_after; ++i) {
    auto made = network.listen(at);
    REQUIRE(made);
    CHECK((*made)->address() == at);
    listeners.push_back(std::move(*made));
    accepting.spawn(accept_all(*listeners.back(), accepted));
  }
  real.settle();
  CHECK(accepted == 0);

  network.release();
  CHECK(real.run_until([&] { return accepted == clients.size(); }));
  sockets.drop_rest();
  CHECK_FALSE(sockets.has(at));
  before.reset();
  for (int i = 0; i < 20; ++i) clients.push_back(connect(real, at));
  CHECK(real.run_until([&] { return accepted == clients.size(); }));
  const auto still_open = sockets.open();
  REQUIRE(still_open);
  CHECK(still_open->size() == std::max(loops_before, loops_after));
  CHECK(real.run(accepting.stop()));
  listeners.clear();
  CHECK(sockets.open()->empty());
}

TEST_CASE("connections that wait in sockets are taken by whoever has the sockets next") {
  hand_over(1, 1);
  hand_over(2, 2);
  hand_over(3, 1);
  hand_over(1, 3);
  hand_over(3, 2);
}

TEST_CASE("what was not inherited is made anew, and a port of one's own is never inherited") {
  RealEnv real;
  Before before(real, 1);
  ListeningSockets sockets;
  auto open = before.sockets.open();
  REQUIRE(open);
  sockets.inherit(std::move(*open), 1);
  EpollNetwork network(real.loop, *real.poller, &sockets);
  auto other = network.listen(kAnyPort);
  REQUIRE(other);
  CHECK((*other)->address() != before.at());
  auto first = network.listen(before.at());
  REQUIRE(first);
  auto again = network.listen(before.at());  // the loops have had theirs
  REQUIRE(again);
  CHECK(sockets.open()->size() == 3);
}

}  // namespace
}  // namespace weir::net
