// The flags of the commands that call the API; see flags.h.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace weir::cli {

// --- of every command that calls the API
inline constexpr std::array kApiFlags{
    Flag{"--api", "URL", "$WEIR_API, or http://127.0.0.1:8480", "the API to call",
         [](Arguments& to, std::string_view value) { return set_text(to.api.emplace(), value); }},
    Flag{"--token", "TOKEN", "$WEIR_TOKEN", "sent with each call; other users of the machine see it here",
         [](Arguments& to, std::string_view value) { return set_text(to.token.emplace(), value); }},
};

// --- of objects
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

// --- of instances
inline constexpr Flag kContainerFlag{
    "--container", "NAME", "all; of exec the first", "only that one of an instance",
    [](Arguments& to, std::string_view value) { return set_text(to.logs.container, value); }};
inline constexpr std::array kLogsFlags{
    Flag{"NAME", "NAME", "", "of a Workload or an Instance, or tunnels/NAME",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); },
         Flag::Count::kRequired},
    Flag{"-f,--follow", "", "", "go on with what is written from now on",
         [](Arguments& to, std::string_view) {
           to.logs.follow = true;
           return std::string();
         }},
    Flag{"--since", "DURATION", "all there is", "how far back, such as 10m",
         [](Arguments& to, std::string_view value) { return set_valid_for(to.logs.since, value); }},
    Flag{"--tail", "N", "all there are", "only so many lines of each container, the last ones",
         [](Arguments& to, std::string_view value) {
           return set_bounded(to.logs.tail.emplace(), 100'000, value);
         }},
    Flag{"--instance", "NAME", "all", "of a workload, only that one",
         [](Arguments& to, std::string_view value) { return set_text(to.logs.instance, value); }},
    kContainerFlag,
    Flag{"--timestamps", "", "", "the time in front of each line",
         [](Arguments& to, std::string_view) {
           to.logs.timestamps = true;
           return std::string();
         }},
};
inline constexpr std::array kExecFlags{
    Flag{"INSTANCE", "INSTANCE", "", "in which it runs",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); },
         Flag::Count::kRequired},
    kContainerFlag,
    Flag{"-t,--terminal", "", "", "with this terminal: its size, and each key as it is pressed",
         [](Arguments& to, std::string_view) {
           to.logs.terminal = true;
           return std::string();
         }},
};
inline constexpr std::array kRolloutFlags{
    Flag{"ACTION", "ACTION", "", "status",
         [](Arguments& to, std::string_view value) { return set_text(to.topic, value); },
         Flag::Count::kRequired},
    Flag{"WORKLOAD", "WORKLOAD", "", "whose update is shown",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); },
         Flag::Count::kRequired},
    Flag{"--wait", "", "", "until it is done, or has failed",
         [](Arguments& to, std::string_view) {
           to.watch = true;
           return std::string();
         }},
};

inline constexpr std::array kObjectFlags{kKindFlag, kNameFlag};

// --- weir token
inline constexpr std::array kImageFlags{
    Flag{"ACTION", "ACTION", "", "push, list or delete",
         [](Arguments& to, std::string_view value) { return set_text(to.image.action, value); },
         Flag::Count::kRequired},
    Flag{"NAME", "NAME", "", "such as web:1.2; without a tag: latest",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); }},
    Flag{"ARCHIVE", "ARCHIVE", "", "of push: a file of podman save or docker save, - for stdin",
         [](Arguments& to, std::string_view value) { return set_text(to.image.archive, value); }},
};

inline constexpr std::array kTokenFlags{
    Flag{"ACTION", "ACTION", "", "create",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.action, value); },
         Flag::Count::kRequired},
    kNameFlag,
    Flag{"--join", "ROLE", "", "lets a machine join: edge or node",
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
    Flag{"--role", "ROLE", "viewer",
         "without --join, --for and --service: what it may do: viewer, editor, admin or owner",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.role, value); }},
    Flag{"--user", "USER", "a program's",
         "whose it is: it never may more than that user, and nothing when the user is gone",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.person, value); }},
    Flag{"--organization", "NAME", "that of who makes it",
         "where it is for: nothing else is there for who has it; the platform says it",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.organization, value); }},
    Flag{"--scope", "KIND:read|write", "",
         "what is left of what its role may, such as services:write or *:read; repeatable",
         [](Arguments& to, std::string_view value) {
           return set_text(to.token_flags.scopes.emplace_back(), value);
         },
         Flag::Count::kMany},
    Flag{
        "--valid-for", "DURATION", "for ever", "such as 24h: refused after that",
        [](Arguments& to, std::string_view value) { return set_valid_for(to.token_flags.valid_for, value); }},
    Flag{"--description", "TEXT", "", "what it is for",
         [](Arguments& to, std::string_view value) { return set_text(to.token_flags.description, value); }},
};

