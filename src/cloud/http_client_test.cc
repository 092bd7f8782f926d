#include "cloud/http_client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "cloud/client_fixture.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;
using namespace std::chrono_literals;

Call a_call(http::Method method = http::Method::kGet, std::string content = {}) {
  return {.method = method,
          .path = "/zones",
          .query = "name=a",
          .fields = {{"X-Key", "k"}},
          .content_type = "text/plain",
          .content = std::move(content)};
}

TEST_CASE("URLs") {
  const auto url = Url::parse("https://API.example/v4/");
  REQUIRE(url);
  CHECK(url->host == tls::Host{"API.example", 443});
  CHECK(url->over_tls);
  CHECK(url->authority == "API.example");
  CHECK(url->path == "/v4");
  CHECK(Url::parse("http://[::1]:8081")->host == tls::Host{"::1", 8081});
  CHECK(Url::parse("http://127.0.0.1")->host.port == 80);
  for (const char* wrong : {"", "ftp://a", "http://", "http://a:0", "http://a:70000", "http://a/?q",
                            "http://a b", "http://user@a"}) {
    CAPTURE(wrong);
    CHECK_FALSE(Url::parse(wrong));
  }
  CHECK(encoded("a b/ü~") == "a%20b%2F%C3%BC~");
}

TEST_CASE("a call is one request, with the fields that it has, and its answer comes back whole") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  HttpClient client(fake.env, options_at("http://127.0.0.1:8081/v4"));
  UnderWay<Told<Answered>> call(fake, client.ask(a_call(http::Method::kPost, "hello")));
  CHECK(provider.request() ==
        "POST /v4/zones?name=a HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nUser-Agent: weir/" WEIR_VERSION
        "\r\nX-Key: k\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
  provider.answer("404 Not Found", "no", "Content-Type: text/html\r\n");
  REQUIRE(call.result);
  CHECK((*call.result)->status == 404);
  CHECK((*call.result)->content == "no");
  CHECK((*call.result)->content_type == "text/html");
}

TEST_CASE("who is busy is asked again: when it says so, or later and later") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  HttpClient client(fake.env, options_at("http://127.0.0.1:8081"));
  UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
  CHECK(provider.request() != "");
  provider.answer("429 Too Many Requests", "", "Retry-After: 7\r\n");
  fake.advance(6900ms);
  CHECK(provider.request() == "");
  fake.advance(200ms);
  CHECK(provider.request() != "");
  provider.answer("503 Service Unavailable", "");
  fake.advance(400ms);
  CHECK(provider.request() == "");
  fake.advance(700ms);
  CHECK(provider.request() != "");
  provider.answer("500 Internal Server Error", "");
  fake.advance(2100ms);
  CHECK(provider.request() != "");
  provider.answer("502 Bad Gateway", "");
  REQUIRE(call.result);
  CHECK(call.result->error().kind == Trouble::Kind::kBusy);
  CHECK(call.result->error().sentence == "127.0.0.1:8081 answers with status 502");
}

TEST_CASE("what may have been done is not done again") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  HttpClient client(fake.env, options_at("http://127.0.0.1:8081"));
  SUBCASE("an error of the provider") {
    UnderWay<Told<Answered>> call(fake, client.ask(a_call(http::Method::kPatch, "x")));
    provider.request();
    provider.answer("500 Internal Server Error", "");
    REQUIRE(call.result);
    CHECK(call.result->error().kind == Trouble::Kind::kUnknown);
  }
  SUBCASE("no answer in time") {
    UnderWay<Told<Answered>> call(fake, client.ask(a_call(http::Method::kPatch, "x")));
    provider.request();
    fake.advance(HttpClient::kAnswerTimeout + 1s);
    REQUIRE(call.result);
    CHECK(call.result->error().kind == Trouble::Kind::kUnknown);
  }
}

TEST_CASE("nobody there, for as long as it is tried") {
  FakeEnv fake;
  HttpClient client(fake.env, options_at("http://127.0.0.1:8081"));
  UnderWay<Told<Answered>> call(fake, client.ask(a_call(http::Method::kPatch, "x")));
  CHECK_FALSE(call.result);
  fake.advance(10s);
  REQUIRE(call.result);
  CHECK(call.result->error().kind == Trouble::Kind::kUnreachable);
  CHECK(fake.network.connects(*net::Address::parse("127.0.0.1:8081")) == HttpClient::kTriesMax);
}

TEST_CASE("an answer without end is given up") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  auto options = options_at("http://127.0.0.1:8081");
  options.answer_bytes_max = 10;
  options.tries_max = 1;
  HttpClient client(fake.env, std::move(options));
  UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
  provider.request();
  provider.answer("200 OK", "0123456789a");
  REQUIRE(call.result);
  CHECK(call.result->error().sentence == "127.0.0.1:8081: the answer is too large");
}

TEST_CASE("requests keep their distance") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  auto options = options_at("http://127.0.0.1:8081");
  options.gap_min = 200ms;
  HttpClient client(fake.env, std::move(options));
  {
    UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
    CHECK(provider.request() != "");
    provider.answer("200 OK", "");
    CHECK(call.result);
  }
  UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
  CHECK(provider.request() == "");
  fake.advance(200ms);
  CHECK(provider.request() != "");
}

}  // namespace
}  // namespace weir::cloud
