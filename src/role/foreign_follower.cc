#include "role/foreign_follower.h"

#include <array>
#include <utility>

namespace weir::role {
namespace {

// What others lead to.
constexpr std::array kLedTo{xds::Type::kEndpoints, xds::Type::kRoutes, xds::Type::kSecret};

}  // namespace

ForeignFollower::ForeignFollower(net::Env& env, Traffic& traffic, xds::Node node,
                                 grpc::Dialler::Target control_plane)
    : env_(env),
      traffic_(traffic),
      client_(env, *this,
              {.node = std::move(node),
               .controllers = {std::move(control_plane)},
               .wanted = {{xds::Type::kCluster, {}}, {xds::Type::kListener, {}}}}),
      revision_(traffic.started_from() ? traffic.started_from()->revision : 0),
      tasks_(env.loop) {}

void ForeignFollower::start() { tasks_.spawn(client_.run()); }

net::Task<void> ForeignFollower::stop() { co_await tasks_.stop(); }

std::optional<std::string> ForeignFollower::apply(xds::Type type, const std::vector<xds::Change>& changes) {
  std::string wrong;
  for (const xds::Change& change : changes) {
    if (!change.resource) {
      foreign_.remove(type, change.name);
    } else if (const auto why = foreign_.put(type, change.name, change.resource->body)) {
      wrong.append(wrong.empty() ? "" : "\n").append(change.name).append(": ").append(*why);
    }
  }
  if (!wrong.empty()) {
    env_.log.error("what the control plane wants is refused: what was there of it stays",
                   {{"reason", wrong}});
  }
  told_.insert(type);
  ask_for_more();
  const bool all = told_.contains(xds::Type::kCluster) && told_.contains(xds::Type::kListener);
  begun_ |= all && foreign_.complete();
  if (begun_) publish();
  return wrong.empty() ? std::nullopt : std::optional(std::move(wrong));
}

void ForeignFollower::ask_for_more() {
  for (const xds::Type type : kLedTo) {
    std::set<std::string> wanted = foreign_.wanted(type);
    std::set<std::string>& asked = asked_[type];
    if (wanted == asked) continue;
    for (const std::string& name : asked) {
      if (!wanted.contains(name)) foreign_.remove(type, name);
    }
    asked = wanted;
    client_.want(type, std::move(wanted));
  }
}

void ForeignFollower::publish() { traffic_.apply(foreign_.snapshot(++revision_)); }

void ForeignFollower::attached(std::optional<std::size_t> controller) {
  const bool first = told_.empty() && controller && !attached_;
  if (controller.has_value() != attached_) {
    env_.log.info(controller ? "the control plane speaks to this edge"
                             : "the control plane is gone: traffic goes on as it is",
                  {{"reason", controller ? "" : client_.trouble()}});
  }
  attached_ = controller.has_value();
  if (first) tasks_.spawn(begin_late());
}

net::Task<void> ForeignFollower::begin_late() {
  if (!co_await env_.loop.sleep(kCompleteWithin) || std::exchange(begun_, true)) co_return;
  env_.log.warning("the control plane has not told everything: traffic begins without it");
  publish();
}

}  // namespace weir::role
