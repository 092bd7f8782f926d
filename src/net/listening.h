// ListeningSockets: those of a whole process, over all its loops: which are open, so that they can be handed
// to the process that takes its place; and which that one was handed and has not used yet. From any thread.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "net/epoll.h"
#include "net/network.h"

namespace weir::net {

class ListeningSockets {
 public:
  struct One {
    Address at;  // where it is bound
    Descriptor socket;
  };

  // Those that another process has, too. loops: as many listen on an address that has several.
  void inherit(std::vector<One> sockets, std::size_t loops) {
    const std::scoped_lock lock(mutex_);
    loops_ = loops;
    for (One& one : sockets) inherited_[one.at].sockets.push_back(std::move(one.socket));
  }
  bool has(const Address& at) const {
    const std::scoped_lock lock(mutex_);
    return inherited_.contains(at);
  }
  // For the next loop that listens there; none: nothing is left of that address. Connections wait in each of
  // them, so none is left out: with more loops than sockets some share one, with fewer some have several.
  Result<std::vector<Descriptor>> take(const Address& at) {
    const std::scoped_lock lock(mutex_);
    std::vector<Descriptor> taken;
    const auto found = inherited_.find(at);
    if (found == inherited_.end()) return taken;
    auto& [sockets, turn] = found->second;
    const std::size_t first = turn++;
    if (sockets.size() < loops_) {
      if (first >= loops_) return taken;
      auto copy = duplicate(sockets[first % sockets.size()].get(), kNoDuplicate);
      if (!copy) return fail(copy.error());
      taken.push_back(std::move(*copy));
      return taken;
    }
    for (std::size_t i = first; i < sockets.size(); i += loops_) {
      if (sockets[i]) taken.push_back(std::move(sockets[i]));
    }
    return taken;
  }
  // Nobody wants what is left.
  void drop_rest() {
    const std::scoped_lock lock(mutex_);
    inherited_.clear();
  }

  // --- those that are open
  void add(const Address& at, int socket) {
    const std::scoped_lock lock(mutex_);
    open_.emplace(socket, at);
  }
  // Before it is closed.
  void remove(int socket) {
    const std::scoped_lock lock(mutex_);
    open_.erase(socket);
  }
  // Each once more.
  Result<std::vector<One>> open() const {
    const std::scoped_lock lock(mutex_);
    std::vector<One> all;
    for (const auto& [socket, at] : open_) {
      auto copy = duplicate(socket, kNoDuplicate);
      if (!copy) return fail(copy.error());
      all.push_back({at, std::move(*copy)});
    }
    return all;
  }

 private:
  struct Inherited {
    std::vector<Descriptor> sockets;
    std::size_t turn = 0;  // loops that have had theirs
  };
  static constexpr const char* kNoDuplicate = "cannot duplicate a listening socket";

  mutable std::mutex mutex_;
  std::map<Address, Inherited> inherited_;
  std::size_t loops_ = 1;
  std::map<int, Address> open_;
};

}  // namespace weir::net
