#include "filter/paths.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

namespace weir::filter {
namespace {

TEST_CASE("a path as a whole, or the prefix that matched") {
  struct Case {
    const char* path;
    const char* matched;
    std::optional<std::string> whole;
    std::optional<std::string> prefix;
    const char* replaced;
  };
  for (const Case& one :
       {Case{"/a/b", "/a", {}, {}, "/a/b"}, Case{"/a/b", "/a", "/new", {}, "/new"},
        Case{"/a/b", "/a", {}, "/x", "/x/b"}, Case{"/a/b", "/a", {}, "/x/", "/x/b"},
        Case{"/a/b", "/a", {}, "/", "/b"}, Case{"/a", "/a", {}, "/x", "/x"}, Case{"/a", "/a", {}, "/", "/"},
        Case{"/a/", "/a", {}, "/", "/"}, Case{"/a/", "/a", {}, "/x", "/x/"},
        Case{"/a/b", "/", {}, "/x", "/x/a/b"}, Case{"/", "/", {}, "/x", "/x/"},
        Case{"/a//b", "/a", {}, "/x", "/x//b"}, Case{"/a/b", "/a", {}, "", "/b"}}) {
    CAPTURE(one.path);
    CAPTURE(one.replaced);
    CHECK(replaced_path(one.path, one.matched, one.whole, one.prefix) == one.replaced);
  }
}

}  // namespace
}  // namespace weir::filter
