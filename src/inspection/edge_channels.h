// EdgeChannels: a control plane's channels to edges: to those that report to it, and to the one of its own
// process, which makes no calls. On the control loop.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/channels.h"
#include "inspection/request_visits.h"
#include "net/loop.h"
#include "report/report_server.h"

namespace weir::inspection {

class EdgeChannels {
 public:
  // own_requests: of the edge in this process, which has that name; null: there is none. reports: null as
  // long as no edge can be attached.
  EdgeChannels(net::Loop& loop, std::string own, RequestVisits* own_requests,
               std::function<report::ReportServer*()> reports)
      : own_(std::move(own)),
        own_requests_(own_requests),
        reports_(std::move(reports)),
        channels_(loop, {.order =
                             [this](std::string_view edge, std::string id, std::string what) {
                               return order(edge, {std::move(id), std::move(what)});
                             },
                         .comes_from =
                             [this](const http::Request& request, std::string_view edge) {
                               const report::ReportServer* server = reports_();
                               return server != nullptr && server->comes_from(request, edge);
                             }}) {}

  channel::Channels& channels() { return channels_; }
  // That there are now.
  std::vector<std::string> edges() const {
    std::vector<std::string> names;
    if (const report::ReportServer* server = reports_(); server != nullptr) names = server->edges();
    if (own_requests_ != nullptr) names.push_back(own_);
    return names;
  }

 private:
  bool order(std::string_view edge, channel::Open what) {
    if (own_requests_ != nullptr && edge == own_) {
      own_requests_->begin(channels_.take(what.id), std::move(what.what));
      return true;
    }
    report::ReportServer* server = reports_();
    return server != nullptr && server->open(edge, std::move(what));
  }

  std::string own_;
  RequestVisits* own_requests_;
  std::function<report::ReportServer*()> reports_;
  channel::Channels channels_;
};

}  // namespace weir::inspection
