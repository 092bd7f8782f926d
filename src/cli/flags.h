// Flags: the tables of what each command takes. The parser, the help and docs/cli.md are read from them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "record/access_log.h"

namespace weir::cli {

struct Flag {
  enum class Count : std::uint8_t { kOptional, kRequired, kMany, kManyRequired };

  std::string_view names;   // "-o,--output"; without a dash it goes by its place
  std::string_view value;   // "FORMAT"; empty: a switch
  std::string_view preset;  // its default, for people
  std::string_view doc;
  // Takes a value over (empty for a switch); answers what is wrong with it, or nothing.
  std::string (*set)(Arguments& arguments, std::string_view value);
  Count count = Count::kOptional;

  bool positional() const { return !names.starts_with('-'); }
  bool required() const { return count == Count::kRequired || count == Count::kManyRequired; }
  bool repeatable() const { return count == Count::kMany || count == Count::kManyRequired; }
  std::string_view long_name() const { return names.substr(names.find(',') + 1); }
};

// --- setters (arguments.cc)
std::string set_text(std::string& text, std::string_view value);
// An address with a port, a port alone (its address stays), or localhost:port.
std::string set_listener(net::Address& address, bool& given, std::string_view value);
// "off": none
std::string set_listener_or_off(std::optional<net::Address>& address, bool& is_preset,
                                std::string_view value);
inline std::string set_dns(Arguments& to, std::string_view value) {
  return set_listener_or_off(to.up.options.dns, to.up.options.dns_is_preset, value);
}
std::string set_controller(std::vector<tls::Host>& controllers, std::string_view value);
std::string set_control_plane(std::optional<tls::Host>& host, std::string_view value);
std::string set_edge_name(std::string& name, std::string_view value);
std::string set_host(std::string& host, std::string_view value);  // of IPv6, it is put in brackets
std::string set_origin_type(std::string& type, std::string_view value);
std::string set_edge_address(std::vector<std::string>& edges, std::string_view value);
std::string set_relay(std::string& address, std::string_view value);
std::string set_metrics(std::optional<net::Address>& at, std::string_view value);
std::string set_api_name(std::vector<std::string>& names, std::string_view value);
std::string set_number(std::uint64_t& number, std::string_view value);
std::string set_valid_for(Duration& duration, std::string_view value);
std::string set_store(std::string& url, std::string_view value);
std::string set_domain(std::string& domain, std::string_view value);
std::string set_ports(mirror::PortRange& ports, std::string_view value);
std::string set_workers(unsigned& workers, std::string_view value);
std::string set_log_level(Level& level, std::string_view value);
std::string set_log_format(bool& json, std::string_view value);
std::string set_sign_up(std::optional<bool>& open, std::string_view value);
std::string set_format(Format& format, std::string_view value);
std::string set_address(std::string& address, std::string_view value);
std::string set_port(std::uint16_t& port, std::string_view value);
std::string set_controller(std::vector<std::string>& controllers, std::string_view value);
std::string set_node(std::string& node, std::string_view value);
std::string set_label(std::vector<std::string>& labels, std::string_view value);

// --- of every command that calls the API
inline constexpr std::array kApiFlags{
    Flag{"--api", "URL", "$WEIR_API, or http://127.0.0.1:8480", "the API to call",
         [](Arguments& to, std::string_view value) { return set_text(to.api.emplace(), value); }},
    Flag{"--token", "TOKEN", "$WEIR_TOKEN", "sent with each call; other users of the machine see it here",
         [](Arguments& to, std::string_view value) { return set_text(to.token.emplace(), value); }},
};

// --- of the commands that run a role
inline constexpr Flag kDataDirFlag{
    "--data-dir", "DIR", "./weir-data", "the store and the admin token",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.data_dir, value); }};
