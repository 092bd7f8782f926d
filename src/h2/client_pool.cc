#include <algorithm>
#include <utility>

#include "h2/client.h"
#include "h2/limits.h"

namespace weir::h2 {

ClientPool::Waiter::~Waiter() {
  if (link == nullptr) return;
  *link = next;
  if (next != nullptr) next->link = link;
}

// The first with room: those behind it grow idle and are closed when they are not needed.
ClientConnectionPtr ClientPool::take() {
  std::erase_if(connections_, [](const ClientConnectionPtr& connection) { return !connection->usable(); });
  for (const ClientConnectionPtr& connection : connections_) {
    if (connection->exchanges_free() > 0) return connection;
  }
  if (connections_.size() < kConnectionsMax) return nullptr;
  return *std::ranges::min_element(connections_, {}, &ClientConnection::open_streams);
}

net::Task<Result<ClientConnectionPtr>> ClientPool::acquire(Opener& opener, Duration timeout) {
  for (;;) {
    if (ClientConnectionPtr connection = take()) co_return connection;
    if (waiting_ >= opening_ * kStreamsMax) co_return co_await open(opener);
    if (auto waited = co_await wait(timeout); !waited) co_return fail(waited.error());
  }
}

net::Task<Result<ClientConnectionPtr>> ClientPool::open(Opener& opener) {
  ++opening_;
  auto stream = co_await opener.open();
  --opening_;
  Result<ClientConnectionPtr> opened;
  if (stream) {
    opened = add(std::move(*stream));
  } else {
    opened = fail(stream.error());
  }
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
    // Whose client has gone says nothing about the origin: another of them opens one.
    if (!opened && opened.error().code != Code::kCancelled) waiter->error = opened.error();
    waiter->signal.notify();
  }
  co_return opened;
}

net::Task<Result<void>> ClientPool::wait(Duration timeout) {
  Waiter waiter;
  waiter.next = waiters_;
  waiter.link = &waiters_;
  if (waiter.next != nullptr) waiter.next->link = &waiter.next;
  waiters_ = &waiter;
  ++waiting_;
  auto waited = co_await waiter.signal.wait(loop_, timeout);
  --waiting_;
  if (waiter.error) co_return fail(*waiter.error);
  if (waited) co_return waited;
  Error error = waited.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;
  co_return fail(error);
}

ClientConnectionPtr ClientPool::add(Opener::Opened opened) {
  auto connection = std::make_shared<ClientConnection>(std::move(opened.stream), write_timeout_, active_);
  connection->held = std::move(opened.held);
  group_.spawn(ClientConnection::run(connection));
  if (retired_) {
    connection->retire_when_idle();
  } else {
    connections_.push_back(connection);
  }
  return connection;
}

void ClientPool::close_idle_since(Instant before) {
  std::erase_if(connections_, [before](const ClientConnectionPtr& connection) {
    if (connection->open_streams() > 0 || connection->idle_since() > before) return false;
    connection->retire();
    return true;
  });
}

void ClientPool::close_all() {
  for (const ClientConnectionPtr& connection : connections_) connection->retire();
  connections_.clear();
}

void ClientPool::retire() {
  retired_ = true;
  close_all();
}

}  // namespace weir::h2
