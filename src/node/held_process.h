// HeldProcess: a process of this machine that podman started, held in such a way that no other is meant when
// it has ended and its number is used again. Blocks on nothing but /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/socket.h"

namespace weir::node {

class HeldProcess {
 public:
  // group: a word in the name of a control group of it, the container's id: without it, the number is another
  // process's, such as when podman has a world of processes of its own. None: there is no such process.
  static std::optional<HeldProcess> find(std::uint64_t process, std::string_view group);

  // Nothing happens to one that has ended.
  void signal(int number) const;

 private:
  explicit HeldProcess(net::Descriptor handle) : handle_(std::move(handle)) {}
  net::Descriptor handle_;
};

}  // namespace weir::node
