#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands_fixture.h"
#include "mirror/records.h"
#include "workload/views.h"

namespace weir::cli {
namespace {

// Of a workload with two cities; an answer for logs is given out of `lines`, request by request.
struct Logs : World {
  explicit Logs(std::size_t containers = 1) {
    std::string all = R"({"name":"app","image":"a"})";
    if (containers > 1) all += R"(,{"name":"side","image":"a"})";
    REQUIRE(apply(R"({"kind":"Workload","metadata":{"name":"web"},"spec":{"containers":[)" + all +
                  R"(],"targets":[{"name":"eu"}]}})") == kDone);
    (void)out();
    api().set_insight([this](http::Request& request, const api::Target&, const auth::Identity&,
                             std::function<bool()>) { return answer(*this, request); });
  }
  static net::Task<api::Answer<http::ResponsePtr>> answer(Logs& self, http::Request& request) {
    self.queries.emplace_back(request.head.query);
    std::string text = self.queries.size() <= self.lines.size() ? self.lines[self.queries.size() - 1] : "";
    if (text.empty()) co_return api::refuse(404, "not-found", "there is nothing");
    co_return std::make_unique<http::TextResponse>(200, "application/x-ndjson", std::move(text));
  }
  std::vector<std::string> lines;
  std::vector<std::string> queries;
};

std::string line(std::string_view text, std::string_view container = "app") {
  return R"({"time":"2026-11-30T07:11:06.250Z","instance":"web-eu-fra-1","container":")" +
         std::string(container) + R"(","stream":"stdout","text":")" + std::string(text) + "\"}\n";
}

TEST_CASE("logs: each line with its instance, what is noticed on stderr") {
  Logs world;
  world.lines = {line("one") + "\n" + R"({"instance":"web-eu-ams-1","notice":"the node is not attached"})" +
                 "\n" + line("two")};
  CHECK(world.run({"logs", "web", "--since", "10m", "--tail", "5", "--instance", "i", "--container", "c"}) ==
        kDone);
  CHECK(world.queries == std::vector<std::string>{"timestamps=true&since=10m&tail=5&instance=i&container=c"});
  CHECK(world.out() == "web-eu-fra-1: one\nweb-eu-fra-1: two\n");
  CHECK(world.err() == "weir: web-eu-ams-1: the node is not attached\n");
}

TEST_CASE("logs: with the time, and with the container where there are several") {
  Logs world(2);
  world.lines = {line("one", "side")};
  CHECK(world.run({"logs", "web", "--timestamps"}) == kDone);
  CHECK(world.out() == "2026-11-30T07:11:06.250Z web-eu-fra-1/side: one\n");
}

TEST_CASE("logs: a stream that is interrupted goes on from where it was") {
  Logs world;
  world.lines = {line("one"), line("two")};
  world.start({"logs", "web", "-f", "--tail", "3"});
  world.fake.advance(1500ms);
  CHECK(world.queries ==
        std::vector<std::string>{"timestamps=true&follow=true&tail=3",
                                 "timestamps=true&follow=true&since=2026-11-30T07%3A11%3A06.250Z"});
  CHECK(world.out() == "web-eu-fra-1: one\nweb-eu-fra-1: two\n");
  CHECK(world.err().find("the logs were interrupted; trying to go on") != std::string::npos);
  world.fake.advance(2s);
  CHECK(world.exit_code == kFailed);
  CHECK(world.err() == "weir: there is nothing\n");
}

TEST_CASE("logs of a tunnel are its requests") {
  World world;
  std::vector<std::string> asked;
  std::vector<std::pair<const char*, std::string>> answers;  // media type and content
  world.api().set_insight([&](http::Request& request, const api::Target& target, const auth::Identity&,
                              std::function<bool()>) -> net::Task<api::Answer<http::ResponsePtr>> {
    asked.push_back(target.name + '?' + std::string(request.head.query));
    if (asked.size() > answers.size()) co_return api::refuse(404, "not-found", "there is no Tunnel/hello-1");
    const auto& [type, content] = answers[asked.size() - 1];
    co_return std::make_unique<http::TextResponse>(200, type, content);
  });
  const std::string one =
      R"({"time":"2026-11-30T07:11:06.250Z","request_id":"3f9c","method":"GET","path":"/a",)"
      R"("status":200,"duration_ms":3.200,"peer":"192.0.2.1"})";
  const std::string shown = "2026-11-30T07:11:06.250Z 192.0.2.1 GET /a 200 3.2 ms 3f9c\n";
  SUBCASE("the latest") {
    answers = {
        {"application/json", R"({"items":[)" + one + R"(],"notices":[{"notice":"on the edge x: no"}]})"}};
    CHECK(world.run({"logs", "tunnels/hello-1"}) == kDone);
    CHECK(asked == std::vector<std::string>{"hello-1?"});
    CHECK(world.out() == shown);
    CHECK(world.err() == "weir: on the edge x: no\n");
  }
  SUBCASE("followed: what is told again is shown once") {
    const std::string connection =
        R"(data: {"time":"2026-11-30T07:11:07.000Z","connection_id":"1","protocol":"tcp","bytes_received":6,)"
        R"("bytes_sent":21,"duration_ms":1.500,"peer":"192.0.2.1"})";
    answers = {{"text/event-stream", "data: " + one + "\n\nevent: notice\ndata: {\"notice\":\"lost\"}\n\n"},
               {"text/event-stream", ":\n\ndata: " + one + "\n\n" + connection + "\n\n"}};
    world.start({"logs", "tunnels/hello-1", "-f"});
    world.fake.advance(1500ms);
    CHECK(world.out() == shown + "2026-11-30T07:11:07.000Z 192.0.2.1 tcp received 6 sent 21 1.5 ms\n");
    world.fake.advance(2s);
    CHECK(world.exit_code == kFailed);
    CHECK(asked == std::vector<std::string>(3, "hello-1?watch=true"));
    const std::string err = world.err();
    CHECK(err.contains("weir: lost\n"));
    CHECK(err.contains("there is no Tunnel/hello-1"));
  }
}

TEST_CASE("logs of what is not there") {
  Logs world;
  CHECK(world.run({"logs", "db"}) == kFailed);
  CHECK(world.err() == "weir: there is no workload and no instance db\n");
  CHECK(world.run({"logs", "web"}) == kFailed);
  CHECK(world.err() == "weir: there is nothing\n");
  world.settings.token = "wrong";
  CHECK(world.run({"logs", "web"}) == kFailed);
}

TEST_CASE("exec: what is wrong with it is said before anything is tried") {
  World world;
  CHECK_FALSE(parse_arguments(std::vector<std::string>{"exec", "a"}, 1));
  CHECK_FALSE(parse_arguments(std::vector<std::string>{"exec", "a", "--"}, 1));
  CHECK_FALSE(parse_arguments(std::vector<std::string>{"exec", "--", "id"}, 1));
  const auto parsed = parse_arguments(std::vector<std::string>{"exec", "a", "-t", "--", "ls", "-l"}, 1);
  REQUIRE(parsed);
  CHECK(parsed->join.command == std::vector<std::string>{"ls", "-l"});
  CHECK(parsed->logs.terminal);
  CHECK(world.run({"exec", "a", "--", "id"}) == kFailed);
  CHECK(world.err() == "weir: this process has no nodes and no edges\n");
}

struct Rollout : World {
  // progress: of spec, JSON.
  void show(const std::string& progress, std::string status, const std::string& labels = "{}") {
    REQUIRE(apply(R"({"kind":"Workload","metadata":{"name":"web","labels":)" + labels +
                  R"(},"spec":{"containers":[{"name":"app",)"
                  R"("image":"a"}],"targets":[{"name":"eu"}]}})") == kDone);
    (void)out();
    api().set_status_source([=](config::Object& object) {
      auto& spec = std::get<config::WorkloadSpec>(object.spec);
      spec.progress.emplace();
      spec.progress->version = progress == "other" ? "other" : workload::version_of(object);
      spec.progress->city = "fra";
      spec.progress->reason = "why";
      if (progress == "RUNNING") spec.progress->phase = config::UpdatePhase::kRunning;
      if (progress == "REVERTED") spec.progress->phase = config::UpdatePhase::kReverted;
      if (progress == "FAILED") spec.progress->phase = config::UpdatePhase::kFailed;
      return status;
    });
  }
  static std::string cities(std::string_view ready, std::string_view updated) {
    return R"({"cities":[{"target":"eu","city":"fra","ready":")" + std::string(ready) + R"(","updated":")" +
           std::string(updated) + R"("}]})";
  }
};

