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
#include "cli/manifest.h"
#include "cli/objects.h"
#include "cli/session.h"

namespace weir::cli {
namespace {

// The list of results in an answer; the manifest may be null. Nothing: why was said.
std::optional<Tree> results_of(Session& session, const Result<ApiAnswer>& answer, const Manifest* manifest) {
  const auto content = session.content_of(answer, manifest);
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

// Reads the files and sends them; gives the list of results. Nothing: why was said.
net::Task<std::optional<Tree>> send_files(Session& session, const Arguments& arguments, std::string target) {
  const auto manifest = read_manifest(arguments.files);
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
  co_return results_of(session, answer, &*manifest);
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
std::string change_line(const Terminal& terminal, const Tree& change) {
  const auto shown = [&change](std::string_view pointer) {
    const Tree& value = at(change, pointer);
    return value.is_null() ? std::string() : printable(to_json_text(value));
  };
  const std::string before = shown("/before");
  const std::string after = shown("/after");
  std::string line = "    " + printable(text_at(change, "/field")) + ": ";
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
    for (const Tree& change : at(result, "/diff")) terminal.print(change_line(terminal, change));
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

void show_plan(Session& session, const Tree& results) {
  for (const Tree& result : results) show_planned(session.terminal, result);
  session.terminal.flush();  // before the message, where both go to one place
  const std::size_t deleted = count_of(results, "deleted");
  session.terminal.say("plan: " + std::to_string(count_of(results, "created")) + " to create, " +
                       std::to_string(count_of(results, "updated")) + " to update, " +
                       (deleted > 0 ? std::to_string(deleted) + " to delete, " : std::string()) +
                       std::to_string(count_of(results, "unchanged")) + " unchanged");
}

}  // namespace

net::Task<int> apply_command(Session& session, const Arguments& arguments) {
  const auto results = co_await send_files(session, arguments, "/v1/apply");
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
  const auto results = co_await send_files(session, arguments, "/v1/apply?dry_run=true");
  if (!results) co_return kFailed;
  show_plan(session, *results);
  co_return kDone;
}

net::Task<int> rollback_command(Session& session, const Arguments& arguments) {
  const std::string target = arguments.dry_run ? "/v1/rollback?dry_run=true" : "/v1/rollback";
  const std::string wanted = "{\"revision\":" + std::to_string(arguments.revision) + '}';
  const auto answer = co_await session.api.ask(http::Method::kPost, target, wanted);
  const auto results = results_of(session, answer, nullptr);
  if (!results) co_return kFailed;
  if (arguments.dry_run) {
    show_plan(session, *results);
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
