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
#include "config/schema_workload.h"

namespace weir::config {

template <>
struct Schema<node::Instance> {
  using Instance = node::Instance;
  static constexpr std::string_view name = "Instance";
  static constexpr auto fields = joined(
      std::array{field<&Instance::name>({.name = "name",
                                         .doc = "also its host name",
                                         .required = true,
                                         .max = 63,
                                         .check = check_name}),
                 field<&Instance::owner>({.name = "owner",
                                          .doc = "whose it is; owners can't reach each other's instances",
                                          .max = 77,
                                          .check = check_dotted_name})},
      kGroupFields<Instance>);
  static void validate(const Instance& instance, Report& report) { check_group(instance, report); }
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
                                     .check = check_image}),
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

InstanceFile instances_of(const nodelink::Assignment& assignment) {
  InstanceFile all{.instances = {}, .pull_credentials = assignment.pull_credentials};
  for (const nodelink::Assigned& one : assignment.instances) {
    Instance& instance = all.instances.emplace_back();
    static_cast<config::ContainerGroup&>(instance) = one.spec;
    instance.name = one.name;
    instance.version = one.spec.version;
    instance.owner = one.owner;
    instance.pull_secrets = one.spec.pull_secrets;
    instance.lacks = one.lacks;
  }
  return all;
}

std::string digest_of(const Instance& instance) {
  // Probes and times are the node's business: they change without new containers.
  Instance bare = instance;
  bare.drain = Duration();
  bare.stop_grace = Duration();
  for (auto* list : {&bare.init_containers, &bare.containers}) {
    for (config::Container& container : *list) {
      container.archive.clear();
      for (config::EnvVariable& one : container.env) {
        if (one.secret) one.value.clear();
      }
      container.startup_probe.reset();
      container.readiness_probe.reset();
      container.liveness_probe.reset();
    }
  }
  const auto tree = config::print_struct(config::kType<Instance>, &bare, config::Secrets::kKeep);
  const std::string text = tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  const auth::Digest digest = auth::sha256({auth::bytes_of(text)});
  return to_hex(std::span(digest).first(16));
}

const PullCredentials* credentials_for(const std::vector<PullCredentials>& all, const Instance& instance,
                                       std::string_view image) {
  const auto is_for = [&instance](const PullCredentials& one) {
    const auto& secrets = instance.pull_secrets;
    return one.secret.empty() || std::ranges::find(secrets, one.secret) != secrets.end();
  };
  const auto found = std::ranges::find_if(all, [&](const PullCredentials& one) {
    if (!is_for(one) || !image.starts_with(one.registry)) return false;
    return one.registry.ends_with('/') || image.size() == one.registry.size() ||
           image[one.registry.size()] == '/';
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace weir::node
