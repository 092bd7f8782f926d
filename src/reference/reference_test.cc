// The committed description and reference must be what the tables say. WEIR_WRITE_DOCS=1 writes them anew.
#include "reference/reference.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "config/kinds.h"
#include "config/schema.h"

namespace weir::reference {
namespace {

using config::Field;
using config::find_kind;
using config::KindInfo;
using config::kKinds;
using config::metadata_type;
using config::Type;

using Tree = nlohmann::ordered_json;

// The version in the committed file: a release does not make it stale.
constexpr std::string_view kVersion = "1";

// The docs folder of the repository, looked for upwards from where the test runs (a build folder within it).
std::filesystem::path docs_folder() {
  for (auto folder = std::filesystem::current_path(); folder != folder.root_path();
       folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "src" / "LAYERS")) return folder / "docs";
  }
  return {};
}

void check_file(const std::string& name, const std::string& wanted) {
  const std::filesystem::path folder = docs_folder();
  REQUIRE_MESSAGE(!folder.empty(), "run it from within the repository");
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(folder / name, std::ios::binary) << wanted;
  std::ifstream file(folder / name, std::ios::binary);
  const std::string found((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const bool current = found == wanted;
  CHECK_MESSAGE(current, "docs/", name, " is stale; write it with WEIR_WRITE_DOCS=1 reference_test");
}

TEST_CASE("docs/openapi.json is what the tables say") { check_file("openapi.json", openapi(kVersion)); }
TEST_CASE("docs/kinds.md is what the tables say") { check_file("kinds.md", kind_reference()); }

void collect_references(const Tree& tree, std::set<std::string>& references) {
  if (tree.is_object() && tree.contains("$ref")) references.insert(tree["$ref"].get<std::string>());
  if (!tree.is_structured()) return;
  for (const Tree& item : tree) collect_references(item, references);
}

TEST_CASE("the OpenAPI document holds together") {
  const Tree document = Tree::parse(openapi("1.2.3"));
  CHECK(document["info"]["version"] == "1.2.3");
  std::set<std::string> references;
  collect_references(document, references);
  CHECK(references.size() > 20);
  for (const std::string& reference : references) {
    CAPTURE(reference);
    CHECK(document.contains(Tree::json_pointer(reference.substr(1))));
  }
  for (const KindInfo& kind : kKinds) {
    const std::string path = "/v1/" + std::string(kind.plural);
    CHECK(document["paths"][path].contains("get"));
    CHECK(document["paths"][path].contains("post") == kind.client_writes);
    CHECK(document["paths"][path + "/{name}"].contains("put") == kind.client_writes);
  }
  std::set<std::string> ids;
  std::size_t operations = 0;
  for (const Tree& path : document["paths"]) {
    for (const Tree& operation : path) {
      if (!operation.is_object()) continue;
      ids.insert(operation["operationId"].get<std::string>());
      ++operations;
    }
  }
  CHECK(ids.size() == operations);
}

TEST_CASE("the schemas say what the tables say") {
  const Tree schemas = Tree::parse(openapi("1"))["components"]["schemas"];
  CHECK(schemas["StaticEndpoint"] ==
        Tree::parse(
            R"({"type":"object","additionalProperties":false,"required":["address"],"properties":{)"
            R"("address":{"type":"string","minLength":1,"maxLength":260,)"
            R"("description":"host:port; the host is an IPv4 address, an [IPv6] address or a DNS name"},)"
            R"("weight":{"type":"integer","format":"int64","minimum":0,"maximum":1000,)"
            R"("description":"share of the requests, relative to the others; 0 drains it","default":1},)"
            R"("priority":{"type":"integer","format":"int64","minimum":0,"maximum":15,)"
            R"("description":"lower ones serve first, higher ones only when no lower one can",)"
            R"("default":0},)"
            R"("zone":{"type":"string","maxLength":63,)"
            R"("description":"where it is: edges of the region of that name prefer it"}}})"));
  CHECK(schemas["HealthCheck"]["properties"]["interval"]["default"] == "5s");
  CHECK(schemas["HealthCheck"]["properties"]["http"]["$ref"] == "#/components/schemas/HttpCheck");
  CHECK(schemas["Backend"]["required"] == Tree::parse(R"(["service"])"));
  CHECK(schemas["UpstreamTls"]["properties"]["insecure_skip_verify"]["type"] == "boolean");
  CHECK(schemas["ServiceSpec"]["properties"]["balance"]["enum"] ==
        Tree::parse(R"(["ROUND_ROBIN","LEAST_REQUEST","RANDOM","RING_HASH","MAGLEV"])"));
  CHECK(schemas["Metadata"]["properties"]["uid"]["readOnly"] == true);
  CHECK_FALSE(schemas["TokenSpec"]["properties"].contains("hash"));
  CHECK(schemas["SecretSpec"]["properties"]["values"]["writeOnly"] == true);
  CHECK(schemas["Token"]["properties"]["secret"]["readOnly"] == true);
  CHECK_FALSE(schemas["Service"]["properties"].contains("secret"));
}

TEST_CASE("every field of every kind has one line of documentation") {
  const auto walk = [](const auto& self, const Type& type) -> void {
    for (const Field& field : type.fields) {
      CAPTURE(field.name);
      CHECK_FALSE(field.doc.empty());
      CHECK_FALSE(field.doc.ends_with('.'));
      CHECK_FALSE(field.doc.contains('|'));  // it stands in a table of Markdown
      CHECK((field.refers_to.empty() || find_kind(field.refers_to) != nullptr));
      CHECK(field.min <= field.max);
      self(self, field.type->element == nullptr ? *field.type : *field.type->element);
    }
  };
  walk(walk, metadata_type());
  for (const KindInfo& kind : kKinds) walk(walk, *kind.spec);
}

TEST_CASE("explain") {
  CHECK(
      explain("service.spec.retries") ==
      "Service.spec.retries: what happens to a request that an endpoint failed\n"
      "  object\n"
      "\n"
      "  attempts            whole number, 0 to 5; default 2\n"
      "                      further attempts on other endpoints after a failed one\n"
      "  budget_percent      whole number, 0 to 100; default 20\n"
      "                      retries may be this share of the requests\n"
      "  on_statuses[]       list of up to 16: status or range of them\n"
      "                      answers that are not passed on while another attempt can be made, each like 503 "
      "or "
      "\"502-504\"\n"
      "  on_grpc_statuses[]  list of up to 5: CANCELLED or DEADLINE_EXCEEDED or RESOURCE_EXHAUSTED or "
      "INTERNAL or "
      "UNAVAILABLE\n"
      "                      calls of gRPC that are answered with one of these before any message are made "
      "again, while another attempt can be made; with non_idempotent only, as each is a POST\n"
      "  per_try_timeout     duration, 10ms to 1h\n"
      "                      of one attempt, from connecting to the head of the response; then the next is "
      "made, and request_timeout holds for all of them\n"
      "  non_idempotent      true or false; default false\n"
      "                      true: also POST and PATCH, which an endpoint may then have acted upon twice\n");
  CHECK(explain("services.spec.balance") ==
        "Service.spec.balance: how an endpoint is chosen for a request\n"
        "  ROUND_ROBIN or LEAST_REQUEST or RANDOM or RING_HASH or MAGLEV; default ROUND_ROBIN\n");
  CHECK(explain("LoadBalancer.spec.listeners[].port") ==
        "LoadBalancer.spec.listeners.port: a port of its own; absent: the shared port of the protocol, and "
        "for TCP "
        "and TLS one that is handed out\n"
        "  whole number, 1 to 65535\n");
  CHECK(explain("token")->contains("  spec.expires_at     time (RFC 3339)\n"));
  CHECK_FALSE(explain("token")->contains("hash"));
  const auto problem = [](const char* path) { return to_text(explain(path).error()); };
  CHECK(problem("servce") == "no kind \"servce\"; did you mean Service?");
  CHECK(problem("") == "no kind \"\"");
  CHECK(problem("service.spec.retires") ==
        "Service.spec: unknown field \"retires\"; did you mean \"retries\"?");
  CHECK(problem("service.spec.balance.x") ==
        "Service.spec.balance: unknown field \"x\"; there are none here");
}

}  // namespace
}  // namespace weir::reference
