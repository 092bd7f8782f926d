// What the API does with images: in and out as they are, for administrators and for nodes.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include "api/api_fixture.h"
#include "auth/crypto.h"
#include "base/text.h"
#include "images/library.h"
#include "store/temporary_directory.h"

namespace weir::api {
namespace {

using namespace std::chrono_literals;

std::string archive_of(std::string_view content) {
  return std::string(257, 'x') + "ustar" + std::string(content);
}
std::string sha256_of(const std::string& text) { return to_hex(auth::sha256({auth::bytes_of(text)})); }

struct Kept {
  Kept() {
    api.api.keep_images(directory.path() + "/images", {.image_bytes_max = 1000, .all_bytes_max = 1500},
                        [this](const http::Request& /*request*/) { return is_node; });
  }
  // What waits for the disk is done by a thread.
  ApiAnswer call(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view fields = {}) {
    testing::Peer peer(api.fake, ApiFixture::kAddress);
    peer.send(api.text_of(method, target, body, fields));
    std::string text;
    REQUIRE(api.fake.run_with_threads(20s, [&] {
      text += peer.take();
      return text.contains("\r\n\r\n");
    }));
    return ApiFixture::parse(text + peer.take());
  }
  std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

  ApiFixture api;
  store::TemporaryDirectory directory;
  bool is_node = false;
};

TEST_CASE("an image is put, read as it was, listed and deleted, and the audit has it") {
  Kept kept;
  const std::string archive = archive_of("one");
  const std::string digest = sha256_of(archive);
  const ApiAnswer put = kept.call("PUT", "/v1/images/web:1", archive);
  CHECK(put.status == 200);
  CHECK(put.body.contains("\"name\":\"web:1\",\"sha256\":\"" + digest + "\",\"bytes\":265"));
  const ApiAnswer read = kept.call("GET", "/v1/images/web:1");
  CHECK(read.status == 200);
  CHECK(read.body == archive);
  CHECK(read.field("ETag") == '"' + digest + '"');
  CHECK(read.field("Content-Type") == "application/x-tar");
  CHECK(read.field("weir-pushed-at").ends_with("Z"));
  const ApiAnswer head = kept.call("HEAD", "/v1/images/web:1");
  CHECK(head.field("Content-Length") == "265");
  CHECK(head.body.empty());
  CHECK(kept.call("GET", "/v1/images/web:1", {}, "If-None-Match: \"" + digest + "\"\r\n").status == 304);
  CHECK(kept.call("GET", "/v1/images").body.starts_with("{\"images\":[{\"name\":\"web:1\","));
  CHECK(kept.call("PUT", "/v1/images/web", archive_of("two")).body.contains("\"name\":\"web:latest\""));
  CHECK(kept.call("DELETE", "/v1/images/web:1").body == "{\"deleted\":\"web:1\"}\n");
  CHECK(kept.call("DELETE", "/v1/images/web:1").status == 404);
  const std::string events = kept.call("GET", "/v1/events").body;
  CHECK(events.contains("\"verb\":\"push\",\"kind\":\"Image\",\"name\":\"web:1\""));
  CHECK(events.contains(digest));
  CHECK(events.contains("\"verb\":\"delete\",\"kind\":\"Image\",\"name\":\"web:1\""));
}

TEST_CASE("images are for administrators, and for nodes to read") {
  Kept kept;
  REQUIRE(kept.call("PUT", "/v1/images/web:1", archive_of("one")).status == 200);
  const std::string viewer = kept.bearer(kept.api.viewer);
  for (const char* target : {"/v1/images", "/v1/images/web:1"}) {
    CHECK(kept.call("GET", target, {}, viewer).status == 403);
    CHECK(kept.call("GET", target, {}, "Authorization: none\r\n").status == 401);
  }
  CHECK(kept.call("PUT", "/v1/images/web:1", archive_of("two"), viewer).status == 403);
  CHECK(kept.call("DELETE", "/v1/images/web:1", {}, viewer).status == 403);
  kept.is_node = true;
  const std::string nobody = "Authorization: none\r\n";
  CHECK(kept.call("GET", "/v1/images/web:1", {}, nobody).body == archive_of("one"));
  CHECK(kept.call("HEAD", "/v1/images/web:2", {}, nobody).status == 404);
  CHECK(kept.call("GET", "/v1/images", {}, nobody).status == 401);
  CHECK(kept.call("PUT", "/v1/images/web:1", archive_of("two"), nobody).status == 401);
  CHECK(kept.call("DELETE", "/v1/images/web:1", {}, nobody).status == 401);
}

TEST_CASE("what can't be kept says why") {
  Kept kept;
  const auto detail = [](const ApiAnswer& answer) {
    const std::size_t begin = answer.body.find("\"detail\":\"") + 10;
    return answer.body.substr(begin, answer.body.find('"', begin) - begin);
  };
  ApiAnswer answer = kept.call("PUT", "/v1/images/Web", "x");
  CHECK(answer.status == 404);
  CHECK(detail(answer) == "no image can have this name, which must be a name and a tag such as web:1.2");
  answer = kept.call("PUT", "/v1/images/web", "hello");
  CHECK(answer.status == 422);
  CHECK(detail(answer) == "this is no archive of an image; podman save and docker save make one");
  answer = kept.call("PUT", "/v1/images/web");
  CHECK(answer.status == 422);
  answer = kept.call("PUT", "/v1/images/web", archive_of(std::string(1000, 'x')));
  CHECK(answer.status == 413);
  REQUIRE(kept.call("PUT", "/v1/images/a", archive_of(std::string(600, 'a'))).status == 200);
  answer = kept.call("PUT", "/v1/images/b", archive_of(std::string(600, 'b')));
  CHECK(answer.status == 507);
  CHECK(detail(answer) == "all images together may have 1500 bytes at most; delete one that is not needed");
  CHECK(kept.call("POST", "/v1/images/a", "x").field("Allow") == "GET, HEAD, PUT, DELETE, OPTIONS");
  CHECK(kept.call("GET", "/v1/images/a?x=1").status == 400);
}

TEST_CASE("a process that keeps none, or can't, says so") {
  ApiFixture api;
  api.api.keep_images("/dev/null/images", {}, nullptr);
  CHECK(api.fake.log.text().contains("images can't be kept"));
  const ApiAnswer answer = api.call("GET", "/v1/images");
  CHECK(answer.status == 404);
  CHECK(answer.body.contains("this process keeps no images"));
}

}  // namespace
}  // namespace weir::api
