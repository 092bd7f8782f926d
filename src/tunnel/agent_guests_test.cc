#include "tunnel/agent_guests.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/origin.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "testing/fake_env.h"
#include "testing/memory_stream.h"

namespace weir::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::MemoryLink;
using testing::MemoryStream;

constexpr const char* kAnotherOnes = "the name is another one's";

AdmissionPointer admission(config::SnapshotPointer snapshot) {
  return std::make_shared<const Admission>(
      std::move(snapshot), AdmissionOptions{.domain = "weir.test", .anonymous = true, .ports = {}});
}

// An agent that brings the origin "laptop" of "web", and the session that an edge has with it.
struct World final : private h2::ConnectHandler {
  World()
      : attachments(registry, fake.env),
        guests(
            fake.env, attachments, admission(nullptr),
            [this](report::TunnelSeen seen) { announced.push_back(std::move(seen)); }, live),
        session(fake.env, guests,
                {.welcome = {.edge = "fra", .provider = {}, .region = {}, .refused = {}},
                 .peer = *net::Address::parse("127.0.0.1:999"),
                 .stranger = Strangers::One(strangers)}),
        calls(fake.loop, {.message_bytes_max = wire::kMessageBytesMax}),
        server(fake.env, calls, {}),
        tasks(fake.loop),
        agent(fake.loop) {
    calls.add(std::string(wire::kSessionPath), [this](grpc::ServerCall& call) { return converse(call); });
    auto [edge, agents] = MemoryStream::pair(fake.loop, link);
    tasks.spawn(session.run(std::move(edge)));
    agent.spawn(serve_edge(std::move(agents)));
    fake.run_until_idle();
  }
  ~World() { CHECK(fake.run(stop(*this), 60s)); }
  static net::Task<void> stop(World& world) {
    co_await world.agent.stop();
    co_await world.tasks.stop();
    co_await world.attachments.stop();
  }

  net::Task<void> serve_edge(std::unique_ptr<net::Stream> stream) {
    const auto connection = h2::make_tunnel_connection(server, {.stream = std::move(stream)}, *this);
    co_await connection->run();
  }
  net::Task<void> serve(h2::ConnectRequest& request) override {
    request.refuse(404, "no visitors here");
    co_return;
  }
  net::Task<grpc::Status> converse(grpc::ServerCall& call) {
    (void)co_await call.write(wire::serialize(wire::Hello{.agent = "a", .version = "1", .credential = {}}));
    co_await bring(call, origin);
    open_call = &call;
    for (;;) {
      const auto read = co_await call.read();
      if (!read || !*read) co_return grpc::Status{};
      const auto message = wire::parse_from_edge(**read);
      if (message && std::holds_alternative<wire::Registered>(*message)) {
        answers.push_back(std::get<wire::Registered>(*message));
      }
    }
  }
  static net::Task<void> bring(grpc::ServerCall& call, wire::Origin one) {
    (void)co_await call.write(wire::serialize(wire::Register{.origin = one, .type = "http", .hostname = {}}));
  }
  bool is_attached() const { return registry.find(auth::origin_address("web", "laptop")) != nullptr; }

  FakeEnv fake;
  std::shared_ptr<MemoryLink> link =
      std::make_shared<MemoryLink>(testing::LinkOptions{}, fake.random);  // the edge has its end 0
  Registry registry;
  Attachments attachments;
  record::LiveRequests live;
  std::vector<report::TunnelSeen> announced;
  AgentGuests guests;
  Strangers strangers;
  AgentSession session;
  grpc::Server calls;
  http::Server server;
  const wire::Origin origin{.service = "web", .instance = "laptop"};
  std::vector<wire::Registered> answers;  // that the agent had
  grpc::ServerCall* open_call = nullptr;
  net::TaskGroup tasks;
  net::TaskGroup agent;  // its side of the connection
};

TEST_CASE("who has a name that turns out to be another one's loses it, and is told so") {
  World world;
  REQUIRE(world.answers.size() == 1);
  CHECK(world.answers[0].refused.empty());
  CHECK(world.is_attached());
  const auto know = [&world](const std::string& owner) {
    auto service = std::make_shared<config::Service>();
    service->name = "web";
    service->owner = owner;
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->services.push_back(std::move(service));
    world.guests.admit(admission(std::move(snapshot)));
    world.fake.run_until_idle();
  };
  know(std::string(kAnonymous));
  CHECK(world.answers.size() == 1);
  CHECK(world.is_attached());
  know("ada");
  REQUIRE(world.answers.size() == 2);
  CHECK(world.answers[1].origin == world.origin);
  CHECK(world.answers[1].refused == kAnotherOnes);
  CHECK_FALSE(world.is_attached());
  REQUIRE(world.announced.size() == 2);
  CHECK_FALSE(world.announced[0].gone);
  CHECK(world.announced[1].gone);
  CHECK(world.announced[1].session == world.announced[0].session);
}

TEST_CASE("a session whose agent breaks off with a word that is still to be answered ends as any other") {
  World world;
  world.link->pause(1, true);  // word and end arrive together
  world.tasks.spawn(World::bring(*world.open_call, {.service = "shop", .instance = "laptop"}));
  world.fake.run_until_idle();
  world.agent.cancel();
  world.fake.run_until_idle();
  world.link->pause(1, false);
  world.fake.run_until_idle();
  CHECK(world.guests.size() == 0);
  CHECK_FALSE(world.is_attached());
  REQUIRE(world.announced.size() == 4);  // that had been heard
  CHECK(world.announced[1].service == "shop");
}

}  // namespace
}  // namespace weir::tunnel
