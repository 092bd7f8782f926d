// Server: discovery over gRPC: the aggregated service and those of one type, each in both variants. A stream
// is a Session and two tasks. Owned by the controller; on the core of its grpc::Server.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "grpc/server.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/timer.h"
#include "xds/session.h"

namespace weir::xds {

class Server {
 public:
  struct Options {
    // What a node is to see; null: it has no business here. Catalogs outlive the server's streams.
    std::function<Catalog*(const Node& node)> view;
    // The node has more than is known here: it is sent away, to come again or to another. Empty: none has.
    std::function<bool(const Node& node)> is_ahead = {};
    // How the resource kRevisionName is said from now on, whichever view it is of. Empty: as it is.
    std::function<ResourcePtr(const ResourcePtr& resource)> revision = {};
    // A stream of the node begins, or ends. Empty: nobody asks.
    std::function<void(const Node& node)> attached = {};
    std::function<void(const Node& node)> detached = {};
    // A stream was ended for what its client did, or did not do. No node: it never said who it is.
    std::function<void(const net::Address& from, const Node* node, const grpc::Status& why)> ended = {};
    // A request was taken up. Empty: nobody asks.
    std::function<void(const Session& session)> asked = {};
    // Of the machines' certificates; a node with a certificate is who that says, in this domain.
    std::string domain = {};
    // False: who comes without TLS is who it says it is.
    bool certificate_required = false;
  };
  struct Counters {
    Counter requests;
    Counter responses;
    Counter response_bytes;
    Counter refusals;  // of clients, by error_detail
    Counter overdue;   // streams that were ended because the client did not answer
  };

  Server(net::Loop& loop, Sink& sink, Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Before the first call. This outlives the calls.
  void add_to(grpc::Server& calls);

  // Sees anew which view each node has: those that got another are moved to it.
  void review();
  std::size_t streams() const { return streams_; }
  const Counters& counters() const { return counters_; }
  template <class Visit>
  void for_each_session(Visit visit) const {
    for (const Stream* stream = first_; stream != nullptr; stream = stream->next) {
      if (stream->session) visit(*stream->session);
    }
  }

 private:
  struct Stream : net::Timer {
    Stream(Server& owner, grpc::ServerCall& its_call, Variant its_variant, std::optional<Type> its_only);
    ~Stream();

    Server& server;
    grpc::ServerCall& call;
    Variant variant;
    std::optional<Type> only;
    std::optional<Session> session;   // from the first request on
    net::Event wake;                  // for the writer
    net::Context* writing = nullptr;  // of the writer, while it waits for the client to take something
    bool bulk = false;                // it is one of the kBulkStreamsMax
    bool bulk_over = false;           // it was, for too long
    bool bulk_waits = false;          // for its turn
    Instant bulk_until;
    std::optional<grpc::Status> status;  // how it ends
    bool at_fault = false;               // the client is, for that
    Stream* next = nullptr;              // in the server's list
    Stream** link = nullptr;
  };
  net::Task<grpc::Status> serve(grpc::ServerCall& call, Variant variant, std::optional<Type> only);
  // Whether the stream may be sent what it is owed, much as it may be.
  bool has_turn(Stream& stream);
  void end_turn(Stream& stream);
  void give_turn();
  void set_alarm(Stream& stream);
  static void alarmed(net::Timer& timer);
  net::Task<void> read_all(Stream& stream);
  net::Task<void> write_all(Stream& stream);
  // Not ok: the stream ends with it.
  grpc::Status take(Stream& stream, std::string_view message);
  grpc::Status begin(Stream& stream, const Request& request);
  void say_revision(Response& response) const;

  net::Loop& loop_;
  Sink& sink_;
  Options options_;
  Counters counters_;
  Stream* first_ = nullptr;  // intrusive list
  std::size_t streams_ = 0;
  std::size_t bulk_streams_ = 0;
  std::size_t bulk_waiting_ = 0;
};

}  // namespace weir::xds
