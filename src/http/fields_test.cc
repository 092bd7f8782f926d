#include "http/fields.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/text.h"
#include "http/message.h"

using namespace weir;
using namespace weir::http;

namespace {

std::string describe(const Fields& fields) {
  std::string text;
  for (const Field& field : fields) text += std::string(field.name) + "=" + std::string(field.value) + ";";
  return text;
}

}  // namespace

TEST_CASE("known names are found in any case, and nothing else is") {
  for (std::size_t i = 1; i < kKnownCount; ++i) {
    const auto known = static_cast<Known>(i);
    const std::string name(name_of(known));
    CAPTURE(name);
    CHECK(known_field(name) == known);
    std::string other = to_lower(name);
    CHECK(known_field(other) == known);
    for (char& c : other) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    CHECK(known_field(other) == known);
    for (std::size_t at = 0; at < name.size(); ++at) {  // every name at a distance of one byte
      for (int c = 0; c < 128; ++c) {
        std::string near = name;
        near[at] = static_cast<char>(c);
        const bool is_control = c < 0x20 || c == 0x7f;  // not in a token: not asked for
        if (is_control || equal_ignoring_case(near, name)) continue;
        CHECK(known_field(near) != known);
      }
    }
    CHECK(known_field(name + "x") != known);
    CHECK(known_field(name.substr(1)) != known);
  }
  for (const char* name :
       {"", "x", "xx", "X-Unknown", "Content-Lengthy", "a-name-that-is-longer-than-all-others"}) {
    CHECK(known_field(name) == Known::kOther);
  }
  CHECK(name_of(Known::kOther).empty());
}

TEST_CASE("fields are added, found, replaced and removed") {
  Fields fields;
  CHECK(fields.empty());
  CHECK(fields.find(Known::kHost) == nullptr);
  CHECK(fields.add("HOST", "a"));
  CHECK(fields.add("X-One", "1"));
  CHECK(fields.add(Known::kVia, "v"));
  CHECK(fields.add("x-one", "2"));
  CHECK(fields.size() == 4);
  CHECK(fields.has(Known::kHost));
  CHECK(!fields.has(Known::kCookie));
  CHECK(fields.value_of(Known::kHost) == "a");
  CHECK(fields.value_of(Known::kCookie).empty());
  REQUIRE(fields.find("host") != nullptr);
  CHECK(fields.find("host")->name == "HOST");
  CHECK(fields.find("X-ONE")->value == "1");
  CHECK(fields.find("absent") == nullptr);
  CHECK(fields.count("x-one") == 2);
  CHECK(fields.count(Known::kVia) == 1);
  CHECK(fields[2].name == "Via");

  CHECK(fields.add(Known::kVia, "w"));
  CHECK(fields.set(Known::kVia, "u"));
  CHECK(describe(fields) == "HOST=a;X-One=1;Via=u;x-one=2;");
  CHECK(fields.set(Known::kDate, "d"));
  CHECK(fields.value_of(Known::kDate) == "d");

  const Fields copy = fields;
  CHECK(fields.remove("X-One") == 2);
  CHECK(fields.remove(Known::kVia) == 1);
  CHECK(fields.remove(Known::kVia) == 0);
  CHECK(!fields.has(Known::kVia));
  CHECK(describe(fields) == "HOST=a;Date=d;");
  CHECK(describe(copy) == "HOST=a;X-One=1;Via=u;x-one=2;Date=d;");
  fields = copy;
  CHECK(fields.has(Known::kVia));
  fields.clear();
  CHECK(fields.empty());
  CHECK(!fields.has(Known::kHost));
}

TEST_CASE("there is room for exactly the limit") {
  Fields fields;
  for (std::size_t i = 0; i < limits::kFieldsMax; ++i) CHECK(fields.add("a", "b"));
  CHECK(!fields.add("a", "b"));
  CHECK(!fields.set(Known::kHost, "a"));
  CHECK(fields.size() == limits::kFieldsMax);
  CHECK(!fields.has(Known::kHost));
}

TEST_CASE("lists give their members") {
  const struct {
    const char* value;
    const char* wanted;
  } table[] = {{"", ""},   {"a", "a|"}, {"a,b", "a|b|"}, {" a ,\tb ", "a|b|"}, {",, a,,b ,", "a|b|"},
               {" , ", ""}};
  for (const auto& row : table) {
    CAPTURE(row.value);
    std::string members;
    std::string_view member;
    for (ListReader list(row.value); list.next(member);) members += std::string(member) + "|";
    CHECK(members == row.wanted);
  }
}

