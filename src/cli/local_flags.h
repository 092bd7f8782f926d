// The flags of the commands that work by themselves, on this machine; see flags.h.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace weir::cli {

// --- weir ca
inline constexpr std::array kCaFlags{
    Flag{"--data-dir", "DIR", "./weir-data", "of the weir whose authority it is",
         [](Arguments& to, std::string_view value) { return set_text(to.up.options.data_dir, value); }},
    Flag{"--ssh", "", "", "in its place the line for known_hosts, by which clients of SSH know every edge",
         [](Arguments& to, std::string_view) { return to.ssh_host_key = true, std::string(); }},
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
    Flag{"--wait", "DURATION", "none", "ask again for so long when nobody answers, as at a boot",
         [](Arguments& to, std::string_view value) { return set_valid_for(to.metadata.wait, value); }},
};

// --- weir cloud-init
inline constexpr std::array kCloudInitFlags{
    Flag{"ROLE", "ROLE", "", "edge, dns, node, controller, up or agent",
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

// --- weir help
inline constexpr std::array kHelpFlags{
    Flag{"TOPIC", "TOPIC", "", "a command, a kind, or a field such as service.spec.health_check",
         [](Arguments& to, std::string_view value) { return set_text(to.topic, value); }},
    Flag{"--man", "", "", "as a page of the manual, of weir itself or of a command: for man -l -",
         [](Arguments& to, std::string_view) { return to.manual = true, std::string(); }},
};

// --- weir completion
inline constexpr std::array kCompletionFlags{
    Flag{"SHELL", "SHELL", "", "bash, zsh or fish",
         [](Arguments& to, std::string_view value) {
           if (value != "bash" && value != "zsh" && value != "fish")
             return std::string("must be bash, zsh or fish");
           return set_text(to.topic, value);
         },
         Flag::Count::kRequired},
};

}  // namespace weir::cli
