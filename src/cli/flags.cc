#include "cli/flags.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/host_port.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "config/formats.h"
#include "config/specs_workload.h"
#include "images/name.h"

namespace weir::cli {
namespace {

constexpr std::size_t kTextBytesMax = 4096;  // PATH_MAX; no value needs more
constexpr std::uint64_t kWorkersMax = 1024;

struct LevelWord {
  std::string_view word;
  Level level;
};
constexpr std::array kLevels{LevelWord{"debug", Level::kDebug}, LevelWord{"info", Level::kInfo},
                             LevelWord{"warning", Level::kWarning}, LevelWord{"error", Level::kError}};

std::string wants(std::string_view what, std::string_view got) {
  return std::string("must be ").append(what).append(", not \"").append(got.substr(0, 80)).append("\"");
}

}  // namespace

std::string set_text(std::string& text, std::string_view value) {
  if (value.empty()) return "must not be empty";
  if (value.size() > kTextBytesMax) return "is longer than 4096 bytes";
  text = value;
  return {};
}

std::string set_listener(net::Address& address, bool& given, std::string_view value) {
  constexpr std::string_view kLocal = "localhost:";
  if (const auto port = parse_decimal(value); port && *port <= 65535) {
    address.set_port(static_cast<std::uint16_t>(*port));
    return {};
  }
  const auto parsed = value.starts_with(kLocal)
                          ? net::Address::parse("127.0.0.1:" + std::string(value.substr(kLocal.size())))
                          : net::Address::parse(value);
  if (!parsed) return wants("an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080", value);
  address = *parsed;
  given = true;
  return {};
}

std::string set_listener_or_off(std::optional<net::Address>& address, bool& is_preset,
                                std::string_view value) {
  is_preset = false;
  if (value == "off") {
    address.reset();
    return {};
  }
  bool given = false;
  return set_listener(*address, given, value);
}

std::string set_controller(std::vector<tls::Host>& controllers, std::string_view value) {
  constexpr std::size_t kControllersMax = 16;  // an edge reports to all of them
  const auto url = parse_url(value);
  if (!url || !url->over_tls) return wants("a URL such as https://weir.example:8480", value);
  if (controllers.size() == kControllersMax) return "is given more than 16 times";
  controllers.push_back(url->host);
  return {};
}

std::string set_control_plane(std::optional<tls::Host>& host, std::string_view value) {
  const auto url = parse_url("http://" + std::string(value));
  const bool has_port = value.rfind(':') != std::string_view::npos && !value.ends_with(']');
  if (!url || !has_port) return wants("HOST:PORT", value);
  host = url->host;
  return {};
}

std::string set_edge_name(std::string& name, std::string_view value) {
  if (std::string wrong = config::check_name(value); !wrong.empty()) return wrong;
  name = value;
  return {};
}

std::string set_host(std::string& host, std::string_view value) {
  if (net::Address::parse_ip(value, 0)) {
    host = in_brackets(value);
    return {};
  }
  if (!config::check_hostname(value).empty()) return wants("a host name or an IP address", value);
  host = value;
  return {};
}

std::string set_origin_type(std::string& type, std::string_view value) {
  constexpr std::array<std::string_view, 4> kTypes{"http", "https", "tcp", "tls"};
  if (std::ranges::find(kTypes, value) == kTypes.end()) return wants("http, https, tcp or tls", value);
  type = value;
  return {};
}

std::string set_edge_address(std::vector<std::string>& edges, std::string_view value) {
  constexpr std::size_t kEdgesMax = 64;
  if (!config::check_address(value).empty()) return wants("HOST:PORT", value);
  if (edges.size() == kEdgesMax) return "is given more than 64 times";
  edges.emplace_back(value);
  return {};
}

std::string set_relay(std::string& address, std::string_view value) {
  if (!config::check_address(value).empty()) return wants("HOST:PORT", value);
  address = value;
  return {};
}

std::string set_metrics(std::optional<net::Address>& at, std::string_view value) {
  if (value == "off") {
    at.reset();
    return {};
  }
  bool given = false;
  at = net::Address::v4({127, 0, 0, 1}, 0);
  return set_listener(*at, given, value);
}

std::string set_api_name(std::vector<std::string>& names, std::string_view value) {
  constexpr std::size_t kApiNamesMax = 50;  // leaves room for the machine's own in the certificate
  if (!net::Address::parse_ip(value, 0) && !config::check_hostname(value).empty())
    return wants("a host name or an IP address", value);
  if (names.size() == kApiNamesMax) return "is given more than 50 times";
  names.push_back(to_lower(value));
  return {};
}

std::string set_number(std::uint64_t& number, std::string_view value) {
  const auto parsed = parse_decimal(value);
  if (!parsed || *parsed == 0) return wants("a number from 1 on", value);
  number = *parsed;
  return {};
}

std::string set_valid_for(Duration& duration, std::string_view value) {
  const auto parsed = parse_duration(value);
  if (!parsed || *parsed == Duration::zero()) return wants("a duration such as 24h", value);
  duration = *parsed;
  return {};
}

// What is wrong is said when it is opened, and never quoted: there may be a password in it.
std::string set_store(std::string& url, std::string_view value) {
  if (!value.starts_with("postgres://") && !value.starts_with("postgresql://")) {
    return "must be a URL such as postgres://USER@HOST/DATABASE";
  }
  return set_text(url, value);
}

std::string set_domain(std::string& domain, std::string_view value) {
  if (std::string wrong = config::check_hostname(value); !wrong.empty()) return wrong;
  domain = to_lower(value);
  return {};
}

std::string set_ports(mirror::PortRange& ports, std::string_view value) {
  const std::size_t dash = value.find('-');
  const auto first = parse_decimal(value.substr(0, dash));
  const auto last = dash == std::string_view::npos ? std::nullopt : parse_decimal(value.substr(dash + 1));
  constexpr std::uint64_t kPortMax = 65'535;
  if (!first || !last || *first == 0 || *first > *last || *last > kPortMax) {
    return wants("two ports like 20000-29999", value);
  }
  ports = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
  return {};
}

std::string set_cpu(std::uint32_t& milli, std::string_view value) {
  const auto cpu = config::parse_cpu(value);
  if (!cpu || *cpu == 0) return wants("an amount of cores such as 500m or 3.5", value);
  milli = *cpu;
  return {};
}

std::string set_memory(std::uint64_t& bytes, std::string_view value) {
  const auto memory = config::parse_memory(value);
  if (!memory || *memory == 0) return wants("an amount such as 512Mi or 6Gi", value);
  bytes = *memory;
  return {};
}

std::string set_workers(unsigned& workers, std::string_view value) {
  const auto number = parse_decimal(value);
  if (!number || *number == 0 || *number > kWorkersMax) return wants("a number from 1 to 1024", value);
  workers = static_cast<unsigned>(*number);
  return {};
}

std::string set_log_level(Level& level, std::string_view value) {
  for (const LevelWord& line : kLevels) {
    if (line.word != value) continue;
    level = line.level;
    return {};
  }
  return wants("debug, info, warning or error", value);
}

std::string set_log_format(bool& json, std::string_view value) {
  json = value == "json";
  return json || value == "text" ? std::string() : wants("text or json", value);
}

std::string set_sign_up(std::optional<bool>& open, std::string_view value) {
  open = value == "open";
  return *open || value == "closed" ? std::string() : wants("open or closed", value);
}

std::string set_format(Format& format, std::string_view value) {
  if (value == "table") {
    format = Format::kTable;
  } else if (value == "json") {
    format = Format::kJson;
  } else if (value == "yaml") {
    format = Format::kYaml;
  } else {
    return wants("table, json or yaml", value);
  }
  return {};
}

std::string set_address(std::string& address, std::string_view value) {
  if (!net::Address::parse_ip(value, 0)) return wants("an IP address", value);
  return set_text(address, value);
}

std::string set_port(std::uint16_t& port, std::string_view value) {
  const auto number = parse_decimal(value);
  if (!number || *number > 65535) return wants("a port, from 0 to 65535", value);
  port = static_cast<std::uint16_t>(*number);
  return {};
}

std::string set_controller(std::vector<std::string>& controllers, std::string_view value) {
  if (!config::parse_address(value))
    return wants("a host and a port, such as controller.example:18000", value);
  return set_text(controllers.emplace_back(), value);
}

std::string set_size(std::uint64_t& bytes, std::string_view value) {
  const auto parsed = config::parse_memory(value);
  if (!parsed || *parsed == 0) return wants("a size such as 512Mi or 8Gi", value);
  bytes = *parsed;
  return {};
}

// "off" takes back what was said before.
std::string set_access_log(std::vector<record::AccessLogTarget>& targets, std::string_view value) {
  std::string text;
  if (std::string wrong = set_text(text, value); !wrong.empty()) return wrong;
  record::AccessLogTarget target = record::AccessLogTarget::parse(text);
  if (target.kind == record::AccessLogTarget::Kind::kOff) {
    targets.clear();
    return {};
  }
  if (std::ranges::find(targets, target) != targets.end()) return "names " + target.name() + " twice";
  targets.push_back(std::move(target));
  return {};
}

std::string set_traces(std::string& url, std::string_view value) {
  if (value == "off") {
    url.clear();
    return {};
  }
  if (!value.starts_with("https://") && !value.starts_with("http://")) {
    return wants("a URL such as http://127.0.0.1:4318/v1/traces, or off", value);
  }
  return set_text(url, value);
}

std::string set_ratio(double& ratio, std::string_view value) {
  double read = 0;
  const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), read);
  if (wrong != std::errc() || end != value.data() + value.size() || !(read >= 0 && read <= 1)) {
    return wants("a number from 0 to 1", value);
  }
  ratio = read;
  return {};
}

