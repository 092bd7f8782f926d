// sockmap: carries connections between a client and one upstream in the kernel: a BPF program looks up the
// peer of the socket that got bytes, and redirects them to it. User space sees the beginning and the end
// alone. The trial of docs/adr/0011-sockmap.md, beside forwarder.cc. One thread, loopback only, no timeouts:
// a measuring tool, never a server. It needs CAP_BPF and CAP_NET_ADMIN.
//
//   sockmap --listen PORT --upstream PORT
//
// Two maps. `peers_`: by the four-tuple of a socket, the socket that its bytes go to; no program belongs to
// it. `sources_`: whose bytes the program is run for. A pair is in peers_, both ways, before it is in
// sources_, so that no byte finds no peer. What has come before then waits in the receive queue, and nothing
// would run the program until more comes: setting SO_RCVLOWAT does (tcp_set_rcvlowat() reports what is
// readable).
//
// The end of a stream is no byte, and nobody redirects it. When a side has ended, what it sent may still wait
// for a kernel worker to send it on, and SHUT_WR would cut it off; the socket options don't say how much that
// is. So the peer's end is sent when as many bytes were written to it as had been received. And a socket
// whose both directions have ended has left the maps before the bytes that came with its FIN are looked at:
// those are read and written here.
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_set>

#include "loopback.h"

namespace {

using namespace weir::bench;

constexpr std::uint32_t kSocketsMax = 65536;
constexpr int kEventsPerTurn = 512;
constexpr int kEndingMilliseconds = 1;  // between two looks at what is still on its way

// As the fields of __sk_buff hold them: the remote port is in network order, in the upper or lower half of
// the word as the architecture has it, the local one in that of the host.
struct FourTuple {
  std::uint32_t remote_address;
  std::uint32_t local_address;
  std::uint32_t remote_port;
  std::uint32_t local_port;
};

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

int make_map(bpf_map_type type, std::uint32_t key_bytes) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = key_bytes;
  attributes.value_size = sizeof(std::uint32_t);
  attributes.max_entries = kSocketsMax;
  const int fd = bpf(BPF_MAP_CREATE, attributes);
  if (fd < 0) die("BPF_MAP_CREATE");
  return fd;
}

int set_entry(int map, const void* key, std::uint32_t socket) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(map);
  attributes.key = reinterpret_cast<std::uint64_t>(key);
  attributes.value = reinterpret_cast<std::uint64_t>(&socket);
  return bpf(BPF_MAP_UPDATE_ELEM, attributes);
}

bpf_insn instruction(int code, int to, int from, int offset, std::int32_t value) {
  return {.code = static_cast<std::uint8_t>(code),
          .dst_reg = static_cast<std::uint8_t>(to & 0xf),
          .src_reg = static_cast<std::uint8_t>(from & 0xf),
          .off = static_cast<std::int16_t>(offset),
          .imm = value};
}

constexpr int kKeyOffset = -static_cast<int>(sizeof(FourTuple));  // from the top of the stack

// Copies a field of the context (r6) into the key.
#define WEIR_KEY_FIELD(there, here)                                            \
  instruction(BPF_LDX | BPF_MEM | BPF_W, 2, 6, offsetof(__sk_buff, there), 0), \
      instruction(BPF_STX | BPF_MEM | BPF_W, 10, 2,                            \
                  kKeyOffset + static_cast<int>(offsetof(FourTuple, here)), 0)

