#include "client/manifest.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace weir::client {
namespace {

std::string place(const Manifest& manifest, std::string_view label) {
  const Place* found = manifest.place_of(label);
  return found == nullptr ? "unknown" : found->text();
}

TEST_CASE("objects know where they stand") {
  Manifest manifest;
  REQUIRE(manifest.add("a.yaml",
                       "# a comment\nkind: Service\nmetadata: {name: web}\n---\n---\n"
                       "kind: LoadBalancer\nmetadata: {name: web}\nspec: {}\n"));
  REQUIRE(manifest.add("b.json", R"({"items": [{"kind": "Service", "metadata": {"name": "api"}}, 5]})"));
  REQUIRE(manifest.add("c.yaml", "\nobjects:\n- {kind: Service, metadata: {name: c}}\n"));
  REQUIRE(manifest.add("d.yaml", "- {kind: Service, metadata: {name: d}}\n"));
  CHECK(manifest.size() == 6);
  CHECK(manifest.request() ==
        R"({"objects":[{"kind":"Service","metadata":{"name":"web"}},)"
        R"({"kind":"LoadBalancer","metadata":{"name":"web"},"spec":{}},)"
        R"({"kind":"Service","metadata":{"name":"api"}},5,)"
        R"({"kind":"Service","metadata":{"name":"c"}},{"kind":"Service","metadata":{"name":"d"}}]})");
  CHECK(place(manifest, "Service/web") == "a.yaml:2");
  CHECK(place(manifest, "LoadBalancer/web") == "a.yaml:6");
  CHECK(place(manifest, "Service/api") == "b.json:1");
  CHECK(place(manifest, "object 4") == "b.json:1");
  CHECK(place(manifest, "Service/c") == "c.yaml:2");
  CHECK(place(manifest, "object 6") == "d.yaml:1");
  for (const char* unknown : {"Service/nobody", "", "object 0", "object 7", "object x"}) {
    CAPTURE(unknown);
    CHECK(place(manifest, unknown) == "unknown");
  }
}

TEST_CASE("what is no YAML, or holds nothing, is refused with its file") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"kind: [", "f.yaml: is not YAML: line "}, {"a: 1\na: 2\n", "f.yaml: line 2 has the key \"a\" twice"},
      {"", "f.yaml: holds no object"},           {"# nothing\n---\n", "f.yaml: holds no object"},
      {"[]", "f.yaml: holds no object"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    Manifest manifest;
    const auto added = manifest.add("f.yaml", one.text);
    REQUIRE(!added.has_value());
    CHECK(added.error().starts_with(one.error));
  }
}

TEST_CASE("the objects of all files are bounded together") {
  Manifest manifest;
  const std::string large = "{kind: Service, metadata: {name: a, labels: {x: \"" +
                            std::string(std::size_t{5} << 20U, 'x') + "\"}}}";
  CHECK(manifest.add("a.yaml", large).has_value());
  const auto added = manifest.add("b.yaml", large);
  REQUIRE(!added.has_value());
  CHECK(added.error() == "b.yaml: all objects together are larger than 8 MiB");
}

// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST_CASE("a folder stands for its files, by name") {
  const Folder folder;
  folder.write("2.yml", "{kind: Service, metadata: {name: two}}");
  folder.write("1.yaml", "{kind: Service, metadata: {name: one}}");
  folder.write("3.json", R"({"kind": "Service", "metadata": {"name": "three"}})");
  folder.write("notes.txt", "kind: [");
  std::filesystem::create_directory(folder.path("below.yaml"));
  const std::vector<std::string> paths{folder.path()};
  const auto manifest = read_manifest(paths);
  REQUIRE_MESSAGE(manifest.has_value(), manifest.error());
  CHECK(manifest->request() == R"({"objects":[{"kind":"Service","metadata":{"name":"one"}},)"
                               R"({"kind":"Service","metadata":{"name":"two"}},)"
                               R"({"kind":"Service","metadata":{"name":"three"}}]})");
  CHECK(place(*manifest, "Service/two") == folder.path("2.yml") + ":1");
}

TEST_CASE("files that can't be read are named") {
  const Folder folder;
  const auto error_of = [](const std::vector<std::string>& paths) {
    const auto manifest = read_manifest(paths);
    return manifest ? std::string("read") : manifest.error();
  };
  CHECK(error_of({folder.path("none.yaml")}) == folder.path("none.yaml") + ": no such file or directory");
  CHECK(error_of({folder.path()}) == folder.path() + ": holds no .yaml, .yml or .json file");
  const std::string large = folder.write("large.yaml", std::string((std::size_t{8} << 20U) + 1, '#'));
  CHECK(error_of({large}) == large + ": is too large");
}

}  // namespace
}  // namespace weir::client
