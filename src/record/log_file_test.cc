// The access log to where it goes, through real files, pipes and sockets.
#include "record/log_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "record/access_lines.h"
#include "testing/memory_log.h"

namespace weir::record {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-edge-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(std::string_view name) const { return (path_ / name).string(); }
  std::string text(std::string_view name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<LogFile> open_log(const AccessLogTarget& target, Log& log) {
  auto opened = LogFile::open(target, log);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

struct Asked {
  Asked(std::string_view id) : request{.head = head} { request.id = id; }
  http::RequestHead head;
  http::Request request;
};

TEST_CASE("targets of the access log") {
  using Kind = AccessLogTarget::Kind;
  CHECK(AccessLogTarget::parse("off").kind == Kind::kOff);
  CHECK(AccessLogTarget::parse("-").kind == Kind::kStdout);
  CHECK(AccessLogTarget::parse("syslog").path == "/dev/log");
  CHECK(AccessLogTarget::parse("syslog:/run/log").kind == Kind::kSyslog);
  CHECK(AccessLogTarget::parse("syslog:/run/log").path == "/run/log");
  CHECK(AccessLogTarget::parse("./access.log").path == "./access.log");
  CHECK(AccessLogTarget::parse("https://logs.example/in?key=1").kind == Kind::kCollector);
  CHECK(AccessLogTarget::parse("https://logs.example/in?key=1").name() == "https://logs.example/in");
  CHECK(AccessLogTarget::parse("http://logs.example").path == "http://logs.example");
  CHECK(AccessLogTarget::parse("-").name() == "stdout");
  CHECK(AccessLogTarget::parse("off").name() == "off");
  CHECK(AccessLogTarget::parse("syslog:/run/log").name() == "syslog:/run/log");
  CHECK(AccessLogTarget::parse("./a").name() == "./a");
  testing::MemoryLog log;
  CHECK(!LogFile::open({Kind::kFile, "/nowhere/access.log"}, log));
  CHECK(!LogFile::open({Kind::kSyslog, "/nowhere/log"}, log));
  CHECK(!LogFile::open({Kind::kCollector, "http://logs.example"}, log));
}

TEST_CASE("the longest line fits a datagram") {
  const Folder folder;
  testing::MemoryLog log;
  auto file = open_log({AccessLogTarget::Kind::kFile, folder.path("log")}, log);
  const LogFile& written_to = *file;
  const std::string hostile(9000, '\xff');  // each byte is written as six
  const std::string quotes(9000, '"');      // of what can be in a target, as two
  {
    AccessLog access_log;
    access_log.add(std::move(file));
    AccessLines lines(access_log);
    Journal journal;
    Asked asked(std::string_view(hostile).substr(0, 64));
    const http::TlsInfo tls{.version = "TLSv1.3",
                            .cipher = {},
                            .server_name = hostile,
                            .protocol = {},
                            .client_subject = hostile};
    asked.request.tls = &tls;
    asked.head.target = quotes;
    asked.head.authority = std::string_view("a");
    asked.head.fields.add(http::Known::kUserAgent, hostile);
    asked.head.fields.add(http::Known::kReferer, hostile);
    Decision& decision = journal.begin(asked.request);
    lines.add(decision, asked.request, WallTime());
    journal.end(decision);
    lines.flush();
    while (written_to.written() < 1) std::this_thread::yield();
    CHECK(written_to.dropped() == 0);
  }
  CHECK(folder.text("log").size() <= AccessLines::kLineBytesMax);
}

TEST_CASE("a renamed file is let go on demand") {
  const Folder folder;
  testing::MemoryLog log;
  {
    const auto access_log = open_log({AccessLogTarget::Kind::kFile, folder.path("log")}, log);
    std::string lines = "{1}\n";
    access_log->give(lines, 1);
    CHECK(lines.empty());
    while (access_log->written() < 1) std::this_thread::yield();
    std::filesystem::rename(folder.path("log"), folder.path("log.1"));
    access_log->reopen();
    lines = "{2}\n";
    access_log->give(lines, 1);
    while (access_log->written() < 2) std::this_thread::yield();
  }
  CHECK(folder.text("log.1") == "{1}\n");
  CHECK(folder.text("log") == "{2}\n");
}

TEST_CASE("lines for a full disk are counted as lost, and the log says so once") {
  testing::MemoryLog log;
  {
    const auto access_log = open_log({AccessLogTarget::Kind::kFile, "/dev/full"}, log);
    for (std::uint64_t i = 1; i <= 3; ++i) {
      std::string lines = "{}\n{}\n";
      access_log->give(lines, 2);
      while (access_log->dropped() < 2 * i) std::this_thread::yield();
    }
    CHECK(access_log->written() == 0);
  }
  CHECK(log.count("access log cannot be written") == 1);
}

TEST_CASE("a reader that does not read holds up nobody, not even the end") {
  const Folder folder;
  testing::MemoryLog log;
  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  const net::Descriptor reader(::open(folder.path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto access_log = open_log({AccessLogTarget::Kind::kFile, folder.path("pipe")}, log);
  std::uint64_t given = 0;
  while (access_log->dropped() == 0 && given < 10'000) {
    std::string lines(AccessLog::kBatchBytes, 'x');
    lines.back() = '\n';
    access_log->give(lines, 1);
    CHECK(lines.empty());
    ++given;
  }
  CHECK(access_log->dropped() > 0);
  access_log.reset();
}

TEST_CASE("one target that does not follow costs the others nothing, and each is told of by itself") {
  const Folder folder;
  testing::MemoryLog log;
  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  const net::Descriptor reader(::open(folder.path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  constexpr std::uint64_t kGiven = LineTarget::kBatchesMax + 20;
  for (const bool stuck_first : {true, false}) {
    CAPTURE(stuck_first);
    auto stuck = open_log({AccessLogTarget::Kind::kFile, folder.path("pipe")}, log);
    const std::string name = stuck_first ? "log1" : "log2";
    auto file = open_log({AccessLogTarget::Kind::kFile, folder.path(name)}, log);
    const LogFile& written_to = *file;
    AccessLog access_log;
    CHECK(access_log.empty());
    if (stuck_first) access_log.add(std::move(stuck));
    access_log.add(std::move(file));
    if (!stuck_first) access_log.add(std::move(stuck));
    for (std::uint64_t i = 1; i <= kGiven; ++i) {
      std::string lines(AccessLog::kBatchBytes, 'x');
      lines.back() = '\n';
      access_log.give(lines, 1);
      CHECK(lines.empty());
      while (written_to.written() < i) std::this_thread::yield();
    }
    CHECK(written_to.dropped() == 0);
    std::string metrics;
    access_log.write_metrics(metrics);
    CAPTURE(metrics);
    const auto has = [&](const std::string& sample) { return metrics.find(sample) != metrics.npos; };
    CHECK(has("weir_access_log_lines_total{target=\"" + folder.path(name) + "\"} 84\n"));
    CHECK(has("weir_access_log_dropped_lines_total{target=\"" + folder.path(name) + "\"} 0\n"));
    CHECK_FALSE(has("weir_access_log_dropped_lines_total{target=\"" + folder.path("pipe") + "\"} 0\n"));
    CHECK_FALSE(has("weir_access_log_spooled_bytes"));
    CHECK(folder.text(name).size() == kGiven * AccessLog::kBatchBytes);
  }
}

TEST_CASE("syslog: a datagram for each line") {
  const Folder folder;
  testing::MemoryLog log;
  const std::string path = folder.path("socket");
  const net::Descriptor receiver(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  REQUIRE(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  {
    const auto access_log = open_log({AccessLogTarget::Kind::kSyslog, path}, log);
    std::string lines = "{1}\n{2}\n";
    access_log->give(lines, 2);
  }
  for (const std::string_view wanted : {"]: {1}", "]: {2}"}) {
    std::array<char, 256> datagram{};
    const auto got = ::recv(receiver.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    REQUIRE(got > 0);
    const std::string_view text(datagram.data(), static_cast<std::size_t>(got));
    CAPTURE(text);
    CHECK(text.starts_with("<30>"));
    CHECK(text.find(" weir[") != std::string_view::npos);
    CHECK(text.ends_with(wanted));
  }
}

}  // namespace
}  // namespace weir::record
