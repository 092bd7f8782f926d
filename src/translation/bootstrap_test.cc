// golden/bootstrap*.json, which lab/black_box/test_envoy.py gives to the real Envoy. WEIR_WRITE_GOLDEN=1
// writes them anew.
#include "translation/bootstrap.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "translation/golden_fixture.h"

namespace weir::translation {
namespace {

void check_golden(const std::string& name, const Bootstrap& from) {
  const auto path = repository() / "src" / "translation" / "golden" / name;
  const std::string wanted = envoy_bootstrap(from);
  if (std::getenv("WEIR_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << wanted;
  const bool same = read_file(path) == wanted;
  CHECK_MESSAGE(same, name, " is stale; look at WEIR_WRITE_GOLDEN=1 translation_test");
}

TEST_CASE("an Envoy's bootstrap, as golden/ has it") {
  Bootstrap from{.node = "fra-1",
                 .labels = {{"stage", "canary"}, {"team", "web"}},
                 .controllers = {*config::parse_address("controller.example:18000"),
                                 *config::parse_address("[::1]:18000")}};
  from.where.provider = "hetzner";
  from.where.region = "eu-central";
  from.where.city = "fra";
  check_golden("bootstrap-plain.json", from);

  from.server_names = {"controller.example", "::1"};
  from.ca = {PemSource::Kind::kFile, "/etc/weir/ca.pem"};
  from.certificate = {PemSource::Kind::kFile, "/etc/weir/node.pem"};
  from.private_key = {PemSource::Kind::kFile, "/etc/weir/node.key"};
  from.admin_port = 0;
  check_golden("bootstrap-tls.json", from);

  from.certificate = from.private_key = {};
  from.identity_path = "/etc/weir/identity.json";
  check_golden("bootstrap-renewed.json", from);
}

TEST_CASE("an identity is a Secret by the name that the bootstrap asks for") {
  const auto json = nlohmann::json::parse(envoy_identity("chain", "key"));
  const auto& secret = json.at("resources").at(0);
  const Bootstrap from{
      .node = "fra-1", .ca = {PemSource::Kind::kInline, "ca"}, .identity_path = "/etc/weir/identity.json"};
  CHECK(envoy_bootstrap(from).contains("\"name\": " + secret.at("name").dump()));
  CHECK(secret.at("tls_certificate").at("certificate_chain").at("inline_string") == "chain");
  CHECK(secret.at("tls_certificate").at("private_key").at("inline_string") == "key");
}

}  // namespace
}  // namespace weir::translation
