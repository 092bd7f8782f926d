#include "cloud/http_client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
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

TEST_CASE("those who speak for one account keep its pace together") {
  FakeEnv fake;
  PlayedProvider one(fake);
  PlayedProvider other(fake, "127.0.0.1:8082");
  auto options = options_at("http://127.0.0.1:8081");
  options.gap_min = 200ms;
  HttpClient client(fake.env, options);
  options.url = *Url::parse("http://127.0.0.1:8082");
  HttpClient second(fake.env, options);
  UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
  UnderWay<Told<Answered>> another(fake, second.ask(a_call()));
  CHECK(one.request() != "");
  fake.advance(190ms);
  CHECK(other.request() == "");
  fake.advance(20ms);
  CHECK(other.request() != "");
}

TEST_CASE("who is to be left alone for long is, by all who speak for that account") {
  FakeEnv fake;
  PlayedProvider provider(fake);
  auto options = options_at("http://127.0.0.1:8081");
  HttpClient client(fake.env, options);
  HttpClient second(fake.env, options);
  {
    UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
    CHECK(provider.request() != "");
    provider.answer("429 Too Many Requests", "", "Retry-After: 300\r\n");
    REQUIRE(call.result);  // nobody waits for so long
    CHECK(call.result->error().kind == Trouble::Kind::kBusy);
    CHECK(call.result->error().wait == 300s);
  }
  fake.advance(100s);
  {
    UnderWay<Told<Answered>> call(fake, second.ask(a_call()));
    CHECK(provider.request() == "");
    REQUIRE(call.result);
    CHECK(call.result->error().kind == Trouble::Kind::kBusy);
    CHECK(call.result->error().sentence.starts_with("127.0.0.1:8081 asked not to be asked for another "));
    CHECK(call.result->error().wait <= 200s);
    CHECK(call.result->error().wait > 199s);
  }
  fake.advance(201s);
  UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
  CHECK(provider.request() != "");
}

TEST_CASE("how long a provider may ask to be left alone") {
  const auto told = [](const std::string& value) {
    FakeEnv fake;
    PlayedProvider provider(fake);
    auto options = options_at("http://127.0.0.1:8081");
    options.tries_max = 1;
    HttpClient client(fake.env, options);
    UnderWay<Told<Answered>> call(fake, client.ask(a_call()));
    provider.request();
    provider.answer("429 Too Many Requests", "", "Retry-After: " + value + "\r\n");
    REQUIRE(call.result);
    return call.result->error().wait;
  };
  CHECK(told("5") == 5s);
  CHECK(told("3600") == HttpClient::kRetryAfterMax);
  CHECK(told("99999999999999999999") == 0s);
  CHECK(told("86400000") == HttpClient::kRetryAfterMax);
  CHECK(told("Fri, 31 Dec 1999 23:59:59 GMT") == 0s);
}

TEST_CASE("what was sent in secret is taken out of what comes back") {
  FakeEnv fake;
  auto options = keeping(options_at("http://127.0.0.1:8081"), "t0ken");
  options.secrets.emplace_back("");
  const HttpClient client(fake.env, options);
  CHECK(client.without_secrets("t0ken is not t0kent0ken, but t0ke") == "*** is not ******, but t0ke");
  CHECK(client.without_secrets("") == "");
}

}  // namespace
}  // namespace weir::cloud
