// The commands that write: weir apply and weir plan (the objects of files as one transaction, made so or only
// tried), weir rollback and weir delete.
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/commands.h"
#include "cli/session.h"
#include "client/manifest.h"
#include "client/objects.h"

namespace weir::cli {
namespace {

// The list of results in an answer's content. Nothing: why was said.
std::optional<Tree> results_of(Session& session, const std::optional<std::string>& content) {
  if (!content) return std::nullopt;
  Tree results = at(parse_tree(*content), "/results");
  if (results.is_array()) return results;
  session.terminal.say("weir: the answer of the API holds no results");
  return std::nullopt;
}

// The same objects as the changes of a Rollout.
std::string rollout_of(const Manifest& manifest, const RolloutFlags& flags) {
  Tree object{{"kind", "Rollout"}, {"metadata", {{"name", flags.name}}}};
  Tree& spec = object["spec"];
  spec["changes"] = parse_tree(manifest.request())["objects"];
  if (!flags.bake.empty()) spec["bake"] = flags.bake;
  if (!flags.match.empty()) {
    Tree wave = Tree::object();
    if (!flags.bake.empty()) wave["bake"] = flags.bake;
    spec["waves"] = {wave, wave};
    for (const std::string& label : flags.match) {
      const std::size_t equals = std::min(label.find('='), label.size());
      const std::size_t value = std::min(equals + 1, label.size());
      spec["waves"][0]["match"][label.substr(0, equals)] = label.substr(value);
    }
  }
  return to_json_text({{"objects", Tree::array({object})}});
}

// Reads the files and sends them; gives the content of the answer. Nothing: why was said.
net::Task<std::optional<std::string>> send_files(Session& session, const Arguments& arguments,
                                                 std::string target) {
  const auto manifest = client::read_manifest(arguments.files);
  if (!manifest) {
    session.terminal.say(manifest.error());
    co_return std::nullopt;
  }
  const RolloutFlags& rollout = arguments.rollout;
  if (rollout.name.empty() && !(rollout.bake.empty() && rollout.match.empty())) {
    session.terminal.say("weir: --bake and --match are of a rollout; name one with --rollout");
    co_return std::nullopt;
  }
  const auto answer =
      co_await session.api.ask(http::Method::kPost, std::move(target),
                               rollout.name.empty() ? manifest->request() : rollout_of(*manifest, rollout));
  co_return session.content_of(answer, &*manifest);
}

std::string name_in(const Tree& result) {
  return shown_name(printable(text_at(result, "/kind")), printable(text_at(result, "/name")));
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.append("    ").append(printable(text.substr(0, end))).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// One line of a diff: "spec.balance: "RANDOM" -> "ROUND_ROBIN"", +{...} for what is new, -{...} for what
// goes.
std::string change_line(const Terminal& terminal, std::string_view field, std::string_view from,
                        std::string_view to) {
  const std::string before = printable(from);
  const std::string after = printable(to);
  std::string line = "    " + printable(field) + ": ";
  if (before.empty()) return line + terminal.painted(Colour::kGreen, '+' + after) + '\n';
  if (after.empty()) return line + terminal.painted(Colour::kRed, '-' + before) + '\n';
  return line + terminal.painted(Colour::kRed, before) + " -> " + terminal.painted(Colour::kGreen, after) +
         '\n';
}

void show_planned(Terminal& terminal, const Tree& result) {
  const std::string name = name_in(result);
  const std::string outcome = text_at(result, "/result");
  if (outcome == "created") {
    terminal.print(terminal.painted(Colour::kGreen, "+ " + name + " would be created") + '\n');
    Tree object = at(result, "/object");
    if (object.is_object()) object.erase("metadata");  // its name is above; all else in it is the server's
    if (object.is_object()) object.erase("kind");
    terminal.print(indented(to_yaml_text(object)));
  } else if (outcome == "updated") {
    terminal.print(terminal.painted(Colour::kYellow, "~ " + name + " would be updated") + '\n');
    const auto shown = [](const Tree& value) {
      return value.is_null() ? std::string() : to_json_text(value);
    };
    for (const Tree& change : at(result, "/diff")) {
      terminal.print(change_line(terminal, text_at(change, "/field"), shown(at(change, "/before")),
                                 shown(at(change, "/after"))));
    }
  } else if (outcome == "deleted") {
    terminal.print(terminal.painted(Colour::kRed, "- " + name + " would be deleted") + '\n');
  } else {
    terminal.print("= " + name + ' ' + printable(outcome) + '\n');
  }
}

// How many of the results are one of these.
std::size_t count_of(const Tree& results, std::string_view outcome) {
  return static_cast<std::size_t>(std::ranges::count_if(
      results, [outcome](const Tree& result) { return text_at(result, "/result") == outcome; }));
}

// "12 edges (fra-1, fra-2, ...)"
std::string edges_text(const Tree& group) {
  const Tree& edges = at(group, "/edges");
  const std::string all = printable(to_json_text(at(group, "/count")));
  std::string text = all == "1" ? "edge " : all + " edges: ";
  for (std::size_t i = 0; i < edges.size(); ++i) {
    text += (i == 0 ? "" : ", ") + printable(text_at(edges[i], ""));
  }
  if (all != std::to_string(edges.size())) text += ", ...";
  return text_at(group, "/data_plane") == "envoy" ? text + " (Envoy)" : text;
}

// What some edges would see of it, resource by resource.
void show_edges(Terminal& terminal, const Tree& group) {
  const Tree& resources = at(group, "/resources");
  const Tree& more = at(group, "/more");
  const bool is_cut = more.is_number() && more != 0;
  if (resources.empty() && !is_cut) {
    return terminal.print(edges_text(group) + ": nothing changes\n");
  }
  terminal.print(edges_text(group) + ":\n");
  for (const Tree& resource : resources) {
    const std::string name =
        printable(text_at(resource, "/type")) + ' ' + printable(text_at(resource, "/name"));
    const std::string result = text_at(resource, "/result");
    if (result == "created") {
      terminal.print("  " + terminal.painted(Colour::kGreen, "+ " + name) + '\n');
      terminal.print("      " + printable(text_at(resource, "/content")) + '\n');
    } else if (result == "deleted") {
      terminal.print("  " + terminal.painted(Colour::kRed, "- " + name) + '\n');
    } else {
      terminal.print("  " + terminal.painted(Colour::kYellow, "~ " + name) + '\n');
      for (const Tree& change : at(resource, "/diff")) {
        terminal.print("  " + change_line(terminal, text_at(change, "/field"), text_at(change, "/before"),
                                          text_at(change, "/after")));
      }
    }
  }
  if (is_cut) terminal.print("  ... and " + printable(to_json_text(more)) + " more\n");
}

// What of a dry run would come to be: of the objects, and at the edges.
void show_plan(Session& session, const Tree& results, const Tree& edges) {
  for (const Tree& result : results) show_planned(session.terminal, result);
  if (edges.is_array()) {
    for (const Tree& group : edges) show_edges(session.terminal, group);
  }
  session.terminal.flush();  // before the message, where both go to one place
  const std::size_t deleted = count_of(results, "deleted");
  session.terminal.say("plan: " + std::to_string(count_of(results, "created")) + " to create, " +
                       std::to_string(count_of(results, "updated")) + " to update, " +
                       (deleted > 0 ? std::to_string(deleted) + " to delete, " : std::string()) +
                       std::to_string(count_of(results, "unchanged")) + " unchanged");
}

}  // namespace

net::Task<int> apply_command(Session& session, const Arguments& arguments) {
  const auto results = results_of(session, co_await send_files(session, arguments, "/v1/apply"));
  if (!results) co_return kFailed;
  for (const Tree& result : *results) {
    session.terminal.print(name_in(result) + ' ' + printable(text_at(result, "/result")) + '\n');
    const std::string secret = printable(text_at(result, "/secret"));
    if (secret.empty()) continue;
    session.terminal.print("  secret: " + secret + '\n');
    session.terminal.say("the secret of " + name_in(result) + " is shown this once and kept nowhere");
  }
  co_return kDone;
}

net::Task<int> plan_command(Session& session, const Arguments& arguments) {
  const auto content = co_await send_files(session, arguments, "/v1/apply?dry_run=true&edges=true");
  if (!content) co_return kFailed;
  if (arguments.format != Format::kTable) {
    const Tree answer = parse_tree(*content);
    session.terminal.print(arguments.format == Format::kYaml
                               ? to_yaml_text(answer)
                               : answer.dump(2, ' ', false, Tree::error_handler_t::replace) + '\n');
    co_return kDone;
  }
  const auto results = results_of(session, *content);
  if (!results) co_return kFailed;
  show_plan(session, *results, at(parse_tree(*content), "/edges"));
  co_return kDone;
}

net::Task<int> rollback_command(Session& session, const Arguments& arguments) {
  const std::string target = arguments.dry_run ? "/v1/rollback?dry_run=true&edges=true" : "/v1/rollback";
  const std::string wanted = "{\"revision\":" + std::to_string(arguments.revision) + '}';
  const auto answer = co_await session.api.ask(http::Method::kPost, target, wanted);
  const auto content = session.content_of(answer);
  const auto results = results_of(session, content);
  if (!results) co_return kFailed;
  if (arguments.dry_run) {
    show_plan(session, *results, at(parse_tree(*content), "/edges"));
    co_return kDone;
  }
  for (const Tree& result : *results) {
    session.terminal.print(name_in(result) + ' ' + printable(text_at(result, "/result")) + '\n');
  }
  if (results->empty()) session.terminal.say("all is as it was at that revision");
  co_return kDone;
}

net::Task<int> delete_command(Session& session, const Arguments& arguments) {
  const config::KindInfo* kind = kind_meant(arguments.kind, session.terminal);
  if (kind == nullptr) co_return kBadUsage;
  if (!kind->client_writes) {
    session.terminal.say("weir: " + std::string(kind->plural) +
                         " are made by the server; they can't be deleted");
    co_return kFailed;
  }
  const auto answer = co_await session.api.ask(http::Method::kDelete, path_of(*kind, arguments.name));
  if (!session.content_of(answer)) co_return kFailed;
  session.terminal.print(shown_name(kind->name, arguments.name) + " deleted\n");
  co_return kDone;
}

}  // namespace weir::cli
