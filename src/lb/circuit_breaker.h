// CircuitBreaker: how much of one service may be under way at once, over all cores. What is over a limit is
// refused at once, with 503, instead of waiting for a service that is too slow already. A permit is held as
// long as the thing lasts and given back by its destructor, on any core.
//
// One per service, owned by what its cores share; it outlives its permits and changes of the limits, which
// come in with each call. Acquiring is one atomic add, two when it is refused. No more than the limit is ever
// granted; when two ask for the last place and the limit is reached between them, both may be told so.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace weir::lb {

enum class Resource : std::uint8_t { kConnections, kPending, kRequests, kRetries };
inline constexpr std::size_t kResources = 4;
// By Resource.
inline constexpr std::array<std::string_view, kResources> kResourceNames{"connections", "pending", "requests",
                                                                         "retries"};

// Defaults guard the process and the origin without being met by a service that is merely busy: Envoy's 1024
// requests are 20,000 a second at 50 ms, which one core serves here.
struct CircuitLimits {
  // To all endpoints together. With as many client connections that is 16,384 of the 20,000 descriptors that
  // a process can count on, so one service alone can't use them up.
  std::uint32_t connections = 8192;
  // Requests that wait for a connection. They wait for a round trip or for a timeout; a thousand waiting
  // means that the service can't be reached, and each holds buffers.
  std::uint32_t pending = 1024;
  // In flight. Twice the connections, as a connection of HTTP/2 carries many.
  std::uint32_t requests = 16'384;
  // Of them, second and later tries. No bound here: RetryBudget bounds them in proportion to the traffic,
  // where a number (Envoy's 3) is too small for a busy service and too large for a quiet one.
  std::uint32_t retries = std::numeric_limits<std::uint32_t>::max();
};

// Move-only; false when it was refused or released.
class Permit {
 public:
  Permit() = default;
  explicit Permit(std::atomic<std::uint32_t>* used) : used_(used) {}
  Permit(Permit&& other) noexcept : used_(std::exchange(other.used_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      release();
      used_ = std::exchange(other.used_, nullptr);
    }
    return *this;
  }
  ~Permit() { release(); }

  explicit operator bool() const { return used_ != nullptr; }
  void release() {
    if (used_ != nullptr) std::exchange(used_, nullptr)->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>* used_ = nullptr;
};

class CircuitBreaker {
 public:
  CircuitBreaker() = default;
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  Permit try_acquire(Resource resource, const CircuitLimits& limits) {
    Use& use = uses_[static_cast<std::size_t>(resource)];
    if (use.used.fetch_add(1, std::memory_order_relaxed) < limit_of(resource, limits))
      return Permit(&use.used);
    use.used.fetch_sub(1, std::memory_order_relaxed);
    use.refused.fetch_add(1, std::memory_order_relaxed);
    return Permit();
  }

  std::uint32_t used(Resource resource) const {
    return uses_[static_cast<std::size_t>(resource)].used.load(std::memory_order_relaxed);
  }
  // How often since the beginning; for metrics.
  std::uint64_t refused(Resource resource) const {
    return uses_[static_cast<std::size_t>(resource)].refused.load(std::memory_order_relaxed);
  }

 private:
  static std::uint32_t limit_of(Resource resource, const CircuitLimits& limits) {
    switch (resource) {
      case Resource::kConnections: return limits.connections;
      case Resource::kPending: return limits.pending;
      case Resource::kRequests: return limits.requests;
      case Resource::kRetries: return limits.retries;
    }
    return 0;
  }

  struct alignas(64) Use {
    std::atomic<std::uint32_t> used{0};
    std::atomic<std::uint64_t> refused{0};
  };
  std::array<Use, kResources> uses_;
};

}  // namespace weir::lb
