// LogStream: the answer to a request for logs: lines of one instance or of all of a workload, as they come,
// each as JSON on a line of its own (application/x-ndjson):
//
//   {"time":"2026-11-30T07:11:06.250Z","instance":"web-eu-fra-1","container":"app","stream":"stdout",
//    "text":"hello"}
//   {"instance":"web-eu-fra-2","notice":"on the node n2: it is not attached"}
//
// A blank line now and then says that it lives. Owned by the server's connection, on the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "api/bell.h"
#include "base/time.h"
#include "channel/channels.h"
#include "config/kinds.h"
#include "http/service.h"
#include "insight/log_merge.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::insight {

struct LogsAsked {
  config::Kind kind = config::Kind::kWorkload;  // or kInstance
  std::string name;
  std::string instance;   // of a workload, only that one; empty: all
  std::string container;  // only that one; empty: all
  bool timestamps = false;
  channel::LogsWanted wanted;
  std::function<bool()> allowed;  // asked now and then: the token still stands
  std::string request_id;
};

class LogStream final : public http::Response {
 public:
  static constexpr std::size_t kInstancesMax = 128;
  static constexpr Duration kKeepAliveInterval = std::chrono::seconds(15);
  // Between two looks for instances, and before a way that was lost is tried again.
  static constexpr Duration kLook = std::chrono::seconds(1);

  // All outlive it. ended: called when it goes.
  LogStream(net::Env& env, const mirror::Mirror& mirror, channel::Channels& channels, LogsAsked asked,
            std::function<void(LogStream&)> ended);
  ~LogStream() override;

  // What there is to say is said, and then it ends.
  void stop();

  net::Task<Result<net::Slice>> read() override;
  bool at_end() const override { return ended_; }
  bool settled() const override { return tasks_.size() == 0; }
  net::Task<void> settle() override { co_await tasks_.stop(); }

  // Instances that it is about now.
  static std::size_t count(const config::Whole& objects, const LogsAsked& asked);

 private:
  using Key = std::pair<std::string, std::string>;  // instance and node
  struct Followed {
    LogMerge::Source source = 0;
    bool ended = false;
  };

  net::Task<void> watch_instances();
  net::Task<void> follow(Key key, LogMerge::Source source);
  net::Task<bool> hear(const Key& key, LogMerge::Source source, std::optional<WallTime>& last,
                       std::string& noted);
  bool find_instances();
  bool is_there(const Key& key) const;
  void note(const std::string& instance, std::string_view sentence);
  bool fill();

  net::Env& env_;
  const mirror::Mirror& mirror_;
  channel::Channels& channels_;
  LogsAsked asked_;
  std::function<void(LogStream&)> gone_;
  LogMerge merge_;
  std::map<Key, LogMerge::Source> followed_;
  std::map<LogMerge::Source, std::string> names_;  // of instances
  LogMerge::Source next_source_ = 1;
  std::string notes_;  // not told yet
  std::string out_;
  api::Bell changed_;   // for read()
  api::Bell has_room_;  // for sources
  bool stopped_ = false;
  bool ended_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::insight
