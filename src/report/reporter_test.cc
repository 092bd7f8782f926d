#include "report/reporter.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "report/report_server.h"
#include "testing/fake_env.h"

namespace weir::report {
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

std::string text_of(const Report& report) {
  std::string text;
  if (report.hello) text += " hello " + report.hello->node;
  for (const EndpointSeen& seen : report.endpoints) {
    constexpr std::string_view kWords = "?+-x";
    text += " " + seen.service + "/" + seen.endpoint + kWords[static_cast<std::size_t>(seen.state)];
  }
  for (const TunnelSeen& seen : report.tunnels) {
    text += " " + seen.service + "/" + seen.instance + (seen.gone ? "-" : "#") + seen.session;
  }
  if (report.refused) {
    text += " refused";
    for (const RefusedObject& refused : *report.refused) text += " " + refused.object;
  }
  for (const Interval& interval : report.intervals) {
    text += " #" + std::to_string(interval.sequence) + "@" +
            std::to_string(std::chrono::floor<std::chrono::seconds>(interval.age).count());
  }
  if (report.load) {
    text += " load " + std::to_string(report.load->requests) + "@" +
            std::to_string(report.load->applied_revision) + "/" +
            std::to_string(std::chrono::floor<std::chrono::milliseconds>(report.load->span).count());
  }
  return text;
}

// A controller, as one sees it in a transcript.
struct Controller {
  explicit Controller(FakeEnv& env, ReportServer::Options options = {.trust_domain = "weir.test"})
      : fake(env),
        reports({.attached = [this](const ReportServer::Edge& edge) { note(edge, " attached"); },
                 .reported = [this](const ReportServer::Edge& edge,
                                    const Report& report) { note(edge, ":" + text_of(report)); },
                 .detached = [this](const ReportServer::Edge& edge) { note(edge, " detached"); }},
                std::move(options)),
        calls(env.loop, {}),
        server(env.env, calls,
               {.keepalive_interval = 10s, .keepalive_timeout = 5s, .h2 = h2::make_connection}) {
    calls.add(std::string(kReportPath), [this](grpc::ServerCall& call) { return reports.serve(call); });
    handshake->names = "URI:spiffe://weir.test/edge/fra-1";
    server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:18000")), handshake);
  }
  ~Controller() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
    CHECK(reports.attached() == 0);
  }
  void note(const ReportServer::Edge& edge, const std::string& what) {
    transcript += edge.name + (edge.verified ? "" : "?") + what + "\n";
  }
  std::string take() {
    fake.run_until_idle();
    return std::exchange(transcript, {});
  }

  FakeEnv& fake;
  std::string transcript;
  ReportServer reports;
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

struct Edge {
  explicit Edge(FakeEnv& env, std::string name = "fra-1")
      : fake(env),
        reporter(env.env, channel, {.node = std::move(name)}, [this] { return Load{.requests = ++loads}; },
                 {}),
        running(env.loop) {}
  ~Edge() {
    stop();
    CHECK(fake.run(channel.close()));
  }
  void start() {
    running.spawn(reporter.run());
    fake.run_until_idle();
  }
  void stop() {
    running.cancel();
    fake.run_until_idle();
    CHECK(running.size() == 0);
  }
  void see(std::string endpoint, EndpointState state, std::string reason = "") {
    reporter.see({"web", std::move(endpoint), state, std::move(reason)});
  }
  FakeEnv& fake;
  PlainOpener opener{fake};
  grpc::Channel channel{fake.loop, opener, {.authority = "controller", .scheme = "http"}};
  std::uint64_t loads = 0;
  Reporter reporter;
  net::TaskGroup running;
};

TEST_CASE("an edge says who it is and what it has seen, then changes at once and its load in time") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  edge.see("a", EndpointState::kHealthy);
  edge.see("b", EndpointState::kUnknown);
  edge.start();
  CHECK(controller.take() == "fra-1 attached\nfra-1: hello fra-1 web/a+ web/b? load 1@0/0\n");
  CHECK(edge.reporter.attached());
  edge.see("b", EndpointState::kHealthy);
  edge.see("b", EndpointState::kUnhealthy, "connection refused");
  CHECK(controller.take() == "fra-1: web/b-\n");
  edge.see("b", EndpointState::kUnhealthy, "connection refused");
  edge.see("unheard-of", EndpointState::kGone);
  CHECK(controller.take().empty());
  fake.advance(4s);
  CHECK(controller.take().empty());
  fake.advance(1s);
  CHECK(controller.take() == "fra-1: load 2@0/5000\n");
  edge.see("a", EndpointState::kGone);
  CHECK(controller.take() == "fra-1: web/ax\n");
  edge.see("a", EndpointState::kUnknown);
  CHECK(controller.take() == "fra-1: web/a?\n");
  fake.advance(1s);
  edge.reporter.applied(7);
  edge.reporter.applied(7);
  CHECK(controller.take() == "fra-1: load 3@7/1000\n");
  fake.advance(5s);
  CHECK(controller.take() == "fra-1: load 4@7/5000\n");
  edge.reporter.refused({{"services/web", "no certificate"}});
  edge.reporter.refused({{"services/web", "no certificate"}});
  CHECK(controller.take() == "fra-1: refused services/web\n");
  edge.reporter.refused({});
  CHECK(controller.take() == "fra-1: refused\n");
  edge.stop();
  CHECK(controller.take() == "fra-1 detached\n");
}

