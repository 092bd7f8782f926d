// ReportServer: a controller's side of the report streams: who reports is known by its certificate, each
// report is given on as it comes, and an edge is present as long as its stream. On the core of its calls.
//
//   calls.add(std::string(kReportPath), [&](grpc::ServerCall& call) { return reports.serve(call); });
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "channel/open.h"
#include "grpc/server.h"
#include "h2/signal.h"
#include "net/task.h"
#include "report/announcements.h"
#include "report/report.h"

namespace weir::report {

class ReportServer {
 public:
  struct Edge {
    std::string name;
    bool verified = false;  // by its certificate, not only by its own word
    net::Address peer;
    Hello hello;
  };
  // Called on the core of the calls; does not wait.
  struct Sink {
    // The first report of a stream comes right after it. An edge that attaches anew before its old stream was
    // known to be lost is attached again, without having been detached.
    std::function<void(const Edge&)> attached;
    std::function<void(const Edge&, const Report&)> reported;
    std::function<void(const Edge&)> detached;
  };
  struct Options {
    std::string trust_domain;
    // False: on loopback without TLS, an edge is who it says it is.
    bool certificate_required = true;
    // Whether reports of that edge are taken. Empty: all.
    std::function<bool(const std::string& edge)> welcome = {};
    // Whether that edge is to stop announcing the addresses that it shares with others. Empty: none is.
    std::function<bool(const std::string& edge)> to_withdraw = {};
  };
  ReportServer(Sink sink, Options options) : sink_(std::move(sink)), options_(std::move(options)) {}
  ReportServer(const ReportServer&) = delete;
  ReportServer& operator=(const ReportServer&) = delete;

  net::Task<grpc::Status> serve(grpc::ServerCall& call);

  // Tells the edge to make a call about that. False: it is not attached here, or does not listen.
  bool open(std::string_view edge, channel::Open what);
  // Whether who asks is that edge, and welcome.
  bool comes_from(const http::Request& request, std::string_view edge) const;
  // Those that are attached.
  std::vector<std::string> edges() const;

  // Ends the streams of those who are not welcome any more.
  void review();

  std::size_t attached() const { return streams_.size(); }

 private:
  struct Stream {
    grpc::ServerCall& call;
    Reply reply = {};        // to the last report
    bool reply_due = false;  // it has not been sent
    std::deque<channel::Open> opens = {};
    h2::Signal wake = {};  // of its sender
  };

  std::string_view certified(const http::Request& request) const;  // the edge's name; empty: it has none
  grpc::Status identify(const grpc::ServerCall& call, const Hello& hello, Edge& edge) const;
  net::Task<grpc::Status> follow(Stream& stream, const Edge& edge, Report first);
  static net::Task<void> reply(Stream& stream);
  Reply reply_to(const std::string& edge, std::uint64_t seen) const;

  Sink sink_;
  Options options_;
  std::map<std::string, Stream*, std::less<>> streams_;  // by the edge's name: the present one
  Announcements announcements_;
};

}  // namespace weir::report
