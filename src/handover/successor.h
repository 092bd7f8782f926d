// Successor: this process as the one that takes the place of another, which has started it and hands it what
// it has (docs/adr/0010). Made before any core; then on the control loop. Until the word is given, it
// prepares and accepts nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "handover/channel.h"
#include "net/core.h"
#include "net/listening.h"
#include "net/task_group.h"

namespace weir::handover {

class Successor {
 public:
  struct Offered {
    std::vector<net::ListeningSockets::One> sockets;
    net::Descriptor lock;    // of the data directory
    std::string snapshot;    // empty: there is none
    std::string remembered;  // see Edge::remembered()
  };
  struct Steps {
    // The word is given: what has changed since the offer takes effect, and clients are accepted. The error
    // is a sentence.
    std::function<std::expected<void, std::string>(std::string_view snapshot,
                                                   std::vector<net::ListeningSockets::One> sockets)>
        go;
    // A connection of the other process.
    std::function<void(Letter)> moved;
    // The store, and the place at controllers, are this process's.
    std::function<void()> released;
  };

  // Hears the offer; blocking. socket: of the pair. The error is a sentence.
  static std::expected<std::unique_ptr<Successor>, std::string> create(net::Descriptor socket,
                                                                       std::string version);
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;
  ~Successor();

  Offered& offered() { return offered_; }
  // Why this process can't take over, and is about to end. Before begin().
  void refuse(const std::string& sentence);
  // Says that it is ready, in the first turn of the loop.
  std::expected<void, std::string> begin(net::Core& control, Log& log, Steps steps);
  // Whoever asked for all this may be told that it is done.
  void settled();
  net::Task<void> stop();

  // While this process gives its place to the next: letters for that one, by which it goes on hearing those
  // before. Nothing is heard here any more.
  net::Task<std::vector<Letter>> hand_on();

  // Processes before this one that are still there, and the connections that they have.
  struct Predecessors {
    std::uint64_t processes = 0;
    std::uint64_t connections = 0;
  };
  Predecessors predecessors() const;

 private:
  Successor(net::Descriptor socket, std::string version)
      : socket_(std::move(socket)), version_(std::move(version)) {}
  std::expected<void, std::string> hear_offer();
  std::expected<void, std::string> take(Letter& letter);
  // To a process that was before this one; the first is the one that started it.
  struct Line {
    std::uint64_t process = 0;
    std::uint64_t connections = 0;
    std::unique_ptr<Channel> channel;
    bool gone = false;
  };
  Channel& channel() { return *lines_.front()->channel; }
  net::Task<void> run();
  net::Task<void> hear_all(Line& line);
  net::Task<bool> hear(Line& line, Letter letter);
  net::Task<bool> go();
  net::Task<void> say(Letter letter);
  void add_line(Letter letter);
  void gone(Line& line);

  net::Descriptor socket_;  // until there is a line
  std::string version_;
  Offered offered_;
  std::uint64_t process_ = 0;
  Steps steps_;
  Log* log_ = nullptr;
  net::Core* control_ = nullptr;
  std::vector<std::unique_ptr<Line>> lines_;
  std::unique_ptr<net::TaskGroup> tasks_;
  std::string later_snapshot_;
  bool has_gone_on_ = false;
  bool released_ = false;
};

}  // namespace weir::handover