inline constexpr Flag kStoreFlag{
    "--store", "URL", "a file in the data directory",
    "postgres://USER@HOST/DATABASE, which several controllers can share",
    [](Arguments& to, std::string_view value) { return set_store(to.up.options.store, value); }};
inline constexpr Flag kApiFlag{"--api", "ADDRESS", "127.0.0.1:8480",
                               "API, /metrics, /healthz, /readyz, /openapi.json; TLS when it is not loopback",
                               [](Arguments& to, std::string_view value) {
                                 return set_listener(to.up.options.api, to.up.api_given, value);
                               }};
inline constexpr Flag kApiNameFlag{
    "--api-name",
    "NAME",
    "those of this machine",
    "a name or address by which others reach the API: in the certificate of its TLS; repeatable",
    [](Arguments& to, std::string_view value) { return set_api_name(to.up.options.api_names, value); },
    Flag::Count::kMany};
inline constexpr Flag kHttpFlag{"--http", "ADDRESS", "127.0.0.1:8080",
                                "listeners of protocol HTTP that name no port",
                                [](Arguments& to, std::string_view value) {
                                  return set_listener(to.up.options.http, to.up.http_given, value);
                                }};
inline constexpr Flag kHttpsFlag{
    "--https", "ADDRESS", "127.0.0.1:8443", "listeners of protocol HTTPS that name no port; or off",
    [](Arguments& to, std::string_view value) {
      return set_listener_or_off(to.up.options.https, to.up.options.https_is_preset, value);
    }};
inline constexpr Flag kDomainFlag{
    "--domain", "NAME", "weir.localhost", "names that weir makes itself are below it",
    [](Arguments& to, std::string_view value) { return set_domain(to.up.options.domain, value); }};
inline constexpr Flag kTcpPortsFlag{
    "--tcp-ports", "FIRST-LAST", "20000-29999", "handed out to TCP and TLS listeners that name no port",
    [](Arguments& to, std::string_view value) { return set_ports(to.up.options.tcp_ports, value); }};
inline constexpr Flag kWorkersFlag{
    "--workers", "N", "one per usable core", "threads of the data plane",
    [](Arguments& to, std::string_view value) { return set_workers(to.up.options.workers, value); }};
inline constexpr Flag kProviderFlag{
    "--provider", "NAME", "", "the cloud that this machine is in",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.provider, value); }};
inline constexpr Flag kRegionFlag{
    "--region", "NAME", "", "the provider's name of its region",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.region, value); }};
inline constexpr Flag kCityFlag{
    "--city", "NAME", "", "where it is",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.city, value); }};
inline constexpr Flag kPublicFlag{
    "--public", "", "", "listen on all addresses of this machine, IPv4 and IPv6, where no other is given",
    [](Arguments& to, std::string_view) {
      to.up.listen_publicly = true;
      return std::string();
    }};
inline constexpr Flag kSignUpFlag{
    "--sign-up", "WHO", "closed, but for a weir up that listens on loopback only",
    "who can make an account for mysocket's clients: open (anybody) or closed (administrators)",
    [](Arguments& to, std::string_view value) { return set_sign_up(to.up.options.sign_up_open, value); }};
inline constexpr Flag kLogLevelFlag{
    "--log-level", "LEVEL", "info", "debug, info, warning or error",
    [](Arguments& to, std::string_view value) { return set_log_level(to.up.options.log_level, value); }};
inline constexpr Flag kLogFormatFlag{
    "--log-format", "FORMAT", "text", "text or json",
    [](Arguments& to, std::string_view value) { return set_log_format(to.up.options.log_json, value); }};
inline constexpr Flag kAccessLogFlag{
    "--access-log", "TARGET", "off",
    "a line of JSON for each request: off, a file, - for stdout, syslog, or syslog:SOCKET",
    [](Arguments& to, std::string_view value) {
      std::string text;
      std::string wrong = set_text(text, value);
      if (wrong.empty()) to.up.options.access_log = record::AccessLogTarget::parse(text);
      return wrong;
    }};
