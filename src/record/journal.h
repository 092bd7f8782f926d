// Journal: what was decided for each request, on one core: those under way, and the last kKeptMax that ended.
// The proxy writes a Decision down as it goes; `weir explain` asks for one by its request id. Texts are cut
// to bounds; nothing is allocated but the Decision itself, which is pooled.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/time.h"
#include "http/request_id.h"
#include "http/service.h"
#include "net/frame_pool.h"
#include "net/network.h"
#include "record/flags.h"
#include "record/service_loads.h"
#include "record/short_text.h"
#include "record/trace_context.h"
#include "record/traffic.h"

namespace weir::record {

// One endpoint that was tried.
struct Try {
  ShortText<60> endpoint;    // its key
  std::string_view outcome;  // static: "answered" or the name of an error; empty: under way
  const char* detail = "";   // static
  std::uint16_t status = 0;  // when it answered
  bool reused = false;       // on a connection that was there already
  bool connecting = false;   // no connection was there (yet)
  Instant began;
  Duration took{};
};

struct Decision : net::Pooled {
  // Of the longest names that configuration allows, and of hosts and paths as they mostly are.
  static constexpr std::size_t kNameBytesMax = 63;
  static constexpr std::size_t kHostBytesMax = 128;
  static constexpr std::size_t kTargetBytesMax = 256;
  static constexpr std::size_t kTriesKept = 4;

  Decision() {}  // the tries stay uninitialized: most requests have one

  // Of the request that handle() was given.
  static Decision& of(const http::Request& request) { return *reinterpret_cast<Decision*>(request.note); }

  // A text of the request may be cut; what was lost is not kept anywhere.
  ShortText<http::RequestId::kBytesMax> id;
  ShortText<kHostBytesMax> host;
  ShortText<kTargetBytesMax> target;  // path and query as the client sent them
  ShortText<32> trace_id;             // as its traceparent says, or as weir began it
  net::Address peer;
  http::Method known_method = http::Method::kOther;
  ShortText<16> other_method;  // with kOther
  std::uint8_t version_major = 1;
  std::uint8_t version_minor = 1;
  std::string_view scheme;  // static
  std::uint16_t local_port = 0;

  // Of the plan, until Journal::keep_names().
  std::string_view route;  // "web/0": the load balancer and the place in it
  std::string_view service;
  std::string_view filter;  // static: that answered
  std::uint32_t tries_made = 0;
  union {
    std::array<Try, kTriesKept> tries;  // the first ones, and the last in the last place
  };
  std::string_view reason;  // static: weir-reason of an answer of weir's own
  Flags flags;

  Instant arrived;
  Duration upstream_took{};           // from the first try to the head of the response, or to giving up
  std::optional<Duration> head_took;  // from its arrival to the head of the response going out
  bool ended = false;
  Duration took{};           // from its arrival to its end
  std::uint16_t status = 0;  // 0: none was sent
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  RequestTrace trace;

  // What its counts go to; only for this core.
  Traffic::Counts* load_balancer_counts = nullptr;
  Traffic::Counts* service_counts = nullptr;
  ServiceLoads::Counts* load = nullptr;  // where it is in flight

  std::string_view method() const {
    return known_method == http::Method::kOther ? other_method.view() : http::name_of(known_method);
  }
  std::string_view load_balancer() const { return route.empty() ? route : route.substr(0, route.rfind('/')); }
  std::size_t tries_kept() const { return std::min<std::size_t>(tries_made, kTriesKept); }
  Try& begin_try(std::string_view endpoint, bool reused, Instant now);
  void end_try(Try& one, int answered_status, Instant now);
  void end_try(Try& one, const Error& error, Instant now);
  const Try& last_try() const { return tries[tries_kept() - 1]; }  // there is one
  void end(const http::RequestEnd& end, Instant now);
  // Copies the names that belong to a plan.
  void keep_names();

 private:
  friend class Journal;

  ShortText<kNameBytesMax + 12> own_route_;
  ShortText<kNameBytesMax> own_service_;
  Decision* next_ = nullptr;  // of those under way
  Decision** link_ = nullptr;
};

static_assert(std::is_trivially_destructible_v<Decision>);  // it is made anew where another one was

class Journal {
 public:
  // Per core: about a megabyte, and some seconds of a busy edge.
  static constexpr std::size_t kKeptMax = 1024;

  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // Writes the request down, and puts the Decision into its note.
  Decision& begin(http::Request& request);
  // It has ended: kept until kKeptMax others have.
  void end(Decision& decision);

  // Of all of them, before a plan goes.
  void keep_names();

  // The newest of that id; null: not seen on this core, or no longer kept.
  const Decision* find(std::string_view id) const;
  std::size_t under_way() const { return under_way_count_; }

 private:
  Decision* under_way_ = nullptr;
  std::size_t under_way_count_ = 0;
  std::array<std::unique_ptr<Decision>, kKeptMax> kept_;  // a ring
  std::size_t next_ = 0;
  std::unique_ptr<Decision> spare_;  // for the next request
};

}  // namespace weir::record
