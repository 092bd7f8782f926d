// FakePodman: a podman without containers: it keeps what it is asked to keep, as the real one's API shows it,
// and a test says what becomes of it. For tests of this room.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "http/service.h"
#include "podman/client.h"
#include "testing/fake_env.h"

namespace weir::node {

class FakePodman final : public http::Service {
 public:
  struct One {
    podman::Labels labels;
    std::string network;  // empty: another container's
    std::string image;
    std::string state = "created";
    int exit_code = 0;
    bool out_of_memory = false;
    bool slow_to_stop = false;
  };

  explicit FakePodman(testing::FakeEnv& fake) : fake_(fake), server_(fake.env, *this, {}) {
    server_.listen(*fake.network.listen(at));
  }
  net::Task<void> stop() {
    server_.drain();
    server_.cut();
    co_await server_.join();
  }

  const net::Address at = *net::Address::parse("127.0.0.1:1");
  std::map<std::string, One> containers;
  std::set<std::string> volumes;
  std::map<std::string, podman::Labels> networks{{"podman", {}}};
  std::vector<std::string> interfaces;                                  // of those that were made
  std::map<std::string, std::string> images{{"localhost/web:1", "1"}};  // ids by name
  std::vector<std::string> loads;  // the names of what is in the next archive; without any, it is no image
  std::string loaded;              // the last archive
  std::map<std::string, std::string> refusals;  // by "verb name": message
  std::vector<std::string> asked;               // "start web-0.app", without what only looks
  std::map<std::string, int> init_codes;        // of containers that end at once
  std::set<std::string> failing_commands;       // of exec, by container

  // Everything happens without an event; the next look sees it.
  void end(const std::string& name, int code) {
    containers.at(name).state = "exited";
    containers.at(name).exit_code = code;
  }
  std::vector<std::string> take_asked() { return std::exchange(asked, {}); }

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

 private:
  http::ResponsePtr answer(const std::string& method, const std::string& path, const std::string& query,
                           const std::string& content);
  http::ResponsePtr answer_images(const std::string& verb, const std::string& path, const std::string& query,
                                  const std::string& content);
  http::ResponsePtr load(const std::string& content);
  http::ResponsePtr list_images() const;
  http::ResponsePtr answer_volumes(const std::string& verb, const std::string& name);
  http::ResponsePtr answer_networks(const std::string& method, const std::string& name,
                                    const std::string& content);
  http::ResponsePtr list_volumes(const std::string& query) const;
  http::ResponsePtr list(const std::string& query) const;
  http::ResponsePtr create(const std::string& content);
  http::ResponsePtr act(const std::string& verb, const std::string& name);

  testing::FakeEnv& fake_;
  http::Server server_;
};

}  // namespace weir::node
