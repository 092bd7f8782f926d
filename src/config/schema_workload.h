// The tables of Workload, Node and Instance, and of their containers, which weir node's file has, too. See
// schema.h for what a table is.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/formats.h"
#include "config/schema.h"
#include "config/schema_common.h"
#include "config/specs_workload.h"
#include "config/status.h"

namespace weir::config {

inline constexpr std::int64_t kHourMax = nanoseconds(std::chrono::hours(1));
inline constexpr std::int64_t kProbePauseMin = nanoseconds(std::chrono::milliseconds(100));

// --- words
template <>
struct Words<Transport> {
  static constexpr std::array<std::string_view, 2> words{"TCP", "UDP"};
};
template <>
struct Words<ScaleBy> {
  static constexpr std::array<std::string_view, 3> words{"CPU", "REQUESTS", "IN_FLIGHT"};
};
template <>
struct Words<UpdatePhase> {
  static constexpr std::array<std::string_view, 4> words{"DONE", "RUNNING", "REVERTED", "FAILED"};
};

// --- containers
template <>
struct Schema<ContainerPort> {
  using Port = ContainerPort;
  static constexpr std::string_view name = "ContainerPort";
  static constexpr std::array fields{
      field<&Port::port>(
          {.name = "port", .doc = "that it listens on", .required = true, .min = 1, .max = 65535}),
      field<&Port::host_port>(
          {.name = "host_port",
           .doc = "of the machine, which leads there; absent: of a workload, one that is free; else none",
           .max = 65535}),
      field<&Port::host_address>({.name = "host_address",
                                  .doc = "of the machine, alone; absent: all of its addresses",
                                  .max = 64,
                                  .check = check_ip_text}),
      field<&Port::protocol>({.name = "protocol", .doc = "TCP or UDP"}),
      field<&Port::service>({.name = "service",
                             .doc = "whose endpoint it is while the instance is ready",
                             .max = 63,
                             .check = check_name,
                             .refers_to = "Service"}),
  };
};

template <>
struct Schema<HttpProbe> {
  using Probe = HttpProbe;
  static constexpr std::string_view name = "HttpProbe";
  static constexpr std::array fields{
      field<&Probe::port>({.name = "port", .doc = "that is asked", .required = true, .min = 1, .max = 65535}),
      field<&Probe::path>(
          {.name = "path", .doc = "passes with 200 to 399", .min = 1, .max = 1024, .check = check_path}),
      field<&Probe::host>({.name = "host", .doc = "of the Host field", .check = check_host_field}),
  };
};

template <>
struct Schema<TcpProbe> {
  static constexpr std::string_view name = "TcpProbe";
  static constexpr std::array fields{field<&TcpProbe::port>(
      {.name = "port", .doc = "that takes a connection", .required = true, .min = 1, .max = 65535})};
};

template <>
struct Schema<ExecProbe> {
  static constexpr std::string_view name = "ExecProbe";
  static constexpr std::array fields{
      field<&ExecProbe::command>({.name = "command",
                                  .doc = "run in the container; passes with exit code 0",
                                  .required = true,
                                  .max = 4096,
                                  .items_min = 1})};
};

template <>
struct Schema<Probe> {
  static constexpr std::string_view name = "Probe";
  static constexpr std::array fields{
      field<&Probe::http>({.name = "http", .doc = "by a GET"}),
      field<&Probe::tcp>({.name = "tcp", .doc = "by connecting"}),
      field<&Probe::exec>({.name = "exec", .doc = "by a command in the container"}),
      field<&Probe::initial_delay>({.name = "initial_delay", .doc = "before the first", .max = kHourMax}),
      field<&Probe::period>({.name = "period", .doc = "between two", .min = kProbePauseMin, .max = kHourMax}),
      field<&Probe::timeout>({.name = "timeout",
                              .doc = "without an answer it has failed",
                              .min = kProbePauseMin,
                              .max = kHourMax}),
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
struct Schema<SecretKey> {
  static constexpr std::string_view name = "SecretKey";
  static constexpr std::array fields{
      field<&SecretKey::secret>({.name = "secret",
                                 .doc = "name of a Secret",
                                 .required = true,
                                 .max = 63,
                                 .check = check_name,
                                 .refers_to = "Secret"}),
      field<&SecretKey::key>({.name = "key", .doc = "of its values", .required = true, .min = 1}),
  };
};

template <>
struct Schema<EnvVariable> {
  using Variable = EnvVariable;
  static constexpr std::string_view name = "EnvVariable";
  static constexpr std::array fields{
      field<&Variable::name>({.name = "name",
                              .doc = "of the variable",
                              .required = true,
                              .min = 1,
                              .max = 256,
                              .check = check_variable}),
      field<&Variable::value>({.name = "value", .doc = "of the variable", .max = 32768, .lines = true}),
      field<&Variable::secret>(
          {.name = "secret", .doc = "where its value is, which is told to the node alone"}),
  };
  static void validate(const Variable& variable, Report& report) {
    refuse_field(variable.secret && !variable.value.empty(), "value", "must be absent beside secret", report);
  }
};

template <>
struct Schema<VolumeMount> {
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
                                 .check = check_absolute}),
      field<&VolumeMount::read_only>({.name = "read_only", .doc = "it can't be written there"}),
  };
};

