// One active check of one endpoint: does it accept a connection, does it answer a GET. On the loop of the
// caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "lb/health_state.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::health {

struct HttpCheck {
  std::string path;
  std::string host;                                    // of the Host field
  std::vector<std::pair<int, int>> expected_statuses;  // both ends included
  friend bool operator==(const HttpCheck&, const HttpCheck&) = default;
};

struct Check {
  Duration interval{};
  Duration timeout{};  // for the whole check
  std::uint32_t unhealthy_threshold = 2;
  std::uint32_t healthy_threshold = 1;
  std::optional<HttpCheck> http;  // none: a connection is enough
  friend bool operator==(const Check&, const Check&) = default;
};

// Nothing: passed. The error says why it failed.
net::Task<Result<void>> run_check(net::Env& env, net::Address address, const Check& check);

}  // namespace weir::health
