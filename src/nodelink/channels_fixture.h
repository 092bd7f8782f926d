// A controller's Channels behind its server, and a node's way to it, on the memory network: what a channel is
// ordered with comes to the test. For tests.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grpc/channel.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/task_group.h"
#include "nodelink/channels.h"
#include "testing/fake_env.h"

namespace weir::nodelink {

class ChannelWorld {
 public:
  using Opened = Result<std::unique_ptr<Channel>>;

  ChannelWorld() {
    calls.add(std::string(kChannelPath), [this](grpc::ServerCall& call) { return channels.serve(call); });
    server.listen(*fake.network.listen(at), std::make_shared<h2::PriorKnowledge>());
  }
  ~ChannelWorld() {
    CHECK(fake.run(stop(tasks)));
    CHECK(fake.run(way.close()));
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), std::chrono::minutes(1)));
  }
  ChannelWorld(const ChannelWorld&) = delete;
  ChannelWorld& operator=(const ChannelWorld&) = delete;

  // Begins to open one; it comes to `opened`.
  void open(ChannelOpen what, std::string node = "node-1") {
    opened.reset();
    tasks.spawn(keep(channels, std::move(node), std::move(what), opened));
    fake.run_until_idle();
  }
  Channel& channel() {
    REQUIRE(opened);
    REQUIRE(*opened);
    return ***opened;
  }
  std::optional<FromNode> read() { return read(channel()); }
  std::optional<FromNode> read(Channel& from) {
    auto said = fake.run(from.read());
    if (!said || !*said) return std::nullopt;
    return std::move(**said);
  }
  // The channel is over.
  bool at_end() {
    const auto said = fake.run(channel().read());
    return said && *said && !**said;
  }
  bool write(ToNode said) {
    const auto written = fake.run(channel().write(std::move(said)));
    return written && *written;
  }

  struct Opener final : h2::Opener {
    explicit Opener(testing::FakeEnv& env, net::Address to) : fake(env), at(to) {}
    net::Task<Result<Opened>> open() override {
      auto stream = co_await fake.network.connect(at, std::chrono::seconds(5));
      if (!stream) co_return fail(stream.error());
      co_return Opened{std::move(*stream), nullptr};
    }
    testing::FakeEnv& fake;
    net::Address at;
  };

  testing::FakeEnv fake;
  const net::Address at = *net::Address::parse("127.0.0.1:80");
  bool attached = true;
  std::string belongs_to = "node-1";  // the calls
  std::string id;                     // of the last order
  std::string about;
  std::function<void()> ordered;  // called then
  Channels channels{
      fake.loop,
      {.order =
           [this](std::string_view, std::string of, std::string told) {
             id = std::move(of);
             about = std::move(told);
             if (attached && ordered) ordered();
             return attached;
           },
       .comes_from = [this](const http::Request&, std::string_view node) { return node == belongs_to; }}};
  grpc::Server calls{fake.loop, {}};
  http::Server server{fake.env, calls, {.h2 = h2::make_connection}};
  Opener opener{fake, at};
  grpc::Channel way{fake.loop, opener, {.authority = "controller", .scheme = "http"}};
  net::TaskGroup tasks{fake.loop};
  std::optional<Opened> opened;

 private:
  static net::Task<void> keep(Channels& channels, std::string node, ChannelOpen what,
                              std::optional<Opened>& opened) {
    opened.emplace(co_await channels.open(std::move(node), std::move(what)));
  }
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }
};

}  // namespace weir::nodelink
