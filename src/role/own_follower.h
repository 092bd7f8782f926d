// OwnFollower: takes what weir's own controllers say into force on the edge of this process: objects as
// Snapshots, secrets, and verdicts of the other edges, as long as there is a controller who gives them. On
// the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "role/traffic.h"
#include "store/kept_file.h"
#include "translation/told.h"
#include "xds/client.h"

namespace weir::role {

class OwnFollower final : public xds::Consumer {
 public:
  // An edge that no controller speaks to forgets what the others find after this: long enough for a
  // controller to be restarted, short beside what a wrong verdict costs.
  static constexpr Duration kVerdictsOutlast = std::chrono::seconds(10);
  static constexpr std::size_t kSecretsBytesMax = std::size_t{64} << 20U;  // 10,000 hosts with their chains

  // What is at that path of an earlier life; kNotFound: there was none. Blocking; for the start.
  static Result<translation::EdgeSecrets> read_secrets(const std::string& path);

  // traffic: outlives it, and is prepared. path: where secrets are kept. changed: of what is told below.
  OwnFollower(net::Env& env, Traffic& traffic, translation::EdgeSecrets secrets, const std::string& path,
              std::function<void()> changed);

  std::optional<std::string> apply(xds::Type type, const std::vector<xds::Change>& changes) override;
  std::uint64_t revision() const override { return snapshot()->revision; }
  void attached(std::optional<std::size_t> controller) override;
  net::Task<void> stop();

  // What the edge has from the start: to be told what of it is gone.
  std::vector<xds::Had> had() const;
  const config::SnapshotPointer& snapshot() const { return told_.snapshot(); }  // never null
  const translation::EdgeSecrets& secrets() const { return told_.secrets(); }
  // "services/web" and why it is not in force.
  std::map<std::string, std::string> refused() const;

 private:
  std::optional<std::string> apply_objects(const std::vector<xds::Change>& changes);
  std::optional<std::string> apply_verdicts(const std::vector<xds::Change>& changes);
  net::Task<void> forget_verdicts(std::uint64_t lapse);

  net::Env& env_;
  Traffic& traffic_;
  translation::Told told_;
  store::KeptFile secrets_file_;
  std::function<void()> changed_;
  std::optional<std::size_t> controller_;
  std::uint64_t lapses_ = 0;  // times that the last controller was lost
  net::TaskGroup forgetting_;
};

// The same values in the words of the edge.
edge::EdgeSecrets to_edge(const translation::EdgeSecrets& secrets);

}  // namespace weir::role
