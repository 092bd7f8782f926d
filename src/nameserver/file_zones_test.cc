// Zones of files, read on another core, as what they change reaches secondary servers and updates.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"
#include "dns/message.h"
#include "dns/tsig.h"
#include "dns/zone_fixture.h"
#include "nameserver/nameserver.h"
#include "net/core.h"
#include "store/temporary_directory.h"
#include "testing/real_env.h"

namespace weir::nameserver {
namespace {

namespace fixture = dns::fixture;
using Octets = std::vector<std::uint8_t>;

struct World {
  World() {
    auto core = net::Core::create(real.log);
    REQUIRE(core);
    slow = std::move(*core);
    nameserver.on_update([this](dnsupdate::UpdateRequest request) -> net::Task<dns::Rcode> {
      updates.push_back(std::move(request));
      co_return dns::Rcode::kNoError;
    });
    auto bound = real.network.datagrams(net::Address::v4({127, 0, 0, 1}, 0));
    REQUIRE(bound);
    socket = std::move(*bound);
    REQUIRE(nameserver.serve_files(slow->env(), folder.path()));
    const auto listening = nameserver.listen(net::Address::v4({127, 0, 0, 1}, 0));
    REQUIRE(listening);
    at = *listening;
    slow->start("slow");
  }
  ~World() {
    CHECK(real.run(nameserver.stop()));
    slow->stop();
  }
  void write(int serial, const std::string& records) {
    std::ofstream(folder.file("a.example.zone"))
        << "@ 300 SOA ns1 host " << serial << " 3600 600 86400 60\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n"
        << records;
  }
  void apply(const std::vector<std::string>& objects) {
    config::Whole whole;
    for (const std::string& text : objects) {
      auto object = config::parse_object(config::read_yaml(text)->front().json, config::Origin::kClient);
      REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
      whole.put(std::make_shared<const config::Object>(std::move(*object)));
    }
    nameserver.apply(*config::build_snapshot(5, whole));
  }
  // Until that serial number is answered.
  void wait_serial(std::uint32_t serial) {
    REQUIRE(real.run_until([&] {
      const auto zones = nameserver.catalogue().view()->zones().all();
      return zones.size() == 1 && zones.front()->serial() == serial;
    }));
    real.settle();
  }
  // The next that comes to the test's socket.
  net::Task<Octets> next() {
    const auto batch = co_await socket->next_batch();
    if (!batch) co_return Octets();
    from = batch->front().peer;
    co_return Octets(batch->front().bytes.begin(), batch->front().bytes.end());
  }
  Octets ask(const Octets& message) {
    socket->send({.peer = at, .local = {}}, message);
    auto reply = real.run(next());
    REQUIRE(reply);
    return *reply;
  }

  testing::RealEnv real;
  store::TemporaryDirectory folder;
  std::unique_ptr<net::Core> slow;
  std::array<net::Env*, 1> workers{&real.env};
  Nameserver nameserver{
      real.env,
      workers,
      {},
      {.now = [](auto) { return config::ServiceStatus(); }, .epoch = [](auto) { return std::uint64_t{0}; }}};
  net::Address at;
  net::Address from;
  std::unique_ptr<net::Datagrams> socket;
  std::vector<dnsupdate::UpdateRequest> updates;
};

constexpr const char* kKey = "{kind: Secret, metadata: {name: k}, spec: {values: {secret: c2VjcmV0}}}";

TEST_CASE("a file alone gives no copies; one under a Zone is a new version when it changes, and is told of") {
  World world;
  world.write(1, "www 60 A 192.0.2.1\n");
  world.wait_serial(1);
  CHECK(fixture::show(world.ask(fixture::query("a.example.", "AXFR"))) == "REFUSED\n");
  CHECK(world.real.log.text().contains("there is no Zone of that name, or it has no spec.transfers"));
  world.apply(
      {"{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], transfers: {networks: "
       "[127.0.0.0/8], notify: ['" +
       world.socket->address().to_string() + "']}}}"});
  world.wait_serial(6);
  for (const int serial : {2, 3}) {
    auto notice = world.real.run(world.next());
    REQUIRE(notice);
    CHECK(dns::opcode_of(dns::load_u16(notice->data() + 2)) == dns::Opcode::kNotify);
    CHECK(fixture::show(*notice).contains(" SOA ns1.a.example. host"));
    notice->at(2) |= 0x80;
    world.socket->send({.peer = world.from, .local = {}}, *notice);
    world.write(serial, "www 60 A 192.0.2." + std::to_string(serial) + "\n");
    world.wait_serial(static_cast<std::uint32_t>(5 + serial));
  }
  const auto zone = world.nameserver.catalogue().view()->zones().all().front();
  const auto* rules = world.nameserver.catalogue().view()->rules().find(zone->apex());
  REQUIRE(rules != nullptr);
  REQUIRE(rules->history);
  CHECK(rules->history->since(6).size() == 2);
}

TEST_CASE("who carries out an update is given what the zone's file has") {
  World world;
  world.write(1, "www 60 A 192.0.2.1\n");
  world.apply(
      {kKey, "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], updates: [{key: k}]}}"});
  world.wait_serial(6);
  for (const char* zone : {"A.Example.", "b.example."}) {
    Octets update = fixture::query(zone, "SOA");
    update[2] = 0x28;
    const std::size_t bytes = update.size();
    update.resize(bytes + dns::kTsigBytesMax);
    const auto since = world.real.clock.wall_now().time_since_epoch();
    dns::TsigChain chain(*dnspeer::tsig_key_of("k", {.values = {{"secret", "c2VjcmV0"}}}));
    update.resize(chain.sign(
        update, bytes,
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count())));
    (void)world.ask(update);
  }
  REQUIRE(world.updates.size() == 2);
  REQUIRE(world.updates[0].file);
  CHECK(world.updates[0].file->serial() == 1);
  CHECK(world.updates[1].file == nullptr);
}

}  // namespace
}  // namespace weir::nameserver
