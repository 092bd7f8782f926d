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

#include "channel/channels.h"
#include "grpc/channel.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::channel {

class ChannelWorld {
 public:
  using Opened = Result<std::unique_ptr<Channel>>;

  ChannelWorld() : ChannelWorld(nullptr) {}
  // In another's world, which outlives it.
  explicit ChannelWorld(testing::FakeEnv* others)
      : own_(others == nullptr ? std::make_unique<testing::FakeEnv>() : nullptr),
        fake(others == nullptr ? *own_ : *others) {
    calls.add(std::string(kNodeChannelPath), [this](grpc::ServerCall& call) { return channels.serve(call); });
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
  std::optional<FromMachine> read() { return read(channel()); }
  std::optional<FromMachine> read(Channel& from) {
    auto said = fake.run(from.read());
    if (!said || !*said) return std::nullopt;
    return std::move(**said);
  }
  // The channel is over.
  bool at_end() {
    const auto said = fake.run(channel().read());
    return said && *said && !**said;
  }
  bool write(ToMachine said) {
    const auto written = fake.run(channel().write(std::move(said)));
    return written && *written;
  }

  // What a node says, over a call of its own about the last order.
  std::unique_ptr<grpc::ClientCall> answer() {
    auto made = fake.run(way.call(std::string(kNodeChannelPath), {}, std::nullopt));
    REQUIRE(made);
    REQUIRE(*made);
    say(***made, ChannelId{id});
    return std::move(**made);
  }
  void say(grpc::ClientCall& call, const FromMachine& said) {
    const auto written = fake.run(call.write(serialize(said)));
    CHECK(written);
    fake.run_until_idle();
  }
  std::optional<ToMachine> hear(grpc::ClientCall& call) {
    const auto message = fake.run(call.read());
    if (!message || !*message || !**message) return std::nullopt;
    auto said = parse_to_machine(***message);
    REQUIRE(said);
    return *said;
  }

 private:
  std::unique_ptr<testing::FakeEnv> own_;

 public:
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

  testing::FakeEnv& fake;
  const net::Address at = *net::Address::parse("127.0.0.1:80");
  bool attached = true;
  std::string belongs_to = "node-1";  // the calls; empty: to any
  std::string id;                     // of the last order
  std::string about;
  std::function<void()> ordered;  // called then
  std::function<void(std::string_view node, const std::string& id, std::string_view what)> on_order;
  Channels channels{
      fake.loop,
      {.order =
           [this](std::string_view node, std::string of, std::string told) {
             if (on_order) on_order(node, of, told);
             id = std::move(of);
             about = std::move(told);
             if (attached && ordered) ordered();
             return attached;
           },
       .comes_from = [this](const http::Request&,
                            std::string_view node) { return belongs_to.empty() || node == belongs_to; }}};
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

}  // namespace weir::channel
