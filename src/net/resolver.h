// Resolver: names to addresses with their time to live, by c-ares on the loop's epoll: /etc/hosts, then the
// resolvers of /etc/resolv.conf. One per loop, started by the first query.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "net/epoll.h"
#include "net/network.h"

struct ares_channeldata;

namespace weir::net {

class Resolver {
 public:
  // servers: "127.0.0.1:53,[::1]:53" in place of those of /etc/resolv.conf; "" for those.
  Resolver(Loop& loop, EpollPoller& poller, std::string servers = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  Task<Result<Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout);

 private:
  class Query;
  class Watch;

  Result<void> start();
  void on_socket_state(int fd, bool reads, bool writes);
  void process(int readable_fd, int writable_fd);
  void arm_timer();

  Loop& loop_;
  EpollPoller& poller_;
  std::string servers_;
  ares_channeldata* channel_ = nullptr;
  std::vector<std::unique_ptr<Watch>> watches_;
  struct RetryTimer final : Timer {
    explicit RetryTimer(Resolver& owner);
    Resolver& resolver;
  } timer_;
};

}  // namespace weir::net
