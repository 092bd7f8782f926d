#include "h2/client_connection.h"

#include <utility>

#include "h2/limits.h"
#include "net/task_group.h"

namespace weir::h2 {

ClientConnection::Watch::Watch(ClientConnection& watched)
    : Timer([](net::Timer& timer) {
        ClientConnection& connection = static_cast<Watch&>(timer).connection;
        if (!connection.settings_received()) connection.die(ErrorCode::kSettingsTimeout);
      }),
      connection(watched) {}

ClientConnection::ClientConnection(std::unique_ptr<net::Stream> stream, Duration write_timeout,
                                   std::shared_ptr<std::atomic<std::uint32_t>> active, Carries carries)
    : Session(Role::kClient, carries, std::move(stream), net::Patience(write_timeout)),
      active_(std::move(active)),
      idle_since_(loop().now()) {
  start(0);  // no pushes
}

ClientConnection::~ClientConnection() = default;

net::Task<void> ClientConnection::run(std::shared_ptr<ClientConnection> self) {
  const net::Context& context = co_await net::current_context();
  ClientConnection& connection = *self;
  net::TaskGroup sender(connection.loop());
  sender.spawn(connection.send_all());
  connection.loop().arm(connection.watch_, connection.loop().deadline(kSettingsTimeout));
  co_await connection.receive_all();
  connection.watch_.disarm();
  connection.close_streams(ErrorCode::kInternalError);
  if (!context.cancelled() && !connection.write_failed()) {
    connection.finish();
    co_await sender.join();
  }
  co_await sender.stop();
  connection.close();
  connection.held.reset();
}

std::size_t ClientConnection::exchanges_free() const {
  const std::size_t allowed = peer_streams_max();
  return allowed > open_streams() ? allowed - open_streams() : 0;
}

void ClientConnection::retire() {
  if (usable()) submit_goaway(ErrorCode::kNoError);
}

void ClientConnection::exchange_begins() {
  ++exchanges_;
  if (active_ != nullptr) active_->fetch_add(1, std::memory_order_relaxed);
}

void ClientConnection::exchange_ends() {
  if (active_ != nullptr) active_->fetch_sub(1, std::memory_order_relaxed);
  if (--exchanges_ > 0) return;
  idle_since_ = loop().now();
  if (retires_when_idle_) retire();
}

}  // namespace weir::h2
