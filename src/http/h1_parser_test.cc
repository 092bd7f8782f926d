#include "http/h1_parser.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "http/h1_scan.h"

using namespace std::string_view_literals;
using namespace weir;
using namespace weir::http;

namespace {

// In a block of exactly its size, so that AddressSanitizer sees any read behind it.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

std::string describe(const Fields& fields) {
  std::string text;
  for (const Field& field : fields) {
    text += std::string(field.name) + "=" + std::string(field.value) + "#" +
            std::to_string(static_cast<int>(field.known)) + ";";
  }
  return text;
}

std::string describe(const RequestHead& head) {
  return std::string(head.method_text) + "|" + std::to_string(static_cast<int>(head.method)) + "|" +
         std::string(head.target) + "|" + std::string(head.scheme) + "|" + std::string(head.authority) + "|" +
         std::string(head.path) + "|" + (head.query.data() == nullptr ? "-" : std::string(head.query)) + "|" +
         std::to_string(head.version_minor) + "|" + std::to_string(static_cast<int>(head.framing)) + "|" +
         std::to_string(head.content_length) + "|" + std::to_string(head.keep_alive) +
         std::to_string(head.expect_continue) + std::to_string(head.upgrade) + "|" + describe(head.fields);
}

std::string describe(const ResponseHead& head) {
  return std::to_string(head.status) + "|" + std::string(head.reason) + "|" +
         std::to_string(head.version_minor) + "|" + std::to_string(static_cast<int>(head.framing)) + "|" +
         std::to_string(head.content_length) + "|" + std::to_string(head.keep_alive) + "|" +
         describe(head.fields);
}

// The code of the error, or 0 when the bytes are accepted, or -1 when more are needed.
int request_verdict(std::string_view text) {
  const Exact exact(text);
  RequestHead head;
  const auto parsed = parse_request_head(exact.view(), head);
  if (!parsed) {
    CHECK(parsed.error().side == Side::kDownstream);
    return status_for(parsed.error());
  }
  return *parsed == 0 ? -1 : 0;
}

struct Verdict {
  std::string_view text;
  int status;
};

constexpr int kAccepted = 0;
constexpr int kMore = -1;

// The status that a request gets; 0 when it is accepted, -1 when it is unfinished.
constexpr Verdict kRequests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\n\r\n", kAccepted},
    {"GET / HTTP/1.7\r\nHost: a\r\n\r\n", kAccepted},
    {"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"", kMore},
    {"\r", kMore},
    {"\r\n", kMore},
    {"GE", kMore},
    {"GET / HTTP/1.1\r\nHost: a\r\n", kMore},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r", kMore},
    // the request line
    {"\x16\x03\x01\x02\x00\x01"sv, 400},  // TLS
    {"G\0T / HTTP/1.1\r\n"sv, 400},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400},
    {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET HTTP/1.1\r\nHost: a\r\n\r\n", 505},  // no target: "HTTP/1.1" is read as one, without a version
    {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\r\n", 505},
    {"GET / HTTP/0.9\r\n\r\n", 505},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},  // HTTP/2 by prior knowledge: "*" is not for PRI
    {"OPTIONS * HTTP/2.0\r\n\r\n", 505},
    {"GET / HTTP/3\r\nHost: a\r\n\r\n", 505},
    {"GET / HTTP/11.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.\r\nHost: a\r\n\r\n", 400},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
    {"GET / ICY/1.1\r\nHost: a\r\n\r\n", 400},
    {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
    {"CONNECT ", 501},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", 501},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},  // methods are case-sensitive: an unknown one
    // forms of the target
    {"GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"GET HTTPS://a HTTP/1.1\r\nHost: b\r\n\r\n", kAccepted},
    {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http://a/ HTTP/1.1\r\n\r\n", 400},  // Host is required all the same
    // Host
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", kAccepted},
    {"GET / HTTP/1.1\r\nHost: a.example.:65535\r\n\r\n", kAccepted},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", kAccepted},
    // field lines
    {"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},      // obs-fold
    {"GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", 400},  // obs-fold that looks like a field
    {"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb=c\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb(c): d\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\x80: d\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb\0: d\r\n\r\n"sv, 400},
    {"GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb: c\0d\r\n\r\n"sv, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb: c\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb: c\x7f\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb: \x1b[31m\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nb: \xc3\xa4\td \xff\r\n\r\n", kAccepted},
    {"GET / HTTP/1.1\r\nHost: a\r\nb:\r\nc:  \t \r\n!#$%&'*+-.^_`|~09azAZ:x\r\n\r\n", kAccepted},
    // Content-Length
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4611686018427387904\r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4611686018427387905\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\x0b\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\n", 400},
    // Transfer-Encoding
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tCHUNKED \r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n", 400},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0b\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\x0b: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", 400},
    // Expect
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n", kAccepted},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: tea\r\n\r\n", 417},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nExpect: tea\r\n\r\n", 417},
    {"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: tea\r\n\r\n", kAccepted},
};

struct ResponseRow {
  std::string_view text;
  Method request;
  std::string_view wanted;  // empty: refused
};
constexpr ResponseRow kResponses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kGet, "200|OK|1|1|5|1|Content-Length=5#2;"},
    {"HTTP/1.1 200 OK\r\n\r\n", Method::kGet, "200|OK|1|3|0|0|"},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Method::kGet, "200||1|1|0|1|Content-Length=0#2;"},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Method::kGet, "200||1|1|0|1|Content-Length=0#2;"},
    {"HTTP/1.1 404 Nicht gefunden \xc3\xa4\t!\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet,
     "404|Nicht gefunden \xc3\xa4\t!|1|2|0|1|Transfer-Encoding=chunked#3;"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kGet, "200|OK|0|1|5|0|Content-Length=5#2;"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", Method::kGet,
     "200|OK|0|1|5|1|Connection=keep-alive#4;Content-Length=5#2;"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", Method::kGet,
     "200|OK|0|3|0|0|Connection=keep-alive#4;"},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", Method::kGet,
     "200|OK|1|1|5|0|Connection=close#4;Content-Length=5#2;"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kHead, "200|OK|1|0|5|1|Content-Length=5#2;"},
    {"HTTP/1.1 200 OK\r\n\r\n", Method::kHead, "200|OK|1|0|0|1|"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kHead,
     "200|OK|1|0|0|1|Transfer-Encoding=chunked#3;"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Method::kGet,
     "304|Not Modified|1|0|5|1|Content-Length=5#2;"},
    {"HTTP/1.1 204 No Content\r\n\r\n", Method::kGet, "204|No Content|1|0|0|1|"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Method::kGet, "204|No Content|1|0|0|1|"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", Method::kGet, "204|No Content|1|0|0|0|"},
    {"HTTP/1.1 100 Continue\r\n\r\n", Method::kPost, "100|Continue|1|0|0|1|"},
    {"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", Method::kGet, "103|Early Hints|1|0|0|1|Link=a#0;"},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", Method::kGet, "101|Switching Protocols|1|0|0|1|"},
    {"HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n", Method::kGet, "200|OK|1|1|0|1|Content-Length=0#2;"},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kHead, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, ""},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 99 Low\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 099 Low\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 600 High\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 2000 OK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1  200 OK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200\tOK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 +20 OK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 O\0K\r\n\r\n"sv, Method::kGet, ""},
    {"HTTP/1.1 200 OK\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 O\rK\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Method::kGet, ""},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Method::kGet, ""},
    {"HTTP/2 200\r\n\r\n", Method::kGet, ""},
    {"ICY 200 OK\r\n\r\n", Method::kGet, ""},
    {"<html>", Method::kGet, ""},
};

}  // namespace

