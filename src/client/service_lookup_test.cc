// Where a service can be reached, by a name server in memory.
#include "client/service_lookup.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dns/answer.h"
#include "dns/zone_fixture.h"
#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::client {
namespace {

using namespace std::chrono_literals;
using dns::fixture::Octets;

constexpr const char* kServer = "192.0.2.53:53";
constexpr const char* kRecords =
    "a.example. 5 SOA ns.a.example. host.a.example. 1 2 3 4 5\n"
    "a.example. 5 NS ns.a.example.\n"
    "db.service.a.example. 5 SRV 1 5 5432 ip-10.a.example.\n"
    "db.service.a.example. 5 SRV 0 0 5433 other.example.\n"
    "ip-10.a.example. 5 A 10.0.0.1\n"
    "_db._tcp.a.example. 5 PTR one._db._tcp.a.example.\n"
    "one._db._tcp.a.example. 5 SRV 0 1 1 ip-6.a.example.\n"
    "one._db._tcp.a.example. 5 TXT k=v\n"
    "ip-6.a.example. 5 AAAA 2001:db8::1\n"
    "gone.service.a.example. 5 SRV 0 0 0 .\n";

// Answers by TCP, out of a zone, or with what it is told to.
class NameServer {
 public:
  explicit NameServer(testing::FakeEnv& fake)
      : fake_(fake), listener_(*fake.network.listen(*net::Address::parse(kServer))), tasks_(fake.loop) {
    tasks_.spawn(serve());
  }
  ~NameServer() { CHECK(fake_.run(stop(tasks_))); }

  std::string garbage;  // instead of an answer
  bool silent = false;

 private:
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }
  net::Task<void> serve() {
    while (auto accepted = co_await listener_->accept()) tasks_.spawn(talk(std::move(accepted->stream)));
  }
  net::Task<void> talk(std::unique_ptr<net::Stream> stream) {
    Octets query(4096);
    const auto read = co_await stream->read(std::as_writable_bytes(std::span(query)), 10s);
    if (!read || *read < 2) co_return;
    if (silent) {
      (void)co_await stream->readable(60s);
      co_return;
    }
    Octets reply(65535 + 2);
    const dns::Authority authority{.zones = &zones_};
    const auto answered = dns::answer(
        authority, {.message = dns::Bytes(query).subspan(2, *read - 2), .client = {}, .is_stream = true},
        std::span(reply).subspan(2));
    dns::store_u16(reply.data(), static_cast<std::uint16_t>(answered.bytes));
    reply.resize(2 + answered.bytes);
    if (!garbage.empty()) reply.assign(garbage.begin(), garbage.end());
    (void)co_await stream->write(std::as_bytes(std::span(reply)), 10s);
  }

  testing::FakeEnv& fake_;
  std::unique_ptr<net::Listener> listener_;
  dns::Zones zones_{std::vector{dns::fixture::zone("a.example.", kRecords)}};
  net::TaskGroup tasks_;
};

struct World {
  testing::FakeEnv fake;
  NameServer server{fake};

  ServiceLookup::Places find(const std::string& service, const std::string& domain = "a.example") {
    const auto name = service_name(service, "", domain);
    REQUIRE(name);
    auto found = fake.run(ServiceLookup(fake.env, *net::Address::parse(kServer)).find(*name), 60s);
    REQUIRE(found);
    return *found;
  }
};

std::string name_of(const std::string& service, const std::string& version = "") {
  const auto made = service_name(service, version, "a.example");
  return made ? made->name.to_text() + (made->browsed ? " browsed" : "") : made.error();
}

TEST_CASE("names of services, types, instances and versions") {
  CHECK(name_of("db") == "db.service.a.example.");
  CHECK(name_of("db", "1.4.2+B") == "v1-4-2-b.db.service.a.example.");
  CHECK(name_of("_http._tcp") == "_http._tcp.a.example. browsed");
  CHECK(name_of("_http._tcp", "2.0") == "_v2-0._sub._http._tcp.a.example. browsed");
  CHECK(name_of("The first. 1._http._tcp") == "The\\032first\\.\\0321._http._tcp.a.example.");
  CHECK(name_of("x._http._tcp", "1") == "an instance is of one version; leave --version out");
  CHECK(name_of("_http._icmp").starts_with("\"_http._icmp\" is no type of service"));
  CHECK(name_of(std::string(64, 'a')).contains("is no name of DNS"));
  CHECK(name_of("a..b").contains("is no name of DNS"));
}

TEST_CASE("the records of a service, with addresses where the server has them") {
  World world;
  const auto found = world.find("db");
  REQUIRE_MESSAGE(found, found.error());
  REQUIRE(found->size() == 2);
  const auto& first = found->at(0).port == 5432 ? found->at(0) : found->at(1);
  const auto& second = found->at(0).port == 5432 ? found->at(1) : found->at(0);
  CHECK(
      first ==
      ServicePlace{.host = "10.0.0.1", .port = 5432, .priority = 1, .weight = 5, .instance = {}, .text = {}});
  CHECK(second.host == "other.example");
}

TEST_CASE("the instances of a type, and what is not there") {
  World world;
  const auto found = world.find("_db._tcp");
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front().host == "2001:db8::1");
  CHECK(found->front().instance == "one");
  CHECK(found->front().text == std::vector<std::string>{"k=v"});
  CHECK(world.find("one._db._tcp")->size() == 1);
  CHECK(world.find("none")->empty());
  CHECK(world.find("gone")->empty());
  CHECK(world.find("_none._tcp")->empty());
}

TEST_CASE("a server that refuses, talks nonsense or does not answer") {
  World world;
  CHECK(world.find("db", "b.example").error() ==
        "the name server 192.0.2.53:53 refuses to answer for that domain; --domain names another");
  for (const std::string& garbage : {std::string("\0\0", 2), std::string("\0\4abcd", 6),
                                     std::string("\0\14\1\2\200\0\0\1\0\1\0\0\0\0", 14)}) {
    world.server.garbage = garbage;
    CHECK(world.find("db").error().contains("gives no answer to what was asked"));
  }
  world.server.garbage = std::string("\377\377abcd", 6);
  CHECK(world.find("db").error().contains("can't be asked"));
  world.server.silent = true;
  CHECK(world.find("db").error().contains("can't be asked"));
}

TEST_CASE("the system's name server") {
  CHECK(system_name_server("# a\nsearch x\nnameserver  192.0.2.1 \nnameserver 192.0.2.2\n")->to_string() ==
        "192.0.2.1:53");
  CHECK(system_name_server("nameserver 2001:db8::1")->to_string() == "[2001:db8::1]:53");
  CHECK(system_name_server("nameservers 192.0.2.1\nnameserver x\n").error().contains("names no name server"));
}

}  // namespace
}  // namespace weir::client
