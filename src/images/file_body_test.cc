#include "images/file_body.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "testing/fake_env.h"

namespace weir::images {
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
  auto body = FileBody::open(path);
  REQUIRE(body);
  CHECK((*body)->bytes() == content.size());
  auto read = fake.run(read_all(**body));
  REQUIRE(read);
  CHECK(read->value() == content);
  body = FileBody::open(path);
  REQUIRE(body);
  std::filesystem::resize_file(path, 10);
  read = fake.run(read_all(**body));
  REQUIRE(read);
  CHECK_FALSE(read->has_value());
  CHECK(FileBody::open(folder).error().code == Code::kInvalid);
  CHECK_FALSE(FileBody::open(folder + "/none"));
  CHECK(FileBody::take(net::Descriptor(::open(folder.c_str(), O_RDONLY))).error().code == Code::kInvalid);
  CHECK_FALSE(FileBody::take(net::Descriptor()));
  std::filesystem::remove_all(folder);
}

TEST_CASE("what comes through a pipe is read to its end, whose place nobody knows before") {
  testing::FakeEnv fake;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  auto body = FileBody::take(net::Descriptor(ends[0]));
  REQUIRE(body);
  CHECK_FALSE((*body)->bytes());
  CHECK_FALSE((*body)->at_end());
  REQUIRE(::write(ends[1], "archive", 7) == 7);
  ::close(ends[1]);
  auto read = fake.run(read_all(**body));
  REQUIRE(read);
  CHECK(read->value() == "archive");
  CHECK((*body)->at_end());
}

}  // namespace
}  // namespace weir::images
