// Recorder: keeps the History of a controller: asks what is to be known of this process every ten seconds,
// takes what machines say, closes windows, and has them written and read by a thread of its own. On the
// control loop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/archive.h"
#include "metrics/history.h"
#include "net/env.h"
#include "net/task_group.h"
#include "report/interval.h"

namespace weir::metrics {

class Recorder {
 public:
  // Windows that wait for the disk; beyond, the oldest is lost.
  static constexpr std::size_t kWaitingMax = 16;

  // file: where the History is kept; empty: nowhere.
  Recorder(net::Env& env, std::string file);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();  // what waits is written

  // What there is to say of this step: told by say(). Before start().
  using Sampler = std::function<void(Recorder& recorder)>;
  void add(Sampler sampler) { samplers_.push_back(std::move(sampler)); }
  void say(const std::string& source, std::vector<report::Measured> measured);
  // What a machine has said itself.
  void take(const std::string& source, const std::vector<report::Interval>& intervals);

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  const History& history() const { return history_; }
  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

 private:
  struct Written {
    std::int64_t slot = 0;
    Window window;
  };
  net::Task<void> sample();
  void restore(const Window& window);
  void keep(std::int64_t slot, const Window& window);
  void work(const std::shared_ptr<Recorder*>& self);
  void write(Archive& archive, const Written& written);

  net::Env& env_;
  std::string file_;
  History history_;
  std::vector<Sampler> samplers_;
  std::uint64_t run_;
  std::uint64_t steps_ = 0;
  Instant stepped_;
  Duration span_{};  // of the present step
  bool restored_;    // what was kept is back
  net::TaskGroup tasks_;
  std::shared_ptr<Recorder*> self_;  // what posted work finds it by; null inside when it is gone
  std::mutex mutex_;                 // guards what follows
  std::condition_variable wake_;
  std::deque<Written> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::metrics
