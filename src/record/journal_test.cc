#include "record/journal.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/flags.h"
#include "record/json.h"
#include "record/trace_context.h"
#include "record/traffic.h"

namespace weir::record {
namespace {

std::string json_text(std::string_view value) {
  std::string out;
  Json(out).text(value);
  return out;
}

TEST_CASE("JSON texts: hostile bytes neither end the text nor steer a terminal") {
  struct Line {
    std::string_view value;
    std::string_view wanted;
  };
  for (const Line& line : {
           Line{"", R"("")"},
           {"plain /path?a=b&c", R"("plain /path?a=b&c")"},
           {"a\"b\\c\nd\re\tf", R"("a\"b\\c\nd\re\tf")"},
           {std::string_view("\0\x01\x1b[31m\x7f", 8), R"("\u0000\u0001\u001b[31m\u007f")"},
           {"Zürich 東京 \xf0\x9f\x98\x80", "\"Zürich 東京 \xf0\x9f\x98\x80\""},
           {"\xff\xfe", R"("\ufffd\ufffd")"},
           {"cut \xe6\x9d", R"("cut \ufffd\ufffd")"},
           {"\xc0\xaf", R"("\ufffd\ufffd")"},                      // overlong '/'
           {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},            // a surrogate
           {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},  // beyond U+10FFFF
           {"\xc2\x9b"
            "1m",
            R"("\ufffd\ufffd1m")"},  // a C1 control
       }) {
    CAPTURE(line.value);
    CHECK(json_text(line.value) == line.wanted);
  }
}

TEST_CASE("JSON values: commas where they belong") {
  std::string out = "before\n";
  Json json(out);
  json.begin_object();
  json.key("a").number(1);
  json.key("b").begin_array();
  json.end_array();
  json.key("c").begin_array();
  json.text("x");
  json.boolean(true);
  json.begin_object();
  json.end_object();
  json.null();
  json.end_array();
  json.key("d").milliseconds(std::chrono::microseconds(12'034));
  json.end_object();
  CHECK(out == "before\n{\"a\":1,\"b\":[],\"c\":[\"x\",true,{},null],\"d\":12.034}");
}

TEST_CASE("flags: the words of what went wrong") {
  const auto text = [](Code code, Side side, bool connecting = false) {
    return flags_of(Error{.code = code, .side = side}, connecting).text();
  };
  CHECK(text(Code::kConnectFailed, Side::kUpstream, true) == "UF");
  CHECK(text(Code::kTimedOut, Side::kUpstream, true) == "UF");
  CHECK(text(Code::kTimedOut, Side::kUpstream) == "UT");
  CHECK(text(Code::kReset, Side::kUpstream) == "UC");
  CHECK(text(Code::kMalformed, Side::kUpstream) == "UPE");
  CHECK(text(Code::kMalformed, Side::kDownstream) == "DPE");
  CHECK(text(Code::kReset, Side::kDownstream) == "DC");
  CHECK(text(Code::kNoRoute, Side::kInternal) == "NR");
  CHECK(text(Code::kNoEndpoint, Side::kInternal) == "UH");
  CHECK(text(Code::kOverloaded, Side::kInternal) == "UO");
  CHECK(text(Code::kCancelled, Side::kUpstream) == "-");
  Flags both = flags_of(Error{.code = Code::kReset, .side = Side::kUpstream}, false);
  both.add(Flag::kRetriesUsedUp);
  CHECK(both.text() == "UC,URX");
  CHECK(flags_of_filter("rate_limit").text() == "RL");
  CHECK(flags_of_filter("redirect").text() == "-");
}

struct Asked {
  Asked(std::string_view id) : request{.head = head} { request.id = id; }
  http::RequestHead head;
  http::Request request;
};

TEST_CASE("the journal keeps those under way, and as many that ended as it has room for") {
  Journal journal;
  Asked lasting("lasting");
  Decision& held = journal.begin(lasting.request);
  for (std::size_t i = 0; i < Journal::kKeptMax + 5; ++i) {
    const std::string id = std::to_string(i);
    Asked asked(id);
    Decision& decision = journal.begin(asked.request);
    decision.end({.status = 200}, Instant());
    journal.end(decision);
  }
  CHECK(journal.find("lasting") == &held);
  CHECK(journal.under_way() == 1);
  CHECK(journal.find("4") == nullptr);
  REQUIRE(journal.find("5") != nullptr);
  CHECK(journal.find("5")->status == 200);
  CHECK(journal.find(std::to_string(Journal::kKeptMax + 4)) != nullptr);
  CHECK(journal.find("nobody") == nullptr);

  // Of two with the client's own id, the newer.
  Asked again("7");
  Decision& newer = journal.begin(again.request);
  CHECK(journal.find("7") == &newer);
  journal.end(newer);
  CHECK(journal.find("7") == &newer);
}

TEST_CASE("the journal keeps the names of a plan that goes") {
  Journal journal;
  Asked ended("ended");
  Asked waiting("waiting");
  {
    const std::string route = "a-load-balancer/with-a-long-name";
    const std::string service = "a-service-with-a-name-that-is-no-less-long";
    for (Asked* asked : {&ended, &waiting}) {
      Decision& decision = journal.begin(asked->request);
      decision.route = route;
      decision.service = service;
    }
    journal.end(Decision::of(ended.request));
    journal.keep_names();
    journal.keep_names();  // of two plans one after the other
  }
  for (const std::string_view id : {"ended", "waiting"}) {
    const Decision* decision = journal.find(id);
    REQUIRE(decision != nullptr);
    CHECK(decision->route == "a-load-balancer/with-a-long-name");
    CHECK(decision->load_balancer() == "a-load-balancer");
    CHECK(decision->service == "a-service-with-a-name-that-is-no-less-long");
  }
}

TEST_CASE("the journal cuts long texts, and keeps the first tries and the last") {
  Journal journal;
  const std::string longer(1000, 'x');
  Asked asked("a");
  asked.head.target = longer;
  asked.head.authority = longer;
  Decision& decision = journal.begin(asked.request);
  CHECK(decision.target.view().size() == Decision::kTargetBytesMax);
  CHECK(decision.target.cut());
  CHECK(decision.host.view().size() == Decision::kHostBytesMax);
  for (int i = 0; i < 7; ++i) decision.begin_try("endpoint-" + std::to_string(i), false, Instant());
  CHECK(decision.tries_made == 7);
  CHECK(decision.tries_kept() == 4);
  CHECK(decision.tries[2].endpoint.view() == "endpoint-2");
  CHECK(decision.last_try().endpoint.view() == "endpoint-6");
}

TEST_CASE("names beyond the limit are counted together, and those that are gone no longer") {
  using Sort = Traffic::Sort;
  Traffic traffic;
  std::vector<Traffic::CountsPointer> counts;
  for (std::size_t i = 0; i < Traffic::kNamesMax + 10; ++i) {
    counts.push_back(traffic.join(Sort::kService, "s" + std::to_string(i)));
  }
  CHECK(counts[Traffic::kNamesMax] == counts[Traffic::kNamesMax + 9]);
  CHECK(counts[0] != counts[1]);
  CHECK(traffic.join(Sort::kService, "s1") == counts[1]);
  counts[0]->responses[2].add(3);
  counts[0]->under_way.up();
  counts[2]->responses[2].add(4);  // will be forgotten
  counts[Traffic::kNamesMax]->responses[5].add(2);
  counts.resize(2);
  traffic.drop_unused();
  counts.clear();
  Traffic::Sums sums;
  traffic.add_to(Sort::kService, sums);
  CHECK(sums.size() == 3);  // one that a request holds, one that was held otherwise, and all the others
  CHECK(sums["s0"].responses[2] == 3);
  CHECK(sums[std::string(Traffic::kOther)].responses[5] == 2);
  traffic.drop_unused();
  sums.clear();
  traffic.add_to(Sort::kService, sums);
  CHECK(sums.size() == 2);
  traffic.add_to(Sort::kEndpoint, sums);
  CHECK(sums.size() == 2);
  Traffic::Sum total;
  traffic.add_total(Sort::kService, total);
  CHECK(total.responses[2] == 7);
  CHECK(total.responses[5] == 2);
}

TEST_CASE("the id of a trace, from a traceparent that is one") {
  constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string begin = "-" + std::string(kTrace) + "-00f067aa0ba902b7-01";
  CHECK(trace_id_of("00" + begin) == kTrace);
  CHECK(trace_id_of("01" + begin) == kTrace);
  CHECK(trace_id_of("01" + begin + "-more") == kTrace);
  for (const std::string& wrong :
       {std::string(), "ff" + begin, "0g" + begin, "00" + begin + "-more", "01" + begin + "more",
        "00" + begin + "0", "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
        "00-" + std::string(kTrace) + "-" + std::string(16, '0') + "-01",
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        "00_" + std::string(kTrace) + "-00f067aa0ba902b7-01",
        "00-" + std::string(kTrace) + "-00f067aa0ba902b7-0x"}) {
    CAPTURE(wrong);
    CHECK(trace_id_of(wrong).empty());
  }
}

TEST_CASE("durations fall into their buckets") {
  Traffic::Histogram histogram;
  for (const std::int64_t micros : {0, 1000, 1001, 99'000, 11'000'000})
    histogram.observe(std::chrono::microseconds(micros));
  LatencyCounts counts{};
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = histogram.counts[i].get();
  CHECK(counts[0] == 1);
  CHECK(counts[3] == 1);  // up to 1 ms
  CHECK(counts[4] == 1);
  CHECK(counts[17] == 1);  // up to 100 ms
  CHECK(counts[32] == 1);  // up to 20 s
  CHECK(histogram.nanoseconds.get() == 11'101'001'000);
  CHECK(Traffic::buckets_of(counts) == Traffic::Buckets{2, 1, 0, 1, 0, 0, 0, 1});
}

TEST_CASE("a scrape's buckets are made of whole ones that are counted") {
  for (const Duration bound : Traffic::kBuckets) {
    CHECK(latency_bound(latency_bucket(bound)) == bound);
  }
  LatencyCounts counts{};
  counts.fill(1);
  const Traffic::Buckets buckets = Traffic::buckets_of(counts);
  CHECK(buckets == Traffic::Buckets{4, 5, 5, 4, 5, 5, 4, 3});
}

}  // namespace
}  // namespace weir::record
