// What the tests of discovery share: resources in one line, what a node was sent in one line, and a whole
// server with clients of ours on the memory network.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "grpc/server.h"
#include "h2/frames_fixture.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "testing/fake_env.h"
#include "xds/catalog.h"
#include "xds/client.h"
#include "xds/discovery.h"
#include "xds/server.h"
#include "xds/session.h"

namespace weir::xds {

using namespace std::chrono_literals;

inline Change put(Type type, std::string_view name, std::string_view body) {
  return {type, std::string(name),
          make_resource(type, std::string(name), std::string(body), "services/" + std::string(name))};
}
inline Change gone(Type type, std::string_view name) { return {type, std::string(name), nullptr}; }

// "cluster a=1 b=2 -c": in the order in which it is sent.
inline std::string text_of(const Response& response) {
  std::string text(info_of(response.type).word);
  for (const ResourcePtr& resource : response.resources) text += " " + resource->name + "=" + resource->body;
  for (const std::string& name : response.removed) text += " -" + name;
  return text;
}

// What nodes said, in lines.
struct Sayings final : Sink {
  std::string text;
  void accepted(const Node& node, Type type, const std::vector<ResourcePtr>& resources) override {
    text += node.id + " has " + std::string(info_of(type).word);
    for (const ResourcePtr& resource : resources) text += " " + resource->name + "=" + resource->body;
    text += "\n";
  }
  void refused(const Node& node, Type type, const ResourcePtr& resource, std::string_view message) override {
    text += node.id + " refuses " + std::string(info_of(type).word) + " " +
            (resource ? resource->object : "-") + ": " + std::string(message) + "\n";
  }
  std::string take() { return std::exchange(text, {}); }
};

// An edge: what it has, and what it was handed over.
struct Edge final : Consumer {
  std::map<std::string, std::string> has;  // "object services/web" to its body
  std::vector<std::string> handed;
  std::string bad;  // a body that it refuses
  std::function<void(Type)> on_apply;
  std::optional<std::size_t> controller;
  std::size_t attachments = 0;
  std::optional<std::string> apply(Type type, const std::vector<Change>& changes) override {
    std::string line(info_of(type).word);
    for (const Change& change : changes) {
      line += " " + (change.resource ? change.name + "=" + change.resource->body : "-" + change.name);
    }
    handed.push_back(line);
    if (on_apply) on_apply(type);
    for (const Change& change : changes) {
      if (change.resource && !bad.empty() && change.resource->body == bad)
        return "cannot take " + change.name;
    }
    for (const Change& change : changes) {
      const std::string key = std::string(info_of(type).word) + " " + change.name;
      if (change.resource) {
        has[key] = change.resource->body;
      } else {
        has.erase(key);
      }
    }
    return std::nullopt;
  }
  void attached(std::optional<std::size_t> now) override {
    controller = now;
    if (now) ++attachments;
  }
  std::vector<std::string> take() { return std::exchange(handed, {}); }
};

// A controller that listens on the memory network.
struct Controller {
  Controller(testing::FakeEnv& its_fake, Sink& sink, Catalog& catalog, std::string_view its_address,
             http::ServerOptions options = {})
      : fake(its_fake),
        address(its_address),
        calls(fake.loop, {}),
        discovery(
            fake.loop, sink,
            {.view = [&catalog](const Node& node) { return node.id == "stranger" ? nullptr : &catalog; },
             .ended =
                 [this](const net::Address&, const Node* node, const grpc::Status& why) {
                   ended.push_back((node != nullptr ? node->id : "nobody") + ": " + why.message);
                 }}),
        http(fake.env, calls, with_h2(std::move(options))) {
    discovery.add_to(calls);
    http.listen(*fake.network.listen(*net::Address::parse(address)), std::make_shared<h2::PriorKnowledge>());
  }
  ~Controller() { stop(); }
  void stop() {
    if (stopped) return;
    stopped = true;
    http.drain();
    http.cut();
    CHECK(fake.run(http.join(), 60s));
  }
  static http::ServerOptions with_h2(http::ServerOptions options) {
    options.h2 = h2::make_connection;
    return options;
  }
  grpc::Dialler::Target target() const {
    const net::Address parsed = *net::Address::parse(address);
    return {.host = parsed.ip(), .port = parsed.port(), .tls = nullptr, .server_name = {}, .timeout = 1s};
  }

  testing::FakeEnv& fake;
  std::string address;
  grpc::Server calls;
  Server discovery;
  http::Server http;
  std::vector<std::string> ended;  // for what their clients did
  bool stopped = false;
};

}  // namespace weir::xds
