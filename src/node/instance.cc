#include "node/instance.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "auth/crypto.h"
#include "base/text.h"
#include "config/codec.h"
#include "config/documents.h"
#include "config/formats.h"
#include "config/schema_common.h"

namespace weir::node {
namespace {

constexpr std::uint64_t kMemoryMin = std::uint64_t{6} << 20U;  // podman refuses less
constexpr std::int64_t kHour = std::chrono::nanoseconds(std::chrono::hours(1)).count();
constexpr std::int64_t kPauseMin = std::chrono::nanoseconds(std::chrono::milliseconds(100)).count();

std::string check_cpu(std::string_view text) {
  const auto milli = parse_cpu(text);
  return milli && *milli >= 10 ? "" : "must be an amount of cores such as 500m or 1.5, and 10m at least";
}

std::string check_memory(std::string_view text) {
  const auto bytes = parse_memory(text);
  return bytes && *bytes >= kMemoryMin ? "" : "must be an amount such as 64Mi or 1Gi, and 6Mi at least";
}

std::string check_absolute(std::string_view text) {
  const bool good = text.starts_with('/') && text.size() > 1 && !text.contains('\0') && !text.contains(':');
  return good ? "" : "must be an absolute path";
}

std::string check_variable(std::string_view text) {
  const bool good = !text.empty() && std::ranges::none_of(text, [](char c) {
    return c == '=' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  return good ? "" : "must be a name without = and without spaces";
}

std::string check_image(std::string_view text) {
  const bool good = !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](char c) {
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/:@").contains(c);
  });
  return good ? "" : "must be the name of an image such as registry.example/team/web:1.2";
}

std::string check_capability(std::string_view text) {
  const bool good = text.starts_with("CAP_") && std::ranges::all_of(text, [](char c) {
                      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                    });
  return good ? "" : "must be a capability such as CAP_NET_BIND_SERVICE";
}

std::string check_ip_text(std::string_view text) {
  return config::check_address(std::string(text) + ":1").empty() ? "" : "must be an IP address";
}

}  // namespace
}  // namespace weir::node

