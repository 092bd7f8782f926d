// RequestVisits: what people see of requests that came to origins behind tunnels by the edge of this process:
// a controller orders a channel, here or elsewhere, and is told over it of each request as it ends, of those
// that are kept, or of one with what was sent and answered; and one is sent again. On the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "channel/end.h"
#include "channel/open.h"
#include "edge/replay.h"
#include "grpc/channel.h"
#include "inspection/inspections.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "record/live_requests.h"

namespace weir::inspection {

class RequestVisits {
 public:
  static constexpr std::size_t kMax = 128;  // at a time; more are not answered
  // Lines that who follows has not taken yet; more are passed over.
  static constexpr std::size_t kWaitingMax = 1000;
  // Then who asked hears that there was no answer yet.
  static constexpr Duration kReplayTimeout = std::chrono::seconds(20);

  // See edge::Edge.
  using Replayer = std::function<void(edge::Replay, edge::ReplayDone)>;
  // live: outlives it.
  RequestVisits(net::Env& env, record::LiveRequests& live, Replayer replayer)
      : env_(env), inspections_(env.loop, live), replayer_(std::move(replayer)), tasks_(env.loop) {}
  RequestVisits(const RequestVisits&) = delete;
  RequestVisits& operator=(const RequestVisits&) = delete;

  // What a controller elsewhere has ordered. way: to that one; it is closed behind stop().
  void begin(grpc::Channel& way, channel::Open what);
  // And what the one of this process has; end: not null.
  void begin(std::unique_ptr<channel::End> end, std::string what);
  net::Task<void> stop() { co_await tasks_.stop(); }

 private:
  bool has_room() const;
  net::Task<void> call(grpc::Channel& way, channel::Open what);
  net::Task<void> answer(std::unique_ptr<channel::End> end, std::string what);
  net::Task<channel::ChannelEnd> carry_out(channel::End& end, const channel::ChannelOpen& open);
  net::Task<channel::ChannelEnd> tell_latest(channel::End& end, const Inspections::Endpoint& at);
  net::Task<channel::ChannelEnd> follow(channel::End& end, const Inspections::Endpoint& at);
  net::Task<channel::ChannelEnd> replay(channel::End& end, const Inspections::Endpoint& at,
                                        const Inspections::Told& told);

  net::Env& env_;
  Inspections inspections_;
  Replayer replayer_;
  net::TaskGroup tasks_;
};

}  // namespace weir::inspection