inline constexpr Flag kXdsFlag{
    "--xds", "ADDRESS", "127.0.0.1:18000",
    "where other edges and Envoys are attached, with certificates of this weir's authority; or off",
    [](Arguments& to, std::string_view value) {
      return set_listener_or_off(to.up.options.xds, to.up.options.xds_is_preset, value);
    }};
inline constexpr Flag kXdsPlainFlag{"--xds-plain", "", "",
                                    "without TLS: a node is who it says it is; on loopback only",
                                    [](Arguments& to, std::string_view) {
                                      to.up.options.xds_plain = true;
                                      return std::string();
                                    }};

inline constexpr Flag kSshFlag{"--ssh", "ADDRESS", "127.0.0.1:2222",
                               "where origins come in by ssh -R; on loopback whoever comes; or off",
                               [](Arguments& to, std::string_view value) {
                                 return set_listener_or_off(to.up.options.ssh, to.up.options.ssh_is_preset,
                                                            value);
                               }};

inline constexpr Flag kTunnelFlag{"--tunnel", "ADDRESS", "127.0.0.1:8444",
                                  "where agents come in, and other edges to what is attached here; or off",
                                  [](Arguments& to, std::string_view value) {
                                    return set_listener_or_off(to.up.options.tunnel,
                                                               to.up.options.tunnel_is_preset, value);
                                  }};

inline constexpr Flag kZoneFilesFlag{
    "--zone-files", "DIR", "", "a folder of zones that are served, too: example.com.zone",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.zone_files, value); }};
inline constexpr Flag kGeoipFlag{
    "--geoip", "FILE", "", "countries for GEO answers, of MaxMind's format (.mmdb); it is watched",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.geoip, value); }};

// --- weir up
inline constexpr std::array kUpFlags{
    kDataDirFlag,
    kStoreFlag,
    kApiFlag,
    kApiNameFlag,
    kHttpFlag,
    kHttpsFlag,
    kDomainFlag,
    kTcpPortsFlag,
    kWorkersFlag,
    kProviderFlag,
    kRegionFlag,
    kCityFlag,
    kPublicFlag,
    kSignUpFlag,
    kLogLevelFlag,
    kLogFormatFlag,
    kAccessLogFlag,
    kSshFlag,
    kTunnelFlag,
    Flag{"--dns", "ADDRESS", "127.0.0.1:8053", "the name server, by UDP and TCP; or off", set_dns},
    kZoneFilesFlag,
    kGeoipFlag,
    kXdsFlag,
    kXdsPlainFlag,
};

// --- weir controller
inline constexpr std::array kControllerFlags{
    kDataDirFlag, kStoreFlag,    kApiFlag,    kApiNameFlag, kXdsFlag,      kXdsPlainFlag,
    kDomainFlag,  kTcpPortsFlag, kPublicFlag, kSignUpFlag,  kLogLevelFlag, kLogFormatFlag,
};

// --- of machines that controllers elsewhere lead
inline constexpr Flag kControllerFlag{
    "--controller",
    "URL",
    "",
    "the API of a controller that leads it, such as https://weir.example:8480; repeatable",
    [](Arguments& to, std::string_view value) { return set_controller(to.edge.controllers, value); },
    Flag::Count::kMany};
inline constexpr Flag kJoinTokenFlag{
    "--join-token", "TOKEN", "",
    "lets this machine in, once: weirjoin_...; other users of the machine see it here",
    [](Arguments& to, std::string_view value) { return set_text(to.edge.join_token, value); }};
inline constexpr Flag kJoinTokenFileFlag{
    "--join-token-file", "FILE", "", "has it, for nobody else to see; an empty one says nothing",
    [](Arguments& to, std::string_view value) { return set_text(to.edge.join_token_file, value); }};
inline constexpr Flag kMachineNameFlag{
    "--name", "NAME", "the host's", "of its Edge object",
    [](Arguments& to, std::string_view value) { return set_edge_name(to.edge.name, value); }};