TEST_CASE("rollout status: city by city, and 0 when all of it runs") {
  Rollout world;
  world.show("DONE", Rollout::cities("2/2", "2/2"));
  CHECK(world.run({"rollout", "status", "web"}) == kDone);
  CHECK(world.out() == "TARGET  CITY  READY  UPDATED  REASON\neu      fra   2/2    2/2      -\ndone\n");
  world.show("DONE", Rollout::cities("2/2", "2/2"), R"({"weir/owner":"ada"})");
  CHECK(world.run({"rollout", "status", "web"}) == kDone);
  (void)world.out();
  world.show("DONE", Rollout::cities("1/2", "2/2"));
  CHECK(world.run({"rollout", "status", "web"}) == kFailed);
  CHECK(world.out().ends_with("updated; not all instances are ready\n"));
  world.show("RUNNING", Rollout::cities("2/2", "1/2"));
  CHECK(world.run({"rollout", "status", "web"}) == kFailed);
  CHECK(world.out().ends_with("under way, in fra\n"));
  world.show("other", Rollout::cities("2/2", "1/2"));
  CHECK(world.run({"rollout", "status", "web"}) == kFailed);
  CHECK(world.out().ends_with("the update is not begun yet\n"));
  world.show("REVERTED", Rollout::cities("2/2", "0/2"));
  CHECK(world.run({"rollout", "status", "web", "--wait"}) == kFailed);
  CHECK(world.out().ends_with("went back to what ran before: why\n"));
  world.show("FAILED", Rollout::cities("2/2", "0/2"));
  CHECK(world.run({"rollout", "status", "web", "--wait"}) == kFailed);
  CHECK(world.out().ends_with("failed: why\n"));
  CHECK(world.run({"rollout", "status", "db"}) == kFailed);
  CHECK_FALSE(parse_arguments(std::vector<std::string>{"rollout", "undo", "web"}, 1));
}

TEST_CASE("rollout status waits, and shows what changes") {
  Rollout world;
  world.show("RUNNING", Rollout::cities("2/2", "1/2"));
  world.start({"rollout", "status", "web", "--wait"});
  world.fake.advance(3s);
  CHECK(world.out().ends_with("under way, in fra\n"));
  CHECK(world.out().empty());
  CHECK_FALSE(world.exit_code);
  world.show("DONE", Rollout::cities("2/2", "2/2"));
  world.fake.advance(2s);
  CHECK(world.exit_code == kDone);
}

}  // namespace
}  // namespace weir::cli
