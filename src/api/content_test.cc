#include "api/content.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::api {
namespace {

constexpr const char* kWeb = R"({"kind":"Service","metadata":{"name":"web"},"spec":{}})";

Answer<std::vector<Intent>> of(Verb verb, const char* path, const std::string& content,
                               Media media = Media::kJson) {
  const auto target = find_target(path);
  REQUIRE(target);
  return object_intents(verb, *target, media, content, {});
}

TEST_CASE("one object, as JSON or YAML") {
  const auto json = of(Verb::kCreate, "/v1/services", kWeb);
  REQUIRE(json);
  CHECK(json->front().name == "web");
  const auto yaml =
      of(Verb::kReplace, "/v1/services/web", "kind: Service\nmetadata: {name: web}\n", Media::kYaml);
  REQUIRE(yaml);
  CHECK(yaml->front().wanted == json->front().wanted);
  CHECK(of(Verb::kDelete, "/v1/services/web", "whatever")->front().name == "web");
}

TEST_CASE("what is no object is refused: 400 for what can't be read, 422 for what is wrong in it") {
  struct Line {
    const char* content;
    Media media;
    int status;
    const char* field;
  };
  for (const Line& line : std::initializer_list<Line>{
           {"", Media::kJson, 400, nullptr},
           {"{", Media::kJson, 400, ""},
           {"\xff\xfe", Media::kJson, 400, ""},
           {"[]", Media::kJson, 422, ""},
           {"{}", Media::kJson, 422, "kind"},
           {R"({"kind":"Edge","metadata":{"name":"web"}})", Media::kJson, 422, "kind"},
           {R"({"kind":"Service","metadata":{"name":"other"}})", Media::kJson, 422, "metadata.name"},
           {"a: [", Media::kYaml, 400, ""},
           {"# nothing\n", Media::kYaml, 400, nullptr},
           {"kind: Service\n---\nkind: Service\n", Media::kYaml, 400, nullptr},
       }) {
    CAPTURE(line.content);
    const auto intents = of(Verb::kReplace, "/v1/services/web", line.content, line.media);
    REQUIRE_FALSE(intents);
    CHECK(intents.error().status == line.status);
    CHECK(intents.error().violations.empty() == (line.field == nullptr));
    if (line.field != nullptr) CHECK(intents.error().violations[0].field == line.field);
  }
}

TEST_CASE("many objects in every form that apply takes") {
  const std::string list = "[" + std::string(kWeb) + R"(,{"kind":"Service","metadata":{"name":"api"}}])";
  const std::string wrapped = R"({"objects":)" + list + "}";
  for (const auto& [media, content] : std::initializer_list<std::pair<Media, std::string>>{
           {Media::kJson, list},
           {Media::kJson, wrapped},
           {Media::kYaml, list},
           {Media::kYaml, wrapped},
           {Media::kYaml,
            "kind: Service\nmetadata: {name: web}\n---\nkind: Service\nmetadata: {name: api}\n"}}) {
    CAPTURE(content);
    const auto intents = apply_intents(media, content);
    REQUIRE(intents);
    REQUIRE(intents->size() == 2);
    CHECK((*intents)[0].name == "web");
    CHECK((*intents)[1].name == "api");
    CHECK((*intents)[1].verb == Verb::kApply);
  }
}

TEST_CASE("every violation of every object is told, with the object") {
  const auto intents = apply_intents(Media::kYaml,
                                     "kind: Service\nmetadata: {name: web}\nspec: {balance: X, idle_timeout: "
                                     "soon}\n---\nkind: Servise\n---\n"
                                     "kind: Event\nmetadata: {name: e}\n");
  REQUIRE_FALSE(intents);
  CHECK(intents.error().status == 422);
  const auto& violations = intents.error().violations;
  REQUIRE(violations.size() >= 4);
  CHECK(violations[0].object == "Service/web");
  CHECK(violations[0].field == "spec.balance");
  CHECK(violations[1].field == "spec.idle_timeout");
  CHECK(violations[2].object == "object 2");
  CHECK(violations.back().object == "Event/e");
  CHECK(apply_intents(Media::kJson, "").error().status == 400);
  CHECK(apply_intents(Media::kJson, "{}").error().status == 422);
  CHECK(apply_intents(Media::kJson, "[1").error().status == 400);
}

}  // namespace
}  // namespace weir::api
