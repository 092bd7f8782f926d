// User-data of cloud-init for a machine that becomes a part of weir at its first boot: the package, the
// configuration of a role, its secret, its unit. The same for every cloud: where the machine is, it finds out
// by itself (`weir metadata`). Pure. Whatever is put in is checked against narrow alphabets and quoted
// besides, so that nothing of it becomes another line of YAML or another word of a shell.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace weir::client {

// What clouds take of user-data: AWS has the lowest limit, 16 KB, before its base64.
inline constexpr std::size_t kUserDataBytesMax = 16UL * 1024;

// Where the units find the secret of a machine (packaging/systemd).
inline constexpr std::string_view kJoinTokenPath = "/etc/weir/join-token";
inline constexpr std::string_view kTunnelTokenPath = "/etc/weir/tunnel-token";
inline constexpr std::string_view kAgentFilePath = "/etc/weir/agent.yaml";
// Where the agent's unit has it for the agent.
inline constexpr std::string_view kTunnelCredentialPath = "/run/credentials/weir-agent.service/tunnel-token";

// How the package comes to the machine: one of the two, or neither, when its image has it.
struct PackageSource {
  std::string url;         // of the .deb
  std::string sha256;      // of the same
  std::string repository;  // of apt: "https://example.com/debian stable main"
  std::string key;         // of that: an armoured OpenPGP public key
};

struct BootFile {
  std::string path;
  std::string content;
};

struct FirstBoot {
  std::string role;                // the unit is weir-ROLE
  std::vector<std::string> flags;  // words of the role's command line
  std::vector<BootFile> files;     // of root alone
  PackageSource package;
};

// The error is a sentence; it never has what is in a file.
std::expected<std::string, std::string> cloud_init(const FirstBoot& boot);

}  // namespace weir::client
