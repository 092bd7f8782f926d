#include "cloud/metadata.h"

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "cloud/client_fixture.h"
#include "http/server.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;
using Answers = std::map<std::string, std::string, std::less<>>;  // "GET /path?query field: value": content

// A cloud that has these answers, and 404 for all else.
class Cloud final : public http::Service {
 public:
  explicit Cloud(Answers answers) : answers_(std::move(answers)) {}

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    std::string asked = std::string(request.head.method_text) + ' ' + std::string(request.head.path);
    if (!request.head.query.empty()) asked += '?' + std::string(request.head.query);
    for (const char* name : {"X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds",
                             "Metadata-Flavor", "Metadata"}) {
      if (const auto* field = find(request.head.fields, name); field != nullptr) {
        asked += ' ' + std::string(name) + ": " + std::string(field->value);
      }
    }
    const auto found = answers_.find(asked);
    const bool known = found != answers_.end();
    co_return http::ResponsePtr(std::make_unique<http::TextResponse>(known ? 200 : 404, "text/plain",
                                                                     known ? found->second : "Not Found"));
  }

 private:
  static const http::Field* find(const http::Fields& fields, std::string_view name) {
    for (const http::Field& field : fields) {
      if (equal_ignoring_case(field.name, name)) return &field;
    }
    return nullptr;
  }
  Answers answers_;
};

net::Task<void> stop(http::Server& server) {
  server.drain();
  server.cut();
  co_await server.join();
}

std::expected<Machine, std::string> machine_in(Answers answers) {
  FakeEnv fake;
  Cloud cloud(std::move(answers));
  http::Server server(fake.env, cloud, {});
  server.listen(*fake.network.listen(*net::Address::parse("169.254.169.254:80")));
  const auto found = fake.run(find_machine(fake.env, *Url::parse(kMetadataUrl)), std::chrono::seconds(30));
  REQUIRE(found);
  CHECK(fake.run(stop(server), std::chrono::seconds(30)));
  return *found;
}

const Answers kAws{{"PUT /latest/api/token X-aws-ec2-metadata-token-ttl-seconds: 60", "T=="},
                   {"GET /latest/dynamic/instance-identity/document X-aws-ec2-metadata-token: T==",
                    R"({"instanceId":"i-1","region":"eu-central-1","availabilityZone":"eu-central-1b",
     "privateIp":"10.0.0.4"})"},
                   {"GET /latest/meta-data/public-ipv4 X-aws-ec2-metadata-token: T==", "198.51.100.4"}};
const Answers kOpenStack{
    {"GET /openstack/latest/meta_data.json", R"({"uuid":"u-1","availability_zone":"nova"})"},
    {"GET /latest/meta-data/local-ipv4", "10.0.0.9"},
    {"GET /latest/meta-data/public-ipv4", ""}};

TEST_CASE("what each cloud says of a machine") {
  CHECK(machine_in(kAws) ==
        Machine{"aws", "eu-central-1", "eu-central-1b", "frankfurt", "i-1", "10.0.0.4", "198.51.100.4"});
  CHECK(machine_in(
            {{"GET /computeMetadata/v1/instance/?recursive=true Metadata-Flavor: Google",
              R"({"id":123,"zone":"projects/1/zones/europe-west3-b","networkInterfaces":[{"ip":"10.0.0.5",)"
              R"("accessConfigs":[{"externalIp":"198.51.100.5"}]}]})"}}) ==
        Machine{"gcp", "europe-west3", "europe-west3-b", "frankfurt", "123", "10.0.0.5", "198.51.100.5"});
  CHECK(
      machine_in(
          {{"GET /metadata/instance?api-version=2021-02-01 Metadata: true",
            R"({"compute":{"location":"westeurope","vmId":"v-1","zone":"2"},"network":{"interface":[{"ipv4":)"
            R"({"ipAddress":[{"privateIpAddress":"10.0.0.6","publicIpAddress":"198.51.100.6"}]}}]}})"}}) ==
      Machine{"azure", "westeurope", "2", "amsterdam", "v-1", "10.0.0.6", "198.51.100.6"});
  CHECK(machine_in({{"GET /metadata/v1.json", R"({"droplet_id":7,"region":"fra1","interfaces":{)"
                                              R"("public":[{"ipv4":{"ip_address":"198.51.100.7"}}],)"
                                              R"("private":[{"ipv4":{"ip_address":"10.0.0.7"}}]}})"}}) ==
        Machine{"digitalocean", "fra1", "", "frankfurt", "7", "10.0.0.7", "198.51.100.7"});
  CHECK(machine_in({{"GET /hetzner/v1/metadata/instance-id", "8"},
                    {"GET /hetzner/v1/metadata/availability-zone", "fsn1-dc14"},
                    {"GET /hetzner/v1/metadata/public-ipv4", "198.51.100.8\n"},
                    {"GET /hetzner/v1/metadata/private-networks", "- ip: 10.0.0.8\n  alias_ips: []\n"}}) ==
        Machine{"hetzner", "fsn1", "fsn1-dc14", "falkenstein", "8", "10.0.0.8", "198.51.100.8"});
  CHECK(machine_in(kOpenStack) == Machine{"openstack", "", "nova", "", "u-1", "10.0.0.9", ""});
}

