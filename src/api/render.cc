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

}  // namespace

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

std::string front_html(std::string_view version) {
  std::string text = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>weir</title>\n<h1>weir ";
  text.append(version);
  return text +
         "</h1>\n<p>This is the API of a weir controller: <a href=\"/v1\">/v1</a>, described by "
         "<a href=\"/openapi.json\">/openapi.json</a>.\nIt wants a token: "
         "<code>curl -H \"Authorization: Bearer $WEIR_TOKEN\" /v1/services</code></p>\n";
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
