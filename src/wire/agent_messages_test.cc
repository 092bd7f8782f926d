#include "wire/agent_messages.h"

#include <doctest/doctest.h>

namespace weir::wire {
namespace {

const Origin kWeb{"web", "a"};

TEST_CASE("what is said is what is heard") {
  for (const FromAgent& said :
       {FromAgent(Hello{"a", "1.0", "weir_x"}),
        FromAgent(Register{kWeb, "http", 80, 3, 1, "web.example.org"}), FromAgent(Unregister{kWeb}),
        FromAgent(Health{kWeb, false, "refused"}), FromAgent(Health{kWeb, true, ""}), FromAgent(Goodbye{})}) {
    const auto heard = parse_from_agent(serialize(said));
    REQUIRE(heard);
    CHECK((*heard == said));
  }
  for (const FromEdge& said :
       {FromEdge(Welcome{"fra-1", "aws", "eu", ""}), FromEdge(Welcome{"fra-1", "", "", "who are you"}),
        FromEdge(Registered{kWeb, {"http://a", "http://b"}, ""}), FromEdge(Registered{kWeb, {}, "taken"}),
        FromEdge(Unregistered{kWeb}), FromEdge(RequestLine{"web", "GET / 200"}), FromEdge(Drain{})}) {
    const auto heard = parse_from_edge(serialize(said));
    REQUIRE(heard);
    CHECK((*heard == said));
  }
}

TEST_CASE("what is no message, or beyond its limits, is refused") {
  const std::string large(kTextBytesMax + 1, 'x');
  CHECK_FALSE(parse_from_agent("\xff"));
  CHECK_FALSE(parse_from_agent(""));
  CHECK_FALSE(parse_from_edge(""));
  CHECK_FALSE(parse_from_agent(serialize(FromAgent(Hello{large, "", ""}))));
  CHECK_FALSE(parse_from_agent(serialize(FromAgent(Register{{large, ""}, "", 0, 1, 0, ""}))));
  CHECK_FALSE(parse_from_agent(serialize(FromAgent(Register{kWeb, "", 0, 1, 0, large}))));
  CHECK_FALSE(parse_from_agent(serialize(FromAgent(Health{kWeb, true, large}))));
  CHECK_FALSE(parse_from_edge(serialize(FromEdge(Registered{kWeb, {large}, ""}))));
  CHECK_FALSE(parse_from_edge(
      serialize(FromEdge(Registered{kWeb, std::vector<std::string>(kUrlsMax + 1, "u"), ""}))));
  CHECK_FALSE(parse_from_agent(std::string(kMessageBytesMax + 1, 'x')));
}

TEST_CASE("a weight that was not said is one") {
  const auto heard = parse_from_agent(serialize(FromAgent(Register{kWeb, "http", 0, 0, 0, ""})));
  REQUIRE(heard);
  CHECK(std::get<Register>(*heard).weight == 1);
}

}  // namespace
}  // namespace weir::wire
