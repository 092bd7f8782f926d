// The steady state on real sockets: what a request costs in allocations. In a build with sanitizers, which
// bring an allocator of their own, only that the requests work.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string_view>

#include "edge/edge.h"
#include "net/epoll.h"
#include "testing/allocation_count.h"
#include "testing/real_env.h"

namespace weir::edge {
namespace {

using testing::RealEnv;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";

sockaddr_in to_system(const net::Address& address) {
  sockaddr_in system{};
  system.sin_family = AF_INET;
  system.sin_port = htons(address.port());
  system.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return system;
}

// A client and an origin that allocate nothing themselves: plain system calls on one buffer.
class Bystanders {
 public:
  Bystanders() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in any = to_system(*net::Address::parse("127.0.0.1:0"));
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listener_.get(), 16) == 0);
    socklen_t bytes = sizeof any;
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &bytes) == 0);
    origin_address = net::Address::v4({127, 0, 0, 1}, ntohs(any.sin_port));
  }

  void connect(const net::Address& edge) {
    client_ = net::Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = to_system(edge);
    REQUIRE(::connect(client_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }

  // One request, answered by the origin as soon as it has it. False: no answer in time.
  bool request(RealEnv& real) {
    if (::send(client_.get(), kRequest.data(), kRequest.size(), 0) < 0) return false;
    bool asked = false;
    (void)real.run_until([&] { return asked = asked || origin_received(); });
    if (!asked || ::send(origin_.get(), kAnswer.data(), kAnswer.size(), 0) < 0) return false;
    bool answered = false;
    (void)real.run_until([&] { return answered = answered || client_received(); });
    return answered;
  }

  net::Address origin_address;

 private:
  bool origin_received() {
    if (!origin_) origin_ = net::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
    return origin_ && ::recv(origin_.get(), buffer_.data(), buffer_.size(), 0) > 0;
  }

  bool client_received() {
    const auto got = ::recv(client_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    return got > 0 && std::string_view(buffer_.data(), static_cast<std::size_t>(got)).ends_with("hello");
  }

  net::Descriptor listener_;
  net::Descriptor client_;
  net::Descriptor origin_;
  std::array<char, 4096> buffer_{};
};

net::Task<void> stop(Edge& edge) {
  edge.cut();
  co_await edge.drain();
}

TEST_CASE("a request in the steady state allocates nothing") {
  RealEnv real;
  Bystanders bystanders;
  net::Env* workers[] = {&real.env};
  Edge edge(real.env, workers, {.http = *net::Address::parse("127.0.0.1:0"), .server = {}});
  const auto address = edge.listen();
  REQUIRE(address.has_value());

  auto snapshot = std::make_shared<config::Snapshot>();
  config::Endpoint endpoint;
  endpoint.key = bystanders.origin_address.to_string();
  endpoint.address = *config::parse_address(endpoint.key);
  snapshot->services.push_back(
      std::make_shared<config::Service>(config::Service{.name = "web", .spec = {}, .endpoints = {endpoint}}));
  config::Route route;
  route.backends.push_back({"web", 1});
  config::LoadBalancer load_balancer;
  load_balancer.name = "web";
  load_balancer.spec.listeners.push_back({});
  load_balancer.spec.routes.push_back(route);
  snapshot->load_balancers.push_back(std::make_shared<config::LoadBalancer>(load_balancer));
  edge.apply(snapshot);
  real.settle();

  bystanders.connect(address->http);
  // Until the journal is full, each request adds to it.
  for (std::size_t i = 0; i < record::Journal::kKeptMax + 20; ++i) REQUIRE(bystanders.request(real));
  const auto before = testing::allocations();
  bool answered = true;
  for (int i = 0; i < 1000; ++i) answered = answered && bystanders.request(real);
  const auto after = testing::allocations();
  CHECK(answered);
  if (before) CHECK(*after - *before == 0);
  CHECK(real.run(stop(edge)));
}

}  // namespace
}  // namespace weir::edge