TEST_CASE("a request is accepted or refused with the right status") {
  for (const Verdict& row : kRequests) {
    CAPTURE(row.text);
    CHECK(request_verdict(row.text) == row.status);
    if (row.status != kAccepted) continue;
    for (std::size_t size = 0; size < row.text.size(); ++size) {
      CAPTURE(size);
      CHECK(request_verdict(row.text.substr(0, size)) == kMore);
    }
  }
}

TEST_CASE("a request is taken apart") {
  const struct {
    std::string_view text;
    std::string_view wanted;
  } table[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET|0|/||a|/|-|1|0|0|100|Host=a#1;"},
      {"GET /b/c?d=?e&f HTTP/1.0\r\nhost:  a:80 \r\n\r\n",
       "GET|0|/b/c?d=?e&f||a:80|/b/c|d=?e&f|0|0|0|000|host=a:80#1;"},
      {"GET /? HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
       "GET|0|/?|||/||0|0|0|100|Connection=Keep-Alive#4;"},
      {"HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n",
       "HEAD|1|/x||a|/x|-|1|0|0|000|Host=a#1;Connection=foo, CLOSE#4;"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\nExpect: 100-continue\r\n\r\n",
       "POST|2|/||a|/|-|1|1|7|110|Host=a#1;Content-Length=007#2;Expect=100-continue#5;"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
       "POST|2|/||a|/|-|1|1|0|100|Host=a#1;Content-Length=0#2;Expect=100-continue#5;"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
       "PUT|3|/||a|/|-|1|2|0|100|Host=a#1;Transfer-Encoding=Chunked#3;"},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
       "GET|0|/||a|/|-|1|0|0|101|Host=a#1;Upgrade=websocket#6;Connection=keep-alive, Upgrade#4;"},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
       "GET|0|/||a|/|-|1|0|0|100|Host=a#1;Upgrade=websocket#6;"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS|6|*||a|*|-|1|0|0|100|Host=a#1;"},
      {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS|6|http://b|http|b|*|-|1|0|0|100|Host=b#1;"},
      {"OPTIONS http://b? HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS|6|http://b?|http|b|/||1|0|0|100|Host=b#1;"},
      {"GET http://b:81?c HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET|0|http://b:81?c|http|b:81|/|c|1|0|0|100|Host=b:81#1;"},
      {"GET https://b/c/?d HTTP/1.0\r\n\r\n", "GET|0|https://b/c/?d|https|b|/c/|d|0|0|0|000|Host=b#1;"},
      {"GET http://b/x?u=http://c/ HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET|0|http://b/x?u=http://c/|http|b|/x|u=http://c/|1|0|0|100|Host=b#1;"},
      {"PURGE /a|b{c} HTTP/1.1\r\nHost: a\r\n\r\n", "PURGE|9|/a|b{c}||a|/a|b{c}|-|1|0|0|100|Host=a#1;"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX-A: b \t c \t\r\nX-A:\r\n\r\n",
       "GET|0|/||a|/|-|1|0|0|100|Host=a#1;X-A=b \t c#0;X-A=#0;"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    const std::string more = std::string(row.text) + "GET /next HTTP/1.1\r\n";
    RequestHead head;
    const auto parsed = parse_request_head(more, head);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == row.text.size());
    CHECK(describe(head) == row.wanted);
  }
}

