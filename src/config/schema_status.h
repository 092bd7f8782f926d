// The tables of what is seen of objects, but for those of DNS. See schema.h for what a table is.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "config/schema_kinds.h"
#include "config/status.h"

namespace weir::config {

template <>
struct Words<EndpointHealth> {
  static constexpr std::array<std::string_view, 5> words{"UNKNOWN", "HEALTHY", "UNHEALTHY", "EJECTED",
                                                         "UNCHECKED"};
};

inline constexpr std::string_view kAppliedDoc = "edges that have it as it is, of all that carry it";
inline constexpr std::string_view kRefusedDoc = "edges that could not take it up, and why";

template <>
struct Schema<RefusedBy> {
  static constexpr std::string_view name = "RefusedBy";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&RefusedBy::edge>({.name = "edge", .doc = "which goes on with what was before"}),
      field<&RefusedBy::reason>({.name = "reason", .doc = "in its own words", .max = 4096}),
  };
};

template <>
struct Schema<AppliedStatus> {
  static constexpr std::string_view name = "AppliedStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&AppliedStatus::applied>({.name = "applied", .doc = kAppliedDoc}),
      field<&AppliedStatus::refused>(
          {.name = "refused", .doc = kRefusedDoc, .items_max = kRefusedByShownMax}),
  };
};

template <>
struct Schema<EndpointStatus> {
  static constexpr std::string_view name = "EndpointStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&EndpointStatus::applied>({.name = "applied", .doc = kAppliedDoc}),
      field<&EndpointStatus::refused>(
          {.name = "refused", .doc = kRefusedDoc, .items_max = kRefusedByShownMax}),
      field<&EndpointStatus::address>({.name = "address", .doc = "where requests go"}),
      field<&EndpointStatus::name>({.name = "name", .doc = "as it is given, when that is a DNS name"}),
      field<&EndpointStatus::health>(
          {.name = "health",
           .doc = "UNKNOWN: not checked yet; EJECTED: taken out by what its answers were; UNCHECKED: nothing "
                  "checks it"}),
      field<&EndpointStatus::since>({.name = "since", .doc = "when that was found"}),
      field<&EndpointStatus::reason>({.name = "reason", .doc = "why it is not served"}),
  };
};

template <>
struct Schema<ServiceStatus> {
  static constexpr std::string_view name = "ServiceStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&ServiceStatus::applied>({.name = "applied", .doc = kAppliedDoc}),
      field<&ServiceStatus::refused>(
          {.name = "refused", .doc = kRefusedDoc, .items_max = kRefusedByShownMax}),
      field<&ServiceStatus::serving>(
          {.name = "serving", .doc = "addresses that may serve now", .max = kNumberMax}),
      field<&ServiceStatus::total>({.name = "total", .doc = "addresses in the pool", .max = kNumberMax}),
      field<&ServiceStatus::endpoints>(
          {.name = "endpoints", .doc = "the addresses of the pool", .items_max = kEndpointsMax}),
  };
};

template <>
struct Schema<ListenerStatus> {
  static constexpr std::string_view name = "ListenerStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&ListenerStatus::address>({.name = "address", .doc = "where clients come in"}),
      field<&ListenerStatus::listening>({.name = "listening", .doc = "whether they can"}),
      field<&ListenerStatus::reason>({.name = "reason", .doc = "why not; it is tried again by itself"}),
  };
};

template <>
struct Schema<LoadBalancerStatus> {
  static constexpr std::string_view name = "LoadBalancerStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&LoadBalancerStatus::applied>({.name = "applied", .doc = kAppliedDoc}),
      field<&LoadBalancerStatus::refused>(
          {.name = "refused", .doc = kRefusedDoc, .items_max = kRefusedByShownMax}),
      field<&LoadBalancerStatus::listeners>(
          {.name = "listeners", .doc = "in the order of spec.listeners, as this edge has them"}),
  };
};

template <>
struct Schema<RefusedObject> {
  static constexpr std::string_view name = "RefusedObject";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&RefusedObject::object>({.name = "object", .doc = "such as Service/web"}),
      field<&RefusedObject::reason>({.name = "reason", .doc = "in its own words", .max = 4096}),
  };
};

template <>
struct Schema<AnycastStatus> {
  static constexpr std::string_view name = "AnycastStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&AnycastStatus::network>({.name = "network", .doc = "that is announced for the address"}),
      field<&AnycastStatus::route>(
          {.name = "route", .doc = "announced, prepended (as one that drains) or withdrawn"}),
      field<&AnycastStatus::reason>({.name = "reason", .doc = "why it is not announced", .max = 4096}),
  };
};

template <>
struct Schema<EdgeStatus> {
  static constexpr std::string_view name = "EdgeStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&EdgeStatus::attached>({.name = "attached", .doc = "whether it reports now"}),
      field<&EdgeStatus::since>({.name = "since", .doc = "when that began"}),
      field<&EdgeStatus::applied_revision>(
          {.name = "applied_revision", .doc = "of the snapshot that it serves", .max = kNumberMax}),
      field<&EdgeStatus::applied_at>({.name = "applied_at", .doc = "when it had that"}),
      field<&EdgeStatus::connections>({.name = "connections", .doc = "of clients, now", .max = kNumberMax}),
      field<&EdgeStatus::endpoints>({.name = "endpoints", .doc = "that it finds healthy, of all it checks"}),
      field<&EdgeStatus::refused>(
          {.name = "refused", .doc = "what it could not take up; it goes on with what was before"}),
      field<&EdgeStatus::anycast>({.name = "anycast", .doc = "the addresses that it shares, by BGP"}),
  };
};

template <>
struct Schema<RolloutStatus> {
  static constexpr std::string_view name = "RolloutStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&RolloutStatus::phase>({.name = "phase",
                                    .doc =
                                        "DONE: the objects are as it wants them; WITHDRAWN: a gate failed, "
                                        "and all edges have what was before; REFUSED: never begun"}),
      field<&RolloutStatus::wave>(
          {.name = "wave", .doc = "the one under way, from 1", .max = std::int64_t{kWavesMax}}),
      field<&RolloutStatus::waves>(
          {.name = "waves", .doc = "all of them, as worked out at the beginning", .items_max = kWavesMax}),
      field<&RolloutStatus::since>({.name = "since", .doc = "when that wave began"}),
      field<&RolloutStatus::edges>({.name = "edges", .doc = "that have it, of all"}),
      field<&RolloutStatus::reason>(
          {.name = "reason", .doc = "what it waits for, or why it ended", .max = 4096}),
  };
};

template <>
struct Schema<SessionStatus> {
  static constexpr std::string_view name = "SessionStatus";
  static constexpr bool seen = true;
  static constexpr std::array fields{
      field<&SessionStatus::last_seen_at>({.name = "last_seen_at", .doc = "to the minute"}),
  };
};

}  // namespace weir::config
