// Door: the Unix socket in the data directory where the replacement of this process is asked for. Only its
// own user and root are heard. Owned by the process's role; on the control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "handover/channel.h"
#include "handover/letter.h"
#include "net/epoll.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::handover {

inline constexpr std::string_view kDoorName = "upgrade.sock";  // in the data directory

// For who asks; kNotFound, kConnectFailed: nobody is there.
Result<net::Descriptor> knock(const std::string& directory);

class Door final : private net::EpollPoller::Handler {
 public:
  // What is asked, and who waits for the answers, of which the last ends it.
  using Asked = std::function<net::Task<void>(Letter asked, Channel& who)>;

  // In the place of whoever had it before. The path may be longer than a socket's address can be.
  static Result<std::unique_ptr<Door>> open(net::Loop& loop, net::EpollPoller& poller,
                                            const std::string& directory, Asked asked);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  ~Door();

  net::Task<void> stop() { co_await tasks_.stop(); }

 private:
  Door(net::Loop& loop, net::EpollPoller& poller, net::Descriptor socket, Asked asked)
      : loop_(loop), poller_(poller), socket_(std::move(socket)), asked_(std::move(asked)), tasks_(loop) {}
  void on_events(std::uint32_t events) override;
  net::Task<void> hear(net::Descriptor who);

  net::Loop& loop_;
  net::EpollPoller& poller_;
  net::Descriptor socket_;
  Asked asked_;
  net::TaskGroup tasks_;
  bool watched_ = false;
};

}  // namespace weir::handover
