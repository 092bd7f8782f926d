// Sources: how many connections each client address has open, over all cores; an IPv6 client counts as its
// /64, which one machine has to itself. Only those that are limited are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "net/network.h"

namespace weir::edge {

class Sources {
 public:
  // A place of one address, given back when it is destroyed. Move-only; false: there was none. The Sources
  // outlive it.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Place() {
      if (owner_ != nullptr) owner_->give_back(key_);
    }
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    friend class Sources;
    Place(Sources* owner, std::uint64_t key) : owner_(owner), key_(key) {}
    Sources* owner_ = nullptr;
    std::uint64_t key_ = 0;
  };

  // One more of that client, when it has fewer than `max`.
  Place take(const net::Address& client, std::uint32_t max);

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint32_t> open;  // guarded; none is 0
  };
  static std::uint64_t key_of(const net::Address& client);
  Shard& shard_of(std::uint64_t key) { return shards_[key % kShards]; }
  void give_back(std::uint64_t key);

  std::array<Shard, kShards> shards_;
};

}  // namespace weir::edge
