// From lines to a collector that takes them, is away, refuses: on the fake Env, with a disk.
#include "shipping/shipper.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "cloud/client_fixture.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::shipping {
namespace {

using namespace std::chrono_literals;
using cloud::PlayedProvider;
using testing::FakeEnv;

constexpr std::string_view kUrl = "http://127.0.0.1:8081/in/?key=s3cret";

struct Place {
  FakeEnv fake;
  store::TemporaryDirectory directory;
  ShipperCounts counts;
  std::unique_ptr<Shipper> shipper;

  std::unique_ptr<Collector> collector(std::string header_file = {}) {
    auto opened = Collector::open(
        fake.env, {.url = std::string(kUrl), .header_file = std::move(header_file), .context = nullptr});
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
    return std::move(*opened);
  }
  void start(std::string header_file = {}) {
    auto spool = Spool::open(directory.file("spool"), Spool::kBytesMin, fake.random);
    REQUIRE(spool.has_value());
    shipper = std::make_unique<Shipper>(fake.env, "collector", collector(std::move(header_file)),
                                        std::move(*spool), counts);
    shipper->start();
  }
  void stop() {
    CHECK(fake.run(shipper->stop(), 2s));
    shipper.reset();
  }
  void keep(std::string_view lines, std::uint64_t count = 1) {
    shipper->keep(lines, count);
    fake.advance(Shipper::kGather);
  }
};

std::string content_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }
std::string field_of(const std::string& request, std::string_view name) {
  const std::size_t begin = request.find("\r\n" + std::string(name) + ": ");
  if (begin == request.npos) return {};
  const std::size_t value = begin + 4 + name.size();
  return request.substr(value, request.find("\r\n", value) - value);
}

TEST_CASE("lines are posted together, with an id, and are gone when they are taken") {
  Place place;
  PlayedProvider collector(place.fake);
  place.start();
  place.shipper->keep("{1}\n", 1);
  place.shipper->keep("{2}\n", 1);
  CHECK(collector.request() == "");
  place.fake.advance(Shipper::kGather);
  const std::string request = collector.request();
  CHECK(request.starts_with("POST /in/?key=s3cret HTTP/1.1\r\n"));
  CHECK(content_of(request) == "{1}\n{2}\n");
  CHECK(field_of(request, "Content-Type") == "application/x-ndjson");
  CHECK(field_of(request, "X-Weir-Batch").size() == 29);
  CHECK(place.counts.waiting_bytes == 8);
  CHECK(place.counts.waiting_since_ms != 0);
  collector.answer("204 No Content", "");
  place.fake.run_until_idle();
  CHECK(place.counts.taken == 2);
  CHECK(place.counts.waiting_bytes == 0);
  CHECK(place.counts.waiting_since_ms == 0);
  place.keep("{3}\n");
  const std::string next = collector.request();
  CHECK(content_of(next) == "{3}\n");
  CHECK(field_of(next, "X-Weir-Batch") != field_of(request, "X-Weir-Batch"));
  collector.answer("200 OK", "{}");
  place.stop();
  CHECK(place.counts.taken == 3);
  CHECK(place.counts.dropped == 0);
}

TEST_CASE("a collector that is away for an hour gets all of it, in large packs, in order") {
  Place place;
  place.start();
  for (int minute = 0; minute < 60; ++minute) {
    place.shipper->keep("{" + std::to_string(minute) + "}\n", 1);
    place.fake.advance(1min);
  }
  CHECK(place.counts.taken == 0);
  CHECK(place.counts.trouble().starts_with("127.0.0.1:8081: "));
  CHECK(place.fake.log.count("access log is not taken by its collector, and waits on disk") == 1);
  CHECK(place.fake.network.connects(*net::Address::parse("127.0.0.1:8081")) >= 120);
  PlayedProvider collector(place.fake);
  place.fake.advance(37s);  // the longest wait, and a fifth
  std::string first = collector.request();
  CHECK(content_of(first) == "{0}\n");
  collector.answer("200 OK", "");
  const std::string rest = collector.request();
  CHECK(content_of(rest).starts_with("{1}\n{2}\n"));
  CHECK(content_of(rest).ends_with("{59}\n"));
  collector.answer("200 OK", "");
  place.fake.run_until_idle();
  CHECK(place.counts.taken == 60);
  CHECK(place.counts.dropped == 0);
  CHECK(place.counts.trouble().empty());
  CHECK(place.fake.log.count("access log is taken by its collector again") == 1);
  place.stop();
}

