// Pooled memory for what lives as long as a request or a connection: coroutine frames, responses, streams.
// Per thread, no locks: memory returns to the pool of the thread that frees it. Under AddressSanitizer every
// block is an ordinary allocation, so that a use after free is seen.
#pragma once

#include <cstddef>

namespace weir::net {

void* pool_allocate(std::size_t bytes);
void pool_release(void* block, std::size_t bytes) noexcept;

// Gives a class the pool as its operator new. Deletion through a base needs a virtual destructor.
class Pooled {
 public:
  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { pool_release(block, bytes); }

 protected:
  ~Pooled() = default;
};

}  // namespace weir::net
