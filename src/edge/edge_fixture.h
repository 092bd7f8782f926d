// What the tests of this room share: an edge with one worker on a fake world, and short ways to its objects.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "edge/edge.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::edge {

using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using namespace std::chrono_literals;

inline constexpr std::string_view kEdge = "127.0.0.1:8080";

inline config::Endpoint endpoint(std::string_view text, std::uint32_t weight = 1) {
  config::Endpoint made;
  made.key = text;
  made.id = std::hash<std::string_view>()(text);
  made.address = *config::parse_address(text);
  made.weight = weight;
  return made;
}

inline config::Service service(std::string name, std::vector<config::Endpoint> endpoints) {
  return {.name = std::move(name), .spec = {}, .endpoints = std::move(endpoints)};
}

inline config::LoadBalancer load_balancer(std::string name, std::vector<std::string> hostnames,
                                          std::string service_name, std::string path_prefix = "/") {
  config::LoadBalancer made;
  made.name = std::move(name);
  made.spec.listeners.push_back({.protocol = {}, .hostnames = std::move(hostnames), .port = std::nullopt});
  config::Route route;
  route.match.path_prefix = std::move(path_prefix);
  route.backends.push_back({std::move(service_name), 1});
  made.spec.routes.push_back(std::move(route));
  return made;
}

// A Snapshot that can still be changed.
struct Draft {
  std::uint64_t revision = 0;
  std::vector<config::LoadBalancer> load_balancers;
  std::vector<config::Service> services;
  config::NamedList<config::Certificate> certificates = {};
  config::NamedList<config::Secret> secrets = {};

  config::SnapshotPointer made() const {
    auto made = std::make_shared<config::Snapshot>();
    made->revision = revision;
    const auto copy = [](const auto& values, auto& list) {
      for (const auto& value : values) list.push_back(std::make_shared<std::decay_t<decltype(value)>>(value));
      std::ranges::sort(list, {}, [](const auto& one) { return one->name; });
    };
    copy(load_balancers, made->load_balancers);
    copy(services, made->services);
    made->certificates = certificates;
    made->secrets = secrets;
    return made;
  }
};

// One worker on the control loop itself.
struct Fixture {
  explicit Fixture(EdgeOptions options = {}) : edge(fake.env, workers, with_address(std::move(options))) {
    CHECK(edge.listen().has_value());
    snapshot.services.push_back(service("web", {}));
    snapshot.load_balancers.push_back(load_balancer("web", {}, "web"));
  }
  ~Fixture() { (void)fake.run(stop(), 1h); }
  net::Task<void> stop() {
    edge.cut();
    co_await edge.drain();
  }
  void apply() {
    ++snapshot.revision;
    edge.apply(snapshot.made());
    fake.run_until_idle();
  }
  void apply(std::vector<config::Endpoint> endpoints) {
    snapshot.services[0].endpoints = std::move(endpoints);
    apply();
  }
  config::ServiceSpec& spec() { return snapshot.services[0].spec; }
  // One request on a connection of its own.
  std::string get(std::string_view path = "/", std::string_view host = "a") {
    Peer client(fake, kEdge);
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    return client.take();
  }

  static EdgeOptions with_address(EdgeOptions options) {
    options.http = *net::Address::parse(kEdge);
    return options;
  }

  FakeEnv fake;
  net::Env* workers[1] = {&fake.env};
  Edge edge;
  Draft snapshot;
};

inline constexpr const char* kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";

inline std::string answer_with(std::string_view content) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" +
         std::string(content);
}
inline std::string content_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

inline std::string number_text(std::size_t width, std::size_t value) {
  std::string text;
  for (std::size_t i = width; i-- > 0;) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
inline std::string vector_text(std::size_t width, const std::string& content) {
  return number_text(width, content.size()) + content;
}

// The extensions of a ClientHello, and the whole of it (RFC 8446 section 4.1.2), in records of so many bytes.
inline std::string name_extension(const std::string& name) {
  return number_text(2, 0) + vector_text(2, vector_text(2, number_text(1, 0) + vector_text(2, name)));
}
inline std::string protocols_extension(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list += vector_text(1, protocol);
  return number_text(2, 16) + vector_text(2, vector_text(2, list));
}
inline std::string client_hello(const std::string& extensions, std::size_t record_bytes = 16'384) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + vector_text(1, "") +
                           vector_text(2, "\x13\x01") + vector_text(1, std::string(1, '\0')) +
                           vector_text(2, extensions);
  const std::string message = number_text(1, 1) + vector_text(3, body);
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += record_bytes) {
    records += "\x16\x03\x01" + vector_text(2, message.substr(at, record_bytes));
  }
  return records;
}

// Three origins, 10.0.0.1:80 to 10.0.0.3:80, that answer with their own letter: a, b, c.
struct Pool : Fixture {
  explicit Pool(const std::string& zone = {}) : Fixture(EdgeOptions{.http = {}, .server = {}, .zone = zone}) {
    for (char letter = 'a'; letter <= 'c'; ++letter) {
      origins.emplace_back(fake, address_of(letter));
      origins.back().answer("\r\n\r\n", answer_with(std::string(1, letter)));
    }
  }
  static std::string address_of(char letter) { return "10.0.0." + std::to_string(letter - 'a' + 1) + ":80"; }
  static std::vector<config::Endpoint> all() {
    return {endpoint(address_of('a')), endpoint(address_of('b')), endpoint(address_of('c'))};
  }
  void start() { apply(all()); }
  std::string send(const std::string& fields) {
    Peer client(fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
    return client.take();
  }
  // How many of so many requests each letter has answered.
  std::map<std::string, int> spread(int requests) {
    std::map<std::string, int> counts;
    for (int i = 0; i < requests; ++i) ++counts[content_of(get())];
    return counts;
  }
  // It goes on answering requests, but no longer passes checks that expect 200.
  void fail_checks(char letter, bool fail = true) {
    const std::string content(1, letter);
    origins[static_cast<std::size_t>(letter - 'a')].answer(
        "\r\n\r\n",
        fail ? "HTTP/1.1 203 Unwell\r\nContent-Length: 1\r\n\r\n" + content : answer_with(content));
  }
  std::vector<PeerListener> origins;
};

}  // namespace weir::edge
