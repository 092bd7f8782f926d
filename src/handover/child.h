// Child: a binary that is started with the arguments and the environment of this process, and one descriptor.
// It is this process's sibling, so that whoever watches over this one (systemd, a shell) watches over that
// one, too, and nobody has to wait for it here.
#pragma once

#include <sys/types.h>
#include <string>

#include "base/error.h"
#include "net/epoll.h"

namespace weir::handover {

// Where the child finds its descriptor.
inline constexpr int kChildDescriptor = 3;
inline constexpr const char* kChildVariable = "WEIR_TAKES_OVER";  // its value: who started it

class Child {
 public:
  // The error's errno is that of execve(2). environment: of this process.
  static Result<Child> start(const std::string& binary, const net::Descriptor& theirs,
                             const char* const* environment);
  pid_t id() const { return id_; }
  // At once, if it still runs.
  void kill() const;

 private:
  Child(pid_t id, net::Descriptor handle) : id_(id), handle_(std::move(handle)) {}
  pid_t id_;
  net::Descriptor handle_;
};

}  // namespace weir::handover
