// The commands that work without the API: weir ca; weir metadata, for scripts of the boot; weir store copy,
// which takes a whole store from one place to another while no weir uses either; and weir upgrade, which asks
// a weir of this machine to give way.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "client/objects.h"
#include "cloud/metadata.h"
#include "cloud/smartos.h"
#include "controller/issuer.h"
#include "enroll/authority_file.h"
#include "handover/channel.h"
#include "handover/door.h"
#include "net/core.h"
#include "net/task_group.h"
#include "program/commands.h"
#include "program/log.h"
#include "role/machine.h"
#include "ssh/key.h"
#include "store/copy.h"
#include "tls/authority.h"
#include "tls/certificate.h"

namespace weir::program {
namespace {

using client::Tree;

std::uint64_t milliseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string process_of(const handover::Letter& answer) {
  return "process " + std::string(answer.get("process"));
}

// --- metadata

struct Line {
  std::string_view title;     // for people
  std::string_view variable;  // for scripts
  std::string_view field;     // of JSON
  std::string cloud::Machine::* value;
};
const std::array kLines{
    Line{"provider", "WEIR_PROVIDER", "provider", &cloud::Machine::provider},
    Line{"region", "WEIR_REGION", "region", &cloud::Machine::region},
    Line{"zone", "WEIR_ZONE", "zone", &cloud::Machine::zone},
    Line{"city", "WEIR_CITY", "city", &cloud::Machine::city},
    Line{"instance", "WEIR_INSTANCE", "instance", &cloud::Machine::instance},
    Line{"private address", "WEIR_PRIVATE_ADDRESS", "private_address", &cloud::Machine::private_address},
    Line{"public address", "WEIR_PUBLIC_ADDRESS", "public_address", &cloud::Machine::public_address},
};

// In single quotes, as a shell takes any text.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + '\'';
}

std::string shown(const cloud::Machine& machine, std::string_view format) {
  std::string text;
  Tree tree = Tree::object();
  for (const Line& line : kLines) {
    const std::string& value = machine.*line.value;
    tree[std::string(line.field)] = value;
    if (format == "env") {
      text.append(line.variable).append("=").append(in_quotes(value)).append("\n");
    } else {
      text.append(line.title).append(16 - line.title.size(), ' ').append(value.empty() ? "-" : value) += '\n';
    }
  }
  return format == "json" ? tree.dump(2, ' ', false, Tree::error_handler_t::replace) + '\n' : text;
}

using Found = std::expected<cloud::Machine, std::string>;

net::Task<void> find(net::Env& env, cloud::Url url, Duration wait, std::optional<Found>& found) {
  found.emplace(co_await cloud::find_machine(env, std::move(url), wait));
  env.loop.stop();
}

Found ask_clouds(net::Env& env, cloud::Url url, Duration wait) {
  std::optional<Found> found;
  net::TaskGroup tasks(env.loop);
  tasks.spawn(find(env, std::move(url), wait, found));
  if (tasks.size() > 0) env.loop.run();
  return found ? std::move(*found) : std::unexpected("told to stop");
}

// Of the key that every edge shows: it comes from the authority's (controller/issuer.h).
std::expected<std::string, std::string> known_hosts_line(const std::string& data_dir) {
  const auto root = enroll::read_authority(data_dir);
  if (!root) return std::unexpected(root.error());
  const auto authority = tls::Authority::load(*root);
  const auto seed = authority ? authority->derive_secret(controller::kSshHostKeyPurpose)
                              : Result<std::array<std::byte, 32>>(fail(authority.error()));
  const auto line =
      seed ? ssh::public_line_of(ssh::host_key_of(*seed)) : Result<std::string>(fail(seed.error()));
  if (!line) return std::unexpected(data_dir + ": " + line.error().text);
  return "* " + *line + '\n';
}

}  // namespace

int ca_command(const Arguments& arguments, Terminal& terminal) {
  if (arguments.ssh_host_key) {
    const auto line = known_hosts_line(arguments.up.options.data_dir);
    if (!line) {
      terminal.say("weir ca: " + line.error());
      return kFailed;
    }
    terminal.print(*line);
    return kDone;
  }
  const std::string path =
      enroll::authority_path(arguments.up.options.data_dir, enroll::kAuthorityCertificate);
  const auto pem = role::read_file(path, tls::kPemBytesMax);
  if (!pem) {
    terminal.say("weir ca: " + path + ": " + why_not(pem.error()) +
                 "; `weir up` makes it at its first start");
    return kFailed;
  }
  terminal.print(*pem);
  return kDone;
}

