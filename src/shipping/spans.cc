#include "shipping/spans.h"

#include <algorithm>

#include "base/exposition.h"
#include "record/json.h"
#include "shipping/limit.h"

namespace weir::shipping {
namespace {

constexpr std::string_view kBehind = "]}]}]}";

// {"resourceSpans":[{"resource":{...},"scopeSpans":[{"scope":{...},"spans":[
std::string beginning(const SpanShipper::Resource& resource) {
  std::string text;
  record::Json json(text);
  json.begin_object();
  json.key("resourceSpans").begin_array();
  json.begin_object();
  json.key("resource").begin_object();
  json.key("attributes").begin_array();
  for (const auto& [name, value] : resource) {
    if (value.empty()) continue;
    json.begin_object();
    json.key("key").text(name);
    json.key("value").begin_object();
    json.key("stringValue").text(value);
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  json.key("scopeSpans").begin_array();
  json.begin_object();
  json.key("scope").begin_object();
  json.key("name").text("weir");
  json.key("version").text(WEIR_VERSION);
  json.end_object();
  json.key("spans").begin_array();
  return text;
}

}  // namespace

SpanShipper::SpanShipper(net::Env& env, std::unique_ptr<Collector> collector, const Resource& resource,
                         Source source, ShipperCounts& counts)
    : env_(env),
      collector_(std::move(collector)),
      before_(beginning(resource)),
      source_(std::move(source)),
      counts_(counts),
      tasks_(env.loop) {}

net::Task<void> SpanShipper::stop() {
  ending_ = true;
  arrived_.set();
  if (failing_) tasks_.cancel();
  Limit limit(tasks_);
  env_.loop.arm(limit, env_.loop.deadline(kEndGrace));
  co_await tasks_.join();
  while (const auto left = gather()) drop(left->count);
}

std::optional<SpanPack> SpanShipper::gather() {
  auto all = source_();
  while (all && all->spans.size() < kPostBytesMax) {
    auto more = source_();
    if (!more) break;
    all->spans += more->spans;
    all->count += more->count;
  }
  return all;
}

net::Task<void> SpanShipper::run() {
  for (;;) {
    auto pack = gather();
    if (pack) {
      if (!co_await send(*pack)) co_return;
      continue;
    }
    if (ending_) co_return;
    arrived_.reset();
    if (!co_await arrived_.wait(env_.loop)) co_return;
    if (!ending_ && !co_await env_.loop.sleep(kGather)) co_return;
  }
}

net::Task<bool> SpanShipper::send(const SpanPack& pack) {
  grpc::Backoff backoff;
  std::string message = before_;
  message.append(pack.spans, 0, pack.spans.size() - 1).append(kBehind);  // without the last comma
  for (int tried = 1;; ++tried) {
    const Delivery delivery = co_await collector_->post("application/json", message, {});
    if (delivery.outcome == Delivery::Outcome::kTaken) {
      note(delivery);
      counts_.taken.fetch_add(pack.count, std::memory_order_relaxed);
      co_return true;
    }
    const bool cancelled = delivery.outcome == Delivery::Outcome::kCancelled;
    if (!cancelled) note(delivery);
    if (cancelled || ending_ || tried == kTriesMax || delivery.outcome == Delivery::Outcome::kRefused) {
      drop(pack.count);
      co_return !cancelled && !ending_;
    }
    if (!co_await env_.loop.sleep(std::max(backoff.failed(env_.random), delivery.wait))) {
      drop(pack.count);
      co_return false;
    }
  }
}

void SpanShipper::note(const Delivery& delivery) {
  const bool fails = delivery.outcome != Delivery::Outcome::kTaken;
  if (fails || failing_) counts_.set_trouble(delivery.sentence);
  if (std::exchange(failing_, fails) == fails) return;
  if (fails) {
    env_.log.warning("traces are not taken by their collector", {{"reason", delivery.sentence}});
  } else {
    env_.log.info("traces are taken by their collector again");
  }
}

std::expected<std::unique_ptr<SpanTarget>, std::string> SpanTarget::open(
    std::string name, Station& station, CollectorOptions collector, const SpanShipper::Resource& resource) {
  net::Env& env = station.env();
  auto opened = Collector::open(env, std::move(collector));
  if (!opened) return std::unexpected(opened.error());
  std::unique_ptr<SpanTarget> made(new SpanTarget(std::move(name), station));
  made->shipper_ = std::make_unique<SpanShipper>(
      env, std::move(*opened), resource, [target = made.get()] { return target->next(); }, made->counts_);
  station.post([shipper = made->shipper_.get()] { shipper->start(); });
  return made;
}

SpanTarget::~SpanTarget() {
  station_.finish([this] { return shipper_->stop(); }, [this] { shipper_.reset(); });
}

void SpanTarget::wake() {
  if (!woken_.exchange(true)) station_.post([this] { tell(); });
}

void SpanTarget::tell() {
  woken_ = false;
  shipper_->arrived();
}

std::optional<SpanPack> SpanTarget::next() {
  auto batch = take();
  if (!batch) return std::nullopt;
  SpanPack pack{.spans = batch->lines, .count = batch->count};
  give_back(std::move(*batch));
  return pack;
}

void SpanTarget::write_metrics(std::string& out) const {
  Exposition exposition(out);
  exposition.single("weir_trace_spans_total", "counter", "Spans that the collector of traces has taken.",
                    written());
  exposition.single("weir_trace_dropped_spans_total", "counter",
                    "Spans that were lost: the collector of traces was away, slow, or refused them.",
                    dropped());
  exposition.single("weir_trace_failing", "gauge", "1: the collector of traces did not take the last spans.",
                    counts_.trouble().empty() ? 0 : 1);
}

}  // namespace weir::shipping
