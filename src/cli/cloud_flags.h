// Cloud flags: the tables of what the commands take that are about other people's clouds. As in flags.h.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace weir::cli {

// --- weir metadata
inline constexpr std::array kMetadataFlags{
    Flag{"-o,--output", "FORMAT", "table",
         "table (for people), env (lines for a shell: WEIR_PROVIDER='aws'), or json",
         [](Arguments& to, std::string_view value) {
           if (value != "table" && value != "env" && value != "json")
             return std::string("must be table, env or json");
           return set_text(to.metadata.format, value);
         }},
    Flag{"--metadata-url", "URL", "http://169.254.169.254", "where the cloud tells machines of themselves",
         [](Arguments& to, std::string_view value) { return set_text(to.metadata.url, value); }},
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
