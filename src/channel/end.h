// End: a machine's end of a channel: what it says about what a controller has ordered, over a call of its own
// (call_about) or in the controller's process (Channels::take). Destroying it ends the channel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "channel/messages.h"
#include "grpc/channel.h"
#include "net/task.h"

namespace weir::channel {

class End {
 public:
  End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  virtual ~End() = default;

  // Waits while who asked does not read. Fails when the channel is over.
  virtual net::Task<Result<void>> write(FromMachine said) = 0;
  // No more is said.
  virtual void close() = 0;
  // The bytes of the next message (parse_to_machine()); none: who asked has gone.
  virtual net::Task<Result<std::optional<std::string>>> read() = 0;

  // Until who asked has gone.
  net::Task<void> wait_for_end();
};

// path: the method, of those controllers. way: to the one that ordered it; outlives the end.
net::Task<Result<std::unique_ptr<End>>> call_about(grpc::Channel& way, std::string path, std::string id);

// The last message, and no more.
net::Task<void> say_end(End& end, ChannelEnd last);

}  // namespace weir::channel
