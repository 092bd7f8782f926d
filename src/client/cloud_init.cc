#include "client/cloud_init.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weir::client {
namespace {

constexpr std::size_t kDigestChars = 64;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool consists_of(std::string_view text, std::string_view others) {
  return !text.empty() && std::ranges::all_of(text, [others](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

// Words without anything that a shell, an EnvironmentFile of systemd or YAML would act upon.
bool is_plain_word(std::string_view text) { return consists_of(text, "-_.,:/@%+=~[]"); }

bool is_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  return (text.starts_with("https://") || text.starts_with("http://")) && text.size() > scheme + 3 &&
         consists_of(text, "-_.,:/@%+=~?&");
}

bool is_digest(std::string_view text) {
  return text.size() == kDigestChars &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Lines of a literal block of YAML: printable ones (YAML 1.2, section 5.1), whose end is \n alone.
bool is_block_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte == '\n' || (byte >= 0x20 && byte < 0x7f)) continue;
    if (byte < 0x80) return false;
    // UTF-8 in its shortest form, without C1 controls, other ends of lines, surrogates and the like: what is
    // written by people in comments passes, the rest needs no place here.
    const std::size_t more = byte >= 0xc3 && byte <= 0xdf ? 1 : byte >= 0xe1 && byte <= 0xec ? 2 : 0;
    if (more == 0 || i + more >= text.size() || text.substr(i).starts_with("\xe2\x80\xa8") ||
        text.substr(i).starts_with("\xe2\x80\xa9")) {
      return false;
    }
    for (std::size_t next = 0; next < more; ++next) {
      if ((static_cast<std::uint8_t>(text[++i]) & 0xc0U) != 0x80) return false;
    }
  }
  return true;
}

// A literal block: its first line is not behind more spaces than the others.
std::string block(std::string_view text, std::size_t indent) {
  std::string out = "|\n";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) out.append(indent, ' ').append(line);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string file_entry(const BootFile& file) {
  return "- path: " + file.path +
         "\n  owner: root:root\n  permissions: \"0600\"\n  content: " + block(file.content, 4);
}

std::expected<void, std::string> check(const PackageSource& package) {
  if (!package.url.empty() && !package.repository.empty()) {
    return refuse("the package comes from a URL or from a repository, not from both");
  }
  if (!package.url.empty() && !is_url(package.url))
    return refuse("the package's URL must be one of http or https");
  if (package.url.empty() != package.sha256.empty()) {
    return refuse("the package's URL and its SHA-256 go together");
  }
  if (!package.sha256.empty() && !is_digest(package.sha256)) {
    return refuse("the SHA-256 must be 64 digits of 0-9 and a-f, as sha256sum prints them");
  }
  if (package.repository.empty() != package.key.empty()) {
    return refuse("the repository and its key go together");
  }
  if (package.repository.empty()) return {};
  const std::string_view line = package.repository;
  const std::size_t url_end = line.find(' ');
  if (url_end == std::string_view::npos || !is_url(line.substr(0, url_end)) ||
      !consists_of(line.substr(url_end + 1), "-_./ ") || line[url_end + 1] == ' ') {
    return refuse("the repository must be like: https://example.com/debian stable main");
  }
  if (!package.key.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n") || !is_block_text(package.key)) {
    return refuse("the repository's key must be an armoured OpenPGP public key (gpg --armor --export)");
  }
  return {};
}

std::expected<void, std::string> check(const FirstBoot& boot) {
  if (!consists_of(boot.role, "")) return refuse("there is no such role");
  for (const std::string& word : boot.flags) {
    if (!is_plain_word(word)) {
      return refuse(
          "a flag has characters that can't stand in a file of the environment; only letters, "
          "digits and -_.,:/@%+=~[] can");
    }
  }
  for (const BootFile& file : boot.files) {
    if (!file.path.starts_with('/') || !consists_of(file.path, "-_./")) return refuse("a path is none");
    if (!is_block_text(file.content) || !file.content.ends_with('\n') || file.content.starts_with('\n') ||
        file.content.starts_with(' ')) {
      return refuse("what is meant for " + file.path +
                    " must be lines of printable text, of which the first is not empty or indented");
    }
  }
  return check(boot.package);
}

// Every cloud-init has Python. What was loaded is installed only when it is what was meant.
constexpr std::string_view kInstall = R"(export DEBIAN_FRONTEND=noninteractive
package=$(mktemp -d /var/tmp/weir.XXXXXX)/weir.deb
load='import socket, sys, urllib.request as request
socket.setdefaulttimeout(30)
request.urlretrieve(*sys.argv[1:])'
tries=1
until python3 -c "$load" 'URL' "$package"; do
  if [ "$tries" = 10 ]; then exit 1; fi
  tries=$((tries + 1))
  sleep 2
done
echo "SHA256  $package" | sha256sum --check --quiet
chmod 755 "${package%/*}"
install() { apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install "$package"MORE; }
install || { apt-get -q update && install; }
rm -r "${package%/*}"
)";

std::string filled(std::string_view text, std::string_view word, std::string_view value) {
  std::string out(text);
  out.replace(out.find(word), word.size(), value);
  return out;
}

std::string enable(const std::string& role) {
  return "systemctl enable --now --no-block weir-" + role + ".service\n";
}

// What weir's package recommends and a machine of this role can't do without.
std::vector<std::string_view> needed_by(std::string_view role) {
  if (role != "node") return {};
  return {"podman", "netavark", "nftables"};
}

std::string listed(std::string_view before, const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out.append(before).append(name);
  return out;
}

std::string apt_entries(const PackageSource& package, const std::string& role) {
  const std::string source = "deb [signed-by=$KEY_FILE] " + package.repository;
  return "apt:\n  sources:\n    weir.list:\n      source: \"" + source +
         "\"\n      key: " + block(package.key, 8) + "packages: [weir" + listed(", ", needed_by(role)) +
         "]\n";
}

std::string environment(const FirstBoot& boot) {
  std::string words;
  for (const std::string& word : boot.flags) words.append(words.empty() ? "" : " ").append(word);
  return "WEIR_DETECT=yes\nWEIR_FLAGS=\"" + words + "\"\n";
}

}  // namespace

std::expected<std::string, std::string> cloud_init(const FirstBoot& boot) {
  if (auto fine = check(boot); !fine) return refuse(fine.error());
  std::string text = "#cloud-config\n# weir " + boot.role +
                     ", for any cloud: provider, region and address are found at each start.\n";
  if (!boot.files.empty()) {
    text +=
        "# CAUTION: whatever runs on the machine can ask its cloud for this text, and so for the token in "
        "it.\n"
        "# Let the token be good for few machines and a short time.\n";
  }
  text += "write_files:\n" + file_entry({"/etc/weir/" + boot.role + ".env", environment(boot)});
  for (const BootFile& file : boot.files) text += file_entry(file);
  std::string script;
  if (!boot.package.url.empty()) {
    script = filled(kInstall, "MORE", listed(" ", needed_by(boot.role)));
    script = filled(filled(script, "URL", boot.package.url), "SHA256", boot.package.sha256);
  } else if (!boot.package.repository.empty()) {
    text += apt_entries(boot.package, boot.role);
  }
  script += enable(boot.role);
  text += "runcmd:\n- - sh\n  - -euc\n  - " + block(script, 4);
  if (text.size() > kUserDataBytesMax) {
    return refuse("the user-data would be " + std::to_string(text.size()) +
                  " bytes long; clouds take 16384 at most");
  }
  return text;
}

}  // namespace weir::client
