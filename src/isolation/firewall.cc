#include "isolation/firewall.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <expected>
#include <utility>

#include "base/text.h"
#include "config/codec.h"
#include "isolation/networks.h"

namespace weir::isolation {
namespace {

using podman::Told;
using podman::Trouble;

constexpr Duration kPause = std::chrono::milliseconds(3);  // between two looks whether it has ended
constexpr std::size_t kSaidBytesMax = 512;

// Before the rules of podman, docker and people, which may only forbid more: an accept here ends these chains
// alone.
constexpr std::string_view kRules = R"(table inet weir_node
delete table inet weir_node
table inet weir_node {
  set cloud {
    type ipv4_addr; flags interval;
    elements = { 169.254.0.0/16, 168.63.129.16, 100.100.100.200 }
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    ct state established,related accept
    iifname "weirn-*" jump from_instance
    iifname != "weirn-*" oifname "weirn-*" ct status & dnat != dnat drop comment "only published ports"
  }
  chain from_instance {
    fib daddr . iif oif exists return comment "its own network"
    oifname { "weirn-*", "podman*", "cni-podman*", "docker*" } reject with icmpx admin-prohibited
    ip daddr @cloud meta l4proto { tcp, udp } th dport 53 return comment "where it is the resolver"
    ip daddr @cloud reject with icmpx admin-prohibited
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "weirn-*" jump to_machine
  }
  chain to_machine {
    ct state established,related accept
    ip daddr 127.0.0.0/8 drop comment "podman opens loopback to its bridges"
    meta l4proto { tcp, udp } th dport 53 accept
    reject with icmpx admin-prohibited
  }
}
)";
static_assert(kInterfacePrefix == "weirn-");

std::unexpected<Trouble> failed(std::string_view why) {
  return std::unexpected(Trouble{
      Trouble::Kind::kRefused,
      "instances can't be kept from reaching others (--open-networks lets them): " + std::string(why)});
}

net::Descriptor file_of(std::string_view text) {
  net::Descriptor file(::memfd_create("weir-nft", MFD_CLOEXEC));
  if (!file) return file;
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return {};
  return file;
}

// Its first line, as far as people can read it.
std::string said_in(const net::Descriptor& file) {
  std::array<char, kSaidBytesMax> room{};
  const ssize_t got = ::pread(file.get(), room.data(), room.size(), 0);
  const std::string_view text(room.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return config::shown(trim(text.substr(0, text.find('\n'))), kSaidBytesMax);
}

// The program, with files in place of its standard input and error. The error is an errno.
std::expected<pid_t, int> start(const std::vector<std::string>& words, int in, int err) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string language = "LC_ALL=C";
  std::array<char*, 3> environment{path.data(), language.data(), nullptr};
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  sigset_t none;
  sigset_t usual;
  ::sigemptyset(&none);
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  pid_t id = 0;
  int wrong = ENOENT;
  // Not everybody's search path has sbin.
  const std::string in_sbin = "/usr/sbin/" + words.front();
  for (const std::string& program : {words.front(), in_sbin}) {
    wrong = ::posix_spawnp(&id, program.c_str(), &files, &attributes, arguments.data(), environment.data());
    if (wrong != ENOENT) break;
  }
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (wrong != 0) return std::unexpected(wrong);
  return id;
}

}  // namespace

std::string firewall_rules() { return std::string(kRules); }

net::Task<Told<void>> Firewall::ensure() {
  if (set_at_ && loop_.now() - *set_at_ < kAge) co_return Told<void>{};
  const Instant now = loop_.now();
  auto done = co_await set();
  if (done) set_at_ = now;
  co_return done;
}

net::Task<Told<void>> Firewall::set() {
  const net::Descriptor in = file_of(kRules);
  const net::Descriptor err = file_of("");
  if (!in || !err) co_return failed("there is no memory for a file");
  const auto id = start(command_, in.get(), err.get());
  if (!id && id.error() == ENOENT) {
    co_return failed("there is no program " + command_.front() + "; the package nftables has it");
  }
  if (!id) {
    co_return failed(command_.front() + ": " + why_not(system_error(id.error(), "cannot start it")));
  }
  const auto code = co_await end_of(*id);
  if (!code && (co_await net::current_context()).cancelled()) {
    co_return std::unexpected(Trouble{Trouble::Kind::kCancelled, "told to stop"});
  }
  if (!code) co_return failed(command_.front() + " does not end");
  if (*code == 0) co_return Told<void>{};
  const std::string said = said_in(err);
  co_return failed(command_.front() + ": " + (said.empty() ? "exit code " + std::to_string(*code) : said));
}

// Its exit code; none: it was ended here.
net::Task<std::optional<int>> Firewall::end_of(pid_t id) {
  const Instant until = loop_.deadline(kTimeout);
  int status = 0;
  for (;;) {
    if (::waitpid(id, &status, WNOHANG) == id) {
      co_return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (loop_.now() >= until || !co_await loop_.sleep(kPause)) break;
  }
  ::kill(id, SIGKILL);
  (void)::waitpid(id, &status, 0);
  co_return std::nullopt;
}

}  // namespace weir::isolation
