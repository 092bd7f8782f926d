#include "mirror/handed_ports.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/kinds.h"

namespace weir::mirror {
namespace {

using config::ListenerProtocol;

config::Object balancer(std::string name, std::vector<config::Listener> listeners) {
  config::LoadBalancerSpec spec;
  spec.listeners = std::move(listeners);
  config::Object object{.metadata = {}, .spec = std::move(spec), .status = {}};
  object.metadata.name = std::move(name);
  return object;
}

config::Listener listener(ListenerProtocol protocol, std::optional<std::uint32_t> port = std::nullopt) {
  config::Listener made;
  made.protocol = protocol;
  made.port = port;
  return made;
}

std::optional<std::uint32_t> port_of(const config::Object& object, std::size_t at) {
  return std::get<config::LoadBalancerSpec>(object.spec).listeners[at].port;
}

TEST_CASE("a listener of TCP or TLS gets the lowest port that is nobody's; of HTTP it shares") {
  config::Whole world;
  world.put(std::make_shared<config::Object>(balancer("a", {listener(ListenerProtocol::kTcp, 20'001)})));
  config::Object one = balancer("b", {listener(ListenerProtocol::kTcp), listener(ListenerProtocol::kTls)});
  config::Object two = balancer("c", {listener(ListenerProtocol::kTcp, 20'002)});
  config::Object web = balancer("d", {listener(ListenerProtocol::kHttp)});
  const std::array<config::Object*, 3> wanted{&one, &two, &web};
  hand_out_ports(world, wanted, {.first = 20'000, .last = 20'009});
  CHECK(port_of(one, 0) == 20'000);
  CHECK(port_of(one, 1) == 20'003);
  CHECK(port_of(two, 0) == 20'002);
  CHECK(port_of(web, 0) == std::nullopt);
}

TEST_CASE("what is replaced gives its port back, and a range that is used up leaves a listener without") {
  config::Whole world;
  world.put(std::make_shared<config::Object>(balancer("a", {listener(ListenerProtocol::kTcp, 20'000)})));
  config::Object again = balancer("a", {listener(ListenerProtocol::kTcp), listener(ListenerProtocol::kTls)});
  const std::array<config::Object*, 1> wanted{&again};
  hand_out_ports(world, wanted, {.first = 20'000, .last = 20'000});
  CHECK(port_of(again, 0) == 20'000);
  CHECK(port_of(again, 1) == std::nullopt);
}

TEST_CASE("a listener that stays what it is keeps its port, wherever it stands") {
  const config::Object before =
      balancer("a", {listener(ListenerProtocol::kTcp, 20'005), listener(ListenerProtocol::kTls, 20'006)});
  config::Object wanted = balancer("a", {listener(ListenerProtocol::kTls), listener(ListenerProtocol::kTcp),
                                         listener(ListenerProtocol::kTcp)});
  keep_ports(std::get<config::LoadBalancerSpec>(before.spec),
             std::get<config::LoadBalancerSpec>(wanted.spec));
  CHECK(port_of(wanted, 0) == 20'006);
  CHECK(port_of(wanted, 1) == 20'005);
  CHECK(port_of(wanted, 2) == std::nullopt);
}

}  // namespace
}  // namespace weir::mirror
