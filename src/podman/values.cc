#include "podman/values.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "auth/crypto.h"
#include "base/text.h"
#include "base/uri_path.h"
#include "config/codec.h"
#include "config/documents.h"

namespace weir::podman {
namespace {

using Tree = nlohmann::ordered_json;

constexpr std::uint64_t kCpuPeriodMicroseconds = 100'000;
constexpr std::size_t kSentenceBytesMax = 300;
constexpr std::size_t kQuotedBytesMax = 128;

constexpr Error kUnreadable{
    .code = Code::kMalformed, .side = Side::kUpstream, .text = "podman's answer can't be read"};

std::string text_of(const Tree& tree) { return tree.dump(-1, ' ', false, Tree::error_handler_t::replace); }

Result<Tree> parse(std::string_view json, bool (Tree::*is)() const noexcept) {
  auto tree = config::read_json(json, kAnswerBytesMax);
  if (!tree || !((*tree).*is)()) return fail(kUnreadable);
  return std::move(*tree);
}

const Tree* at(const Tree* tree, const char* field) {
  if (tree == nullptr || !tree->is_object()) return nullptr;
  const auto found = tree->find(field);
  return found == tree->end() ? nullptr : &*found;
}

std::string text_at(const Tree* tree, const char* field) {
  const Tree* found = at(tree, field);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Tree* tree, const char* field) {
  const Tree* found = at(tree, field);
  return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

int code_at(const Tree* tree, const char* field) {
  const Tree* found = at(tree, field);
  if (found == nullptr || !found->is_number_integer()) return 0;
  return static_cast<int>(std::clamp<std::int64_t>(found->get<std::int64_t>(), INT32_MIN, INT32_MAX));
}

bool flag_at(const Tree* tree, const char* field) {
  const Tree* found = at(tree, field);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

Labels labels_of(const Tree* tree) {
  Labels labels;
  if (tree == nullptr || !tree->is_object()) return labels;
  for (const auto& [key, value] : tree->items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

// Of a container with a network of its own: the address on whichever of its networks has one.
std::string address_of(const Tree* network) {
  std::string own = text_at(network, "IPAddress");
  if (!own.empty()) return own;
  const Tree* networks = at(network, "Networks");
  if (networks == nullptr || !networks->is_object()) return {};
  for (const auto& [name, one] : networks->items()) {
    own = text_at(&one, "IPAddress");
    if (!own.empty()) return own;
  }
  return {};
}

Tree limits_of(const ContainerSpec& spec) {
  Tree limits = Tree::object();
  if (spec.cpu_milli > 0) {
    limits["cpu"] = {{"quota", spec.cpu_milli * kCpuPeriodMicroseconds / 1000},
                     {"period", kCpuPeriodMicroseconds}};
  }
  // Swap counts as well: what is over its memory is ended, not slow.
  if (spec.memory_bytes > 0) {
    limits["memory"] = {{"limit", spec.memory_bytes}, {"swap", spec.memory_bytes}};
  }
  if (spec.pids_max > 0) limits["pids"] = {{"limit", spec.pids_max}};
  return limits;
}

void add_network(const ContainerSpec& spec, Tree& tree) {
  if (!spec.network_of.empty()) {
    tree["netns"] = {{"nsmode", "container"}, {"value", spec.network_of}};
    return;
  }
  tree["netns"] = {{"nsmode", "bridge"}};
  if (!spec.network.empty()) tree["networks"] = {{spec.network, Tree::object()}};
  if (!spec.host_name.empty()) tree["hostname"] = spec.host_name;
  for (const PublishedPort& port : spec.ports) {
    tree["portmappings"].push_back({{"container_port", port.container_port},
                                    {"host_port", port.host_port},
                                    {"host_ip", port.host_address},
                                    {"protocol", port.udp ? "udp" : "tcp"}});
  }
}

// The text between two marks; empty: it has them not.
std::string between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + before.size());
  const std::size_t end = text.find(after);
  return end == std::string_view::npos ? std::string() : std::string(text.substr(0, end));
}

// "listen tcp4 127.0.0.1:80: bind: address already in use" -> "80"
std::string port_in(std::string_view message) {
  const std::size_t end = message.find(": bind");
  if (end == std::string_view::npos) return {};
  const std::size_t colon = message.rfind(':', end - 1);
  if (end == 0 || colon == std::string_view::npos) return {};
  const std::string port(message.substr(colon + 1, end - colon - 1));
  return parse_decimal(port) ? port : std::string();
}

std::string the(std::string_view noun, std::string_view name, std::string_view rest) {
  std::string sentence = "the " + std::string(noun);
  if (!name.empty()) sentence += ' ' + config::shown(name, kQuotedBytesMax);
  return sentence + ' ' + std::string(rest);
}

}  // namespace

std::string to_json(const ContainerSpec& spec) {
  Tree tree = Tree::object();
  tree["name"] = spec.name;
  tree["image"] = spec.image;
  if (!spec.entrypoint.empty()) tree["entrypoint"] = spec.entrypoint;
  if (!spec.command.empty()) tree["command"] = spec.command;
  for (const auto& [name, value] : spec.env) tree["env"][name] = value;
  if (!spec.user.empty()) tree["user"] = spec.user;
  tree["labels"] = spec.labels;
  add_network(spec, tree);
  for (const Mount& mount : spec.mounts) {
    // U: the volume belongs to whom the container runs as.
    tree["volumes"].push_back({{"Name", mount.volume},
                               {"Dest", mount.path},
                               {"Options", {mount.read_only ? "ro" : "rw", "U", "nosuid", "nodev"}}});
  }
  tree["cap_drop"] = {"ALL"};
  if (!spec.capabilities.empty()) tree["cap_add"] = spec.capabilities;
  tree["no_new_privileges"] = true;
  tree["read_only_filesystem"] = spec.read_only_root;
  tree["resource_limits"] = limits_of(spec);
  tree["stop_timeout"] = spec.stop_seconds;
  tree["restart_policy"] = "no";
  // conmon writes the file and keeps it within its size, also while nobody of weir's runs.
  tree["log_configuration"] = {{"driver", "k8s-file"}, {"size", spec.log_bytes_max}};
  return text_of(tree);
}

std::string exec_json(const ExecSpec& spec) {
  Tree tree{{"Cmd", spec.command}, {"AttachStdout", true}, {"AttachStderr", true}};
  if (spec.input) tree["AttachStdin"] = true;
  if (!spec.terminal) return text_of(tree);
  tree["Tty"] = true;
  tree["Env"] = {"TERM=xterm"};
  // Those that podman presets hold back a Ctrl-P that is typed. Nobody types these.
  tree["DetachKeys"] = "ctrl-@,ctrl-_,ctrl-@,ctrl-_";
  return text_of(tree);
}

std::string exec_start_json(const ExecSpec& spec) {
  Tree tree{{"Detach", false}, {"Tty", spec.terminal}};
  if (spec.terminal && spec.rows > 0 && spec.columns > 0) {
    tree["h"] = spec.rows;
    tree["w"] = spec.columns;
  }
  return text_of(tree);
}

std::string volume_json(const std::string& name, const Labels& labels) {
  return text_of(Tree{{"Name", name}, {"Label", labels}});
}

std::string network_json(const NetworkSpec& spec) {
  // Without names: those of containers would be known on this machine and not on the next.
  return text_of(Tree{{"name", spec.name},
                      {"driver", "bridge"},
                      {"network_interface", spec.interface},
                      {"dns_enabled", false},
                      {"labels", spec.labels}});
}

std::string label_filter(const Labels& labels) {
  Tree list = Tree::array();
  for (const auto& [key, value] : labels) {
    list.push_back(value.empty() ? key : key + '=' + value);
  }
  return "filters=" + encoded(text_of(Tree{{"label", list}}));
}

std::string reference_filter(const std::string& repository) {
  return "filters=" + encoded(text_of(Tree{{"reference", Tree::array({repository})}}));
}

std::string auth_field(const Credentials& credentials) {
  const std::string json =
      text_of(Tree{{"username", credentials.username}, {"password", credentials.password}});
  std::string text = auth::to_base64(auth::bytes_of(json));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

Result<std::vector<Container>> read_containers(std::string_view json) {
  const auto tree = parse(json, &Tree::is_array);
  if (!tree) return fail(tree.error());
  std::vector<Container> containers;
  for (const Tree& one : *tree) {
    Container container{.id = text_at(&one, "Id"),
                        .name = {},
                        .state = text_at(&one, "State"),
                        .exit_code = code_at(&one, "ExitCode"),
                        .labels = labels_of(at(&one, "Labels"))};
    const Tree* names = at(&one, "Names");
    if (names != nullptr && names->is_array() && !names->empty() && names->front().is_string()) {
      container.name = names->front().get<std::string>();
    }
    if (container.id.empty() || container.name.empty()) return fail(kUnreadable);
    containers.push_back(std::move(container));
  }
  return containers;
}

Result<Inspected> read_inspected(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  if (!tree) return fail(tree.error());
  const Tree* state = at(&*tree, "State");
  Inspected inspected{.id = text_at(&*tree, "Id"),
                      .address = address_of(at(&*tree, "NetworkSettings")),
                      .error = text_at(state, "Error"),
                      .exit_code = code_at(state, "ExitCode"),
                      .running = flag_at(state, "Running"),
                      .out_of_memory = flag_at(state, "OOMKilled")};
  if (inspected.id.empty()) return fail(kUnreadable);
  return inspected;
}

Result<std::vector<Usage>> read_usage(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  if (!tree) return fail(tree.error());
  std::vector<Usage> all;
  const Tree* stats = at(&*tree, "Stats");
  if (stats == nullptr || !stats->is_array()) return all;  // null: none runs
  for (const Tree& one : *stats) {
    all.push_back({.container = text_at(&one, "Name"),
                   .cpu_nanoseconds = number_at(&one, "CPUNano"),
                   .memory_bytes = number_at(&one, "MemUsage"),
                   .memory_limit_bytes = number_at(&one, "MemLimit"),
                   .processes = number_at(&one, "PIDs")});
  }
  return all;
}

Result<std::vector<std::string>> read_volumes(std::string_view json) {
  const auto tree = parse(json, &Tree::is_array);
  if (!tree) return fail(tree.error());
  std::vector<std::string> names;
  for (const Tree& one : *tree) {
    std::string name = text_at(&one, "Name");
    if (name.empty()) return fail(kUnreadable);
    names.push_back(std::move(name));
  }
  return names;
}

Result<std::vector<Image>> read_images(std::string_view json) {
  const auto tree = parse(json, &Tree::is_array);
  if (!tree) return fail(tree.error());
  std::vector<Image> images;
  for (const Tree& one : *tree) {
    Image& image = images.emplace_back(Image{.id = text_at(&one, "Id"), .names = {}});
    if (image.id.empty()) return fail(kUnreadable);
    const Tree* names = at(&one, "RepoTags");
    if (names == nullptr || !names->is_array()) continue;
    for (const Tree& name : *names) {
      if (name.is_string()) image.names.push_back(name.get<std::string>());
    }
  }
  return images;
}

Result<std::vector<Network>> read_networks(std::string_view json) {
  const auto tree = parse(json, &Tree::is_array);
  if (!tree) return fail(tree.error());
  std::vector<Network> networks;
  for (const Tree& one : *tree) {
    networks.push_back({.name = text_at(&one, "name"), .labels = labels_of(at(&one, "labels"))});
    if (networks.back().name.empty()) return fail(kUnreadable);
  }
  return networks;
}

Result<std::string> read_id(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  std::string id = tree ? text_at(&*tree, "Id") : std::string();
  if (id.empty()) return fail(kUnreadable);
  return id;
}

Result<std::vector<std::string>> read_names(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  if (!tree) return fail(tree.error());
  std::vector<std::string> names;
  const Tree* list = at(&*tree, "Names");
  if (list == nullptr || !list->is_array()) return fail(kUnreadable);
  for (const Tree& one : *list) {
    if (one.is_string()) names.push_back(one.get<std::string>());
  }
  return names;
}

Result<ExecSeen> read_exec(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  if (!tree || at(&*tree, "ExitCode") == nullptr) return fail(kUnreadable);
  return ExecSeen{.running = flag_at(&*tree, "Running"),
                  .exit_code = code_at(&*tree, "ExitCode"),
                  .process = number_at(&*tree, "Pid")};
}

Result<std::string> read_version(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  std::string version = tree ? text_at(&*tree, "Version") : std::string();
  if (version.empty()) return fail(kUnreadable);
  return version;
}

std::string read_pull_error(std::string_view line) {
  const auto tree = parse(line, &Tree::is_object);
  return tree ? text_at(&*tree, "error") : std::string();
}

Refused read_refusal(std::string_view json) {
  const auto tree = parse(json, &Tree::is_object);
  if (!tree) return {.cause = {}, .message = config::shown(trim(json), kSentenceBytesMax)};
  return {.cause = text_at(&*tree, "cause"), .message = text_at(&*tree, "message")};
}

std::string sentence_of(const Refused& refused, std::string_view image, std::string_view command) {
  const std::string_view message = refused.message;
  const auto says = [&](std::string_view words) {
    return refused.cause.contains(words) || message.contains(words);
  };
  const std::string quoted = between(message, "exec: \"", "\"");
  const std::string_view program = quoted.empty() ? command : std::string_view(quoted);
  if (says("payload does not match any of the supported image formats")) return "the archive has no image";
  if (says("image not known")) return the("image", image, "is not there");
  if (says("address already in use") || says("port is already allocated")) {
    return the("port", port_in(message), "is taken");
  }
  if (says("command that was not found") || says("executable file not found") ||
      says("no such file or directory: OCI runtime attempted")) {
    return the("command", program, "is not in the image");
  }
  if (says("permission denied") && says("OCI")) return the("command", program, "may not be executed");
  if (says("no matching entries in passwd file")) {
    return the("user", between(message, "unable to find user ", ":"), "is not in the image");
  }
  if (says("that name is already in use")) {
    return the("name", between(message, "container name \"", "\""),
               "is taken by a container that is not of this node");
  }
  if (says("no such container")) return "the container is not there";
  const std::string_view text = message.empty() ? std::string_view(refused.cause) : message;
  if (text.empty()) return "podman refuses, and does not say why";
  return "podman: " + config::shown(text, kSentenceBytesMax);
}

}  // namespace weir::podman
