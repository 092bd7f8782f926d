// xds_peer: weir's discovery as programs of their own, for `./dev bench xds`: a controller with many
// services, and the edges, as many streams in one process. Nothing but discovery is measured: no store, no
// API.
//
//   xds_peer serve PORT SERVICES ENDPOINTS     ENDPOINTS in each; prints "listening PORT", then does what
//   each
//                                              line of its input says and answers with a line of JSON:
//     sync STREAMS    waits until there are so many and have all; how long that took since the first came,
//                     and bytes sent and processor time since the last sync
//     flip TIMES      one endpoint of one service changes, and the next one when every stream has accepted it
//     add             one load balancer more
//     memory          of the process, of a stream's state, of what is shared
//   xds_peer load PORT STREAMS weir|envoy SERVICES
//                                              weir: all objects, as weir's own edges ask; envoy: all
//                                              clusters, and the endpoints of each by name. Comes back when
//                                              it is cut off, and says then what it has. For each line of
//                                              input it says, by the monotonic clock, when so many responses
//                                              as it has streams were answered from then on.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "bench/peer.h"
#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/core.h"
#include "net/task_group.h"
#include "xds/catalog.h"
#include "xds/discovery.h"
#include "xds/limits.h"
#include "xds/server.h"

namespace {

using namespace weir;
using namespace weir::bench;
using namespace std::chrono_literals;

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string service_name(int service) { return "service-" + std::to_string(service); }

// --- the controller

std::string object_of(int service, int endpoints, int version) {
  std::string json = R"({"kind":"Service","metadata":{"name":")" + service_name(service) +
                     R"("},"spec":{"balance":"ROUND_ROBIN","endpoints":[)";
  for (int i = 0; i < endpoints; ++i) {
    json += std::string(i == 0 ? "" : ",") + R"({"address":"10.)" + std::to_string(service / 256) + "." +
            std::to_string(service % 256) + "." + std::to_string(i) + R"(:8080","weight":)" +
            std::to_string(i == 0 ? version : 1) + "}";
  }
  return json + "]}}";
}

class Controller final : public xds::Sink {
 public:
  Controller(net::Core& core, int services, int endpoints)
      : core_(core),
        services_(services),
        endpoints_(endpoints),
        calls_(core.loop(), {}),
        server_(core.loop(), *this, {.view = [this](const xds::Node&) { return &catalog_; }}),
        http_(core.env(), calls_,
              {.keepalive_interval = grpc::kKeepaliveInterval,
               .keepalive_timeout = grpc::kKeepaliveTimeout,
               .h2 = h2::make_connection}),
        running_(core.loop()) {
    server_.add_to(calls_);
    std::vector<xds::Change> changes;
    for (int service = 0; service < services; ++service) {
      add_service(service, 1, changes);
      add(xds::Type::kCluster, service_name(service), std::string(160, 'c'), changes);
    }
    next_revision(changes);
    catalog_.apply(changes);
    for (const xds::Change& change : changes) {
      shared_bytes_ += sizeof(xds::Resource) + 2 * sizeof(void*) + change.resource->name.capacity() +
                       change.resource->version.capacity() + change.resource->body.capacity() +
                       change.resource->object.capacity();
    }
  }
  void listen(int port) {
    auto listener = value_of(
        core_.env().network.listen(value_of(net::Address::parse("127.0.0.1:" + std::to_string(port)))));
    const std::uint16_t bound = listener->address().port();
    http_.listen(std::move(listener), std::make_shared<h2::PriorKnowledge>());
    say("listening " + std::to_string(bound));
  }
  void run(const std::string& line) { running_.spawn(obey(line)); }

  void accepted(const xds::Node& node, xds::Type /*type*/,
                const std::vector<xds::ResourcePtr>& resources) override {
    for (const xds::ResourcePtr& resource : resources) {
      if (std::ranges::find(awaited_, resource) == awaited_.end()) continue;
      done_.insert(node.id);
      if (done_.size() == server_.streams()) all_accepted_.set();
      return;
    }
  }
  void refused(const xds::Node& node, xds::Type /*type*/, const xds::ResourcePtr& /*resource*/,
               std::string_view message) override {
    die(node.id + " refuses: " + std::string(message));
  }

 private:
  void add(xds::Type type, const std::string& name, std::string body, std::vector<xds::Change>& changes) {
    changes.push_back({type, name, xds::make_resource(type, name, std::move(body), "services/" + name)});
  }
  void add_service(int service, int version, std::vector<xds::Change>& changes) {
    add(xds::Type::kObject, "services/" + service_name(service), object_of(service, endpoints_, version),
        changes);
    std::string endpoints = std::to_string(version);
    endpoints.resize(static_cast<std::size_t>(endpoints_) * 45, 'e');
    add(xds::Type::kEndpoints, service_name(service), endpoints, changes);
  }
  void next_revision(std::vector<xds::Change>& changes) {
    add(xds::Type::kObject, std::string(xds::kRevisionName), std::to_string(++revision_), changes);
  }

