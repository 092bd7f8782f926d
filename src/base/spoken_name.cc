#include "base/spoken_name.h"

#include <array>
#include <string_view>

namespace weir {
namespace {

constexpr std::array<std::string_view, 64> kAdjectives{
    "amber",  "ancient", "autumn", "bold",   "brave",  "breezy", "bright", "brisk",  "calm",      "cheery",
    "clever", "cosy",    "crisp",  "curly",  "dapper", "dawn",   "deep",   "early",  "fancy",     "fluffy",
    "frosty", "gentle",  "golden", "happy",  "hidden", "humble", "jolly",  "keen",   "kind",      "lively",
    "lucky",  "mellow",  "merry",  "mighty", "misty",  "mossy",  "nimble", "noble",  "patient",   "plucky",
    "polite", "proud",   "quick",  "quiet",  "rapid",  "rosy",   "rustic", "silent", "silver",    "snowy",
    "solar",  "spry",    "steady", "sunny",  "swift",  "tidy",   "tiny",   "vivid",  "wandering", "warm",
    "whole",  "windy",   "wise",   "witty"};
constexpr std::array<std::string_view, 64> kNouns{
    "acorn",  "badger", "beacon", "beaver",  "birch",  "bison",   "brook",  "bunny",   "canyon", "cedar",
    "cloud",  "comet",  "coral",  "cricket", "dune",   "eagle",   "falcon", "fern",    "field",  "finch",
    "forest", "fox",    "garden", "glade",   "harbor", "hare",    "hedge",  "heron",   "hill",   "island",
    "jaguar", "kiwi",   "lake",   "lark",    "leaf",   "lemur",   "lynx",   "maple",   "meadow", "moon",
    "moose",  "otter",  "owl",    "panda",   "pebble", "pine",    "pond",   "prairie", "puffin", "rabbit",
    "rain",   "raven",  "reef",   "river",   "robin",  "sparrow", "spruce", "squid",   "stone",  "swan",
    "tiger",  "walrus", "willow", "wren"};
constexpr std::uint64_t kNumbers = 10'000;

constexpr std::size_t longest(const auto& words) {
  std::size_t size = 0;
  for (const std::string_view word : words) size = word.size() > size ? word.size() : size;
  return size;
}
static_assert(longest(kAdjectives) + 1 + longest(kNouns) + 5 <= kSpokenNameBytesMax);

}  // namespace

std::string spoken_name(Random& random) {
  std::string name(kAdjectives[random.below(kAdjectives.size())]);
  name.append("-").append(kNouns[random.below(kNouns.size())]).append("-");
  const std::string number = std::to_string(random.below(kNumbers));
  return name.append(4 - number.size(), '0').append(number);
}

}  // namespace weir
