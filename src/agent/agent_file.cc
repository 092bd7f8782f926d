#include "agent/agent_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/limits.h"
#include "base/host_port.h"
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
struct Schema<agent::FileMember> {
  using Member = agent::FileMember;
  static constexpr std::string_view name = "FileMember";
  static constexpr std::array fields{
      field<&Member::name>({.name = "name",
                            .doc = "of the service that is joined",
                            .required = true,
                            .max = 63,
                            .check = check_name}),
      field<&Member::port>(
          {.name = "port", .doc = "where it serves", .required = true, .min = 1, .max = 65535}),
      field<&Member::address>(
          {.name = "address",
           .doc = "of this machine, an IP address or a DNS name; absent: the one by which the API is reached",
           .max = 253}),
      field<&Member::endpoint>({.name = "endpoint",
                                .doc = "name of the Endpoint; absent: made of service, machine and port",
                                .max = 63,
                                .check = check_name}),
      field<&Member::instance>({.name = "instance",
                                .doc = "its name for people, as DNS-SD shows it; absent: the Endpoint's",
                                .max = 63,
                                .check = check_instance}),
      field<&Member::type>({.name = "type",
                            .doc = "of a service that is not there yet: _http._tcp",
                            .max = 63,
                            .check = check_service_type}),
      field<&Member::priority>({.name = "priority", .doc = "lower ones serve first", .max = kPriorityMax}),
      field<&Member::weight>({.name = "weight", .doc = "share of the requests", .max = kWeightMax}),
      field<&Member::zone>(
          {.name = "zone", .doc = "where it is: edges of the region of that name prefer it", .max = 63}),
      field<&Member::text>({.name = "text",
                            .doc = "for its TXT record: key=value, or a key alone",
                            .max = 255,
                            .check = check_text_pair}),
      field<&Member::version>({.name = "version",
                               .doc = "of what runs there; clients may ask for one",
                               .max = 63,
                               .check = check_version}),
      field<&Member::health_check>(
          {.name = "health_check", .doc = "made here; without a pass it is no member of the service"}),
  };
  static void validate(const Member& member, Report& report) {
    if (member.address.empty()) return;
    if (check_address(with_port(member.address, 1)).empty()) return;
    const Report::Step field(report, "address");
    report.add("must be an IP address or a DNS name, without a port");
  }
};

template <>
struct Schema<agent::FileJoin> {
  using Join = agent::FileJoin;
  static constexpr std::string_view name = "FileJoin";
  static constexpr std::array fields{
      field<&Join::apis>({.name = "apis",
                          .doc = "URLs of the API, tried one after the other: https://ctl-1.example:8480",
                          .required = true,
                          .min = 1,
                          .max = 260,
                          .items_min = 1,
                          .items_max = agent::kApisMax}),
      field<&Join::token_file>({.name = "token_file",
                                .doc = "a file with a token of the role member, or admin",
                                .required = true,
                                .min = 1,
                                .max = 4096}),
      field<&Join::ca_file>(
          {.name = "ca_file", .doc = "the authority (PEM) of the APIs; absent: the system's", .max = 4096}),
      field<&Join::lease>({.name = "lease",
                           .doc = "who has not renewed for so long is removed",
                           .min = nanoseconds(std::chrono::seconds(1)),
                           .max = kDayMax}),
      field<&Join::services>({.name = "services",
                              .doc = "what is joined",
                              .required = true,
                              .items_min = 1,
                              .items_max = agent::kFileServicesMax}),
  };
  static void validate(const Join& join, Report& report) {
    std::set<std::pair<std::string_view, std::uint32_t>> ports;
    std::set<std::string_view> endpoints;
    const Report::Step list(report, "services");
    for (std::size_t i = 0; i < join.services.size(); ++i) {
      const agent::FileMember& member = join.services[i];
      const bool is_named = !member.endpoint.empty();
      const bool is_new = is_named ? endpoints.insert(member.endpoint).second
                                   : ports.emplace(member.name, member.port).second;
      if (is_new) continue;
      const Report::Step item(report, i);
      const Report::Step field(report, is_named ? "endpoint" : "port");
      report.add("is there twice");
    }
  }
};

template <>
struct Schema<agent::File> {
  using File = agent::File;
  static constexpr std::string_view name = "File";
  static constexpr std::array fields{
      field<&File::edges>({.name = "edges",
                           .doc = "host:port of the edges' ports for agents, the nearest first",
                           .min = 1,
                           .max = 260,
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
      field<&File::services>(
          {.name = "services", .doc = "what is brought", .items_max = agent::kFileServicesMax}),
      field<&File::join>({.name = "join", .doc = "services that what serves here joins by its address"}),
  };
  static void validate(const File& file, Report& report) {
    if (file.edges.empty() != file.services.empty()) {
      const Report::Step field(report, file.edges.empty() ? "edges" : "services");
      report.add("must have at least 1 item: edges and services go together");
    } else if (file.edges.empty() && !file.join) {
      report.add("needs edges and services, or join");
    }
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
  if (documents->size() != 1) return wrong("must be one document, with edges and services, or join");
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