  // Until every stream has accepted one of what changed.
  net::Task<Duration> apply(std::vector<xds::Change> changes) {
    awaited_.clear();
    done_.clear();
    all_accepted_.reset();
    for (const xds::Change& change : changes) {
      const bool ends = change.type == xds::Type::kEndpoints || change.type == xds::Type::kListener ||
                        change.name == xds::kRevisionName;
      if (ends) awaited_.push_back(change.resource);
    }
    const Instant begin = core_.loop().clock().now();
    catalog_.apply(changes);
    (void)co_await all_accepted_.wait(core_.loop());
    co_return core_.loop().clock().now() - begin;
  }

  net::Task<void> obey(std::string line) {
    const std::string word = line.substr(0, line.find(' '));
    const int number = word.size() < line.size() ? number_of<int>(line.substr(word.size() + 1)) : 0;
    if (word == "sync") {
      co_await sync(number);
    } else if (word == "flip") {
      co_await flip(number);
    } else if (word == "add") {
      std::vector<xds::Change> changes;
      add(xds::Type::kObject, "loadbalancers/new-" + std::to_string(revision_), std::string(600, 'l'),
          changes);
      add(xds::Type::kListener, "new-" + std::to_string(revision_), std::string(900, 'l'), changes);
      next_revision(changes);
      const Duration took = co_await apply(std::move(changes));
      say(R"({"milliseconds":)" + std::to_string(milliseconds(took)) + "}");
    } else if (word == "memory") {
      memory();
    } else {
      die("no such command: " + line);
    }
  }

  net::Task<void> sync(int streams) {
    std::optional<Instant> first;
    for (;;) {
      std::size_t in_sync = 0;
      server_.for_each_session([&](const xds::Session& session) { in_sync += session.in_sync() ? 1 : 0; });
      if (!first && (server_.streams() > 0 || streams == 0)) first = core_.loop().now();
      if (in_sync == static_cast<std::size_t>(streams) && server_.streams() == in_sync) break;
      if (!co_await core_.loop().sleep(5ms)) co_return;
    }
    const std::uint64_t bytes = server_.counters().response_bytes.get();
    const double spent = processor_seconds();
    say(R"({"milliseconds":)" + std::to_string(milliseconds(core_.loop().now() - *first)) + R"(,"bytes":)" +
        std::to_string(bytes - bytes_at_sync_) + R"(,"processor_seconds":)" +
        std::to_string(spent - spent_at_sync_) + "}");
    bytes_at_sync_ = bytes;
    spent_at_sync_ = spent;
  }

  net::Task<void> flip(int times) {
    std::vector<double> took;
    const double before = processor_seconds();
    for (int i = 0; i < times; ++i) {
      std::vector<xds::Change> changes;
      add_service(static_cast<int>(core_.env().random.below(static_cast<std::uint64_t>(services_))),
                  ++version_, changes);
      next_revision(changes);
      took.push_back(milliseconds(co_await apply(std::move(changes))));
      (void)co_await core_.loop().sleep(20ms);
    }
    const double spent = (processor_seconds() - before) / times;
    std::ranges::sort(took);
    const auto at = [&](std::size_t percent) {
      return std::to_string(took[(took.size() - 1) * percent / 100]);
    };
    say(R"({"p50":)" + at(50) + R"(,"p99":)" + at(99) + R"(,"max":)" + at(100) + R"(,"processor_seconds":)" +
        std::to_string(spent) + "}");
  }

  void memory() {
    std::size_t sessions = 0;
    server_.for_each_session(
        [&](const xds::Session& session) { sessions += sizeof(session) + session.heap_bytes(); });
    const std::size_t streams = std::max<std::size_t>(server_.streams(), 1);
    say(R"({"resident":)" + std::to_string(resident_bytes()) + R"(,"allocated":)" +
        std::to_string(mallinfo2().uordblks + mallinfo2().hblkhd) + R"(,"streams":)" +
        std::to_string(server_.streams()) + R"(,"session":)" + std::to_string(sessions / streams) +
        R"(,"resources":)" + std::to_string(shared_bytes_) + R"(,"catalog":)" +
        std::to_string(catalog_.heap_bytes()) + "}");
  }

  net::Core& core_;
  int services_;
  int endpoints_;
  int revision_ = 0;
  int version_ = 1;
  std::size_t shared_bytes_ = 0;
  std::uint64_t bytes_at_sync_ = 0;
  double spent_at_sync_ = 0;
  xds::Names names_;
  xds::Catalog catalog_{names_};
  grpc::Server calls_;
  xds::Server server_;
  http::Server http_;
  std::vector<xds::ResourcePtr> awaited_;
  std::unordered_set<std::string> done_;
  net::Event all_accepted_;
  net::TaskGroup running_;
};

