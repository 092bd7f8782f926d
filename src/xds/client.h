// Client: discovery from a controller's side, by delta on an aggregated stream: keeps itself attached to one
// of several controllers, asks for what is wanted, hands over what comes, and answers for it. After a new
// attachment it says what it has, so that only the difference comes. On one core.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "grpc/backoff.h"
#include "grpc/call.h"
#include "grpc/dialler.h"
#include "net/env.h"
#include "net/task.h"
#include "xds/catalog.h"
#include "xds/discovery.h"

namespace weir::xds {

// What takes what comes. Does not wait.
class Consumer {
 public:
  virtual ~Consumer() = default;
  // Changes of one type, as one. Of kObject: everything up to a revision. A text refuses them: then all stays
  // as it was, and the server is told.
  virtual std::optional<std::string> apply(Type type, const std::vector<Change>& changes) = 0;
  // Up to which revision it has taken everything; 0: nobody knows. Whoever leads it is told, and does not
  // lead it back behind that.
  virtual std::uint64_t revision() const { return 0; }
  // For status and logs. controller: its place in the list; none: attached to no one.
  virtual void attached(std::optional<std::size_t> controller) = 0;
};

struct Wanted {
  Type type;
  std::vector<std::string> names;  // "*": all; none: all, of those types that have it so
};

// What is there from an earlier life, in whichever version: so it is told when it is gone.
struct Had {
  Type type;
  std::string name;
};

class Client {
 public:
  struct Options {
    Node node;
    std::vector<grpc::Dialler::Target> controllers;  // with a timeout each; see kAttachTimeout
    std::vector<Wanted> wanted;
    std::vector<Had> had = {};
  };
  Client(net::Env& env, Consumer& consumer, Options options);

  // Until the task is cancelled.
  net::Task<void> run();
  // Within Consumer::apply(): other names of a type are wanted from now on; what comes of those that are not
  // wanted any more is of no use.
  void want(Type type, std::set<std::string> names);
  // Of connections from now on.
  void set_tls(const std::shared_ptr<tls::ClientContext>& tls);
  // How the last attachment ended, for people.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Held {
    std::unordered_map<std::string, std::string> versions;  // by name: what was accepted
    std::vector<Change> pending;                            // accepted, and its revision has not come yet
    std::set<std::string> asked;                            // on the present stream
  };
  // True: the controller has answered.
  net::Task<bool> attach(std::size_t controller);
  net::Task<Result<void>> ask(grpc::ClientCall& call);
  net::Task<Result<void>> ask_anew(grpc::ClientCall& call);
  net::Task<bool> follow(grpc::ClientCall& call, std::size_t controller);
  Request answer(const Response& response);
  std::optional<std::string> take(const Response& response);
  static bool ends_whole(const Response& response);

  net::Env& env_;
  Consumer& consumer_;
  Options options_;
  bool asks_anew_ = false;  // want() was called
  std::array<Held, kTypes.size()> held_;
  grpc::Backoff backoff_;
  std::string trouble_;
};

}  // namespace weir::xds
