#include "insight/graphs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/watch.h"
#include "base/text.h"
#include "config/formats.h"
#include "config/object.h"
#include "config/specs.h"

namespace weir::insight {
namespace {

using api::Answer;
using api::refuse;
using config::Kind;
using metrics::Bin;
using metrics::Grouping;
using metrics::Sort;

constexpr std::string_view kGreeting = "retry: 1000\n\n";
constexpr std::int64_t kStep = metrics::kStep.count();
constexpr std::int64_t kWindow = metrics::kWindow.count();
constexpr std::int64_t kFine = metrics::kFineKept.count();
// When those who wait for a step look: it is settled then.
constexpr Duration kSettle = std::chrono::milliseconds(3100);

template <int Percent>
std::optional<double> quantile(const Bin& bin) {
  const auto found = latency_quantile(bin.durations, Percent / 100.0);
  if (!found) return std::nullopt;
  return std::chrono::duration<double, std::milli>(*found).count();
}

template <double Bin::* Member>
std::optional<double> member(const Bin& bin) {
  return bin.*Member;
}

std::optional<double> cores(const Bin& bin) { return bin.cpu_milli / 1000; }

}  // namespace

const std::array<GraphSeries, 12> kGraphSeries{{{"requests", "1/s", member<&Bin::requests>},
                                                {"errors", "1/s", member<&Bin::errors>},
                                                {"p50", "ms", quantile<50>},
                                                {"p90", "ms", quantile<90>},
                                                {"p99", "ms", quantile<99>},
                                                {"in_flight", "1", member<&Bin::in_flight>},
                                                {"bytes_in", "B/s", member<&Bin::bytes_in>},
                                                {"bytes_out", "B/s", member<&Bin::bytes_out>},
                                                {"connections", "1", member<&Bin::connections>},
                                                {"cpu", "cores", cores},
                                                {"memory", "B", member<&Bin::memory_bytes>},
                                                {"queries", "1/s", member<&Bin::queries>}}};

namespace {

// What can be asked, by the kind: which series it is, and by what else those of it can be told apart.
struct Apart {
  std::string_view by;  // empty: the objects of the kind, where all are asked
  Sort sort;
  Grouping grouping;
};
struct Subject {
  Kind kind;
  Sort sort;
  std::string_view source;  // of machines; with the object's name, where it is one
  bool is_source;
  std::string_view label;  // what one object is called
  std::vector<Apart> apart;
};

const std::vector<Subject>& subjects() {
  constexpr Apart kByEdge{"edge", Sort::kMachine, Grouping::kSource};
  constexpr Apart kByNode{"node", Sort::kMachine, Grouping::kSource};
  static const std::vector<Subject> all{
      {Kind::kLoadBalancer, Sort::kLoadBalancer, metrics::kEdges, false, "loadbalancer", {kByEdge}},
      {Kind::kService,
       Sort::kService,
       metrics::kEdges,
       false,
       "service",
       {kByEdge, {"endpoint", Sort::kEndpoint, Grouping::kName}}},
      {Kind::kEndpoint, Sort::kEndpoint, metrics::kEdges, false, "", {kByEdge}},
      {Kind::kTunnel, Sort::kEndpoint, metrics::kEdges, false, "", {kByEdge}},
      {Kind::kEdge,
       Sort::kMachine,
       metrics::kEdges,
       true,
       "edge",
       {{"service", Sort::kService, Grouping::kName},
        {"loadbalancer", Sort::kLoadBalancer, Grouping::kName}}},
      {Kind::kNode,
       Sort::kMachine,
       metrics::kNodes,
       true,
       "node",
       {{"workload", Sort::kWorkload, Grouping::kName}}},
      {Kind::kWorkload,
       Sort::kWorkload,
       metrics::kNodes,
       false,
       "workload",
       {kByNode, {"instance", Sort::kInstance, Grouping::kName}}},
      {Kind::kInstance, Sort::kInstance, metrics::kNodes, false, "", {}}};
  return all;
}

std::string wrong_of(std::string_view parameter, std::string text) {
  return std::string("?").append(parameter).append(" ").append(text);
}

// "-1h" (ago), a time, or seconds since 1970.
std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now) {
  if (text.empty() || text == "now") return now;
  if (text.starts_with('-')) {
    const auto ago = parse_duration(text.substr(1));
    if (!ago) return std::nullopt;
    return now - std::chrono::floor<std::chrono::seconds>(*ago).count();
  }
  if (const auto seconds = parse_decimal(text); seconds && *seconds < 1ULL << 40U) {
    return static_cast<std::int64_t>(*seconds);
  }
  const auto time = config::parse_rfc3339(text);
  if (!time) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(time->time_since_epoch()).count();
}

std::optional<std::int64_t> parse_step(std::string_view text) {
  if (const auto seconds = parse_decimal(text); seconds && *seconds <= 86400) {
    return static_cast<std::int64_t>(*seconds);
  }
  const auto span = parse_duration(text);
  if (!span || *span % std::chrono::seconds(1) != Duration::zero()) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*span).count();
}

