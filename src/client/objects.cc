#include "client/objects.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "client/terminal.h"
#include "config/documents.h"
#include "config/formats.h"
#include "config/kinds.h"

namespace weir::client {
namespace {

struct Column {
  std::string_view title;
  std::string_view pointer;                           // of a text or a number (RFC 6901)
  std::string (*cell)(const Tree& object) = nullptr;  // for what is more than that
};

constexpr std::size_t kCellBytesMax = 60;  // of a list; -o yaml has all of it

std::string count_at(const Tree& object, std::string_view pointer) {
  const Tree& list = at(object, pointer);
  return std::to_string(list.is_array() ? list.size() : 0);
}

// The distinct texts that `visit` gives, "a, b, c", cut off where they get long.
class Joined {
 public:
  void add(std::string text) {
    if (!text.empty() && std::ranges::find(texts_, text) == texts_.end()) texts_.push_back(std::move(text));
  }
  std::string text() const {
    std::string all;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (i > 0 && all.size() + texts_[i].size() > kCellBytesMax) {
        return all + ", +" + std::to_string(texts_.size() - i);
      }
      all += (i == 0 ? "" : ", ") + texts_[i];
    }
    return all;
  }

 private:
  std::vector<std::string> texts_;
};

std::string hostnames_of(const Tree& object) {
  Joined joined;
  for (const Tree& listener : at(object, "/spec/listeners")) {
    const Tree& names = at(listener, "/hostnames");
    if (names.empty()) joined.add("*");
    for (const Tree& name : names) joined.add(text_of(name));
  }
  return joined.text();
}

std::string ports_of(const Tree& object) {
  Joined joined;
  for (const Tree& listener : at(object, "/spec/listeners")) {
    const std::string port = text_at(listener, "/port");
    joined.add(text_at(listener, "/protocol") + (port.empty() ? "" : ":" + port));
  }
  return joined.text();
}

std::string services_of(const Tree& object) {
  Joined joined;
  for (const Tree& route : at(object, "/spec/routes")) {
    for (const Tree& backend : at(route, "/backends")) joined.add(text_at(backend, "/service"));
  }
  return joined.text();
}

std::string check_of(const Tree& object) {
  const Tree& check = at(object, "/spec/health_check");
  if (check.contains("http")) return "http " + text_at(check, "/http/path");
  return check.contains("tcp") ? "tcp" : "";
}

// Of an endpoint: "10.0.0.1:80", or "tunnel 2201" while it waits for one that asks for that port.
std::string address_of(const Tree& object) {
  const std::string port = text_at(object, "/spec/tunnel/port");
  return port.empty() ? text_at(object, "/spec/address") : "tunnel " + port;
}

// Of a token that lets machines in: "0/1".
std::string uses_of(const Tree& object) {
  if (text_at(object, "/spec/role") != "join") return {};
  const auto or_preset = [](std::string text, const char* preset) { return text.empty() ? preset : text; };
  return or_preset(text_at(object, "/spec/used"), "0") + '/' + or_preset(text_at(object, "/spec/uses"), "1");
}

// Records that are given, of all: "2/3"; of a set that health does not matter to, all.
std::string given_of(const Tree& object) {
  const Tree& answers = at(object, "/status/answers");
  if (!answers.is_array()) return count_at(object, "/spec/values");
  const auto given =
      std::ranges::count_if(answers, [](const Tree& one) { return one.value("given", false); });
  return std::to_string(given) + '/' + std::to_string(answers.size());
}

// Zones that are as they shall be, of all: "2/3".
std::string synced_of(const Tree& object) {
  const Tree& zones = at(object, "/status/zones");
  if (!zones.is_array()) return {};
  const auto synced =
      std::ranges::count_if(zones, [](const Tree& one) { return text_at(one, "/synced") == "true"; });
  return std::to_string(synced) + '/' + std::to_string(zones.size());
}

// "aws 720, bolt 280"
std::string shares_of(const Tree& object) {
  Joined joined;
  for (const Tree& one : at(object, "/spec/providers")) {
    joined.add(text_at(one, "/provider") + ' ' + text_at(one, "/weight"));
  }
  return joined.text();
}

// Addresses shared with others that it announces, of all: "1/2"; empty: it has none.
std::string announced_of(const Tree& object) {
  const Tree& all = at(object, "/status/anycast");
  if (!all.is_array() || all.empty()) return {};
  const auto announced =
      std::ranges::count_if(all, [](const Tree& one) { return text_at(one, "/route") != "withdrawn"; });
  return std::to_string(announced) + '/' + std::to_string(all.size());
}

constexpr Column kName{"NAME", "/metadata/name"};
constexpr Column kAge{"AGE", "/metadata/created_at"};     // shown as the time since
constexpr Column kApplied{"APPLIED", "/status/applied"};  // edges that have it, of all

constexpr std::array kOfLoadBalancer{
    kName,
    Column{"LISTENERS", "", ports_of},
    Column{"HOSTNAMES", "", hostnames_of},
    Column{"ROUTES", "", [](const Tree& o) { return count_at(o, "/spec/routes"); }},
    Column{"SERVICES", "", services_of},
    kApplied,
    kAge,
};
constexpr std::array kOfService{
    kName,
    Column{"PROTOCOL", "/spec/protocol"},
    Column{"BALANCE", "/spec/balance"},
    Column{"ENDPOINTS", "", [](const Tree& o) { return count_at(o, "/spec/endpoints"); }},
    Column{"CHECK", "", check_of},
    kApplied,
    kAge,
};
constexpr std::array kOfEndpoint{
    kName,
    Column{"SERVICE", "/spec/service"},
    Column{"ADDRESS", "", address_of},
    Column{"WEIGHT", "/spec/weight"},
    Column{"PRIORITY", "/spec/priority"},
    kAge,
};
constexpr std::array kOfToken{
    kName,
    Column{"ROLE", "/spec/role"},
    Column{"USER", "/spec/user"},
    Column{"ORGANIZATION", "/metadata/organization"},
    Column{"USES", "", uses_of},
    Column{"EXPIRES", "/spec/expires_at"},
    Column{"DESCRIPTION", "/spec/description"},
    kAge,
};
constexpr std::array kOfEvent{
    Column{"TIME", "/spec/time"},
    Column{"ACTOR", "/spec/actor"},
    Column{"VERB", "/spec/verb"},
    Column{"OBJECT", "",
           [](const Tree& o) { return text_at(o, "/spec/kind") + '/' + text_at(o, "/spec/name"); }},
    Column{"REVISION", "/spec/revision"},
    Column{"FROM", "/spec/remote_address"},
    Column{"REFUSED", "/spec/reason"},
    kName,
};
constexpr std::array kOfCertificate{kName, kApplied, kAge};
constexpr std::array kOfSecret{kName, kApplied, kAge};
constexpr std::array kOfEdge{
    kName,
    Column{"PROVIDER", "/spec/provider"},
    Column{"REGION", "/spec/region"},
    Column{"CITY", "/spec/city"},
    Column{"ADDRESS", "/spec/address"},
    Column{"VERSION", "/spec/version"},
    Column{"ATTACHED", "/status/attached"},
    Column{"REVISION", "/status/applied_revision"},
    Column{"CONNECTIONS", "/status/connections"},
    Column{"HEALTHY", "/status/endpoints"},
    Column{"ANYCAST", "", announced_of},
    kAge,
};
constexpr std::array kOfRollout{
    kName,
    Column{"PHASE", "/status/phase"},
    Column{"WAVE", "",
           [](const Tree& o) { return text_at(o, "/status/wave") + '/' + count_at(o, "/status/waves"); }},
    Column{"EDGES", "/status/edges"},
    Column{"REASON", "/status/reason"},
    kAge,
};

constexpr std::array kOfTunnel{
    kName,
    Column{"SERVICE", "/spec/service"},
    Column{"INSTANCE", "/spec/instance"},
    Column{"EDGE", "/spec/edge"},
    Column{"VIA", "/spec/via"},
    Column{"USER", "/spec/user"},
    Column{"CLIENT", "/spec/client"},
    kAge,
};
constexpr std::array kOfUser{
    kName,
    Column{"EMAIL", "/spec/email"},
    Column{"CALLED", "/spec/display_name"},
    Column{"KEYS", "", [](const Tree& o) { return count_at(o, "/spec/ssh_keys"); }},
    Column{"DISABLED", "/spec/disabled"},
    kAge,
};

constexpr std::array kOfZone{
    kName,
    Column{"SERVING", "/status/serving"},
    Column{"SERIAL", "/status/serial"},
    Column{"RECORDS", "/status/records"},
    Column{"REASON", "/status/reason"},
    kAge,
};
constexpr std::array kOfRecordSet{
    kName,
    Column{"ZONE", "/spec/zone"},
    Column{"OWNER", "/spec/name"},
    Column{"TYPE", "/spec/type"},
    Column{"TTL", "/spec/ttl"},
    Column{"POLICY", "/spec/policy"},
    Column{"GIVEN", "", given_of},
    kAge,
};

constexpr std::array kOfDnsProvider{
    kName,
    Column{"TYPE", "/spec/type"},
    Column{"ZONES", "", [](const Tree& o) { return count_at(o, "/spec/zones"); }},
    Column{"SYNCED", "", synced_of},
    kAge,
};
constexpr std::array kOfDnsLedger{
    kName,
    Column{"PROVIDER", "/spec/provider"},
    Column{"ZONE", "/spec/zone"},
    Column{"RECORDS", "", [](const Tree& o) { return count_at(o, "/spec/records"); }},
    kAge,
};

constexpr std::array kOfDnsWeights{
    kName,
    Column{"ZONE", "/spec/zone"},
    Column{"OF 1000", "", shares_of},
    Column{"COMPUTED", "/spec/computed_at"},
    kAge,
};

constexpr std::array kOfWorkload{
    kName,
    Column{"READY", "/status/ready"},
    Column{"UPDATED", "/status/updated"},
    Column{"VERSION", "/spec/progress/version"},
    Column{"UPDATE", "/spec/progress/phase"},
    Column{"REASON", "/status/reason"},
    kAge,
};
constexpr std::array kOfNode{
    kName,
    Column{"PROVIDER", "/spec/provider"},
    Column{"REGION", "/spec/region"},
    Column{"CITY", "/spec/city"},
    Column{"ADDRESS", "/spec/address"},
    Column{"ATTACHED", "/status/attached"},
    Column{"INSTANCES", "/status/instances"},
    Column{"CPU", "/status/cpu"},
    Column{"MEMORY", "/status/memory"},
    Column{"REASON", "/status/reason"},
    kAge,
};
constexpr std::array kOfInstance{
    kName,
    Column{"CITY", "/spec/city"},
    Column{"NODE", "/spec/node"},
    Column{"VERSION", "/spec/version"},
    Column{"STATE", "/status/state"},
    Column{"RESTARTS", "/status/restarts"},
    Column{"CPU", "/status/cpu"},
    Column{"MEMORY", "/status/memory"},
    Column{"REASON", "/status/reason"},
    kAge,
};

constexpr std::array kOfOrganization{
    kName,
    Column{"DISPLAY NAME", "/spec/display_name"},
    Column{"MEMBERS", "", [](const Tree& o) { return count_at(o, "/spec/members"); }},
    Column{"SIGN-IN", "/spec/sign_in/issuer"},
    kAge,
};
constexpr std::array kOfSession{
    kName,
    Column{"USER", "/spec/user"},
    Column{"TOKEN", "/spec/token"},
    Column{"METHOD", "/spec/method"},
    Column{"FROM", "/spec/remote_address"},
    Column{"LAST SEEN", "/status/last_seen_at"},
    Column{"EXPIRES", "/spec/expires_at"},
    kAge,
};

// In the order of config::Kind.
constexpr std::array<std::span<const Column>, config::kKinds.size()> kColumns{
    kOfLoadBalancer, kOfService,    kOfEndpoint, kOfToken, kOfEvent,    kOfCertificate,  kOfSecret,
    kOfEdge,         kOfRollout,    kOfTunnel,   kOfUser,  kOfZone,     kOfRecordSet,    kOfDnsProvider,
    kOfDnsLedger,    kOfDnsWeights, kOfWorkload, kOfNode,  kOfInstance, kOfOrganization, kOfSession};
static_assert(std::ranges::none_of(kColumns, [](const auto& columns) { return columns.empty(); }));

std::span<const Column> columns_of(config::Kind kind) { return kColumns[static_cast<std::size_t>(kind)]; }

// Code points: what most terminals show in one cell each.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

Tree parse_tree(std::string_view json) { return Tree::parse(json, nullptr, false); }

const Tree& at(const Tree& tree, std::string_view pointer) {
  static const Tree kNothing;
  const Tree* here = &tree;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string_view step = pointer.substr(0, end);
    pointer.remove_prefix(end);
    if (here->is_array()) {
      const auto index = parse_decimal(step);
      if (!index || *index >= here->size()) return kNothing;
      here = &(*here)[static_cast<std::size_t>(*index)];
    } else {
      const auto found = here->is_object() ? here->find(std::string(step)) : here->end();
      if (!here->is_object() || found == here->end()) return kNothing;
      here = &*found;
    }
  }
  return *here;
}

