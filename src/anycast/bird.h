// Bird: a line to the BIRD of this machine, by its control socket. Blocks, each time at most as long as its
// deadline says: for the speaker's process, which does nothing else.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "anycast/bird_reply.h"
#include "base/time.h"
#include "net/core.h"
#include "net/epoll.h"

namespace weir::anycast {

class Bird {
 public:
  static constexpr Duration kConnectMax = std::chrono::seconds(1);
  static constexpr Duration kCommandMax = std::chrono::seconds(3);  // tables of millions of routes are walked

  explicit Bird(std::string socket_path) : path_(std::move(socket_path)) {}

  // The errors are sentences. When the line is lost, or what comes is not BIRD's, it is closed.
  using Done = std::expected<void, std::string>;
  // Nothing to do when it is there.
  Done connect();
  // Takes up its configuration, and so what it includes: only what is another is touched.
  Done load();
  // Ends a protocol without reading the configuration; one that it does not know has ended already.
  Done disable(std::string_view protocol);
  // Whether it is well.
  Done look();

  bool connected() const { return static_cast<bool>(socket_); }
  // To wait for, between commands: it says nothing by itself, so that it has something means that it is gone.
  int descriptor() const { return socket_.get(); }
  void close() { socket_ = {}; }

 private:
  std::expected<BirdReply, std::string> ask(std::string_view command);
  std::expected<BirdReply, std::string> read_reply(Instant until);
  std::unexpected<std::string> lose(std::string why);
  bool wait_for(short events, Instant until);

  std::string path_;
  net::SystemClock clock_;
  net::Descriptor socket_;
  BirdReader reader_;
};

}  // namespace weir::anycast
