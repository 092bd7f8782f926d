// Origin: what is behind the edges of a simulated world. It tells who sent it a request, answers health
// checks as it is told to, and can be gone. On the loop of the world.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/env.h"
#include "net/task_group.h"

namespace weir::sim {

class Origin {
 public:
  // from: IP address of the edge; host: that was asked for. Not for health checks.
  using Served = std::function<void(const std::string& from, const std::string& host)>;
  Origin(net::Env& env, const net::Address& at, Served served);

  void set_sick(bool sick) { sick_ = sick; }
  bool sick() const { return sick_; }
  net::Task<void> stop() { co_await tasks_.stop(); }  // to be awaited before it is destroyed

 private:
  net::Task<void> accept();
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, std::string from);
  std::string answer(std::string_view head, const std::string& from);

  std::unique_ptr<net::Listener> listener_;
  Served served_;
  bool sick_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
