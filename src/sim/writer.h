// Writer: a client that keeps one load balancer and its service, by the real API of whichever controller
// answers: one write after the other, each tried until it is known what became of it, or given up. On the
// loop of the world.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "invariants/history.h"
#include "net/env.h"
#include "net/task_group.h"
#include "sim/client.h"

namespace weir::sim {

using invariants::Event;

class Writer {
 public:
  static constexpr int kTriesMax = 4;
  static constexpr Duration kPatience = std::chrono::seconds(8);  // for one answer

  struct Options {
    std::string name;                      // of the load balancer
    std::vector<std::string> controllers;  // IP addresses
    std::vector<std::string> origins;      // addresses; a service's are chosen by bits
    std::uint64_t seed = 0;
  };
  using Told = std::function<void(Event)>;  // kAcknowledged
  Writer(net::Env& env, Options options, Told told);

  void write(std::uint32_t bits, std::string region);  // empty: all
  void drain();                                        // one endpoint less
  void remove();
  bool idle() const { return wishes_.empty() && !busy_; }
  net::Task<void> stop() { co_await tasks_.stop(); }  // to be awaited before it is destroyed

 private:
  struct Wish {
    std::uint32_t bits;  // 0: remove
    std::string region;
    std::string mark;
  };
  void wish(std::uint32_t bits, std::string region);
  net::Task<void> work();
  net::Task<void> carry_out(Wish wish);
  net::Task<void> remove(std::string key);
  // The revision; 0: it was refused, or nobody knows.
  net::Task<std::uint64_t> call(std::string method, std::string path, std::string body);
  std::string pool(std::uint32_t bits) const;
  std::string objects(const Wish& wish) const;

  net::Env& env_;
  Options options_;
  Told told_;
  Random random_;
  std::deque<Wish> wishes_;
  std::uint32_t bits_ = 0;  // that were wished for last
  std::string region_;
  std::uint64_t writes_ = 0;
  bool busy_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
