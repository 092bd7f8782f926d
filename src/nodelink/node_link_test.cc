// A node and a controller, over HTTP/2 on the memory network.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/open.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "nodelink/node_client.h"
#include "nodelink/node_server.h"
#include "testing/fake_env.h"

namespace weir::nodelink {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;

// As if TLS had found out whose connection it is.
struct Certified final : http::Handshake {
  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override {
    incoming.may_begin_h2 = true;
    if (!names.empty()) {
      auto tls = std::make_shared<http::TlsInfo>();
      tls->protocol = "h2";
      tls->client_names = names;
      incoming.tls = std::move(tls);
    }
    co_return incoming;
  }
  std::string names;
};

std::string text_of(const NodeReport& report) {
  std::string text;
  if (report.hello) text += " hello " + report.hello->node + "/" + report.hello->region;
  for (const InstanceSeen& seen : report.instances) {
    text += " " + seen.name + "=" + std::string(name_of(seen.state)) + "@" + seen.version;
  }
  for (const std::string& name : report.gone) text += " -" + name;
  return text + (report.complete ? " all" : "");
}

config::Object instance(const std::string& name, const std::string& node, const std::string& version) {
  config::InstanceSpec spec;
  spec.workload = "web";
  spec.node = node;
  spec.version = version;
  spec.containers = {{.name = "app", .image = "registry.example/web:1"}};
  return {.metadata = {.name = name}, .spec = std::move(spec), .status = {}};
}

// A controller, as one sees it in a transcript.
struct Controller {
  explicit Controller(FakeEnv& env, bool certificate_required = true)
      : fake(env),
        nodes(objects,
              {.attached = [this](const Hello& hello, Instant) { note(hello.node, " attached"); },
               .reported = [this](const std::string& node, const NodeReport& report,
                                  Instant) { note(node, ":" + text_of(report)); },
               .heard = [this](const std::string& node, Instant) { note(node, " heard"); },
               .detached = [this](const std::string& node, Instant) { note(node, " detached"); }},
              {.trust_domain = "weir.test",
               .certificate_required = certificate_required,
               .revision = [this] { return revision; },
               .catch_up = [this] { return catch_up(*this); }}),
        calls(env.loop, {}),
        server(env.env, calls,
               {.keepalive_interval = 10s, .keepalive_timeout = 5s, .h2 = h2::make_connection}) {
    calls.add(std::string(kAttachPath), [this](grpc::ServerCall& call) { return nodes.serve(call); });
    handshake->names = "URI:spiffe://weir.test/node/n1";
    server.listen(*fake.network.listen(at), handshake);
    put({.metadata = {.name = "n1"}, .spec = config::NodeSpec{.region = "eu"}, .status = {}});
  }
  ~Controller() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
    CHECK(nodes.attached() == 0);
  }
  static net::Task<Result<void>> catch_up(Controller& self) {
    ++self.catch_ups;
    self.revision = std::max(self.revision, self.present);
    co_return Result<void>{};
  }
  void note(const std::string& node, const std::string& what) { transcript += node + what + "\n"; }
  std::string take() {
    fake.run_until_idle();
    return std::exchange(transcript, {});
  }
  void put(config::Object object) {
    ++revision;
    auto pointer = std::make_shared<const config::Object>(std::move(object));
    const config::ObjectChange change{objects.put(pointer), pointer};
    nodes.changed(std::span(&change, 1));
  }
  void remove(config::Kind kind, const std::string& name) {
    ++revision;
    const config::ObjectChange change{objects.remove(kind, name), nullptr};
    nodes.changed(std::span(&change, 1));
  }

  const net::Address at = *net::Address::parse("127.0.0.1:18000");
  FakeEnv& fake;
  config::Whole objects;
  std::uint64_t revision = 10;
  std::uint64_t present = 0;  // of the store
  int catch_ups = 0;
  std::string transcript;
  NodeServer nodes;
  grpc::Server calls;
  std::shared_ptr<Certified> handshake = std::make_shared<Certified>();
  http::Server server;
};

struct PlainOpener final : h2::Opener {
  explicit PlainOpener(FakeEnv& env) : fake(env) {}
  net::Task<Result<Opened>> open() override {
    auto stream = co_await fake.network.connect(*net::Address::parse("127.0.0.1:18000"), 5s);
    if (!stream) co_return fail(stream.error());
    co_return Opened{std::move(*stream), nullptr};
  }
  FakeEnv& fake;
};

