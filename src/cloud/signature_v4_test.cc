#include "cloud/signature_v4.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace weir::cloud {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHost = "example.amazonaws.com";
// Of AWS's test suite: 2015-08-30T12:36:00Z.
const WallTime kNow{std::chrono::sys_days{std::chrono::year{2015} / 8 / 30} + 12h + 36min};
const AwsKey kKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const AwsScope kScope{"us-east-1", "service"};

std::string field(const Call& call, std::string_view name) {
  for (const auto& [key, value] : call.fields) {
    if (key == name) return value;
  }
  return {};
}

std::string signature_of(const Call& call) {
  const std::string text = field(call, "Authorization");
  return text.substr(text.find("Signature=") + 10);
}

// https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
TEST_CASE("the vectors of AWS's test suite") {
  SUBCASE("get-vanilla") {
    Call call{.method = http::Method::kGet};
    sign(call, kKey, kScope, kHost, "/", kNow);
    CHECK(field(call, "X-Amz-Date") == "20150830T123600Z");
    CHECK(field(call, "Authorization") ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
          "SignedHeaders=host;x-amz-date, "
          "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  }
  SUBCASE("get-vanilla-query-order-key-case") {
    Call call{.method = http::Method::kGet, .query = "Param1=value1&Param2=value2"};
    sign(call, kKey, kScope, kHost, "/", kNow);
    CHECK(signature_of(call) == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  }
  SUBCASE("post-vanilla") {
    Call call{.method = http::Method::kPost};
    sign(call, kKey, kScope, kHost, "/", kNow);
    CHECK(signature_of(call) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  }
  SUBCASE("post-x-www-form-urlencoded") {
    Call call{.method = http::Method::kPost,
              .content_type = "application/x-www-form-urlencoded",
              .content = "Param1=value1"};
    sign(call, kKey, kScope, kHost, "/", kNow);
    CHECK(signature_of(call) == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
  }
}

TEST_CASE("a temporary key shows its token, and a request that is sent again is signed anew") {
  Call call{.method = http::Method::kGet};
  AwsKey key = kKey;
  key.session_token = "t0ken";
  sign(call, key, kScope, kHost, "/", kNow);
  CHECK(field(call, "X-Amz-Security-Token") == "t0ken");
  CHECK(field(call, "Authorization").find("host;x-amz-date;x-amz-security-token") != std::string::npos);
  const std::string first = signature_of(call);
  sign(call, key, kScope, kHost, "/", kNow + 1s);
  CHECK(call.fields.size() == 3);
  CHECK(field(call, "X-Amz-Date") == "20150830T123601Z");
  CHECK(signature_of(call) != first);
}

}  // namespace
}  // namespace weir::cloud
