#include "api/render.h"

#include <nlohmann/json.hpp>

#include "config/kinds.h"
#include "config/object.h"

namespace weir::api {
namespace {

using Tree = nlohmann::ordered_json;

std::string text_of(const Tree& tree) { return tree.dump(-1, ' ', false, Tree::error_handler_t::replace); }

// config writes JSON; null when there is none.
Tree tree_of(std::string_view json) { return json.empty() ? Tree() : Tree::parse(json, nullptr, false); }

Tree diff_of(const Planned& planned) {
  Tree list = Tree::array();
  for (const config::Change& change : config::diff(*planned.before, *planned.after)) {
    list.push_back(
        {{"field", change.path}, {"before", tree_of(change.before)}, {"after", tree_of(change.after)}});
  }
  return list;
}

std::string text_in(const Tree& tree, const char* key) {
  return tree.is_object() && tree.contains(key) && tree[key].is_string() ? tree[key].get<std::string>() : "";
}

}  // namespace

bool leave_theirs(const mirror::Sight& sight, const config::Whole& objects, std::string& explained) {
  if (sight.is_whole()) return true;
  Tree tree = Tree::parse(explained, nullptr, false);
  const auto is_theirs = [&](config::Kind kind, std::string_view name) {
    const auto object = objects.find(kind, name);
    return object && sight.sees(*object);
  };
  if (const auto steps = tree.find("steps"); steps != tree.end() && steps->is_array()) {
    // Of a name that leads elsewhere, as far as it is theirs.
    Tree left = Tree::array();
    for (const Tree& step : *steps) {
      std::string zone = text_in(step, "zone");
      if (!zone.empty()) zone.pop_back();  // the last dot
      if (!is_theirs(config::Kind::kZone, zone)) break;
      left.push_back(step);
    }
    if (left.empty()) return false;
    *steps = std::move(left);
  } else if (!is_theirs(config::Kind::kLoadBalancer, text_in(tree, "load_balancer"))) {
    return false;
  }
  if (const auto candidates = tree.find("candidates"); candidates != tree.end() && candidates->is_array()) {
    Tree left = Tree::array();
    for (const Tree& candidate : *candidates) {
      const std::string route = text_in(candidate, "route");
      if (is_theirs(config::Kind::kLoadBalancer, route.substr(0, route.find('/')))) left.push_back(candidate);
    }
    *candidates = std::move(left);
  }
  explained = text_of(tree);
  return true;
}

std::string list_json(const Listing& listing) {
  std::string text = "{\"items\":[";
  for (std::size_t i = 0; i < listing.items.size(); ++i) {
    text.append(i == 0 ? "\n" : ",\n").append(listing.items[i]);
  }
  text.append("],\"revision\":").append(std::to_string(listing.revision));
  if (listing.next) text.append(",\"continue\":\"").append(to_token(*listing.next)).append("\"");
  return text + "}\n";
}

std::string object_json(const Planned& planned, const StatusSource& status) {
  std::string text = shown(*planned.after, status);
  if (!planned.secret.empty()) {
    text.insert(text.size() - 1, ",\"secret\":" + text_of(Tree(planned.secret)));
  }
  return text + '\n';
}

std::string results_json(const Written& written, std::string_view edges) {
  Tree results = Tree::array();
  for (const Planned& planned : written.plan.objects) {
    Tree line{{"kind", config::info_of(planned.kind).name},
              {"name", planned.name},
              {"result", word_of(planned.outcome)}};
    if (const store::Revision revision = written.revision_of(planned); revision != 0) {
      line["revision"] = revision;
    }
    if (written.dry_run && planned.outcome == Outcome::kUpdated) line["diff"] = diff_of(planned);
    if (written.dry_run && planned.outcome == Outcome::kCreated) {
      line["object"] = tree_of(config::to_json(*planned.after, config::Secrets::kHide));
    }
    if (!planned.secret.empty()) line["secret"] = planned.secret;
    results.push_back(std::move(line));
  }
  Tree json;
  if (written.dry_run) json["dry_run"] = true;
  json["revision"] = written.revision;
  json["results"] = std::move(results);
  if (!edges.empty()) json["edges"] = tree_of(edges);
  return text_of(json) + '\n';
}

std::string front_json(std::string_view version) {
  return text_of({{"name", "weir"},
                  {"version", version},
                  {"api", "/v1"},
                  {"openapi", "/openapi.json"},
                  {"metrics", "/metrics"},
                  {"health", "/healthz"},
                  {"ready", "/readyz"}}) +
         '\n';
}

std::string kinds_json() {
  Tree kinds = Tree::array();
  for (const config::KindInfo& kind : config::kKinds) {
    kinds.push_back({{"kind", kind.name},
                     {"path", "/v1/" + std::string(kind.plural)},
                     {"description", kind.doc},
                     {"writable", kind.client_writes}});
  }
  return text_of({{"kinds", std::move(kinds)}, {"apply", "/v1/apply"}, {"rollback", "/v1/rollback"}}) + '\n';
}

}  // namespace weir::api
