#include "store/opener.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>

#include "store/postgres_server_fixture.h"
#include "store/temporary_directory.h"

namespace weir::store {
namespace {

// What an Opener has reported so far, for another thread to wait for.
class Reports {
 public:
  Opener::Report report() {
    return [this](Opened<std::unique_ptr<Engine>> opened) {
      const std::scoped_lock lock(mutex_);
      if (opened) {
        engine_ = std::move(*opened);
      } else {
        sentence_ = opened.error().sentence;
      }
      changed_.notify_all();
    };
  }
  void wait_for_failure(const std::string& part) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sentence_.find(part) != std::string::npos; });
  }
  Engine& wait_for_engine() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return engine_ != nullptr; });
    return *engine_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Engine> engine_;
  std::string sentence_;
};

std::shared_ptr<const DataDirectory> taken(const std::string& path) {
  auto directory = DataDirectory::open(path);
  REQUIRE(directory);
  return std::make_shared<const DataDirectory>(std::move(*directory));
}

TEST_CASE("a store that is missing at the first try is made") {
  const TemporaryDirectory place;
  Reports reports;
  const Opener opener({.directory = {}, .taken = taken(place.file("data"))}, reports.report());
  CHECK(reports.wait_for_engine().revision() == 0);
}

TEST_CASE("a damaged store is tried again until a good one is in its place; none is made meanwhile") {
  const TemporaryDirectory place;
  {
    const auto engine = Engine::open({.directory = place.file("good"), .threaded = false});
    REQUIRE(engine);
    Transaction transaction;
    transaction.put("a", "1");
    REQUIRE((*engine)->commit(std::move(transaction), [](const Committed& result) { CHECK(result); }));
  }
  const auto directory = taken(place.file("data"));
  const std::string file = place.file("data/store.db");
  std::ofstream(file) << std::string(5000, 'x');

  Reports reports;
  const Opener opener({.directory = {}, .taken = directory}, reports.report(), std::chrono::milliseconds(1));
  reports.wait_for_failure("not a database");
  std::filesystem::remove(file);
  reports.wait_for_failure("there is no store");
  CHECK_FALSE(std::filesystem::exists(file));
  std::filesystem::rename(place.file("good/store.db"), file);
  CHECK(reports.wait_for_engine().revision() == 1);
}

TEST_CASE("an opener ends while it waits") {
  const TemporaryDirectory place;
  const auto directory = taken(place.file("data"));
  std::ofstream(place.file("data/store.db")) << std::string(5000, 'x');
  Reports reports;
  const Opener opener({.directory = {}, .taken = directory}, reports.report(), std::chrono::hours(1));
  reports.wait_for_failure("not a database");
}

TEST_CASE("a place is a directory, or a URL of PostgreSQL; other URLs are refused") {
  const TemporaryDirectory place;
  CHECK(open(place.file("data"), nullptr));
  const auto other = open("mysql://weir:s3cret@db/edge", nullptr);
  REQUIRE_FALSE(other);
  CHECK(other.error().sentence.find("postgres://USER") != std::string::npos);
  CHECK(other.error().sentence.find("s3cret") == std::string::npos);
  if (PostgresServer* server = PostgresServer::shared()) CHECK(open(server->new_database(), nullptr));
}

TEST_CASE("a database that is away is tried again until it can be reached") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  Reports reports;
  const std::string url = server->new_database();
  server->kill();
  const Opener opener({.directory = {}, .url = url}, reports.report(), std::chrono::milliseconds(1));
  reports.wait_for_failure("cannot use the store postgres://weir@");
  server->start();
  CHECK(reports.wait_for_engine().revision() == 0);
}

}  // namespace
}  // namespace weir::store
