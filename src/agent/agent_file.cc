#include "agent/agent_file.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/limits.h"
#include "config/codec.h"
#include "config/documents.h"
#include "config/formats.h"
#include "config/schema_service.h"

namespace weir::config {

template <>
struct Words<agent::OriginType> {
  static constexpr std::array<std::string_view, 4> words{"http", "https", "tcp", "tls"};
};

template <>
struct Schema<agent::FileService> {
  using Service = agent::FileService;
  static constexpr std::string_view name = "FileService";
  static constexpr std::array fields{
      field<&Service::name>({.name = "name",
                             .doc = "of the service that the origin joins",
                             .required = true,
                             .max = 63,
                             .check = check_name}),
      field<&Service::target>({.name = "target",
                               .doc = "host:port of the origin, as seen from here",
                               .required = true,
                               .max = 260,
                               .check = check_address}),
      field<&Service::type>(
          {.name = "type",
           .doc = "what the origin speaks: http, https or tcp; tls: as tcp, and visitors come by TLS, "
                  "which ends at the edge"}),
      field<&Service::ca_file>({.name = "ca_file",
                                .doc = "of type https: authorities (PEM) to believe in place of the system's",
                                .max = 4096}),
      field<&Service::hostname>(
          {.name = "hostname",
           .doc = "asked for when the service is new; absent: its name below the domain",
           .check = check_hostname}),
      field<&Service::weight>({.name = "weight", .doc = "share of the requests", .max = kWeightMax}),
      field<&Service::priority>({.name = "priority", .doc = "lower ones serve first", .max = kPriorityMax}),
      field<&Service::health_check>(
          {.name = "health_check", .doc = "made here; without a pass the origin is out of every pool"}),
  };
  static void validate(const Service& service, Report& report) {
    if (service.ca_file.empty() || service.type == agent::OriginType::kHttps) return;
    const Report::Step field(report, "ca_file");
    report.add("goes with type https");
  }
};

template <>
struct Schema<agent::File> {
  using File = agent::File;
  static constexpr std::string_view name = "File";
  static constexpr std::array fields{
      field<&File::edges>({.name = "edges",
                           .doc = "host:port of the edges' ports for agents, the nearest first",
                           .required = true,
                           .min = 1,
                           .max = 260,
                           .items_min = 1,
                           .items_max = agent::kEdgesMax,
                           .check = check_address}),
      field<&File::links>(
          {.name = "links", .doc = "edges to be attached to at once", .min = 1, .max = agent::kLinksMax}),
      field<&File::instance>({.name = "instance",
                              .doc = "the origin's name; absent: the machine's",
                              .max = 63,
                              .check = check_name}),
      field<&File::token_file>({.name = "token_file", .doc = "a file with weirtunnel_...", .max = 4096}),
      field<&File::ca_file>({.name = "ca_file",
                             .doc = "the authority (PEM) of the edges; absent: the token says it",
                             .max = 4096}),
      field<&File::services>({.name = "services",
                              .doc = "what is brought",
                              .required = true,
                              .items_min = 1,
                              .items_max = agent::kFileServicesMax}),
  };
  static void validate(const File& file, Report& report) {
    std::set<std::string_view> names;
    const Report::Step list(report, "services");
    for (std::size_t i = 0; i < file.services.size(); ++i) {
      if (names.insert(file.services[i].name).second) continue;
      const Report::Step item(report, i);
      const Report::Step field(report, "name");
      report.add("is there twice");
    }
  }
};

}  // namespace weir::config

namespace weir::agent {

config::Checked<File> parse_file(std::string_view text) {
  const auto wrong = [](std::string message) {
    return std::unexpected(config::Violations{{.field = {}, .message = std::move(message), .object = {}}});
  };
  if (text.size() > kFileBytesMax) return wrong("must have at most 1 MiB");
  const auto documents = config::read_yaml(text);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1) return wrong("must be one document, with edges and services");
  const auto tree = config::read_json(documents->front().json, kFileBytesMax);
  if (!tree) return std::unexpected(tree.error());
  config::Report report;
  File file;
  config::read_struct(config::kType<File>, *tree, &file, config::Origin::kClient, report);
  if (report.size() > 0) return std::unexpected(report.take());
  return file;
}

OriginType type_of(std::string_view name) {
  constexpr auto& kWords = config::Words<OriginType>::words;
  return static_cast<OriginType>(std::ranges::find(kWords, name) - kWords.begin());
}

std::string_view name_of(OriginType type) {
  return config::Words<OriginType>::words[static_cast<std::size_t>(type)];
}

}  // namespace weir::agent
