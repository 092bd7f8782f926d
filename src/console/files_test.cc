#include "console/files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace weir::console {
namespace {

using http::Known;

constexpr std::array kFiles{
    File{"/assets/main-1A.js", "text/javascript", "1a", "plain script", "gzipped", "brotli"},
    File{"/assets/icon-2B.svg", "image/svg+xml", "2b", "<svg/>", "", ""},
    File{"/index.html", "text/html; charset=utf-8", "3c", "<!doctype html>", "page.gz", "page.br"},
};

struct Asked {
  std::string_view path;
  std::string_view accept;
  std::string_view encoding;
  std::string_view known_tag;
  http::Method method = http::Method::kGet;
};

http::ResponsePtr ask(const Asked& asked) {
  http::RequestHead head;
  head.method = asked.method;
  head.path = asked.path;
  if (!asked.accept.empty()) head.fields.add(Known::kAccept, asked.accept);
  if (!asked.encoding.empty()) head.fields.add(Known::kAcceptEncoding, asked.encoding);
  if (!asked.known_tag.empty()) head.fields.add(Known::kIfNoneMatch, asked.known_tag);
  const http::Request request{.head = head};
  return answer(request, kFiles);
}

std::string content_of(http::Response& response) {
  return std::string(net::as_text(response.take_buffered()));
}

TEST_CASE("an asset is sent in the best form that the client takes") {
  struct Line {
    std::string_view encoding, content, coding, tag;
  };
  constexpr std::array kLines{
      Line{"gzip, deflate, br", "brotli", "br", "\"1a-br\""},
      Line{"gzip, deflate", "gzipped", "gzip", "\"1a-gzip\""},
      Line{"BR;q=0.5", "brotli", "br", "\"1a-br\""},
      Line{"br;q=0, gzip;q=0.1", "gzipped", "gzip", "\"1a-gzip\""},
      Line{"br;q=0.000, gzip; q=0", "plain script", "", "\"1a\""},
      Line{"brotli, xgzip, ,", "plain script", "", "\"1a\""},
      Line{"", "plain script", "", "\"1a\""},
  };
  for (const Line& line : kLines) {
    CAPTURE(line.encoding);
    const auto response = ask({"/assets/main-1A.js", "*/*", line.encoding, ""});
    REQUIRE(response != nullptr);
    CHECK(response->head.status == 200);
    const http::Fields& fields = response->head.fields;
    CHECK(fields.value_of(Known::kContentEncoding) == line.coding);
    CHECK(fields.value_of(Known::kEtag) == line.tag);
    CHECK(fields.value_of(Known::kContentType) == "text/javascript");
    CHECK(fields.value_of(Known::kContentLength) == std::to_string(line.content.size()));
    CHECK(fields.value_of(Known::kVary) == "Accept-Encoding");
    CHECK(fields.value_of(Known::kCacheControl) == "public, max-age=31536000, immutable");
    CHECK_FALSE(response->at_end());
    CHECK(content_of(*response) == line.content);
    CHECK(response->at_end());
  }
}

TEST_CASE("a file without a smaller form is sent as it is") {
  const auto response = ask({"/assets/icon-2B.svg", "*/*", "gzip, br", ""});
  REQUIRE(response != nullptr);
  CHECK(response->head.fields.value_of(Known::kContentEncoding).empty());
  CHECK(content_of(*response) == "<svg/>");
}

TEST_CASE("every place that a browser navigates to has the page, which it asks for again each time") {
  for (const std::string_view path : {"/", "/loadbalancers/web", "/no/such/place"}) {
    CAPTURE(path);
    const auto response = ask({path, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "br", ""});
    REQUIRE(response != nullptr);
    CHECK(response->head.fields.value_of(Known::kCacheControl) == "no-cache");
    CHECK(response->head.fields.value_of(Known::kVary) == "Accept, Accept-Encoding");
    CHECK(content_of(*response) == "page.br");
  }
}

TEST_CASE("what is none for the console is left to others") {
  CHECK(ask({"/", "application/json", "", ""}) == nullptr);
  CHECK(ask({"/", "*/*", "", ""}) == nullptr);
  CHECK(ask({"/assets/gone-9Z.js", "text/html", "", ""}) == nullptr);
  CHECK(ask({"/assets/", "text/html", "", ""}) == nullptr);
  CHECK(ask({"/index.html", "*/*", "", ""}) == nullptr);
  CHECK(ask({"/", "text/html", "", "", http::Method::kPost}) == nullptr);
  CHECK(ask({"/", "text/html", "", "", http::Method::kHead}) != nullptr);
}

TEST_CASE("who has it already is told so") {
  for (const std::string_view tag : {"\"3c-br\"", "W/\"3c-br\"", "\"x\", \"3c-br\"", "*"}) {
    CAPTURE(tag);
    const auto response = ask({"/", "text/html", "br", tag});
    REQUIRE(response != nullptr);
    CHECK(response->head.status == 304);
    CHECK(response->head.framing == http::Framing::kNone);
    CHECK(response->head.fields.value_of(Known::kEtag) == "\"3c-br\"");
    CHECK(response->at_end());
  }
  const auto other = ask({"/", "text/html", "gzip", "\"3c-br\""});
  REQUIRE(other != nullptr);
  CHECK(other->head.status == 200);
}

TEST_CASE("a page may load its own files and talk to its own controller, and do nothing else") {
  const auto response = ask({"/", "text/html", "", ""});
  REQUIRE(response != nullptr);
  const auto value = [&](std::string_view name) {
    const http::Fields& fields = response->head.fields;
    const auto found = std::ranges::find(fields, name, &http::Field::name);
    return found == fields.end() ? std::string_view() : found->value;
  };
  const std::string_view policy = value("Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
  CHECK(policy.find("frame-ancestors 'none'") != std::string_view::npos);
  CHECK(policy.find("unsafe") == std::string_view::npos);
  CHECK(value("X-Content-Type-Options") == "nosniff");
  CHECK(value("Referrer-Policy") == "no-referrer");
  CHECK(value("Cross-Origin-Opener-Policy") == "same-origin");
}

TEST_CASE("the program has a page, and every file that the page names") {
  const auto page = std::ranges::find(files(), "/index.html", &File::path);
  REQUIRE(page != files().end());
  std::size_t named = 0;
  for (std::size_t at = page->plain.find("\"/assets/"); at != std::string_view::npos; ++named) {
    const std::size_t end = page->plain.find('"', at + 1);
    const std::string_view path = page->plain.substr(at + 1, end - at - 1);
    CAPTURE(path);
    CHECK(std::ranges::find(files(), path, &File::path) != files().end());
    at = page->plain.find("\"/assets/", end);
  }
  CHECK(named >= 4);
  CHECK(page->plain.find("<style") == std::string_view::npos);
  CHECK(page->plain.find(" style=") == std::string_view::npos);
  for (const File& file : files()) {
    CAPTURE(file.path);
    CHECK_FALSE(file.media_type.empty());
    CHECK_FALSE(file.plain.empty());
    CHECK(file.gzip.size() < file.plain.size());
    CHECK(file.brotli.size() < file.plain.size());
  }
}

}  // namespace
}  // namespace weir::console
