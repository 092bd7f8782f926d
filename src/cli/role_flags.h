// The flags of the commands that run a role of this machine; see flags.h.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"
#include "record/access_log.h"

namespace weir::cli {

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
inline constexpr Flag kImageSizeFlag{"--image-size-max", "SIZE", "1Gi",
                                     "of the archive of an image that is pushed, such as 512Mi",
                                     [](Arguments& to, std::string_view value) {
                                       return set_size(to.up.options.images.image_bytes_max, value);
                                     }};
inline constexpr Flag kImagesSizeFlag{"--images-size-max", "SIZE", "8Gi", "of all images together",
                                      [](Arguments& to, std::string_view value) {
                                        return set_size(to.up.options.images.all_bytes_max, value);
                                      }};
inline constexpr Flag kLogLevelFlag{
    "--log-level", "LEVEL", "info", "debug, info, warning or error",
    [](Arguments& to, std::string_view value) { return set_log_level(to.up.options.log_level, value); }};
inline constexpr Flag kLogFormatFlag{
    "--log-format", "FORMAT", "text", "text or json",
    [](Arguments& to, std::string_view value) { return set_log_format(to.up.options.log_json, value); }};
inline constexpr Flag kAccessLogFlag{
    "--access-log",
    "TARGET",
    "off",
    "a line of JSON for each request: off, a file, - for stdout, syslog, syslog:SOCKET, or a collector's "
    "URL; "
    "repeatable",
    [](Arguments& to, std::string_view value) { return set_access_log(to.up.options.access_log, value); },
    Flag::Count::kMany};
inline constexpr Flag kCollectorHeaderFileFlag{
    "--collector-header-file",
    "[HOST[:PORT]=]FILE",
    "",
    "fields for the collector, such as a token; HOST says for which one, if there are several; repeatable",
    [](Arguments& to, std::string_view value) {
      return set_text(to.up.options.collector_header_files.emplace_back(), value);
    },
    Flag::Count::kMany};
inline constexpr Flag kCollectorCaFlag{
    "--collector-ca", "FILE", "the system's", "the authorities (PEM) of collectors",
    [](Arguments& to, std::string_view value) { return set_text(to.up.options.collector_ca, value); }};
inline constexpr Flag kAccessLogSpoolFlag{
    "--access-log-spool", "SIZE", "1Gi", "of lines that wait on disk for each collector; then the oldest go",
    [](Arguments& to, std::string_view value) { return set_size(to.up.options.access_log_spool, value); }};
inline constexpr Flag kTracesFlag{
    "--traces", "URL", "off",
    "an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318/v1/traces",
    [](Arguments& to, std::string_view value) { return set_traces(to.up.options.traces, value); }};
inline constexpr Flag kTraceSampleFlag{
    "--trace-sample", "RATIO", "0.01", "of the traces that begin here; what comes sampled, or not, stays so",
    [](Arguments& to, std::string_view value) { return set_ratio(to.up.options.trace_sample, value); }};
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
    kImageSizeFlag,
    kImagesSizeFlag,
    kLogLevelFlag,
    kLogFormatFlag,
    kAccessLogFlag,
    kCollectorHeaderFileFlag,
    kCollectorCaFlag,
    kAccessLogSpoolFlag,
    kTracesFlag,
    kTraceSampleFlag,
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
    kDataDirFlag,  kStoreFlag,  kApiFlag,    kApiNameFlag,   kXdsFlag,        kXdsPlainFlag, kDomainFlag,
    kTcpPortsFlag, kPublicFlag, kSignUpFlag, kImageSizeFlag, kImagesSizeFlag, kLogLevelFlag, kLogFormatFlag,
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
    "--name", "NAME", "the host's", "of its object",
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
    "of its object; repeatable",
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
    kCollectorHeaderFileFlag,
    kCollectorCaFlag,
    kAccessLogSpoolFlag,
    kTracesFlag,
    kTraceSampleFlag,
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

// --- weir node
inline constexpr std::array kNodeFlags{
    Flag{"ACTION", "ACTION", "", "logs; without it, instances are run",
         [](Arguments& to, std::string_view value) { return set_text(to.node.action, value); }},
    Flag{"INSTANCE", "INSTANCE", "", "whose logs are shown",
         [](Arguments& to, std::string_view value) { return set_text(to.node.instance, value); }},
    kControllerFlag,
    kJoinTokenFlag,
    kJoinTokenFileFlag,
    kMachineNameFlag,
    kMachineDirFlag,
    Flag{"--address", "ADDRESS", "this machine's first", "by which edges reach its instances",
         [](Arguments& to, std::string_view value) { return set_text(to.edge.address, value); }},
    kProviderFlag,
    kRegionFlag,
    kCityFlag,
    kLabelsFlag,
    Flag{"--cpu", "CORES", "all that there are", "set aside for instances at most, such as 3500m",
         [](Arguments& to, std::string_view value) { return set_cpu(to.node.cpu_milli, value); }},
    Flag{"--memory", "BYTES", "all that there is", "set aside for instances at most, such as 6Gi",
         [](Arguments& to, std::string_view value) { return set_memory(to.node.memory_bytes, value); }},
    Flag{"--instances-max", "N", "200", "instances at most, up to 1000",
         [](Arguments& to, std::string_view value) {
           return set_bounded(to.node.instances_max, kNodeInstancesMax, value);
         }},
    Flag{"--ports", "FIRST-LAST", "20000-29999", "of this machine, for the ports of instances",
         [](Arguments& to, std::string_view value) { return set_ports(to.node.ports, value); }},
    Flag{"--instances", "FILE", "", "that are run, as YAML; it is watched; in place of controllers",
         [](Arguments& to, std::string_view value) { return set_text(to.node.file, value); }},
    Flag{"--podman", "SOCKET", "/run/podman/podman.sock, or the user's own", "podman's API",
         [](Arguments& to, std::string_view value) { return set_text(to.node.podman_socket, value); }},
    Flag{"--node", "NAME", "weir", "by which containers are known as this node's own",
         [](Arguments& to, std::string_view value) { return set_node(to.node.name, value); }},
    Flag{"--metrics", "ADDRESS", "off", "/metrics, /healthz, /readyz and /instances",
         [](Arguments& to, std::string_view value) { return set_metrics(to.node.metrics, value); }},
    Flag{"--open-networks", "", "", "without rules of nftables that keep owners, and the machine, apart",
         [](Arguments& to, std::string_view) {
           to.node.open_networks = true;
           return std::string();
         }},
    Flag{"-f,--follow", "", "", "of logs: until the instance ends",
         [](Arguments& to, std::string_view) {
           to.node.follow = true;
           return std::string();
         }},
    Flag{"--since", "DURATION", "all there is", "of logs: how far back, such as 10m",
         [](Arguments& to, std::string_view value) { return set_valid_for(to.node.since, value); }},
    kLogLevelFlag,
    kLogFormatFlag,
};

}  // namespace weir::cli
