// Monitor: runs the active checks of a set of endpoints, each in a task of its own, and tells each pass and
// each change of a verdict. On one loop; both are told on it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "health/check.h"
#include "net/task_group.h"

namespace weir::health {

struct Target {
  std::vector<net::Address> addresses;  // of one endpoint, in the order in which they are tried
  Check check;
  lb::Health known = lb::Health::kUnknown;  // what it starts from: an endpoint that served already is healthy
  std::function<void(lb::Health, const Error& why)> on_verdict;  // why: empty when the check passed
  std::function<void()> on_pass;  // each check that passes, after what it did to the verdict
};

class Monitor {
 public:
  explicit Monitor(net::Env& env);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // The endpoints of a group to check from now on, by a key. A target with the same key, address and check
  // goes on as it is, with its history; the others end or begin with a check at once.
  void set(const std::string& group, std::map<std::string, Target> targets);
  // Ends all.
  net::Task<void> stop();

  const Counter& checks() const { return checks_; }
  const Counter& failures() const { return failures_; }

 private:
  struct Watched;
  net::Task<void> watch(Watched& watched);
  static net::Task<void> end(std::unique_ptr<Watched> watched);

  net::Env& env_;
  using Group = std::map<std::string, std::unique_ptr<Watched>>;
  std::map<std::string, Group> groups_;
  net::TaskGroup ending_;
  Counter checks_;
  Counter failures_;
};

}  // namespace weir::health