inline constexpr Flag kMachineDirFlag{
    "--data-dir", "DIR", "./weir-data", "its key and certificate, and what it was last told",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.data_dir, value); }};
inline constexpr Flag kMetricsFlag{
    "--metrics", "ADDRESS", "off", "/metrics, /healthz and /readyz",
    [](Arguments& to, std::string_view value) { return set_metrics(to.edge.metrics, value); }};
inline constexpr Flag kAddressFlag{
    "--address", "ADDRESS", "where it listens", "by which clients reach it, for its Edge object",
    [](Arguments& to, std::string_view value) { return set_text(to.edge.address, value); }};
inline constexpr Flag kLabelsFlag{
    "-l,--label",
    "KEY=VALUE",
    "",
    "of its Edge object; repeatable",
    [](Arguments& to, std::string_view value) { return set_label(to.labels, value); },
    Flag::Count::kMany};

// --- weir edge
inline constexpr std::array kEdgeFlags{
    kControllerFlag,
    kJoinTokenFlag,
    kJoinTokenFileFlag,
    kMachineNameFlag,
    kMachineDirFlag,
    kHttpFlag,
    kHttpsFlag,
    kPublicFlag,
    kWorkersFlag,
    Flag{"--ssh", "ADDRESS", "off", "where origins come in by ssh -R",
         [](Arguments& to, std::string_view value) {
           return set_listener_or_off(to.up.options.ssh, to.up.options.ssh_is_preset, value);
         }},
    Flag{"--tunnel", "ADDRESS", "off", "where agents come in, and other edges to what is attached here",
         [](Arguments& to, std::string_view value) {
           return set_listener_or_off(to.up.options.tunnel, to.up.options.tunnel_is_preset, value);
         }},
    Flag{"--tunnel-address", "HOST:PORT", "where that listens", "by which other edges reach --tunnel",
         [](Arguments& to, std::string_view value) { return set_relay(to.edge.relay, value); }},
    Flag{"--dns", "ADDRESS", "off", "answers for zones, too, by UDP and TCP", set_dns},
    kZoneFilesFlag,
    kGeoipFlag,
    kMetricsFlag,
    kAddressFlag,
    kProviderFlag,
    kRegionFlag,
    kCityFlag,
    kLabelsFlag,
    Flag{"--xds", "HOST:PORT", "", "led by somebody else's control plane, by Envoy's API",
         [](Arguments& to, std::string_view value) { return set_control_plane(to.edge.xds, value); }},
    Flag{"--xds-ca", "FILE", "", "the authorities (PEM) of that one; without it, it is on loopback and plain",
         [](Arguments& to, std::string_view value) { return set_text(to.edge.xds_ca, value); }},
    Flag{"--anycast", "ADDRESS[/BITS][=LOADBALANCER]", "",
         "shared with other edges: announced by BIRD while something can be served there; repeatable",
         [](Arguments& to, std::string_view value) {
           return anycast::add_addresses(to.edge.anycast.anycast, value);
         },
         Flag::Count::kMany},
    Flag{"--anycast-community", "A:B[:C]", "", "on each announcement; repeatable",
         [](Arguments& to, std::string_view value) {
           return anycast::add_communities(to.edge.anycast.anycast.site, value);
         },
         Flag::Count::kMany},
    Flag{"--anycast-as", "NUMBER", "", "the autonomous system that is prepended",
         [](Arguments& to, std::string_view value) {
           return anycast::set_as(to.edge.anycast.anycast.site, value);
         }},
    Flag{"--anycast-prepend", "N", "0", "how often, always: a site that is farther than it looks",
         [](Arguments& to, std::string_view value) {
           return anycast::set_prepends(to.edge.anycast.anycast.site.prepends, value);
         }},
    Flag{"--anycast-drain-prepend", "N", "3", "how often more, before it is withdrawn at the end",
         [](Arguments& to, std::string_view value) {
           return anycast::set_prepends(to.edge.anycast.anycast.site.drain_prepends, value);
         }},
    Flag{"--anycast-drain-wait", "DURATION", "5s", "between the two",
         [](Arguments& to, std::string_view value) {
           return anycast::set_drain_wait(to.edge.anycast.anycast.policy, value);
         }},
    Flag{"--anycast-hold", "DURATION", "5s",
         "announced again when it could be served for so long; doubled each time, to 5m at most",
         [](Arguments& to, std::string_view value) {
           return anycast::set_hold(to.edge.anycast.anycast.policy, value);
         }},
    Flag{"--anycast-last", "ACTION", "keep",
         "keep or withdraw: when it can't be served, and no other edge is known to announce it",
         [](Arguments& to, std::string_view value) {
           return anycast::set_last(to.edge.anycast.anycast.policy, value);
         }},
    Flag{"--bird-socket", "PATH", "/run/bird/bird.ctl", "BIRD's control socket",
         [](Arguments& to, std::string_view value) {
           return anycast::set_path(to.edge.anycast.bird_socket, value);
         }},
    Flag{"--bird-include", "PATH", "/run/weir/bird.conf", "the file that BIRD's configuration includes",
         [](Arguments& to, std::string_view value) {
           return anycast::set_path(to.edge.anycast.include_path, value);
         }},
    kLogLevelFlag,
    kLogFormatFlag,
    kAccessLogFlag,
};

