#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/settings.h"
#include "config/formats.h"

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

// What CLI11 found for one flag: it only takes the words apart, so that every sentence about them is ours.
struct Found {
  const Flag* flag;
  std::vector<std::string> values;
  bool on = false;  // of a switch
};

std::vector<Found> declare(CLI::App& app, std::span<const Flag> flags) {
  std::vector<Found> found;
  found.reserve(flags.size());  // CLI11 keeps pointers to the elements
  for (const Flag& flag : flags) {
    Found& one = found.emplace_back(Found{&flag, {}});
    if (flag.value.empty()) {
      app.add_flag(std::string(flag.names), one.on);
    } else {
      app.add_option(std::string(flag.names), one.values)
          ->expected(1)
          ->type_name(std::string(flag.value))
          ->allow_extra_args(false)
          ->multi_option_policy(flag.positional() ? CLI::MultiOptionPolicy::Throw
                                                  : CLI::MultiOptionPolicy::TakeAll);
    }
  }
  return found;
}

struct DeclaredCommand {
  const Command* command;
  CLI::App* app;
  std::vector<Found> found;
};

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

std::string see_help(const Command* command) {
  if (command == nullptr) return "; `weir help` lists the commands";
  return "; see `weir help " + std::string(command->word) + "`";
}

std::string not_expected(const Command* command, std::string_view word) {
  const bool is_flag = word.starts_with('-') && word != "-";
  std::vector<std::string_view> known;
  if (is_flag && command != nullptr) {
    for (const Flag& flag : command->flags) known.push_back(flag.long_name());
    if (command->with_api != nullptr) {
      for (const Flag& flag : kApiFlags) known.push_back(flag.names);
    }
    word = word.substr(0, word.find('='));
  } else if (command == nullptr) {
    for (const Command& one : kCommands) known.push_back(one.word);
  }
  const std::string_view near = nearest(word.substr(0, 64), known);
  std::string text = is_flag              ? "there is no flag "
                     : command == nullptr ? "there is no command "
                                          : "too much is ";
  text.append("\"").append(word.substr(0, 80)).append("\"");
  if (!near.empty()) return text.append("; did you mean ").append(near).append("?");
  return text + see_help(command);
}

// Hands the values over; answers what is wrong, or nothing.
std::string take(std::span<const Found> found, Arguments& to) {
  for (const Found& one : found) {
    const Flag& flag = *one.flag;
    if (flag.required() && one.values.empty()) {
      return std::string(flag.positional() ? flag.value : flag.names) + " is missing";
    }
    if (one.values.size() > 1 && !flag.repeatable()) return std::string(flag.names) + " is given twice";
    if (one.on) flag.set(to, {});
    for (const std::string& value : one.values) {
      if (std::string wrong = flag.set(to, value); !wrong.empty()) {
        return std::string(flag.names).append(" ").append(wrong);
      }
    }
  }
  return {};
}

// Of a machine that others lead.
std::string finish_machine(Arguments& to) {
  if (to.command->local == dns_command) {
    if (to.edge.controllers.empty()) return "--controller is missing";
    if (!to.up.options.dns) return "--dns is off: there is nothing else to be done";
  }
  if (to.command->local == edge_command) {
    if (to.up.options.dns_is_preset) to.up.options.dns.reset();
    if (std::string wrong = anycast::problem_of(to.edge.anycast); !wrong.empty()) return wrong;
    if (to.edge.controllers.empty() == !to.edge.xds) return "either --controller or --xds is needed";
    if (to.edge.xds && to.up.options.dns) return "--dns goes with --controller";
    if (to.edge.xds && !to.edge.join_token.empty()) return "--join-token goes with --controller";
    if (!to.edge.xds && !to.edge.xds_ca.empty()) return "--xds-ca goes with --xds";
    if (to.edge.xds && to.edge.xds_ca.empty() && !to.edge.xds->is_loopback()) {
      return "--xds-ca is missing: only a control plane on loopback is spoken to without TLS";
    }
  }
  if (!to.edge.join_token.empty() && !to.edge.join_token_file.empty()) {
    return "--join-token does not go with --join-token-file";
  }
  for (const std::string& label : to.labels) {
    if (label.find('=') == std::string::npos) return "--label " + wants("KEY=VALUE", label);
  }
  return {};
}

