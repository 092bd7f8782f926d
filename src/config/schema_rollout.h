// The tables of a Rollout. See schema.h for what a table is.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "config/formats.h"
#include "config/schema_common.h"
#include "config/specs.h"

namespace weir::config {

inline constexpr std::size_t kWavesMax = 64;
inline constexpr std::size_t kRolloutObjectsMax = 256;  // changes of one, and deletions

template <>
struct Words<RolloutPhase> {
  static constexpr std::array<std::string_view, 5> words{"PENDING", "RUNNING", "DONE", "WITHDRAWN",
                                                         "REFUSED"};
};

template <>
struct Schema<RolloutWave> {
  static constexpr std::string_view name = "RolloutWave";
  static constexpr std::array fields{
      field<&RolloutWave::match>(
          {.name = "match", .doc = "labels of its edges, all of them; also provider, region and city"}),
      field<&RolloutWave::percent>(
          {.name = "percent", .doc = "of those edges, at least one", .min = 1, .max = 100}),
      field<&RolloutWave::bake>(
          {.name = "bake", .doc = "how long the gates must hold before the next wave", .max = kDayMax}),
  };
};

template <>
struct Schema<RolloutGates> {
  static constexpr std::string_view name = "RolloutGates";
  static constexpr std::array fields{
      field<&RolloutGates::apply_timeout>({.name = "apply_timeout",
                                           .doc = "within which every edge of a wave has to have it in force",
                                           .min = nanoseconds(std::chrono::seconds(1)),
                                           .max = kDayMax}),
      field<&RolloutGates::lost_percent_max>(
          {.name = "lost_percent_max", .doc = "edges that have it and are gone since", .max = 100}),
      field<&RolloutGates::errors_percent_max>(
          {.name = "errors_percent_max",
           .doc = "5xx among the requests of edges that have it, above those of the others, or of before",
           .max = 100}),
      field<&RolloutGates::latency_percent_max>(
          {.name = "latency_percent_max",
           .doc = "by which their 99th percentile may be longer than that of the others, or of before",
           .max = 100'000}),
      field<&RolloutGates::unhealthy_percent_max>(
          {.name = "unhealthy_percent_max",
           .doc = "endpoints that they find unhealthy and the others, or they before, do not",
           .max = 100}),
      field<&RolloutGates::requests_min>({.name = "requests_min",
                                          .doc = "with fewer requests, errors and latency say nothing",
                                          .max = kNumberMax}),
      field<&RolloutGates::allow_uncounted>(
          {.name = "allow_uncounted",
           .doc = "go on although no edge that has it counts requests, as Envoys do not"}),
  };
};

template <>
struct Schema<DeletedObject> {
  static constexpr std::string_view name = "DeletedObject";
  static constexpr std::array fields{
      field<&DeletedObject::kind>({.name = "kind", .doc = "such as Service", .required = true, .min = 1}),
      field<&DeletedObject::name>({.name = "name",
                                   .doc = "of the object",
                                   .required = true,
                                   .min = 1,
                                   .max = 63,
                                   .check = check_name}),
  };
};

template <>
struct Schema<RolloutBase> {
  static constexpr std::string_view name = "RolloutBase";
  static constexpr std::array fields{
      field<&RolloutBase::object>({.name = "object", .doc = "such as services/web"}),
      field<&RolloutBase::revision>(
          {.name = "revision", .doc = "of it then; 0: there was none", .max = kNumberMax}),
  };
};

template <>
struct Schema<RolloutProgress> {
  static constexpr std::string_view name = "RolloutProgress";
  static constexpr std::array fields{
      field<&RolloutProgress::phase>({.name = "phase", .doc = "as the status says it"}),
      field<&RolloutProgress::wave>(
          {.name = "wave", .doc = "the one under way, from 1", .max = std::int64_t{kWavesMax}}),
      field<&RolloutProgress::waves>(
          {.name = "waves", .doc = "all of them, as worked out at the beginning", .items_max = kWavesMax}),
      field<&RolloutProgress::since>({.name = "since", .doc = "when that wave began, or it ended"}),
      field<&RolloutProgress::bases>({.name = "bases",
                                      .doc = "the objects as they were when it began",
                                      .items_max = 2 * kRolloutObjectsMax}),
      field<&RolloutProgress::reason>({.name = "reason", .doc = "why it ended", .max = 4096}),
  };
};

template <>
struct Schema<RolloutSpec> {
  static constexpr std::string_view name = "RolloutSpec";
  static constexpr std::array fields{
      field<&RolloutSpec::changes>({.name = "changes",
                                    .doc = "a list of objects as they shall be, as apply takes them; no "
                                           "certificates and secrets",
                                    .type = &kJsonText,
                                    .max = kJsonBytesMax}),
      field<&RolloutSpec::deletions>(
          {.name = "deletions", .doc = "objects that shall be gone", .items_max = kRolloutObjectsMax}),
      field<&RolloutSpec::waves>({.name = "waves",
                                  .doc =
                                      "in their order; absent: each provider, within it each region, within "
                                      "that the percents",
                                  .items_max = kWavesMax}),
      field<&RolloutSpec::percents>({.name = "percents",
                                     .doc = "of the edges of a region, one wave after the other",
                                     .min = 1,
                                     .max = 100,
                                     .items_min = 1,
                                     .items_max = 16}),
      field<&RolloutSpec::bake>({.name = "bake", .doc = "of each wave that is not given", .max = kDayMax}),
      field<&RolloutSpec::gates>({.name = "gates", .doc = "what must hold for the next wave to begin"}),
      field<&RolloutSpec::paused>(
          {.name = "paused", .doc = "no further wave begins; edges that have the change keep it"}),
      field<&RolloutSpec::progress>({.name = "progress", .doc = "how far it has come", .server_set = true}),
  };
  static void validate(const RolloutSpec& spec, Report& report);
};

}  // namespace weir::config