TEST_CASE("an edge is told to make calls, at once and in their order") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  std::string told;
  edge.reporter.on_open([&](grpc::Channel& way, const channel::Open& open) {
    CHECK(&way == &edge.channel);
    told += open.id + ' ' + open.what + '\n';
  });
  CHECK_FALSE(controller.reports.open("fra-1", {"1", "early"}));
  CHECK(controller.reports.edges().empty());
  edge.start();
  (void)controller.take();
  CHECK(controller.reports.edges() == std::vector<std::string>{"fra-1"});
  CHECK(controller.reports.open("fra-1", {"2", "this"}));
  CHECK(controller.reports.open("fra-1", {"3", "that"}));
  CHECK_FALSE(controller.reports.open("fra-2", {"4", "no"}));
  CHECK(controller.take().empty());
  CHECK(told == "2 this\n3 that\n");
  for (std::size_t i = 0; i < channel::kOpensMax; ++i) CHECK(controller.reports.open("fra-1", {"5", "many"}));
  CHECK_FALSE(controller.reports.open("fra-1", {"6", "too many"}));
}

TEST_CASE("each interval is told once, and again only when no reply to it was heard") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  IntervalLog log(5);
  edge.reporter.tell_intervals(log);
  const auto add = [&] {
    log.add(fake.loop.now(), 10s, {{}});
    edge.reporter.has_interval();
  };
  edge.start();
  (void)controller.take();
  add();
  CHECK(controller.take() == "fra-1: #1@0\n");
  add();
  CHECK(controller.take() == "fra-1: #2@0\n");
  const net::Address address = *net::Address::parse("127.0.0.1:18000");
  fake.network.refuse(address);
  fake.network.cut(address);
  (void)controller.take();
  for (int i = 0; i < 6; ++i) {
    add();
    fake.advance(10s);
  }
  fake.network.refuse(address, false);
  fake.advance(15s);
  const std::string transcript = controller.take();
  CHECK(transcript.find(" #1@") == std::string::npos);
  CHECK(transcript.find(" #2@") == std::string::npos);
  for (const char* told : {" #3@6", " #4@5", " #5@4", " #6@3", " #7@2", " #8@1"}) {
    CAPTURE(transcript);
    CHECK(transcript.find(told) != std::string::npos);
  }
  add();
  CHECK(controller.take() == "fra-1: #9@0\n");
}

TEST_CASE("an interval that got no reply comes again on the next stream, with the same number") {
  FakeEnv fake;
  Edge edge(fake);
  IntervalLog log(5);
  edge.reporter.tell_intervals(log);
  // One that reads, and never replies.
  std::string told;
  grpc::Server calls(fake.loop, {});
  calls.add(std::string(kReportPath), [&told](grpc::ServerCall& call) -> net::Task<grpc::Status> {
    return [](grpc::ServerCall& of, std::string& to) -> net::Task<grpc::Status> {
      for (;;) {
        auto message = co_await of.read();
        if (!message || !*message) co_return grpc::Status{};
        to += text_of(*parse_report(**message)) + '\n';
      }
    }(call, told);
  });
  http::Server server(fake.env, calls, {.h2 = h2::make_connection});
  const net::Address address = *net::Address::parse("127.0.0.1:18000");
  server.listen(*fake.network.listen(address), std::make_shared<Certified>());
  edge.start();
  log.add(fake.loop.now(), 10s, {{}});
  edge.reporter.has_interval();
  fake.run_until_idle();
  fake.network.cut(address);
  fake.advance(2s);
  CHECK(told.find(" #1@0") != std::string::npos);
  CHECK(told.find(" #1@0") != told.rfind(" #1@"));
  edge.stop();
  server.drain();
  server.cut();
  CHECK(fake.run(server.join(), 60s));
}

