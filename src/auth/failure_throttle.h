// FailureThrottle: slows down who presents wrong credentials again and again, by source address (IPv6: by
// /64, which is what one machine has). The first failures are free; then each is followed by a wait,
// doubling. Ask it when credentials have failed, not before they are checked: many may share an address, and
// checking is cheap. One per loop. Pure: the time comes in. Bounded: of too many addresses, those quiet for
// longest are forgotten.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

#include "base/time.h"
#include "net/network.h"

namespace weir::auth {

class FailureThrottle {
 public:
  static constexpr int kFree = 10;  // a person who tries what is in the notes
  static constexpr Duration kFirstWait = std::chrono::seconds(1);
  static constexpr Duration kLongestWait = std::chrono::minutes(1);
  static constexpr Duration kForgetAfter = std::chrono::minutes(10);  // without a failure
  static constexpr std::size_t kAddressesMax = 4096;                  // about 0.5 MiB

  // How long the address has to wait before it is answered again; zero: not at all.
  Duration wait(const net::Address& from, Instant now) const;
  // Failures during a wait do not count: they were not looked at.
  void failed(const net::Address& from, Instant now);
  void succeeded(const net::Address& from);
  std::size_t size() const { return by_source_.size(); }

  // Who counts as one.
  struct Source {
    std::uint64_t network = 0;
    bool is_v6 = false;
    friend auto operator<=>(const Source&, const Source&) = default;
  };
  static Source source_of(const net::Address& address);

 private:
  struct Record {
    Source source;
    int failures = 0;
    Duration wait{};  // after the last failure; zero: none
    Instant last;
  };
  using Records = std::list<Record>;

  Records records_;  // the one that failed last is at the end
  std::map<Source, Records::iterator> by_source_;
};

}  // namespace weir::auth
