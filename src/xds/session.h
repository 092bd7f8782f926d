// Session: one stream of discovery: its subscriptions, and the order among them. What is added goes out so
// that nothing points to what the client has not accepted yet (clusters and their endpoints before listeners
// and routes); what is removed goes out the other way round. A client that floods, stalls or never answers
// harms itself. Pure but for its clock, which comes in. On its catalog's core; owned by the stream's handler.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "xds/catalog.h"
#include "xds/discovery.h"
#include "xds/subscription.h"

namespace weir::xds {

// Who hears what nodes make of what they are sent. Does not wait.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void accepted(const Node& node, Type type, const std::vector<ResourcePtr>& resources) = 0;
  // Held back for this node from now on, while its other resources go on. null: of nothing in particular.
  virtual void refused(const Node& node, Type type, const ResourcePtr& resource,
                       std::string_view message) = 0;
};

class Session final : public Watcher {
 public:
  struct Options {
    Variant variant = Variant::kDelta;
    std::optional<Type> only;    // of a service for one type; none: all types (ADS)
    std::function<void()> wake;  // there may be something to send
  };
  Session(Node node, Catalog& catalog, Sink& sink, Options options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  const Node& node() const { return node_; }
  const Catalog& catalog() const { return *catalog_; }
  // An error ends the stream; its text is the client's.
  Result<void> request(const Request& request, Instant now);
  // The next response; none: nothing is to be sent before the next request, change or alarm().
  std::optional<Response> next(Instant now);
  // When something changes by time alone: next() is due, or overdue().
  std::optional<Instant> alarm() const;
  // The client has not answered for kAnswerTimeout: the stream is to be ended.
  bool overdue(Instant now) const;
  // Before the next request may be taken up: a client that asks too often waits.
  Instant may_ask_at(Instant now) const;

  // There is much to send, or being sent.
  bool has_bulk() const;
  // The client has accepted all that it may have, and has asked for some of each type that there is: what it
  // refuses may have led to the rest.
  bool in_sync() const;

  // Another view from now on: what differs is sent.
  void move_to(Catalog& catalog);

  void changed(Type type, Slot slot, const ResourcePtr& before) override;
  void woken() override { options_.wake(); }
  void mark(Type type, IdSet& used) const override;
  std::size_t heap_bytes() const;

 private:
  struct Subscribed {
    std::unique_ptr<Subscription> subscription;
    Instant sent_at;  // of the response under way
  };
  Subscription* find(Type type) const { return of(type).subscription.get(); }
  Subscribed& of(Type type) { return subscribed_[static_cast<std::size_t>(type)]; }
  const Subscribed& of(Type type) const { return subscribed_[static_cast<std::size_t>(type)]; }
  Result<Type> type_for(const Request& request) const;
  void spend(const Request& request, Instant now);
  void tell(Type type, const Subscription::Settled& settled);
  std::uint64_t oldest_addition(Type type) const;
  std::uint64_t oldest_change(Type type) const;
  Gates gates(Type type) const;
  void clusters_sent(Instant now);
  void endpoints_asked();

  Node node_;
  Catalog* catalog_;
  Sink& sink_;
  Options options_;
  std::uint32_t id_;
  std::uint64_t nonces_ = 0;
  std::array<Subscribed, kTypes.size()> subscribed_;
  // Clusters that the client got and has not asked the endpoints of: slots of endpoints.
  IdSet awaited_;
  std::uint64_t awaited_since_ = kNever;  // the oldest change among them
  Instant awaited_until_;
  double allowance_;  // of requests
  Instant allowance_at_{};
};

}  // namespace weir::xds