TEST_CASE("the same is sent again under the same id, when nobody knows whether it was taken") {
  Place place;
  PlayedProvider collector(place.fake);
  place.start();
  place.keep("{1}\n");
  const std::string first = collector.request();
  SUBCASE("the connection breaks") { collector.reset(); }
  SUBCASE("an error of the server") { collector.answer("500 Internal Server Error", ""); }
  SUBCASE("no answer") { place.fake.advance(Collector::kAnswerTimeout + 1s); }
  SUBCASE("it is not let in") { collector.answer("401 Unauthorized", ""); }
  place.keep("{2}\n");
  place.fake.advance(3s);
  const std::string again = collector.request();
  CHECK(content_of(again) == "{1}\n");
  CHECK(field_of(again, "X-Weir-Batch") == field_of(first, "X-Weir-Batch"));
  collector.answer("200 OK", "");
  CHECK(content_of(collector.request()) == "{2}\n");
  collector.answer("200 OK", "");
  place.stop();
  CHECK(place.counts.taken == 2);
}

TEST_CASE("who asks to be left alone is") {
  Place place;
  PlayedProvider collector(place.fake);
  place.start();
  place.keep("{1}\n");
  CHECK(collector.request() != "");
  collector.answer("429 Too Many Requests", "", "Retry-After: 100\r\n");
  place.fake.advance(99s);
  CHECK(collector.request() == "");
  place.fake.advance(2s);
  CHECK(collector.request() != "");
  collector.answer("200 OK", "");
  place.stop();
}

TEST_CASE("what is refused for what it is does not hold up the rest for ever") {
  Place place;
  PlayedProvider collector(place.fake);
  place.start();
  place.keep("{1}\n");
  for (int i = 1; i <= Shipper::kRefusalsMax; ++i) {
    CHECK(content_of(collector.request()) == "{1}\n");
    collector.answer("400 Bad Request", "");
    if (i == 1) place.keep("{2}\n");
    place.fake.advance(20s);
  }
  CHECK(place.counts.dropped == 1);
  CHECK(place.fake.log.count("lines of the access log are given up: their collector refuses them") == 1);
  CHECK(content_of(collector.request()) == "{2}\n");
  collector.answer("200 OK", "");
  place.stop();
  CHECK(place.counts.taken == 1);
}

TEST_CASE("what could not be brought waits for the next process; an end waits for the collector, not long") {
  Place place;
  PlayedProvider collector(place.fake);
  place.start();
  place.keep("{1}\n");
  const std::string first = collector.request();
  place.shipper->keep("{2}\n", 1);
  place.stop();  // without an answer
  CHECK(place.counts.taken == 0);
  place.start();
  place.fake.run_until_idle();
  collector.reset();
  const std::string again = collector.request();
  CHECK(content_of(again) == "{1}\n");
  CHECK(field_of(again, "X-Weir-Batch") == field_of(first, "X-Weir-Batch"));
  collector.answer("200 OK", "");
  CHECK(content_of(collector.request()) == "{2}\n");
  collector.answer("200 OK", "");
  place.stop();
  CHECK(place.counts.taken == 2);
}

TEST_CASE("what another process leaves is brought, too") {
  Place place;
  auto other = Spool::open(place.directory.file("spool"), Spool::kBytesMin, place.fake.random);
  REQUIRE(other.has_value());
  REQUIRE((*other)->append("{old}\n", WallTime()));
  PlayedProvider collector(place.fake);
  place.start();
  place.fake.advance(Shipper::kAdoptEvery * 2);
  CHECK(collector.request() == "");
  other->reset();
  place.fake.advance(Shipper::kAdoptEvery * 2);
  CHECK(content_of(collector.request()) == "{old}\n");
  collector.answer("200 OK", "");
  place.stop();
}

