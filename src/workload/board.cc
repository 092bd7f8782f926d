#include "workload/board.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace weir::workload {
namespace {

constexpr std::size_t kObstaclesShown = 3;  // nodes in a sentence

Need sum_of(const std::vector<config::Container>& containers) {
  Need sum;
  for (const config::Container& one : containers) {
    sum.cpu_milli += config::parse_cpu(one.resources.cpu).value_or(0);
    sum.memory_bytes += config::parse_memory(one.resources.memory).value_or(0);
  }
  return sum;
}

// How much of the scarcest thing would be set aside, in thousandths.
std::uint64_t share_with(const Board::Node& node, const Need& need) {
  const auto share = [](std::uint64_t used, std::uint64_t all) {
    return all == 0 ? std::uint64_t{0} : used * 1000 / all;
  };
  return std::max({share(node.cpu_milli + need.cpu_milli, node.capacity.cpu_milli),
                   share((node.memory_bytes + need.memory_bytes) >> 10U, node.capacity.memory_bytes >> 10U),
                   share(node.instances + 1, node.capacity.instances_max)});
}

bool is_in_range(const nodelink::Capacity& capacity, std::uint32_t port) {
  return port >= capacity.port_first && port <= capacity.port_last;
}

// One that TCP or UDP has is not given, so at least these.
std::uint64_t ports_left(const Board::Node& node) {
  const nodelink::Capacity& has = node.capacity;
  if (has.port_first == 0 || has.port_last < has.port_first) return 0;
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(node.ports, [&](const auto& port) { return is_in_range(has, port.second); }));
  const std::uint64_t all = has.port_last - has.port_first + 1;
  return taken >= all ? 0 : all - taken;
}

template <class T>
bool allows(const std::vector<T>& list, const T& one) {
  return list.empty() || std::ranges::find(list, one) != list.end();
}

const config::ContainerPort* same_port(const config::InstanceSpec& former, const config::Container& container,
                                       const config::ContainerPort& port) {
  for (const config::Container& one : former.containers) {
    if (one.name != container.name) continue;
    for (const config::ContainerPort& other : one.ports) {
      if (other.port == port.port && other.protocol == port.protocol) return &other;
    }
  }
  return nullptr;
}

}  // namespace

Need need_of(const config::ContainerGroup& group) {
  Need need = sum_of(group.containers);
  for (const config::Container& one : group.init_containers) {
    need.cpu_milli = std::max(need.cpu_milli, config::parse_cpu(one.resources.cpu).value_or(0));
    need.memory_bytes = std::max(need.memory_bytes, config::parse_memory(one.resources.memory).value_or(0));
  }
  for (const config::Container& one : group.containers) {
    for (const config::ContainerPort& port : one.ports) {
      if (port.host_port == 0) {
        ++need.free_ports;
      } else {
        need.ports.emplace_back(port.protocol, port.host_port);
      }
    }
  }
  return need;
}

bool is_of_target(const config::NodeSpec& node, const config::WorkloadTarget& target) {
  return !node.city.empty() && allows(target.cities, node.city) && allows(target.regions, node.region) &&
         allows(target.providers, node.provider);
}

void Board::add(Node node) {
  std::string name = node.name;
  nodes_.insert_or_assign(std::move(name), std::move(node));
}

