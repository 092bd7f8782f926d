#include "filter/visitor.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace weir::filter {
namespace {

constexpr std::chrono::sys_seconds kUntil{std::chrono::seconds(1'790'000'000)};
constexpr WallTime kNow = kUntil - std::chrono::minutes(1);

TEST_CASE("a cookie says who somebody is to whoever has the key, until its time is over") {
  auth::Digest key{};
  key.fill(std::byte{1});
  const std::string cookie = visitor_cookie(key, {"eve@host.example", kUntil});
  const auto visitor = read_visitor(key, cookie, kNow);
  REQUIRE(visitor);
  CHECK(visitor->email == "eve@host.example");
  CHECK(visitor->until == kUntil);
  CHECK_FALSE(read_visitor(key, cookie, kUntil));
  CHECK_FALSE(read_visitor(auth::Digest{}, cookie, kNow));
}

TEST_CASE("a cookie that was changed says nothing") {
  const auth::Digest key{};
  const std::string cookie = visitor_cookie(key, {"eve@host.example", kUntil});
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    std::string changed = cookie;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(read_visitor(key, changed, kNow));
  }
  const std::string later = auth::to_base64url(auth::bytes_of("1800000000:eve@host.example"));
  CHECK_FALSE(read_visitor(key, later + cookie.substr(cookie.find('.')), kNow));
  for (const std::string& other : {std::string(), std::string("."), cookie + "x", cookie.substr(1),
                                   cookie + '.', std::string(kVisitorCookieBytesMax + 1, 'a')}) {
    CHECK_FALSE(read_visitor(key, other, kNow));
  }
}

TEST_CASE("who somebody is has one form") {
  CHECK(parse_visitor("1:a@b"));
  for (const char* other : {"", ":", "1:", "1", "a@b", "-1:a@b", "1:a", "1:@b", "1:a@b@c.example",
                            "1:a@b\r\nX: y", "1:a b@c", "253402300800:a@b"}) {
    CHECK_FALSE(parse_visitor(other));
  }
  CHECK_FALSE(parse_visitor("1:a@" + std::string(kEmailBytesMax, 'b')));
}

TEST_CASE("a key is of one load balancer, provider, client and secret") {
  const config::VisitorSignIn spec{.issuer = "https://id.example", .client_id = "weir"};
  const auth::Digest key = visitor_key(spec, "the client's secret", "web");
  config::VisitorSignIn other = spec;
  other.allow_emails = {"eve@host.example"};
  other.session = std::chrono::minutes(1);
  CHECK(visitor_key(other, "the client's secret", "web") == key);
  CHECK(visitor_key(spec, "the client's secret", "shop") != key);
  CHECK(visitor_key(spec, "another secret", "web") != key);
  other.client_id = "shop";
  CHECK(visitor_key(other, "the client's secret", "web") != key);
  other = spec;
  other.issuer = "https://other.example";
  CHECK(visitor_key(other, "the client's secret", "web") != key);
  CHECK(visitor_cookie_name(key).starts_with(kVisitorCookiePrefix));
  CHECK(visitor_cookie_name(key) != visitor_cookie_name(visitor_key(spec, "the client's secret", "shop")));
}

TEST_CASE("who is listed by address or by domain may come, and nobody who only looks so") {
  const GuestList guests({.allow_emails = {"Bob@else.example"}, .allow_domains = {"Example.com"}});
  for (const char* guest : {"bob@else.example", "BOB@ELSE.example", "eve@example.com", "Eve@EXAMPLE.COM"}) {
    CHECK_MESSAGE(guests.holds(guest), guest);
  }
  for (const char* other : {"eve@else.example", "eve@evil-example.com", "eve@sub.example.com",
                            "eve@example.com.evil.example", "a@b@example.com", "example.com", "@else.example",
                            "eve@example.com.", "bob@else.example@evil.example", ""}) {
    CHECK_MESSAGE(!guests.holds(other), other);
  }
  CHECK_FALSE(GuestList({.allow_emails = {"a@b.example"}}).holds("c@b.example"));
}

}  // namespace
}  // namespace weir::filter
