// The name server on sockets of loopback, with zones from objects and health as a test says.
#include "nameserver/nameserver.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/formats.h"
#include "config/object.h"
#include "config/whole.h"
#include "nameserver/query_fixture.h"
#include "net/core.h"
#include "testing/real_env.h"

namespace weir::nameserver {
namespace {

using namespace std::chrono_literals;
using config::EndpointHealth;
using testing::RealEnv;

const std::string kZone =
    "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], hostmaster: first.last@b.example,\n"
    "  records: \"ns1 A 192.0.2.53\\nmail 60 A 192.0.2.25\\n*.wild TXT any\\n\"}}";

struct Server {
  // cores: 0: the worker is on the test's own loop.
  explicit Server(const WorkerOptions& options = {}, std::size_t cores = 0)
      : others(make_cores(real.log, cores)),
        workers(envs_of(real.env, others)),
        nameserver(real.env, workers, options,
                   {.now = [this](std::string_view service) { return status_of(service); },
                    .epoch = [this](std::string_view) { return epoch; }}) {
    auto at = nameserver.listen(net::Address::v4({127, 0, 0, 1}, 0));
    REQUIRE(at);
    address = *at;
    for (const auto& core : others) core->start("worker");
  }
  ~Server() {
    CHECK(real.run(stop()).has_value());
    for (const auto& core : others) core->stop();
  }
  using Cores = std::vector<std::unique_ptr<net::Core>>;
  static Cores make_cores(Log& log, std::size_t count) {
    Cores cores;
    for (std::size_t i = 0; i < count; ++i) {
      auto core = net::Core::create(log);
      REQUIRE(core);
      cores.push_back(std::move(*core));
    }
    return cores;
  }
  static std::vector<net::Env*> envs_of(net::Env& own, const Cores& cores) {
    std::vector<net::Env*> envs;
    for (const auto& core : cores) envs.push_back(&core->env());
    if (envs.empty()) envs.push_back(&own);
    return envs;
  }
  net::Task<bool> stop() {
    co_await nameserver.stop();
    co_return true;
  }

  void put(const std::vector<std::string>& yaml) {
    for (const std::string& text : yaml) {
      auto object = config::parse_object(config::read_yaml(text)->front().json, config::Origin::kClient);
      REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
      whole.put(std::make_shared<const config::Object>(std::move(*object)));
    }
    apply();
  }
  void apply() {
    auto snapshot = config::build_snapshot(++revision, whole, nullptr, last.get());
    REQUIRE(snapshot);
    last = *snapshot;
    nameserver.apply(last);
    real.settle();
  }
  void set_health(const std::string& service, const std::string& endpoint, EndpointHealth to) {
    health[service][endpoint] = to;
    nameserver.look_at(service);
    real.settle();
  }
  config::ServiceStatus status_of(std::string_view service) const {
    config::ServiceStatus status;
    const auto found = health.find(service);
    if (found == health.end()) return status;
    for (const auto& [endpoint, is] : found->second) {
      status.endpoints.push_back(
          {.applied = {}, .refused = {}, .address = endpoint, .name = {}, .health = is, .reason = {}});
    }
    return status;
  }

