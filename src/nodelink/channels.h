// Channels: a controller's side of channels to nodes: tells a node to make a call, waits for it, and gives it
// to who asked. Each has its own flow control: what the asker does not read makes the node wait, and the
// other way round. On the core of its calls.
//
//   calls.add(std::string(kChannelPath), [&](grpc::ServerCall& call) { return channels.serve(call); });
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "grpc/server.h"
#include "net/loop.h"
#include "net/task.h"
#include "nodelink/channel_messages.h"

namespace weir::nodelink {

class Channels;

// One channel, as its asker has it: one task reads and one writes at a time. Destroying it ends the call.
class Channel {
 public:
  // What is ready in either direction before who makes it waits; one message may go beyond.
  static constexpr std::size_t kBytesMax = std::size_t{128} << 10U;

  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The next; none: the node has ended the call, or is gone. Fails only when the task is cancelled.
  net::Task<Result<std::optional<FromNode>>> read();
  // Fails when the call is over.
  net::Task<Result<void>> write(ToNode said);

 private:
  friend class Channels;
  struct Pipe;
  Channel(Channels& channels, std::shared_ptr<Pipe> pipe);

  Channels& channels_;
  std::shared_ptr<Pipe> pipe_;
};

class Channels {
 public:
  static constexpr std::size_t kPerNodeMax = 64;
  static constexpr std::size_t kMax = 256;
  static constexpr Duration kOpenTimeout = std::chrono::seconds(10);

  struct Options {
    // Tells a node to make a call with that id about that (ChannelOpen). False: it is not attached.
    std::function<bool(std::string_view node, std::string id, std::string what)> order;
    // Whether a call is that node's.
    std::function<bool(const http::Request& request, std::string_view node)> comes_from;
  };
  // Outlives its channels and its calls.
  Channels(net::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {}
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;
  ~Channels();

  // kOverloaded: there are too many; kNotFound: the node is not attached here; kTimedOut: it makes no call.
  net::Task<Result<std::unique_ptr<Channel>>> open(std::string node, ChannelOpen what);
  net::Task<grpc::Status> serve(grpc::ServerCall& call);

  std::size_t open_channels() const { return open_; }

 private:
  friend class Channel;
  net::Task<grpc::Status> carry(grpc::ServerCall& call, std::shared_ptr<Channel::Pipe> pipe);
  void leave(const Channel::Pipe& pipe);

  net::Loop& loop_;
  Options options_;
  std::map<std::string, std::shared_ptr<Channel::Pipe>, std::less<>> awaited_;  // by id
  std::map<std::string, std::size_t, std::less<>> by_node_;                     // how many are open
  std::size_t open_ = 0;
};

}  // namespace weir::nodelink
