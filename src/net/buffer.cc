#include "net/buffer.h"

#include <new>
#include <vector>

namespace weir::net {
namespace {

constexpr std::size_t kKeptBuffers =
    256;  // 8 MiB a thread stay warm; a burst beyond that goes back to the system

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kKept = 0;
#else
constexpr std::size_t kKept = kKeptBuffers;
#endif

struct Pool {
  std::vector<std::byte*> idle;
  Pool() { idle.reserve(kKeptBuffers); }
  ~Pool() {
    for (std::byte* data : idle) ::operator delete(data);
  }
};

thread_local Pool pool;

}  // namespace

Buffer Buffer::acquire() {
  if (pool.idle.empty()) return Buffer(static_cast<std::byte*>(::operator new(kBytes)));
  std::byte* data = pool.idle.back();  // last in, first out: the warmest
  pool.idle.pop_back();
  return Buffer(data);
}

void Buffer::release() noexcept {
  if (data_ == nullptr) return;
  if (pool.idle.size() < kKept) {
    pool.idle.push_back(data_);
  } else {
    ::operator delete(data_);
  }
  data_ = nullptr;
}

}  // namespace weir::net