TEST_CASE("a log of intervals keeps the last ones") {
  IntervalLog log(5);
  for (std::size_t i = 0; i < IntervalLog::kKept + 3; ++i) log.add(Instant(), 10s, {{}});
  const auto first = log.behind(0, Instant(7s));
  REQUIRE(first.size() == kIntervalsMax);
  CHECK(first[0].sequence == 4);
  CHECK(first[0].run == 5);
  CHECK(first[0].age == 7s);
  CHECK(log.behind(IntervalLog::kKept + 2, Instant()).size() == 1);
  CHECK(log.behind(IntervalLog::kKept + 3, Instant()).empty());
}

TEST_CASE("a stream that is lost is made anew, and everything said again") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  edge.see("a", EndpointState::kHealthy);
  edge.see("b", EndpointState::kHealthy);
  edge.start();
  (void)controller.take();
  const net::Address address = *net::Address::parse("127.0.0.1:18000");
  fake.network.refuse(address);
  fake.network.cut(address);
  CHECK(controller.take() == "fra-1 detached\n");
  CHECK_FALSE(edge.reporter.attached());
  edge.see("b", EndpointState::kGone);
  edge.see("c", EndpointState::kUnhealthy);
  fake.advance(20s);
  CHECK(fake.log.count("no controller takes reports") == 1);
  CHECK(fake.network.connects(address) > 3);
  CHECK(fake.network.connects(address) < 12);
  fake.network.refuse(address, false);
  fake.advance(18s);
  const std::string transcript = controller.take();
  CHECK(transcript.starts_with("fra-1 attached\nfra-1: hello fra-1 web/a+ web/c- load 2@0/"));
  CHECK(fake.log.count("a controller takes reports") == 2);
}

TEST_CASE("a controller that is gone without a word is noticed, and so is an edge") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  edge.start();
  (void)controller.take();
  fake.network.pause(*net::Address::parse("127.0.0.1:18000"), testing::Way::kToListener);
  fake.advance(13s);
  CHECK(controller.take().find("detached") == std::string::npos);
  fake.advance(3s);
  CHECK(controller.take().starts_with("fra-1 detached\n"));
}

TEST_CASE("an edge that attaches anew takes the place of its old stream") {
  FakeEnv fake;
  Controller controller(fake);
  Edge first(fake);
  first.start();
  (void)controller.take();
  Edge second(fake);
  second.start();
  CHECK(controller.take() == "fra-1 attached\nfra-1: hello fra-1 load 1@0/0\n");
  CHECK_FALSE(first.reporter.attached());
  first.stop();
  CHECK(controller.take().empty());
  CHECK(controller.reports.attached() == 1);
  second.stop();
  CHECK(controller.take() == "fra-1 detached\n");
}

// "0? withdraw" of the last reply; "lost" without a stream.
void hear_of_others(Edge& edge, std::string& told) {
  edge.reporter.on_reply([&told](const std::optional<Reply>& reply) {
    told = reply ? std::string() : "lost";
    if (!reply) return;
    for (const AnycastOthers& one : reply->anycast) {
      told += std::to_string(one.others) + (one.asked ? "?" : "");
    }
    if (reply->withdraw) told += " withdraw";
  });
}