namespace weir::config {

template <>
struct Words<node::Protocol> {
  static constexpr std::array<std::string_view, 2> words{"TCP", "UDP"};
};

template <>
struct Schema<node::Port> {
  using Port = node::Port;
  static constexpr std::string_view name = "Port";
  static constexpr std::array fields{
      field<&Port::port>(
          {.name = "port", .doc = "that it listens on", .required = true, .min = 1, .max = 65535}),
      field<&Port::host_port>(
          {.name = "host_port", .doc = "of the machine, which leads there; absent: none", .max = 65535}),
      field<&Port::host_address>({.name = "host_address",
                                  .doc = "of the machine, alone; absent: all of its addresses",
                                  .max = 64,
                                  .check = node::check_ip_text}),
      field<&Port::protocol>({.name = "protocol", .doc = "TCP or UDP"}),
  };
};

template <>
struct Schema<node::HttpProbe> {
  using Probe = node::HttpProbe;
  static constexpr std::string_view name = "HttpProbe";
  static constexpr std::array fields{
      field<&Probe::port>({.name = "port", .doc = "that is asked", .required = true, .min = 1, .max = 65535}),
      field<&Probe::path>(
          {.name = "path", .doc = "passes with 200 to 399", .min = 1, .max = 1024, .check = check_path}),
      field<&Probe::host>({.name = "host", .doc = "of the Host field", .check = check_host_field}),
  };
};

template <>
struct Schema<node::TcpProbe> {
  static constexpr std::string_view name = "TcpProbe";
  static constexpr std::array fields{field<&node::TcpProbe::port>(
      {.name = "port", .doc = "that takes a connection", .required = true, .min = 1, .max = 65535})};
};

template <>
struct Schema<node::ExecProbe> {
  static constexpr std::string_view name = "ExecProbe";
  static constexpr std::array fields{
      field<&node::ExecProbe::command>({.name = "command",
                                        .doc = "run in the container; passes with exit code 0",
                                        .required = true,
                                        .max = 4096,
                                        .items_min = 1})};
};

template <>
struct Schema<node::Probe> {
  using Probe = node::Probe;
  static constexpr std::string_view name = "Probe";
  static constexpr std::array fields{
      field<&Probe::http>({.name = "http", .doc = "by a GET"}),
      field<&Probe::tcp>({.name = "tcp", .doc = "by connecting"}),
      field<&Probe::exec>({.name = "exec", .doc = "by a command in the container"}),
      field<&Probe::initial_delay>({.name = "initial_delay", .doc = "before the first", .max = node::kHour}),
      field<&Probe::period>(
          {.name = "period", .doc = "between two", .min = node::kPauseMin, .max = node::kHour}),
      field<&Probe::timeout>({.name = "timeout",
                              .doc = "without an answer it has failed",
                              .min = node::kPauseMin,
                              .max = node::kHour}),
      field<&Probe::success_threshold>(
          {.name = "success_threshold", .doc = "passes in a row that count", .min = 1, .max = 100}),
      field<&Probe::failure_threshold>(
          {.name = "failure_threshold", .doc = "failures in a row that count", .min = 1, .max = 1000}),
  };
  static void validate(const Probe& probe, Report& report) {
    const int ways = int{probe.http.has_value()} + int{probe.tcp.has_value()} + int{probe.exec.has_value()};
    if (ways != 1) report.add("must have one of http, tcp and exec");
  }
};

template <>
struct Schema<node::EnvVariable> {
  using Variable = node::EnvVariable;
  static constexpr std::string_view name = "EnvVariable";
  static constexpr std::array fields{
      field<&Variable::name>({.name = "name",
                              .doc = "of the variable",
                              .required = true,
                              .min = 1,
                              .max = 256,
                              .check = node::check_variable}),
      field<&Variable::value>(
          {.name = "value", .doc = "of the variable", .secret = true, .max = 32768, .lines = true}),
  };
};

template <>
struct Schema<node::VolumeMount> {
  using VolumeMount = node::VolumeMount;
  static constexpr std::string_view name = "VolumeMount";
  static constexpr std::array fields{
      field<&VolumeMount::volume>({.name = "volume",
                                   .doc = "one of the instance's",
                                   .required = true,
                                   .max = 63,
                                   .check = check_name}),
      field<&VolumeMount::path>({.name = "path",
                                 .doc = "where the container has it",
                                 .required = true,
                                 .max = 4096,
                                 .check = node::check_absolute}),
      field<&VolumeMount::read_only>({.name = "read_only", .doc = "it can't be written there"}),
  };
};

template <>
struct Schema<node::Resources> {
  using Resources = node::Resources;
  static constexpr std::string_view name = "Resources";
  static constexpr std::array fields{
      field<&Resources::cpu>({.name = "cpu",
                              .doc = "cores at most, such as 500m or 1.5; absent: no limit",
                              .check = node::check_cpu}),
      field<&Resources::memory>({.name = "memory",
                                 .doc = "at most, such as 64Mi; who needs more is ended; absent: no limit",
                                 .check = node::check_memory}),
      field<&Resources::pids>(
          {.name = "pids", .doc = "processes and threads at most", .min = 1, .max = 32768}),
  };
};

template <>
struct Schema<node::Security> {
  using Security = node::Security;
  static constexpr std::string_view name = "Security";
  static constexpr std::array fields{
      field<&Security::user>(
          {.name = "user", .doc = "it runs as: name or number, and :group; absent: the image's", .max = 64}),
      field<&Security::read_only_root>({.name = "read_only_root", .doc = "only volumes can be written"}),
      field<&Security::capabilities>({.name = "capabilities",
                                      .doc = "that it keeps; all others are dropped",
                                      .max = 64,
                                      .check = node::check_capability}),
  };
};

template <>
struct Schema<node::Container> {
  using Container = node::Container;
  static constexpr std::string_view name = "Container";
  static constexpr std::array fields{
      field<&Container::name>(
          {.name = "name", .doc = "within the instance", .required = true, .max = 63, .check = check_name}),
      field<&Container::image>({.name = "image",
                                .doc = "with its registry; pulled when it is not there",
                                .required = true,
                                .max = 512,
                                .check = node::check_image}),
      field<&Container::archive>({.name = "archive",
                                  .doc = "a file (OCI or docker archive) that the image is loaded from "
                                         "when it is not there",
                                  .max = 4096,
                                  .check = node::check_absolute}),
      field<&Container::command>(
          {.name = "command", .doc = "in place of the image's entry point", .max = 32768}),
      field<&Container::args>({.name = "args", .doc = "in place of the image's command", .max = 32768}),
      field<&Container::env>({.name = "env", .doc = "variables"}),
      field<&Container::ports>({.name = "ports", .doc = "that it listens on"}),
      field<&Container::resources>({.name = "resources", .doc = "what it may use"}),
      field<&Container::volume_mounts>({.name = "volume_mounts", .doc = "volumes of the instance"}),
      field<&Container::security>({.name = "security", .doc = "what it may do"}),
      field<&Container::startup_probe>(
          {.name = "startup_probe", .doc = "until it passes, the others wait; failing, all starts anew"}),
      field<&Container::readiness_probe>(
          {.name = "readiness_probe", .doc = "while it fails, the instance is not ready"}),
      field<&Container::liveness_probe>(
          {.name = "liveness_probe", .doc = "when it fails, the instance is started anew"}),
  };
};

template <>
struct Schema<node::Instance> {
  using Instance = node::Instance;
  static constexpr std::string_view name = "Instance";
  static constexpr std::array fields{
      field<&Instance::name>(
          {.name = "name", .doc = "also its host name", .required = true, .max = 63, .check = check_name}),
      field<&Instance::init_containers>({.name = "init_containers",
                                         .doc = "run to their end before, one after the other",
                                         .items_max = node::kContainersMax}),
      field<&Instance::containers>({.name = "containers",
                                    .doc = "share a network and are started and stopped together",
                                    .required = true,
                                    .items_min = 1,
                                    .items_max = node::kContainersMax}),
      field<&Instance::volumes>({.name = "volumes",
                                 .doc = "names; each lives as long as the instance is in the file",
                                 .max = 63,
                                 .items_max = 16,
                                 .check = check_name}),
      field<&Instance::drain>(
          {.name = "drain", .doc = "from not being ready to SIGTERM", .max = node::kHour}),
      field<&Instance::stop_grace>({.name = "stop_grace",
                                    .doc = "from SIGTERM to SIGKILL",
                                    .min = nanoseconds(std::chrono::seconds(1)),
                                    .max = node::kHour}),
  };
  static void validate(const Instance& instance, Report& report) {
    std::set<std::string_view> names;
    check_list(instance, instance.init_containers, "init_containers", names, report);
    check_list(instance, instance.containers, "containers", names, report);
  }

