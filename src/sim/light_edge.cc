#include "sim/light_edge.h"

#include <utility>

#include "translation/own.h"

namespace weir::sim {

LightEdge::LightEdge(net::Env& env, std::string name, const std::vector<std::string>& controllers)
    : client_(env, *this,
              {.node = {name, {}, "weir 1"},
               .controllers = targets_of(controllers),
               .wanted = {{xds::Type::kObject, {"*"}}, {xds::Type::kHealth, {"*"}}},
               .had = {}}),
      tasks_(env.loop) {
  tasks_.spawn(client_.run());
  for (const std::string& controller : controllers) {
    lines_.push_back(std::make_unique<ReportLine>(env, controller, report::Hello{.node = name},
                                                  [] { return report::Load{}; }));
    tasks_.spawn(lines_.back()->reporter.run());
  }
}

std::optional<std::string> LightEdge::apply(xds::Type /*type*/, const std::vector<xds::Change>& changes) {
  ++told_.times;
  told_.resources += changes.size();
  for (const xds::Change& change : changes) {
    if (!change.resource) continue;
    told_.bytes += change.resource->body.size();
    if (change.name != xds::kRevisionName) continue;
    revision_ = translation::read_revision(change.resource->body).value_or(0);
    for (const auto& line : lines_) line->reporter.applied(revision_);
  }
  return std::nullopt;
}

net::Task<void> LightEdge::stop() {
  co_await tasks_.stop();
  for (const auto& line : lines_) co_await line->channel.close();
}

}  // namespace weir::sim
