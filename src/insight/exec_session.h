// ExecSession: a command in an instance over a WebSocket, as the answer (101) to the request for it. Each
// binary message begins with a byte that says what it is:
//
//   0  from the caller: input; without any, the end of it       3  to the caller, the last: the end, as JSON:
//   1  to the caller: what the command writes to stdout            {"exit_code":0}, or {"reason":"why not"}
//   2  to the caller: to stderr                                 4  from the caller: {"rows":24,"columns":80}
//
// A caller that goes takes the command with it. Owned by the server's connection, on the control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "channel/channels.h"
#include "http/service.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"
#include "websocket/frames.h"

namespace weir::insight {

class ExecSession final : public http::Response {
 public:
  static constexpr Duration kPingInterval = std::chrono::seconds(30);
  // A caller that answers no ping is gone.
  static constexpr Duration kIdleTimeout = std::chrono::seconds(100);
  // That wait to be sent, before the command has to.
  static constexpr std::size_t kOutputBytesMax = std::size_t{128} << 10U;

  // client: has asked for a WebSocket with that key, and is taken up. allowed: asked now and then, the token
  // still stands.
  ExecSession(net::Loop& loop, std::unique_ptr<channel::Channel> channel, http::Upgrade& client,
              std::string_view key, std::function<bool()> allowed);

  net::Task<Result<net::Slice>> read() override;
  bool at_end() const override { return ended_; }
  bool settled() const override { return tasks_.size() == 0; }
  net::Task<void> settle() override { co_await tasks_.stop(); }

 private:
  net::Task<void> take_input(http::Body& from);
  net::Task<void> take_output();
  net::Task<void> ping();
  void take_message(std::string_view message, std::vector<channel::ToMachine>& said);
  void end(const channel::ChannelEnd& end);

  net::Loop& loop_;
  std::unique_ptr<channel::Channel> channel_;
  std::function<bool()> allowed_;
  std::string accept_;
  websocket::Frames frames_;
  std::string out_;
  net::Event changed_;   // for read()
  net::Event has_room_;  // for the output
  bool over_ = false;    // the caller is gone
  bool ended_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::insight
