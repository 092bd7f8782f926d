#include "net/frame_pool.h"

#include <array>
#include <new>

namespace weir::net {
namespace {

constexpr std::size_t kClassBytes = 64;        // one cache line: blocks never share one
constexpr std::size_t kPooledBytesMax = 8192;  // the largest frame or response; above it, malloc
constexpr std::size_t kClasses = kPooledBytesMax / kClassBytes;
// Kept per class when it is idle, whichever is more: a burst must not hold its memory for ever, and two
// hundred requests at once, of the largest class too, are no burst.
constexpr std::size_t kKeptBytesPerClass = 256UL * 1024;
constexpr std::size_t kKeptBlocksPerClass = 256;

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kPooling = false;
#else
constexpr bool kPooling = true;
#endif

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  std::size_t blocks = 0;
};

struct Pool {
  std::array<FreeList, kClasses> lists{};
  ~Pool() {
    for (FreeList& list : lists) {
      while (list.head != nullptr) {
        FreeBlock* block = list.head;
        list.head = block->next;
        ::operator delete(block);
      }
    }
  }
};

thread_local Pool pool;

}  // namespace

void* pool_allocate(std::size_t bytes) {
  const std::size_t index = (bytes - 1) / kClassBytes;
  if (!kPooling || index >= kClasses) return ::operator new(bytes);
  FreeList& list = pool.lists[index];
  if (list.head == nullptr) return ::operator new((index + 1) * kClassBytes);
  FreeBlock* block = list.head;
  list.head = block->next;
  __builtin_prefetch(list.head, 1);  // idle for long perhaps: the next one is on its way before it is wanted
  --list.blocks;
  return block;
}

void pool_release(void* block, std::size_t bytes) noexcept {
  const std::size_t index = (bytes - 1) / kClassBytes;
  if (!kPooling || index >= kClasses) {
    ::operator delete(block);
    return;
  }
  FreeList& list = pool.lists[index];
  if (list.blocks >= kKeptBlocksPerClass && list.blocks * (index + 1) * kClassBytes >= kKeptBytesPerClass) {
    ::operator delete(block);
    return;
  }
  list.head = new (block) FreeBlock{list.head};
  ++list.blocks;
}

}  // namespace weir::net