// --- weir dns
inline constexpr std::array kDnsFlags{
    kControllerFlag,
    kJoinTokenFlag,
    kJoinTokenFileFlag,
    kMachineNameFlag,
    kMachineDirFlag,
    Flag{"--dns", "ADDRESS", "127.0.0.1:8053", "where it answers, by UDP and TCP", set_dns},
    kZoneFilesFlag,
    kGeoipFlag,
    kPublicFlag,
    kWorkersFlag,
    kMetricsFlag,
    kAddressFlag,
    kProviderFlag,
    kRegionFlag,
    kCityFlag,
    kLabelsFlag,
    kLogLevelFlag,
    kLogFormatFlag,
};

// --- weir agent
inline constexpr std::array kAgentFlags{
    Flag{"-c,--config", "FILE", "", "edges and services, as YAML; it is watched",
         [](Arguments& to, std::string_view value) { return set_text(to.agent.config, value); },
         Flag::Count::kRequired},
    kLogLevelFlag,
    kLogFormatFlag,
};

// --- weir connect
inline constexpr std::array kConnectFlags{
    Flag{"--port", "PORT", "", "of the origin",
         [](Arguments& to, std::string_view value) { return set_port(to.agent.port, value); },
         Flag::Count::kRequired},
    Flag{"--host", "HOST", "localhost", "of the origin",
         [](Arguments& to, std::string_view value) { return set_host(to.agent.host, value); }},
    Flag{"--name", "NAME", "one that is made up", "by which visitors ask for it, below the edges' domain",
         [](Arguments& to, std::string_view value) { return set_edge_name(to.agent.name, value); }},
    Flag{"--type", "TYPE", "http", "what the origin speaks: http, https, tcp or tls",
         [](Arguments& to, std::string_view value) { return set_origin_type(to.agent.type, value); }},
    Flag{"--origin-ca", "FILE", "the system's", "the authorities (PEM) of an origin of type https",
         [](Arguments& to, std::string_view value) { return set_text(to.agent.origin_ca, value); }},
    Flag{"--edge", "HOST:PORT", "127.0.0.1:8444", "where an edge lets agents in; repeatable",
         [](Arguments& to, std::string_view value) { return set_edge_address(to.agent.edges, value); },
         Flag::Count::kMany},
    Flag{"--token", "TOKEN", "$WEIR_TUNNEL_TOKEN",
         "weirtunnel_...; other users of the machine see it here; none is needed on the edge's own machine",
         [](Arguments& to, std::string_view value) { return set_text(to.agent.token, value); }},
    Flag{"--ca", "FILE", "what the token says, or ./weir-data/ca.pem", "the authority (PEM) of the edges",
         [](Arguments& to, std::string_view value) { return set_text(to.agent.ca, value); }},
};

