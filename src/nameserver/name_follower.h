// NameFollower: the addresses of names that others answer for, looked up again and again in the background,
// as often as their TTL says. A look-up that fails leaves what is known as it is. On the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::nameserver {

class NameFollower {
 public:
  static constexpr std::size_t kNamesMax = 1000;
  static constexpr std::size_t kAtOnceMax = 32;                      // look-ups that are under way
  static constexpr Duration kTtlMin = std::chrono::seconds(5);       // also until a failed one is tried again
  static constexpr Duration kTtlMax = std::chrono::hours(1);         // of an answer
  static constexpr Duration kTimeout = std::chrono::seconds(5);      // of a look-up
  static constexpr Duration kPause = std::chrono::milliseconds(50);  // of who waits for others

  struct Known {
    std::vector<net::Address> addresses;  // in order; empty: no look-up had an answer yet
    Duration ttl{};                       // the longest that was seen: caches on the way count theirs down
    std::string problem;                  // of the last look-up; empty: it had an answer
  };
  // The addresses of that name are others now.
  using Changed = std::function<void(const std::string& name)>;
  NameFollower(net::Env& env, Changed changed);

  // These names from now on, as far as there is room, and no others.
  void follow(const std::set<std::string>& names);
  // Null: it is not followed.
  const Known* known(std::string_view name) const;
  // From then on none are followed.
  net::Task<void> stop();

 private:
  struct Followed {
    Followed(net::Loop& loop, std::string of) : name(std::move(of)), group(loop) {}
    std::string name;
    Known known;
    net::TaskGroup group;
  };
  net::Task<void> look_up(Followed& followed);
  void take(Followed& followed, Result<net::Resolved> answer);
  static net::Task<void> end(std::unique_ptr<Followed> followed);

  net::Env& env_;
  Changed changed_;
  std::map<std::string, std::unique_ptr<Followed>, std::less<>> followed_;
  std::size_t under_way_ = 0;
  bool stopped_ = false;
  net::TaskGroup ending_;
};

}  // namespace weir::nameserver
