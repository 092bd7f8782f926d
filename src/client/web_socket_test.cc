#include "client/web_socket.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/api_client.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "websocket/handshake.h"

namespace weir::client {
namespace {

using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using namespace std::chrono_literals;

// The API's end is played by the test.
struct World {
  World() {
    tasks.spawn(keep(client, opened));
    fake.run_until_idle();
    server.emplace(api.accept());
    asked = server->take();
  }
  ~World() {
    CHECK(fake.run(stop(tasks)));
    if (opened && *opened && std::holds_alternative<ApiClient::Socket>(**opened)) {
      CHECK(fake.run(socket().stop()));
    }
  }
  static net::Task<void> keep(ApiClient& client,
                              std::optional<Result<std::variant<ApiAnswer, ApiClient::Socket>>>& opened) {
    opened.emplace(co_await client.open_socket("/v1/instances/a/exec?command=id"));
  }
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

  void accept(std::string early = {}) {
    const std::size_t key = asked.find("Sec-WebSocket-Key: ") + 19;
    server->send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: " +
        websocket::accept_of(asked.substr(key, 24)) + "\r\n\r\n" + early);
  }
  WebSocket& socket() {
    REQUIRE(opened);
    REQUIRE(*opened);
    return *std::get<ApiClient::Socket>(**opened);
  }
  // "(waits)", "(closed)", an error's code, or the message.
  std::string read() {
    auto message = fake.run(socket().read());
    if (!message) return "(waits)";
    if (!*message) return std::string(name_of(message->error().code));
    return **message ? ***message : "(closed)";
  }
  bool write(std::string message) {
    const auto written = fake.run(socket().write(std::move(message)));
    return written && *written;
  }
  std::string heard() {
    std::string all;
    (void)frames.take(server->take(), [&all](std::string_view message) { all.append(message) += '|'; });
    return all;
  }

  FakeEnv fake;
  PeerListener api{fake, "127.0.0.1:8480"};
  ApiClient client{fake.env, *parse_url("http://127.0.0.1:8480"), "t0ken", nullptr};
  net::TaskGroup tasks{fake.loop};
  std::optional<Result<std::variant<ApiAnswer, ApiClient::Socket>>> opened;
  std::optional<Peer> server;
  std::string asked;
  websocket::Frames frames{websocket::Frames::End::kServer, std::size_t{1} << 20U};
};

TEST_CASE("a socket is asked for, and carries messages both ways until the API closes") {
  World world;
  CHECK(world.asked.starts_with("GET /v1/instances/a/exec?command=id HTTP/1.1\r\nHost: 127.0.0.1:8480\r\n"));
  for (const char* field : {"\r\nAuthorization: Bearer t0ken\r\n", "\r\nConnection: Upgrade\r\n",
                            "\r\nUpgrade: websocket\r\n", "\r\nSec-WebSocket-Version: 13\r\n"}) {
    CHECK(world.asked.find(field) != std::string::npos);
  }
  world.frames.put("early");
  world.accept(world.frames.take_output());
  CHECK(world.read() == "early");
  CHECK(world.read() == "(waits)");
  CHECK(world.write("one"));
  CHECK(world.write("two"));
  CHECK(world.heard() == "one|two|");
  world.frames.ping();
  world.frames.put("answer");
  world.server->send(world.frames.take_output());
  CHECK(world.read() == "answer");
  CHECK(world.heard().empty());
  world.frames.close(websocket::kNormal);
  world.server->send(world.frames.take_output());
  CHECK(world.read() == "(closed)");
  CHECK(world.read() == "(closed)");
}

TEST_CASE("a refusal of a socket is an answer, whatever comes in its place an error") {
  World world;
  SUBCASE("refused") {
    world.server->send(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n"
        "Content-Length: 2\r\n\r\n{");
    CHECK_FALSE(world.opened);
    world.server->send("}");
    REQUIRE(world.opened);
    REQUIRE(*world.opened);
    const auto& answer = std::get<ApiAnswer>(**world.opened);
    CHECK(answer.status == 403);
    CHECK(answer.content_type == "application/problem+json");
    CHECK(answer.content == "{}");
    return;
  }
  SUBCASE("cut") { world.server->send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n"); }
  SUBCASE("another accept") {
    world.server->send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: AAAA\r\n\r\n");
  }
  SUBCASE("no HTTP") { world.server->send("what?\r\n\r\n"); }
  SUBCASE("nothing") {}
  world.server->close();
  world.fake.run_until_idle();
  REQUIRE(world.opened);
  CHECK_FALSE(*world.opened);
}

TEST_CASE("an API that goes or is silent ends a socket") {
  World world;
  world.accept();
  SUBCASE("gone") {
    world.server->close();
    CHECK(world.read() == "closed");
  }
  SUBCASE("silent") {
    const auto message = world.fake.run(world.socket().read(), WebSocket::kSilence + 1s);
    REQUIRE(message);
    CHECK(message->error().code == Code::kTimedOut);
  }
  SUBCASE("not reading") {
    world.server->stop_reading();
    int written = 0;
    while (written < 1000 && world.write(std::string(60'000, 'x'))) ++written;
    CHECK(written > 1);
    CHECK(written < 100);
    world.fake.advance(Duration(WebSocket::kWriteTimeout) + 1s);
    CHECK_FALSE(world.write("late"));
  }
}

TEST_CASE("lines come as they are, without those that are empty, until nobody wants them") {
  FakeEnv fake;
  PeerListener api(fake, "127.0.0.1:8480");
  ApiClient client(fake.env, *parse_url("http://127.0.0.1:8480"), "", nullptr);
  net::TaskGroup tasks(fake.loop);
  std::optional<Result<ApiAnswer>> result;
  std::vector<std::string> lines;
  const ApiClient::OnLine on_line = [&lines](std::string_view line) {
    lines.emplace_back(line);
    return line != "enough";
  };
  struct Keep {
    static net::Task<void> run(ApiClient& client, const ApiClient::OnLine& on_line,
                               std::optional<Result<ApiAnswer>>& result) {
      result = co_await client.read_lines("/v1/workloads/web/logs", on_line);
    }
    static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }
  };
  tasks.spawn(Keep::run(client, on_line, result));
  fake.run_until_idle();
  Peer server = api.accept();
  (void)server.take();
  SUBCASE("to the end") {
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\none\nt\r\n5\r\nwo\n\n\n\r\n");
    CHECK(lines == std::vector<std::string>{"one", "two"});
    server.send("0\r\n\r\n");
    REQUIRE(result);
    CHECK((*result)->status == 200);
  }
  SUBCASE("until enough") {
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\nenough\nmore\n\r\n");
    REQUIRE(result);
    CHECK(lines == std::vector<std::string>{"enough"});
  }
  SUBCASE("refused") {
    server.send("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n");
    REQUIRE(result);
    CHECK((*result)->content == "no\n");
    CHECK(lines.empty());
  }
  SUBCASE("too long") {
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" +
                std::string(ApiClient::kLineBytesMax + 1, 'x'));
    REQUIRE(result);
    CHECK(result->error().code == Code::kBodyTooLarge);
  }
  CHECK(fake.run(Keep::stop(tasks)));
}

}  // namespace
}  // namespace weir::client
