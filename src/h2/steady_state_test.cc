// The steady state on real sockets: what a request costs in allocations. In a build with sanitizers, which
// bring an allocator of their own, only that the requests work.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "h2/frames_fixture.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/epoll.h"
#include "testing/allocation_count.h"
#include "testing/real_env.h"

namespace weir::h2 {
namespace {

using testing::RealEnv;

constexpr int kStreams = 10;

class HelloResponse final : public http::Response {
 public:
  HelloResponse() {
    head.status = 200;
    head.framing = http::Framing::kLength;
    head.content_length = 5;
    head.fields.add(http::Known::kContentLength, "5");
  }
  net::Slice take_buffered() override { return net::as_slice(std::exchange(left_, {})); }
  net::Task<Result<net::Slice>> read() override { co_return take_buffered(); }
  bool at_end() const override { return left_.empty(); }

 private:
  std::string_view left_ = "hello";
};

// Answers in a later turn, as one that asks an origin does.
class HelloService final : public http::Service {
 public:
  explicit HelloService(net::Loop& loop) : loop_(loop) {}
  void ended(http::Request& /*request*/, const http::RequestEnd& end) override {
    if (end.status == 200 && end.body_bytes_sent == 5 && end.cut == http::Cut::kNone) ++ended_well;
  }
  std::uint64_t ended_well = 0;

  net::Task<Result<http::ResponsePtr>> handle(http::Request& /*request*/) override {
    if (!co_await loop_.sleep(Duration::zero())) co_return fail(Code::kCancelled, "cancelled");
    co_return std::make_unique<HelloResponse>();
  }

 private:
  net::Loop& loop_;
};

// Plain system calls on one buffer.
class Client {
 public:
  explicit Client(const net::Address& server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  bool send(std::string_view bytes) const {
    return ::send(socket_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  }
  // Counts the ends of streams in what comes, until there are that many.
  bool receive(RealEnv& real, int ends) {
    return real.run_until([&] {
      const auto got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      net::Slice left = got > 0 ? net::Slice(buffer_).first(static_cast<std::size_t>(got)) : net::Slice{};
      while (!left.empty()) {
        const FrameScanner::Step step = scanner_.next(left);
        left = left.subspan(step.bytes);
        if (step.head && step.head->type == FrameType::kData && (step.head->flags & kFlagEndStream) != 0)
          --ends;
      }
      return ends == 0;
    });
  }

 private:
  net::Descriptor socket_;
  FrameScanner scanner_;
  std::array<std::byte, 16384> buffer_{};
};

TEST_CASE("ten requests at once, in the steady state, allocate nothing") {
  RealEnv real;
  HelloService service(real.loop);
  http::ServerOptions options;
  options.h2 = make_connection;
  http::Server server(real.env, service, options);
  auto listener = real.network.listen(*net::Address::parse("127.0.0.1:0"));
  REQUIRE(listener.has_value());
  const net::Address address = (*listener)->address();
  server.listen(std::move(*listener), std::make_shared<PriorKnowledge>());

  Client client(address);
  REQUIRE(client.send(preface() + frame(FrameType::kSettings, kFlagAck, 0)));
  std::int32_t id = 1;
  std::string requests;
  const auto round = [&] {
    requests.clear();
    for (int i = 0; i < kStreams; ++i, id += 2) {
      // :method GET, :scheme http, :path /, :authority a; a literal that is not indexed
      constexpr std::string_view kBlock(
          "\x82\x86\x84\x01\x01"
          "a",
          6);
      const char head[] = {
          0, 0, 6, 1, 5, 0, static_cast<char>(id >> 16), static_cast<char>(id >> 8), static_cast<char>(id)};
      requests.append(head, sizeof head).append(kBlock);
    }
    return client.send(requests) && client.receive(real, kStreams);
  };
  for (int i = 0; i < 50; ++i) REQUIRE(round());
  const auto before = testing::allocations();
  bool answered = true;
  for (int i = 0; i < 200; ++i) answered = answered && round();
  const auto after = testing::allocations();
  CHECK(answered);
  if (before) CHECK(*after - *before == 0);
  server.drain();
  server.cut();
  CHECK(real.run(server.join()));
  CHECK(service.ended_well == 250UL * kStreams);
}

}  // namespace
}  // namespace weir::h2
