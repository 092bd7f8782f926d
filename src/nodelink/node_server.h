// NodeServer: a controller's side of the streams of nodes: who attaches is known by its certificate, what it
// reports is given on as it comes, and it is told what it is to run: at once, and whenever that changes. On
// the core of its calls.
//
//   calls.add(std::string(kAttachPath), [&](grpc::ServerCall& call) { return nodes.serve(call); });
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/whole.h"
#include "grpc/server.h"
#include "h2/signal.h"
#include "net/task.h"
#include "nodelink/messages.h"
#include "nodelink/values.h"

namespace weir::nodelink {

class NodeServer {
 public:
  // Called on the core of the calls; does not wait. What is empty is not called.
  struct Sink {
    // The first report of a stream comes right after it. Provider, region and city are those of the Node
    // object. A node that attaches anew before its old stream was known to be lost is attached again, without
    // having been detached.
    std::function<void(const Hello&, Instant now)> attached;
    std::function<void(const std::string& node, const NodeReport&, Instant now)> reported;
    std::function<void(const std::string& node, Instant now)> heard;  // it is there, and has nothing to say
    std::function<void(const std::string& node, Instant now)> detached;
  };
  struct Options {
    std::string trust_domain;
    // False: on loopback without TLS, a node is who it says it is.
    bool certificate_required = true;
    // The revision of the objects.
    std::function<std::uint64_t()> revision;
    // Brings the objects to the present of the store, for a node that has heard of a later revision. Empty:
    // they always are.
    std::function<net::Task<Result<void>>()> catch_up = {};
  };
  // objects: all there are; outlives it.
  NodeServer(const config::Whole& objects, Sink sink, Options options)
      : objects_(objects), sink_(std::move(sink)), options_(std::move(options)) {}
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

  net::Task<grpc::Status> serve(grpc::ServerCall& call);

  // After the objects have changed. Ends the streams of those whose Node object is gone or revoked.
  void changed(std::span<const config::ObjectChange> changes);

  // Tells the node to make a call about that. False: it is not attached here, or does not listen.
  bool open(std::string_view node, Open what);

  // Whether who asks is that node, and welcome.
  bool comes_from(const http::Request& request, std::string_view node) const;

  bool is_attached(std::string_view node) const { return streams_.contains(node); }
  std::size_t attached() const { return streams_.size(); }
  std::uint64_t assignments_told() const { return told_; }

 private:
  struct Stream {
    grpc::ServerCall& call;
    bool assignment_due = true;
    bool anew = false;               // the node has one of a revision that the store does not have
    std::optional<Assignment> told;  // the last
    std::deque<Open> opens;
    h2::Signal wake;  // of its sender
  };

  grpc::Status identify(const grpc::ServerCall& call, Hello& hello) const;
  std::string_view certified(const http::Request& request) const;  // the node's name; empty: it has none
  const config::NodeSpec* node_of(std::string_view name) const;    // null: none that is welcome
  net::Task<grpc::Status> follow(Stream& stream, const std::string& node, NodeReport first);
  net::Task<void> send(Stream& stream, std::string node);
  net::Task<bool> send_assignment(Stream& stream, const std::string& node);
  net::Task<void> judge_revision(Stream& stream, std::uint64_t of_node);
  void pass_on(const std::string& node, const NodeReport& report, Instant now) const;

  const config::Whole& objects_;
  Sink sink_;
  Options options_;
  std::map<std::string, Stream*, std::less<>> streams_;  // by the node's name: the present one
  std::uint64_t told_ = 0;
};

}  // namespace weir::nodelink
