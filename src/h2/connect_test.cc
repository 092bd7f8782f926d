// CONNECT as a net::Stream, both ends of it over one connection in memory.
#include "h2/connect.h"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

#include "h2/server_connection.h"
#include "net/pump.h"
#include "testing/allocation_count.h"
#include "testing/fake_env.h"
#include "testing/memory_stream.h"
#include "testing/peer.h"

namespace weir::h2 {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using StreamResult = Result<std::unique_ptr<net::Stream>>;

struct NoService final : http::Service {
  net::Task<Result<http::ResponsePtr>> handle(http::Request& /*request*/) override {
    co_return fail(Code::kNoEndpoint, "nobody here");
  }
};

// Dials what the authority says, and carries; or does what that is a word for.
struct Answerer final : ConnectHandler {
  explicit Answerer(net::Env& in) : env(in) {}
  net::Task<void> serve(ConnectRequest& request) override {
    asked += std::string(request.head().authority) + " " +
             std::string(request.head().fields.value_of(http::Known::kForwarded)) + "\n";
    if (request.head().authority == "unanswered") co_return;
    if (request.head().authority == "silent") {
      if (!co_await env.loop.sleep(1h)) ++cancelled;
      co_return;
    }
    auto origin = co_await env.network.connect(*net::Address::parse(request.head().authority), 1s);
    if (!origin) {
      request.refuse(503, "not now");
      co_return;
    }
    std::unique_ptr<net::Stream> stream = request.accept();
    if (stream != nullptr) co_await net::carry(std::move(stream), std::move(*origin), 1h);
    ++carried;
  }
  net::Env& env;
  std::string asked;
  int cancelled = 0;
  int carried = 0;
};

struct World {
  explicit World(testing::LinkOptions options = {})
      : origin(fake, "10.0.0.1:80"),
        link(std::make_shared<testing::MemoryLink>(options, fake.random)),
        answerer(fake.env),
        server(fake.env, service, {}),
        tasks(fake.loop) {
    auto [near, far] = testing::MemoryStream::pair(fake.loop, link);
    connection = std::make_shared<ClientConnection>(std::move(near), 30s, nullptr, Carries::kTunnels);
    tasks.spawn(ClientConnection::run(connection));
    tasks.spawn(serve(server, std::move(far), answerer));
    fake.run_until_idle();
  }
  ~World() {
    tasks.cancel();
    fake.run_until_idle();
    fake.advance(5s);
    connection = nullptr;
    CHECK(tasks.size() == 0);
  }
  static net::Task<void> serve(http::Server& server, std::unique_ptr<net::Stream> stream,
                               ConnectHandler& handler) {
    const auto served = make_tunnel_connection(server, {.stream = std::move(stream)}, handler);
    co_await served->run();
  }
  StreamResult open(std::string_view authority = "10.0.0.1:80", Duration timeout = 5s) {
    http::Fields fields;
    fields.add(http::Known::kForwarded, "for=\"9.9.9.9:9\"");
    auto opened = fake.run(connect(connection, {.authority = authority, .fields = fields}, timeout), 10s);
    REQUIRE(opened);
    return std::move(*opened);
  }
  Peer visitor() {
    StreamResult opened = open();
    REQUIRE(opened);
    return {fake, std::move(*opened)};
  }

  FakeEnv fake;
  PeerListener origin;
  std::shared_ptr<testing::MemoryLink> link;  // 0: the client's end
  NoService service;
  Answerer answerer;
  http::Server server;
  net::TaskGroup tasks;
  std::shared_ptr<ClientConnection> connection;
};

TEST_CASE("bytes go both ways, and each direction ends by itself") {
  World world;
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  CHECK(world.answerer.asked == "10.0.0.1:80 for=\"9.9.9.9:9\"\n");
  visitor.send("hello");
  CHECK(origin.take() == "hello");
  SUBCASE("the visitor's first") {
    visitor.finish();
    CHECK(origin.ended());
    origin.send("bye");
    CHECK(visitor.take() == "bye");
    CHECK_FALSE(visitor.ended());
    origin.close();
    CHECK(visitor.ended());
  }
  SUBCASE("the origin's first") {
    origin.finish();
    CHECK(visitor.ended());
    visitor.send("bye");
    CHECK(origin.take() == "bye");
    visitor.close();
    CHECK(origin.ended());
  }
  world.fake.run_until_idle();
  CHECK(world.answerer.carried == 1);
  CHECK_FALSE(origin.reset());
  CHECK_FALSE(visitor.reset());
}

TEST_CASE("a cut is passed on as one, either way") {
  World world;
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  SUBCASE("by the visitor") {
    visitor.abort();
    CHECK(origin.reset());
  }
  SUBCASE("by the origin, behind what it has sent") {
    origin.send("part");
    origin.abort();
    CHECK(visitor.take() == "part");
    CHECK(visitor.reset());
  }
  SUBCASE("by the end of the connection") {
    world.link->cut();
    world.fake.run_until_idle();
    CHECK(origin.reset());
    CHECK(visitor.reset());
    CHECK_FALSE(world.connection->usable());
  }
  CHECK(world.answerer.carried == 1);
}

TEST_CASE("a visitor who closes without reading all does not hang the origin") {
  World world;
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  visitor.stop_reading();
  origin.send(std::string(2'000'000, 'x'));
  CHECK(origin.unsent_bytes() > 0);
  visitor.close();
  CHECK(world.answerer.carried == 1);
  Peer next = world.visitor();
  Peer next_origin = world.origin.accept();
  next_origin.send("fine");
  CHECK(next.take() == "fine");
}

TEST_CASE("what is not agreed to is an error that says that nothing was sent") {
  World world;
  world.fake.network.refuse(*net::Address::parse("10.0.0.2:80"));
  struct Row {
    std::string_view authority;
    Code code;
  };
  for (const Row& row : {Row{"10.0.0.2:80", Code::kConnectFailed}, Row{"unanswered", Code::kConnectFailed},
                         Row{"silent", Code::kTimedOut}}) {
    CAPTURE(row.authority);
    const StreamResult opened = world.open(row.authority);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == row.code);
    CHECK(opened.error().side == Side::kUpstream);
    CHECK(opened.error().retry == Retry::kSafe);
  }
  world.fake.run_until_idle();
  CHECK(world.answerer.cancelled == 1);  // nobody waits for it any more
  Peer visitor = world.visitor();
  CHECK(visitor.connected());
}

