#include "net/frame_pool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "net/buffer.h"
#include "testing/allocation_count.h"

namespace weir::net {
namespace {

// Every size, at the edges of the classes, written to its last byte; released in another order.
void use_all_sizes() {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t bytes = 1; bytes <= 10'000; bytes += bytes % 64 < 2 || bytes % 64 == 63 ? 1 : 31) {
    auto* block = static_cast<unsigned char*>(pool_allocate(bytes));
    std::memset(block, static_cast<int>(bytes & 0xff), bytes);
    blocks.emplace_back(block, bytes);
  }
  for (std::size_t parity : {0U, 1U}) {
    for (std::size_t i = parity; i < blocks.size(); i += 2) {
      const auto [block, bytes] = blocks[i];
      CHECK(block[0] == (bytes & 0xff));
      CHECK(block[bytes - 1] == (bytes & 0xff));
      pool_release(block, bytes);
    }
  }
}

TEST_CASE("blocks of every size are whole and separate, and come back from the pool") {
  use_all_sizes();
  const auto before = testing::allocations();
  void* block = pool_allocate(1000);
  pool_release(block, 1000);
  void* same_class = pool_allocate(990);
  pool_release(same_class, 990);
  if (before) {  // without a sanitizer, the pool is on
    CHECK(same_class == block);
    CHECK(*testing::allocations() == *before);
  }
  use_all_sizes();
}

TEST_CASE("a burst does not hold its memory for ever") {
  constexpr std::size_t kBytes = 8192;
  std::vector<void*> blocks;
  for (int i = 0; i < 400; ++i) blocks.push_back(pool_allocate(kBytes));
  for (void* block : blocks) pool_release(block, kBytes);
  const auto before = testing::allocations();
  for (void*& block : blocks) block = pool_allocate(kBytes);
  if (before) {
    CHECK(*testing::allocations() > *before);        // some had gone back
    CHECK(*testing::allocations() - *before < 390);  // and some were kept
  }
  for (void* block : blocks) pool_release(block, kBytes);
}

TEST_CASE("a buffer is moved, released once, and used again") {
  Buffer empty;
  CHECK_FALSE(empty);
  Buffer first = Buffer::acquire();
  REQUIRE(first);
  CHECK(first.span().size() == Buffer::kBytes);
  std::byte* data = first.data();
  data[Buffer::kBytes - 1] = std::byte{1};
  Buffer second = std::move(first);
  CHECK_FALSE(first);  // NOLINT: that is what is tested
  CHECK(second.data() == data);
  Buffer third = Buffer::acquire();
  CHECK(third.data() != data);
  third = std::move(second);
  CHECK(third.data() == data);
  third.release();
  third.release();
  CHECK_FALSE(third);
  const auto before = testing::allocations();
  const Buffer again = Buffer::acquire();
  CHECK(again);
  if (before) CHECK(again.data() == data);
}

}  // namespace
}  // namespace weir::net