TEST_CASE("a cloud that also answers as another does is what it is") {
  Answers both = kAws;
  both.insert(kOpenStack.begin(), kOpenStack.end());
  CHECK(machine_in(both)->provider == "aws");
}

TEST_CASE("what is no answer is none") {
  const std::string nobody =
      "no cloud that is known here answers at 169.254.169.254 (aws, gcp, azure, digitalocean, hetzner, "
      "openstack)";
  CHECK(machine_in({}).error() == nobody);
  CHECK(machine_in({{"GET /metadata/v1.json", "{}"}}).error() == nobody);
  CHECK(machine_in({{"GET /metadata/v1.json", "<html>"}}).error() == nobody);
  CHECK(machine_in({{"GET /hetzner/v1/metadata/instance-id", "two words"}}).error() == nobody);
  CHECK(machine_in({{"GET /metadata/v1.json", std::string(kMetadataBytesMax + 1, ' ')}}).error() == nobody);
  // Without what is not as it should be.
  const auto machine =
      machine_in({{"GET /metadata/v1.json", R"({"droplet_id":7,"region":"a b","interfaces":{"public":)"
                                            R"([{"ipv4":{"ip_address":"`reboot`"}}]
}
})"}});
  CHECK(machine == Machine{"digitalocean", "", "", "", "7", "", ""});
}

TEST_CASE("where nobody is, that is found out soon") {
  FakeEnv fake;
  fake.network.blackhole(*net::Address::parse("169.254.169.254:80"));
  UnderWay<std::expected<Machine, std::string>> found(fake,
                                                      find_machine(fake.env, *Url::parse(kMetadataUrl)));
  CHECK_FALSE(found.result);
  fake.advance(kMetadataConnectTimeout + std::chrono::milliseconds(100));
  REQUIRE(found.result);
  CHECK_FALSE(*found.result);
}

TEST_CASE("a network that comes up late is waited for") {
  FakeEnv fake;
  const net::Address at = *net::Address::parse("169.254.169.254:80");
  fake.network.blackhole(at);
  UnderWay<std::expected<Machine, std::string>> found(
      fake, find_machine(fake.env, *Url::parse(kMetadataUrl), std::chrono::seconds(5)));
  fake.advance(kMetadataConnectTimeout + std::chrono::milliseconds(100));
  CHECK_FALSE(found.result);
  fake.network.blackhole(at, false);
  Cloud cloud(kAws);
  http::Server server(fake.env, cloud, {});
  server.listen(*fake.network.listen(at));
  fake.advance(kMetadataConnectTimeout + kMetadataPause);
  REQUIRE(found.result);
  REQUIRE(*found.result);
  CHECK((*found.result)->instance == "i-1");
  CHECK(fake.run(stop(server), std::chrono::seconds(30)));
}

TEST_CASE("cities") {
  CHECK(city_of("aws", "eu-central-1") == "frankfurt");
  CHECK(city_of("gcp", "eu-central-1").empty());
  CHECK(city_of("", "").empty());
}

}  // namespace
}  // namespace weir::cloud
