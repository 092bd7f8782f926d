// Traffic: how many requests or connections, how they ended and how long they took, for each load balancer,
// each service and each endpoint, on one core. The core counts without locks; only the list of names has one,
// for a scrape by another thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/latency.h"
#include "base/metrics.h"
#include "base/time.h"

namespace weir::record {

class Traffic {
 public:
  // Names that are counted by themselves, of each sort: up to 26 series each, which is what a scrape of every
  // few seconds can carry. The others are counted together as kOther.
  static constexpr std::size_t kNamesMax = 256;
  static constexpr std::string_view kOther = "_other";  // no object can have this name

  // Upper bounds, as a scrape and a load tell them; what took longer is in +Inf alone. Each is one of the
  // bounds that are counted by, so that the buckets between two of them make one of these.
  static constexpr std::array<Duration, 7> kBuckets{
      std::chrono::milliseconds(1),    std::chrono::milliseconds(5),   std::chrono::milliseconds(25),
      std::chrono::milliseconds(100),  std::chrono::milliseconds(500), std::chrono::milliseconds(2500),
      std::chrono::milliseconds(10000)};

  struct Histogram {
    std::array<Counter, kLatencyBuckets> counts;  // each by itself
    Counter nanoseconds;                          // together
    void observe(Duration took) { observe(latency_bucket(took), took); }
    // The bucket is known.
    void observe(std::size_t bucket, Duration took) {
      counts[bucket].add();
      nanoseconds.add(static_cast<std::uint64_t>(took.count()));
    }
  };

  struct Counts {
    std::array<Counter, 6> responses;  // by the first digit of the status; 0: none was sent
    Histogram durations;               // of whole requests; of an endpoint: not counted
    Histogram upstream;                // until the endpoint's response began; of a load balancer: not counted
    // Connections of TCP and TLS listeners, which have no requests.
    Counter connections;         // that were taken
    Counter connections_ended;   // of those
    Counter connections_failed;  // of those: no endpoint could be reached, or it broke
    Counter bytes_received;      // from clients: bodies of requests, and what such connections carry
    Counter bytes_sent;          // to clients, the same; of an endpoint: neither is counted
    Gauge under_way;             // requests and connections that hold it without owning it
  };
  using CountsPointer = std::shared_ptr<Counts>;

  // kEndpoint: named "service/endpoint".
  enum class Sort : std::uint8_t { kLoadBalancer, kService, kEndpoint };
  static constexpr std::size_t kSorts = 3;

  // The counts of that name, or of kOther when kNamesMax others are there.
  CountsPointer join(Sort sort, std::string_view name);
  // Forgets the names that nobody holds any more.
  void drop_unused();

  // What is added up for a scrape.
  struct Sum {
    std::array<std::uint64_t, 6> responses{};
    struct Histogram {
      LatencyCounts counts{};
      std::uint64_t nanoseconds = 0;
    };
    Histogram durations;
    Histogram upstream;
    std::uint64_t connections = 0;
    std::uint64_t connections_ended = 0;
    std::uint64_t connections_failed = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t under_way = 0;  // now
  };
  using Sums = std::map<std::string, Sum, std::less<>>;
  // By kBuckets; the last: +Inf.
  using Buckets = std::array<std::uint64_t, kBuckets.size() + 1>;
  static Buckets buckets_of(const LatencyCounts& counts);
  // Adds those of this core. From any thread.
  void add_to(Sort sort, Sums& sums) const;
  // The same of all of a sort together, the forgotten ones too: it never becomes less. From any thread.
  void add_total(Sort sort, Sum& sum) const;

 private:
  using Names = std::map<std::string, CountsPointer, std::less<>>;
  static void add(const Counts& counts, Sum& sum);
  static void add(const Sum& more, Sum& sum);

  mutable std::mutex mutex_;  // guards what follows, not what the maps' values hold
  std::array<Names, kSorts> names_;
  std::array<Sum, kSorts> forgotten_;
};

}  // namespace weir::record