  RealEnv real;
  Cores others;
  std::vector<net::Env*> workers;
  std::uint64_t epoch = 0;
  std::map<std::string, std::map<std::string, EndpointHealth>, std::less<>> health;
  Nameserver nameserver;
  net::Address address;
  config::Whole whole;
  config::SnapshotPointer last;
  std::uint64_t revision = 0;
};

struct Client {
  explicit Client(Server& to) : server(to), socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(server.address.port());
    std::memcpy(&name.sin_addr, server.address.bytes().data(), 4);
    REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  }
  void send(const std::vector<std::uint8_t>& message) const {
    REQUIRE(::send(socket.get(), message.data(), message.size(), 0) == static_cast<ssize_t>(message.size()));
  }
  std::string receive() const { return shown(receive_octets()); }
  std::vector<std::uint8_t> receive_octets() const {
    std::array<std::uint8_t, 4096> buffer{};
    ssize_t got = -1;
    if (!server.others.empty()) {  // nothing on the test's own loop wakes it up for what others send
      constexpr int kPatienceMs = 10'000;
      pollfd waiting{socket.get(), POLLIN, 0};
      REQUIRE(::poll(&waiting, 1, kPatienceMs) == 1);
    }
    REQUIRE(server.real.run_until([&] {
      if (got < 0) got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
      return got >= 0;
    }));
    return {buffer.begin(), buffer.begin() + got};
  }
  // "0: 192.0.2.1 /24": with the scope of the client subnet
  std::string ask_for(const std::string& subnet, const std::string& name) const {
    send(query(name, "A", subnet));
    const auto reply = receive_octets();
    const auto scope = reply.size() - (config::parse_network(subnet)->prefix_bits + 7) / 8 - 1;
    return shown(reply) + " /" + std::to_string(reply[scope]);
  }
  std::string ask(const std::string& name, const std::string& type = "A") const {
    send(query(name, type));
    return receive();
  }
  Server& server;
  net::Descriptor socket;
};

TEST_CASE("a zone is answered for by UDP from the moment it is there, and refused when it is gone") {
  Server server;
  const Client client(server);
  CHECK(client.ask("mail.a.example") == "5:");
  server.put({kZone});
  CHECK(client.ask("mail.a.example") == "0: 192.0.2.25");
  CHECK(client.ask("b.wild.a.example", "TXT") == "0: \"any\"");
  CHECK(client.ask("a.example", "NS") == "0: ns1.a.example.");
  CHECK(client.ask("a.example", "SOA") ==
        R"(0: ns1.a.example. first\.last.b.example. 1 3600 600 1209600 60)");
  CHECK(client.ask("nothing.a.example") == "3:");
  server.put(
      {"{kind: RecordSet, metadata: {name: www}, spec: {zone: a.example, name: www, type: A, "
       "values: [192.0.2.1, 192.0.2.2]}}"});
  CHECK(client.ask("www.a.example") == "0: 192.0.2.1 192.0.2.2");
  CHECK(client.ask("a.example", "SOA").contains(" 2 3600"));
  server.whole.remove(config::Kind::kRecordSet, "www");
  server.apply();
  CHECK(client.ask("www.a.example") == "3:");
  server.whole.remove(config::Kind::kZone, "a.example");
  server.apply();
  CHECK(client.ask("mail.a.example") == "5:");
}

const std::string kSites =
    "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], sites: [{name: home, networks: "
    "[127.0.0.0/8, 10.0.0.0/8]}, {name: lab, networks: [10.1.0.0/16]}]}}";
std::string geo_set(const std::string& answers) {
  return "{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: GEO, "
         "answers: [" +
         answers + "]}}";
}

TEST_CASE("GEO answers by the client's subnet, or else by who asks, and says how far around it is the same") {
  Server server;
  const Client client(server);
  server.health["one"] = {{"192.0.2.1:80", EndpointHealth::kHealthy}};
  server.put({kSites, "{kind: Service, metadata: {name: one}}",
              geo_set("{value: 192.0.2.1, places: [site/lab], service: one}, {value: 192.0.2.2, places: "
                      "[site/home]}, {value: 192.0.2.3}")});
  CHECK(client.ask("w.a.example") == "0: 192.0.2.2");  // 127.0.0.1
  CHECK(client.ask_for("10.1.2.0/24", "w.a.example") == "0: 192.0.2.1 /16");
  CHECK(client.ask_for("10.2.2.0/24", "w.a.example") == "0: 192.0.2.2 /15");
  CHECK(client.ask_for("10.0.0.0/7", "w.a.example") == "0: 192.0.2.2 /16");  // as of its first address
  CHECK(client.ask_for("192.0.2.0/24", "w.a.example") == "0: 192.0.2.3 /1");
  CHECK(client.ask_for("2001:db8::/56", "w.a.example") == "0: 192.0.2.3 /0");
  CHECK(client.ask_for("0.0.0.0/0", "w.a.example") == "0: 192.0.2.2 /0");  // nothing is said of the client
  server.set_health("one", "192.0.2.1:80", EndpointHealth::kUnhealthy);
  CHECK(client.ask_for("10.1.2.0/24", "w.a.example") == "0: 192.0.2.2 /8");
  // The sites of the zone change.
  server.put(
      {"{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], sites: [{name: home, "
       "networks: [10.0.0.0/9]}, {name: lab, networks: [10.1.0.0/16]}]}}"});
  CHECK(client.ask("w.a.example") == "0: 192.0.2.3");
  CHECK(client.ask_for("10.1.2.0/24", "w.a.example") == "0: 192.0.2.2 /9");
}

TEST_CASE("a record set with a site that the zone has not is left out, and it is said") {
  Server server;
  const Client client(server);
  server.put({kSites, geo_set("{value: 192.0.2.1, places: [site/lab, site/away]}")});
  CHECK(client.ask("w.a.example") == "3:");
  CHECK(client.ask("a.example", "NS").starts_with("0:"));
  const std::string reason = "RecordSet/w is left out: the zone has no site/away";
  CHECK(server.nameserver.catalogue().refused().at("a.example") == reason);
  CHECK(server.nameserver.catalogue().zone_status("a.example").reason == reason);
  server.put({geo_set("{value: 192.0.2.1, places: [site/home]}")});
  CHECK(client.ask("w.a.example") == "0: 192.0.2.1");
  CHECK(server.nameserver.catalogue().refused().empty());
}

std::string alias_to(const std::string& target) {
  return "{kind: RecordSet, metadata: {name: apex}, spec: {zone: a.example, type: ALIAS, values: [" + target +
         "]}}";
}

TEST_CASE("an ALIAS at the zone itself has the addresses of another name of ours, whatever it is") {
  Server server;
  const Client client(server);
  server.health["one"] = {{"192.0.2.1:80", EndpointHealth::kHealthy}};
  server.put({kZone, "{kind: Service, metadata: {name: one}}", alias_to("mail")});
  CHECK(client.ask("a.example") == "0: 192.0.2.25");
  CHECK(client.ask("a.example", "AAAA") == "0:");
  CHECK(client.ask("a.example", "NS") == "0: ns1.a.example.");
  CHECK(client.ask("a.example", "MX") == "0:");
  server.put(
      {"{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: FAILOVER, "
       "answers: [{value: 192.0.2.1, service: one}, {value: 192.0.2.2, priority: 1}]}}",
       "{kind: RecordSet, metadata: {name: c}, spec: {zone: a.example, name: c, type: CNAME, values: [w]}}",
       "{kind: RecordSet, metadata: {name: d}, spec: {zone: a.example, name: d, type: ALIAS, values: [c]}}",
       alias_to("d")});
  CHECK(client.ask("a.example") == "0: 192.0.2.1");  // ALIAS, ALIAS, CNAME, FAILOVER
  server.set_health("one", "192.0.2.1:80", EndpointHealth::kUnhealthy);
  CHECK(client.ask("a.example") == "0: 192.0.2.2");
  CHECK(server.nameserver.catalogue().record_set_status("apex").reason ==
        "what zones here have of d.a.example. is given");
  server.put({alias_to("nothing")});
  CHECK(client.ask("a.example") == "0:");
  // In a circle
  server.put({alias_to("d"),
              "{kind: RecordSet, metadata: {name: c}, spec: {zone: a.example, name: c, type: "
              "CNAME, values: ['@']}}"});
  CHECK(client.ask("a.example") == "2:");
  server.whole.remove(config::Kind::kRecordSet, "apex");
  server.apply();
  CHECK(client.ask("a.example") == "0:");
}

const std::string kWeb =
    "{kind: Service, metadata: {name: web}, spec: {endpoints: [{address: '192.0.2.1:80'}, {address: "
    "'192.0.2.2:80'}, {address: '[2001:db8::1]:80'}, {address: 'web.example:80'}], health_check: {tcp: {}}}}";

TEST_CASE("a record set that follows a service has its endpoints' addresses, as far as they are healthy") {
  Server server;
  const Client client(server);
  server.health["web"] = {{"192.0.2.1:80", EndpointHealth::kHealthy},
                          {"192.0.2.2:80", EndpointHealth::kUnknown},
                          {"[2001:db8::1]:80", EndpointHealth::kHealthy}};
  server.put(
      {kZone, kWeb,
       "{kind: RecordSet, metadata: {name: w4}, spec: {zone: a.example, name: w, type: A, service: web, "
       "all_down: SERVE_NONE}}",
       "{kind: RecordSet, metadata: {name: w6}, spec: {zone: a.example, name: w, type: AAAA, policy: "
       "ROUND_ROBIN, service: web}}"});
  CHECK(client.ask("w.a.example") == "0: 192.0.2.1");  // nothing is healthy before it was checked
  CHECK(client.ask("w.a.example", "AAAA") == "0: 2001:db8::1");
  server.set_health("web", "192.0.2.2:80", EndpointHealth::kHealthy);
  CHECK(client.ask("w.a.example") == "0: 192.0.2.1 192.0.2.2");
  server.set_health("web", "192.0.2.1:80", EndpointHealth::kUnhealthy);
  CHECK(client.ask("w.a.example") == "0: 192.0.2.2");
  server.set_health("web", "192.0.2.2:80", EndpointHealth::kUnhealthy);
  CHECK(client.ask("w.a.example") == "0:");

  // An ejection, which nobody tells of, is found.
  server.set_health("web", "192.0.2.1:80", EndpointHealth::kHealthy);
  CHECK(client.ask("w.a.example") == "0: 192.0.2.1");
  server.health["web"]["192.0.2.1:80"] = EndpointHealth::kEjected;
  ++server.epoch;
  CHECK(server.real.run_until([&] { return client.ask("w.a.example") == "0:"; }));
}

// Found by DNS-SD; without a health check.
const std::string kFound =
    "{kind: Service, metadata: {name: db}, spec: {protocol: TCP, discovery: {type: _db._tcp}}}";
const std::string kMember =
    "{kind: Endpoint, metadata: {name: db-1}, spec: {service: db, address: '192.0.2.1:5432', instance: 'One "
    "1', "
    "priority: 1, weight: 5, version: 1.4.2, text: [k=v]}}";

TEST_CASE("what is found by DNS-SD is in weir's own zone, and follows health and who is there") {
  Server server;
  const Client client(server);
  server.nameserver.set_domain("weir.example", "192.0.2.53");
  server.real.settle();
  CHECK(client.ask("b._dns-sd._udp.weir.example", "PTR") == "5:");  // nothing to be found: no zone
  server.health["db"] = {{"192.0.2.1:5432", EndpointHealth::kUnknown}};
  server.put({kFound, kMember});
  CHECK(client.ask("b._dns-sd._udp.weir.example", "PTR") == "0: weir.example.");
  CHECK(client.ask("_db._tcp.weir.example", "PTR") == "3:");  // not checked yet
  server.set_health("db", "192.0.2.1:5432", EndpointHealth::kHealthy);
  CHECK(client.ask("_db._tcp.weir.example", "PTR").starts_with(R"(0: One\0321._db._tcp.weir.example.)"));
  CHECK(client.ask(R"(One\0321._db._tcp.weir.example)", "SRV").starts_with("0: 1 5 5432 ip-192-0-2-1.weir."));
  CHECK(client.ask(R"(one\0321._db._tcp.weir.example)", "TXT") == R"(0: "k=v" "version=1.4.2")");
  CHECK(client.ask("db.service.weir.example") == "0: 192.0.2.1");
  CHECK(client.ask("weir.example", "NS") == "0: ns.weir.example.");
  CHECK(client.ask("ns.weir.example") == "0: 192.0.2.53");
  server.nameserver.set_domain("weir.example", "2001:db8::53");
  server.real.settle();
  CHECK(client.ask("ns.weir.example", "AAAA") == "0: 2001:db8::53");
  const auto serial = [&] { return server.nameserver.catalogue().view()->zones().all().front()->serial(); };
  const std::uint32_t before = serial();
  server.set_health("db", "192.0.2.1:5432", EndpointHealth::kUnhealthy);
  CHECK(client.ask("_db._tcp.weir.example", "PTR") == "3:");
  CHECK(serial() == before + 1);
  server.health["db"]["192.0.2.1:5432"] = EndpointHealth::kHealthy;  // which nobody tells of
  ++server.epoch;
  CHECK(server.real.run_until([&] { return client.ask("db.service.weir.example") == "0: 192.0.2.1"; }));
  server.whole.remove(config::Kind::kEndpoint, "db-1");
  server.apply();
  CHECK(client.ask("db.service.weir.example") == "3:");
  server.whole.remove(config::Kind::kService, "db");
  server.apply();
  CHECK(client.ask("weir.example", "NS") == "5:");
}

TEST_CASE("somebody's zone of weir's own domain has what is found by DNS-SD beside what is written") {
  Server server;
  const Client client(server);
  server.health["db"] = {{"192.0.2.1:5432", EndpointHealth::kHealthy}};
  server.put({kFound, kMember, kZone});
  CHECK(client.ask("db.service.a.example") == "3:");
  server.nameserver.set_domain("a.example");
  server.real.settle();
  CHECK(client.ask("db.service.a.example") == "0: 192.0.2.1");
  CHECK(client.ask("mail.a.example") == "0: 192.0.2.25");
  CHECK(client.ask("a.example", "NS") == "0: ns1.a.example.");
  CHECK(server.nameserver.catalogue().refused().empty());
  SUBCASE("but where that does not fit") {
    server.put(
        {"{kind: RecordSet, metadata: {name: own}, spec: {zone: a.example, name: db.service, type: CNAME, "
         "values: [mail]}}"});
    CHECK(client.ask("db.service.a.example", "CNAME") == "0: mail.a.example.");
    CHECK(client.ask("_db._tcp.a.example", "PTR").starts_with("0: One"));
    CHECK(server.nameserver.catalogue()
              .zone_status("a.example")
              .reason.starts_with("what is found by DNS-SD is left out: db.service.a.example. "));
    server.whole.remove(config::Kind::kRecordSet, "own");
    server.apply();
    CHECK(client.ask("db.service.a.example") == "0: 192.0.2.1");
    CHECK(server.nameserver.catalogue().refused().empty());
  }
  SUBCASE("and is weir's again when it is deleted") {
    server.whole.remove(config::Kind::kZone, "a.example");
    server.apply();
    CHECK(client.ask("mail.a.example") == "3:");
    CHECK(client.ask("db.service.a.example") == "0: 192.0.2.1");
  }
  SUBCASE("and nothing of it when the domain is another") {
    server.nameserver.set_domain("other.example");
    server.real.settle();
    CHECK(client.ask("db.service.a.example") == "3:");
    CHECK(client.ask("mail.a.example") == "0: 192.0.2.25");
    CHECK(client.ask("db.service.other.example") == "0: 192.0.2.1");
  }
}

TEST_CASE("two networks: turns, then shares, then one of them dead") {
  Server server;
  const Client client(server);
  server.health["one"] = {{"198.51.100.1:443", EndpointHealth::kHealthy}};
  server.health["two"] = {{"203.0.113.1:443", EndpointHealth::kHealthy}};
  const auto records = [](const std::string& policy, int one, int two) {
    return "{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: " +
           policy + ", answers: [{value: 198.51.100.1, weight: " + std::to_string(one) +
           ", service: one}, {value: 203.0.113.1, weight: " + std::to_string(two) + ", service: two}]}}";
  };
  server.put({kZone, "{kind: Service, metadata: {name: one}}", "{kind: Service, metadata: {name: two}}",
              records("ROUND_ROBIN", 1, 1)});
  CHECK(client.ask("w.a.example") == "0: 198.51.100.1 203.0.113.1");
  CHECK(client.ask("w.a.example") == "0: 203.0.113.1 198.51.100.1");
  server.put({records("WEIGHTED", 75, 25)});
  std::map<std::string, int> counts;
  for (int i = 0; i < 100; ++i) ++counts[client.ask("w.a.example")];
  CHECK(counts == std::map<std::string, int>{{"0: 198.51.100.1", 75}, {"0: 203.0.113.1", 25}});
  server.set_health("one", "198.51.100.1:443", EndpointHealth::kUnhealthy);
  for (int i = 0; i < 8; ++i) CHECK(client.ask("w.a.example") == "0: 203.0.113.1");
}

// By TCP: all queries at once, then the replies in their order.
net::Task<std::string> by_tcp(net::Network& network, net::Address to, std::vector<std::uint8_t> bytes,
                              std::size_t replies) {
  auto stream = co_await network.connect(to, 5s);
  if (!stream) co_return "no connection";
  if (!co_await (*stream)->write(std::as_bytes(std::span(bytes)), 5s)) co_return "cut";
  std::vector<std::uint8_t> input(1 << 17U);
  std::size_t have = 0;
  std::string text;
  while (replies > 0) {
    const std::size_t wanted = have < 2 ? 2 : 2U + dns::load_u16(input.data());
    if (have < 2 || have < wanted) {
      const auto got = co_await (*stream)->read(std::as_writable_bytes(std::span(input)).subspan(have), 5s);
      if (!got || *got == 0) co_return text + "cut";
      have += *got;
      continue;
    }
    const std::string one = shown(dns::Bytes(input).subspan(2, wanted - 2));
    text += one.size() > 100 ? std::to_string(wanted - 2) + " octets; " : one + "; ";
    std::copy(input.begin() + static_cast<std::ptrdiff_t>(wanted),
              input.begin() + static_cast<std::ptrdiff_t>(have), input.begin());
    have -= wanted;
    --replies;
  }
  co_return text;
}

std::vector<std::uint8_t> framed(std::initializer_list<std::vector<std::uint8_t>> messages) {
  std::vector<std::uint8_t> all;
  for (const auto& message : messages) {
    all.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
    all.push_back(static_cast<std::uint8_t>(message.size()));
    all.insert(all.end(), message.begin(), message.end());
  }
  return all;
}

TEST_CASE("what a datagram can't hold is truncated, and whole by TCP; queries there may come at once") {
  Server server;
  const Client client(server);
  std::string values;
  for (int i = 1; i <= 200; ++i) values += "192.0.2." + std::to_string(i) + ", ";
  server.put(
      {kZone,
       "{kind: RecordSet, metadata: {name: big}, spec: {zone: a.example, name: big, type: A, values: [" +
           values + "]}}"});
  CHECK(client.ask("big.a.example") == "0+:");
  const auto got = server.real.run(by_tcp(
      server.real.network, server.address,
      framed({query("big.a.example", "A"), query("mail.a.example", "A"), query("no.example", "A")}), 3));
  REQUIRE(got);
  CHECK(*got == "3231 octets; 0: 192.0.2.25; 5:; ");
}

TEST_CASE("what is no query is not answered, and ends a connection") {
  Server server;
  const Client client(server);
  server.put({kZone});
  auto response = query("mail.a.example", "A");
  response[2] = 0x80;
  client.send(response);
  client.send({1, 2, 3});
  CHECK(client.ask("mail.a.example") == "0: 192.0.2.25");
  CHECK(*server.real.run(by_tcp(server.real.network, server.address, framed({response}), 1)) == "cut");
  CHECK(*server.real.run(by_tcp(server.real.network, server.address, {0xff, 0xff}, 1)) == "cut");
  std::string metrics;
  server.nameserver.write_metrics(metrics);
  CHECK(metrics.contains("weir_dns_queries_total{transport=\"udp\"} 3\n"));
  CHECK(metrics.contains("weir_dns_replies_total{code=\"noerror\"} 1\n"));
  CHECK(metrics.contains("weir_dns_ignored_total 3\n"));
}

// Objects that no longer fit, of a store that an earlier version wrote.
TEST_CASE("a record set that does not fit its zone is left out, and it is said why") {
  Server server;
  const Client client(server);
  server.put({kZone});
  config::Zone zone = *server.last->zones.front();
  const auto add = [&zone](const std::string& name, const std::string& value, config::RecordType type) {
    config::RecordSetSpec spec{.zone = "a.example", .name = name, .type = type, .values = {value}};
    zone.record_sets.push_back({name + std::to_string(zone.record_sets.size()), spec});
  };
  add("mail", "www", config::RecordType::kCname);
  add("mail", "2001:db8::1", config::RecordType::kAaaa);
  add("www", "192.0.2.1", config::RecordType::kA);
  auto snapshot = std::make_shared<config::Snapshot>();
  snapshot->zones = {std::make_shared<const config::Zone>(zone)};
  server.nameserver.apply(snapshot);
  server.real.settle();
  const auto refused = server.nameserver.catalogue().refused();
  REQUIRE(refused.contains("a.example"));
  CHECK(refused.at("a.example").starts_with("RecordSet/mail0 is left out: mail.a.example. "));
  CHECK(refused.at("a.example").contains("; RecordSet/mail1 is left out: "));
  CHECK(server.nameserver.catalogue().zone_status("a.example").serving);
  CHECK(client.ask("mail.a.example") == "0: 192.0.2.25");
  CHECK(client.ask("www.a.example") == "0: 192.0.2.1");
  server.nameserver.apply(server.last);
  server.real.settle();
  CHECK(server.nameserver.catalogue().refused().empty());
  CHECK(client.ask("www.a.example") == "3:");
}

TEST_CASE("several cores answer while zones and health change; shares are exact over all of them") {
  Server server({}, 2);
  server.health["one"] = {{"192.0.2.1:80", EndpointHealth::kHealthy}};
  server.put(
      {kZone, "{kind: Service, metadata: {name: one}}",
       "{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: WEIGHTED, "
       "answers: [{value: 192.0.2.1, weight: 3, service: one}, {value: 192.0.2.2}]}}"});
  std::vector<std::unique_ptr<Client>> clients;  // of many ports, which the kernel spreads over the cores
  for (int i = 0; i < 16; ++i) clients.push_back(std::make_unique<Client>(server));
  for (const auto& client : clients) {  // until its core has the zone
    CHECK(server.real.run_until([&] { return client->ask("mail.a.example") == "0: 192.0.2.25"; }));
  }
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) {
    ++counts[clients[static_cast<std::size_t>(i) % clients.size()]->ask("w.a.example")];
  }
  CHECK(counts == std::map<std::string, int>{{"0: 192.0.2.1", 300}, {"0: 192.0.2.2", 100}});
  for (int i = 0; i < 100; ++i) {
    clients[static_cast<std::size_t>(i) % clients.size()]->send(query("w.a.example", "A"));
    server.set_health("one", "192.0.2.1:80",
                      i % 2 == 0 ? EndpointHealth::kUnhealthy : EndpointHealth::kHealthy);
    if (i % 10 == 0) server.apply();
    const std::string got = clients[static_cast<std::size_t>(i) % clients.size()]->receive();
    CHECK((got == "0: 192.0.2.1" || got == "0: 192.0.2.2"));
  }
}

}  // namespace
}  // namespace weir::nameserver