TEST_CASE("every block boundary gives the same head, and bytes fed one by one too") {
  // Fields of every length around the 64-byte blocks, in a buffer that ends with the head.
  for (std::size_t path = 1; path < 140; path += 3) {
    for (std::size_t value = 0; value < 140; value += 7) {
      const std::string target = "/" + std::string(path, 'p') + "?" + std::string(value, 'q');
      const std::string text = "GET " + target + " HTTP/1.1\r\nHost: a\r\nX-" + std::string(value, 'n') +
                               ": " + std::string(path, 'v') + "\r\nAccept: */*\r\n\r\n";
      const Exact exact(text);
      RequestHead head;
      const auto parsed = parse_request_head(exact.view(), head);
      REQUIRE(parsed.has_value());
      REQUIRE(*parsed == text.size());
      CHECK(head.target == target);
      CHECK(head.query.size() == value);
      REQUIRE(head.fields.size() == 3);
      CHECK(head.fields[1].name.size() == value + 2);
      CHECK(head.fields[1].value.size() == path);
      CHECK(head.fields[2].known == Known::kAccept);
      for (std::size_t size = 0; size < text.size(); ++size) {
        const Exact prefix(std::string_view(text).substr(0, size));
        REQUIRE(parse_request_head(prefix.view(), head).value_or(1) == 0);
        if (size > 0) REQUIRE(parse_request_head(prefix.view(), head, size - 1).value_or(1) == 0);
      }
      REQUIRE(parse_request_head(exact.view(), head, text.size() - 1).value_or(0) == text.size());
    }
  }
}

TEST_CASE("a head that drips is refused at its end or at the limit") {
  RequestHead head;
  CHECK(parse_request_head("GET / HTTP/1.1\r\nA : b\r\n", head, 10).value_or(1) == 0);
  CHECK(!parse_request_head("GET / HTTP/1.1\r\nA : b\r\n\r\n", head, 24));
  CHECK(!parse_request_head("GET / HTTP/1.1\nA: b\n\n", head, 20));
  const std::string long_line = "GET / HTTP/1.1\r\nA : " + std::string(limits::kHeadBytesMax, 'b');
  CHECK(!parse_request_head(long_line, head, long_line.size() - 1));
}