const Board::Node* Board::find(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

void Board::take(const config::InstanceSpec& instance, const Need& need) {
  const auto found = nodes_.find(instance.node);
  if (found == nodes_.end()) return;
  Node& node = found->second;
  node.cpu_milli += need.cpu_milli;
  node.memory_bytes += need.memory_bytes;
  ++node.instances;
  ++node.of_workload[instance.workload];
  for (const auto& port : need.ports) node.ports.insert(port);
}

void Board::give_back(const config::InstanceSpec& instance, const Need& need) {
  const auto found = nodes_.find(instance.node);
  if (found == nodes_.end()) return;
  Node& node = found->second;
  node.cpu_milli -= need.cpu_milli;
  node.memory_bytes -= need.memory_bytes;
  --node.instances;
  --node.of_workload[instance.workload];
  for (const auto& port : need.ports) node.ports.erase(port);
}

std::string Board::lacks(const Node& node, const Need& need) const {
  const nodelink::Capacity& has = node.capacity;
  if (node.instances >= has.instances_max) return "has all the instances that it may have";
  if (need.cpu_milli > 0 && node.cpu_milli + need.cpu_milli > has.cpu_milli) return "lacks cpu";
  if (need.memory_bytes > 0 && node.memory_bytes + need.memory_bytes > has.memory_bytes)
    return "lacks memory";
  for (const auto& port : need.ports) {
    if (node.ports.contains(port)) return "has the port " + std::to_string(port.second) + " taken";
  }
  const auto fixed = static_cast<std::size_t>(
      std::ranges::count_if(need.ports, [&](const auto& port) { return is_in_range(has, port.second); }));
  if (need.free_ports > 0 && need.free_ports + fixed > ports_left(node)) return "has no ports left";
  return {};
}

std::expected<std::string, std::string> Board::choose(const Wish& wish, std::string_view except) const {
  const Node* best = nullptr;
  std::pair<std::uint64_t, std::uint64_t> best_score;
  std::string obstacles;
  std::size_t refused = 0;
  for (const auto& [name, node] : nodes_) {
    if (node.spec->city != wish.city || !is_of_target(*node.spec, *wish.target) || name == except) continue;
    const std::string why = node.closed.empty() ? lacks(node, *wish.need) : node.closed;
    if (!why.empty()) {
      if (++refused <= kObstaclesShown) obstacles += (refused == 1 ? "" : ", ") + name + " " + why;
      continue;
    }
    const auto mine = node.of_workload.find(wish.workload);
    const std::pair<std::uint64_t, std::uint64_t> score(mine == node.of_workload.end() ? 0 : mine->second,
                                                        share_with(node, *wish.need));
    if (best == nullptr || score < best_score) {
      best = &node;
      best_score = score;
    }
  }
  if (best != nullptr) return best->name;
  if (refused == 0) return std::unexpected("there is no other node");
  if (refused > kObstaclesShown) {
    obstacles += ", and " + std::to_string(refused - kObstaclesShown) + " more have none either";
  }
  return std::unexpected(obstacles);
}

void Board::set_ports(config::InstanceSpec& instance, const config::InstanceSpec* former) {
  const auto found = nodes_.find(instance.node);
  WEIR_CHECK(found != nodes_.end());
  Node& node = found->second;
  const nodelink::Capacity& has = node.capacity;
  const auto is_free = [&](std::uint32_t port) {
    return !node.ports.contains({config::Transport::kTcp, port}) &&
           !node.ports.contains({config::Transport::kUdp, port});
  };
  std::vector<config::ContainerPort*> open;
  for (config::Container& container : instance.containers) {
    for (config::ContainerPort& port : container.ports) {
      if (port.host_port != 0) {
        node.ports.emplace(port.protocol, port.host_port);
        continue;
      }
      const config::ContainerPort* same = former == nullptr ? nullptr : same_port(*former, container, port);
      if (same != nullptr && is_free(same->host_port)) {
        port.host_port = same->host_port;
        node.ports.emplace(port.protocol, port.host_port);
      } else {
        open.push_back(&port);
      }
    }
  }
  for (config::ContainerPort* port : open) {
    std::uint32_t next = node.port_next;
    for (std::uint64_t tries = 0; tries <= has.port_last - has.port_first; ++tries, ++next) {
      if (next < has.port_first || next > has.port_last) next = has.port_first;
      if (is_free(next)) break;
    }
    WEIR_CHECK(is_free(next));
    port->host_port = next;
    node.ports.emplace(port->protocol, next);
    node.port_next = next + 1;
  }
}

}  // namespace weir::workload
