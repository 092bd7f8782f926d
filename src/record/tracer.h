// Tracer: one worker's part in distributed traces: begins a request's span or takes it up, says so to
// endpoints by traceparent, and writes the spans of what has ended as OTLP's JSON (docs/adr/0023-traces.md),
// collected until they fill a batch, or for a second. On its core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "http/service.h"
#include "record/journal.h"
#include "record/line_target.h"

namespace weir::record {

// Where spans go, and of how many traces that begin here.
struct Tracing {
  LineTarget& target;       // is given spans as members of an array, each with a comma behind it
  std::uint64_t share = 0;  // of 2^56

  static constexpr std::uint64_t kAll = std::uint64_t{1} << 56U;
  static std::uint64_t share_of(double ratio);  // from 0 to 1
};

class Tracer {
 public:
  static constexpr std::size_t kBatchBytes = 64UL * 1024;
  static constexpr std::size_t kFieldBytesMax = 256;  // of User-Agent

  Tracer(const Tracing& tracing, Random& random) : tracing_(tracing), random_(random) {}
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer() { flush(); }

  // A request has begun: who sampled it before us decides, or else the share. From then on its traceparent is
  // weir's own, unless its sender does not want it sampled.
  void begin(Decision& decision, http::Request& request);
  // Before the head goes to an endpoint for another try: its traceparent names the span of that one.
  static void mark_try(Decision& decision, std::span<std::byte> serialised);
  // It has ended at that time of day.
  void add(const Decision& decision, const http::Request& request, WallTime ended);
  // Hands over what there is.
  void flush();

 private:
  void add_request(const Decision& decision, const http::Request& request, std::int64_t began);
  void add_try(const Decision& decision, std::uint32_t number, const Try& one, std::int64_t began);

  Tracing tracing_;
  Random& random_;
  std::string spans_;
  std::uint64_t count_ = 0;
};

}  // namespace weir::record
