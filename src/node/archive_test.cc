#include "node/archive.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "testing/fake_env.h"

namespace weir::node {
namespace {

net::Task<Result<std::string>> read_all(http::Body& body) {
  std::string all;
  while (!body.at_end()) {
    const auto piece = co_await body.read();
    if (!piece) co_return fail(piece.error());
    all += net::as_text(*piece);
  }
  co_return all;
}

TEST_CASE("a file is read whole, in pieces; one that shrinks meanwhile is told") {
  testing::FakeEnv fake;
  std::string folder = (std::filesystem::temp_directory_path() / "weir-archive-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/a.tar";
  const std::string content(600'000, 'x');
  std::ofstream(path) << content;
  auto body = ArchiveBody::open(path);
  REQUIRE(body);
  CHECK((*body)->bytes() == content.size());
  auto read = fake.run(read_all(**body));
  REQUIRE(read);
  CHECK(read->value() == content);
  body = ArchiveBody::open(path);
  REQUIRE(body);
  std::filesystem::resize_file(path, 10);
  read = fake.run(read_all(**body));
  REQUIRE(read);
  CHECK_FALSE(read->has_value());
  CHECK(ArchiveBody::open(folder).error().code == Code::kInvalid);
  CHECK_FALSE(ArchiveBody::open(folder + "/none"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::node
