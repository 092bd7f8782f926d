#include "xds/interest.h"

#include <doctest/doctest.h>

namespace weir::xds {
namespace {

using Slots = std::vector<Slot>;

TEST_CASE("whole: who never names anything gets all, where the type allows it") {
  Interest interest(true);
  CHECK(interest.ask_whole({}).all_began);
  CHECK(interest.all());
  CHECK_FALSE(interest.ask_whole({}).all_began);
  CHECK(interest.all());
  Interest endpoints(false);
  CHECK_FALSE(endpoints.ask_whole({}).all_began);
  CHECK_FALSE(endpoints.all());
}

TEST_CASE("whole: naming one ends the unspoken wildcard, and naming none is then nothing") {
  Interest interest(true);
  interest.ask_whole({});
  const Asked asked = interest.ask_whole({{7}, false});
  CHECK(asked.all_ended);
  CHECK(asked.named == Slots{7});
  CHECK(interest.covers(7));
  CHECK_FALSE(interest.covers(8));
  const Asked none = interest.ask_whole({});
  CHECK(none.left == Slots{7});
  CHECK_FALSE(interest.all());
  CHECK_FALSE(interest.covers(7));
}

TEST_CASE("whole: the star is a name: with others, alone, and given back") {
  Interest interest(false);
  const Asked both = interest.ask_whole({{3}, true});
  CHECK(both.all_began);
  CHECK(both.named == Slots{3});
  CHECK(interest.ask_whole({{}, true}).left == Slots{3});
  CHECK(interest.covers(3));
  CHECK(interest.ask_whole({{3}, false}).all_ended);
  CHECK_FALSE(interest.covers(4));
  CHECK_FALSE(interest.ask_whole({}).all_began);  // a star was named once: none is nothing
}

TEST_CASE("delta: naming one keeps the unspoken wildcard; only its star can be given back") {
  Interest interest(true);
  CHECK(interest.ask_delta({}, {}).all_began);
  CHECK(interest.ask_delta({{5}, false}, {}).named == Slots{5});
  CHECK(interest.all());
  CHECK(interest.ask_delta({}, {{5}, false}).left == Slots{5});
  CHECK(interest.covers(5));
  interest.ask_delta({{6}, false}, {});
  CHECK(interest.ask_delta({}, {{}, true}).all_ended);
  CHECK(interest.covers(6));
  CHECK_FALSE(interest.covers(5));
  CHECK_FALSE(interest.ask_delta({}, {}).all_began);  // no longer the first request
}

TEST_CASE("delta: a first request with names is no wildcard, and a later empty one neither") {
  Interest interest(true);
  CHECK(interest.ask_delta({{1}, false}, {}).named == Slots{1});
  interest.ask_delta({}, {{1}, false});
  CHECK_FALSE(interest.all());
  CHECK(interest.ask_delta({{}, true}, {}).all_began);
  CHECK(interest.ask_delta({{2}, false}, {}).named == Slots{2});
  CHECK(interest.ask_delta({{2}, false}, {}).named == Slots{2});  // again: owed an answer again
}

TEST_CASE("delta: a name both asked for and given back in one request is given back") {
  Interest interest(false);
  const Asked asked = interest.ask_delta({{1, 2}, false}, {{1}, false});
  CHECK(asked.named == Slots{2});
  CHECK(asked.left == Slots{1});
  CHECK_FALSE(interest.covers(1));
}

}  // namespace
}  // namespace weir::xds
