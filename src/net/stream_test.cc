#include "net/stream.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>

#include "testing/fake_env.h"
#include "testing/memory_stream.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::MemoryLink;
using testing::MemoryStream;

class Step final : public StreamStep {
 public:
  using StreamStep::StreamStep;
  int times_done = 0;

 private:
  void done() override { ++times_done; }
};

struct Pipe {
  FakeEnv fake;
  MemoryStream::Pair ends = MemoryStream::pair(
      fake.loop, std::make_shared<MemoryLink>(testing::LinkOptions{.buffer_bytes = 8, .segment_bytes_max = 4},
                                              fake.random));
  MemoryStream& near = *ends.first;
  MemoryStream& far = *ends.second;
};

TEST_CASE("a step ends at once or by done(), as often as it is begun") {
  Pipe pipe;
  Step read(pipe.far);
  std::array<std::byte, 16> into{};
  for (int i = 1; i <= 3; ++i) {
    read.kind = StreamOperation::Kind::kReadable;
    CHECK_FALSE(read.begin());
    CHECK(read.pending());
    CHECK(pipe.fake.run(pipe.near.write(as_slice("abc"), 1s)) == Result<std::size_t>(3));
    pipe.fake.run_until_idle();
    CHECK_FALSE(read.pending());
    CHECK(read.times_done == i);
    read.kind = StreamOperation::Kind::kRead;
    read.into = into;
    CHECK(read.begin());
    CHECK(read.result == Result<std::size_t>(3));
    CHECK(read.times_done == i);
  }
}

TEST_CASE("an abandoned step is not done, leaves the stream usable, and knows how much it wrote") {
  Pipe pipe;
  std::array<std::byte, 16> into{};
  Step write(pipe.near);
  write.kind = StreamOperation::Kind::kWrite;
  write.from = {as_slice("0123456789"), as_slice("abcdef"), {}};
  CHECK_FALSE(write.begin());
  write.abandon();
  write.abandon();
  CHECK_FALSE(write.pending());
  CHECK(write.bytes_done == 8);
  CHECK(pipe.fake.run(pipe.far.read(into, 1s)) == Result<std::size_t>(4));
  pipe.fake.run_until_idle();
  CHECK(write.times_done == 0);

  // Complete already, and about to be told so
  {
    Step read(pipe.near);
    read.kind = StreamOperation::Kind::kReadable;
    CHECK_FALSE(read.begin());
    Step other(pipe.far);
    other.kind = StreamOperation::Kind::kWrite;
    other.from = {as_slice("x"), {}, {}};
    CHECK(other.begin());
    read.abandon();
    pipe.fake.run_until_idle();
    CHECK(read.times_done == 0);
    CHECK(read.begin());
    read.kind = StreamOperation::Kind::kRead;
    read.into = into;
    CHECK(read.begin());
    CHECK_FALSE(read.begin());  // and is destroyed while it waits
  }
  CHECK(pipe.fake.run(pipe.far.write(as_slice("y"), 1s)) == Result<std::size_t>(1));
  CHECK(pipe.fake.run(pipe.near.read(into, 1s)) == Result<std::size_t>(1));
}

}  // namespace
}  // namespace weir::net