// if (skb->len == 0) return SK_DROP; bpf_sk_redirect_hash(skb, peers, &key, 0); return SK_PASS.
// Without the first line a bare FIN, which comes here as an empty buffer, would be redirected as well; and
// the worker that sends on takes a send of nothing for a broken pipe.
int load_program(int peers) {
  const std::array program{
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_DROP),
      instruction(BPF_LDX | BPF_MEM | BPF_W, 2, 6, offsetof(__sk_buff, len), 0),
      instruction(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 1, 0),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      WEIR_KEY_FIELD(remote_ip4, remote_address),
      WEIR_KEY_FIELD(local_ip4, local_address),
      WEIR_KEY_FIELD(remote_port, remote_port),
      WEIR_KEY_FIELD(local_port, local_port),
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
      instruction(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, peers),
      instruction(0, 0, 0, 0, 0),  // the upper half of the 64 bits
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0),
      instruction(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, kKeyOffset),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
      instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_redirect_hash),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_PASS),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  static std::array<char, 65536> log;
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SK_SKB;
  attributes.insns = reinterpret_cast<std::uint64_t>(program.data());
  attributes.insn_cnt = program.size();
  attributes.license = reinterpret_cast<std::uint64_t>("Apache-2.0");
  attributes.log_buf = reinterpret_cast<std::uint64_t>(log.data());
  attributes.log_size = log.size();
  attributes.log_level = 1;
  const int fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd < 0) {
    std::fputs(log.data(), stderr);
    die("BPF_PROG_LOAD");
  }
  return fd;
}

#undef WEIR_KEY_FIELD

FourTuple tuple_of(int fd) {
  sockaddr_in local{};
  sockaddr_in remote{};
  socklen_t size = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) die("getsockname");
  // A client may be gone by now: its pair ends with the next event.
  (void)getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &size);
  return {.remote_address = remote.sin_addr.s_addr,
          .local_address = local.sin_addr.s_addr,
          .remote_port = htonl(ntohs(remote.sin_port)),
          .local_port = ntohs(local.sin_port)};
}

struct Side {
  int fd = -1;
  Side* peer = nullptr;
  struct Pair* pair = nullptr;
  std::uint64_t written_before = 0;  // what the kernel counts for the handshake
  bool ended = false;                // has sent its end
  bool told = false;                 // its peer has been told of that
  std::string rest;                  // that was not redirected, and waits for what was
};

struct Pair {
  Side client;
  Side upstream;
  bool closed = false;
};

tcp_info facts_of(int fd) {
  tcp_info facts{};
  socklen_t size = sizeof facts;
  (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &facts, &size);
  return facts;
}

// In this order: what is acknowledged meanwhile is missed, and not counted twice.
std::uint64_t written(const Side& side) {
  const std::uint64_t acknowledged = facts_of(side.fd).tcpi_bytes_acked;
  int queued = 0;
  (void)ioctl(side.fd, SIOCOUTQ, &queued);
  return acknowledged + static_cast<std::uint64_t>(queued) - side.written_before;
}

class Sockmap {
 public:
  Sockmap(std::uint16_t listen_port, std::uint16_t upstream_port)
      : upstream_port_(upstream_port),
        listener_(listen_on(listen_port)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        peers_(make_map(BPF_MAP_TYPE_SOCKHASH, sizeof(FourTuple))),
        sources_(make_map(BPF_MAP_TYPE_SOCKHASH, sizeof(FourTuple))) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(sources_);
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(load_program(peers_));
    attributes.attach_type = BPF_SK_SKB_STREAM_VERDICT;
    if (bpf(BPF_PROG_ATTACH, attributes) != 0) die("BPF_PROG_ATTACH");
    watch(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsPerTurn> events;
    for (;;) {
      const int ready =
          epoll_wait(epoll_, events.data(), kEventsPerTurn, ending_.empty() ? -1 : kEndingMilliseconds);
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < ready; ++i) {
        auto* side = static_cast<Side*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (side == nullptr) {
          accept_all();
        } else {
          handle(*side, events[static_cast<std::size_t>(i)].events);
        }
      }
      tell_ends();
    }
  }

