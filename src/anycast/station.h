// Station: anycast as a part of a process: the speaker's process, the line to it, and what decides. Made
// before any thread is started; lives on the control loop.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anycast/anycast.h"
#include "anycast/settings.h"
#include "anycast/speaker.h"
#include "handover/channel.h"
#include "net/core.h"
#include "net/epoll.h"
#include "net/task.h"
#include "net/task_group.h"
#include "report/report.h"

namespace weir::anycast {

// Whether an interface of this machine has the address.
bool is_local(const net::Address& address);

class Station {
 public:
  // Starts the speaker, before any thread is started. The error is a sentence.
  static std::expected<std::unique_ptr<Station>, std::string> begin(StationOptions options);
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  struct Told {
    std::function<std::string(std::string_view balancer, Share share)> why_not_served;
    std::function<void(std::vector<report::AnycastSeen> seen)> report;  // null: there is nobody
  };
  // On that core, before it runs. The error is a sentence.
  std::expected<void, std::string> make(net::Env& env, net::EpollPoller& poller, Told told);
  // port: of the listener that is to answer at the addresses. takes_over: another process has announced them
  // so far, and no more.
  void start(std::uint16_t port, bool takes_over);
  void hear(std::size_t controller, std::optional<report::Reply> reply) {
    anycast_->hear(controller, std::move(reply));
  }

  // Withdraws all before the edge stops taking clients, and ends.
  net::Task<void> drain();
  void hurry() { anycast_->hurry(); }
  // Another process goes on: nothing is touched from now on.
  net::Task<void> leave();

  void write_metrics(std::string& out) const { anycast_->write_metrics(out); }

 private:
  Station(StationOptions options, net::Descriptor line)
      : options_(std::move(options)), line_(std::move(line)) {}
  void say(std::uint64_t number, std::string text);
  void flush();
  net::Task<void> beat();
  net::Task<void> listen();
  void take(const handover::Letter& letter);
  net::Task<void> stop();

  StationOptions options_;
  net::Descriptor line_;  // to the speaker; to be heard by channel_
  std::unique_ptr<handover::Channel> channel_;
  std::optional<Anycast> anycast_;
  net::Loop* loop_ = nullptr;
  std::optional<handover::Letter> waiting_;  // the line is full
  std::optional<net::TaskGroup> tasks_;
};

}  // namespace weir::anycast
