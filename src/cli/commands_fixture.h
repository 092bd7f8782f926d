// What the tests of commands share: the API, its service and a store in memory, over the memory network, and
// what a command writes.
#pragma once

#include <doctest/doctest.h>
#include <stdio.h>
#include <stdlib.h>

#include <array>
#include <chrono>
#include <expected>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api.h"
#include "auth/token.h"
#include "auth/token_table.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "http/server.h"
#include "mirror/mirror.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::cli {

using namespace std::chrono_literals;

// What a command writes, in memory.
class Captured {
 public:
  explicit Captured(bool colour = false)
      : out_(::open_memstream(&out_text_, &out_bytes_)),
        err_(::open_memstream(&err_text_, &err_bytes_)),
        terminal(out_, err_, colour) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() {
    std::fclose(out_);
    std::fclose(err_);
    std::free(out_text_);
    std::free(err_text_);
  }
  // Since the last call.
  std::string out() { return since(out_, out_text_, out_bytes_, out_seen_); }
  std::string err() { return since(err_, err_text_, err_bytes_, err_seen_); }

 private:
  static std::string since(std::FILE* file, char* const& text, const std::size_t& bytes, std::size_t& seen) {
    std::fflush(file);
    std::string all(text, bytes);
    all.erase(0, seen);
    seen = bytes;
    return all;
  }
  char* out_text_ = nullptr;
  std::size_t out_bytes_ = 0;
  char* err_text_ = nullptr;
  std::size_t err_bytes_ = 0;
  std::size_t out_seen_ = 0;
  std::size_t err_seen_ = 0;
  std::FILE* out_;
  std::FILE* err_;

 public:
  Terminal terminal;
};

inline auth::IssuedToken token_of(int fill) {
  std::array<std::byte, auth::kTokenEntropyBytes> entropy{};
  entropy.fill(static_cast<std::byte>(fill));
  return auth::make_token(entropy);
}

class World {
 public:
  World()
      : engine_(*store::Engine::open({.threaded = false})), store_(*engine_, fake.loop), tasks_(fake.loop) {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    tokens_.replace({{.name = "root", .hash = token_of(1).hash, .role = auth::Role::kAdmin},
                     {.name = "reader", .hash = token_of(2).hash, .role = auth::Role::kViewer}});
    settings.api = *parse_url("http://127.0.0.1:8480");
    settings.token = token_of(1).text;
    settings.token_source = "WEIR_TOKEN";
    start_api();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    CHECK(fake.run(stop(tasks_)));
    stop_api();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void start_api() {
    api_.emplace(fake.env, store_, mirror_, tokens_, api::ApiOptions{.version = "1.2.3"});
    server_.emplace(fake.env, *api_, http::ServerOptions{});
    server_->listen(*fake.network.listen(*net::Address::parse("127.0.0.1:8480")));
    api_tasks_.emplace(fake.loop);
    api_tasks_->spawn(api_->follow());
    api_tasks_->spawn(api_->leases().run());
  }
  void stop_api() {
    api_->drain();
    server_->drain();
    server_->cut();
    CHECK(fake.run(server_->join(), 60s));
    CHECK(fake.run(stop(*api_tasks_)));
    api_tasks_.reset();
    server_.reset();
    api_.reset();
  }

  // Runs a command line to its end; the exit code.
  int run(const std::vector<std::string>& words) {
    const auto arguments = parse_arguments(words, 1);
    REQUIRE_MESSAGE(arguments.has_value(), arguments.error());
    Session session(fake.env, settings, nullptr, captured.terminal);
    const auto ended = fake.run(arguments->command->with_api(session, *arguments), 60s);
    REQUIRE(ended.has_value());
    return *ended;
  }
  // Starts one that goes on.
  void start(const std::vector<std::string>& words) {
    const auto arguments = parse_arguments(words, 1);
    REQUIRE_MESSAGE(arguments.has_value(), arguments.error());
    tasks_.spawn(go_on(*this, *arguments));
    fake.run_until_idle();
  }
  api::Api& api() { return *api_; }
  int apply(const std::string& yaml) { return run({"apply", "-f", write("apply.yaml", yaml)}); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string out() { return captured.out(); }
  std::string err() { return captured.err(); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  testing::FakeEnv fake;
  Settings settings;
  Captured captured;
  std::optional<int> exit_code;  // of the one that was started
  Session* running = nullptr;    // the one that was started, until it ends

 private:
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }
  static net::Task<void> go_on(World& world, Arguments arguments) {
    Session session(world.fake.env, world.settings, nullptr, world.captured.terminal);
    world.running = &session;
    world.exit_code = co_await arguments.command->with_api(session, arguments);
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Engine> engine_;
  store::EngineStore store_;
  mirror::Mirror mirror_{store_, fake.log};
  auth::TokenTable tokens_;
  std::optional<api::Api> api_;
  std::optional<http::Server> server_;
  std::optional<net::TaskGroup> api_tasks_;
  net::TaskGroup tasks_;
};

inline constexpr const char* kWeb =
    "kind: LoadBalancer\nmetadata: {name: web}\nspec:\n"
    "  listeners: [{protocol: HTTP, hostnames: [web.weir.localhost]}]\n"
    "  routes: [{backends: [{service: web}]}]\n---\n"
    "kind: Service\nmetadata: {name: web, labels: {tier: front}}\nspec:\n"
    "  endpoints: [{address: \"127.0.0.1:9001\"}]\n";

}  // namespace weir::cli