// --- weir ca
inline constexpr std::array kCaFlags{
    Flag{"--data-dir", "DIR", "./weir-data", "of the weir whose authority it is",
         [](Arguments& to, std::string_view value) { return set_text(to.up.options.data_dir, value); }},
};

// --- weir upgrade
inline constexpr std::array kUpgradeFlags{
    Flag{"--data-dir", "DIR", "./weir-data", "of the weir that is to be replaced",
         [](Arguments& to, std::string_view value) { return set_text(to.up.options.data_dir, value); }},
    Flag{"--binary", "FILE", "the one that is asked", "what takes its place, with the same arguments",
         [](Arguments& to, std::string_view value) { return set_text(to.upgrade.binary, value); }},
    Flag{"--timeout", "DURATION", "30s",
         "within which it has to be ready, or the old one goes on as if nothing had been asked",
         [](Arguments& to, std::string_view value) { return set_valid_for(to.upgrade.timeout, value); }},
    Flag{"--drain-limit", "DURATION", "none",
         "after which connections that the old one still has are cut, streams and WebSockets, too",
         [](Arguments& to, std::string_view value) {
           return set_valid_for(to.upgrade.drain_limit.emplace(), value);
         }},
};

// --- weir store
inline constexpr std::array kStoreFlags{
    Flag{"ACTION", "ACTION", "", "copy",
         [](Arguments& to, std::string_view value) { return set_text(to.store_flags.action, value); },
         Flag::Count::kRequired},
    Flag{"--from", "STORE", "./weir-data", "a data directory, or postgres://USER@HOST/DATABASE",
         [](Arguments& to, std::string_view value) { return set_text(to.store_flags.from, value); }},
    Flag{"--to", "STORE", "", "an empty one, in either form",
         [](Arguments& to, std::string_view value) { return set_text(to.store_flags.to, value); },
         Flag::Count::kRequired},
};

// --- the others
inline constexpr Flag kKindFlag{
    "KIND",
    "KIND",
    "",
    "service, loadbalancers, lb, ...; also KIND/NAME",
    [](Arguments& to, std::string_view value) { return set_text(to.kind, value); },
    Flag::Count::kRequired};
inline constexpr Flag kNameFlag{
    "NAME", "NAME", "", "of the object",
    [](Arguments& to, std::string_view value) { return set_text(to.name, value); }};

inline constexpr Flag kFileFlag{
    "-f,--file",
    "FILE",
    "",
    "YAML or JSON; a folder stands for its .yaml, .yml and .json files, - for stdin; repeatable",
    [](Arguments& to, std::string_view value) { return set_text(to.files.emplace_back(), value); },
    Flag::Count::kManyRequired};
inline constexpr std::array kPlanFlags{
    kFileFlag,
    Flag{"-o,--output", "FORMAT", "table", "table (for people), json or yaml",
         [](Arguments& to, std::string_view value) { return set_format(to.format, value); }},
};
inline constexpr std::array kApplyFlags{
    kFileFlag,
    Flag{"--rollout", "NAME", "at once",
         "makes them so in waves: as a Rollout of that name, which goes back by itself when a gate fails",
         [](Arguments& to, std::string_view value) { return set_text(to.rollout.name, value); }},
    Flag{"--bake", "DURATION", "30s", "of each wave of --rollout: how long its gates must hold",
         [](Arguments& to, std::string_view value) { return set_text(to.rollout.bake, value); }},
    Flag{"--match", "KEY=VALUE", "each provider and region in turn",
         "edges that are the first wave of --rollout, all others the second; repeatable",
         [](Arguments& to, std::string_view value) { return set_label(to.rollout.match, value); },
         Flag::Count::kMany},
};

