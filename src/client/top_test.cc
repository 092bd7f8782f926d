#include "client/top.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weir::client {
namespace {

TopSection services() {
  const std::vector<Tree> objects{
      parse_tree(R"({"metadata":{"name":"web"},"status":{"serving":1,"total":2}})"),
      parse_tree(R"({"metadata":{"name":"idle"},"status":{}})")};
  TopSection section = section_of("service", objects, parse_tree(R"({"series":[
      {"name":"requests","labels":{"service":"web"},"values":[1,250.4,null]},
      {"name":"errors","labels":{"service":"web"},"values":[0.25]},
      {"name":"p99","labels":{"service":"web"},"values":[null,null]},
      {"name":"requests","labels":{"service":"gone"},"values":[3]},
      {"name":"memory","labels":{"service":"web"},"values":[3]},
      {"name":"requests","labels":{"edge":"fra"},"values":[3]}]})"));
  section.title = "SERVICES";
  return section;
}

TEST_CASE("top: the last value that is known of each, beside its health") {
  CHECK(to_text({.sections = {services()}}, TopOrder::kName) ==
        "SERVICES                     REQ/S     ERR/S    P50 MS    P99 MS IN FLIGHT  HEALTH\n"
        "gone                           3.0         -         -         -         -  -\n"
        "idle                             -         -         -         -         -  -\n"
        "web                            250       0.2         -         -         -  1/2\n");
}

TEST_CASE("top: by each column, the most first") {
  TopSection section;
  section.rows = {{.name = "a", .requests = 1, .errors = 3, .p50 = 5, .p99 = 1, .in_flight = 2},
                  {.name = "b", .requests = 2, .errors = 1, .p50 = 4, .p99 = 3, .in_flight = 2}};
  const auto first_by = [&](char key) {
    const std::string text = to_text({.sections = {section}}, *order_of(key));
    return text[text.find('\n') + 1];
  };
  CHECK(first_by('n') == 'a');
  CHECK(first_by('r') == 'b');
  CHECK(first_by('e') == 'a');
  CHECK(first_by('5') == 'a');
  CHECK(first_by('9') == 'b');
  CHECK(first_by('f') == 'a');
  CHECK_FALSE(order_of('x').has_value());
}

TEST_CASE("top: a screen is cut to its size, and nothing from elsewhere steers it") {
  TopPicture picture{.head = "weir top\x1b[2J", .sections = {services()}};
  CHECK(to_screen(picture, TopOrder::kName, {.rows = 4, .columns = 12}, false) ==
        "\x1b[Hweir top?[2J\x1b[K\r\nq quit   ord\x1b[K\r\nSERVICES    \x1b[K\r\ngone        \x1b[K\x1b[J");
  picture.trouble = "the API does not answer";
  CHECK(to_screen(picture, TopOrder::kName, {.rows = 3, .columns = 40}, true) ==
        "\x1b[Hweir top?[2J\x1b[K\r\n\x1b[31mthe API does not answer\x1b[0m\x1b[K\r\n\x1b[7mSERVICES         "
        "        "
        "    REQ/S     E\x1b[0m\x1b[K\x1b[J");
}

TEST_CASE("top: of an edge its endpoints as it says, of a load balancer the edges that have it") {
  const TopSection edges =
      section_of("edge", {parse_tree(R"({"metadata":{"name":"fra"},"status":{"endpoints":"3/4"}})")}, {});
  CHECK(edges.rows.at(0).health == "3/4");
  const TopSection balancers = section_of(
      "loadbalancer", {parse_tree(R"({"metadata":{"name":"web"},"status":{"applied":"1/2"}})")}, {});
  CHECK(balancers.rows.at(0).health == "1/2");
}

}  // namespace
}  // namespace weir::client
