// AccessLog: where the lines of the access log go: to all the targets that the operator wants, each at its
// own pace. One per process. Callable from every core; never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "record/line_target.h"

namespace weir::record {

struct AccessLogTarget {
  enum class Kind : std::uint8_t { kOff, kFile, kStdout, kSyslog, kCollector };
  Kind kind = Kind::kOff;
  std::string path;  // of the file, or of the system log's socket; a collector's URL

  // "off", "-", "syslog", "syslog:" and a socket's path, https:// or http://, or a file's path.
  static AccessLogTarget parse(std::string_view text);
  // For people and metrics: a URL without its query, which may hold a secret.
  std::string name() const;

  friend bool operator==(const AccessLogTarget&, const AccessLogTarget&) = default;
};

class AccessLog {
 public:
  static constexpr std::size_t kBatchBytes = 64UL * 1024;  // what a worker collects before it hands over

  // Before any core runs.
  void add(std::unique_ptr<LineTarget> target) { targets_.push_back(std::move(target)); }
  bool empty() const { return targets_.empty(); }

  // Whole lines, `count` of them, for each of the targets. Leaves an empty text in their place.
  void give(std::string& lines, std::uint64_t count);
  // Files are opened anew before the next write: they have been renamed.
  void reopen();
  // Prometheus text exposition.
  void write_metrics(std::string& out) const;

 private:
  std::vector<std::unique_ptr<LineTarget>> targets_;
};

}  // namespace weir::record