 private:
  void watch(int fd, std::uint32_t what, Side* side) {
    epoll_event event{.events = what, .data = {.ptr = side}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      const int upstream = connect_to(upstream_port_);
      if (upstream < 0) {
        close(client);
        continue;
      }
      set_nodelay(client);
      auto* pair = new Pair;  // deleted by tell_ends(), after the turn in which it was closed
      pair->client = {.fd = client, .peer = &pair->upstream, .pair = pair};
      pair->upstream = {.fd = upstream, .peer = &pair->client, .pair = pair};
      join(*pair);
    }
  }

  void join(Pair& pair) {
    const std::array sides{&pair.client, &pair.upstream};
    for (Side* side : sides) side->written_before = written(*side);
    bool joined = true;
    for (const int map : {peers_, sources_}) {
      for (const Side* side : sides) {
        const FourTuple key = tuple_of(side->fd);
        const int value = map == peers_ ? side->peer->fd : side->fd;
        joined = joined && set_entry(map, &key, static_cast<std::uint32_t>(value)) == 0;
      }
    }
    if (!joined) {  // one of them has ended already
      close(pair.client.fd);
      close(pair.upstream.fd);
      delete &pair;
      return;
    }
    for (Side* side : sides) {
      const int one = 1;
      setsockopt(side->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
      watch(side->fd, EPOLLRDHUP | EPOLLET, side);
    }
  }

  void handle(Side& side, std::uint32_t events) {
    if (side.pair->closed) return;
    side.pair->closed = (events & EPOLLERR) != 0;
    side.ended = side.ended || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
    ending_.insert(side.pair);
  }

  // Of what a side has sent that has ended.
  static bool all_written(Side& side) {
    std::array<char, 65536> piece;
    ssize_t got = 0;
    while ((got = recv(side.fd, piece.data(), piece.size(), MSG_DONTWAIT)) > 0) {
      side.rest.append(piece.data(), static_cast<std::size_t>(got));
    }
    const std::uint64_t received = facts_of(side.fd).tcpi_bytes_received - 1;  // it counts the end, too
    if (!side.rest.empty() && written(*side.peer) + side.rest.size() == received) {
      const ssize_t sent =
          send(side.peer->fd, side.rest.data(), side.rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) side.rest.erase(0, static_cast<std::size_t>(sent));
    }
    return side.rest.empty() && written(*side.peer) >= received;
  }

  // Of pairs with a side that has ended: whether its bytes have all been written to the other.
  void tell_ends() {
    for (auto it = ending_.begin(); it != ending_.end();) {
      Pair& pair = **it;
      bool waiting = false;
      for (Side* side : {&pair.client, &pair.upstream}) {
        if (!side->ended || side->told || pair.closed) continue;
        if (all_written(*side)) {
          side->told = true;
          shutdown(side->peer->fd, SHUT_WR);
        } else {
          waiting = true;
        }
      }
      const bool over = pair.closed || (pair.client.told && pair.upstream.told);
      it = over || !waiting ? ending_.erase(it) : std::next(it);
      if (over) end(pair);
    }
  }

  // The maps let go of a socket that is closed. One that failed resets the other.
  static void end(Pair& pair) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    for (const Side* side : {&pair.client, &pair.upstream}) {
      if (pair.closed) setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close(side->fd);
    }
    delete &pair;
  }

  const std::uint16_t upstream_port_;
  const int listener_;
  const int epoll_;
  const int peers_;
  const int sources_;
  std::unordered_set<Pair*> ending_;
};

}  // namespace

int main(int count, char** values) {
  std::uint16_t listen_port = 0;
  std::uint16_t upstream_port = 0;
  for (int i = 1; i + 1 < count; i += 2) {
    const auto port = static_cast<std::uint16_t>(std::atoi(values[i + 1]));
    if (std::string_view(values[i]) == "--listen") listen_port = port;
    if (std::string_view(values[i]) == "--upstream") upstream_port = port;
  }
  if (listen_port == 0 || upstream_port == 0) {
    std::fputs("usage: sockmap --listen PORT --upstream PORT\n", stderr);
    return 2;
  }
  Sockmap(listen_port, upstream_port).run();
}