TEST_CASE("edges hear how many others announce an address, and what they are to do") {
  FakeEnv fake;
  bool withdraw = false;
  Controller controller(
      fake, {.trust_domain = "weir.test",
             .certificate_required = false,
             .to_withdraw = [&withdraw](const std::string& edge) { return withdraw && edge == "fra-1"; }});
  controller.handshake->names.clear();
  std::string of_fra;
  std::string of_ams;
  Edge fra(fake);
  Edge ams(fake, "ams-1");
  hear_of_others(fra, of_fra);
  hear_of_others(ams, of_ams);
  const auto announces = [](Edge& edge, bool asks) {
    edge.reporter.announces({{.network = "203.0.113.10/32",
                              .route = AnycastRoute::kAnnounced,
                              .asks = asks,
                              .reason = std::string(2 * kReportTextBytesMax, 'x')}});
  };
  announces(fra, false);
  fra.start();
  CHECK(of_fra == "0");
  ams.start();
  CHECK(of_ams.empty());
  announces(ams, false);
  fake.run_until_idle();
  CHECK(of_ams == "1");
  announces(fra, true);
  announces(ams, true);
  fake.run_until_idle();
  CHECK(of_fra == "1?");
  CHECK(of_ams == "0?");
  withdraw = true;
  fake.advance(5s);  // with the load
  CHECK(of_fra == "0? withdraw");
  CHECK(of_ams == "0?");
  announces(ams, false);
  fake.network.cut(*net::Address::parse("127.0.0.1:18000"));
  fake.run_until_idle();
  CHECK(of_fra == "lost");
  fake.advance(7s);
  CHECK(of_fra == "1? withdraw");
  controller.take();
}

TEST_CASE("many endpoints take several reports") {
  FakeEnv fake;
  Controller controller(fake);
  Edge edge(fake);
  for (int i = 0; i < 2500; ++i) edge.see(std::to_string(i), EndpointState::kHealthy);
  edge.start();
  const std::string transcript = controller.take();
  std::size_t reports = 0;
  std::size_t endpoints = 0;
  for (const char character : transcript) {
    reports += character == ':' ? 1 : 0;
    endpoints += character == '+' ? 1 : 0;
  }
  CHECK(reports == 3);
  CHECK(endpoints == 2500);
}

TEST_CASE("who reports is known by the certificate") {
  struct Row {
    std::string names;
    bool required;
    std::string transcript;
    std::string reason;
  };
  const Row rows[] = {
      {"", true, "", "UNAUTHENTICATED: an edge reports with its certificate"},
      {"URI:spiffe://weir.test/edge/ams-1", true, "",
       "PERMISSION_DENIED: the certificate is not that of edge \"fra-1\""},
      {"URI:spiffe://weir.test/edge/ams-1", false, "",
       "PERMISSION_DENIED: the certificate is not that of edge \"fra-1\""},
      {"", false, "fra-1? attached\nfra-1?: hello fra-1 load 1@0/0\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.names);
    FakeEnv fake;
    Controller controller(fake, {.trust_domain = "weir.test", .certificate_required = row.required});
    controller.handshake->names = row.names;
    Edge edge(fake);
    edge.start();
    CHECK(controller.take() == row.transcript);
    const auto records = fake.log.records();
    REQUIRE_FALSE(records.empty());
    CHECK(records.front().field("reason") == row.reason);
  }
}

// One message after another on a stream of its own; the status at its end, or "".
std::string say(FakeEnv& fake, const std::vector<std::string>& messages) {
  struct Run {
    static net::Task<std::string> all(FakeEnv& fake, std::vector<std::string> messages) {
      PlainOpener opener(fake);
      grpc::Channel channel(fake.loop, opener, {.authority = "controller", .scheme = "http"});
      std::string status;
      {
        auto call = co_await channel.call(std::string(kReportPath), {}, std::nullopt);
        for (std::string& message : messages) (void)co_await (*call)->write(std::move(message));
        (*call)->half_close();
        while (true) {
          auto reply = co_await (*call)->read();
          if (!reply || !*reply) break;
        }
        status = (*call)->status().message;
      }
      co_await channel.close();
      co_return status;
    }
  };
  return fake.run(Run::all(fake, messages), 30s).value_or("(waits)");
}

TEST_CASE("a stream that does not keep to the order of things ends with a reason") {
  FakeEnv fake;
  Controller controller(fake);
  const std::string hello = serialize(Report{.hello = Hello{.node = "fra-1"}});
  const std::string load = serialize(Report{.load = Load{}});
  CHECK(say(fake, {hello, load}) == "");
  CHECK(controller.take() == "fra-1 attached\nfra-1: hello fra-1\nfra-1: load 0@0/0\nfra-1 detached\n");
  CHECK(say(fake, {load}) == "the first report says who reports");
  CHECK(say(fake, {"\xff"}) == "what came is no report");
  CHECK(controller.take() == "");
  CHECK(say(fake, {hello, hello}) == "who reports is said once");
  CHECK(controller.take() == "fra-1 attached\nfra-1: hello fra-1\nfra-1 detached\n");
}

}  // namespace
}  // namespace weir::report
