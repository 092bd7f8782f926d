// Arguments: what the command line says, as plain values. Parsing is a pure function of the words; nothing is
// read from outside and nothing is printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anycast/settings.h"
#include "base/log.h"
#include "base/time.h"
#include "client/member.h"
#include "config/specs.h"
#include "images/library.h"
#include "mirror/handed_ports.h"
#include "net/network.h"
#include "record/access_log.h"
#include "tls/dial.h"

namespace weir::cli {

struct Command;

enum class Format : std::uint8_t { kTable, kJson, kYaml };

// Of agents and relays.
inline constexpr std::uint16_t kTunnelPort = 8444;

// Of the roles: what the flags say, defaults in place.
struct UpOptions {
  std::string data_dir = "./weir-data";
  std::string store;  // postgres://...; empty: a file in data_dir
  net::Address api = net::Address::v4({127, 0, 0, 1}, 8480);
  std::vector<std::string> api_names;  // that the API's certificate is for, beside those of this machine
  net::Address http = net::Address::v4({127, 0, 0, 1}, 8080);
  std::optional<net::Address> https = net::Address::v4({127, 0, 0, 1}, 8443);  // none: --https off
  bool https_is_preset = true;  // nobody asked for it: when the port is taken, there is none
  std::optional<net::Address> xds = net::Address::v4({127, 0, 0, 1}, 18000);           // none: --xds off
  bool xds_is_preset = true;                                                           // as https_is_preset
  std::optional<net::Address> ssh = net::Address::v4({127, 0, 0, 1}, 2222);            // none: --ssh off
  bool ssh_is_preset = true;                                                           // as https_is_preset
  std::optional<net::Address> tunnel = net::Address::v4({127, 0, 0, 1}, kTunnelPort);  // none: off
  bool tunnel_is_preset = true;                                                        // as https_is_preset
  std::optional<net::Address> dns = net::Address::v4({127, 0, 0, 1}, 8053);            // none: --dns off
  std::string zone_files;     // a folder, of zones that are served beside those of the API; empty: none
  std::string geoip;          // a file of countries, for GEO; empty: none
  bool dns_is_preset = true;  // as https_is_preset
  bool xds_plain = false;     // without TLS
  std::string domain = "weir.localhost";
  mirror::PortRange tcp_ports;       // for TCP and TLS listeners that name none
  std::optional<bool> sign_up_open;  // none: as lets_sign_up() says
  images::Limits images;
  unsigned workers = 1;  // threads of the data plane; arguments.cc puts the number of usable cores here
  std::string provider;
  std::string region;
  std::string city;
  Level log_level = Level::kInfo;
  bool log_json = false;                            // one JSON object a line
  std::vector<record::AccessLogTarget> access_log;  // none: off
  // Files with fields for a collector: FILE, or the collector's HOST[:PORT]=FILE.
  std::vector<std::string> collector_header_files;
  std::string collector_ca;  // a file; empty: the system's
  std::uint64_t access_log_spool = std::uint64_t{1} << 30U;
  std::string traces;          // the URL of an OpenTelemetry collector; empty: none are told
  double trace_sample = 0.01;  // of the traces that begin here