template <>
struct Schema<Resources> {
  static constexpr std::string_view name = "Resources";
  static constexpr std::array fields{
      field<&Resources::cpu>(
          {.name = "cpu", .doc = "cores at most, such as 500m or 1.5; absent: no limit", .check = check_cpu}),
      field<&Resources::memory>({.name = "memory",
                                 .doc = "at most, such as 64Mi; who needs more is ended; absent: no limit",
                                 .check = check_memory}),
      field<&Resources::pids>(
          {.name = "pids", .doc = "processes and threads at most", .min = 1, .max = 32768}),
  };
};

template <>
struct Schema<Security> {
  static constexpr std::string_view name = "Security";
  static constexpr std::array fields{
      field<&Security::user>(
          {.name = "user", .doc = "it runs as: name or number, and :group; absent: the image's", .max = 64}),
      field<&Security::read_only_root>({.name = "read_only_root", .doc = "only volumes can be written"}),
      field<&Security::capabilities>({.name = "capabilities",
                                      .doc = "that it keeps; all others are dropped",
                                      .max = 64,
                                      .check = check_capability}),
  };
};

template <>
struct Schema<Container> {
  static constexpr std::string_view name = "Container";
  static constexpr std::array fields{
      field<&Container::name>(
          {.name = "name", .doc = "within the instance", .required = true, .max = 63, .check = check_name}),
      field<&Container::image>({.name = "image",
                                .doc = "with its registry; pulled when it is not there",
                                .required = true,
                                .max = 512,
                                .check = check_image}),
      field<&Container::archive>({.name = "archive",
                                  .doc = "a file (OCI or docker archive) that the image is loaded from "
                                         "when it is not there",
                                  .max = 4096,
                                  .check = check_absolute}),
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

// The fields of a ContainerGroup, of something that is one.
template <class Owner>
inline constexpr std::array kGroupFields{
    field<&ContainerGroup::init_containers, Owner>({.name = "init_containers",
                                                    .doc = "run to their end before, one after the other",
                                                    .items_max = kContainersMax}),
    field<&ContainerGroup::containers, Owner>({.name = "containers",
                                               .doc = "share a network and are started and stopped together",
                                               .required = true,
                                               .items_min = 1,
                                               .items_max = kContainersMax}),
    field<&ContainerGroup::volumes, Owner>({.name = "volumes",
                                            .doc = "names; each lives as long as the instance",
                                            .max = 63,
                                            .items_max = 16,
                                            .check = check_name}),
    field<&ContainerGroup::drain, Owner>(
        {.name = "drain", .doc = "from not being ready to SIGTERM", .max = kHourMax}),
    field<&ContainerGroup::stop_grace, Owner>({.name = "stop_grace",
                                               .doc = "from SIGTERM to SIGKILL",
                                               .min = nanoseconds(std::chrono::seconds(1)),
                                               .max = kHourMax}),
};

template <std::size_t... kSizes>
constexpr auto joined(const std::array<Field, kSizes>&... tables) {
  std::array<Field, (kSizes + ...)> all{};
  auto next = all.begin();
  ((next = std::ranges::copy(tables, next).out), ...);
  return all;
}

// What spans the containers of a group: names are there once, mounts have their volumes.
void check_group(const ContainerGroup& group, Report& report);

// --- Workload
template <>
struct Schema<ScaleMetric> {
  static constexpr std::string_view name = "ScaleMetric";
  static constexpr std::array fields{
      field<&ScaleMetric::metric>(
          {.name = "metric", .doc = "CPU, REQUESTS (per second) or IN_FLIGHT (requests at a time)"}),
      field<&ScaleMetric::average_utilization>(
          {.name = "average_utilization",
           .doc = "of CPU: percent of what the instances may use, on average",
           .max = 100}),
      field<&ScaleMetric::average_value>({.name = "average_value",
                                          .doc = "of REQUESTS and IN_FLIGHT: of an instance, on average",
                                          .max = 1'000'000}),
  };
  static void validate(const ScaleMetric& metric, Report& report) {
    const bool cpu = metric.metric == ScaleBy::kCpu;
    refuse_field(cpu && metric.average_utilization == 0, "average_utilization", "must be given for CPU",
                 report);
    refuse_field(!cpu && metric.average_utilization != 0, "average_utilization", "must be absent but for CPU",
                 report);
    refuse_field(!cpu && metric.average_value == 0, "average_value", "must be given but for CPU", report);
    refuse_field(cpu && metric.average_value != 0, "average_value", "must be absent for CPU", report);
  }
};

template <>
struct Schema<WorkloadTarget> {
  using Target = WorkloadTarget;
  static constexpr std::string_view name = "WorkloadTarget";
  static constexpr std::array fields{
      field<&Target::name>(
          {.name = "name", .doc = "within the workload", .required = true, .max = 63, .check = check_name}),
      field<&Target::cities>(
          {.name = "cities", .doc = "of its nodes; absent: any", .max = 63, .check = check_name}),
      field<&Target::regions>({.name = "regions", .doc = "of its nodes; absent: any", .min = 1}),
      field<&Target::providers>({.name = "providers", .doc = "of its nodes; absent: any", .min = 1}),
      field<&Target::min_replicas>(
          {.name = "min_replicas", .doc = "instances in each city at least", .max = kReplicasMax}),
      field<&Target::max_replicas>({.name = "max_replicas",
                                    .doc = "instances in each city at most; absent: as min_replicas",
                                    .max = kReplicasMax}),
      field<&Target::metrics>(
          {.name = "metrics", .doc = "by which each city is scaled between the two", .items_max = 3}),
      field<&Target::scale_up_cooldown>({.name = "scale_up_cooldown",
                                         .doc = "after a decision, before more are started",
                                         .min = nanoseconds(std::chrono::seconds(1)),
                                         .max = kDayMax}),
      field<&Target::scale_down_cooldown>({.name = "scale_down_cooldown",
                                           .doc = "after a decision or a greater need, before one is ended",
                                           .min = nanoseconds(std::chrono::seconds(1)),
                                           .max = kDayMax}),
  };
  static void validate(const Target& target, Report& report);
};

template <>
struct Schema<WorkloadUpdate> {
  using Update = WorkloadUpdate;
  static constexpr std::string_view name = "WorkloadUpdate";
  static constexpr std::array fields{
      field<&Update::max_unavailable>({.name = "max_unavailable",
                                       .doc = "of a city's replicas, while it is updated",
                                       .max = kReplicasMax}),
      field<&Update::max_surge>(
          {.name = "max_surge", .doc = "beyond a city's replicas, while it is updated", .max = kReplicasMax}),
      field<&Update::min_healthy_time>({.name = "min_healthy_time",
                                        .doc = "that an instance has to be ready before the next is replaced",
                                        .max = kHourMax}),
      field<&Update::healthy_deadline>({.name = "healthy_deadline",
                                        .doc = "within which a replaced instance has to be so",
                                        .min = nanoseconds(std::chrono::seconds(1)),
                                        .max = kDayMax}),
      field<&Update::auto_revert>(
          {.name = "auto_revert", .doc = "what can't be made ready goes back to what ran before"}),
      field<&Update::paused>({.name = "paused", .doc = "no further instance is replaced"}),
  };
  static void validate(const Update& update, Report& report) {
    refuse_field(update.max_unavailable == 0 && update.max_surge == 0, "max_surge",
                 "must not be 0 when max_unavailable is", report);
  }
};

template <>
struct Schema<ContainerGroup> {
  static constexpr std::string_view name = "ContainerGroup";
  static constexpr auto fields = kGroupFields<ContainerGroup>;
};

template <>
struct Schema<WorkloadProgress> {
  using Progress = WorkloadProgress;
  static constexpr std::string_view name = "WorkloadProgress";
  static constexpr std::array fields{
      field<&Progress::phase>({.name = "phase", .doc = "of the last update"}),
      field<&Progress::version>({.name = "version", .doc = "that it brings or has brought"}),
      field<&Progress::city>({.name = "city", .doc = "where it is under way"}),
      field<&Progress::since>({.name = "since", .doc = "when the phase began"}),
      field<&Progress::good_version>({.name = "good_version", .doc = "that all instances ran last"}),
      field<&Progress::good>({.name = "good", .doc = "what that is"}),
      field<&Progress::reason>({.name = "reason", .doc = "why it went back or can't go on", .max = 4096}),
  };
};

inline constexpr Field kPullSecretLine{.name = "pull_secrets",
                                       .doc = "Secrets with registry, username and password, for its images",
                                       .max = 63,
                                       .items_max = 8,
                                       .check = check_name,
                                       .refers_to = "Secret"};

template <>
struct Schema<WorkloadSpec> {
  static constexpr std::string_view name = "WorkloadSpec";
  static constexpr auto fields = joined(
      kGroupFields<WorkloadSpec>,
      std::array{
          field<&WorkloadSpec::pull_secrets>(kPullSecretLine),
          field<&WorkloadSpec::anycast>(
              {.name = "anycast",
               .doc =
                   "edges in whose region none of its instances is ready don't announce shared addresses"}),
          field<&WorkloadSpec::targets>({.name = "targets",
                                         .doc = "where it runs",
                                         .required = true,
                                         .items_min = 1,
                                         .items_max = kTargetsMax}),
          field<&WorkloadSpec::update>({.name = "update", .doc = "how a change of it gets to its instances"}),
          field<&WorkloadSpec::progress>(
              {.name = "progress", .doc = "how far the last change has come", .server_set = true}),
      });
  static void validate(const WorkloadSpec& spec, Report& report);
};

// --- Node
template <>
struct Schema<NodeSpec> {
  static constexpr std::string_view name = "NodeSpec";
  static constexpr std::array fields{
      field<&NodeSpec::provider>({.name = "provider", .doc = "where it is"}),
      field<&NodeSpec::region>({.name = "region", .doc = "where it is"}),
      field<&NodeSpec::city>({.name = "city",
                              .doc = "where it is; in the names of its instances",
                              .max = 63,
                              .check = check_name}),
      field<&NodeSpec::address>({.name = "address", .doc = "by which edges reach its instances"}),
      field<&NodeSpec::version>({.name = "version", .doc = "of weir there"}),
      field<&NodeSpec::cordoned>({.name = "cordoned", .doc = "it gets no more instances"}),
      field<&NodeSpec::drained>({.name = "drained", .doc = "its instances are moved to others"}),
      field<&NodeSpec::revoked>({.name = "revoked", .doc = "its certificate counts no more"}),
  };
};

// --- Instance
template <>
struct Schema<InstanceSpec> {
  static constexpr std::string_view name = "InstanceSpec";
  static constexpr auto fields = joined(
      std::array{
          field<&InstanceSpec::workload>({.name = "workload", .doc = "whose it is", .refers_to = "Workload"}),
          field<&InstanceSpec::target>({.name = "target", .doc = "of the workload"}),
          field<&InstanceSpec::city>({.name = "city", .doc = "where it runs"}),
          field<&InstanceSpec::number>({.name = "number", .doc = "from 1, in that city", .max = 100'000}),
          field<&InstanceSpec::node>({.name = "node", .doc = "that runs it", .refers_to = "Node"}),
          field<&InstanceSpec::version>({.name = "version", .doc = "of its containers"}),
          field<&InstanceSpec::pull_secrets>(kPullSecretLine),
          field<&InstanceSpec::placed_at>(
              {.name = "placed_at", .doc = "when that node was given that version"}),
      },
      kGroupFields<InstanceSpec>);
};

// --- what is seen
template <>
struct Schema<WorkloadCity> {
  static constexpr std::string_view name = "WorkloadCity";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&WorkloadCity::target>({.name = "target", .doc = "that it belongs to"}),
      field<&WorkloadCity::city>({.name = "city", .doc = "that has nodes of the target"}),
      field<&WorkloadCity::ready>({.name = "ready", .doc = "instances, of all that are wanted"}),
      field<&WorkloadCity::updated>({.name = "updated", .doc = "of the version that is wanted, of all"}),
      field<&WorkloadCity::reason>({.name = "reason", .doc = "why that is not all", .max = 4096}),
  };
};

template <>
struct Schema<WorkloadStatus> {
  static constexpr std::string_view name = "WorkloadStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&WorkloadStatus::ready>({.name = "ready", .doc = "instances, of all that are wanted"}),
      field<&WorkloadStatus::updated>({.name = "updated", .doc = "of the version that is wanted, of all"}),
      field<&WorkloadStatus::reason>({.name = "reason", .doc = "why that is not all", .max = 4096}),
      field<&WorkloadStatus::cities>({.name = "cities", .doc = "each with its own", .items_max = 1024}),
  };
};

template <>
struct Schema<NodeStatus> {
  static constexpr std::string_view name = "NodeStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&NodeStatus::attached>({.name = "attached", .doc = "whether it reports now"}),
      field<&NodeStatus::since>({.name = "since", .doc = "when that began"}),
      field<&NodeStatus::cpu>({.name = "cpu", .doc = "set aside for instances, of what it has"}),
      field<&NodeStatus::memory>({.name = "memory", .doc = "set aside for instances, of what it has"}),
      field<&NodeStatus::instances>({.name = "instances", .doc = "of all that it may have"}),
      field<&NodeStatus::reason>({.name = "reason", .doc = "what is wrong with it", .max = 4096}),
  };
};

template <>
struct Schema<InstanceStatus> {
  static constexpr std::string_view name = "InstanceStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&InstanceStatus::state>(
          {.name = "state", .doc = "as its node says; lost: of a node that does not report"}),
      field<&InstanceStatus::reason>({.name = "reason", .doc = "why it is not ready", .max = 4096}),
      field<&InstanceStatus::address>({.name = "address", .doc = "on its node"}),
      field<&InstanceStatus::restarts>({.name = "restarts", .doc = "since it was placed", .max = kNumberMax}),
      field<&InstanceStatus::since>({.name = "since", .doc = "when that state began"}),
      field<&InstanceStatus::cpu>({.name = "cpu", .doc = "that it uses"}),
      field<&InstanceStatus::memory>({.name = "memory", .doc = "that it uses"}),
  };
};

}  // namespace weir::config