// What is wrong; empty: nothing.
std::string set_series(GraphAsked& to, std::string_view list) {
  if (list.empty()) list = "requests,errors,latency,in_flight";
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const std::size_t before = to.series.size();
    for (std::size_t i = 0; i < kGraphSeries.size(); ++i) {
      const std::string_view name = kGraphSeries[i].name;
      const bool is_meant = word == name || (word == "latency" && name.starts_with('p'));
      if (!is_meant) continue;
      if (std::ranges::find(to.series, i) != to.series.end()) {
        return wrong_of("series", "has " + std::string(name) + " twice");
      }
      to.series.push_back(i);
    }
    if (to.series.size() != before) continue;
    std::string text = "is a list, with commas, of latency";
    for (const GraphSeries& one : kGraphSeries) text.append(", ").append(one.name);
    return wrong_of("series", std::move(text));
  }
  return {};
}

// The span, once it is known how many values each line has.
std::string set_span(GraphAsked& to, const api::GraphQuestion& asked, WallTime now) {
  metrics::Question& question = to.question;
  const std::int64_t settled = metrics::History::settled_at(now);
  const auto from = parse_time(asked.from.empty() ? "-1h" : std::string_view(asked.from), settled);
  const auto until = parse_time(asked.to, settled);
  constexpr std::string_view kLike =
      "is a time: -1h (ago), 2026-11-30T07:11:06Z, or seconds since 1970; the last 24 hours are kept";
  if (!from) return wrong_of("from", std::string(kLike));
  if (!until) return wrong_of("to", std::string(kLike));
  if (*from > *until) return wrong_of("from", "is after the end");
  question.step = settled - *from <= kFine ? kStep : kWindow;
  if (!asked.step.empty()) {
    const auto step = parse_step(asked.step);
    if (!step || *step < kStep || *step % kStep != 0) {
      return wrong_of("step", "is a duration, a multiple of 10s");
    }
    question.step = *step;
  }
  const std::int64_t oldest = settled - metrics::kKept.count();
  question.from = std::max(*from, oldest) / question.step * question.step;
  question.to = std::min(*until, settled) / question.step * question.step;
  const auto bins = static_cast<std::size_t>(std::max<std::int64_t>(question.to - question.from, 0)) /
                    static_cast<std::size_t>(question.step);
  if (bins > kGraphBinsMax)
    return wrong_of("step", "is too short for so long a time: at most 2000 values are told");
  question.lines_max = std::clamp(kGraphValuesMax / (std::max<std::size_t>(bins, 1) * to.series.size()),
                                  std::size_t{2}, std::size_t{300});
  return {};
}

std::string key_of_tunnel(const std::string& instance) {
  return config::to_text(config::Address{config::Address::Family::kTunnel, instance, 0});
}