void serve(net::Core& core, const std::vector<std::string>& words) {
  auto* controller = new Controller(core, number_of<int>(words[2]), number_of<int>(words[3]));  // until exit
  controller->listen(number_of<int>(words[1]));
  std::thread input([&core, controller] {
    for (std::string line; std::getline(std::cin, line);) {
      core.loop().post([controller, line] { controller->run(line); });
    }
    std::_Exit(0);
  });
  core.loop().run();
  input.join();
}

// --- the edges

// Of a response that nobody looks into: the nonce and the type, by the wire's fields 4 and 5.
struct Envelope {
  std::string_view type_url;
  std::string_view nonce;
};

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

Envelope envelope_of(std::string_view bytes) {
  Envelope envelope;
  while (!bytes.empty()) {
    const std::uint64_t tag = take_varint(bytes);
    const std::uint64_t length = take_varint(bytes);
    const std::string_view content = bytes.substr(0, length);
    bytes.remove_prefix(content.size());
    if (tag >> 3U == 4) envelope.type_url = content;
    if (tag >> 3U == 5) envelope.nonce = content;
  }
  return envelope;
}

// What all of them have: the same, so it is kept once.
using Versions = std::map<xds::Type, std::map<std::string, std::string>>;

struct Edges {
  net::Core& core;
  grpc::Dialler::Target target;
  bool envoy;
  std::vector<std::string> names;  // of endpoints
  Versions versions;
  std::size_t streams = 0;
  std::size_t answered = 0;  // since the last line of input
};

xds::Request first_request(const Edges& edges, xds::Type type, int id) {
  xds::Request request;
  request.type_url = xds::info_of(type).url;
  request.node = xds::Node{"edge-" + std::to_string(id), "", edges.envoy ? "envoy" : "weir xds_peer"};
  if (type == xds::Type::kEndpoints) request.names = edges.names;
  if (const auto known = edges.versions.find(type); known != edges.versions.end()) {
    request.initial_versions.assign(known->second.begin(), known->second.end());
  }
  return request;
}

void remember(Edges& edges, std::string_view message) {
  const xds::Response response = value_of(xds::decode_response(message));
  for (const xds::ResourcePtr& resource : response.resources) {
    edges.versions[response.type][resource->name] = resource->version;
  }
}

net::Task<void> follow(Edges& edges, grpc::ClientCall& call, int id) {
  using enum xds::Type;
  const std::vector<xds::Type> types =
      edges.envoy ? std::vector{kCluster, kEndpoints, kListener} : std::vector{kObject, kHealth};
  for (const xds::Type type : types) {
    if (!co_await call.write(xds::encode(first_request(edges, type, id)))) co_return;
  }
  for (;;) {
    auto message = co_await call.read();
    if (!message || !*message) co_return;
    if (id == 0) remember(edges, **message);
    const Envelope envelope = envelope_of(**message);
    xds::Request answer;
    answer.type_url = envelope.type_url;
    answer.nonce = envelope.nonce;
    if (!co_await call.write(xds::encode(answer))) co_return;
    if (++edges.answered != edges.streams) continue;
    say("answered " +
        std::to_string(
            std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count()));
  }
}

net::Task<void> attach(Edges& edges, int id) {
  for (;;) {
    {
      grpc::Dialler dialler(edges.core.env(), edges.target);
      grpc::Channel channel(edges.core.loop(), dialler, {.authority = "controller", .scheme = "http"});
      {
        auto call = co_await channel.call(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", {},
            std::nullopt);
        if (call) co_await follow(edges, **call, id);
      }
      co_await channel.close();
    }
    if (!co_await edges.core.loop().sleep(200ms)) co_return;
  }
}

void load(net::Core& core, const std::vector<std::string>& words) {
  Edges edges{.core = core,
              .target = {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(number_of<int>(words[1]))},
              .envoy = words[3] == "envoy",
              .streams = static_cast<std::size_t>(number_of<int>(words[2]))};
  for (int service = 0; service < number_of<int>(words[4]); ++service)
    edges.names.push_back(service_name(service));
  net::TaskGroup running(core.loop());
  for (int id = 0; id < number_of<int>(words[2]); ++id) running.spawn(attach(edges, id));
  std::thread input([&core, &edges] {
    for (std::string line; std::getline(std::cin, line);) {
      core.loop().post([&edges] {
        edges.answered = 0;
        say("counting");
      });
    }
    std::_Exit(0);
  });
  core.loop().run();  // until it is ended from outside
  input.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  Silence log;
  auto core = value_of(net::Core::create(log));
  if (words.size() == 4 && words[0] == "serve") {
    serve(*core, words);
  } else if (words.size() == 5 && words[0] == "load") {
    load(*core, words);
  } else {
    die("usage: see the head of xds_peer.cc");
  }
  return 0;
}
