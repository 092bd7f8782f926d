#include "controller/foresight.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "config/object.h"
#include "translation/difference.h"
#include "translation/own.h"

namespace weir::controller {
namespace {

using Tree = nlohmann::ordered_json;
using Difference = Views::Difference;

std::string cut(std::string text) {
  if (text.size() <= kForeseenValueBytesMax) return text;
  text.resize(kForeseenValueBytesMax);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
  return text + "...";
}

std::vector<config::Change> changes_of(const Difference& one) {
  if (one.object_before && one.object_after) return config::diff(*one.object_before, *one.object_after);
  if (one.before && one.after) return translation::difference(*one.before, *one.after);
  return {};
}

std::string content_of(const Difference& one) {
  if (one.object_after) return config::to_json(*one.object_after, config::Secrets::kHide);
  return one.after ? translation::shown(*one.after) : std::string();
}

Tree line_of(const Difference& one) {
  const bool was = one.before || one.object_before;
  const bool is = one.after || one.object_after;
  Tree line{{"type", xds::info_of(one.type).word},
            {"name", one.name},
            {"result", was && is ? "updated"
                       : is      ? "created"
                                 : "deleted"}};
  if (was && is) {
    line["diff"] = Tree::array();
    for (config::Change& change : changes_of(one)) {
      line["diff"].push_back({{"field", std::move(change.path)},
                              {"before", cut(std::move(change.before))},
                              {"after", cut(std::move(change.after))}});
    }
  } else if (is) {
    line["content"] = cut(content_of(one));
  }
  return line;
}

}  // namespace

std::string foreseen(Views& views, std::span<const xds::Node> nodes,
                     std::span<const config::ObjectChange> changes) {
  std::size_t room = kForeseenBytesMax;
  Tree groups = Tree::array();
  for (const Views::Foreseen& group : views.foresee(nodes, changes)) {
    Tree edges = Tree::array();
    for (const std::string& edge : group.edges) {
      if (edges.size() < kForeseenEdgesNamed) edges.push_back(edge);
    }
    Tree resources = Tree::array();
    std::size_t more = 0;
    for (const Difference& one : group.differences) {
      Tree line = room > 0 ? line_of(one) : Tree();
      const std::size_t bytes =
          room > 0 ? line.dump(-1, ' ', false, Tree::error_handler_t::replace).size() : 0;
      if (room == 0 || bytes > room) {
        room = 0;
        ++more;
        continue;
      }
      room -= bytes;
      resources.push_back(std::move(line));
    }
    groups.push_back({{"edges", std::move(edges)},
                      {"count", group.edges.size()},
                      {"data_plane", group.is_own ? "weir" : "envoy"},
                      {"resources", std::move(resources)},
                      {"more", more}});
  }
  return groups.dump(-1, ' ', false, Tree::error_handler_t::replace);
}

}  // namespace weir::controller