// What an object's series is called. None: nothing is counted of it.
std::optional<std::string> name_of(const config::Object& object) {
  if (const auto* endpoint = std::get_if<config::EndpointSpec>(&object.spec)) {
    if (endpoint->tunnel) return std::nullopt;
    const auto address = config::parse_address(endpoint->address);
    if (!address) return std::nullopt;
    return endpoint->service + '/' + config::to_text(*address);
  }
  if (const auto* tunnel = std::get_if<config::TunnelSpec>(&object.spec)) {
    return tunnel->service + '/' + key_of_tunnel(tunnel->instance);
  }
  if (const auto* instance = std::get_if<config::InstanceSpec>(&object.spec)) {
    return instance->workload + '/' + object.metadata.name;
  }
  return object.metadata.name;
}

std::string set_apart(GraphAsked& to, const Subject& subject, bool is_all, const std::string& name,
                      std::string_view by) {
  metrics::Question& question = to.question;
  question.sort = subject.sort;
  question.source = subject.source;
  if (is_all) {
    if (subject.label.empty()) return wrong_of("of", "can't be all of this kind");
    if (!by.empty() && by != subject.label) {
      return wrong_of("by", "of all of a kind can only be " + std::string(subject.label));
    }
    question.by = subject.is_source ? Grouping::kSource : Grouping::kName;
    to.label = subject.label;
    to.prefix = subject.is_source ? subject.source : "";
    return {};
  }
  (subject.is_source ? question.source : question.name) += name;
  if (by.empty()) return {};
  for (const Apart& apart : subject.apart) {
    if (apart.by != by) continue;
    question.by = apart.grouping;
    to.label = apart.by;
    if (apart.grouping == Grouping::kName) question.sort = apart.sort;
    to.prefix = apart.grouping == Grouping::kSource ? std::string(subject.source)
                : subject.is_source                 ? ""
                                                    : name + "/";
    return {};
  }
  std::string text = "of this kind can be";
  for (const Apart& apart : subject.apart) text.append(" ").append(apart.by);
  return wrong_of("by", subject.apart.empty() ? "does not go with this kind" : std::move(text));
}

Answer<void> set_subject(GraphAsked& to, const api::GraphQuestion& asked, const config::Whole& objects) {
  if (asked.of.empty()) {
    return refuse(400, "bad-query",
                  "ask with ?of=services/NAME, another kind and name, a kind and *, or * for all");
  }
  const bool is_whole = asked.of == "*";
  const std::string_view of = is_whole ? std::string_view("edges/*") : std::string_view(asked.of);
  const std::size_t slash = of.find('/');
  const config::KindInfo* kind = config::find_plural(of.substr(0, slash));
  const auto subject = std::ranges::find_if(
      subjects(), [&](const Subject& one) { return kind != nullptr && one.kind == kind->kind; });
  if (subject == subjects().end() || slash == std::string_view::npos || slash + 1 == of.size()) {
    std::string text = "?of is * or KIND/NAME, where the kind is one of";
    for (const Subject& one : subjects()) text.append(" ").append(config::info_of(one.kind).plural);
    return refuse(400, "bad-query", std::move(text));
  }
  const std::string_view name = of.substr(slash + 1);
  std::string series_name;
  if (name != "*") {
    const auto object = objects.find(kind->kind, name);
    const auto known = object ? name_of(*object) : std::nullopt;
    if (!known) {
      return refuse(404, "not-found", "there is no " + std::string(kind->name) + "/" + std::string(name));
    }
    series_name = *known;
  }
  if (is_whole && asked.by.empty()) {
    to.question = {.sort = Sort::kMachine, .name = {}, .source = std::string(metrics::kEdges)};
    return {};
  }
  const std::string wrong = set_apart(to, *subject, name == "*", series_name, asked.by);
  if (!wrong.empty()) return refuse(400, "bad-query", wrong);
  return {};
}