TEST_CASE("hop-by-hop fields are removed, and only those") {
  const struct {
    std::initializer_list<Field> fields;
    const char* wanted;
  } table[] = {
      {{{"Host", "a", {}}, {"Accept", "b", {}}}, "Host=a;Accept=b;"},
      {{{"Host", "a", {}}, {"Connection", "close", {}}, {"keep-alive", "timeout=5", {}}}, "Host=a;"},
      {{{"Proxy-Connection", "x", {}},
        {"Transfer-Encoding", "chunked", {}},
        {"Upgrade", "h2c", {}},
        {"Proxy-Authorization", "x", {}},
        {"Proxy-Authenticate", "x", {}},
        {"TE", "gzip", {}},
        {"Content-Length", "5", {}},
        {"Trailer", "X", {}}},
       "Content-Length=5;Trailer=X;"},
      {{{"X-Hop", "1", {}}, {"Connection", "x-hop, , x-other", {}}, {"X-End", "2", {}}, {"x-HOP", "3", {}}},
       "X-End=2;"},
      {{{"Connection", "a", {}}, {"connection", "b", {}}, {"A", "1", {}}, {"B", "2", {}}, {"C", "3", {}}},
       "C=3;"},
      // what Connection may not name
      {{{"Connection",
         "Host, Content-Length, Authorization, Cookie, X-Forwarded-For, X-Forwarded-Client-Cert, "
         "Cache-Control, Via, X-Request-Id, X-Real-IP",
         {}},
        {"Host", "a", {}},
        {"Content-Length", "5", {}},
        {"Authorization", "b", {}},
        {"Cookie", "c", {}},
        {"X-Forwarded-For", "d", {}},
        {"X-Forwarded-Client-Cert", "e", {}},
        {"X-Real-IP", "f", {}}},
       "Host=a;Content-Length=5;Authorization=b;Cookie=c;X-Forwarded-For=d;X-Forwarded-Client-Cert=e;X-Real-"
       "IP=f;"},
      {{{"TE", "deflate;q=0.5, Trailers", {}}, {"Host", "a", {}}}, "Host=a;TE=trailers;Connection=TE;"},
      {{{"TE", "trailers", {}}, {"TE", "gzip", {}}, {"Connection", "close, TE", {}}},
       "TE=trailers;Connection=TE;"},
  };
  for (const auto& row : table) {
    Fields fields;
    for (const Field& field : row.fields) REQUIRE(fields.add(field.name, field.value));
    remove_hop_by_hop(fields);
    CHECK(describe(fields) == row.wanted);
    const std::string once = describe(fields);
    remove_hop_by_hop(fields);
    CHECK(describe(fields) == once);
  }
}

TEST_CASE("names that CGI and its heirs take for another are known as such") {
  for (const char* name : {"X_Real_IP", "x_forwarded_for", "X-Forwarded_Client-Cert", "X_FORWARDED_USER",
                           "Content_Length", "transfer_encoding", "Proxy_Authorization"}) {
    CAPTURE(name);
    CHECK(is_disguised(name));
  }
  for (const char* name :
       {"X-Real-IP", "X-Forwarded-For", "my_header", "_", "x_forwarded", "a_name_of_many_bytes_here"}) {
    CAPTURE(name);
    CHECK_FALSE(is_disguised(name));
  }
  CHECK(is_vouched_for("x_forwarded-user"));
  CHECK_FALSE(is_vouched_for("x-forwarder"));
}

TEST_CASE("TE: trailers goes when there is no room for what it needs") {
  Fields fields;
  REQUIRE(fields.add("TE", "trailers"));
  while (fields.add("a", "b")) {
  }
  remove_hop_by_hop(fields);
  CHECK(!fields.has(Known::kTe));
  CHECK(fields.size() == limits::kFieldsMax - 1);
}

TEST_CASE("authorities") {
  const struct {
    const char* authority;
    bool valid;
    const char* host;
  } table[] = {
      {"example.com", true, "example.com"},
      {"example.com:8080", true, "example.com"},
      {"a_b~c-d.e:", true, "a_b~c-d.e"},
      {"10.0.0.1:1", true, "10.0.0.1"},
      {"[::1]", true, "[::1]"},
      {"[2001:db8::1.2.3.4]:65535", true, "[2001:db8::1.2.3.4]"},
      {"", false, ""},
      {":80", false, ""},
      {"a:65536", false, "a"},
      {"a:1a", false, "a"},
      {"a%41", false, "a%41"},
      {"a!b", false, "a!b"},
      {"[]", false, "[]"},
      {"[g::]", false, "[g::]"},
      {"[::1", false, ""},
      {"a[::1]", false, "a["},
  };
  for (const auto& row : table) {
    CAPTURE(row.authority);
    CHECK(is_valid_authority(row.authority) == row.valid);
    CHECK(host_of(row.authority) == row.host);
  }
}

TEST_CASE("statuses, reasons and methods") {
  const struct {
    Code code;
    Side side;
    int status;
  } table[] = {
      {Code::kMalformed, Side::kDownstream, 400},     {Code::kBodyTooLarge, Side::kDownstream, 413},
      {Code::kTargetTooLong, Side::kDownstream, 414}, {Code::kExpectationFailed, Side::kDownstream, 417},
      {Code::kHeadTooLarge, Side::kDownstream, 431},  {Code::kNotImplemented, Side::kDownstream, 501},
      {Code::kBadVersion, Side::kDownstream, 505},    {Code::kTimedOut, Side::kDownstream, 408},
      {Code::kMalformed, Side::kUpstream, 502},       {Code::kHeadTooLarge, Side::kUpstream, 502},
      {Code::kConnectFailed, Side::kUpstream, 502},   {Code::kTimedOut, Side::kUpstream, 504},
      {Code::kNoRoute, Side::kInternal, 404},         {Code::kNoEndpoint, Side::kInternal, 503},
      {Code::kOverloaded, Side::kInternal, 503},      {Code::kInternal, Side::kInternal, 500},
  };
  for (const auto& row : table) CHECK(status_for(Error{row.code, row.side}) == row.status);
  CHECK(reason_of(200) == "OK");
  CHECK(reason_of(100) == "Continue");
  CHECK(reason_of(431) == "Request Header Fields Too Large");
  CHECK(reason_of(511) == "Network Authentication Required");
  CHECK(reason_of(299) == "Unknown");
  CHECK(reason_of(599) == "Unknown");
  CHECK(name_of(Method::kOptions) == "OPTIONS");
  CHECK(is_safe(Method::kHead));
  CHECK(!is_safe(Method::kPut));
  CHECK(is_idempotent(Method::kDelete));
  CHECK(!is_idempotent(Method::kPost));
  CHECK(!is_idempotent(Method::kPatch));
  CHECK(!is_idempotent(Method::kOther));
}
