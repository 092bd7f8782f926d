// Anycast: what becomes of the addresses that this edge shares with others: looks whether it can serve them,
// decides (decider.h), and says it to whoever speaks with BIRD and to the controllers. Of a process; on the
// control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anycast/announcement.h"
#include "anycast/decider.h"
#include "anycast/serving.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"
#include "report/report.h"

namespace weir::anycast {

struct AnycastOptions {
  std::vector<Wanted> wanted;
  Site site;
  Policy policy;
};

// What is around it; all of it outlives it, and is called on its loop.
struct Surroundings {
  // As the function of that name.
  std::function<std::string(std::string_view balancer, Share share)> why_not_served;
  // Whether an interface of this machine has the address.
  std::function<bool(const net::Address& address)> is_local;
  // What BIRD is to include. The number comes back with what becomes of it.
  std::function<void(std::uint64_t number, std::string text)> say;
  // To the controllers, whenever it is another.
  std::function<void(std::vector<report::AnycastSeen> seen)> report;
};

class Anycast {
 public:
  static constexpr Duration kLook = std::chrono::milliseconds(100);
  static constexpr Duration kCheck = std::chrono::seconds(1);
  // A listener that refuses is gone; one that is late may only be busy.
  static constexpr unsigned kLateChecksMax = 2;
  // What is on its way to this edge while routers learn of the withdrawal is still taken.
  static constexpr Duration kSettle = std::chrono::seconds(1);
  static constexpr Duration kLoadedMax = std::chrono::seconds(4);  // for BIRD, at the end

  Anycast(net::Env& env, AnycastOptions options, Surroundings around);
  Anycast(const Anycast&) = delete;
  Anycast& operator=(const Anycast&) = delete;

  // port: of the listener that is to answer. inherited: what BIRD includes, when another process has
  // announced so far and this one goes on; none: nothing is announced, whatever is there.
  void start(std::uint16_t port, std::optional<std::string_view> inherited);

  // --- from whoever speaks with BIRD
  void loaded(std::uint64_t number);
  // withdrawn: what is to be withdrawn is, though.
  void failed(std::uint64_t number, const std::string& reason, bool withdrawn);
  void silenced();  // this process was silent for too long, and nothing is announced any more
  void deserted();  // nobody speaks with BIRD any more

  // From one of the controllers; none: it is not attached any more.
  void hear(std::size_t controller, std::optional<report::Reply> reply);

  // Withdraws all, the farther way first; returns when routers have had the time to hear of it.
  net::Task<void> drain();
  void hurry();  // as far as drain() waits
  // Another process goes on: looks and says no more. Awaited before it is destroyed.
  net::Task<void> stop();

  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

 private:
  struct Address {
    Wanted wanted;
    std::string network;
    Decider decider;
    std::string unchecked = "its own listener was not asked yet";  // why its listener does not answer
    unsigned late_checks = 0;                                      // in a row
    bool is_local = false;
    std::uint64_t withdrawals = 0;
  };

  net::Task<void> watch();
  net::Task<void> check(Address& address);
  void look();
  bool look_at(Address& address, const Sight& sight);
  std::string why_not(const Address& address) const;
  Sight sight_of(const Address& address) const;
  void tell_log(const Address& address, Route before, bool was_kept) const;
  void say();
  void report();
  bool in_force() const { return deserted_ || in_force_ == number_; }

  net::Env& env_;
  AnycastOptions options_;
  Surroundings around_;
  std::vector<Address> addresses_;
  std::uint16_t port_ = 0;
  bool started_ = false;
  bool ending_ = false;
  bool hurried_ = false;
  std::string said_;
  std::uint64_t number_ = 0;    // of what was said last
  std::uint64_t in_force_ = 0;  // as far as is known
  bool bird_is_well_ = false;
  bool deserted_ = false;  // nothing more comes into force
  std::vector<report::AnycastSeen> reported_;
  struct Controller {
    report::Reply reply;
    std::optional<Instant> lost;  // it is not attached since then
  };
  std::map<std::size_t, Controller> controllers_;
  net::Event changed_;  // something that drain() may wait for
  net::TaskGroup tasks_;
};

}  // namespace weir::anycast
