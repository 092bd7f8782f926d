#include "node/log_visit.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "config/formats.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using podman::LogStream;

struct Lines {
  WallTime now = *config::parse_rfc3339("2026-11-30T08:00:00Z");
  LogLines lines{"app"};

  // "11:06.000 one|"
  std::string take(std::string_view frame, LogStream stream = LogStream::kOut) {
    channel::ChannelLines to;
    lines.take(stream, frame, now, to);
    std::string text;
    for (const channel::ChannelLine& line : to) {
      CHECK(line.container == "app");
      text += format_rfc3339(line.time).substr(14, 9) + (line.err ? " ! " : " ") + line.text + '|';
    }
    return text;
  }
};

TEST_CASE("a frame is a line with its time") {
  Lines lines;
  CHECK(lines.take("2026-11-30T07:11:06Z one\n") == "11:06.000 one|");
  CHECK(lines.take("2026-11-30T07:11:06Z \n", LogStream::kErr) == "11:06.000 ! |");
  CHECK(lines.take("2026-11-30T09:11:07+02:00 a b\n") == "11:07.000 a b|");
  CHECK(lines.take("2026-11-30T07:11:06Z back\n") == "11:07.000 back|");  // times never go back
  CHECK(lines.take("no time\n") == "11:07.000 no time|");
  CHECK(lines.take("\n") == "11:07.000 |");
}

TEST_CASE("what was written just now has the moment in which it came") {
  Lines lines;
  lines.now = *config::parse_rfc3339("2026-11-30T07:11:06.250Z");
  CHECK(lines.take("2026-11-30T07:11:06Z one\n") == "11:06.250 one|");
  lines.now += 1s;
  CHECK(lines.take("2026-11-30T07:11:06Z late\n") == "11:06.999 late|");
  lines.now += 5s;
  CHECK(lines.take("2026-11-30T07:11:08Z old\n") == "11:08.000 old|");
  CHECK(lines.take("2027-11-30T07:11:08Z ahead\n") == "11:08.000 ahead|");
}

TEST_CASE("parts of a long line are put together, up to a bound") {
  Lines lines;
  CHECK(lines.take("2026-11-30T07:11:06Z one ").empty());
  CHECK(lines.take("2026-11-30T07:11:07Z err\n", LogStream::kErr) == "11:07.000 ! err|");
  CHECK(lines.take("2026-11-30T07:11:08Z two\n") == "11:06.000 one two|");
  const std::string half(channel::kLineBytesMax / 2, 'x');
  CHECK(lines.take("2026-11-30T07:11:08Z " + half).empty());
  CHECK(lines.take("2026-11-30T07:11:08Z " + half) == "11:08.000 " + half + half + '|');
  CHECK(lines.take("2026-11-30T07:11:09Z " + half + half + half) == "11:09.000 " + half + half + '|');
  CHECK(lines.take("2026-11-30T07:11:10Z \n") == "11:09.000 " + half + '|');
}

TEST_CASE("a log that is read again goes on where it was") {
  Lines lines;
  CHECK_FALSE(lines.lines.since_seconds());
  lines.lines.begin_again();
  CHECK(lines.take("2026-11-30T07:11:05Z zero\n") == "11:05.000 zero|");
  CHECK(lines.take("2026-11-30T07:11:06Z one\n") == "11:06.000 one|");
  CHECK(lines.take("2026-11-30T07:11:06Z two\n") == "11:06.000 two|");
  CHECK(lines.lines.since_seconds() == 1'796'022'666);
  lines.lines.begin_again();
  CHECK(lines.take("2026-11-30T07:11:06Z one\n").empty());
  CHECK(lines.take("2026-11-30T07:11:06Z two\n").empty());
  CHECK(lines.take("2026-11-30T07:11:06Z three\n") == "11:06.000 three|");
  lines.lines.begin_again();
  CHECK(lines.take("2026-11-30T07:11:07Z four\n") == "11:07.000 four|");  // another log, begun since
}

}  // namespace
}  // namespace weir::node