std::string finish_explain(const Arguments& to) {
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

// What follows from several flags together.
std::string finish(Arguments& to) {
  if (!to.kind.empty() && to.name.empty()) {
    // As apply prints it: service/web.
    if (const std::size_t slash = to.kind.find('/'); slash != std::string::npos) {
      to.name = to.kind.substr(slash + 1);
      to.kind.resize(slash);
    }
  }
  if (to.command->with_api == describe_command || to.command->with_api == delete_command) {
    if (to.name.empty()) return "NAME is missing";
  }
  if (to.command->with_api == explain_command) {
    if (std::string wrong = finish_explain(to); !wrong.empty()) return wrong;
  }
  if (to.command->local == store_command && to.store_flags.action != "copy") {
    return wants("copy", to.store_flags.action);
  }
  if (to.command->with_api == bootstrap_command && !to.bootstrap.envoy) {
    return "--envoy is missing: weir's own edges need no bootstrap";
  }
  if (to.bootstrap.renews && (to.bootstrap.directory.empty() || to.bootstrap.plain)) {
    return to.bootstrap.plain ? "--renew does not go with --xds-plain" : "--renew goes with --dir";
  }
  if (to.command->with_api == join_command && to.join.once && !to.join.command.empty()) {
    return "--once does not go with a command, which is a member for as long as it runs";
  }
  if (to.command->with_api == token_command) {
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
    return {};
  }
  if (to.command->local == edge_command || to.command->local == dns_command) {
    if (std::string wrong = finish_machine(to); !wrong.empty()) return wrong;
  }
  if (!to.name.empty() && !to.labels.empty()) return "--label does not go with a NAME";
  if (to.up.listen_publicly) {
    UpOptions& up = to.up.options;
    if (!to.up.api_given) up.api = net::Address::v6({}, up.api.port());
    if (!to.up.http_given) up.http = net::Address::v6({}, up.http.port());
    if (up.https_is_preset) up.https = net::Address::v6({}, up.https->port());
    if (up.xds_is_preset) up.xds = net::Address::v6({}, up.xds->port());
    if (up.tunnel_is_preset) up.tunnel = net::Address::v6({}, up.tunnel->port());
    if (up.ssh_is_preset) up.ssh = net::Address::v6({}, up.ssh->port());
    if (up.dns && up.dns_is_preset) up.dns = net::Address::v6({}, up.dns->port());
  }
  if (to.command->local == dns_command) to.up.options.dns_is_preset = false;  // it has to have its port
  if (to.up.options.xds_plain && to.up.options.xds && !to.up.options.xds->is_loopback()) {
    return "--xds-plain goes with an address of loopback only";
  }
  return {};
}

std::expected<Arguments, std::string> collect(const DeclaredCommand& parsed, std::span<const Found> of_api,
                                              Arguments arguments) {
  const Command& command = *parsed.command;
  arguments.command = &command;
  if (std::string wrong = take(parsed.found, arguments); !wrong.empty()) {
    return refuse(wrong + see_help(&command));
  }
  if (std::string wrong = take(of_api, arguments); !wrong.empty()) return refuse(wrong + see_help(&command));
  if (command.with_api == nullptr && (arguments.api || arguments.token)) {
    return refuse("--api URL and --token go with the commands that call the API; the flags of `weir " +
                  std::string(command.word) + "` go behind that word");
  }
  if (std::string wrong = finish(arguments); !wrong.empty()) return refuse(wrong + see_help(&command));
  return arguments;
}

Arguments help_on(std::string_view topic) {
  Arguments arguments;
  arguments.command = find_command("help");
  arguments.topic = topic;
  return arguments;
}

}  // namespace

config::Labels labels_of(std::span<const std::string> written) {
  config::Labels labels;
  for (const std::string& label : written) {
    const std::size_t equals = label.find('=');
    labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return labels;
}

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
    host = value.find(':') == std::string_view::npos ? value : '[' + std::string(value) + ']';
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
  constexpr std::array<std::string_view, 5> kRoles{"edge", "dns", "controller", "up", "agent"};
  if (std::ranges::find(kRoles, value) == kRoles.end()) {
    return wants("edge, dns, controller, up or agent", value);
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

std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> words, unsigned cores) {
  // Two words of people for one of ours: what is behind them is another command's.
  if (words.size() >= 2 && words[0] == "controller" && words[1] == "bootstrap") words = words.subspan(1);
  Arguments defaults;
  defaults.up.options.workers = cores;

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);  // words behind the first command are never taken for another one
  bool help = false;
  bool version = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  const std::vector<Found> of_api = declare(app, kApiFlags);
  std::vector<DeclaredCommand> commands;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(std::string(command.word));
    sub->set_help_flag();
    sub->allow_extras();
    sub->add_flag("-h,--help", help);
    sub->fallthrough(command.with_api != nullptr);
    commands.push_back({&command, sub, declare(*sub, command.flags)});
  }

  // What is behind "--" is a command of somebody else.
  const auto dashes = std::ranges::find(words, "--");
  const auto others = words.subspan(static_cast<std::size_t>(dashes - words.begin()));
  words = words.first(words.size() - others.size());
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
  std::string problem;
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const auto parsed = std::ranges::find_if(commands, [](const auto& one) { return one.app->parsed(); });
  const Command* command = parsed == commands.end() ? nullptr : parsed->command;
  if (help) return help_on(command == nullptr ? "" : command->word);
  if (!problem.empty()) return refuse(problem + see_help(command));
  if (const auto extras = app.remaining(true); !extras.empty()) {
    return refuse(not_expected(command, extras.front()));
  }
  if (version) {
    defaults.command = find_command("version");
    return defaults;
  }
  if (command == nullptr) return refuse("what shall it do? `weir help` lists the commands");
  if (!others.empty() && command->with_api != join_command) {
    return refuse(not_expected(command, others.front()));
  }
  if (others.size() == 1) return refuse("a command is missing behind \"--\"" + see_help(command));
  if (!others.empty()) defaults.join.command.assign(others.begin() + 1, others.end());
  return collect(*parsed, of_api, std::move(defaults));
}

}  // namespace weir::cli
