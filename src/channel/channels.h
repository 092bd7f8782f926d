// Channels: a controller's side of channels to machines: tells one to make a call, waits for it, and gives it
// to who asked. Each has its own flow control: what the asker does not read makes the machine wait, and the
// other way round. On the core of its calls.
//
//   calls.add(std::string(kNodeChannelPath), [&](grpc::ServerCall& call) { return channels.serve(call); });
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "channel/end.h"
#include "channel/messages.h"
#include "grpc/server.h"
#include "net/loop.h"
#include "net/task.h"

namespace weir::channel {

class Channels;

// One channel, as its asker has it: one task reads and one writes at a time. Destroying it ends the call.
class Channel {
 public:
  // What is ready in either direction before who makes it waits; one message may go beyond.
  static constexpr std::size_t kBytesMax = std::size_t{128} << 10U;

  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The next; none: the machine has ended the call, or is gone. Fails only when the task is cancelled.
  net::Task<Result<std::optional<FromMachine>>> read();
  // Fails when the call is over.
  net::Task<Result<void>> write(ToMachine said);

 private:
  friend class Channels;
  class OwnEnd;
  struct Pipe;
  Channel(Channels& channels, std::shared_ptr<Pipe> pipe);

  Channels& channels_;
  std::shared_ptr<Pipe> pipe_;
};

class Channels {
 public:
  static constexpr std::size_t kPerMachineMax = 64;
  static constexpr std::size_t kMax = 256;
  static constexpr Duration kOpenTimeout = std::chrono::seconds(10);

  struct Options {
    // Tells a machine to make a call with that id about that (ChannelOpen). False: it is not attached.
    std::function<bool(std::string_view machine, std::string id, std::string what)> order;
    // Whether a call is that machine's.
    std::function<bool(const http::Request& request, std::string_view machine)> comes_from;
  };
  // Outlives its channels and its calls.
  Channels(net::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {}
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;
  ~Channels();

  // kOverloaded: there are too many; kNotFound: the machine is not attached here; kTimedOut: it makes no
  // call.
  net::Task<Result<std::unique_ptr<Channel>>> open(std::string machine, ChannelOpen what);
  net::Task<grpc::Status> serve(grpc::ServerCall& call);
  // In the place of a call, where what was ordered is in this process. Null: nobody waits for it.
  std::unique_ptr<End> take(std::string_view id);

  std::size_t open_channels() const { return open_; }

 private:
  friend class Channel;
  net::Task<grpc::Status> carry(grpc::ServerCall& call, std::shared_ptr<Channel::Pipe> pipe);
  void leave(const Channel::Pipe& pipe);

  net::Loop& loop_;
  Options options_;
  std::map<std::string, std::shared_ptr<Channel::Pipe>, std::less<>> awaited_;  // by id
  std::map<std::string, std::size_t, std::less<>> by_machine_;                  // how many are open
  std::size_t open_ = 0;
};

}  // namespace weir::channel