struct Node {
  explicit Node(FakeEnv& env, std::string name = "n1")
      : fake(env),
        client(env.env, channel, {.node = std::move(name), .region = "says-another"},
               {.assigned =
                    [this](const Assignment& assignment) {
                      told += "#" + std::to_string(assignment.revision) + (assignment.anew ? " anew" : "");
                      for (const Assigned& one : assignment.instances) {
                        told += " " + one.name + "@" + one.spec.version;
                      }
                      told += "\n";
                    },
                .open = [this](const Open& open) { told += "open " + open.id + " " + open.what + "\n"; }},
               {}),
        running(env.loop) {}
  ~Node() {
    stop();
    CHECK(fake.run(channel.close()));
  }
  void start() {
    running.spawn(client.run());
    fake.run_until_idle();
  }
  void stop() {
    running.cancel();
    fake.run_until_idle();
    CHECK(running.size() == 0);
  }
  void see(std::vector<InstanceSeen> all) { client.see(all); }
  std::string take() {
    fake.run_until_idle();
    return std::exchange(told, {});
  }

  FakeEnv& fake;
  PlainOpener opener{fake};
  grpc::Channel channel{fake.loop, opener, {.authority = "controller", .scheme = "http"}};
  std::string told;
  NodeClient client;
  net::TaskGroup running;
};

TEST_CASE("a node says who it is and what it has, then changes at once, and that it is there") {
  FakeEnv fake;
  Controller controller(fake);
  Node node(fake);
  node.see({{.name = "a", .version = "1", .state = State::kReady}, {.name = "b", .version = "1"}});
  node.start();
  CHECK(controller.take() == "n1 attached\nn1: hello n1/eu a=ready@1 b=pending@1 all\n");
  CHECK(node.client.attached());
  node.see({{.name = "a", .version = "1", .state = State::kReady}, {.name = "b", .version = "1"}});
  CHECK(controller.take().empty());
  node.see({{.name = "a", .version = "1", .state = State::kReady},
            {.name = "b", .version = "1", .state = State::kStarting}});
  node.see({{.name = "a", .version = "1", .state = State::kReady},
            {.name = "b", .version = "1", .state = State::kRunning}});
  CHECK(controller.take() == "n1: b=running@1\n");
  fake.advance(1s);
  CHECK(controller.take().empty());
  fake.advance(1s);
  CHECK(controller.take() == "n1 heard\n");
  node.see({{.name = "b", .version = "1", .state = State::kRunning}});
  CHECK(controller.take() == "n1: -a\n");
  node.see({{.name = "a", .version = "2"}, {.name = "b", .version = "1", .state = State::kRunning}});
  CHECK(controller.take() == "n1: a=pending@2\n");
  node.stop();
  CHECK(controller.take() == "n1 detached\n");
}

TEST_CASE("what an instance says of itself is cut to what a report may hold") {
  FakeEnv fake;
  Controller controller(fake);
  Node node(fake);
  node.see({{.name = "a", .version = std::string("\xff\xfe"), .reason = std::string(5000, 'x')}});
  node.start();
  CHECK(controller.take() == "n1 attached\nn1: hello n1/eu a=pending@?? all\n");
}

TEST_CASE("before a node knows what there is, it does not say that this is all") {
  FakeEnv fake;
  Controller controller(fake);
  Node node(fake);
  node.start();
  CHECK(controller.take() == "n1 attached\nn1: hello n1/eu\n");
  fake.advance(2s);
  CHECK(controller.take() == "n1 heard\n");
  node.see({});
  CHECK(controller.take() == "n1: all\n");
  node.see({});
  CHECK(controller.take().empty());
}

TEST_CASE("many instances come in several reports") {
  FakeEnv fake;
  Controller controller(fake);
  Node node(fake);
  std::vector<InstanceSeen> all;
  for (int i = 0; i < 2500; ++i) all.push_back({.name = "i" + std::to_string(i)});
  node.see(all);
  node.start();
  const std::string transcript = controller.take();
  CHECK(std::ranges::count(transcript, '=') == 2500);
  CHECK(std::ranges::count(transcript, '\n') == 4);
  CHECK(transcript.ends_with(" all\n"));
  node.see({});
  const std::string gone = controller.take();
  CHECK(std::ranges::count(gone, '-') == 2500);
}

