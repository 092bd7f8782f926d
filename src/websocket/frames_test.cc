#include "websocket/frames.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace weir::websocket {
namespace {

constexpr std::size_t kMax = 1000;

struct Ends {
  Frames server{Frames::End::kServer, kMax};
  Frames client{Frames::End::kClient, kMax};

  // What the server makes of bytes, piece by piece.
  std::vector<std::string> give(std::string_view bytes, std::size_t piece = 1000) {
    std::vector<std::string> told;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      reads = server.take(bytes.substr(0, piece),
                          [&told](std::string_view message) { told.emplace_back(message); });
    }
    return told;
  }
  bool reads = true;
};

// A close frame of a server, with that code.
std::string closing(int code) {
  return {'\x88', '\x02', static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

TEST_CASE("messages cross whole, both ways, in whatever pieces") {
  Ends ends;
  ends.client.put("one");
  ends.client.put("");
  ends.client.put(std::string(kMax, 'x'));
  const std::string sent = ends.client.take_output();
  CHECK(ends.client.output_bytes() == 0);
  CHECK(sent[0] == '\x82');
  CHECK((sent[1] & '\x80') != 0);  // masked
  CHECK(sent.find("one") == std::string::npos);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, sent.size()}) {
    Ends others;
    CHECK(others.give(sent, piece) == std::vector<std::string>{"one", "", std::string(kMax, 'x')});
    CHECK(others.reads);
  }
  ends.server.put("two");
  CHECK(ends.server.output_bytes() == 5);
  std::string told;
  CHECK(ends.client.take(ends.server.take_output(), [&told](std::string_view text) { told += text; }));
  CHECK(told == "two");
}

TEST_CASE("a message in fragments is one") {
  Frames client(Frames::End::kClient, kMax);
  std::string told;
  const auto tell = [&told](std::string_view text) { told.append(text) += '|'; };
  CHECK(client.take("\x02\x03one", tell));
  CHECK(client.take("\x80\x03two", tell));
  CHECK(told == "onetwo|");
}

TEST_CASE("pings are answered") {
  Ends ends;
  ends.client.ping();
  CHECK(ends.give(ends.client.take_output()).empty());
  CHECK(ends.server.take_output() == std::string("\x8a\x00", 2));
}

TEST_CASE("either end closes, and the other answers") {
  Ends ends;
  SUBCASE("the client") {
    ends.client.close(kNormal);
    ends.client.put("late");
    ends.client.ping();
    CHECK_FALSE(ends.client.finished());
    CHECK(ends.give(ends.client.take_output()).empty());
    CHECK_FALSE(ends.reads);
    CHECK(ends.server.closed_with() == kNormal);
    CHECK(ends.server.take_output() == closing(kNormal));
    CHECK(ends.server.finished());
    CHECK(ends.client.finished());
  }
  SUBCASE("the server") {
    ends.server.close(kGoingAway);
    ends.server.close(kNormal);
    CHECK_FALSE(ends.client.take(ends.server.take_output(), [](std::string_view) {}));
    CHECK(ends.client.closed_with() == kGoingAway);
    CHECK(ends.client.output_bytes() > 0);
  }
  SUBCASE("without a code") {
    CHECK_FALSE(ends.client.take(std::string("\x88\x00", 2), [](std::string_view) {}));
    CHECK(ends.client.closed_with() == 1005);
  }
}

TEST_CASE("what is no frame, or too much, closes with the code that says so") {
  Ends ends;
  const auto answer = [&ends](const std::string& bytes) {
    CHECK(ends.give(bytes).empty());
    CHECK_FALSE(ends.reads);
    return ends.server.take_output();
  };
  SUBCASE("not masked") { CHECK(answer("\x82\x01x") == closing(kProtocolError)); }
  SUBCASE("an unknown sort") { CHECK(answer("\x83\x80mask") == closing(kProtocolError)); }
  SUBCASE("bits that mean nothing") { CHECK(answer("\xc2\x80mask") == closing(kProtocolError)); }
  SUBCASE("text") { CHECK(answer(std::string("\x81\x81\0\0\0\0x", 7)) == closing(kUnsupported)); }
  SUBCASE("too long") {
    Frames large(Frames::End::kClient, kMax);
    large.put(std::string(kMax + 1, 'x'));
    CHECK(answer(large.take_output()) == closing(kTooBig));
  }
  SUBCASE("longer than anything") {
    CHECK(answer(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + "maskx") == closing(kTooBig));
  }
  CHECK(ends.server.finished());
  CHECK(ends.give("\x82\x80mask").empty());  // nothing is read any more
}

}  // namespace
}  // namespace weir::websocket