std::string set_node(std::string& node, std::string_view value) {
  if (std::string wrong = config::check_name(value); !wrong.empty()) return wrong;
  return set_text(node, value);
}

std::string set_label(std::vector<std::string>& labels, std::string_view value) {
  const std::string_view key = value.substr(0, value.find('='));
  if (std::string wrong = config::check_label_key(key); !wrong.empty()) {
    return "the key of a label " + wrong;
  }
  return set_text(labels.emplace_back(), value);
}

std::string set_bounded(std::uint64_t& number, std::uint64_t max, std::string_view value) {
  const auto parsed = parse_decimal(value);
  if (!parsed || *parsed > max) return wants("a number from 0 to " + std::to_string(max), value);
  number = *parsed;
  return {};
}

std::string set_health(std::string& health, std::string_view value) {
  if (value != "tcp" && !value.starts_with("http:/")) return wants("tcp or http:/PATH", value);
  return set_text(health, value);
}

std::string set_name_server(std::optional<std::string>& server, std::string_view value) {
  server = value;
  if (value == "system" || net::Address::parse(value) || net::Address::parse_ip(value, 1)) return {};
  return wants("an IP address, with a port or without, or system", value);
}

std::string set_role(std::string& role, std::string_view value) {
  constexpr std::array<std::string_view, 6> kRoles{"edge", "dns", "node", "controller", "up", "agent"};
  if (std::ranges::find(kRoles, value) == kRoles.end()) {
    return wants("edge, dns, node, controller, up or agent", value);
  }
  return set_text(role, value);
}

