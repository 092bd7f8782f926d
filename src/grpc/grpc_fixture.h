// What the tests of grpc/ share: a server with handlers for what calls do, on the memory network.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "grpc/framing.h"
#include "grpc/server.h"
#include "h2/frames_fixture.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "testing/fake_env.h"

namespace weir::grpc {

using namespace std::chrono_literals;

inline std::string framed(std::string_view message) {
  std::string content;
  append_message(content, message);
  return content;
}

struct Fixture {
  explicit Fixture(http::ServerOptions options = {}, ServerOptions call_options = {})
      : calls(fake.loop, call_options), server(fake.env, calls, with_h2(std::move(options))) {
    calls.add("/t.S/Echo", [this](ServerCall& call) { return echo(*this, call); });
    calls.add("/t.S/Once", [](ServerCall& call) { return once(call); });
    calls.add("/t.S/Fail", [this](ServerCall& call) { return end_with(*this, call); });
    calls.add("/t.S/Wait", [this](ServerCall& call) { return wait(*this, call); });
    calls.add("/t.S/Flood", [this](ServerCall& call) { return flood(*this, call); });
    server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:80")),
                  std::make_shared<h2::PriorKnowledge>());
  }
  ~Fixture() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
    CHECK(calls.open_calls() == 0);
  }
  h2::FramePeer client(const std::string& settings = {}) {
    h2::FramePeer peer(fake, "127.0.0.1:80");
    peer.send(h2::preface() + settings);
    (void)peer.take();
    peer.send(h2::frame(h2::FrameType::kSettings, h2::kFlagAck, 0));
    return peer;
  }
  static std::string head(std::int32_t id, std::string_view path, const h2::FieldList& more = {}) {
    h2::FieldList fields{{"content-type", "application/grpc"}, {"te", "trailers"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return h2::post(id, path, fields);
  }

  // Every message back, until the client has half-closed.
  static net::Task<Status> echo(Fixture& self, ServerCall& call) {
    for (;;) {
      auto message = co_await call.read();
      if (!message) {
        self.failures += std::string(name_of(message.error().code)) + "\n";
        co_return status_of(message.error());
      }
      if (!*message) co_return Status{};
      if (auto written = co_await call.write(*std::move(*message)); !written) {
        co_return status_of(written.error());
      }
    }
  }
  static net::Task<Status> once(ServerCall& call) {
    auto message = co_await call.read();
    if (!message || !*message) co_return Status{StatusCode::kInvalidArgument, "no message"};
    (void)co_await call.write("<" + **message + ">");
    co_return Status{};
  }
  static net::Task<Status> end_with(Fixture& self, ServerCall& /*call*/) { co_return self.status; }
  static net::Task<Status> wait(Fixture& self, ServerCall& call) {
    ++self.waiting;
    if (auto slept = co_await call.loop().sleep(24h); !slept) ++self.cancelled;
    co_return Status{};
  }
  // Messages as long as they are taken.
  static net::Task<Status> flood(Fixture& self, ServerCall& call) {
    while (self.flooded < self.flood_messages) {
      if (!co_await call.write(std::string(self.flood_bytes, 'x'))) {
        ++self.cancelled;
        co_return Status{};
      }
      ++self.flooded;
      self.outbox_bytes_max = std::max(self.outbox_bytes_max, call.outbox_bytes());
    }
    co_return Status{};
  }
  static http::ServerOptions with_h2(http::ServerOptions options) {
    options.h2 = h2::make_connection;
    return options;
  }

  testing::FakeEnv fake;
  Server calls;
  http::Server server;
  Status status{StatusCode::kNotFound, "no such 100% thing\n"};  // of Fail
  std::string failures;                                          // of Echo's reads
  int waiting = 0;
  int cancelled = 0;
  std::size_t flood_messages = 1000;
  std::size_t flood_bytes = 1000;
  std::size_t flooded = 0;
  std::size_t outbox_bytes_max = 0;
};

}  // namespace weir::grpc
