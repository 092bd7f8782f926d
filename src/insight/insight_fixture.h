// An API with a workload of two instances on two nodes, which the test plays. For tests of this room.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_fixture.h"
#include "channel/channels_fixture.h"
#include "insight/insight.h"
#include "mirror/records.h"

namespace weir::insight {

class InsightWorld {
 public:
  struct Order {
    std::string node;
    std::string id;
    channel::ChannelOpen what;
  };

  InsightWorld() {
    nodes.belongs_to.clear();
    nodes.on_order = [this](std::string_view node, const std::string& id, std::string_view what) {
      orders.push_back({std::string(node), id, *channel::parse_channel_open(what)});
    };
    world.api.set_insight([this](http::Request& request, const api::Target& target,
                                 const auth::Identity& caller, std::function<bool()> allowed) {
      return insight.handle(request, target, caller, std::move(allowed));
    });
    put(R"({"kind":"Workload","metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"a"}],
        "targets":[{"name":"eu"}]}})");
    put_instance("web-eu-fra-1", "n1");
    put_instance("web-eu-ams-1", "n2");
  }
  // Answers are over when their connections are.
  ~InsightWorld() {
    world.server.drain();
    world.server.cut();
    CHECK(world.fake.run(world.server.join()));
  }

  void put_instance(const std::string& name, const std::string& node) {
    put(R"({"kind":"Instance","metadata":{"name":")" + name +
        R"("},"spec":{"workload":"web","target":"eu","city":"fra","number":1,"node":")" + node +
        R"(","version":"v1","containers":[{"name":"app","image":"a"},{"name":"side","image":"a"}]}})");
  }
  void put(const std::string& json) {
    const auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE(object);
    store::Transaction transaction;
    transaction.put(mirror::key_of(object->kind(), object->metadata.name), mirror::encode(*object));
    commit(std::move(transaction));
  }
  void remove_instance(const std::string& name) {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(config::Kind::kInstance, name));
    commit(std::move(transaction));
  }
  void commit(store::Transaction transaction) {
    REQUIRE(world.fake.run(world.store.commit(std::move(transaction))));
    REQUIRE(world.fake.run(world.mirror.catch_up()));
  }
  // The node's call about an order.
  std::unique_ptr<grpc::ClientCall> answer(const Order& order) {
    nodes.id = order.id;
    return nodes.answer();
  }
  const Order& order_for(std::string_view instance) {
    const Order* last = nullptr;
    for (const Order& one : orders) {
      if (one.what.instance == instance) last = &one;
    }
    REQUIRE(last != nullptr);
    return *last;
  }
  // "exec web-eu-fra-1 root {...} reason"
  std::vector<std::string> events() {
    std::vector<std::string> all;
    const auto page = world.fake.run(world.store.list(mirror::prefix_of(config::Kind::kEvent), "", 1000));
    REQUIRE(page);
    REQUIRE(*page);
    for (const store::Entry& entry : (*page)->entries) {
      const auto object = mirror::decode(entry.value, entry.revision);
      REQUIRE(object);
      const auto& event = std::get<config::EventSpec>(object->spec);
      all.push_back(event.verb + ' ' + event.name + ' ' + event.actor + ' ' + event.after + ' ' +
                    event.reason);
    }
    return all;
  }

  api::ApiFixture world;
  std::vector<Order> orders;
  channel::ChannelWorld nodes{&world.fake};
  metrics::History history{world.fake.loop.clock().wall_now()};
  std::vector<std::string> edges;
  Insight insight{world.fake.env,
                  world.store,
                  world.mirror,
                  nodes.channels,
                  {world.fake.env, nodes.channels, [this] { return edges; }},
                  history};
};

}  // namespace weir::insight
