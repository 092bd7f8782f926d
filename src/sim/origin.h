// Origin: what is behind the edges of a simulated world. It tells who sent it a request, answers health
// checks as it is told to, thinks for a while if it is one that does, and can be gone. On the loop of the
// world.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/env.h"
#include "net/task_group.h"

namespace weir::sim {

class Origin {
 public:
  // from: IP address of whoever asks; host and path: that were asked for. Not for health checks.
  using Served =
      std::function<void(const std::string& from, const std::string& host, const std::string& path)>;
  struct Options {
    net::Address at;
    std::string text = "ok";          // that it answers
    std::uint64_t thinks_one_in = 0;  // so many requests, for up to kThought; 0: none
  };
  static constexpr Duration kThought = std::chrono::milliseconds(300);
  Origin(net::Env& env, Options options, Served served);

  void set_sick(bool sick) { sick_ = sick; }
  bool sick() const { return sick_; }
  net::Task<void> stop() { co_await tasks_.stop(); }  // to be awaited before it is destroyed

 private:
  net::Task<void> accept();
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, std::string from);
  std::string answer(std::string_view head, const std::string& from);

  net::Env& env_;
  Options options_;
  std::unique_ptr<net::Listener> listener_;
  Served served_;
  bool sick_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