 private:
  static void check_list(const Instance& instance, const std::vector<node::Container>& list,
                         std::string_view list_name, std::set<std::string_view>& names, Report& report) {
    const Report::Step step(report, list_name);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Report::Step item(report, i);
      refuse_field(!names.insert(list[i].name).second, "name", "is there twice", report);
      const Report::Step mounts(report, "volume_mounts");
      for (std::size_t j = 0; j < list[i].volume_mounts.size(); ++j) {
        const bool known =
            std::ranges::find(instance.volumes, list[i].volume_mounts[j].volume) != instance.volumes.end();
        const Report::Step mount(report, j);
        refuse_field(!known, "volume", "is none of the instance's volumes", report);
      }
    }
  }
};

template <>
struct Schema<node::PullCredentials> {
  using Credentials = node::PullCredentials;
  static constexpr std::string_view name = "PullCredentials";
  static constexpr std::array fields{
      field<&Credentials::registry>({.name = "registry",
                                     .doc = "what names of its images begin with",
                                     .required = true,
                                     .min = 1,
                                     .max = 256,
                                     .check = node::check_image}),
      field<&Credentials::username>({.name = "username", .doc = "that it knows", .required = true}),
      field<&Credentials::password>(
          {.name = "password", .doc = "or token", .required = true, .secret = true, .max = 4096}),
  };
};

