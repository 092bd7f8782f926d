#include "nameserver/geo_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nameserver/geo_file_fixture.h"
#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::nameserver {
namespace {

struct World {
  testing::FakeEnv fake;
  FileOfTest file{GeoFile().add("10.0.0.0/8", "DE", "EU").bytes()};
  std::vector<std::string> seen;  // the country of the file, each time that there is another
  GeoWatch watch{fake.env, file.path,
                 [this](const GeoDatabasePointer& read) { seen.push_back(read->locations()[0].country); }};
  net::TaskGroup tasks{fake.loop};

  void begin() {
    REQUIRE(watch.open().has_value());
    tasks.spawn(watch.watch(fake.loop));
  }
  void end() { CHECK(fake.run(stop())); }
  net::Task<void> stop() { co_await tasks.stop(); }
};

TEST_CASE("another file in the place of the first is read, and one that is the same is not") {
  World world;
  world.begin();
  world.fake.advance(3 * GeoWatch::kLookInterval);
  CHECK(world.seen == std::vector<std::string>{"DE"});
  world.file.replace(GeoFile().add("10.0.0.0/8", "FR", "EU").bytes());
  world.fake.advance(GeoWatch::kLookInterval);
  CHECK(world.seen == std::vector<std::string>{"DE", "FR"});
  world.file.write(GeoFile().add("10.0.0.0/8", "US", "NA").add("11.0.0.0/8", "FR", "EU").bytes());
  world.fake.advance(GeoWatch::kLookInterval);
  CHECK(world.seen.back() == "US");
  world.end();
}

TEST_CASE("a file that is damaged or gone changes nothing, and is said once") {
  World world;
  world.begin();
  world.file.replace("half a fi");
  world.fake.advance(3 * GeoWatch::kLookInterval);
  CHECK(world.fake.log.count("the countries stay as they were") == 1);
  ::unlink(world.file.path.c_str());
  world.fake.advance(3 * GeoWatch::kLookInterval);
  CHECK(world.fake.log.count("the countries stay as they were") == 2);
  CHECK(world.seen == std::vector<std::string>{"DE"});
  world.file.write(GeoFile().add("10.0.0.0/8", "FR", "EU").bytes());
  world.fake.advance(GeoWatch::kLookInterval);
  CHECK(world.seen == std::vector<std::string>{"DE", "FR"});
  world.end();
}

TEST_CASE("without a file at the start there is no beginning") {
  World world;
  ::unlink(world.file.path.c_str());
  CHECK(world.watch.open().error().contains("No such file"));
  CHECK(world.seen.empty());
}

}  // namespace
}  // namespace weir::nameserver
