#include "cloud/metadata.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cloud/json.h"
#include "net/network.h"
#include "net/task_group.h"

namespace weir::cloud {
namespace {

struct Place {
  std::string_view provider;
  std::string_view region;
  std::string_view city;
};
constexpr std::array kPlaces{
    Place{"aws", "eu-central-1", "frankfurt"},    Place{"aws", "eu-west-1", "dublin"},
    Place{"aws", "eu-west-2", "london"},          Place{"aws", "eu-west-3", "paris"},
    Place{"aws", "eu-north-1", "stockholm"},      Place{"aws", "eu-south-1", "milan"},
    Place{"aws", "us-east-1", "ashburn"},         Place{"aws", "us-east-2", "columbus"},
    Place{"aws", "us-west-1", "san-jose"},        Place{"aws", "us-west-2", "portland"},
    Place{"aws", "ca-central-1", "montreal"},     Place{"aws", "sa-east-1", "sao-paulo"},
    Place{"aws", "ap-northeast-1", "tokyo"},      Place{"aws", "ap-southeast-1", "singapore"},
    Place{"aws", "ap-southeast-2", "sydney"},     Place{"aws", "ap-south-1", "mumbai"},
    Place{"gcp", "europe-west1", "st-ghislain"},  Place{"gcp", "europe-west2", "london"},
    Place{"gcp", "europe-west3", "frankfurt"},    Place{"gcp", "europe-west4", "eemshaven"},
    Place{"gcp", "europe-north1", "hamina"},      Place{"gcp", "us-central1", "council-bluffs"},
    Place{"gcp", "us-east1", "moncks-corner"},    Place{"gcp", "us-east4", "ashburn"},
    Place{"gcp", "us-west1", "the-dalles"},       Place{"gcp", "asia-northeast1", "tokyo"},
    Place{"gcp", "asia-southeast1", "jurong"},    Place{"azure", "westeurope", "amsterdam"},
    Place{"azure", "northeurope", "dublin"},      Place{"azure", "germanywestcentral", "frankfurt"},
    Place{"azure", "uksouth", "london"},          Place{"azure", "francecentral", "paris"},
    Place{"azure", "eastus", "boydton"},          Place{"azure", "westus2", "quincy"},
    Place{"azure", "southeastasia", "singapore"}, Place{"azure", "japaneast", "tokyo"},
    Place{"digitalocean", "fra1", "frankfurt"},   Place{"digitalocean", "ams3", "amsterdam"},
    Place{"digitalocean", "lon1", "london"},      Place{"digitalocean", "nyc1", "new-york"},
    Place{"digitalocean", "nyc3", "new-york"},    Place{"digitalocean", "sfo3", "san-francisco"},
    Place{"digitalocean", "sgp1", "singapore"},   Place{"digitalocean", "tor1", "toronto"},
    Place{"digitalocean", "blr1", "bangalore"},   Place{"digitalocean", "syd1", "sydney"},
    Place{"hetzner", "fsn1", "falkenstein"},      Place{"hetzner", "nbg1", "nuremberg"},
    Place{"hetzner", "hel1", "helsinki"},         Place{"hetzner", "ash", "ashburn"},
    Place{"hetzner", "hil", "hillsboro"},         Place{"hetzner", "sin", "singapore"},
    Place{"joyent", "us-east-1", "ashburn"},      Place{"joyent", "us-west-1", "emeryville"},
    Place{"joyent", "us-sw-1", "las-vegas"},      Place{"joyent", "eu-ams-1", "amsterdam"},
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// One cloud's service: its answers, as far as they are of use.
class Asker {
 public:
  Asker(net::Env& env, const Url& url)
      : client_(env, {.url = url,
                      .context = nullptr,
                      .gap_min = {},
                      .prepare = nullptr,
                      .connect_timeout = kMetadataConnectTimeout,
                      .answer_timeout = kMetadataAnswerTimeout,
                      .answer_bytes_max = kMetadataBytesMax,
                      .tries_max = 1}) {}

  // Empty: there is none.
  net::Task<std::string> get(std::string path, Fields fields = {}, std::string query = {},
                             http::Method method = http::Method::kGet) {
    Call call{.method = method,
              .path = std::move(path),
              .query = std::move(query),
              .fields = std::move(fields),
              .content_type = {},
              .content = {}};
    const auto answer = co_await client_.ask(std::move(call));
    if (!answer || answer->status != 200) co_return std::string();
    co_return answer->content;
  }

 private:
  HttpClient client_;
};

std::string address(std::string_view text) {
  const std::string plain = plain_word(text);
  return net::Address::parse_ip(plain, 0) ? plain : std::string();
}
std::string word_at(const Tree* tree, const char* field) {
  if (tree == nullptr) return {};
  if (const auto number = number_at(*tree, field)) return std::to_string(*number);
  return plain_word(text_at(*tree, field));
}
std::string address_at(const Tree* tree, const char* field) {
  return tree == nullptr ? std::string() : address(text_at(*tree, field));
}
const Tree* below(const Tree* tree, const char* field) {
  return tree == nullptr ? nullptr : field_at(*tree, field);
}
// The first of a list.
const Tree* first_of(const Tree* tree, const char* field) {
  const Tree* list = tree == nullptr ? nullptr : list_at(*tree, field);
  return list == nullptr || list->empty() ? nullptr : &list->front();
}

// --- the clouds; a machine without a provider: it is not there

// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html: version 2
net::Task<Machine> ask_aws(net::Env& env, Url url) {
  Asker asker(env, url);
  const std::string token = plain_word(co_await asker.get(
      "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}}, {}, http::Method::kPut));
  if (token.empty()) co_return Machine{};
  const Fields shown{{"X-aws-ec2-metadata-token", token}};
  const Tree document = parse_json(co_await asker.get("/latest/dynamic/instance-identity/document", shown));
  Machine machine{.provider = "aws",
                  .region = word_at(&document, "region"),
                  .zone = word_at(&document, "availabilityZone"),
                  .city = {},
                  .instance = word_at(&document, "instanceId"),
                  .private_address = address_at(&document, "privateIp"),
                  .public_address = {}};
  if (machine.instance.empty()) co_return Machine{};
  machine.public_address = address(co_await asker.get("/latest/meta-data/public-ipv4", shown));
  co_return machine;
}

// https://cloud.google.com/compute/docs/metadata/querying-metadata
net::Task<Machine> ask_gcp(net::Env& env, Url url) {
  Asker asker(env, url);
  const Tree tree = parse_json(
      co_await asker.get("/computeMetadata/v1/instance/", {{"Metadata-Flavor", "Google"}}, "recursive=true"));
  const std::string whole = word_at(&tree, "zone");  // projects/1/zones/europe-west3-b
  const std::string zone = whole.substr(whole.rfind('/') + 1);
  const Tree* interface = first_of(&tree, "networkInterfaces");
  const std::string id = word_at(&tree, "id");
  if (id.empty() || whole.find("/zones/") == std::string::npos) co_return Machine{};
  co_return Machine{.provider = "gcp",
                    .region = zone.substr(0, zone.rfind('-')),
                    .zone = zone,
                    .city = {},
                    .instance = id,
                    .private_address = address_at(interface, "ip"),
                    .public_address = address_at(first_of(interface, "accessConfigs"), "externalIp")};
}

// https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
net::Task<Machine> ask_azure(net::Env& env, Url url) {
  Asker asker(env, url);
  const Tree tree =
      parse_json(co_await asker.get("/metadata/instance", {{"Metadata", "true"}}, "api-version=2021-02-01"));
  const Tree* compute = below(&tree, "compute");
  const Tree* interface = first_of(below(&tree, "network"), "interface");
  const Tree* v4 = first_of(below(interface, "ipv4"), "ipAddress");
  const std::string id = word_at(compute, "vmId");
  if (id.empty()) co_return Machine{};
  co_return Machine{.provider = "azure",
                    .region = word_at(compute, "location"),
                    .zone = word_at(compute, "zone"),
                    .city = {},
                    .instance = id,
                    .private_address = address_at(v4, "privateIpAddress"),
                    .public_address = address_at(v4, "publicIpAddress")};
}

// https://docs.digitalocean.com/reference/api/metadata
net::Task<Machine> ask_digitalocean(net::Env& env, Url url) {
  Asker asker(env, url);
  const Tree tree = parse_json(co_await asker.get("/metadata/v1.json"));
  const Tree* interfaces = below(&tree, "interfaces");
  const std::string id = word_at(&tree, "droplet_id");
  if (id.empty()) co_return Machine{};
  co_return Machine{
      .provider = "digitalocean",
      .region = word_at(&tree, "region"),
      .zone = {},
      .city = {},
      .instance = id,
      .private_address = address_at(below(first_of(interfaces, "private"), "ipv4"), "ip_address"),
      .public_address = address_at(below(first_of(interfaces, "public"), "ipv4"), "ip_address")};
}

// "- ip: 10.0.0.2" of a list of networks in YAML.
std::string first_ip(std::string_view yaml) {
  constexpr std::string_view kField = "ip: ";
  const std::size_t at = yaml.find(kField);
  if (at == std::string_view::npos) return {};
  yaml.remove_prefix(at + kField.size());
  return address(yaml.substr(0, yaml.find('\n')));
}

// https://docs.hetzner.cloud/reference/cloud#server-metadata
net::Task<Machine> ask_hetzner(net::Env& env, Url url) {
  constexpr const char* kBase = "/hetzner/v1/metadata/";
  Asker asker(env, url);
  const std::string id = plain_word(co_await asker.get(std::string(kBase) + "instance-id"));
  if (id.empty()) co_return Machine{};
  const std::string zone =
      plain_word(co_await asker.get(std::string(kBase) + "availability-zone"));  // fsn1-dc14
  co_return Machine{.provider = "hetzner",
                    .region = zone.substr(0, zone.find('-')),
                    .zone = zone,
                    .city = {},
                    .instance = id,
                    .private_address = first_ip(co_await asker.get(std::string(kBase) + "private-networks")),
                    .public_address = address(co_await asker.get(std::string(kBase) + "public-ipv4"))};
}

// https://docs.openstack.org/nova/latest/user/metadata.html
net::Task<Machine> ask_openstack(net::Env& env, Url url) {
  Asker asker(env, url);
  const Tree tree = parse_json(co_await asker.get("/openstack/latest/meta_data.json"));
  const std::string id = word_at(&tree, "uuid");
  if (id.empty()) co_return Machine{};
  co_return Machine{.provider = "openstack",
                    .region = {},
                    .zone = word_at(&tree, "availability_zone"),
                    .city = {},
                    .instance = id,
                    .private_address = address(co_await asker.get("/latest/meta-data/local-ipv4")),
                    .public_address = address(co_await asker.get("/latest/meta-data/public-ipv4"))};
}

// Some clouds also answer as others do: the first of these that does is it.
constexpr std::array kAskers{ask_aws, ask_gcp, ask_azure, ask_digitalocean, ask_hetzner, ask_openstack};

net::Task<void> keep(net::Task<Machine> asking, Machine& to) { to = co_await std::move(asking); }

}  // namespace

std::string plain_word(std::string_view text) {
  constexpr std::size_t kBytesMax = 253;
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  return plain && text.size() <= kBytesMax ? std::string(text) : std::string();
}

std::string_view city_of(std::string_view provider, std::string_view region) {
  const auto* found = std::ranges::find_if(
      kPlaces, [&](const Place& place) { return place.provider == provider && place.region == region; });
  return found == kPlaces.end() ? std::string_view() : found->city;
}

net::Task<std::expected<Machine, std::string>> find_machine(net::Env& env, Url url, Duration wait) {
  const Instant end = env.loop.now() + wait;
  do {
    std::array<Machine, kAskers.size()> machines;
    net::TaskGroup tasks(env.loop);
    for (std::size_t i = 0; i < kAskers.size(); ++i) tasks.spawn(keep(kAskers[i](env, url), machines[i]));
    co_await tasks.join();
    for (Machine& machine : machines) {
      if (machine.provider.empty()) continue;
      machine.city = city_of(machine.provider, machine.region);
      co_return std::move(machine);
    }
  } while (env.loop.now() < end && co_await env.loop.sleep(kMetadataPause));
  co_return std::unexpected("no cloud that is known here answers at " + url.authority +
                            " (aws, gcp, azure, digitalocean, hetzner, openstack)");
}

}  // namespace weir::cloud