std::string set_controller_url(std::vector<std::string>& urls, std::string_view value) {
  std::vector<tls::Host> judged;
  if (std::string wrong = set_controller(judged, value); !wrong.empty()) return wrong;
  return set_text(urls.emplace_back(), value);
}

std::string set_resolve_output(std::string& output, std::string_view value) {
  if (value != "text" && value != "env" && value != "json") return wants("text, env or json", value);
  return set_text(output, value);
}

// --- what follows from several flags

namespace {

void split_name(Arguments& to) {
  if (to.kind.empty() || !to.name.empty()) return;
  // As apply prints it: service/web.
  if (const std::size_t slash = to.kind.find('/'); slash != std::string::npos) {
    to.name = to.kind.substr(slash + 1);
    to.kind.resize(slash);
  }
}

// --public: what has no address of its own listens on all of this machine.
void listen_publicly(UpFlags& flags) {
  if (!flags.listen_publicly) return;
  UpOptions& up = flags.options;
  if (!flags.api_given) up.api = net::Address::v6({}, up.api.port());
  if (!flags.http_given) up.http = net::Address::v6({}, up.http.port());
  if (up.https_is_preset) up.https = net::Address::v6({}, up.https->port());
  if (up.xds_is_preset) up.xds = net::Address::v6({}, up.xds->port());
  if (up.tunnel_is_preset) up.tunnel = net::Address::v6({}, up.tunnel->port());
  if (up.ssh_is_preset) up.ssh = net::Address::v6({}, up.ssh->port());
  if (up.dns && up.dns_is_preset) up.dns = net::Address::v6({}, up.dns->port());
}

// Of a machine that others lead.
std::string check_led(Arguments& to) {
  if (!to.edge.join_token.empty() && !to.edge.join_token_file.empty()) {
    return "--join-token does not go with --join-token-file";
  }
  for (const std::string& label : to.labels) {
    if (label.find('=') == std::string::npos) return "--label " + wants("KEY=VALUE", label);
  }
  listen_publicly(to.up);
  return {};
}

}  // namespace

