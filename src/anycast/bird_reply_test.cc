#include "anycast/bird_reply.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::anycast {
namespace {

// All replies as a text: "3 Reconfigured|".
std::string told(BirdReader& reader, std::string_view bytes) {
  std::string text;
  auto reply = reader.take(bytes);
  for (; reply && *reply; reply = reader.next()) {
    text += std::to_string((*reply)->code) + " " + (*reply)->text + ((*reply)->is_error() ? "!|" : "|");
  }
  return reply ? text : text + "malformed";
}

TEST_CASE("replies as BIRD 2.0.12 gives them") {
  struct Row {
    const char* bytes;
    const char* told;
  };
  const Row rows[] = {
      {"0001 BIRD 2.0.12 ready.\n", "1 BIRD 2.0.12 ready.|"},
      {"0002-Reading configuration from bird.conf\n0003 Reconfigured\n", "3 Reconfigured|"},
      {"0002-Reading configuration from bird.conf\n0004 Reconfiguration in progress\n",
       "4 Reconfiguration in progress|"},
      {"0002-Reading configuration from bird.conf\n8002 /etc/bird.conf:1:1 syntax error\n",
       "8002 /etc/bird.conf:1:1 syntax error!|"},
      {"1000-BIRD 2.0.12\n1011-Router ID is 10.0.0.1\n Hostname is vm\n Last reboot on 2026\n0013 Daemon is "
       "up\n",
       "13 Daemon is up|"},
      {"0009-weir_203_0_113_10: disabled\n0000 \n", "0 |"},
      {"9001 syntax error, unexpected CF_SYM_UNDEFINED\n",
       "9001 syntax error, unexpected CF_SYM_UNDEFINED!|"},
      {"0000 \n0003 a\n", "0 |3 a|"},
      {"+0000 a line of its log\n0000 \n", "0 |"},
      {"0003 Reconf", ""},
      {"", ""},
      {"0003 a\x1b[2J\xff\n", "3 a?[2J?|"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    BirdReader reader;
    CHECK(told(reader, row.bytes) == row.told);
  }
}

TEST_CASE("what is no reply is refused") {
  for (const char* bytes : {"\n", "HTTP/1.1 400 Bad Request\r\n", "000 x\n", "0000\n", "0000x\n", "00a0 x\n",
                            " more of nothing\n", "0000 \n more of nothing\n", "-001 x\n", "0000 \n\n"}) {
    CAPTURE(bytes);
    BirdReader reader;
    CHECK(told(reader, bytes).ends_with("malformed"));
  }
}

TEST_CASE("it comes in pieces") {
  BirdReader reader;
  CHECK(told(reader, "00").empty());
  CHECK(told(reader, "02-Reading").empty());
  CHECK(told(reader, "\n0003 Reconfigured").empty());
  CHECK(told(reader, "\n0000 ") == "3 Reconfigured|");
  CHECK(told(reader, "\n") == "0 |");
}

TEST_CASE("lines and replies have an end") {
  const std::string longest = "0000 " + std::string(kBirdLineBytesMax - 5, 'x');
  BirdReader reader;
  CHECK(told(reader, longest + "\n") == "0 " + std::string(kBirdTextBytesMax, 'x') + "|");
  CHECK(told(reader, longest + "x\n") == "malformed");
  BirdReader endless;
  CHECK(told(endless, longest).empty());
  CHECK(told(endless, "x") == "malformed");
  BirdReader many;
  const std::string more = "1007-" + std::string(1000, 'x') + "\n";
  std::string last;
  for (std::size_t i = 0; i <= kBirdReplyBytesMax / more.size() + 1 && last.empty(); ++i)
    last = told(many, more);
  CHECK(last == "malformed");
}

}  // namespace
}  // namespace weir::anycast
