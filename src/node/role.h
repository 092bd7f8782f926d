// `weir node`: a process that runs the instances that controllers assign to it, or those of a file, which is
// watched; and `weir node logs`, which needs no such process: podman has the logs.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/time.h"
#include "isolation/firewall.h"
#include "net/core.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/led.h"
#include "node/node.h"
#include "node/status_page.h"
#include "node/visits.h"
#include "podman/client.h"
#include "podman/socket.h"

namespace weir::node {

inline constexpr std::string_view kDefaultSocket = "/run/podman/podman.sock";

struct RoleOptions {
  std::string instance;  // of logs
  std::string file;      // empty: controllers lead it
  LedOptions led;
  std::string podman_socket;
  std::string name = "weir";  // in the labels of what is its own
  std::optional<net::Address> metrics;
  bool open_networks = false;  // owners are not kept apart
  bool follow = false;
  Duration since{};  // ago; zero: all there is
};

using ReadFile = Result<std::string> (*)(const std::string& path, std::size_t bytes_max);

class Role {
 public:
  // A change of the file takes effect within this, and costs one stat(2).
  static constexpr Duration kFileInterval = std::chrono::milliseconds(250);

  // The core outlives it.
  Role(net::Core& core, RoleOptions options, ReadFile read);
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  // The error is a sentence; then nothing was begun. refused: as Led's.
  std::expected<void, std::string> start(std::function<void(const std::string& sentence)> refused);
  // What runs goes on.
  net::Task<void> end();

 private:
  using Stamp = std::optional<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;
  Stamp look() const;
  std::expected<InstanceFile, std::string> read() const;
  net::Task<void> watch();

  net::Env& env_;
  RoleOptions options_;
  ReadFile read_;
  podman::SocketConnector way_;
  podman::Client podman_;
  isolation::Firewall firewall_;
  Node node_;
  std::optional<Led> led_;  // none: by a file
  Visits visits_;
  StatusPage page_;
  net::TaskGroup tasks_;
  Stamp seen_;
};

// What an instance wrote, line by line; with follow, until its containers end. Runs the core's loop
// meanwhile.
std::expected<void, std::string> print_logs(net::Core& core, const RoleOptions& options,
                                            const std::function<void(std::string_view)>& print);

}  // namespace weir::node