TEST_CASE("a connection that was retired opens nothing, and its streams go on") {
  World world;
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  world.connection->retire();
  const StreamResult opened = world.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().retry == Retry::kSafe);
  visitor.send("still");
  CHECK(origin.take() == "still");
}

// More than the connection's window, in pieces; how much has come.
constexpr std::size_t kFlow = 24'000'000;
std::size_t flow(Peer& from, Peer& to) {
  std::size_t come = 0;
  for (std::size_t sent = 0; sent < kFlow; sent += 500'000) {
    from.send(std::string(500'000, 'y'));
    come += to.take().size();
  }
  return come;
}

TEST_CASE("a visitor who does not read holds up no other") {
  World world;
  std::vector<Peer> stalled;
  std::vector<Peer> origins;
  for (int i = 0; i < 8; ++i) {
    stalled.push_back(world.visitor());
    origins.push_back(world.origin.accept());
    stalled.back().stop_reading();
    origins.back().send(std::string(2'000'000, 'x'));
    CHECK(origins.back().unsent_bytes() > 1'000'000);
  }
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  CHECK(flow(origin, visitor) == kFlow);
  stalled.front().read_again();
  CHECK(stalled.front().take().size() == 2'000'000);
}

TEST_CASE("the same for an origin that does not read") {
  World world;
  Peer stalled = world.visitor();
  Peer stalled_origin = world.origin.accept();
  stalled_origin.stop_reading();
  stalled.send(std::string(2'000'000, 'x'));
  CHECK(stalled.unsent_bytes() > 1'000'000);
  Peer visitor = world.visitor();
  Peer origin = world.origin.accept();
  CHECK(flow(visitor, origin) == kFlow);
}

// Gives back what comes, or asks and waits for the answer; a byte at a time.
net::Task<void> echo(std::unique_ptr<net::Stream> stream) {
  std::array<std::byte, 64> buffer{};
  for (;;) {
    const auto got = co_await stream->read(buffer, 1h);
    if (!got || *got == 0) co_return;
    if (!co_await stream->write(net::Slice(buffer).first(*got), 1h)) co_return;
  }
}
net::Task<int> ask(net::Stream& stream, int times) {
  std::array<std::byte, 64> buffer{};
  int answered = 0;
  for (; answered < times; ++answered) {
    if (!co_await stream.write(net::as_slice("?"), 1s)) break;
    const auto got = co_await stream.read(buffer, 1s);
    if (!got || *got != 1) break;
  }
  co_return answered;
}

TEST_CASE("in steady state nothing is allocated") {
  World world;
  const auto listener = *world.fake.network.listen(*net::Address::parse("10.0.0.3:80"));
  const auto serve_one = [](net::Listener& on) -> net::Task<void> {
    auto accepted = co_await on.accept();
    if (accepted) co_await echo(std::move(accepted->stream));
  };
  net::TaskGroup echoes(world.fake.loop);
  echoes.spawn(serve_one(*listener));
  StreamResult opened = world.open("10.0.0.3:80");
  REQUIRE(opened);
  REQUIRE(world.fake.run(ask(**opened, 1000)) == 1000);
  const auto before = testing::allocations();
  REQUIRE(world.fake.run(ask(**opened, 1000)) == 1000);
  if (before) CHECK(*testing::allocations() - *before == 0);
  opened->reset();
  world.fake.run_until_idle();
  CHECK(echoes.size() == 0);
}

}  // namespace
}  // namespace weir::h2