inline constexpr std::array kLoginFlags{
    Flag{"--token-file", "FILE", "", "without a browser: takes a token from a file, or with - from stdin",
         [](Arguments& to, std::string_view value) { return set_text(to.login.token_file, value); }},
};
inline constexpr std::array kUserFlags{
    Flag{"ACTION", "ACTION", "", "create",
         [](Arguments& to, std::string_view value) { return set_text(to.user.action, value); },
         Flag::Count::kRequired},
    Flag{"EMAIL", "EMAIL", "", "by which it logs in; the password is asked for, or is a line of stdin",
         [](Arguments& to, std::string_view value) { return set_text(to.user.email, value); },
         Flag::Count::kRequired},
    Flag{"--role", "ROLE", "none; viewer with --organization",
         "what it may do: owner, admin, editor or viewer",
         [](Arguments& to, std::string_view value) { return set_text(to.user.role, value); }},
    Flag{"--organization", "NAME", "", "makes it a member of that organization, in which it has the role",
         [](Arguments& to, std::string_view value) { return set_text(to.user.organization, value); }},
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

// --- weir join, leave and resolve
inline constexpr Flag kServiceFlag{
    "SERVICE",
    "SERVICE",
    "",
    "the name of a Service",
    [](Arguments& to, std::string_view value) { return set_text(to.join.member.service, value); },
    Flag::Count::kRequired};
inline constexpr std::array kJoinFlags{
    kServiceFlag,
    Flag{"--port", "PORT", "", "where it serves",
         [](Arguments& to, std::string_view value) { return set_port(to.join.member.port, value); },
         Flag::Count::kRequired},
    Flag{"--address", "HOST", "the one by which the API is reached", "an IP address of it, or its DNS name",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.address, value); }},
    Flag{"--name", "NAME", "SERVICE-MACHINE-PORT", "of the Endpoint",
         [](Arguments& to, std::string_view value) { return set_node(to.join.member.name, value); }},
    Flag{"--instance", "TEXT", "the Endpoint's name", "its name for people, as DNS-SD shows it",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.instance, value); }},
    Flag{"--type", "TYPE", "_SERVICE._tcp", "of a Service that is not there yet: such as _http._tcp",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.type, value); }},
    Flag{"--health", "CHECK", "none",
         "of a Service that is not there yet: tcp or http:/PATH; nothing is found before it was checked",
         [](Arguments& to, std::string_view value) { return set_health(to.join.member.health, value); }},
    Flag{"--priority", "N", "0", "higher ones serve only when no lower one can",
         [](Arguments& to, std::string_view value) {
           return set_bounded(to.join.member.priority, 15, value);
         }},
    Flag{"--weight", "N", "1", "its share, relative to the others of its priority; 0 drains it",
         [](Arguments& to, std::string_view value) {
           return set_bounded(to.join.member.weight, 1000, value);
         }},
    Flag{"--zone", "NAME", "", "where it is: edges of the region of that name prefer it",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.zone, value); }},
    Flag{"--txt", "KEY=VALUE", "", "for its TXT record; repeatable",
         [](Arguments& to, std::string_view value) {
           return set_text(to.join.member.text.emplace_back(), value);
         },
         Flag::Count::kMany},
    Flag{"--version", "VERSION", "", "of what runs there; clients may ask for one",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.version, value); }},
    Flag{"--lease", "DURATION", "30s; none with --once",
         "it is removed when nobody has renewed it for so long",
         [](Arguments& to, std::string_view value) {
           to.join.lease_given = true;
           return set_valid_for(to.join.lease, value);
         }},
    Flag{"--drain-wait", "DURATION", "none",
         "when told to end: leave, and only so long after end, or tell the command",
         [](Arguments& to, std::string_view value) { return set_valid_for(to.join.drain_wait, value); }},
    Flag{"--once", "", "", "join and end, rather than stay and leave at the end",
         [](Arguments& to, std::string_view) {
           to.join.once = true;
           return std::string();
         }},
};
inline constexpr std::array kLeaveFlags{
    kServiceFlag,
    Flag{"--name", "NAME", "all that joined from this machine", "of the Endpoint",
         [](Arguments& to, std::string_view value) { return set_node(to.join.member.name, value); }},
};
inline constexpr std::array kResolveFlags{
    Flag{"SERVICE", "SERVICE", "",
         "the name of a Service; or a type, such as _http._tcp, or an instance of one: \"The "
         "first._http._tcp\"",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.service, value); },
         Flag::Count::kRequired},
    Flag{"--version", "VERSION", "any", "of what runs there",
         [](Arguments& to, std::string_view value) { return set_text(to.join.member.version, value); }},
    Flag{"--dns", "SERVER", "the API is asked",
         "ask this name server instead: an address, with a port or without; or system: that of "
         "/etc/resolv.conf",
         [](Arguments& to, std::string_view value) { return set_name_server(to.join.dns, value); }},
    Flag{"--domain", "DOMAIN", "weir.localhost", "with --dns: weir's own, in which services are found",
         [](Arguments& to, std::string_view value) { return set_text(to.join.domain, value); }},
    Flag{"-o,--output", "FORMAT", "text", "text (HOST:PORT), env (for a shell) or json (all, best first)",
         [](Arguments& to, std::string_view value) { return set_resolve_output(to.join.output, value); }},
    Flag{"-w,--watch", "", "", "go on and print each change",
         [](Arguments& to, std::string_view) {
           to.watch = true;
           return std::string();
         }},
};

// --- weir provider
inline constexpr std::array kProviderFlags{
    Flag{"ACTION", "ACTION", "", "plan or sync",
         [](Arguments& to, std::string_view value) {
           if (value != "plan" && value != "sync") return std::string("must be plan or sync");
           return set_text(to.provider.action, value);
         },
         Flag::Count::kRequired},
    Flag{"NAME", "NAME", "", "of the DnsProvider",
         [](Arguments& to, std::string_view value) { return set_text(to.name, value); },
         Flag::Count::kRequired},
    Flag{"--force", "", "", "sync also when more is replaced and deleted than changes_percent_max lets",
         [](Arguments& to, std::string_view) {
           to.provider.force = true;
           return std::string();
         }},
    Flag{"--dry-run", "", "", "write nothing: what plan does",
         [](Arguments& to, std::string_view) {
           to.dry_run = true;
           return std::string();
         }},
    Flag{"-o,--output", "FORMAT", "table", "table (for people), json or yaml",
         [](Arguments& to, std::string_view value) { return set_format(to.format, value); }},
};

}  // namespace weir::cli
