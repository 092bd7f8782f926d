// ServiceRates: what all edges together give to the endpoints of each service in each zone, from their
// reports as they come; and why that is not known, when it is not: nobody scales by a guess. A value on one
// core; the time comes in.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "report/report.h"

namespace weir::report {

class ServiceRates {
 public:
  // Services, each in one zone; 600 bytes for each.
  static constexpr std::size_t kNamesMax = 20'000;
  static constexpr Duration kStep = std::chrono::seconds(1);
  // What can be asked for, and what is remembered.
  static constexpr Duration kSpanMax = std::chrono::minutes(2);
  static constexpr std::size_t kSteps = 128;
  // Edges report every five seconds: before that, what they have carried is not known of all of them.
  static constexpr Duration kLag = std::chrono::seconds(6);
  // One that is attached and silent for so long may carry anything.
  static constexpr Duration kStale = std::chrono::seconds(15);
  // Of a controller that starts, edges that were there before have come back by then.
  static constexpr Duration kSettle = std::chrono::seconds(15);
  // One that is cut off from its controllers goes on; one that has died has been left by its clients by then.
  static constexpr Duration kGone = std::chrono::seconds(30);

  struct Rate {
    double requests_per_second = 0;
    std::uint64_t in_flight = 0;
    std::string unknown;  // why it is not known, in a sentence; empty: it is
  };

  // An edge that carries traffic has come, or come back: it says anew what it carries.
  void come(const std::string& edge, Instant now);
  void say(const std::string& edge, const Load& load, Instant now);
  void go(const std::string& edge, Instant now);
  // What time alone ends, once in a while.
  void tidy(Instant now);

  // zone: none: of all zones together. span: what the rate is a mean of, at most kSpanMax.
  Rate of(std::string_view service, std::optional<std::string_view> zone, Duration span, Instant now) const;

 private:
  using Name = std::pair<std::string, std::string>;  // service, zone
  struct Given {
    std::array<float, kSteps> requests{};  // in each step, a ring
    std::int64_t newest = 0;               // the last step that is in it
    std::uint64_t in_flight = 0;           // of all edges
    std::size_t edges = 0;                 // that name it in what they said last
    double within(Instant from, Instant to) const;
    void add(double more, Instant from, Instant to);
  };
  using Names = std::map<Name, Given>;
  struct Edge {
    bool counts = false;                                               // by service, as it said last
    bool left_out = false;                                             // and not all of it
    Instant heard;                                                     // or come, if it has said nothing
    std::optional<Instant> gone;                                       // none: it is attached
    std::vector<std::pair<Names::iterator, std::uint64_t>> in_flight;  // what it said last, by name
    bool names(std::string_view service) const;
    // It has told all of that.
    bool tells(std::string_view service, std::optional<std::string_view> zone) const;
  };

  static std::int64_t step_of(Instant at);
  void forget(Edge& edge);
  std::string why_unknown(std::string_view service, std::optional<std::string_view> zone, Instant now) const;

  Names names_;
  std::map<std::string, Edge> edges_;
  std::optional<Instant> first_;       // when the first edge came
  std::optional<Instant> overflowed_;  // when there were too many names last
  Instant tidied_{};
};

}  // namespace weir::report