int store_command(const Arguments& arguments, Terminal& terminal) {
  const cli::StoreFlags& flags = arguments.store_flags;
  const bool person = ::isatty(STDERR_FILENO) == 1;
  const auto progress = [&](std::size_t entries) {
    if (person) terminal.say(std::to_string(entries) + " objects and events read");
  };
  const auto copied = store::copy_store(flags.from, flags.to, progress);
  if (!copied) {
    terminal.say("weir store copy: " + copied.error().sentence);
    return kFailed;
  }
  terminal.say("copied " + std::to_string(copied->entries) + " objects and events and " +
               std::to_string(copied->changes) + " changes of the history, at revision " +
               std::to_string(copied->revision) + ", from " + copied->from + " to " + copied->to);
  return kDone;
}

int upgrade_command(const Arguments& arguments, Terminal& terminal) {
  // Beyond the time to be ready: for what comes before and after.
  constexpr Duration kMargin = std::chrono::seconds(30);
  constexpr Duration kAskTimeout = std::chrono::seconds(5);
  const cli::UpgradeFlags& flags = arguments.upgrade;
  const std::string& directory = arguments.up.options.data_dir;
  const auto refuse = [&terminal](const std::string& why) {
    terminal.say("weir upgrade: " + why);
    return kFailed;
  };
  std::error_code failed;
  const std::filesystem::path binary = flags.binary.empty()
                                           ? std::filesystem::read_symlink("/proc/self/exe", failed)
                                           : std::filesystem::absolute(flags.binary, failed);
  if (failed) return refuse("cannot tell where the binary is: " + failed.message());
  const auto socket = handover::knock(directory);
  if (!socket) {
    return refuse("no weir that can be replaced runs on " + directory + " (" + sentence_of(socket.error()) +
                  "): start one, or stop and start one that is too old for it");
  }
  handover::Letter asked = handover::make_letter("replace");
  asked.set("binary", binary.string());
  asked.set("timeout", milliseconds(flags.timeout));
  if (flags.drain_limit) asked.set("limit", milliseconds(*flags.drain_limit));
  if (const auto sent = handover::send_now(*socket, asked, kAskTimeout); !sent) {
    return refuse(sentence_of(sent.error()));
  }
  const auto answer = handover::receive_now(*socket, flags.timeout + kMargin);
  if (!answer) return refuse("the weir that was to be replaced: " + sentence_of(answer.error()));
  if (answer->word != "done") {
    return refuse(std::string(answer->get("why")) + "; " + process_of(*answer) + " goes on as before");
  }
  terminal.print("replaced by " + process_of(*answer) + ", weir " + std::string(answer->get("version")) +
                 "\n");
  if (const auto remark = answer->get("remark"); !remark.empty()) terminal.say(std::string(remark));
  return kDone;
}

int metadata_command(const Arguments& arguments, Terminal& terminal) {
  const cli::MetadataFlags& flags = arguments.metadata;
  const bool is_path = flags.url.starts_with('/');
  auto url = cloud::Url::parse(flags.url.empty() || is_path ? cloud::kMetadataUrl : flags.url);
  if (!url || url->over_tls) {
    terminal.say("weir metadata: --metadata-url must be a URL that begins with http://, or a path");
    return kBadUsage;
  }
  const std::unique_ptr<Log> log = make_log(Level::kWarning, false);
  const auto core = net::Core::create(*log);
  if (!core) {
    terminal.say("weir metadata: can't start: " + sentence_of(core.error()));
    return kFailed;
  }
  net::Env& env = (*core)->env();
  const std::string port = flags.url.empty() ? cloud::smartos_port() : is_path ? flags.url : "";
  const Found found =
      port.empty() ? ask_clouds(env, std::move(*url), flags.wait) : cloud::ask_smartos(port, env.random);
  if (!found) {
    terminal.say("weir metadata: " + found.error());
    return kFailed;
  }
  terminal.print(shown(*found, flags.format));
  return kDone;
}

}  // namespace weir::program
