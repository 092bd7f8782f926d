// CollectorLines: a collector elsewhere as a target of lines: takes them from the cores of traffic to the
// Shipper on the Station's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "record/line_target.h"
#include "shipping/collector.h"
#include "shipping/shipper.h"
#include "shipping/station.h"

namespace weir::shipping {

class CollectorLines final : public record::LineTarget {
 public:
  struct Options {
    CollectorOptions collector;
    std::string folder;  // for the folder of its spool, which bears a digest of the URL; it is there
    std::uint64_t spool_bytes_max = 0;
  };
  // The error is a sentence. station outlives it.
  static std::expected<std::unique_ptr<CollectorLines>, std::string> open(std::string name, Station& station,
                                                                          Options options);
  // All that was given is at the collector then, or on disk.
  ~CollectorLines() override;

  std::uint64_t written() const override { return counts_.taken.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const override {
    return LineTarget::dropped() + counts_.dropped.load(std::memory_order_relaxed);
  }
  std::optional<Waiting> waiting() const override;

 private:
  CollectorLines(std::string name, Station& station) : LineTarget(std::move(name)), station_(station) {}
  void wake() override;
  void keep_given();

  Station& station_;
  ShipperCounts counts_;
  std::atomic<bool> woken_ = false;
  std::unique_ptr<Shipper> shipper_;  // on the station's loop
};

}  // namespace weir::shipping
