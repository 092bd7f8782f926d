#include "mirror/handed_ports.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <variant>

#include "config/kinds.h"

namespace weir::mirror {
namespace {

bool lacks_port(const config::Listener& listener) {
  return config::shared_or_own_port(listener) == config::kNoPort;
}

void add_ports(const config::LoadBalancerSpec& spec, std::set<std::uint32_t>& ports) {
  for (const config::Listener& listener : spec.listeners) {
    if (listener.port) ports.insert(*listener.port);
  }
}

}  // namespace

void keep_ports(const config::LoadBalancerSpec& before, config::LoadBalancerSpec& wanted) {
  std::set<std::uint32_t> taken;
  add_ports(wanted, taken);
  for (config::Listener& listener : wanted.listeners) {
    if (!lacks_port(listener)) continue;
    const auto same = std::ranges::find_if(before.listeners, [&](const config::Listener& old) {
      return old.port && old.protocol == listener.protocol && old.hostnames == listener.hostnames &&
             !taken.contains(*old.port);
    });
    if (same == before.listeners.end()) continue;
    listener.port = same->port;
    taken.insert(*same->port);
  }
}

void hand_out_ports(const config::Whole& world, std::span<config::Object* const> wanted,
                    const PortRange& range) {
  const auto spec_of = [](config::Object* object) -> config::LoadBalancerSpec& {
    return std::get<config::LoadBalancerSpec>(object->spec);
  };
  if (std::ranges::none_of(wanted, [&spec_of](config::Object* object) {
        return std::ranges::any_of(spec_of(object).listeners, lacks_port);
      })) {
    return;
  }
  std::set<std::uint32_t> taken;
  std::set<std::string_view> names;
  for (config::Object* object : wanted) {
    names.insert(object->metadata.name);
    add_ports(spec_of(object), taken);
  }
  for (const config::ObjectPointer& object : world.of(config::Kind::kLoadBalancer)) {
    if (names.contains(object->metadata.name)) continue;
    add_ports(std::get<config::LoadBalancerSpec>(object->spec), taken);
  }
  std::uint32_t next = range.first;
  for (config::Object* object : wanted) {
    for (config::Listener& listener : spec_of(object).listeners) {
      if (!lacks_port(listener)) continue;
      while (next <= range.last && taken.contains(next)) ++next;
      if (next > range.last) return;
      listener.port = next++;
    }
  }
}

}  // namespace weir::mirror
