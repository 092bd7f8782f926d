// Controller: all that works beside the API in one process: the publisher, this edge's registration, the
// retention of events. Owns their tasks. They meet the API only in the store. On the control loop.
#pragma once

#include <string>

#include "auth/token_table.h"
#include "controller/event_retention.h"
#include "controller/publisher.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "store/store.h"

namespace weir::controller {

class Controller {
 public:
  Controller(net::Env& env, store::Store& store, mirror::Mirror& mirror, auth::TokenTable& tokens,
             PublisherOptions options, PublisherSinks sinks);

  void start();
  // Ends all tasks; to be awaited before it is destroyed.
  net::Task<void> stop();

  const Publisher& publisher() const { return publisher_; }
  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

 private:
  net::Env& env_;
  store::Store& store_;
  PublisherOptions options_;
  Publisher publisher_;
  EventRetention retention_;
  net::TaskGroup tasks_;
};

}  // namespace weir::controller
