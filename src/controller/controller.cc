#include "controller/controller.h"

#include <string_view>
#include <utility>

#include "base/exposition.h"
#include "controller/own_objects.h"

namespace weir::controller {

Controller::Controller(net::Env& env, store::Store& store, mirror::Mirror& mirror, auth::TokenTable& tokens,
                       PublisherOptions options, PublisherSinks sinks)
    : env_(env),
      store_(store),
      options_(std::move(options)),
      publisher_(env, store, mirror, tokens, options_, std::move(sinks)),
      retention_(env, store),
      tasks_(env.loop) {}

void Controller::start() {
  tasks_.spawn(publisher_.run());
  if (!options_.edge_name.empty()) {
    tasks_.spawn(keep_registered(env_, store_, options_.edge_name, options_.edge));
  }
  tasks_.spawn(retention_.run());
}

net::Task<void> Controller::stop() { co_await tasks_.stop(); }

void Controller::write_metrics(std::string& out) const {
  Exposition exposition(out);
  exposition.single("weir_snapshot_revision", "gauge", "Revision of the snapshot that was published last.",
                    publisher_.published());
  exposition.single("weir_snapshot_builds_total", "counter", "Snapshots built.", publisher_.builds());
  exposition.single("weir_snapshot_failures_total", "counter",
                    "Snapshots not published: the objects did not fit.", publisher_.failures());
}

}  // namespace weir::controller