inline constexpr std::array kRollbackFlags{
    Flag{"REVISION", "REVISION", "", "as in metadata.revision of an object or an event",
         [](Arguments& to, std::string_view value) { return set_number(to.revision, value); },
         Flag::Count::kRequired},
    Flag{"--dry-run", "", "", "change nothing; print what would change, as plan does",
         [](Arguments& to, std::string_view) {
           to.dry_run = true;
           return std::string();
         }},
};

inline constexpr std::array kGetFlags{
    kKindFlag,
    kNameFlag,
    Flag{"-o,--output", "FORMAT", "table", "table, json or yaml",
         [](Arguments& to, std::string_view value) { return set_format(to.format, value); }},
    Flag{"-w,--watch", "", "", "go on and print each change",
         [](Arguments& to, std::string_view) {
           to.watch = true;
           return std::string();
         }},
    Flag{"-l,--label", "KEY[=VALUE]", "", "only objects that have this label; repeatable",
         [](Arguments& to, std::string_view value) { return set_label(to.labels, value); },
         Flag::Count::kMany},
};

inline constexpr std::array kExplainFlags{
    Flag{"ID", "ID", "", "a request's id, from its X-Request-Id or the access log; or KIND.FIELD; or dns",
         [](Arguments& to, std::string_view value) { return set_text(to.topic, value); }},
    Flag{"NAME", "NAME", "", "of dns: the name that is asked for",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); }},
    Flag{"TYPE", "TYPE", "A", "of dns: the type that is asked for",
         [](Arguments& to, std::string_view value) { return set_text(to.record_type, value); }},
    Flag{"--request", "REQUEST", "", "such as 'GET http://web.example/path'; nothing is sent",
         [](Arguments& to, std::string_view value) { return set_text(to.request, value); }},
    Flag{"-H,--header", "FIELD", "", "a field of that request, such as 'Cookie: a=b'; may be repeated",
         [](Arguments& to, std::string_view value) { return set_text(to.headers.emplace_back(), value); },
         Flag::Count::kMany},
    Flag{"--from", "ADDRESS", "127.0.0.1", "the client that it would come from; of dns also a network",
         [](Arguments& to, std::string_view value) { return set_text(to.peer, value); }},
    Flag{"-o,--output", "FORMAT", "table", "table (for people), json or yaml",
         [](Arguments& to, std::string_view value) { return set_format(to.format, value); }},
};

inline constexpr std::array kTokenFlags{
    Flag{"ACTION", "ACTION", "", "create",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.action, value); },
         Flag::Count::kRequired},
    kNameFlag,
    Flag{"--join", "ROLE", "", "lets a machine join: edge",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.join, value); }},
    Flag{"--for", "USER", "",
         "lets origins of that user in at edges: by weir agent, and as a password by ssh -R",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.user, value); }},
    Flag{"--service", "SERVICE", "",
         "lets Endpoints join and leave that service, and nothing else: for weir join; repeatable",
         [](Arguments& to, std::string_view value) {
           return set_text(to.token_flags.services.emplace_back(), value);
         },
         Flag::Count::kMany},
    Flag{"--as", "NAME", "any that is new",
         "the name that the machine has to take, also when it is there already",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.as, value); }},
    Flag{"--uses", "N", "1", "how many machines it lets in",
         [](Arguments& to, std::string_view value) { return set_number(to.token_flags.uses, value); }},
    Flag{"--provider", "NAME", "as the machine says", "the cloud that the machine is in",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.provider, value); }},
    Flag{"--region", "NAME", "as the machine says", "the provider's name of its region",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.region, value); }},
    Flag{"--city", "NAME", "as the machine says", "where it is",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.city, value); }},
    Flag{"-l,--label", "KEY=VALUE", "", "a label that the machine gets; repeatable",
         [](Arguments& to, std::string_view value) { return set_label(to.labels, value); },
         Flag::Count::kMany},
    Flag{"--role", "ROLE", "viewer", "without --join, --for and --service: what it may do, viewer or admin",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.role, value); }},
    Flag{
        "--valid-for", "DURATION", "for ever", "such as 24h: refused after that",
        [](Arguments& to, std::string_view value) { return set_valid_for(to.token_flags.valid_for, value); }},
    Flag{"--description", "TEXT", "", "what it is for",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.description, value); }},
};

