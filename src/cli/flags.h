// Flags: the tables of what each command takes. The parser, the help and docs/cli.md are read from them. Here
// is what all have in common: what a flag is, and how values are judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"

namespace weir::cli {

struct Flag {
  enum class Count : std::uint8_t { kOptional, kRequired, kMany, kManyRequired };

  std::string_view names;   // "-o,--output"; without a dash it goes by its place
  std::string_view value;   // "FORMAT"; empty: a switch
  std::string_view preset;  // its default, for people
  std::string_view doc;
  // Takes a value over (empty for a switch); answers what is wrong with it, or nothing.
  std::string (*set)(Arguments& arguments, std::string_view value);
  Count count = Count::kOptional;

  bool positional() const { return !names.starts_with('-'); }
  bool required() const { return count == Count::kRequired || count == Count::kManyRequired; }
  bool repeatable() const { return count == Count::kMany || count == Count::kManyRequired; }
  std::string_view long_name() const { return names.substr(names.find(',') + 1); }
};

// --- setters
std::string set_text(std::string& text, std::string_view value);
// An address with a port, a port alone (its address stays), or localhost:port.
std::string set_listener(net::Address& address, bool& given, std::string_view value);
// "off": none
std::string set_listener_or_off(std::optional<net::Address>& address, bool& is_preset,
                                std::string_view value);
inline std::string set_dns(Arguments& to, std::string_view value) {
  return set_listener_or_off(to.up.options.dns, to.up.options.dns_is_preset, value);
}
std::string set_controller(std::vector<tls::Host>& controllers, std::string_view value);
std::string set_control_plane(std::optional<tls::Host>& host, std::string_view value);
std::string set_edge_name(std::string& name, std::string_view value);
std::string set_host(std::string& host, std::string_view value);  // of IPv6, it is put in brackets
std::string set_origin_type(std::string& type, std::string_view value);
std::string set_edge_address(std::vector<std::string>& edges, std::string_view value);
std::string set_relay(std::string& address, std::string_view value);
std::string set_metrics(std::optional<net::Address>& at, std::string_view value);
std::string set_api_name(std::vector<std::string>& names, std::string_view value);
std::string set_number(std::uint64_t& number, std::string_view value);
std::string set_valid_for(Duration& duration, std::string_view value);
std::string set_store(std::string& url, std::string_view value);
std::string set_domain(std::string& domain, std::string_view value);
std::string set_ports(mirror::PortRange& ports, std::string_view value);
std::string set_cpu(std::uint32_t& milli, std::string_view value);
std::string set_memory(std::uint64_t& bytes, std::string_view value);
inline constexpr std::uint64_t kNodeInstancesMax = 1000;  // as many as a node can be told of
std::string set_workers(unsigned& workers, std::string_view value);
std::string set_log_level(Level& level, std::string_view value);
std::string set_log_format(bool& json, std::string_view value);
std::string set_size(std::uint64_t& bytes, std::string_view value);
std::string set_access_log(std::vector<record::AccessLogTarget>& targets, std::string_view value);
std::string set_traces(std::string& url, std::string_view value);
std::string set_ratio(double& ratio, std::string_view value);
std::string set_sign_up(std::optional<bool>& open, std::string_view value);
std::string set_format(Format& format, std::string_view value);
std::string set_address(std::string& address, std::string_view value);
std::string set_port(std::uint16_t& port, std::string_view value);
std::string set_controller(std::vector<std::string>& controllers, std::string_view value);
std::string set_node(std::string& node, std::string_view value);
std::string set_label(std::vector<std::string>& labels, std::string_view value);
std::string set_bounded(std::uint64_t& number, std::uint64_t max, std::string_view value);
std::string set_health(std::string& health, std::string_view value);
std::string set_name_server(std::optional<std::string>& server, std::string_view value);
std::string set_resolve_output(std::string& output, std::string_view value);
std::string set_role(std::string& role, std::string_view value);
std::string set_controller_url(std::vector<std::string>& urls, std::string_view value);

// --- what follows from several flags of a command; like setters, these answer what is wrong
std::string check_controller(Arguments& to);
std::string check_edge(Arguments& to);
std::string check_dns(Arguments& to);
std::string check_node(Arguments& to);
std::string check_image(Arguments& to);
std::string check_store(Arguments& to);
std::string check_get(Arguments& to);
std::string check_object(Arguments& to);
std::string check_explain(Arguments& to);
std::string check_bootstrap(Arguments& to);
std::string check_join(Arguments& to);
std::string check_token(Arguments& to);
std::string check_user(Arguments& to);
std::string check_exec(Arguments& to);
std::string check_rollout(Arguments& to);

}  // namespace weir::cli
