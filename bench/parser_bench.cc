// parser_bench: what parsing and writing a head costs, without I/O. A measuring tool; the figures that were
// compared with other parsers are in docs/adr/0001-http1-parser.md.
//
//   parser_bench [NAME [COUNT]]   best of the rounds for each case, or one case COUNT times (for callgrind)
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "http/h1_chunked.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

namespace {

using namespace weir::http;

constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
constexpr std::string_view kWrk = "GET /index.html HTTP/1.1\r\nHost: web.weir.localhost:8080\r\n\r\n";
// The request that picohttpparser's own benchmark made customary.
constexpr std::string_view kBrowser =
    "GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n"
    "Host: www.kittyhell.com\r\n"
    "User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; ja-JP-mac; rv:1.9.2.3) Gecko/20100401 "
    "Firefox/3.6.3 Pathtraq/0.9\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: ja,en-us;q=0.7,en;q=0.3\r\n"
    "Accept-Encoding: gzip,deflate\r\n"
    "Accept-Charset: Shift_JIS,utf-8;q=0.7,*;q=0.7\r\n"
    "Keep-Alive: 115\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; "
    "__utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; "
    "__utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|utmcmd="
    "referral\r\n"
    "\r\n";
constexpr std::string_view kNginx =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 03:11:19 GMT\r\nContent-Type: "
    "text/plain\r\nContent-Length: 130\r\nLast-Modified: Sat, 21 Nov 2026 03:00:00 GMT\r\nConnection: "
    "keep-alive\r\nETag: \"673ea0a0-82\"\r\nAccept-Ranges: bytes\r\n\r\n";
constexpr std::string_view kChunks = "5\r\nhello\r\n8\r\n, chunks\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";

// The compiler must not see through it.
void keep(const void* pointer) { asm volatile("" : : "r"(pointer) : "memory"); }

bool parse_request(std::string_view bytes) {
  static RequestHead head;
  const auto parsed = parse_request_head(bytes, head);
  keep(&head);
  return parsed && *parsed == bytes.size();
}

bool parse_response(std::string_view bytes) {
  static ResponseHead head;
  const auto parsed = parse_response_head(bytes, Method::kGet, head);
  keep(&head);
  return parsed && *parsed == bytes.size();
}

bool decode_chunks(std::string_view bytes) {
  ChunkedDecoder decoder(weir::Side::kUpstream);
  std::span<const std::byte> in = std::as_bytes(std::span(bytes));
  while (true) {
    const auto step = decoder.decode(in);
    if (!step) return false;
    if (step->done) return true;
    in = in.subspan(step->consumed);
  }
}

// What a proxy does with a head: parse, take out the hop's fields, write the rest.
bool forward_request(std::string_view bytes) {
  static RequestHead head;
  static std::array<std::byte, 4096> room;
  const auto parsed = parse_request_head(bytes, head);
  if (!parsed || *parsed != bytes.size()) return false;
  remove_hop_by_hop(head.fields);
  HeadWriter writer(room);
  writer.request_line(head.method_text, head.path, head.query);
  writer.fields(head.fields);
  const auto size = writer.finish();
  keep(room.data());
  return size.has_value();
}

struct Case {
  std::string_view name;
  std::string_view bytes;
  bool (*run)(std::string_view bytes);
};
constexpr Case kCases[] = {
    {"request-40", kSmall, parse_request},        {"request-wrk", kWrk, parse_request},
    {"request-browser", kBrowser, parse_request}, {"response-nginx", kNginx, parse_response},
    {"forward-wrk", kWrk, forward_request},       {"forward-browser", kBrowser, forward_request},
    {"chunks-3", kChunks, decode_chunks},
};

constexpr int kRounds = 60;
constexpr int kRunsPerRound = 20'000;

void run(const Case& one, int count) {
  for (int i = 0; i < count; ++i) {
    std::string_view bytes = one.bytes;
    keep(&bytes);
    if (!one.run(bytes)) {
      std::fprintf(stderr, "parser_bench: the input of %s is refused\n", one.name.data());
      std::exit(1);
    }
  }
}

double nanoseconds(const Case& one) {
  const auto start = std::chrono::steady_clock::now();
  run(one, kRunsPerRound);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / kRunsPerRound;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const auto* found = std::ranges::find(kCases, std::string_view(argv[1]), &Case::name);
    if (found == std::end(kCases)) {
      std::fprintf(stderr, "usage: parser_bench [NAME [COUNT]]\n");
      return 2;
    }
    run(*found, argc > 2 ? std::atoi(argv[2]) : 1);
    return 0;
  }
  // In turn, so that all cases see the same of what else the machine does.
  std::array<double, std::size(kCases)> best;
  best.fill(std::numeric_limits<double>::infinity());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], nanoseconds(kCases[i]));
  }
  for (std::size_t i = 0; i < best.size(); ++i) {
    std::printf("%-16s %4zu bytes %7.1f ns\n", kCases[i].name.data(), kCases[i].bytes.size(), best[i]);
  }
  return 0;
}
