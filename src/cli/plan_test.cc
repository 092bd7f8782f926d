// What weir plan shows of the edges.
#include <nlohmann/json.hpp>

#include "cli/commands_fixture.h"

namespace weir::cli {
namespace {

TEST_CASE("plan shows what each edge would see") {
  World world;
  const std::string file = world.write("web.yaml", kWeb);
  world.api().set_foresight([](std::span<const config::ObjectChange>) {
    return std::string(R"([{"edges":["a","b"],"count":12,"data_plane":"weir","more":1,"resources":[)"
                       R"({"type":"object","name":"services/web","result":"updated","diff":[)"
                       R"({"field":"spec.balance","before":"\"RANDOM\"","after":"\"MAGLEV\""}]}]},)"
                       R"({"edges":["c"],"count":1,"data_plane":"envoy","more":0,"resources":[)"
                       R"({"type":"cluster","name":"web","result":"created","content":"{}"},)"
                       R"({"type":"cluster","name":"old","result":"deleted"}]},)"
                       R"({"edges":["d"],"count":1,"data_plane":"weir","more":0,"resources":[]}])");
  });
  CHECK(world.run({"plan", "-f", file}) == kDone);
  CHECK(
      world.out().ends_with("12 edges: a, b, ...:\n"
                            "  ~ object services/web\n"
                            "      spec.balance: \"RANDOM\" -> \"MAGLEV\"\n"
                            "  ... and 1 more\n"
                            "edge c (Envoy):\n"
                            "  + cluster web\n"
                            "      {}\n"
                            "  - cluster old\n"
                            "edge d: nothing changes\n"));
  CHECK(world.run({"plan", "-f", file, "-o", "json"}) == kDone);
  const Tree answer = parse_tree(world.out());
  CHECK(text_at(answer, "/edges/1/edges/0") == "c");
  CHECK(text_at(answer, "/results/0/result") == "created");
}

}  // namespace
}  // namespace weir::cli
