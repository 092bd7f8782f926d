// Succession: how a long-running command takes the place of the process that started it, if one did, and
// gives its own to the next: what of the handover (handover/) is for which part. Made by the command before
// its cores; on the control loop once they run.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "handover/replacement.h"
#include "handover/successor.h"
#include "net/listening.h"
#include "net/task.h"
#include "role/process.h"
#include "role/traffic.h"
#include "store/data_directory.h"

namespace weir::role {

class Succession {
 public:
  struct Options {
    std::string data_dir;
    std::string version;
    bool takes_over = false;  // the process that started this one hands over to it
    const char* const* environment = nullptr;
    // What runs this process as a service hears of its state; see service_manager.h.
    std::function<void(std::string_view state)> tell_manager;
  };
  // What the command is made of. The tasks end when all that they stand for has.
  struct Parts {
    Traffic* traffic = nullptr;  // null: there is none
    // The word is given: this process accepts from now on, and not the other.
    std::function<void()> take_clients;
    // The store, or the place at the controllers, is this process's, which has been waiting for it.
    std::function<void()> take_control;
    // Gives it up, and returns when it is free.
    std::function<net::Task<void>()> give_control;
    // Another process accepts: what isn't the traffic's connections stops doing so.
    std::function<net::Task<void>()> leave;
    // The end of what is still there, when the traffic has none left.
    std::function<net::Task<void>()> end;
  };

  Succession(Log& log, Options options);
  ~Succession();

  // Hears what is handed over, if anything is. The errors are sentences.
  std::expected<void, std::string> begin();
  bool takes_over() const { return successor_ != nullptr; }
  std::vector<net::ListeningSockets::One> inherited();
  // Shared with the other process, or taken.
  std::expected<store::DataDirectory, std::string> directory();
  // In the options: what the other's traffic is made of.
  void give(TrafficOptions& options) const;
  // Whoever started this process hears why it ends.
  void refuse(const std::string& sentence);

  // The parts are prepared and listen; all of these outlive the loops. Before the cores run.
  std::expected<void, std::string> start(Process& process, const store::DataDirectory& directory,
                                         Ending& ending, Parts parts);
  // All of it is there: from then on it can be replaced itself. Also before start().
  void ready();
  // With a drain: nothing of a handover goes on.
  net::Task<void> stop();

  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

 private:
  std::expected<void, std::string> go(std::string_view snapshot,
                                      std::vector<net::ListeningSockets::One> late);
  net::Task<void> leave(std::optional<Duration> limit);
  net::Task<void> leave_traffic(std::optional<Duration> limit);
  net::Task<void> drop_rest();
  void adopt(handover::Letter letter);
  edge::Heir heir();
  void announce();
  std::uint64_t connections() const;

  Log& log_;
  Options options_;
  Parts parts_;
  Process* process_ = nullptr;
  const store::DataDirectory* directory_ = nullptr;
  Ending* ending_ = nullptr;
  std::unique_ptr<handover::Successor> successor_;      // null: it takes over from nobody
  std::unique_ptr<handover::Replacement> replacement_;  // null until start()
  std::unique_ptr<net::TaskGroup> tasks_;
  std::size_t next_worker_ = 0;
  bool is_ready_ = false;
};

}  // namespace weir::role
