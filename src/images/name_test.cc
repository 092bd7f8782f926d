#include "images/name.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::images {
namespace {

TEST_CASE("a name has a tag, which is latest when none is given") {
  CHECK(full_name("web") == "web:latest");
  CHECK(full_name("web:1.2") == "web:1.2");
  CHECK(full_name("a.b-c_d0:V1.2-rc_3") == "a.b-c_d0:V1.2-rc_3");
  CHECK(full_name(std::string(kNameBytesMax, 'a') + ':' + std::string(kTagBytesMax, 'b')));
  for (const std::string& wrong :
       {std::string(), std::string(":1"), std::string("web:"), std::string("web:a:b"), std::string("a/b"),
        std::string("Web"), std::string("-web"), std::string("web-"), std::string("a..b"),
        std::string("../x"), std::string("web:.1"), std::string("web:-1"), std::string("web:a/b"),
        std::string("w b"), std::string(kNameBytesMax + 1, 'a'), "a:" + std::string(kTagBytesMax + 1, 'b')}) {
    CAPTURE(wrong);
    CHECK_FALSE(full_name(wrong));
  }
}

TEST_CASE("an image of a container is one of these by what its name begins with") {
  CHECK(pushed_name("weir/web") == "web:latest");
  CHECK(pushed_name("weir/web:1") == "web:1");
  CHECK_FALSE(pushed_name("weir.example/web:1"));
  CHECK_FALSE(pushed_name("localhost/weir/web:1"));
  CHECK_FALSE(pushed_name("weir/a/b"));
}

}  // namespace
}  // namespace weir::images
