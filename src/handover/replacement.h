// Replacement: this process as the one whose place another takes: starts it when it is asked to, hands it
// what there is, and leaves once that one has taken it (docs/adr/0010). Whatever goes wrong before leaves
// everything as it was. On the control loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/snapshot.h"
#include "handover/channel.h"
#include "handover/child.h"
#include "handover/door.h"
#include "net/core.h"
#include "net/listening.h"
#include "net/task_group.h"
#include "store/data_directory.h"

namespace weir::handover {

class Replacement {
 public:
  struct Options {
    std::string data_dir;
    std::string version;
    const char* const* environment = nullptr;
  };
  struct Steps {
    std::function<config::SnapshotPointer()> snapshot;  // in force; null: there is none
    std::function<std::string()> remembered;
    // The other process has taken over. limit: for connections; none: they have as long as they want.
    // release() follows when the store and the place at controllers are free, stop() when nothing is left.
    std::function<void(std::uint64_t by_process, std::optional<Duration> limit)> leave;
    std::function<std::uint64_t()> connections;  // that are here
  };

  // control, sockets and directory outlive it.
  Replacement(net::Core& control, net::ListeningSockets& sockets, const store::DataDirectory& directory,
              Log& log, Options options, Steps steps);
  ~Replacement();

  // From now on it may be asked for. A door that can't be opened is said in the log.
  void open();
  // While it leaves: a connection for the other process. In order.
  void give(Letter letter);
  // While it leaves: the store is free.
  net::Task<void> release();
  // At the end.
  net::Task<void> stop();

 private:
  struct Outcome {
    std::string refused;  // a sentence; empty: it is done
    std::uint64_t process = 0;
    std::string version;
    std::string remark;
  };
  net::Task<void> asked(Letter letter, Channel& who);
  net::Task<void> replace(Letter asked, Outcome& outcome, net::Event& done);
  net::Task<std::string> hand_over(const Letter& asked, Outcome& outcome);
  net::Task<std::string> offer();
  net::Task<std::string> enclose_state(Letter& letter);
  net::Task<std::string> send_sockets();
  net::Task<std::string> send(const Letter& letter);
  net::Task<std::string> wait_for(std::string_view word, Duration timeout, Outcome& outcome);
  net::Task<void> tell_left();
  net::Task<void> send_given();

  net::Core& control_;
  net::ListeningSockets& sockets_;
  const store::DataDirectory& directory_;
  Log& log_;
  Options options_;
  Steps steps_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Channel> successor_;  // null: there is none
  config::SnapshotPointer offered_;
  net::TaskGroup tasks_;
  net::TaskGroup telling_;
  net::TaskGroup giving_;
  std::deque<Letter> given_;  // to be sent
  bool under_way_ = false;
  bool leaving_ = false;
  bool released_ = false;
};

}  // namespace weir::handover
