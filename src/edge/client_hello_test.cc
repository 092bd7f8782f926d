#include "edge/client_hello.h"

#include <string>
#include <vector>

#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

std::string told(const std::string& bytes) {
  ClientHello hello;
  const auto parsed = parse_client_hello(net::as_slice(bytes), hello);
  if (!parsed) return std::string("refused: ") + parsed.error().text;
  if (!*parsed) return "more";
  std::string text = hello.server_name;
  for (const std::string& protocol : hello.protocols) text += " " + protocol;
  return text;
}

TEST_CASE("a hello tells whom its client wants and what it speaks") {
  CHECK(told(client_hello(name_extension("A.Example") + protocols_extension({"h2", "http/1.1"}))) ==
        "a.example h2 http/1.1");
  CHECK(told(client_hello("")) == "");
  // Of other extensions only the lengths matter; a key share with a post-quantum part has 1,216 bytes.
  const std::string key_share = number_text(2, 51) + vector_text(2, std::string(1216, 'k'));
  CHECK(told(client_hello(key_share + name_extension("a"))) == "a");
  CHECK(told(client_hello(name_extension("a")) + "what follows is not looked at") == "a");
}

TEST_CASE("a hello may come in any pieces and any records") {
  const std::string whole = client_hello(name_extension("a.example") + protocols_extension({"x"}));
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK(told(whole.substr(0, length)) == "more");
  for (const std::size_t bytes : {1, 3, 4, 5, 40}) {
    const std::string records = client_hello(name_extension("a.example") + protocols_extension({"x"}), bytes);
    CHECK(told(records) == "a.example x");
    CHECK(told(records.substr(0, records.size() - 1)) == "more");
  }
}

TEST_CASE("what is no hello, or breaks its rules, is refused with the first byte that shows it") {
  CHECK(told("GET / HTTP/1.1\r\n") == "refused: this is no TLS");
  CHECK(told(std::string("\x80\x2e\x01\x03\x01", 5)) == "refused: this is no TLS");  // of SSLv2
  CHECK(told("\x16\x02") == "refused: this is no TLS");
  CHECK(told("\x15\x03\x01") == "refused: this is no TLS");  // an alert
  CHECK(told(std::string("\x16\x03\x01\x00\x00", 5)) ==
        "refused: a TLS record has a length that none may have");
  CHECK(told("\x16\x03\x01" + vector_text(2, std::string("\x02\x00\x00\x04____", 8))) ==
        "refused: TLS begins with another message");
  CHECK(told("\x16\x03\x01" + vector_text(2, std::string("\x01\x00\x80\x00", 4))) ==
        "refused: the ClientHello is too long");
  const std::string twice = name_extension("a") + name_extension("b");
  CHECK(told(client_hello(twice)) == "refused: the ClientHello's server name is there twice, or is none");
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\0b", 3), std::string(256, 'a')}) {
    CHECK(told(client_hello(name_extension(name))) ==
          "refused: the ClientHello's server name is there twice, or is none");
  }
  CHECK(told(client_hello(protocols_extension({"x"}) + protocols_extension({"y"}))) ==
        "refused: the ClientHello's protocols (ALPN) are there twice, or are none");
  CHECK(told(client_hello(protocols_extension({""}))) ==
        "refused: the ClientHello's protocols (ALPN) are there twice, or are none");
  CHECK(told(client_hello(protocols_extension({}))) ==
        "refused: the ClientHello's protocols (ALPN) are there twice, or are none");
  CHECK(told(client_hello(number_text(2, 5) + number_text(2, 9))) ==
        "refused: an extension of the ClientHello is cut short");
}

}  // namespace
}  // namespace weir::edge