std::string check_controller(Arguments& to) {
  listen_publicly(to.up);
  if (to.up.options.xds_plain && to.up.options.xds && !to.up.options.xds->is_loopback()) {
    return "--xds-plain goes with an address of loopback only";
  }
  return {};
}

std::string check_edge(Arguments& to) {
  if (to.up.options.dns_is_preset) to.up.options.dns.reset();
  if (std::string wrong = anycast::problem_of(to.edge.anycast); !wrong.empty()) return wrong;
  if (to.edge.controllers.empty() == !to.edge.xds) return "either --controller or --xds is needed";
  if (to.edge.xds && to.up.options.dns) return "--dns goes with --controller";
  if (to.edge.xds && !to.edge.join_token.empty()) return "--join-token goes with --controller";
  if (!to.edge.xds && !to.edge.xds_ca.empty()) return "--xds-ca goes with --xds";
  if (to.edge.xds && to.edge.xds_ca.empty() && !to.edge.xds->is_loopback()) {
    return "--xds-ca is missing: only a control plane on loopback is spoken to without TLS";
  }
  return check_led(to);
}

std::string check_dns(Arguments& to) {
  if (to.edge.controllers.empty()) return "--controller is missing";
  if (!to.up.options.dns) return "--dns is off: there is nothing else to be done";
  to.edge.name_server_only = true;
  std::string wrong = check_led(to);
  to.up.options.dns_is_preset = false;  // it has to have its port
  return wrong;
}

std::string check_node(Arguments& to) {
  const NodeFlags& node = to.node;
  if (!node.action.empty() && node.action != "logs") return wants("logs", node.action);
  if (!node.action.empty()) return node.instance.empty() ? "INSTANCE is missing" : "";
  if (to.edge.controllers.empty() == node.file.empty()) return "either --controller or --instances is needed";
  if (!node.file.empty() && !(to.edge.join_token + to.edge.join_token_file).empty()) {
    return "--join-token goes with --controller";
  }
  return check_led(to);
}

std::string check_store(Arguments& to) {
  return to.store_flags.action == "copy" ? std::string() : wants("copy", to.store_flags.action);
}