TEST_CASE("a node is told what it is to run: at once, and when that changes, and only then") {
  FakeEnv fake;
  Controller controller(fake);
  controller.put(instance("a", "n1", "1"));
  Node node(fake);
  node.start();
  CHECK(node.take() == "#12 a@1\n");
  controller.put(instance("b", "n2", "1"));
  CHECK(node.take().empty());
  controller.put(instance("a", "n1", "1"));
  CHECK(node.take().empty());
  controller.put(instance("a", "n1", "2"));
  controller.put(instance("c", "n1", "1"));
  CHECK(node.take() == "#16 a@2 c@1\n");
  controller.put(instance("a", "n2", "2"));
  CHECK(node.take() == "#17 c@1\n");
  controller.remove(config::Kind::kInstance, "c");
  CHECK(node.take() == "#18\n");
  CHECK(controller.nodes.assignments_told() == 4);
}

TEST_CASE("a node without instances is told that it has none") {
  FakeEnv fake;
  Controller controller(fake);
  Node node(fake);
  node.start();
  CHECK(node.take() == "#11\n");
}

TEST_CASE("a stream that is lost is made anew, and everything said again") {
  FakeEnv fake;
  Controller controller(fake);
  controller.put(instance("a", "n1", "1"));
  Node node(fake);
  node.see({{.name = "a", .version = "1"}, {.name = "b", .version = "1"}});
  node.start();
  (void)controller.take();
  (void)node.take();
  fake.network.refuse(controller.at);
  fake.network.cut(controller.at);
  CHECK(controller.take() == "n1 detached\n");
  CHECK_FALSE(node.client.attached());
  node.see({{.name = "b", .version = "2"}});
  fake.advance(20s);
  CHECK(fake.log.count("a controller does not lead this node; what runs goes on") == 1);
  fake.network.refuse(controller.at, false);
  fake.advance(18s);
  CHECK(controller.take().starts_with("n1 attached\nn1: hello n1/eu b=pending@2 all\n"));
  CHECK(node.take() == "#12 a@1\n");
  CHECK(fake.log.count("a controller leads this node") == 2);
}

TEST_CASE("a node that attaches anew takes the place of its old stream") {
  FakeEnv fake;
  Controller controller(fake);
  Node old(fake);
  old.start();
  Node fresh(fake);
  fresh.start();
  CHECK(controller.take() == "n1 attached\nn1: hello n1/eu\nn1 attached\nn1: hello n1/eu\n");
  CHECK(controller.nodes.attached() == 1);
  CHECK_FALSE(old.client.attached());
  (void)fresh.take();
  controller.put(instance("a", "n1", "1"));
  CHECK(fresh.take() == "#12 a@1\n");
}

