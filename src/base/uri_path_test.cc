#include "base/uri_path.h"

#include <doctest/doctest.h>

namespace weir {
namespace {

TEST_CASE("a path has one normal form") {
  struct Row {
    const char* path;
    const char* normal;
  };
  for (const Row& row : {Row{"/", "/"},
                         Row{"/a", "/a"},
                         Row{"/a/", "/a/"},
                         Row{"/.well-known/x", "/.well-known/x"},
                         Row{"/..a/.../b.", "/..a/.../b."},
                         Row{"//", "/"},
                         Row{"//admin", "/admin"},
                         Row{"/a///b//", "/a/b/"},
                         Row{"/./admin", "/admin"},
                         Row{"/x/../admin", "/admin"},
                         Row{"/x/..", "/"},
                         Row{"/x/y/..", "/x/"},
                         Row{"/x/.", "/x/"},
                         Row{"/../../a", "/a"},
                         Row{"/x//../a", "/a"},
                         Row{"/%61dmin", "/admin"},
                         Row{"/x/%2e%2E/admin", "/admin"},
                         Row{"/x/.%2e/admin", "/admin"},
                         Row{"/%7euser/%2D%5f", "/~user/-_"},
                         Row{"/caf%c3%a9", "/caf%C3%A9"},
                         Row{"/a%20b", "/a%20b"},
                         Row{"/a%2fb", "/a%2Fb"},
                         Row{"/a%2F..%2Fb", "/a%2F..%2Fb"},
                         Row{"/%252e%252e/a", "/%252e%252e/a"},
                         Row{"/a;b=c/@:!$&'()*+,=", "/a;b=c/@:!$&'()*+,="}}) {
    CAPTURE(row.path);
    CHECK(form_of(row.path).valid);
    CHECK(normal_path(row.path) == row.normal);
    CHECK(normal_path(row.normal) == row.normal);
    CHECK(form_of(row.normal).normal);
    CHECK(form_of(row.path).normal == (std::string_view(row.path) == row.normal));
    if (std::string_view(row.path) != row.normal) CHECK(may_not_be_normal(row.path));
  }
}

TEST_CASE("encodings that are none, of NUL, and of what some take for a slash") {
  for (const char* path : {"/%", "/%2", "/a%zz", "/%%32%66", "/%2%66", "/a%00b"}) {
    CAPTURE(path);
    CHECK_FALSE(form_of(path).valid);
    CHECK(may_not_be_normal(path));
  }
  for (const char* path : {"/a%2Fb", "/a%2fb", "/a%5cb", "/a%5C", "/a\\b"}) {
    CAPTURE(path);
    CHECK(form_of(path).valid);
    CHECK(form_of(path).hides_slash);
    CHECK(may_not_be_normal(path));
  }
}

TEST_CASE("what has to be looked at is found at every place, and in no other path") {
  for (std::size_t size = 1; size < 70; ++size) {
    const std::string plain = "/" + std::string(size, 'a');
    CHECK_FALSE(may_not_be_normal(plain));
    for (std::size_t place = 1; place <= size; ++place) {
      std::string path = plain;
      path[place] = '%';
      CHECK(may_not_be_normal(path));
      path[place] = '\\';
      CHECK(may_not_be_normal(path));
      path[place] = '.';
      CHECK(may_not_be_normal(path) == (place == 1));
      path[place] = '/';
      CHECK(may_not_be_normal(path) == (place == 1));
      if (place == size) continue;
      path[place + 1] = '.';
      CHECK(may_not_be_normal(path));
    }
  }
}

TEST_CASE("what goes into a URL is encoded") {
  CHECK(encoded("tier=web/a b&%") == "tier%3Dweb%2Fa%20b%26%25");
  CHECK(encoded("aZ0-._~") == "aZ0-._~");
  CHECK(encoded("\xc3\xbc\n") == "%C3%BC%0A");
  CHECK(encoded("a/b:c@d %", "/:@") == "a/b:c@d%20%25");
}

}  // namespace
}  // namespace weir