template <>
struct Schema<node::InstanceFile> {
  using File = node::InstanceFile;
  static constexpr std::string_view name = "InstanceFile";
  static constexpr std::array fields{
      field<&File::instances>(
          {.name = "instances", .doc = "that run here", .items_max = node::kInstancesMax}),
      field<&File::pull_credentials>({.name = "pull_credentials", .doc = "for registries"}),
  };
  static void validate(const File& file, Report& report) {
    std::set<std::string_view> names;
    const Report::Step list(report, "instances");
    for (std::size_t i = 0; i < file.instances.size(); ++i) {
      const Report::Step item(report, i);
      refuse_field(!names.insert(file.instances[i].name).second, "name", "is there twice", report);
    }
  }
};

}  // namespace weir::config

namespace weir::node {

config::Checked<InstanceFile> parse_file(std::string_view text) {
  const auto wrong = [](std::string message) {
    return std::unexpected(config::Violations{{.field = {}, .message = std::move(message), .object = {}}});
  };
  if (text.size() > kFileBytesMax) return wrong("must have at most 4 MiB");
  const auto documents = config::read_yaml(text);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1) return wrong("must be one document, with instances");
  const auto tree = config::read_json(documents->front().json, kFileBytesMax);
  if (!tree) return std::unexpected(tree.error());
  config::Report report;
  InstanceFile file;
  config::read_struct(config::kType<InstanceFile>, *tree, &file, config::Origin::kClient, report);
  if (report.size() > 0) return std::unexpected(report.take());
  return file;
}

std::string text_of(const Instance& instance) {
  const auto tree = config::print_struct(config::kType<Instance>, &instance, config::Secrets::kKeep);
  return tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string digest_of(const Instance& instance) {
  // Probes and times are the node's business: they change without new containers.
  Instance bare = instance;
  bare.drain = Duration();
  bare.stop_grace = Duration();
  for (auto* list : {&bare.init_containers, &bare.containers}) {
    for (Container& container : *list) {
      container.archive.clear();
      container.startup_probe.reset();
      container.readiness_probe.reset();
      container.liveness_probe.reset();
    }
  }
  const std::string text = text_of(bare);
  const auth::Digest digest = auth::sha256({auth::bytes_of(text)});
  return to_hex(std::span(digest).first(16));
}

std::optional<std::uint32_t> parse_cpu(std::string_view text) {
  constexpr std::uint64_t kMilliMax = 1024 * 1000;
  if (text.ends_with('m')) {
    const auto milli = parse_decimal(text.substr(0, text.size() - 1));
    if (!milli || *milli > kMilliMax) return std::nullopt;
    return static_cast<std::uint32_t>(*milli);
  }
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto cores = parse_decimal(text.substr(0, dot));
  if (!cores || *cores > 1024) return std::nullopt;
  std::uint64_t milli = *cores * 1000;
  if (dot < text.size()) {
    std::string digits(text.substr(dot + 1));
    if (digits.empty() || digits.size() > 3) return std::nullopt;
    digits.resize(3, '0');
    const auto part = parse_decimal(digits);
    if (!part) return std::nullopt;
    milli += *part;
  }
  return static_cast<std::uint32_t>(milli);
}

std::optional<std::uint64_t> parse_memory(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> kUnits{{{"Ki", 1ULL << 10U},
                                                                              {"Mi", 1ULL << 20U},
                                                                              {"Gi", 1ULL << 30U},
                                                                              {"K", 1'000},
                                                                              {"M", 1'000'000},
                                                                              {"G", 1'000'000'000}}};
  constexpr std::uint64_t kBytesMax = 1ULL << 44U;
  std::uint64_t unit = 1;
  for (const auto& [name, bytes] : kUnits) {
    if (!text.ends_with(name)) continue;
    unit = bytes;
    text.remove_suffix(name.size());
    break;
  }
  const auto number = parse_decimal(text);
  if (!number || *number > kBytesMax / unit) return std::nullopt;
  return *number * unit;
}

const PullCredentials* credentials_for(const std::vector<PullCredentials>& all, std::string_view image) {
  const auto found = std::ranges::find_if(all, [image](const PullCredentials& one) {
    if (!image.starts_with(one.registry)) return false;
    return one.registry.ends_with('/') || image.size() == one.registry.size() ||
           image[one.registry.size()] == '/';
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace weir::node