TEST_CASE("limits hold for complete and unfinished heads") {
  const std::string line = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const std::string fits = line + std::string(limits::kHeadBytesMax - line.size() - 4, 'x') + "\r\n\r\n";
  CHECK(request_verdict(fits) == kAccepted);
  CHECK(request_verdict(std::string_view(fits).substr(0, fits.size() - 1)) == kMore);
  CHECK(request_verdict(line + "x" + fits.substr(line.size())) == 431);
  CHECK(request_verdict(line + std::string(limits::kHeadBytesMax - line.size(), 'x')) == 431);

  const auto with_target = [](std::size_t bytes) { return "GET /" + std::string(bytes - 1, 'x'); };
  const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(request_verdict(with_target(limits::kTargetBytesMax) + end) == kAccepted);
  CHECK(request_verdict(with_target(limits::kTargetBytesMax)) == kMore);
  CHECK(request_verdict(with_target(limits::kTargetBytesMax + 1) + end) == 414);
  CHECK(request_verdict(with_target(limits::kTargetBytesMax + 1)) == 414);
  CHECK(request_verdict(with_target(limits::kTargetBytesMax * 2)) == 414);

  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < limits::kFieldsMax; ++i) many += "a:b\r\n";
  CHECK(request_verdict(many + "\r\n") == kAccepted);
  CHECK(request_verdict(many + "a:b\r\n") == 431);

  std::string options = "GET / HTTP/1.1\r\nHost: a\r\nConnection: a";
  for (std::size_t i = 1; i < kConnectionOptionsMax; ++i) options += ",a";
  CHECK(request_verdict(options + "\r\n\r\n") == kAccepted);
  CHECK(request_verdict(options + ",a\r\n\r\n") == 431);
}

TEST_CASE("a response is accepted or refused") {
  for (const ResponseRow& row : kResponses) {
    CAPTURE(row.text);
    const Exact exact(row.text);
    ResponseHead head;
    const auto parsed = parse_response_head(exact.view(), row.request, head);
    CHECK(parsed.has_value() == !row.wanted.empty());
    if (!parsed) {
      CHECK(parsed.error().side == Side::kUpstream);
      CHECK(status_for(parsed.error()) == 502);
      continue;
    }
    CHECK(*parsed == row.text.size());
    CHECK(describe(head) == row.wanted);
    for (std::size_t size = 0; size < row.text.size(); ++size) {
      const Exact prefix(row.text.substr(0, size));
      CHECK(parse_response_head(prefix.view(), row.request, head).value_or(1) == 0);
    }
  }
}

TEST_CASE("all ways to scan give the same masks") {
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  texts.push_back(all + all);
  for (std::size_t size = 1; size < 100; ++size) texts.push_back(all.substr(size, size));
  for (const std::string& text : texts) {
    const Exact exact(text);
    const char* begin = exact.view().data();
    const char* end = begin + text.size();
    for (const char* at = begin; at < end; ++at) {
      const LineMasks line = scan_way(0)->line(begin, at, end);
      const FieldMasks fields = scan_way(0)->fields(begin, at, end);
      for (std::size_t i = 0; i < 64; ++i) {
        const bool there = at + i < end;
        const char c = there ? at[i] : '\0';
        const bool visible = c > ' ' && c < '\x7f';
        const std::uint64_t bit = std::uint64_t{1} << i;
        if (i < static_cast<std::size_t>(kLineBlock)) {
          REQUIRE(((line.stop & bit) != 0) == (!visible || c == '#'));
          REQUIRE(((line.question & bit) != 0) == (c == '?'));
        }
        REQUIRE(((fields.not_token & bit) != 0) == (!visible || "\"(),/:;<=>?@[\\]{}"sv.contains(c)));
        REQUIRE(((fields.control & bit) != 0) ==
                (!there || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f'));
      }
      for (std::size_t way = 1; way < kScanWays && scan_way(way) != nullptr; ++way) {
        REQUIRE(scan_way(way)->line(begin, at, end).stop == line.stop);
        REQUIRE(scan_way(way)->line(begin, at, end).question == line.question);
        REQUIRE(scan_way(way)->fields(begin, at, end).not_token == fields.not_token);
        REQUIRE(scan_way(way)->fields(begin, at, end).control == fields.control);
      }
    }
  }
}
