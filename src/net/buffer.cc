#include "net/buffer.h"

#include <cstring>
#include <new>

namespace weir::net {
namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kKept = 0;
#else
constexpr std::size_t kKept = 256;  // 8 MiB a thread stay warm; a burst beyond that goes back to the system
#endif

// Idle buffers, last in, first out: the warmest. The first bytes of each are the address of the next.
struct Pool {
  std::byte* first = nullptr;
  std::size_t count = 0;

  void push(std::byte* data) {
    std::memcpy(data, &first, sizeof first);
    first = data;
    ++count;
  }
  std::byte* pop() {
    std::byte* data = first;
    std::memcpy(&first, data, sizeof first);
    --count;
    return data;
  }
  ~Pool() {
    while (first != nullptr) ::operator delete(pop());
  }
};

thread_local Pool pool;

}  // namespace

Buffer Buffer::acquire() {
  if (pool.first == nullptr) return Buffer(static_cast<std::byte*>(::operator new(kBytes)));
  return Buffer(pool.pop());
}

void Buffer::release() noexcept {
  if (data_ == nullptr) return;
  if (pool.count < kKept) {
    pool.push(data_);
  } else {
    ::operator delete(data_);
  }
  data_ = nullptr;
}

}  // namespace weir::net
