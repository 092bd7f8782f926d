#include "images/library.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/crypto.h"
#include "base/text.h"
#include "http/request_body.h"
#include "net/task_group.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::images {
namespace {

using namespace std::chrono_literals;
using Kind = Refusal::Kind;
using Put = std::expected<Image, Refusal>;

// What begins as an archive does.
std::string archive_of(std::string_view content) {
  return std::string(257, '\0') + "ustar" + std::string(content);
}
std::string sha256_of(const std::string& text) { return to_hex(auth::sha256({auth::bytes_of(text)})); }

// Content that ends before its end, or waits for a word.
class Slow final : public http::Body {
 public:
  Slow(net::Loop& loop, std::string begin) : loop_(loop), begin_(std::move(begin)) {}
  net::Task<Result<net::Slice>> read() override {
    if (!begun_) {
      begun_ = true;
      co_return net::as_slice(begin_);
    }
    if (auto waited = co_await word.wait(loop_); !waited) co_return fail(waited.error());
    co_return fail(Code::kClosed, "the client has gone");
  }
  bool at_end() const override { return false; }
  net::Event word;

 private:
  net::Loop& loop_;
  std::string begin_;
  bool begun_ = false;
};

struct World {
  World() { open(); }

  void open(Limits limits = {.image_bytes_max = 2000, .all_bytes_max = 3000}) {
    library.reset();
    auto opened = Library::open(fake.env, directory.path() + "/images", limits);
    REQUIRE(opened);
    library = std::move(*opened);
  }
  template <class T>
  static net::Task<void> keep(net::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  template <class T>
  T wait(net::Task<T> task) {
    std::optional<T> result;
    net::TaskGroup tasks(fake.loop);
    tasks.spawn(keep(std::move(task), result));
    REQUIRE(fake.run_with_threads(20s, [&] { return result.has_value(); }));
    return std::move(*result);
  }
  Put put(const std::string& name, const std::string& content) {
    http::TextBody body(content);
    return wait(library->put(name, body));
  }
  bool remove(const std::string& name) {
    const auto removed = wait(library->remove(name));
    REQUIRE(removed);
    return *removed;
  }
  std::string read(const std::string& name) {
    const Image* image = library->find(name);
    REQUIRE(image != nullptr);
    auto body = library->read(*image);
    REQUIRE(body);
    std::string all;
    while (!(*body)->at_end()) {
      const auto piece = fake.run((*body)->read());
      REQUIRE(piece);
      REQUIRE(*piece);
      all += net::as_text(**piece);
    }
    return all;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::directory_iterator(directory.path() + "/images")) {
      count += one.path().filename() == "index.json" ? 0 : 1;
    }
    return count;
  }

