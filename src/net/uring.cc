#include "net/uring.h"

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace weir::net {
namespace {

constexpr unsigned kSubmissions = 1024;
constexpr unsigned kCompletions = 8192;
// No buffer outlives the turn that filled it, so that these serve any number of connections. When one turn
// needs more, the kernel says so and the receive is asked for again.
constexpr unsigned kBuffers = 128;
constexpr std::size_t kBufferBytes = 32UL * 1024;
constexpr std::size_t kArenaBytes = 256UL * 1024;
constexpr std::size_t kOrphansMax = 1024;
constexpr unsigned kOrphanMilliseconds = 10'000;  // without progress

constexpr unsigned kRingFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;

int make_ring(io_uring& ring, unsigned submissions, unsigned completions, unsigned flags) {
  io_uring_params parameters{};
  parameters.flags = kRingFlags | flags;
  parameters.cq_entries = completions;
  return io_uring_queue_init_params(submissions, &ring, &parameters);
}

int register_buffers(io_uring& ring, void* memory, unsigned count) {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = count;
  return io_uring_register_buf_ring(&ring, &registration, 0);
}

// liburing 2.3 declares io_uring_enable_rings and does not export it.
int enable(const io_uring& ring) {
  return static_cast<int>(
      ::syscall(__NR_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
}

struct Unmap {
  std::size_t bytes;
  void operator()(void* memory) const { ::munmap(memory, bytes); }
};
using Pages = std::unique_ptr<void, Unmap>;

Pages map_pages(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  return {memory == MAP_FAILED ? nullptr : memory, Unmap{bytes}};
}

// A ring of this thread that does all that a real one will: a sandbox may forbid any one step.
Result<void> probe() {
  io_uring ring{};
  if (const int made = make_ring(ring, 4, 8, IORING_SETUP_R_DISABLED); made < 0) {
    return fail(system_error(-made, "no io_uring"));
  }
  int failed = enable(ring) < 0 ? errno : 0;
  if (failed == 0) {
    io_uring_prep_nop(io_uring_get_sqe(&ring));
    __kernel_timespec limit{.tv_sec = 1, .tv_nsec = 0};
    io_uring_cqe* done = nullptr;
    if (const int got = io_uring_submit_and_wait_timeout(&ring, &done, 1, &limit, nullptr); got < 0)
      failed = -got;
  }
  io_uring_queue_exit(&ring);
  if (failed != 0) return fail(system_error(failed, "io_uring does not serve"));
  return {};
}

}  // namespace

struct UringPoller::Ring {
  io_uring uring{};
  Pages entries{nullptr, Unmap{0}};
  Pages memory{nullptr, Unmap{0}};
  io_uring_buf_ring* buffers = nullptr;
  bool made = false;
  bool enabled = false;  // and bound to the thread of the loop

  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (made) io_uring_queue_exit(&uring);
  }

  std::byte* buffer(unsigned id) const {
    return static_cast<std::byte*>(memory.get()) + std::size_t{id} * kBufferBytes;
  }
  void recycle(unsigned id) {
    io_uring_buf_ring_add(buffers, buffer(id), kBufferBytes, static_cast<unsigned short>(id),
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(buffers, 1);
  }
  io_uring_sqe* submission(std::uint64_t data) {
    io_uring_sqe* sqe = io_uring_get_sqe(&uring);
    if (sqe == nullptr) {
      submit();
      sqe = io_uring_get_sqe(&uring);
      WEIR_CHECK(sqe != nullptr);
    }
    io_uring_sqe_set_data64(sqe, data);  // since liburing 2.2 the prep functions leave it alone
    return sqe;
  }
  void submit() {
    if (enabled) (void)io_uring_submit(&uring);
  }
};

// Keeps what a closed stream had written until the kernel has taken it.
class UringPoller::Orphan final : public Handler {
 public:
  Orphan(UringPoller& poller, Descriptor descriptor, std::vector<std::byte> rest)
      : poller_(poller),
        descriptor_(std::move(descriptor)),
        rest_(std::move(rest)),
        slot_(poller.add(*this)) {
    (void)::setsockopt(descriptor_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kOrphanMilliseconds,
                       sizeof kOrphanMilliseconds);
    poller_.poll(slot_, descriptor_.get(), Poll::kOut);
  }
  Orphan(const Orphan&) = delete;
  Orphan& operator=(const Orphan&) = delete;
  ~Orphan() {
    poller_.remove(slot_);
    poller_.close(std::move(descriptor_));
  }

 private:
  void on_received(std::span<const std::byte>, int, bool) override {}
  void on_end_near() override {}
  void on_not_sent(std::size_t, int) override {}
  void on_polled(Poll /*what*/) override {
    const auto sent = ::send(descriptor_.get(), rest_.data(), rest_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) rest_.erase(rest_.begin(), rest_.begin() + sent);
    if (!rest_.empty() && (sent > 0 || errno == EAGAIN)) {
      poller_.poll(slot_, descriptor_.get(), Poll::kOut);
      return;
    }
    std::erase_if(poller_.orphans_, [this](const auto& orphan) { return orphan.get() == this; });
  }

  UringPoller& poller_;
  Descriptor descriptor_;
  std::vector<std::byte> rest_;
  Slot slot_;
};

Result<std::unique_ptr<UringPoller>> UringPoller::create(EpollPoller& epoll) {
  if (auto serves = probe(); !serves) return fail(serves.error());
  auto ring = std::make_unique<Ring>();
  // Disabled: the ring becomes that of the thread which enables it, and that is not the one which makes it.
  if (const int made = make_ring(ring->uring, kSubmissions, kCompletions, IORING_SETUP_R_DISABLED);
      made < 0) {
    return fail(system_error(-made, "cannot make an io_uring"));
  }
  ring->made = true;
  ring->entries = map_pages(kBuffers * sizeof(io_uring_buf));
  ring->memory = map_pages(kBuffers * kBufferBytes);
  if (!ring->entries || !ring->memory) return fail(system_error(ENOMEM, "no memory for an io_uring"));
  if (const int made = register_buffers(ring->uring, ring->entries.get(), kBuffers); made < 0) {
    return fail(system_error(-made, "cannot register a buffer ring"));
  }
  ring->buffers = static_cast<io_uring_buf_ring*>(ring->entries.get());
  for (unsigned id = 0; id < kBuffers; ++id) ring->recycle(id);
  return std::unique_ptr<UringPoller>(new UringPoller(epoll, std::move(ring)));
}

UringPoller::UringPoller(EpollPoller& epoll, std::unique_ptr<Ring> ring)
    : epoll_(epoll), ring_(std::move(ring)) {
  for (auto& arena : arenas_) arena = std::make_unique_for_overwrite<std::byte[]>(kArenaBytes);
  watch_epoll();
}

UringPoller::~UringPoller() {
  orphans_.clear();
  ring_->submit();  // what is to be closed; refused outside the thread of the loop, at the end of the process
}

UringPoller::Slot UringPoller::add(Handler& handler) {
  Slot slot = 0;
  if (free_.empty()) {
    slot = static_cast<Slot>(entries_.size());
    entries_.emplace_back();
    free_.reserve(entries_.capacity());  // so that remove() allocates nothing
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  entries_[slot].handler = &handler;
  return slot;
}

void UringPoller::remove(Slot slot) {
  Entry& entry = entries_[slot];
  entry.handler = nullptr;
  entry.staged_turn = 0;
  ++entry.generation;
  free_.push_back(slot);
}

UringPoller::Entry* UringPoller::find(std::uint64_t data) {
  const auto slot = static_cast<std::uint32_t>(data) >> 3U;
  if (slot >= entries_.size()) return nullptr;
  Entry& entry = entries_[slot];
  return entry.handler != nullptr && entry.generation == data >> 32U ? &entry : nullptr;
}

void UringPoller::receive(Slot slot, int fd, bool multishot) {
  io_uring_sqe* sqe = ring_->submission(tag(Kind::kReceive, slot));
  if (multishot) {
    io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
  } else {
    io_uring_prep_recv(sqe, fd, nullptr, kBufferBytes, 0);
  }
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = 0;
}

void UringPoller::cancel_receive(Slot slot) {
  io_uring_sqe* sqe = ring_->submission(tag(Kind::kIgnore, slot));
  io_uring_prep_cancel64(sqe, tag(Kind::kReceive, slot), 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringPoller::poll(Slot slot, int fd, Poll what) {
  constexpr std::array<unsigned, 3> kEvents{POLLOUT, POLLIN | POLLRDHUP, POLLRDHUP};
  io_uring_prep_poll_add(ring_->submission(tag(static_cast<Kind>(what), slot)), fd,
                         kEvents[static_cast<std::size_t>(what)]);
}

void UringPoller::close(Descriptor descriptor) {
  const std::uint64_t ignored = static_cast<std::uint64_t>(Kind::kIgnore);
  const int fd = descriptor.release();
  io_uring_sqe* cancel = ring_->submission(ignored);
  io_uring_prep_cancel_fd(cancel, fd, IORING_ASYNC_CANCEL_ALL);
  cancel->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe* closing = ring_->submission(ignored);
  io_uring_prep_close(closing, fd);
  closing->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringPoller::watch_epoll() {
  io_uring_prep_poll_add(ring_->submission(static_cast<std::uint64_t>(Kind::kEpoll)), epoll_.descriptor(),
                         POLLIN);
}

bool UringPoller::stage(Slot slot, int fd, std::span<const std::span<const std::byte>> slices,
                        std::size_t bytes) {
  if (kArenaBytes - staged_bytes_ < bytes) return false;
  std::byte* const begin = arenas_[turn_ % 2].get() + staged_bytes_;
  std::byte* at = begin;
  for (const auto slice : slices) at = std::ranges::copy(slice, at).out;
  staged_bytes_ += bytes;
  Entry& entry = entries_[slot];
  entry.staged = {begin, bytes};
  entry.staged_turn = turn_;
  io_uring_sqe* sqe = ring_->submission(tag(Kind::kSend, slot));
  // MSG_DONTWAIT: done or refused at submission. MSG_WAITALL: a part counts as a failure, and only failures
  // are told.
  io_uring_prep_send(sqe, fd, begin, bytes, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  return true;
}

void UringPoller::not_sent(std::uint64_t data, int result) {
  if (Entry* entry = find(data); entry != nullptr) {
    const bool failed = result < 0 && result != -EAGAIN && result != -EINTR;
    entry->handler->on_not_sent(static_cast<std::size_t>(std::max(result, 0)), failed ? -result : 0);
  }
}

void UringPoller::settle(Slot slot) {
  if (!is_staged(slot)) return;
  entries_[slot].staged_turn = 0;
  ring_->submit();
  io_uring& ring = ring_->uring;
  const std::uint64_t wanted = tag(Kind::kSend, slot);
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring, head, cqe) {
    if (cqe->user_data != wanted) continue;
    cqe->user_data = tag(Kind::kIgnore, slot);
    not_sent(wanted, cqe->res);
  }
}

void UringPoller::send_and_close(Descriptor descriptor, std::vector<std::byte> rest) {
  if (orphans_.size() >= kOrphansMax) orphans_.erase(orphans_.begin());
  orphans_.push_back(std::make_unique<Orphan>(*this, std::move(descriptor), std::move(rest)));
}

void UringPoller::wait(std::optional<Duration> timeout) {
  io_uring& ring = ring_->uring;
  if (!ring_->enabled) {
    WEIR_CHECK(enable(ring) >= 0);
    ring_->enabled = true;
    (void)io_uring_register_ring_fd(&ring);  // saves a look-up per call; it works without
  }
  ++turn_;
  staged_bytes_ = 0;
  int done = 0;
  if (!timeout) {
    done = io_uring_submit_and_wait(&ring, 1);
  } else if (*timeout <= Duration::zero()) {
    done = io_uring_submit_and_get_events(&ring);
  } else {
    const auto whole = std::chrono::floor<std::chrono::seconds>(*timeout);
    __kernel_timespec limit{
        .tv_sec = whole.count(),
        .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(*timeout - whole).count()};
    io_uring_cqe* first = nullptr;
    done = io_uring_submit_and_wait_timeout(&ring, &first, 1, &limit, nullptr);
  }
  // -EBUSY, -EAGAIN: the kernel is short of memory for completions; they are taken first.
  WEIR_CHECK(done >= 0 || done == -EINTR || done == -ETIME || done == -EBUSY || done == -EAGAIN);
}

void UringPoller::handle(std::uint64_t data, int result, std::uint32_t flags) {
  Entry* entry = find(data);
  switch (static_cast<Kind>(data & 7U)) {
    case Kind::kReceive: {
      const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
      const unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
      std::span<const std::byte> bytes;
      if (has_buffer && result > 0) bytes = {ring_->buffer(id), static_cast<std::size_t>(result)};
      if (entry != nullptr) {
        entry->handler->on_received(bytes, std::max(-result, 0), (flags & IORING_CQE_F_MORE) != 0);
      }
      if (has_buffer) ring_->recycle(id);
      break;
    }
    case Kind::kPollOut:
    case Kind::kPollIn:
    case Kind::kPollHangup:
      if (entry != nullptr) entry->handler->on_polled(static_cast<Poll>(data & 7U));
      break;
    case Kind::kEpoll:
      epoll_.wait(Duration::zero());
      (void)epoll_.dispatch();
      watch_epoll();
      break;
    case Kind::kSend:
    case Kind::kIgnore: break;
  }
}

bool UringPoller::dispatch() {
  io_uring& ring = ring_->uring;
  unsigned found = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring, head, cqe) {
    ++found;
    const auto kind = static_cast<Kind>(cqe->user_data & 7U);
    if (kind == Kind::kReceive && cqe->res == 0) {
      if (const Entry* entry = find(cqe->user_data); entry != nullptr) entry->handler->on_end_near();
    } else if (kind == Kind::kSend) {
      not_sent(cqe->user_data, cqe->res);
      cqe->user_data = static_cast<std::uint64_t>(Kind::kIgnore);
    }
  }
  for (unsigned i = 0; i < found; ++i) {
    const io_uring_cqe done = ring.cq.cqes[*ring.cq.khead & *ring.cq.kring_mask];
    io_uring_cq_advance(&ring, 1);
    handle(done.user_data, done.res, done.flags);
  }
  return found > 0;
}

}  // namespace weir::net
