// Tenants are apart: every path of the API, with every method, as one organization against the objects of
// another and of the platform, of every kind.
#include <doctest/doctest.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/tenants_fixture.h"
#include "reference/reference.h"

namespace weir::api {
namespace {

const Sample* sample_of(const std::string& path) {
  const std::size_t begin = std::string("/v1/").size();
  if (path.size() < begin) return nullptr;
  const auto* kind = config::find_plural(path.substr(begin, path.find('/', begin) - begin));
  return kind == nullptr ? nullptr : &kSamples[static_cast<std::size_t>(kind->kind)];
}

struct Line {
  std::string path;    // as it is described
  std::string method;  // "GET"
};
std::vector<Line> all_lines() {
  std::vector<Line> lines;
  const nlohmann::json described = nlohmann::json::parse(reference::openapi("1"));
  for (const auto& [path, methods] : described["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      if (method == "parameters") continue;
      std::string word;
      for (const char c : method) word += static_cast<char>(std::toupper(c));
      lines.push_back({path, std::move(word)});
    }
  }
  return lines;
}

std::string fields_for(const std::string& method) {
  if (method == "PATCH") return kMergePatch;
  return method == "PUT" ? "If-Match: *\r\n" : "";
}

TEST_CASE("samples are in the order of kinds") {
  for (std::size_t i = 0; i < kSamples.size(); ++i) {
    CHECK(kSamples[i].kind == static_cast<Kind>(i));
    CHECK(config::kKinds[i].kind == static_cast<Kind>(i));
  }
}

TEST_CASE("what another has is answered just as what nobody has, whatever is asked of it") {
  Tenants world;
  const store::Revision before = world.revision();
  std::size_t asked = 0;
  for (const Line& line : all_lines()) {
    const Sample* sample = sample_of(line.path);
    if (line.path.find("{name}") == std::string::npos || sample == nullptr) continue;
    for (const std::string whose : kOthers) {
      for (const Role role : {Role::kOwner, Role::kAdmin, Role::kEditor, Role::kViewer}) {
        for (const char* query : {"", "?dry_run=true", "?follow=true", "?force=true"}) {
          const auto ask = [&](const std::string& name) {
            std::string body;
            if (line.method == "PATCH") body = R"({"metadata":{"labels":{"a":"b"}}})";
            if (line.method == "PUT") body = sample_json(*sample, "ours", "", name);
            return world.as(role, line.method, replaced(line.path, "{name}", name) + query, body,
                            fields_for(line.method));
          };
          const std::string theirs = name_of(sample->kind, whose);
          const std::string nobodys = replaced(theirs, whose, "nobodys");
          const ApiAnswer answer = ask(theirs);
          CAPTURE(line.path);
          CAPTURE(line.method);
          CAPTURE(theirs);
          CAPTURE(query);
          CAPTURE(answer.body);
          CHECK_FALSE(answer.body.contains(kMark));
          CHECK(answer.status >= 400);
          CHECK(answer.status < 500);
          CHECK(comparable(answer, theirs) == comparable(ask(nobodys), nobodys));
          ++asked;
        }
      }
    }
  }
  CHECK(asked > 1000);
  CHECK(world.revision() == before);
}

// Of the first event stream that comes.
std::string begun_watch(Tenants& world, const std::string& target) {
  testing::Peer peer(world.fake, ApiFixture::kAddress);
  peer.send(world.text_of(
      "GET", target, {},
      "Authorization: Bearer " + Tenants::token_of(Tenants::fill_of(Role::kOwner)).text + "\r\n"));
  return peer.take();
}

TEST_CASE("what shows many things shows none of another's, and what an organization has, to its owner") {
  Tenants world;
  const store::Revision before = world.revision();
  for (const Line& line : all_lines()) {
    if (line.method != "GET" || line.path.find('{') != std::string::npos) continue;
    CAPTURE(line.path);
    const Sample* sample = sample_of(line.path);
    for (const Role role : {Role::kOwner, Role::kAdmin, Role::kEditor, Role::kViewer}) {
      for (const char* query : {"", "?limit=1", "?label=a", "?id=theirs-loadbalancers", "?dns=theirs-zones",
                                "?kinds=services,secrets,events,users"}) {
        const ApiAnswer answer = world.as(role, "GET", line.path + query);
        CAPTURE(query);
        CAPTURE(answer.body);
        CHECK_FALSE(answer.body.contains(kMark));
        CHECK_FALSE(answer.body.contains("theirs"));
        CHECK_FALSE(answer.body.contains("platforms"));
        CHECK(answer.status < 500);
      }
    }
    if (sample == nullptr) continue;
    const bool is_seen =
        sample->kind != Kind::kEdge && sample->kind != Kind::kNode && sample->kind != Kind::kRollout;
    const ApiAnswer list = world.as(Role::kOwner, "GET", line.path);
    CHECK(list.status == (is_seen ? 200 : 403));
    CHECK(list.body.contains(name_of(sample->kind, "ours")) == is_seen);
    const ApiAnswer one = world.as(Role::kOwner, "GET", line.path + '/' + name_of(sample->kind, "ours"));
    CHECK(one.status == (is_seen ? 200 : 403));
    const ApiAnswer all = world.call("GET", line.path);
    for (const char* whose : {"ours", "theirs", "platforms"}) {
      CHECK(all.body.contains(name_of(sample->kind, whose)));
    }
    const std::string watch = begun_watch(world, line.path + "?watch=true");
    CHECK(watch.contains(name_of(sample->kind, "ours")) == is_seen);
    CHECK_FALSE(watch.contains("theirs"));
    CHECK_FALSE(watch.contains("platforms"));
  }
  CHECK(world.revision() == before);
}

TEST_CASE("a name that is taken is taken, and no more is said") {
  Tenants world;
  const store::Revision before = world.revision();
  for (const Sample& sample : kSamples) {
    const config::KindInfo& kind = config::info_of(sample.kind);
    if (!kind.client_writes) continue;
    for (const std::string whose : kOthers) {
      const std::string theirs = name_of(sample.kind, whose);
      CAPTURE(theirs);
      const std::string body = sample_json(sample, "ours", "", theirs);
      const std::string path = "/v1/" + std::string(kind.plural);
      const int expected = is_owned(sample.kind) ? 409 : 403;
      for (const std::string query : {"", "?dry_run=true"}) {
        CAPTURE(query);
        for (const ApiAnswer& answer :
             {world.as(Role::kOwner, "POST", path + query, body),
              world.as(Role::kOwner, "PUT", path + '/' + theirs + query, body),
              world.as(Role::kOwner, "POST", "/v1/apply" + query, '[' + body + ']')}) {
          CAPTURE(answer.body);
          CHECK(answer.status == expected);
          CHECK_FALSE(answer.body.contains(kMark));
        }
      }
    }
  }
  CHECK(world.revision() == before);
}

TEST_CASE("a watch that goes on tells of what was an organization's, and of nothing else") {
  Tenants world;
  const std::string from = std::to_string(world.revision());
  for (const char* whose : {"ours", "theirs", "platforms"}) {
    const std::string name = std::string(whose) + "-secrets-2";
    world.put(sample_json({Kind::kSecret, R"({"values":{"a":"b"}})"}, whose,
                          std::string(whose) == "platforms" ? "" : whose, name));
    REQUIRE(world.call("DELETE", "/v1/secrets/" + name).status == 200);
  }
  const std::string told = begun_watch(world, "/v1/secrets?watch=true&from=" + from);
  CHECK(told.contains("event: added"));
  CHECK(told.contains("event: deleted"));
  CHECK(told.contains("ours-secrets-2"));
  CHECK_FALSE(told.contains("theirs"));
  CHECK_FALSE(told.contains("platforms"));
  // Deleted before anybody watched: known from what there was.
  const std::string later = std::to_string(world.revision());
  REQUIRE(world.call("DELETE", "/v1/loadbalancers/ours-loadbalancers").status == 200);
  REQUIRE(world.call("DELETE", "/v1/loadbalancers/theirs-loadbalancers").status == 200);
  const std::string deleted = begun_watch(world, "/v1/loadbalancers?watch=true&from=" + later);
  CHECK(deleted.contains("ours-loadbalancers"));
  CHECK_FALSE(deleted.contains("theirs"));
  CHECK(begun_watch(world, "/v1/events?watch=true&from=" + later).contains("ours-loadbalancers"));
  CHECK_FALSE(begun_watch(world, "/v1/events?watch=true&from=" + later).contains("theirs"));
}

TEST_CASE("explain tells an organization of its own load balancers and zones") {
  Tenants world;
  const auto ask = [&](const std::string& query) {
    return world.as(Role::kViewer, "GET", "/v1/explain?" + query);
  };
  const ApiAnswer ours = ask("id=ours-loadbalancers");
  CHECK(ours.status == 200);
  CHECK(ours.body.contains("ours-loadbalancers/0"));
  CHECK_FALSE(ours.body.contains("theirs"));
  CHECK(ask("id=theirs-loadbalancers").status == 404);
  CHECK(comparable(ask("id=theirs-loadbalancers"), "x") == comparable(ask("id=nobodys"), "x"));
  CHECK(ask("dns=ours-zones").status == 200);
  CHECK_FALSE(ask("dns=ours-zones").body.contains("theirs"));
  CHECK(ask("dns=theirs-zones").status == 404);
}

}  // namespace
}  // namespace weir::api
