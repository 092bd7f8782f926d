// Board: what each node has and what of that is set aside, and which node is to get one more instance. A
// value that lives for one look of the scheduler. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/specs_workload.h"
#include "nodelink/values.h"

namespace weir::workload {

// What an instance sets aside on its node.
struct Need {
  std::uint32_t cpu_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<std::pair<config::Transport, std::uint32_t>> ports;  // of the host, that it must have
  std::size_t free_ports = 0;                                      // and as many of any number
  friend bool operator==(const Need&, const Need&) = default;
};
// Its init containers run before the others, one after the other.
Need need_of(const config::ContainerGroup& group);

// Who is looked for a place for.
struct Wish {
  std::string_view workload;
  const config::WorkloadTarget* target = nullptr;
  std::string_view city;
  const Need* need = nullptr;
};

class Board {
 public:
  struct Node {
    std::string name;
    const config::NodeSpec* spec = nullptr;
    nodelink::Capacity capacity;
    std::string closed;           // why it gets no more instances; empty: it does
    std::uint32_t port_next = 0;  // where the search for a port begins; 0: at the first

    std::uint64_t cpu_milli = 0;  // set aside
    std::uint64_t memory_bytes = 0;
    std::uint32_t instances = 0;
    std::set<std::pair<config::Transport, std::uint32_t>> ports;
    std::map<std::string, std::uint32_t, std::less<>> of_workload;
  };

  void add(Node node);
  const Node* find(std::string_view name) const;
  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }

  // An instance that is on its node, or will be.
  void take(const config::InstanceSpec& instance, const Need& need);
  void give_back(const config::InstanceSpec& instance, const Need& need);

  // What the node lacks for it, whether it is closed or not; empty: nothing.
  std::string lacks(const Node& node, const Need& need) const;
  // The node for one more: of those of the target and the city that have room, the one that has the fewest
  // of the workload, and of those the one that has the most left. Else why there is none, as the end of a
  // sentence. except: not this one; empty: any.
  std::expected<std::string, std::string> choose(const Wish& wish, std::string_view except = {}) const;
  // Gives every port of its containers one of the host's: those that are 0 the one that the same port of
  // `former` has, if any, else the next that is free. The node must have room.
  void set_ports(config::InstanceSpec& instance, const config::InstanceSpec* former);

 private:
  std::map<std::string, Node, std::less<>> nodes_;
};

// Whether a node is of a target.
bool is_of_target(const config::NodeSpec& node, const config::WorkloadTarget& target);

}  // namespace weir::workload
