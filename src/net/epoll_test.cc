#include "net/epoll.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

namespace weir::net {
namespace {

using namespace std::chrono_literals;

Descriptor make_event(bool readable) {
  Descriptor event(::eventfd(readable ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
  REQUIRE(event);
  return event;
}

struct Counting final : EpollPoller::Handler {
  int calls = 0;
  void on_events(std::uint32_t /*events*/) override { ++calls; }
};

// Replaces the descriptor of the other, whose events have been found already, by a new one of the same
// number.
struct Replacing final : EpollPoller::Handler {
  EpollPoller* poller = nullptr;
  Descriptor own;
  Replacing* other = nullptr;
  Counting* successor = nullptr;
  int calls = 0;

  void on_events(std::uint32_t /*events*/) override {
    ++calls;
    const int number = other->own.get();
    poller->remove(number);
    other->own = Descriptor();
    Descriptor next = make_event(false);
    CHECK(next.get() == number);
    other->own = std::move(next);
    CHECK(poller->add(number, EPOLLIN, *successor).has_value());
  }
};

TEST_CASE("events found for a descriptor are not delivered to the next of its number") {
  auto created = EpollPoller::create();
  REQUIRE(created.has_value());
  EpollPoller& poller = **created;
  Counting successor;
  std::array<Replacing, 2> handlers;
  for (std::size_t i = 0; i < 2; ++i) {
    handlers[i].poller = &poller;
    handlers[i].own = make_event(true);
    handlers[i].other = &handlers[1 - i];
    handlers[i].successor = &successor;
    CHECK(poller.add(handlers[i].own.get(), EPOLLIN | EPOLLET, handlers[i]).has_value());
  }
  poller.wait(0s);
  CHECK(poller.dispatch());
  CHECK(handlers[0].calls + handlers[1].calls == 1);
  CHECK(successor.calls == 0);
  poller.wait(0s);
  CHECK_FALSE(poller.dispatch());

  Replacing& replaced = handlers[handlers[0].calls == 1 ? 1 : 0];
  const std::uint64_t one = 1;
  CHECK(::write(replaced.own.get(), &one, sizeof one) == sizeof one);
  poller.wait(1s);
  CHECK(poller.dispatch());
  CHECK(successor.calls == 1);
}

TEST_CASE("a descriptor can be watched for something else; wake ends a wait") {
  auto created = EpollPoller::create();
  REQUIRE(created.has_value());
  EpollPoller& poller = **created;
  const Descriptor event = make_event(true);
  Counting handler;
  CHECK(poller.add(event.get(), 0, handler).has_value());
  poller.wait(0s);
  CHECK_FALSE(poller.dispatch());
  CHECK(poller.change(event.get(), EPOLLIN).has_value());
  for (int i = 1; i <= 2; ++i) {  // by level: as long as it is so
    poller.wait(0s);
    CHECK(poller.dispatch());
    CHECK(handler.calls == i);
  }
  CHECK(poller.change(event.get(), 0).has_value());
  poller.wake();
  poller.wake();
  poller.wait(20s);
  CHECK(poller.dispatch());
  CHECK(handler.calls == 2);
  poller.wait(0s);
  CHECK_FALSE(poller.dispatch());
}

}  // namespace
}  // namespace weir::net
