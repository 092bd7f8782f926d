#include "shipping/spool.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "store/temporary_directory.h"

namespace weir::shipping {
namespace {

constexpr WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

std::unique_ptr<Spool> open_spool(const std::string& folder, Random& random,
                                  std::uint64_t bytes_max = Spool::kBytesMin) {
  auto opened = Spool::open(folder, bytes_max, random);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

std::size_t files_in(const std::string& folder, std::string_view end) {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::directory_iterator(folder)) {
    if (one.path().string().ends_with(end)) ++count;
  }
  return count;
}

struct Place {
  store::TemporaryDirectory directory;
  std::string folder = directory.file("spool");
  Random random{7};
};

TEST_CASE("lines come back in their order, in packs of which none changes once it was seen") {
  Place place;
  const auto spool = open_spool(place.folder, place.random);
  CHECK_FALSE(spool->oldest());
  CHECK_FALSE(spool->waiting_since());
  REQUIRE(spool->append("{1}\n{2}\n", kNow));
  REQUIRE(spool->append("{3}\n", kNow + std::chrono::seconds(1)));
  CHECK(spool->bytes() == 12);
  CHECK(spool->waiting_since() == kNow);
  const auto first = spool->oldest();
  REQUIRE(first);
  CHECK(first->lines == "{1}\n{2}\n{3}\n");
  CHECK(first->count == 3);
  REQUIRE(spool->append("{4}\n", kNow));
  const auto again = spool->oldest();
  REQUIRE(again);
  CHECK(again->id == first->id);
  CHECK(again->lines == first->lines);
  spool->remove(first->id);
  const auto second = spool->oldest();
  REQUIRE(second);
  CHECK(second->id != first->id);
  CHECK(second->lines == "{4}\n");
  spool->remove(second->id);
  CHECK_FALSE(spool->oldest());
  CHECK(spool->bytes() == 0);
  CHECK(files_in(place.folder, ".ndjson") == 0);
  CHECK(spool->take_dropped() == 0);
}

TEST_CASE("what grows beyond a pack's size goes into the next") {
  Place place;
  const auto spool = open_spool(place.folder, place.random);
  const std::string line(Spool::kFileBytesMax / 2, 'x');
  for (int i = 0; i < 3; ++i) REQUIRE(spool->append(line + '\n', kNow));
  CHECK(files_in(place.folder, ".ndjson") == 3);
  CHECK(spool->oldest()->count == 1);
}

TEST_CASE("beyond its bound the oldest go and are counted, but for what is being sent") {
  Place place;
  const auto spool = open_spool(place.folder, place.random);
  const std::string large(Spool::kFileBytesMax - 1, 'x');
  REQUIRE(spool->append("{first}\n", kNow));
  const auto first = spool->oldest();
  REQUIRE(first);
  for (int i = 0; i < 12; ++i) REQUIRE(spool->append(large + '\n', kNow));
  CHECK(spool->bytes() <= Spool::kBytesMin);
  CHECK(spool->take_dropped() == 5);
  CHECK(spool->take_dropped() == 0);
  CHECK(spool->oldest()->id == first->id);
  spool->remove(first->id);
  std::size_t left = 0;
  while (const auto pack = spool->oldest()) {
    ++left;
    spool->remove(pack->id);
  }
  CHECK(left == 7);
}

TEST_CASE("what a process leaves, its successor goes on with; not while it lives") {
  Place place;
  auto old = open_spool(place.folder, place.random);
  REQUIRE(old->append("{1}\n", kNow));
  const auto sent = old->oldest();
  REQUIRE(sent);
  REQUIRE(old->append("{2}\n", kNow));
  const auto next = open_spool(place.folder, place.random);
  CHECK_FALSE(next->oldest());
  REQUIRE(next->append("{3}\n", kNow));
  CHECK_FALSE(next->adopt());
  old->sync();
  old.reset();
  CHECK(next->adopt());
  CHECK_FALSE(next->adopt());
  CHECK(next->bytes() == 12);
  std::string all;
  bool same_id = false;
  while (const auto pack = next->oldest()) {
    all += pack->lines;
    same_id = same_id || (pack->id == sent->id && pack->lines == sent->lines);
    next->remove(pack->id);
  }
  CHECK(all == "{1}\n{2}\n{3}\n");
  CHECK_MESSAGE(same_id, "what may have been sent already bears the same id");
  CHECK_MESSAGE(files_in(place.folder, ".lock") == 1, "only its own");
}

TEST_CASE("a half line of a process that died is cut off; foreign files are let be") {
  Place place;
  std::string id;
  {
    const auto old = open_spool(place.folder, place.random);
    REQUIRE(old->append("{1}\n{2}\n", kNow));
    id = old->oldest()->id;
  }
  std::ofstream(place.folder + '/' + id + ".ndjson", std::ios::app) << "{half";
  std::ofstream(place.folder + "/notes.txt") << "mine";
  std::ofstream(place.folder + "/0123456789abcdef-00000000000x.ndjson") << "mine";
  const auto spool = open_spool(place.folder, place.random);
  const auto pack = spool->oldest();
  REQUIRE(pack);
  CHECK(pack->lines == "{1}\n{2}\n");
  CHECK(spool->take_dropped() == 1);
  spool->remove(pack->id);
  CHECK_FALSE(spool->oldest());
  CHECK(std::filesystem::exists(place.folder + "/notes.txt"));
  CHECK(std::filesystem::exists(place.folder + "/0123456789abcdef-00000000000x.ndjson"));
}

TEST_CASE("what can't be read or written is no end of it") {
  Place place;
  CHECK_FALSE(Spool::open(place.directory.file("nowhere/spool"), Spool::kBytesMin, place.random));
  const auto spool = open_spool(place.folder, place.random);
  REQUIRE(spool->append("{1}\n", kNow));
  const std::string id = spool->oldest()->id;
  const std::string path = place.folder + '/' + id + ".ndjson";
  SUBCASE("a file is gone") {
    std::filesystem::remove(path);
    CHECK_FALSE(spool->oldest());
    CHECK(spool->take_dropped() == 0);
  }
  SUBCASE("a file is larger than weir makes any") {
    std::filesystem::resize_file(path, Spool::kForeignFileBytesMax + 1);
    CHECK_FALSE(spool->oldest());
    CHECK(spool->take_dropped() == 1);
  }
  SUBCASE("the folder is gone") {
    std::filesystem::remove_all(place.folder);
    CHECK_FALSE(spool->append("{2}\n", kNow));
    CHECK(spool->bytes() == 4);
  }
}

}  // namespace
}  // namespace weir::shipping
