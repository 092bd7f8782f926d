#include "config/object.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::config {
namespace {

Object parse(const std::string& json) {
  auto object = parse_object(json, Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
  return std::move(*object);
}

std::string diff_text(const std::string& before, const std::string& after) {
  std::string text;
  for (const Change& change : diff(parse(before), parse(after))) {
    text += change.path + ": " + change.before + " -> " + change.after + '\n';
  }
  return text;
}

std::string service(const std::string& spec, const std::string& metadata = "") {
  return R"({"kind":"Service","metadata":{"name":"a")" + metadata + R"(},"spec":{)" + spec + "}}";
}

TEST_CASE("a diff names the fields that change, and only those") {
  CHECK(diff_text(service(""), service("")) == "");
  CHECK(diff_text(service(""), service(R"("balance":"ROUND_ROBIN","request_timeout":"60s")")) ==
        "");  // the defaults
  CHECK(diff_text(service("", R"(,"revision":1,"uid":"x")"), service("", R"(,"revision":2)")) == "");
  CHECK(diff_text(service(R"("balance":"RANDOM","retries":{"attempts":1})"), service("")) ==
        "spec.balance: \"RANDOM\" -> \"ROUND_ROBIN\"\nspec.retries.attempts: 1 -> 2\n");
  CHECK(diff_text(service(R"("endpoints":[{"address":"a:1"},{"address":"b:1"}])"),
                  service(R"("endpoints":[{"address":"a:1","weight":2}])")) ==
        "spec.endpoints[0].weight: 1 -> 2\n"
        "spec.endpoints[1]: {\"address\":\"b:1\",\"weight\":1,\"priority\":0} -> \n");
  CHECK(diff_text(service(""), service(R"("endpoints":[{"address":"a:1"}])")) ==
        "spec.endpoints[0]:  -> {\"address\":\"a:1\",\"weight\":1,\"priority\":0}\n");
  CHECK(diff_text(service(R"("health_check":{"tcp":{}})"), service(R"("health_check":{"http":{}})")) ==
        "spec.health_check.http:  -> {\"path\":\"/\",\"expected_statuses\":[\"200-399\"]}\n"
        "spec.health_check.tcp: {} -> \n");
  CHECK(diff_text(service(R"("health_check":{"http":{"expected_statuses":[200]}})"),
                  service(R"("health_check":{"http":{"expected_statuses":[200,204]}})")) ==
        "spec.health_check.http.expected_statuses: [200] -> [200,204]\n");
  CHECK(diff_text(service("", R"(,"labels":{"a":"1","b":"2"})"),
                  service("", R"(,"labels":{"b":"3","c":"4"})")) ==
        "metadata.labels.a: \"1\" -> \nmetadata.labels.b: \"2\" -> \"3\"\nmetadata.labels.c:  -> \"4\"\n");
}

TEST_CASE("a diff never shows a secret") {
  const std::string text =
      diff_text(R"({"kind":"Token","metadata":{"name":"a"},"spec":{"hash":"abc"}})",
                R"({"kind":"Token","metadata":{"name":"a"},"spec":{"hash":"def","role":"admin"}})");
  CHECK(text == "spec.role: \"viewer\" -> \"admin\"\nspec.hash: \"(secret)\" -> \"(secret)\"\n");
}

}  // namespace
}  // namespace weir::config