  testing::FakeEnv fake;
  store::TemporaryDirectory directory;
  std::unique_ptr<Library> library;
};

TEST_CASE("an image is kept by its content and found by its name, also by the next process") {
  World world;
  const std::string content = archive_of("one");
  const auto image = world.put("web:1", content);
  REQUIRE(image);
  CHECK(image->name == "web:1");
  CHECK(image->sha256 == sha256_of(content));
  CHECK(image->bytes == content.size());
  CHECK(image->pushed_at == world.fake.clock.wall_now());
  CHECK(world.read("web:1") == content);
  CHECK(world.library->find("web:2") == nullptr);
  struct stat about{};
  REQUIRE(::stat((world.directory.path() + "/images").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0700);
  world.open();
  REQUIRE(world.library->list().size() == 1);
  CHECK(world.library->list().front() == *image);
  CHECK(world.read("web:1") == content);
}

TEST_CASE("equal archives are kept once; one that no name leads to is gone") {
  World world;
  const std::string one = archive_of("one");
  REQUIRE(world.put("web:1", one));
  REQUIRE(world.put("web:latest", one));
  CHECK(world.files() == 1);
  CHECK(world.library->bytes() == one.size());
  REQUIRE(world.put("web:1", archive_of("two")));
  CHECK(world.files() == 2);
  REQUIRE(world.put("web:latest", archive_of("three")));
  CHECK(world.files() == 2);
  CHECK(world.remove("web:latest"));
  CHECK_FALSE(world.remove("web:latest"));
  CHECK(world.files() == 1);
  CHECK(world.read("web:1") == archive_of("two"));
  CHECK(world.remove("web:1"));
  CHECK(world.library->list().empty());
  CHECK(world.files() == 0);
}

TEST_CASE("who reads an image that goes meanwhile reads it to its end") {
  World world;
  REQUIRE(world.put("web:1", archive_of("one")));
  auto body = world.library->read(*world.library->find("web:1"));
  REQUIRE(body);
  CHECK(world.remove("web:1"));
  const auto piece = world.fake.run((*body)->read());
  REQUIRE(piece);
  REQUIRE(*piece);
  CHECK(net::as_text(**piece) == archive_of("one"));
}

TEST_CASE("what is too large, too much, no archive or not whole leaves nothing behind") {
  World world;
  const auto refused = [&](const Put& put, Kind kind) {
    REQUIRE_FALSE(put);
    CHECK(put.error().kind == kind);
    return put.error().sentence;
  };
  CHECK(refused(world.put("web:1", archive_of(std::string(2000, 'x'))), Kind::kTooLarge) ==
        "an image may have 2000 bytes at most");
  REQUIRE(world.put("web:1", archive_of(std::string(1700, 'x'))));
  CHECK(refused(world.put("web:2", archive_of(std::string(1700, 'y'))), Kind::kFull) ==
        "all images together may have 3000 bytes at most; delete one that is not needed");
  CHECK(refused(world.put("web:2", "hello"), Kind::kNoArchive) ==
        "this is no archive of an image; podman save and docker save make one");
  CHECK(refused(world.put("web:2", ""), Kind::kNoArchive).starts_with("this is no archive"));
  Slow slow(world.fake.loop, archive_of("one"));
  slow.word.set();
  CHECK(refused(world.wait(world.library->put("web:2", slow)), Kind::kBroken) ==
        "the image did not come whole: the client has gone");
  CHECK(world.files() == 1);
  CHECK(world.library->list().size() == 1);
  REQUIRE(world.put("web:2", "\x1f\x8b" + std::string(100, 'z')));  // one that is compressed
}

TEST_CASE("no more than some are pushed at once, and what they bring counts") {
  World world;
  std::vector<std::unique_ptr<Slow>> bodies;
  std::vector<std::optional<Put>> results(Library::kPushesMax);
  net::TaskGroup tasks(world.fake.loop);
  for (std::optional<Put>& result : results) {
    bodies.push_back(std::make_unique<Slow>(world.fake.loop, archive_of(std::string(400, 'x'))));
    tasks.spawn(
        World::keep(world.library->put("web:" + std::to_string(bodies.size()), *bodies.back()), result));
  }
  world.fake.run_until_idle();
  auto more = world.put("web:9", archive_of("one"));
  REQUIRE_FALSE(more);
  CHECK(more.error().kind == Kind::kBusy);
  bodies.back()->word.set();
  world.fake.run_until_idle();
  more = world.put("web:9", archive_of(std::string(900, 'x')));
  REQUIRE_FALSE(more);
  CHECK(more.error().kind == Kind::kFull);
  for (const auto& body : bodies) body->word.set();
  world.fake.run_until_idle();
  REQUIRE(world.put("web:9", archive_of(std::string(900, 'x'))));
  CHECK(world.files() == 1);
}

TEST_CASE("what a push that was cut off has left is taken away; what an index names and is not there, too") {
  World world;
  REQUIRE(world.put("web:1", archive_of("one")));
  REQUIRE(world.put("web:2", archive_of("two")));
  const std::string folder = world.directory.path() + "/images/";
  std::ofstream(folder + "incoming-7") << "half";
  std::ofstream(folder + std::string(64, 'a') + ".tar") << "nobody's";
  std::filesystem::remove(folder + world.library->find("web:2")->sha256 + ".tar");
  world.open();
  CHECK(world.files() == 1);
  REQUIRE(world.library->list().size() == 1);
  CHECK(world.library->list().front().name == "web:1");
}

TEST_CASE("an index that is none, and a place that is no directory, are told") {
  World world;
  const std::string folder = world.directory.path() + "/images";
  std::ofstream(folder + "/index.json") << "{}";
  CHECK(Library::open(world.fake.env, folder).error() == folder + "/index.json: is no index of images");
  std::ofstream(folder + "/index.json")
      << R"({"images":[7,{"name":"../x","sha256":"a","pushed_at":"2026-01-01T00:00:00Z"}]})";
  const auto opened = Library::open(world.fake.env, folder);
  REQUIRE(opened);
  CHECK((*opened)->list().empty());
  std::ofstream(world.directory.path() + "/file") << "x";
  CHECK_FALSE(Library::open(world.fake.env, world.directory.path() + "/file/images"));
}

TEST_CASE("images as JSON") {
  World world;
  REQUIRE(world.put("web:1", archive_of("one")));
  const Image& image = *world.library->find("web:1");
  const std::string one = R"({"name":"web:1","sha256":")" + image.sha256 + R"(","bytes":265,"pushed_at":")" +
                          format_rfc3339(image.pushed_at) + R"("})";
  CHECK(to_json(image) == one);
  CHECK(to_json(*world.library) == R"({"images":[)" + one + R"(],"bytes":265,"bytes_max":3000})");
}

}  // namespace
}  // namespace weir::images