  // On loopback the API is plain HTTP, unless a name is given for its certificate.
  bool api_over_tls() const { return !api.is_loopback() || !api_names.empty(); }
  // Of weir up: by default as long as nobody else reaches anything of it. An account gives a public name.
  bool lets_sign_up() const {
    const auto is_here = [](const net::Address& at) { return at.is_loopback(); };
    return sign_up_open.value_or(is_here(api) && is_here(http) && is_here(https.value_or(http)) &&
                                 is_here(xds.value_or(api)));
  }
};

struct UpFlags {
  UpOptions options;
  bool listen_publicly = false;
  bool api_given = false;  // with its address: --public leaves it alone
  bool http_given = false;
};

// Of `weir edge`, beside those that it shares with `weir up`.
struct EdgeFlags {
  std::vector<tls::Host> controllers;
  std::string join_token;
  std::string join_token_file;
  std::string name;     // empty: the host's
  std::string address;  // by which clients reach it; empty: where it listens
  std::string relay;    // HOST:PORT of --tunnel for other edges; empty: on that host
  std::optional<net::Address> metrics;
  std::optional<tls::Host> xds;   // of somebody else's control plane
  std::string xds_ca;             // a file
  bool name_server_only = false;  // weir dns: takes no load balancers up
  anycast::StationOptions anycast;
};

// Of `weir agent` and `weir connect`.
struct AgentFlags {
  std::string config;  // a file
  std::uint16_t port = 0;
  std::string host = "localhost";
  std::string name;  // empty: one is made up
  std::string type = "http";
  std::string origin_ca;           // a file
  std::vector<std::string> edges;  // HOST:PORT; none: of this machine
  std::string token;
  std::string ca;  // a file
};

// Of `weir token create`; texts as written, which the API judges.
struct LoginFlags {
  std::string token_file;  // "-" is stdin; empty: by a code that somebody approves
};

struct UserFlags {
  std::string action;
  std::string email;
  std::string role;
  std::string organization;
};

struct TokenFlags {
  std::string action;
  std::string role;                   // empty: none is given
  std::string join;                   // what a machine becomes by it
  std::string user;                   // whose origins come in by it
  std::string person;                 // whose it is; it never may more than that user
  std::string organization;           // where it is for
  std::vector<std::string> scopes;    // what is left of what its role may
  std::vector<std::string> services;  // which Endpoints join and leave by it
  std::string as;                     // the name that it has to take
  std::string description;
  std::string provider;
  std::string region;
  std::string city;
  std::uint64_t uses = 0;  // 0: none are given
  Duration valid_for{};    // zero: for ever
};

// Of image.
struct ImageFlags {
  std::string action;
  std::string archive;  // that is pushed; "-": stdin
};

// Of `weir controller bootstrap`.
struct BootstrapFlags {
  bool envoy = false;
  std::string node;
  std::vector<std::string> controllers;  // HOST:PORT of discovery; none: on the API's host
  bool plain = false;                    // without TLS
  std::string provider;
  std::string region;
  std::string city;
  std::string listen = "0.0.0.0";
  std::uint16_t http_port = 80;
  std::uint16_t https_port = 443;
  std::uint16_t admin_port = 9901;  // 0: none
  std::string directory;            // for its files; empty: all of it is printed
  bool renews = false;              // the certificate there, until it is stopped
};

// Of weir store.
struct StoreFlags {
  std::string action;
  std::string from = "./weir-data";
  std::string to;
};

// Of weir upgrade.
struct UpgradeFlags {
  std::string binary;                           // empty: the one that asks
  Duration timeout = std::chrono::seconds(30);  // for the new process to be ready
  std::optional<Duration> drain_limit;          // for connections of the old one; none: as long as they want
};

// Of weir provider.
struct ProviderFlags {
  std::string action;  // plan or sync
  bool force = false;
};

// Of weir metadata.
struct MetadataFlags {
  std::string format = "table";  // env or json
  std::string url;               // empty: where clouds have it
  Duration wait{};               // for somebody to answer
};

// Of weir cloud-init; texts as written, which the command judges.
struct CloudInitFlags {
  std::string role;
  std::vector<std::string> controllers;
  std::string token;
  std::string token_file;
  std::string package;
  std::string sha256;
  std::string repository;
  std::string key;                // a file
  std::vector<std::string> with;  // FLAG or FLAG=VALUE of the role
};

// Of `weir apply`; texts as written, which the API judges.
struct RolloutFlags {
  std::string name;  // empty: at once
  std::string bake;
  std::vector<std::string> match;
};

// Of weir join, leave and resolve; texts as written, which the API judges.
struct JoinFlags {
  client::Member member;  // of leave and resolve: its service, name and version
  Duration lease = client::kLeaseDefault;
  bool lease_given = false;
  bool once = false;
  Duration drain_wait{};             // between leaving and the end
  std::vector<std::string> command;  // that is run, and is what joins; none: something else does
  // Of resolve
  std::string output = "text";
  std::optional<std::string> dns;  // the name server that is asked; "system": that of /etc/resolv.conf
  std::string domain = "weir.localhost";
};

// Of node.
struct NodeFlags {
  std::string action;    // empty: runs the file; or logs
  std::string instance;  // of logs
  std::string file;
  std::uint32_t cpu_milli = 0;  // 0: all that the machine has; also the next
  std::uint64_t memory_bytes = 0;
  std::uint64_t instances_max = 200;
  mirror::PortRange ports;    // that its instances may be given
  std::string podman_socket;  // empty: where podman's is
  std::string name = "weir";  // in the labels of what is its own
  std::optional<net::Address> metrics;
  bool open_networks = false;
  bool follow = false;
  Duration since{};  // ago; zero: all there is
};

// Of logs, and of exec.
struct LogsFlags {
  std::string instance;   // of a workload: only of that one
  std::string container;  // empty: of all; of exec: the first
  bool follow = false;
  bool timestamps = false;
  bool terminal = false;  // of exec
  Duration since{};       // ago; zero: all there is
  std::optional<std::uint64_t> tail;
};

struct Arguments {
  const Command* command = nullptr;
  std::optional<std::string> api;    // --api of the commands that call one: a URL
  std::optional<std::string> token;  // --token
  UpFlags up;
  EdgeFlags edge;
  AgentFlags agent;
  NodeFlags node;
  LogsFlags logs;
  TokenFlags token_flags;
  LoginFlags login;
  UserFlags user;
  ImageFlags image;
  BootstrapFlags bootstrap;
  StoreFlags store_flags;
  UpgradeFlags upgrade;
  RolloutFlags rollout;
  JoinFlags join;
  ProviderFlags provider;
  MetadataFlags metadata;
  CloudInitFlags cloud_init;
  std::vector<std::string> files;
  std::string kind;  // as written
  std::string name;  // empty: none
  Format format = Format::kTable;
  bool watch = false;          // also --wait of rollout
  bool ssh_host_key = false;   // of ca
  std::uint64_t revision = 0;  // of rollback
  bool dry_run = false;
  std::vector<std::string> labels;
  std::string topic;        // of help and explain; the shell of completion
  bool manual = false;      // of help
  std::string record_type;  // of explain dns
  std::string request;      // of explain
  std::vector<std::string> headers;
  std::string peer;
};

// KEY=VALUE, or KEY with an empty value, as --label takes them.
config::Labels labels_of(std::span<const std::string> written);

// words: without the program's name. cores: the default of --workers. The error is what is wrong with the
// usage, for stderr and exit code 2.
std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> words, unsigned cores);

}  // namespace weir::cli