inline constexpr std::array kObjectFlags{kKindFlag, kNameFlag};

inline constexpr std::array kHelpFlags{
    Flag{"TOPIC", "TOPIC", "", "a command, a kind, or a field such as service.spec.health_check",
         [](Arguments& to, std::string_view value) { return set_text(to.topic, value); }},
};

// --- weir controller bootstrap
inline constexpr std::array kBootstrapFlags{
    Flag{"--envoy", "", "", "for an Envoy; weir's own edges need none",
         [](Arguments& to, std::string_view) {
           to.bootstrap.envoy = true;
           return std::string();
         }},
    Flag{"--node", "NAME", "", "its name: that of its Edge object, and in its certificate",
         [](Arguments& to, std::string_view value) { return set_node(to.bootstrap.node, value); },
         Flag::Count::kRequired},
    Flag{
        "--xds", "HOST:PORT", "port 18000 of the API's host", "a controller's discovery; repeatable",
        [](Arguments& to, std::string_view value) { return set_controller(to.bootstrap.controllers, value); },
        Flag::Count::kMany},
    Flag{"--xds-plain", "", "", "the controllers' discovery is without TLS",
         [](Arguments& to, std::string_view) {
           to.bootstrap.plain = true;
           return std::string();
         }},
    Flag{"--provider", "NAME", "", "the cloud that it is in",
         [](Arguments& to, std::string_view value) { return set_text(to.bootstrap.provider, value); }},
    Flag{"--region", "NAME", "", "the provider's name of its region",
         [](Arguments& to, std::string_view value) { return set_text(to.bootstrap.region, value); }},
    Flag{"--city", "NAME", "", "where it is",
         [](Arguments& to, std::string_view value) { return set_text(to.bootstrap.city, value); }},
    Flag{"-l,--label", "KEY=VALUE", "", "a label of its Edge object; repeatable",
         [](Arguments& to, std::string_view value) { return set_label(to.labels, value); },
         Flag::Count::kMany},
    Flag{"--listen", "IP", "0.0.0.0", "the address that it listens on; :: is IPv4, too",
         [](Arguments& to, std::string_view value) { return set_address(to.bootstrap.listen, value); }},
    Flag{"--http", "PORT", "80", "its port for listeners of protocol HTTP that name none",
         [](Arguments& to, std::string_view value) { return set_port(to.bootstrap.http_port, value); }},
    Flag{"--https", "PORT", "443", "its port for listeners of protocol HTTPS that name none",
         [](Arguments& to, std::string_view value) { return set_port(to.bootstrap.https_port, value); }},
    Flag{"--admin", "PORT", "9901", "of Envoy's own admin interface, on loopback; 0: none",
         [](Arguments& to, std::string_view value) { return set_port(to.bootstrap.admin_port, value); }},
    Flag{"--dir", "DIR", "",
         "keeps it in files there, in place of printing it; so the certificate can be renewed",
         [](Arguments& to, std::string_view value) { return set_text(to.bootstrap.directory, value); }},
    Flag{"--renew", "", "",
         "with --dir: stays, and renews the certificate there before it ends; needs no token from then on",
         [](Arguments& to, std::string_view) {
           to.bootstrap.renews = true;
           return std::string();
         }},
};

}  // namespace weir::cli
