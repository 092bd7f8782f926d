// RequestStream: the answer to a request for the requests of a tunnel as they happen: server-sent events,
// each with a line as in the access log, and which edge it came in by:
//
//   data: {"time":"2026-11-30T07:11:06.250Z","request_id":"3f9c...","method":"GET",...,"edge":"fra-1"}
//
//   event: notice
//   data: {"edge":"ams-1","notice":"the way to the edge ams-1 was lost"}
//
// It begins with those that are kept. A comment now and then says that it lives. Owned by the server's
// connection, on the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "api/bell.h"
#include "base/time.h"
#include "http/service.h"
#include "insight/edge_ways.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::insight {

class RequestStream final : public http::Response {
 public:
  static constexpr Duration kKeepAliveInterval = std::chrono::seconds(15);
  // Between two looks for edges, and before a way that was lost is tried again.
  static constexpr Duration kLook = std::chrono::seconds(1);
  // Clients of tunnels come back; who has not by then has gone.
  static constexpr Duration kGoneMax = std::chrono::minutes(1);
  // That the caller has not taken: beyond it edges wait.
  static constexpr std::size_t kWaitingBytesMax = std::size_t{256} << 10U;

  struct Asked {
    std::string tunnel;
    Origin origin;
    std::function<bool()> allowed;  // asked now and then: the token still stands
    std::string request_id;
  };
  // All outlive it. ended: called when it goes.
  RequestStream(net::Env& env, const mirror::Mirror& mirror, EdgeWays& ways, Asked asked,
                std::function<void(RequestStream&)> ended);
  ~RequestStream() override;

  // What there is to say is said, and then it ends.
  void stop();

  net::Task<Result<net::Slice>> read() override;
  bool at_end() const override { return ended_; }
  bool settled() const override { return tasks_.size() == 0; }
  net::Task<void> settle() override { co_await tasks_.stop(); }

 private:
  net::Task<void> watch();
  bool look_for_tunnel();
  void look_for_edges();
  net::Task<void> follow(std::string edge);
  net::Task<bool> hear(const std::string& edge, std::string& noted);
  net::Task<bool> take(const std::string& edge, const std::string& text);
  void note(const std::string& edge, std::string_view sentence);

  net::Env& env_;
  const mirror::Mirror& mirror_;
  EdgeWays& ways_;
  Asked asked_;
  std::function<void(RequestStream&)> gone_;
  std::set<std::string> followed_;      // edges
  std::optional<Instant> tunnel_gone_;  // since when; none: it is there
  std::string waiting_;
  std::string out_;
  api::Bell changed_;   // for read()
  api::Bell has_room_;  // for edges
  bool stopped_ = false;
  bool ended_ = false;
  net::TaskGroup tasks_;
};

}  // namespace weir::insight