TEST_CASE("who attaches is known by the certificate") {
  struct Row {
    std::string names;
    bool required;
    std::string transcript;
    std::string reason;
  };
  const Row rows[] = {
      {"", true, "", "UNAUTHENTICATED: a node attaches with its certificate"},
      {"URI:spiffe://weir.test/edge/n1", true, "", "UNAUTHENTICATED: a node attaches with its certificate"},
      {"URI:spiffe://other.test/node/n1", true, "", "UNAUTHENTICATED: a node attaches with its certificate"},
      {"URI:spiffe://weir.test/node/n2", true, "",
       "PERMISSION_DENIED: the certificate is not that of node \"n1\""},
      {"URI:spiffe://weir.test/node/n2", false, "",
       "PERMISSION_DENIED: the certificate is not that of node \"n1\""},
      {"", false, "n1 attached\nn1: hello n1/eu\n", ""},
      {"URI:spiffe://weir.test/node/n1", true, "n1 attached\nn1: hello n1/eu\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.names);
    FakeEnv fake;
    Controller controller(fake, row.required);
    controller.handshake->names = row.names;
    Node node(fake);
    node.start();
    CHECK(controller.take() == row.transcript);
    CHECK(fake.log.text().contains(row.reason));
    CHECK(node.take() == (row.reason.empty() ? "#11\n" : ""));
    http::RequestHead head;
    http::TlsInfo tls;
    tls.client_names = row.names;
    const http::Request request{.head = head, .tls = row.names.empty() ? nullptr : &tls};
    CHECK(controller.nodes.comes_from(request, "n1") == row.reason.empty());
    CHECK_FALSE(controller.nodes.comes_from(request, "n2"));  // there is no such object
  }
}

TEST_CASE("a node that is not known, revoked or deleted has no stream") {
  FakeEnv fake;
  Controller controller(fake);
  const config::Object revoked{
      .metadata = {.name = "n1"}, .spec = config::NodeSpec{.revoked = true}, .status = {}};
  Node node(fake);
  node.start();
  (void)controller.take();
  controller.put({.metadata = {.name = "n1"}, .spec = config::NodeSpec{.cordoned = true}, .status = {}});
  CHECK(controller.take().empty());
  controller.put(revoked);
  CHECK(controller.take() == "n1 detached\n");
  fake.advance(5s);
  CHECK(controller.take().empty());
  CHECK(fake.log.text().contains("PERMISSION_DENIED: this node is not known here, or revoked"));
  controller.put({.metadata = {.name = "n1"}, .spec = config::NodeSpec{}, .status = {}});
  fake.advance(20s);
  CHECK(controller.take().starts_with("n1 attached\n"));
  controller.remove(config::Kind::kNode, "n1");
  CHECK(controller.take() == "n1 detached\n");
}

TEST_CASE("what is no report ends the stream") {
  FakeEnv fake;
  Controller controller(fake);
  const auto told = [&](std::vector<std::string> messages) {
    PlainOpener opener(fake);
    grpc::Channel channel(fake.loop, opener, {.authority = "controller", .scheme = "http"});
    std::string status;
    const auto talk = [&]() -> net::Task<void> {
      auto call = co_await channel.call(std::string(kAttachPath), {}, std::nullopt);
      for (std::string& message : messages) (void)co_await (*call)->write(std::move(message));
      while (true) {
        const auto read = co_await (*call)->read();
        if (!read || !*read) break;
      }
      status = std::string(grpc::name_of((*call)->status().code)) + ": " + (*call)->status().message;
    };
    CHECK(fake.run(talk(), 5s));
    CHECK(fake.run(channel.close()));
    return status;
  };
  const std::string hello = serialize(NodeReport{.hello = Hello{.node = "n1"}});
  CHECK(told({serialize(NodeReport{.complete = true})}) ==
        "INVALID_ARGUMENT: the first report says who reports");
  CHECK(told({hello, hello}) == "INVALID_ARGUMENT: who reports is said once");
  CHECK(told({"\xff"}) == "INVALID_ARGUMENT: what came is no report of a node");
  CHECK(told({hello, "\xff"}) == "INVALID_ARGUMENT: what came is no report of a node");
}

TEST_CASE("a node of a later revision is led back only when the store itself has been put back") {
  FakeEnv fake;
  Controller controller(fake);
  controller.put(instance("a", "n1", "1"));
  controller.present = 500;
  Node missed(fake);
  missed.client.goes_by(500);
  missed.start();
  CHECK(controller.catch_ups == 1);
  CHECK(missed.take() == "#12 a@1\n");
  missed.stop();
  controller.present = 0;
  Node ahead(fake);
  ahead.client.goes_by(501);
  ahead.start();
  CHECK(controller.catch_ups == 2);
  CHECK(ahead.take().ends_with("#500 anew a@1\n"));
  controller.put(instance("a", "n1", "2"));
  CHECK(ahead.take() == "#501 a@2\n");
}

TEST_CASE("a node is told to open channels, if it listens") {
  FakeEnv fake;
  Controller controller(fake);
  CHECK_FALSE(controller.nodes.open("n1", {.id = "1", .what = "x"}));
  Node node(fake);
  node.start();
  (void)node.take();
  CHECK(controller.nodes.open("n1", {.id = "1", .what = "x"}));
  CHECK(controller.nodes.open("n1", {.id = "2", .what = "y"}));
  CHECK(node.take() == "open 1 x\nopen 2 y\n");
  for (std::size_t i = 0; i < channel::kOpensMax; ++i) CHECK(controller.nodes.open("n1", {.id = "3"}));
  CHECK_FALSE(controller.nodes.open("n1", {.id = "4"}));
}

TEST_CASE("an order that is none ends the stream, and the node tries again") {
  FakeEnv fake;
  grpc::Server calls(fake.loop, {});
  int streams = 0;
  calls.add(std::string(kAttachPath), [&](grpc::ServerCall& call) -> net::Task<grpc::Status> {
    ++streams;
    (void)co_await call.write("\xff");
    while (true) {
      const auto read = co_await call.read();
      if (!read || !*read) break;
    }
    co_return grpc::Status{};
  });
  http::Server server(fake.env, calls, {.h2 = h2::make_connection});
  server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:18000")),
                std::make_shared<h2::PriorKnowledge>());
  {
    Node node(fake);
    node.start();
    fake.advance(2s);
    CHECK(streams > 1);
    CHECK(fake.log.text().contains("what came is no order to a node"));
    CHECK(node.take().empty());
  }
  server.drain();
  server.cut();
  CHECK(fake.run(server.join(), 60s));
}

}  // namespace
}  // namespace weir::nodelink