std::string text_of(const Tree& value) {
  if (value.is_null() || value.is_discarded()) return {};
  return value.is_string() ? value.get<std::string>() : to_json_text(value);
}

std::string text_at(const Tree& tree, std::string_view pointer) { return text_of(at(tree, pointer)); }

std::string to_json_text(const Tree& tree) {
  return tree.dump(-1, ' ', false, Tree::error_handler_t::replace);
}

std::string to_yaml_text(const Tree& tree) {
  const auto yaml = config::to_yaml(to_json_text(tree));
  return yaml ? *yaml : std::string();  // what the API sends is within the bounds of a document
}

Row titles_of(config::Kind kind) {
  Row row;
  for (const Column& column : columns_of(kind)) row.emplace_back(column.title);
  return row;
}

Row cells_of(config::Kind kind, const Tree& object, WallTime now) {
  Row row;
  for (const Column& column : columns_of(kind)) {
    std::string cell = column.cell != nullptr ? column.cell(object) : text_at(object, column.pointer);
    if (column.title == kAge.title) cell = age_of(cell, now);
    cell = printable(cell);
    row.push_back(cell.empty() ? "-" : std::move(cell));
  }
  return row;
}

void Table::widen(const Row& row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width_of(row[i]));
}

std::string Table::lay_out(std::span<const Row> rows) {
  for (const Row& row : rows) widen(row);
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths_[i] - width_of(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string age_of(std::string_view rfc3339, WallTime now) {
  const auto then = config::parse_rfc3339(rfc3339);
  if (!then) return "-";
  const auto seconds =
      std::max(std::chrono::floor<std::chrono::seconds>(now - *then).count(), std::int64_t{0});
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  // Two of each are still told in the smaller unit: 119s, 47h.
  if (seconds < 2 * kMinute) return std::to_string(seconds) + 's';
  if (seconds < 2 * kHour) return std::to_string(seconds / kMinute) + 'm';
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + 'h';
  return std::to_string(seconds / kDay) + 'd';
}

}  // namespace weir::client