std::string check_get(Arguments& to) {
  split_name(to);
  return !to.name.empty() && !to.labels.empty() ? "--label does not go with a NAME" : "";
}

std::string check_object(Arguments& to) {
  split_name(to);
  return to.name.empty() ? "NAME is missing" : "";
}

std::string check_explain(Arguments& to) {
  if (to.topic.empty() == to.request.empty()) {
    return to.topic.empty() ? "ID or --request is missing" : "ID does not go with --request";
  }
  const bool dns = to.topic == kDnsTopic;
  if (dns && to.name.empty()) return "NAME is missing: explain dns NAME [TYPE]";
  if (!dns && !to.name.empty()) return "NAME and TYPE go with dns: explain dns NAME [TYPE]";
  if (to.request.empty() && (!to.headers.empty() || (!to.peer.empty() && !dns))) {
    return "--header and --from go with --request";
  }
  return {};
}

std::string check_bootstrap(Arguments& to) {
  if (!to.bootstrap.envoy) return "--envoy is missing: weir's own edges need no bootstrap";
  if (to.bootstrap.renews && (to.bootstrap.directory.empty() || to.bootstrap.plain)) {
    return to.bootstrap.plain ? "--renew does not go with --xds-plain" : "--renew goes with --dir";
  }
  return {};
}

std::string check_join(Arguments& to) {
  if (to.join.once && to.join.drain_wait > Duration::zero()) {
    return "--once does not go with --drain-wait: it does not leave";
  }
  if (to.join.once && !to.join.command.empty()) {
    return "--once does not go with a command, which is a member for as long as it runs";
  }
  return {};
}

std::string check_image(Arguments& to) {
  const ImageFlags& image = to.image;
  if (image.action == "list") return to.name.empty() ? "" : "list takes no NAME";
  if (image.action != "push" && image.action != "delete") return wants("push, list or delete", image.action);
  if (to.name.empty()) return "NAME is missing";
  const auto name = images::full_name(to.name);
  if (!name) return "NAME " + std::string(images::kNameLike);
  to.name = *name;
  if (image.action == "delete") return image.archive.empty() ? "" : "delete takes no ARCHIVE";
  return image.archive.empty() ? "ARCHIVE is missing" : "";
}

std::string check_token(Arguments& to) {
  const TokenFlags& token = to.token_flags;
  if (token.action != "create") return wants("create", token.action);
  if (token.join.empty() && (!token.as.empty() || token.uses != 0 || !token.provider.empty() ||
                             !token.region.empty() || !token.city.empty() || !to.labels.empty())) {
    return "--as, --uses, --provider, --region, --city and --label go with --join";
  }
  if (!token.join.empty() && !token.role.empty()) return "--role does not go with --join";
  if (!token.user.empty() && !(token.join + token.role).empty()) {
    return "--for does not go with --join and --role";
  }
  if (!token.services.empty() && !(token.join + token.role + token.user).empty()) {
    return "--service does not go with --join, --for and --role";
  }
  const bool is_of_people = (token.join + token.user).empty() && token.services.empty();
  if (!is_of_people && (!token.person.empty() || !token.scopes.empty())) {
    return "--user and --scope do not go with --join, --for and --service";
  }
  return {};
}

std::string check_user(Arguments& to) {
  if (to.user.action != "create") return wants("create", to.user.action);
  return to.user.email.find('@') == std::string::npos ? "EMAIL must be an e-mail address" : "";
}

std::string check_exec(Arguments& to) {
  return to.join.command.empty() ? "a command is missing: weir exec INSTANCE -- COMMAND [ARGUMENT...]" : "";
}

std::string check_rollout(Arguments& to) {
  if (to.topic == "status") return {};
  return "\"" + to.topic + "\" is no action of a rollout; there is status. `weir apply --rollout` makes one";
}

}  // namespace weir::cli
