#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "auth/crypto.h"
#include "base/text.h"
#include "config/codec.h"
#include "config/formats.h"
#include "config/schema_workload.h"
#include "config/specs_workload.h"

namespace weir::config {
namespace {

constexpr std::uint64_t kMemoryMin = std::uint64_t{6} << 20U;  // podman refuses less

void check_containers(const ContainerGroup& group, const std::vector<Container>& list,
                      std::string_view list_name, std::set<std::string_view>& names, Report& report) {
  const Report::Step step(report, list_name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!names.insert(list[i].name).second, "name", "is there twice", report);
    const Report::Step mounts(report, "volume_mounts");
    for (std::size_t j = 0; j < list[i].volume_mounts.size(); ++j) {
      const bool known =
          std::ranges::find(group.volumes, list[i].volume_mounts[j].volume) != group.volumes.end();
      const Report::Step mount(report, j);
      refuse_field(!known, "volume", "is none of the instance's volumes", report);
    }
  }
}

// What only the file of a node has, and what only the server sets.
void check_placed(const std::vector<Container>& list, std::string_view list_name, Report& report) {
  const Report::Step step(report, list_name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!list[i].archive.empty(), "archive", "is only for files of a node; push the image instead",
                 report);
    const Report::Step ports(report, "ports");
    for (std::size_t j = 0; j < list[i].ports.size(); ++j) {
      const Report::Step port(report, j);
      refuse_field(!list[i].ports[j].service.empty() && list[i].ports[j].protocol == Transport::kUdp,
                   "service", "is only for TCP: services have no endpoints by UDP", report);
      refuse_field(!list[i].ports[j].host_address.empty(), "host_address", "is only for files of a node",
                   report);
    }
  }
}

}  // namespace

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
  return check_address(std::string(text) + ":1").empty() ? "" : "must be an IP address";
}

void check_group(const ContainerGroup& group, Report& report) {
  std::set<std::string_view> names;
  check_containers(group, group.init_containers, "init_containers", names, report);
  check_containers(group, group.containers, "containers", names, report);
}

void Schema<WorkloadTarget>::validate(const WorkloadTarget& target, Report& report) {
  refuse_field(target.max_replicas != 0 && target.max_replicas < target.min_replicas, "max_replicas",
               "must not be less than min_replicas", report);
  const bool scaled = target.max_replicas > target.min_replicas;
  refuse_field(scaled && target.metrics.empty(), "metrics",
               "must be given when max_replicas is more than min_replicas", report);
  refuse_field(!scaled && target.min_replicas == 0, "min_replicas",
               "must not be 0 without a greater max_replicas", report);
  std::set<ScaleBy> seen;
  const Report::Step metrics(report, "metrics");
  for (std::size_t i = 0; i < target.metrics.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!seen.insert(target.metrics[i].metric).second, "metric", "is there twice", report);
    refuse_field(target.min_replicas == 0 && target.metrics[i].metric == ScaleBy::kCpu, "metric",
                 "can't be CPU when min_replicas is 0: nothing would start the first", report);
  }
}

void Schema<WorkloadSpec>::validate(const WorkloadSpec& spec, Report& report) {
  check_group(spec, report);
  check_placed(spec.init_containers, "init_containers", report);
  check_placed(spec.containers, "containers", report);
  std::set<std::string_view> names;
  const Report::Step targets(report, "targets");
  for (std::size_t i = 0; i < spec.targets.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!names.insert(spec.targets[i].name).second, "name", "is there twice", report);
  }
}

std::string version_of(const ContainerGroup& group, const std::vector<std::string>& pull_secrets) {
  const auto tree = print_struct(kType<ContainerGroup>, &group, Secrets::kKeep);
  std::string text = tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (const std::string& one : pull_secrets) text += "\n" + one;
  const auth::Digest digest = auth::sha256({auth::bytes_of(text)});
  return to_hex(std::span(digest).first(8));
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

}  // namespace weir::config
