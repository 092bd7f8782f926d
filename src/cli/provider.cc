// weir provider: what a DnsProvider's zones lack there (plan), and that it is written now (sync).
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "config/kinds.h"

namespace weir::cli {
namespace {

// "60 192.0.2.1, 192.0.2.2"
std::string records_text(const Tree& records) {
  std::string text = text_at(records, "/ttl");
  const Tree& values = at(records, "/values");
  for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? " " : ", ") + text_of(values[i]);
  return printable(text);
}

void show_change(Terminal& terminal, const Tree& change) {
  const std::string record = printable(text_at(change, "/record"));
  const std::string action = text_at(change, "/action");
  const std::string before = records_text(at(change, "/before"));
  const std::string after = records_text(at(change, "/after"));
  if (action == "create") {
    terminal.print(terminal.painted(Colour::kGreen, "+ " + record + ' ' + after) + '\n');
  } else if (action == "delete") {
    terminal.print(terminal.painted(Colour::kRed, "- " + record + ' ' + before) + '\n');
  } else {
    terminal.print(terminal.painted(Colour::kYellow, "~ " + record + ' ' + before + " -> " + after) + '\n');
  }
}

// True: nothing is left to do, or to mend.
bool show_zone(Terminal& terminal, const Tree& zone, bool wrote) {
  const std::string name = printable(text_at(zone, "/zone"));
  for (const Tree& change : at(zone, "/changes")) show_change(terminal, change);
  if (const std::string more = text_at(zone, "/more"); more != "0") {
    terminal.print("... and " + printable(more) + " more\n");
  }
  terminal.flush();  // before the messages, where both go to one place
  for (const Tree& conflict : at(zone, "/conflicts")) {
    terminal.say("weir: " + printable(text_at(conflict, "/record")) + ' ' +
                 printable(text_at(conflict, "/reason")));
  }
  for (const Tree& one : at(zone, "/left_out")) terminal.say("weir: " + printable(text_of(one)));
  const std::string refused = text_at(zone, "/refused");
  const std::string error = text_at(zone, "/error");
  if (!refused.empty() && text_at(zone, "/written") == "0") terminal.say("weir: " + printable(refused));
  if (!error.empty()) terminal.say("weir: " + printable(error));
  const auto count = [&zone](const char* what) { return printable(text_at(zone, what)); };
  terminal.say(name + ": " + count("/create") + " to create, " + count("/replace") + " to replace, " +
               count("/delete") + " to delete, " + count("/kept") + " as they shall be, " +
               count("/foreign") + " not weir's" + (wrote ? "; " + count("/written") + " written" : ""));
  return error.empty() && (!wrote || text_at(zone, "/synced") == "true");
}

}  // namespace

net::Task<int> provider_command(Session& session, const Arguments& arguments) {
  const bool sync = arguments.provider.action == "sync" && !arguments.dry_run;
  const std::string path =
      path_of(config::info_of(config::Kind::kDnsProvider), arguments.name) + (sync ? "/sync" : "/plan");
  const std::string force = sync && arguments.provider.force ? "?force=true" : "";
  const auto answer = co_await session.api.ask(sync ? http::Method::kPost : http::Method::kGet, path + force);
  const auto content = session.content_of(answer);
  if (!content) co_return kFailed;
  const Tree tree = parse_tree(*content);
  if (arguments.format != Format::kTable) {
    session.terminal.print(arguments.format == Format::kYaml
                               ? to_yaml_text(tree)
                               : tree.dump(2, ' ', false, Tree::error_handler_t::replace) + '\n');
  }
  bool done = true;
  for (const Tree& zone : at(tree, "/zones")) {
    if (arguments.format != Format::kTable) {
      const bool failed = !text_at(zone, "/error").empty();
      done &= sync ? text_at(zone, "/synced") == "true" : !failed;
    } else {
      done &= show_zone(session.terminal, zone, sync);
    }
  }
  co_return done ? kDone : kFailed;
}

}  // namespace weir::cli
