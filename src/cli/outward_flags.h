// The flags of the commands of service discovery, and of those about other people's clouds; see flags.h.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace weir::cli {

// --- weir join, leave and resolve
std::string set_bounded(std::uint64_t& number, std::uint64_t max, std::string_view value);
std::string set_health(std::string& health, std::string_view value);
std::string set_name_server(std::optional<std::string>& server, std::string_view value);
std::string set_resolve_output(std::string& output, std::string_view value);
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

// --- weir metadata
inline constexpr std::array kMetadataFlags{
    Flag{"-o,--output", "FORMAT", "table",
         "table (for people), env (lines for a shell: WEIR_PROVIDER='aws'), or json",
         [](Arguments& to, std::string_view value) {
           if (value != "table" && value != "env" && value != "json")
             return std::string("must be table, env or json");
           return set_text(to.metadata.format, value);
         }},
    Flag{"--metadata-url", "URL", "http://169.254.169.254",
         "where the cloud tells machines of themselves; of SmartOS the path of its socket or serial port",
         [](Arguments& to, std::string_view value) { return set_text(to.metadata.url, value); }},
};

// --- weir cloud-init
std::string set_role(std::string& role, std::string_view value);
std::string set_controller_url(std::vector<std::string>& urls, std::string_view value);
inline constexpr std::array kCloudInitFlags{
    Flag{"ROLE", "ROLE", "", "edge, dns, controller, up or agent",
         [](Arguments& to, std::string_view value) { return set_role(to.cloud_init.role, value); },
         Flag::Count::kRequired},
    Flag{"--controller", "URL", "", "that leads it, such as https://weir.example:8480; repeatable",
         [](Arguments& to, std::string_view value) {
           return set_controller_url(to.cloud_init.controllers, value);
         },
         Flag::Count::kMany},
    Flag{"--token-file", "FILE", "",
         "has the token: of `weir token create --join edge` for edge and dns, --for USER for agent",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.token_file, value); }},
    Flag{"--token", "TOKEN", "", "the same; other users of this machine see it here",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.token, value); }},
    Flag{"-c,--config", "FILE", "", "of agent: edges and services, as YAML",
         [](Arguments& to, std::string_view value) { return set_text(to.agent.config, value); }},
    Flag{"--package", "URL", "neither this nor --repository: the image has it", "weir's Debian package",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.package, value); }},
    Flag{"--sha256", "DIGEST", "", "of --package, as sha256sum prints it; another file is not installed",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.sha256, value); }},
    Flag{"--repository", "'URL SUITE COMPONENT...'", "", "of apt, that has the package",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.repository, value); }},
    Flag{"--key", "FILE", "", "of --repository: its armoured OpenPGP key",
         [](Arguments& to, std::string_view value) { return set_text(to.cloud_init.key, value); }},
    Flag{"--with", "FLAG[=VALUE]", "public, and the usual ports of the role",
         "a flag of the role on that machine, such as ssh=[::]:2222; repeatable",
         [](Arguments& to, std::string_view value) {
           return set_text(to.cloud_init.with.emplace_back(), value);
         },
         Flag::Count::kMany},
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
