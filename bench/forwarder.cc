// forwarder: copies bytes between a client connection and one upstream connection that it opens for it, and
// parses nothing. It is the floor of `./dev bench http1`: what the kernel's TCP alone costs a proxy on this
// machine. One thread, loopback only, no timeouts: a measuring tool, never a server.
//
//   forwarder --listen PORT --upstream PORT [--backend epoll|uring] [--buffer BYTES] [--splice]
//
// epoll: edge-triggered, one recv and one send per message. --splice moves bytes through a pipe and never
// copies them (epoll only: io_uring hands splice to worker threads). uring: multishot accept, multishot recv
// into a shared buffer ring, one submission system call per turn of the loop.
#include <fcntl.h>
#include <liburing.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "loopback.h"

namespace {

using namespace weir::bench;

constexpr int kEventsPerTurn = 512;
constexpr std::size_t kPipeBytes = 1U << 20;         // the most that an unprivileged process may ask for
constexpr std::size_t kRingMemoryBytes = 64U << 20;  // all buffers of the io_uring backend together
constexpr unsigned kRingBuffersMax = 8192;

struct Options {
  std::uint16_t listen_port = 0;
  std::uint16_t upstream_port = 0;
  std::size_t buffer_bytes = 16384;
  bool uring = false;
  bool splice = false;
};

// --- epoll
// ---------------------------------------------------------------------------------------------------------

class EpollForwarder {
 public:
  explicit EpollForwarder(const Options& options)
      : options_(options), scratch_(options.buffer_bytes), listener_(listen_on(options.listen_port)) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) die("epoll_create1");
    watch(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsPerTurn> events;
    for (;;) {
      const int ready = epoll_wait(epoll_, events.data(), kEventsPerTurn, -1);
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < ready; ++i) {
        auto* side = static_cast<Side*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (side == nullptr) {
          accept_all();
        } else if (!side->pair->closed) {
          handle(*side, events[static_cast<std::size_t>(i)].events);
        }
      }
      closed_.clear();  // after the turn: a later event of it may still point into a pair closed in this one
    }
  }

 private:
  struct Pair;
  struct Side {
    int fd = -1;
    Side* peer = nullptr;
    Pair* pair = nullptr;
    std::vector<char> unsent;         // waits for this side to take it
    std::array<int, 2> pipe{-1, -1};  // splice: bytes on their way to this side
    std::size_t piped_bytes = 0;
    bool ended = false;  // this side sent FIN
  };
  struct Pair {
    Side client;
    Side upstream;
    bool closed = false;
  };

  void watch(int fd, std::uint32_t what, Side* side) {
    epoll_event event{};
    event.events = what;
    event.data.ptr = side;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      const int upstream = connect_to(options_.upstream_port);
      if (upstream < 0) {
        close(client);
        continue;
      }
      fcntl(upstream, F_SETFL, O_NONBLOCK);
      set_nodelay(client);
      auto pair = std::make_unique<Pair>();
      pair->client = {.fd = client, .peer = &pair->upstream, .pair = pair.get()};
      pair->upstream = {.fd = upstream, .peer = &pair->client, .pair = pair.get()};
      if (options_.splice) {
        open_pipe(pair->client);
        open_pipe(pair->upstream);
      }
      watch(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &pair->client);
      watch(upstream, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &pair->upstream);
      pairs_.push_back(std::move(pair));
    }
  }

  static void open_pipe(Side& side) {
    if (pipe2(side.pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0) die("pipe2");
    fcntl(side.pipe[1], F_SETPIPE_SZ, static_cast<int>(kPipeBytes));
  }

  void handle(Side& side, std::uint32_t events) {
    if ((events & EPOLLERR) != 0) return close_pair(*side.pair);
    if ((events & EPOLLOUT) != 0 && (!side.unsent.empty() || side.piped_bytes != 0)) {
      if (flush(side)) pump(*side.peer, true);
    }
    if (side.pair->closed) return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
      pump(side, (events & (EPOLLRDHUP | EPOLLHUP)) != 0);
  }

  // True when nothing waits for this side any more.
  bool flush(Side& side) {
    if (options_.splice) {
      while (side.piped_bytes != 0) {
        const ssize_t sent = splice(side.pipe[0], nullptr, side.fd, nullptr, side.piped_bytes,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (sent <= 0) return failed(side, sent);
        side.piped_bytes -= static_cast<std::size_t>(sent);
      }
      return true;
    }
    const ssize_t sent = send(side.fd, side.unsent.data(), side.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return failed(side, sent);
    side.unsent.erase(side.unsent.begin(), side.unsent.begin() + sent);
    return side.unsent.empty();
  }

  bool failed(Side& side, ssize_t result) {
    if (result == 0 || errno != EAGAIN) close_pair(*side.pair);
    return false;
  }

  // Moves what `from` has to its peer. A short read means that the socket is empty, and the edge comes again:
  // only an end of stream that is already known (until_end), or a pause, needs the read that returns EAGAIN.
  void pump(Side& from, bool until_end) {
    Side& to = *from.peer;
    while (!from.ended && to.unsent.empty() && to.piped_bytes == 0) {
      const ssize_t got = options_.splice ? splice(from.fd, nullptr, to.pipe[1], nullptr, kPipeBytes,
                                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
                                          : recv(from.fd, scratch_.data(), scratch_.size(), 0);
      if (got < 0) {
        if (errno != EAGAIN) close_pair(*from.pair);
        return;
      }
      if (got == 0) return end(from);
      if (!deliver(to, static_cast<std::size_t>(got))) return;
      if (!options_.splice && !until_end && static_cast<std::size_t>(got) < scratch_.size()) return;
    }
  }

  bool deliver(Side& to, std::size_t bytes) {
    if (options_.splice) {
      to.piped_bytes += bytes;
      return flush(to);
    }
    const ssize_t sent = send(to.fd, scratch_.data(), bytes, MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(bytes)) return true;
    if (sent < 0 && errno != EAGAIN) return failed(to, sent);
    const auto taken = sent < 0 ? 0 : sent;
    to.unsent.assign(scratch_.begin() + taken, scratch_.begin() + static_cast<std::ptrdiff_t>(bytes));
    return false;
  }

  void end(Side& from) {
    from.ended = true;
    shutdown(from.peer->fd, SHUT_WR);
    if (from.peer->ended) close_pair(*from.pair);
  }

  void close_pair(Pair& pair) {
    if (pair.closed) return;
    pair.closed = true;
    for (const Side* side : {&pair.client, &pair.upstream}) {
      close(side->fd);
      for (const int fd : side->pipe) {
        if (fd >= 0) close(fd);
      }
    }
    for (auto& owned : pairs_) {
      if (owned.get() != &pair) continue;
      closed_.push_back(std::move(owned));
      owned = std::move(pairs_.back());
      pairs_.pop_back();
      return;
    }
  }

  const Options options_;
  std::vector<char> scratch_;
  const int listener_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<std::unique_ptr<Pair>> closed_;
};

// --- io_uring
// ------------------------------------------------------------------------------------------------------

class UringForwarder {
 public:
  explicit UringForwarder(const Options& options)
      : options_(options), listener_(listen_on(options.listen_port)) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 16384;
    const int made = io_uring_queue_init_params(4096, &ring_, &parameters);
    if (made < 0) {
      errno = -made;
      die("io_uring_queue_init_params");
    }
    make_buffers();
    io_uring_prep_multishot_accept(entry(Operation::kAccept, nullptr), listener_, nullptr, nullptr,
                                   SOCK_CLOEXEC);
  }

  [[noreturn]] void run() {
    for (;;) {
      const int done = io_uring_submit_and_wait(&ring_, 1);
      if (done < 0 && done != -EINTR) {
        errno = -done;
        die("io_uring_submit_and_wait");
      }
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        handle(*completion);
        ++seen;
      }
      io_uring_cq_advance(&ring_, seen);
      rearm_waiting();
      if (returned_ != 0) {
        io_uring_buf_ring_advance(buffers_, static_cast<int>(returned_));
        returned_ = 0;
      }
    }
  }

 private:
  enum class Operation : std::uint64_t { kAccept, kReceive, kSend };
  struct Pair;
  struct Chunk {
    std::uint16_t buffer;
    std::size_t bytes;
  };
  struct Side {
    int fd = -1;
    Side* peer = nullptr;
    Pair* pair = nullptr;
    std::deque<Chunk> outgoing;  // the front is the one in flight
    bool receiving = false;
    bool waiting = false;  // in waiting_, for a buffer
    bool ended = false;
  };
  struct Pair {
    Side client;
    Side upstream;
    bool closing = false;
  };

  void make_buffers() {
    count_ = static_cast<unsigned>(std::bit_floor(kRingMemoryBytes / options_.buffer_bytes));
    if (count_ > kRingBuffersMax) count_ = kRingBuffersMax;
    memory_.resize(count_ * options_.buffer_bytes);
    void* ring = nullptr;
    if (posix_memalign(&ring, 4096, count_ * sizeof(io_uring_buf)) != 0) die("posix_memalign");
    std::memset(ring, 0, count_ * sizeof(io_uring_buf));
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(ring);
    registration.ring_entries = count_;
    const int made = io_uring_register_buf_ring(&ring_, &registration, 0);
    if (made < 0) {
      errno = -made;
      die("io_uring_register_buf_ring");
    }
    buffers_ = static_cast<io_uring_buf_ring*>(ring);
    for (unsigned i = 0; i < count_; ++i) give_back(static_cast<std::uint16_t>(i));
    io_uring_buf_ring_advance(buffers_, static_cast<int>(returned_));
    returned_ = 0;
  }

  char* memory_of(std::uint16_t buffer) { return memory_.data() + buffer * options_.buffer_bytes; }

  void give_back(std::uint16_t buffer) {
    io_uring_buf_ring_add(buffers_, memory_of(buffer), static_cast<unsigned>(options_.buffer_bytes), buffer,
                          io_uring_buf_ring_mask(count_), static_cast<int>(returned_));
    ++returned_;
  }

  io_uring_sqe* entry(Operation operation, Side* side) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      io_uring_submit(&ring_);
      sqe = io_uring_get_sqe(&ring_);
    }
    // Before the prep functions: since liburing 2.2 they leave user_data alone. A Side is aligned to 8: 3
    // bits are free.
    io_uring_sqe_set_data64(sqe,
                            reinterpret_cast<std::uint64_t>(side) | static_cast<std::uint64_t>(operation));
    return sqe;
  }

  void handle(const io_uring_cqe& completion) {
    const auto operation = static_cast<Operation>(completion.user_data & 3);
    auto* side = reinterpret_cast<Side*>(completion.user_data & ~std::uint64_t{3});
    switch (operation) {
      case Operation::kAccept:
        if (completion.res >= 0) accepted(completion.res);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) {
          io_uring_prep_multishot_accept(entry(Operation::kAccept, nullptr), listener_, nullptr, nullptr,
                                         SOCK_CLOEXEC);
        }
        return;
      case Operation::kReceive: return received(*side, completion);
      case Operation::kSend: return sent(*side, completion.res);
    }
  }

  void accepted(int client) {
    const int upstream = connect_to(options_.upstream_port);
    if (upstream < 0) {
      close(client);
      return;
    }
    set_nodelay(client);
    auto* pair = new Pair;  // freed by close_if_idle, when the last operation that names it is done
    pair->client = {.fd = client, .peer = &pair->upstream, .pair = pair};
    pair->upstream = {.fd = upstream, .peer = &pair->client, .pair = pair};
    receive(pair->client);
    receive(pair->upstream);
  }

  void receive(Side& side) {
    io_uring_sqe* sqe = entry(Operation::kReceive, &side);
    io_uring_prep_recv_multishot(sqe, side.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    side.receiving = true;
  }

  void received(Side& side, const io_uring_cqe& completion) {
    if ((completion.flags & IORING_CQE_F_MORE) == 0) side.receiving = false;
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
      const auto buffer = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
      if (completion.res > 0 && !side.pair->closing) {
        Side& to = *side.peer;
        to.outgoing.push_back({buffer, static_cast<std::size_t>(completion.res)});
        if (to.outgoing.size() == 1) send_front(to);
      } else {
        give_back(buffer);
      }
    }
    if (completion.res == -ENOBUFS) {
      if (!side.waiting) waiting_.push_back(&side);
      side.waiting = true;
    } else if (completion.res < 0) {
      begin_close(*side.pair);
    } else if (completion.res == 0) {
      end(side);
    } else if (!side.receiving && !side.pair->closing) {
      receive(side);
    }
    close_if_idle(*side.pair);
  }

  void send_front(Side& to) {
    const Chunk& chunk = to.outgoing.front();
    io_uring_sqe* sqe = entry(Operation::kSend, &to);
    // MSG_WAITALL: the kernel sends the rest of a short send itself.
    io_uring_prep_send(sqe, to.fd, memory_of(chunk.buffer), chunk.bytes, MSG_NOSIGNAL | MSG_WAITALL);
  }

  void sent(Side& to, int result) {
    const Chunk chunk = to.outgoing.front();
    to.outgoing.pop_front();
    give_back(chunk.buffer);
    if (result != static_cast<int>(chunk.bytes)) begin_close(*to.pair);
    if (to.pair->closing) {
      for (const Chunk& left : to.outgoing) give_back(left.buffer);
      to.outgoing.clear();
    } else if (!to.outgoing.empty()) {
      send_front(to);
    } else if (to.peer->ended) {
      shutdown(to.fd, SHUT_WR);
    }
    close_if_idle(*to.pair);
  }

  void end(Side& side) {
    side.ended = true;
    if (side.peer->outgoing.empty()) shutdown(side.peer->fd, SHUT_WR);
    if (side.peer->ended) begin_close(*side.pair);
  }

  // shutdown completes what is in flight; the pair goes when the last completion has come.
  static void begin_close(Pair& pair) {
    if (pair.closing) return;
    if (pair.client.ended && pair.upstream.ended &&
        !(pair.client.outgoing.empty() && pair.upstream.outgoing.empty())) {
      return;  // sent() comes back here when the last bytes are out
    }
    pair.closing = true;
    shutdown(pair.client.fd, SHUT_RDWR);
    shutdown(pair.upstream.fd, SHUT_RDWR);
  }

  static bool idle(const Side& side) { return !side.receiving && !side.waiting && side.outgoing.empty(); }

  static void close_if_idle(Pair& pair) {
    if (pair.client.ended && pair.upstream.ended) begin_close(pair);
    if (!pair.closing || !idle(pair.client) || !idle(pair.upstream)) return;
    close(pair.client.fd);
    close(pair.upstream.fd);
    delete &pair;
  }

  void rearm_waiting() {
    if (waiting_.empty() || returned_ == 0) return;
    io_uring_buf_ring_advance(buffers_, static_cast<int>(returned_));
    returned_ = 0;
    for (Side* side : std::exchange(waiting_, {})) {
      side->waiting = false;
      if (!side->pair->closing && !side->ended) receive(*side);
      close_if_idle(*side->pair);
    }
  }

  const Options options_;
  const int listener_;
  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  unsigned count_ = 0;
  unsigned returned_ = 0;  // added to the ring, not yet shown to the kernel
  std::vector<char> memory_;
  std::vector<Side*> waiting_;
};

Options parse(int count, char** values) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = values[i];
    const char* value = i + 1 < count ? values[i + 1] : "";
    if (name == "--splice") {
      options.splice = true;
      continue;
    }
    ++i;
    if (name == "--listen") {
      options.listen_port = static_cast<std::uint16_t>(std::atoi(value));
    } else if (name == "--upstream") {
      options.upstream_port = static_cast<std::uint16_t>(std::atoi(value));
    } else if (name == "--buffer") {
      options.buffer_bytes = static_cast<std::size_t>(std::atol(value));
    } else if (name == "--backend") {
      options.uring = std::string_view(value) == "uring";
    }
  }
  if (options.listen_port == 0 || options.upstream_port == 0 || options.buffer_bytes < 512 ||
      options.buffer_bytes > kRingMemoryBytes || (options.uring && options.splice)) {
    std::fprintf(stderr,
                 "usage: forwarder --listen PORT --upstream PORT [--backend epoll|uring] [--buffer BYTES] "
                 "[--splice]\n");
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int count, char** values) {
  const Options options = parse(count, values);
  std::signal(SIGPIPE, SIG_IGN);  // splice has no MSG_NOSIGNAL
  if (options.uring) UringForwarder(options).run();
  EpollForwarder(options).run();
}
