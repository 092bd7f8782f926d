// Graphs: what went on over time, for callers of the API: GET /v1/metrics.
//
//   ?of=services/web&series=requests,errors,latency&by=endpoint&from=-1h&step=10s
//   {"step":10,"from":1796036400,"series":[{"name":"requests","labels":{"endpoint":"10.0.0.1:80"},
//    "unit":"1/s","values":[12.5,null,...]}]}
//
// With watch=true as server-sent events ("points", each with the same content), one for each step that is
// over: the first one has all from `from`, where that is asked. On the control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/bell.h"
#include "api/problem.h"
#include "api/query.h"
#include "auth/token_table.h"
#include "config/whole.h"
#include "http/service.h"
#include "metrics/history.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::insight {

// One question, understood.
struct GraphAsked {
  std::vector<std::size_t> series;  // places in kGraphSeries
  metrics::Question question;
  std::string label;   // what each line is: "endpoint"; empty: it is one line
  std::string prefix;  // of a line's name, that its label is told without: "web/"
};

// What is told of a Bin.
struct GraphSeries {
  std::string_view name;
  std::string_view unit;
  // None: it is not known.
  std::optional<double> (*value)(const metrics::Bin& bin);
};
extern const std::array<GraphSeries, 12> kGraphSeries;

// Values of one answer; of more lines than fit, the last are one.
inline constexpr std::size_t kGraphValuesMax = 200'000;
inline constexpr std::size_t kGraphBinsMax = 2'000;  // 24 hours of minutes

// What is asked of objects that there are. 400 what can't be understood, 404 what there is not.
api::Answer<GraphAsked> understand(const api::GraphQuestion& asked, const config::Whole& objects,
                                   WallTime now);

std::string graph_json(const GraphAsked& asked, const metrics::History& history);

class GraphStream final : public http::Response {
 public:
  // All outlive it. It begins with what is asked from; ended: called when it goes.
  GraphStream(net::Env& env, const metrics::History& history, GraphAsked asked, std::function<bool()> allowed,
              std::string request_id, std::function<void(GraphStream&)> ended);
  ~GraphStream() override;

  // What there is to say is said, and then it ends.
  void stop();

  net::Task<Result<net::Slice>> read() override;
  net::Slice take_buffered() override;
  bool at_end() const override { return ended_; }

 private:
  net::Env& env_;
  const metrics::History& history_;
  GraphAsked asked_;
  std::function<bool()> allowed_;
  std::function<void(GraphStream&)> gone_;
  std::string request_id_;  // which a field of the head is a view of
  std::string out_;
  api::Bell changed_;
  bool greeted_ = false;
  bool stopped_ = false;
  bool ended_ = false;
};

}  // namespace weir::insight