void append_number(std::string& to, std::optional<double> value) {
  if (!value || !std::isfinite(*value)) {
    to += "null";
    return;
  }
  std::array<char, 32> text{};
  const double rounded = std::round(*value * 1000) / 1000;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded == 0 ? 0.0 : rounded);
  to.append(text.data(), end.ptr);
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Answer<GraphAsked> understand(const api::GraphQuestion& asked, const config::Whole& objects, WallTime now) {
  GraphAsked to;
  if (auto done = set_subject(to, asked, objects); !done) return refuse(std::move(done.error()));
  if (auto wrong = set_series(to, asked.series); !wrong.empty()) {
    return refuse(400, "bad-query", std::move(wrong));
  }
  if (auto wrong = set_span(to, asked, now); !wrong.empty()) {
    return refuse(400, "bad-query", std::move(wrong));
  }
  return to;
}

std::string graph_json(const GraphAsked& asked, const metrics::History& history) {
  std::string json = "{\"step\":" + std::to_string(asked.question.step) +
                     ",\"from\":" + std::to_string(asked.question.from) + ",\"series\":[";
  const std::vector<metrics::Line> lines = history.ask(asked.question);
  bool is_first = true;
  for (const metrics::Line& line : lines) {
    std::string_view name = line.label;
    if (name.starts_with(asked.prefix)) name.remove_prefix(asked.prefix.size());
    const std::string labels =
        asked.label.empty() ? "{}" : "{" + json_text(asked.label) + ":" + json_text(name) + "}";
    for (const std::size_t place : asked.series) {
      const GraphSeries& series = kGraphSeries[place];
      if (!std::exchange(is_first, false)) json += ',';
      json.append("{\"name\":\"").append(series.name).append("\",\"labels\":").append(labels);
      json.append(",\"unit\":\"").append(series.unit).append("\",\"values\":[");
      for (std::size_t i = 0; i < line.bins.size(); ++i) {
        if (i != 0) json += ',';
        append_number(json, line.bins[i].known ? series.value(line.bins[i]) : std::nullopt);
      }
      json += "]}";
    }
  }
  return json + "]}";
}

GraphStream::GraphStream(net::Env& env, const metrics::History& history, GraphAsked asked,
                         std::function<bool()> allowed, std::string request_id,
                         std::function<void(GraphStream&)> ended)
    : env_(env),
      history_(history),
      asked_(std::move(asked)),
      allowed_(std::move(allowed)),
      gone_(std::move(ended)),
      request_id_(std::move(request_id)),
      changed_(env.loop) {
  api::begin_stream(head, api::kEventStream, request_id_);
}

GraphStream::~GraphStream() { gone_(*this); }

void GraphStream::stop() {
  stopped_ = true;
  changed_.ring();
}

net::Slice GraphStream::take_buffered() {
  if (std::exchange(greeted_, true)) return {};
  return net::as_slice(kGreeting);
}

net::Task<Result<net::Slice>> GraphStream::read() {
  out_.clear();
  metrics::Question& question = asked_.question;
  while (out_.empty() && !ended_) {
    if (stopped_ || !allowed_()) {
      ended_ = true;
      break;
    }
    const WallTime now = env_.loop.clock().wall_now();
    question.to = metrics::History::settled_at(now) / question.step * question.step;
    if (question.to > question.from) {
      out_ = api::event_text("points", static_cast<std::uint64_t>(question.to), graph_json(asked_, history_));
      question.from = question.to;
      break;
    }
    const WallTime next(std::chrono::seconds(question.from + question.step));
    const Duration wait =
        std::clamp(Duration(next - now) + kSettle, Duration::zero(), Duration(api::kKeepAliveInterval));
    const auto rung = co_await changed_.wait(wait);
    if (!rung && rung.error().code != Code::kTimedOut) co_return fail(rung.error());
    if (!rung && wait == api::kKeepAliveInterval) out_ = ": keep-alive\n\n";
  }
  co_return net::as_slice(out_);
}

}  // namespace weir::insight
