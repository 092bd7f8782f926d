// EdgeWays: how edges are asked about requests that came to an origin behind a tunnel: visitors come in by
// any of them, so all are asked. On the control loop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "channel/channels.h"
#include "config/whole.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::insight {

// The origin that a Tunnel leads to, which has one of these at each edge that it is attached to.
struct Origin {
  std::string organization;
  std::string service;
  std::string instance;
  friend bool operator==(const Origin&, const Origin&) = default;
};
// None: there is no such Tunnel.
std::optional<Origin> origin_of(const config::Whole& objects, std::string_view tunnel);
channel::ChannelOpen about(const Origin& origin, channel::RequestsVerb verb, std::string id = {});

class EdgeWays {
 public:
  // Of an answer that does not go on.
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(35);
  static constexpr std::size_t kRequestsMax = 1000;

  // attached: those that there are now. All outlive it.
  EdgeWays(net::Env& env, channel::Channels& channels, std::function<std::vector<std::string>()> attached)
      : env_(env), channels_(channels), attached_(std::move(attached)) {}

  struct Heard {
    std::vector<std::string> requests;  // JSON, as the edge wrote it
    int exit_code = 0;
    std::string trouble;  // why it said no more; empty: it came to its end
  };
  // Until it has said all. Fails only when the task is cancelled.
  net::Task<Result<Heard>> ask(std::string edge, channel::ChannelOpen what);
  // All of them at the same time, by name.
  net::Task<Result<std::map<std::string, Heard>>> ask_all(channel::ChannelOpen what);

  channel::Channels& channels() { return channels_; }
  std::vector<std::string> attached() const { return attached_(); }
  bool has(std::string_view edge) const;

 private:
  net::Task<void> hear(std::string edge, channel::ChannelOpen what, Heard& heard);

  net::Env& env_;
  channel::Channels& channels_;
  std::function<std::vector<std::string>()> attached_;
};

}  // namespace weir::insight
