// Spans on their way to an OpenTelemetry collector, by OTLP over HTTP as JSON: from the cores of traffic, by
// a bounded queue in memory, and posted until they are taken or have been tried often enough. Nothing is kept
// on disk: a trace is a sample, and an old one helps nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "grpc/backoff.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"
#include "record/line_target.h"
#include "shipping/collector.h"
#include "shipping/shipper.h"
#include "shipping/station.h"

namespace weir::shipping {

// Spans as members of a JSON array, each with a comma behind it.
struct SpanPack {
  std::string spans;
  std::uint64_t count = 0;
};

// On one loop.
class SpanShipper {
 public:
  static constexpr std::size_t kPostBytesMax = std::size_t{512} << 10U;  // and a pack
  static constexpr Duration kGather = std::chrono::milliseconds(200);
  static constexpr Duration kEndGrace = std::chrono::seconds(1);
  static constexpr int kTriesMax = 5;

  // Of whom the spans are: "service.name", "weir".
  using Resource = std::vector<std::pair<std::string_view, std::string>>;
  // What waits; none: nothing.
  using Source = std::move_only_function<std::optional<SpanPack>()>;

  // counts outlives it.
  SpanShipper(net::Env& env, std::unique_ptr<Collector> collector, const Resource& resource, Source source,
              ShipperCounts& counts);

  void start() { tasks_.spawn(run()); }
  void arrived() { arrived_.set(); }
  // Goes on for kEndGrace at most; what is left then is dropped.
  net::Task<void> stop();

 private:
  net::Task<void> run();
  // False: it is to end.
  net::Task<bool> send(const SpanPack& pack);
  std::optional<SpanPack> gather();
  void note(const Delivery& delivery);
  void drop(std::uint64_t spans) { counts_.dropped.fetch_add(spans, std::memory_order_relaxed); }

  net::Env& env_;
  std::unique_ptr<Collector> collector_;
  std::string before_;  // what stands before the spans of a message
  Source source_;
  ShipperCounts& counts_;
  net::Event arrived_;
  bool failing_ = false;
  bool ending_ = false;
  net::TaskGroup tasks_;
};

class SpanTarget final : public record::LineTarget {
 public:
  // The error is a sentence. station outlives it.
  static std::expected<std::unique_ptr<SpanTarget>, std::string> open(std::string name, Station& station,
                                                                      CollectorOptions collector,
                                                                      const SpanShipper::Resource& resource);
  ~SpanTarget() override;

  std::uint64_t written() const override { return counts_.taken.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const override {
    return LineTarget::dropped() + counts_.dropped.load(std::memory_order_relaxed);
  }
  // Prometheus text exposition.
  void write_metrics(std::string& out) const;

 private:
  SpanTarget(std::string name, Station& station) : LineTarget(std::move(name)), station_(station) {}
  void wake() override;
  void tell();
  std::optional<SpanPack> next();

  Station& station_;
  ShipperCounts counts_;
  std::atomic<bool> woken_ = false;
  std::unique_ptr<SpanShipper> shipper_;  // on the station's loop
};

}  // namespace weir::shipping