TEST_CASE("a disk that takes nothing costs lines, which are counted, and the log says so once") {
  Place place;
  place.start();
  std::filesystem::remove_all(place.directory.file("spool"));
  place.shipper->keep("{1}\n{2}\n", 2);
  place.shipper->keep("{3}\n", 1);
  CHECK(place.counts.dropped == 3);
  CHECK(place.fake.log.count("access log cannot be kept for its collector") == 1);
  std::filesystem::create_directory(place.directory.file("spool"));
  place.shipper->keep("{4}\n", 1);
  CHECK(place.fake.log.count("access log is kept for its collector again") == 1);
  place.stop();
}

TEST_CASE("the fields of a file go with each request, as they are then, and are shown nowhere") {
  Place place;
  const std::string path = place.directory.file("headers");
  std::ofstream(path) << "# the token\n\nAuthorization: Bearer t0ken\r\nX-Scope: a: b\n";
  PlayedProvider collector(place.fake);
  place.start(path);
  place.keep("{1}\n");
  const std::string first = collector.request();
  CHECK(field_of(first, "Authorization") == "Bearer t0ken");
  CHECK(field_of(first, "X-Scope") == "a: b");
  collector.answer("403 Forbidden", "Bearer t0ken is old");
  std::ofstream(path) << "Authorization: Bearer another\n";
  place.fake.advance(2s);
  CHECK(field_of(collector.request(), "Authorization") == "Bearer another");
  collector.answer("500 Internal Server Error", "");
  std::filesystem::remove(path);
  place.fake.advance(5s);
  CHECK(place.counts.trouble() == path + ": there is none");
  CHECK(place.fake.log.text().find("t0ken") == std::string::npos);
  CHECK(place.fake.log.text().find("s3cret") == std::string::npos);
  place.stop();
}

TEST_CASE("fields that can't be sent") {
  const auto wrong = [](std::string_view text) {
    const auto fields = Collector::parse_fields(text);
    REQUIRE_FALSE(fields.has_value());
    return fields.error();
  };
  CHECK(wrong("secret").starts_with("line 1 has no colon"));
  CHECK(wrong("a: b\nb c: d") == "line 2 has no valid name");
  CHECK(wrong(": d") == "line 1 has no valid name");
  CHECK(wrong("a:") == "line 1 has no valid value");
  CHECK(wrong("a: b\x01") == "line 1 has no valid value");
  CHECK(wrong("content-length: 1") == "line 1 is a field that weir sets itself");
  std::string many;
  for (std::size_t i = 0; i <= Collector::kHeadersMax; ++i) many += "a: b\n";
  CHECK(wrong(many) == "line 17 is one too many");
}

TEST_CASE("collectors that there can't be") {
  FakeEnv fake;
  const auto wrong = [&](std::string url, std::string header_file = {}) {
    const auto opened = Collector::open(
        fake.env, {.url = std::move(url), .header_file = std::move(header_file), .context = nullptr});
    REQUIRE_FALSE(opened.has_value());
    return opened.error();
  };
  CHECK(wrong("https://") == "the URL must name a host");
  CHECK(wrong("http") == "the URL must begin with http:// or https://");
  CHECK(wrong("https://a:0/b") == "the URL must have a port from 1 to 65535");
  CHECK(wrong("https://a/b c").starts_with("the URL must have visible ASCII"));
  CHECK(wrong("https://a/b#c").starts_with("the URL must have visible ASCII"));
  CHECK(wrong("http://logs.example/", "/etc/token").find("https://") != std::string::npos);
  CHECK(wrong("http://127.0.0.1/", "/nowhere/file").starts_with("/nowhere/file: "));
  CHECK(Collector::open(fake.env, {.url = "http://logs.example", .header_file = {}, .context = nullptr}));
  CHECK(fake.log.count("what is sent to a collector without TLS can be read on its way") == 1);
}

}  // namespace
}  // namespace weir::shipping
