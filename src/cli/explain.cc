// weir explain: why a request was answered as it was, by its id; what would be done with one, or with a query
// of DNS, without sending it; and, from the tables, what a kind or a field means.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/uri_path.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "config/kinds.h"
#include "reference/reference.h"

namespace weir::cli {
namespace {

using client::Row;
using client::Table;

// A text, or what stands for none.
std::string shown(const Tree& tree, std::string_view pointer, std::string_view none = "-") {
  std::string text = printable(text_at(tree, pointer));
  return text.empty() ? std::string(none) : text;
}

std::string indented_table(const std::vector<Row>& rows) {
  std::vector<Row> indented;
  for (const Row& row : rows) {
    Row& one = indented.emplace_back(row);
    one.front().insert(0, "    ");
  }
  Table table;
  return table.lay_out(indented);
}

std::string endpoints_text(const Tree& service) {
  std::vector<Row> rows{{"ENDPOINT", "WEIGHT", "PRIORITY", "HEALTH", "MAY BE PICKED"}};
  for (const Tree& one : at(service, "/endpoints")) {
    const std::string why = text_at(one, "/why_not");
    rows.push_back({shown(one, "/endpoint"), shown(one, "/weight"), shown(one, "/priority"),
                    shown(one, "/health"), why.empty() ? "yes" : "no: " + printable(why)});
  }
  return rows.size() == 1 ? "    it has no endpoints\n" : indented_table(rows);
}

std::string tries_text(const Tree& tree) {
  std::vector<Row> rows{{"TRY", "ENDPOINT", "OUTCOME", "CONNECTION", "MS"}};
  const Tree& tries = at(tree, "/tries");
  const std::string made = text_at(tree, "/tries_made");
  for (const Tree& one : tries) {
    const std::string status = text_at(one, "/status");
    const bool last = rows.size() == tries.size();
    rows.push_back({last ? made : std::to_string(rows.size()), shown(one, "/endpoint"),
                    status.empty() ? shown(one, "/outcome") : printable(status), shown(one, "/connection"),
                    shown(one, "/ms")});
    if (const std::string detail = text_at(one, "/detail"); !detail.empty()) {
      rows.back().push_back(printable(detail));
    }
  }
  return rows.size() == 1 ? "  no endpoint was tried\n" : indented_table(rows);
}

std::string outcome_text(const Tree& tree) {
  const std::string status = text_at(tree, "/status");
  std::string text = "  ";
  if (text_at(tree, "/ended") != "true") {
    text += "under way";
  } else if (status.empty()) {
    text += "not answered";
  } else {
    text += "answered with " + printable(status);
  }
  if (const std::string reason = text_at(tree, "/reason"); !reason.empty())
    text += " (" + printable(reason) + ')';
  if (const std::string filter = text_at(tree, "/filter"); !filter.empty()) {
    text += " by the filter " + printable(filter);
  }
  text += ", head after " + shown(tree, "/head_ms") + " ms, all after " + shown(tree, "/duration_ms") +
          " ms; " + shown(tree, "/bytes_received") + " bytes in, " + shown(tree, "/bytes_sent") +
          " bytes out\n";
  for (const Tree& flag : at(tree, "/flags")) {
    text += "  " + shown(flag, "/flag") + ": " + shown(flag, "/means") + '\n';
  }
  return text;
}

std::string decision_text(const Tree& tree) {
  std::string text = shown(tree, "/time") + "  " + shown(tree, "/method") + ' ' + shown(tree, "/scheme") +
                     "://" + shown(tree, "/host", "") + shown(tree, "/path", "") +
                     (text_at(tree, "/path_cut") == "true" ? "..." : "") + "  from " + shown(tree, "/peer") +
                     " at " + shown(tree, "/listener") + '\n';
  text += outcome_text(tree);
  text += "  load balancer " + shown(tree, "/load_balancer") + ", route " + shown(tree, "/route") +
          ", service " + shown(tree, "/service") + '\n';
  text += tries_text(tree);
  if (const Tree& service = at(tree, "/service_now"); service.is_object()) {
    text += "  " + shown(service, "/service") + " as it is now (" + shown(service, "/balance") + "):\n" +
            endpoints_text(service);
  }
  return text;
}

std::string connection_text(const Tree& tree) {
  std::string text = shown(tree, "/time") + "  " + shown(tree, "/protocol") + " connection from " +
                     shown(tree, "/peer") + " at port " + shown(tree, "/port");
  if (const std::string name = text_at(tree, "/tls_server_name"); !name.empty()) {
    text += " for " + printable(name);
  }
  const bool ended = text_at(tree, "/ended") == "true";
  text += std::string("\n  ") + (ended ? "ended" : "under way");
  if (const std::string reason = text_at(tree, "/reason"); !reason.empty()) {
    text += " (" + printable(reason) + ')';
  }
  const std::string so_far = ended ? "" : "_so_far";
  text += ", endpoint after " + shown(tree, "/upstream_ms") + " ms" +
          (ended ? ", all after " + shown(tree, "/duration_ms") + " ms" : "") + "; " +
          shown(tree, "/bytes_received" + so_far) + " bytes in, " + shown(tree, "/bytes_sent" + so_far) +
          " bytes out\n";
  if (const std::string detail = text_at(tree, "/detail"); !detail.empty()) {
    text += "  " + printable(detail) + '\n';
  }
  for (const Tree& meaning : at(tree, "/flags_mean")) text += "  " + shown(meaning, "") + '\n';
  return text + "  listener " + shown(tree, "/listener") + ", service " + shown(tree, "/service") +
         ", endpoint " + shown(tree, "/endpoint") + ", tries " + shown(tree, "/tries") + '\n';
}

std::string plan_text(const Tree& tree) {
  std::string text = shown(tree, "/method") + ' ' + shown(tree, "/scheme") + "://" +
                     shown(tree, "/host", "") + shown(tree, "/path", "") + "  at " +
                     shown(tree, "/listener") + '\n';
  if (text_at(tree, "/route").empty()) {
    text += "  no route takes it: 404 (" + shown(tree, "/reason") + ")\n";
  } else {
    text += "  load balancer " + shown(tree, "/load_balancer") + ", route " + shown(tree, "/route") + '\n';
  }
  std::vector<Row> rows{{"ROUTE", "HOST", "MATCH", "TAKEN"}};
  for (const Tree& one : at(tree, "/candidates")) {
    const std::string why = text_at(one, "/why_not");
    rows.push_back({shown(one, "/route"), shown(one, "/hostname"), shown(one, "/match"),
                    why.empty() ? "yes" : "no: " + printable(why)});
  }
  text += rows.size() == 1 ? "  no listener takes this host\n" : indented_table(rows);
  for (const Tree& one : at(tree, "/filters")) {
    text += "  filter " + shown(one, "/filter") + ' ' + shown(one, "/outcome") + '\n';
  }
  if (const Tree& answer = at(tree, "/answer"); answer.is_object()) {
    text += "  answered with " + shown(answer, "/status") + " (" + shown(answer, "/reason") + ')';
    const std::string location = text_at(answer, "/location");
    return text + (location.empty() ? "" : ", location " + printable(location)) + '\n';
  }
  if (const std::string path = text_at(tree, "/sent_path"); !path.empty()) {
    text += "  sent on as " + shown(tree, "/sent_host") + printable(path) + '\n';
  }
  for (const Tree& service : at(tree, "/backends")) {
    text += "  service " + shown(service, "/service") + ", weight " + shown(service, "/weight") + " (" +
            shown(service, "/balance") + "):\n" + endpoints_text(service);
  }
  return text;
}

std::string joined(const Tree& list) {
  std::string text;
  for (const Tree& one : list) text += (text.empty() ? "" : ", ") + shown(one, "");
  return text;
}

// One of the names that a query leads to.
std::string name_text(const Tree& step) {
  std::string text = "  " + shown(step, "/name");
  if (const std::string zone = text_at(step, "/zone"); !zone.empty()) {
    text += "  zone " + printable(zone) + " (serial " + shown(step, "/serial") + ')';
  }
  const auto add = [&](const char* before, const char* pointer) {
    if (const std::string value = text_at(step, pointer); !value.empty()) text += before + printable(value);
  };
  add(", delegated at ", "/delegation");
  add(", by the wildcard ", "/wildcard");
  add(", ", "/records");
  add(", ", "/policy");
  add(" of ", "/alias");
  text += "\n    " + shown(step, "/outcome") + '\n';
  for (const Tree& place : at(step, "/places")) {
    text += "    the client is in " + shown(place, "/place") + ": " + shown(place, "/usable") + " of " +
            shown(place, "/answers") + " may be given\n";
  }
  add("    the closest place: ", "/place");
  if (text.back() != '\n') text += '\n';
  std::vector<Row> rows{{"ANSWER", "WEIGHT", "PRIORITY", "HEALTHY", "PLACES", "GIVEN"}};
  for (const Tree& one : at(step, "/answers")) {
    const std::string why = text_at(one, "/why_not");
    const std::string places = joined(at(one, "/places"));
    rows.push_back({shown(one, "/value"), shown(one, "/weight"), shown(one, "/priority"),
                    text_at(one, "/healthy") == "true" ? "yes" : "no", places.empty() ? "-" : places,
                    why.empty() ? "yes" : "no: " + printable(why)});
  }
  if (rows.size() > 1) text += indented_table(rows);
  if (const Tree& given = at(step, "/given"); given.is_array()) {
    text += "    given: " + (given.empty() ? "nothing" : joined(given));
    add(", TTL ", "/ttl");
    text += '\n';
  }
  return text;
}

std::string query_text(const Tree& tree) {
  std::string text =
      shown(tree, "/name") + ' ' + shown(tree, "/type") + "  from " + shown(tree, "/from") + '\n';
  for (const Tree& step : at(tree, "/steps")) text += name_text(step);
  text += "  " + shown(tree, "/rcode");
  const std::string scope = text_at(tree, "/scope_bits");
  return text + (scope == "0" ? ", the same for everybody\n"
                              : ", the same for the /" + scope + " around the client\n");
}

std::string text_of(const Tree& tree, bool by_id) {
  if (at(tree, "/steps").is_array()) return query_text(tree);
  if (!by_id) return plan_text(tree);
  return text_at(tree, "/connection_id").empty() ? decision_text(tree) : connection_text(tree);
}

// A kind or a field of one, rather than the id of a request.
bool names_kind(std::string_view topic) {
  return config::find_kind_loosely(topic.substr(0, topic.find('.'))) != nullptr;
}

int print_reference(Terminal& terminal, std::string_view topic) {
  const auto text = reference::explain(topic);
  if (!text) {
    terminal.say("weir: " + config::to_text(text.error()));
    return kBadUsage;
  }
  terminal.print(*text);
  return kDone;
}

}  // namespace

net::Task<int> explain_command(Session& session, const Arguments& arguments) {
  Terminal& terminal = session.terminal;
  const bool by_id = arguments.request.empty();
  const bool is_query = arguments.topic == kDnsTopic;
  if (by_id && !is_query && names_kind(arguments.topic)) co_return print_reference(terminal, arguments.topic);
  std::string target =
      "/v1/explain?" + (by_id ? "id=" + encoded(arguments.topic) : "request=" + encoded(arguments.request));
  if (is_query) {
    target = "/v1/explain?dns=" + encoded(arguments.name);
    if (!arguments.record_type.empty()) target += "&type=" + encoded(arguments.record_type);
  }
  for (const std::string& header : arguments.headers) target += "&header=" + encoded(header);
  if (!arguments.peer.empty()) target += "&peer=" + encoded(arguments.peer);
  const auto content = session.content_of(co_await session.api.ask(http::Method::kGet, target));
  if (!content) co_return kFailed;
  const Tree tree = parse_tree(*content);
  if (!tree.is_object()) {
    terminal.say("weir: the answer of the API is no object");
    co_return kFailed;
  }
  switch (arguments.format) {
    case Format::kTable: terminal.print(text_of(tree, by_id)); break;
    case Format::kJson:
      terminal.print(tree.dump(2, ' ', false, Tree::error_handler_t::replace) + '\n');
      break;
    case Format::kYaml: terminal.print(to_yaml_text(tree)); break;
  }
  co_return kDone;
}

}  // namespace weir::cli
