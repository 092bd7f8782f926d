#include "net/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace weir::net {
namespace {

// Names of /etc/hosts have no time to live; the file is read again after this.
constexpr Duration kHostsTtl = std::chrono::seconds(30);
constexpr int kTryMilliseconds = 1000;
constexpr int kTries = 3;
std::array kLookups{'f', 'b', '\0'};  // the hosts file, then name servers

// An answer is as good as the shortest-lived of its records, those of the aliases on the way included
// (RFC 1034 section 3.6.2). from_file: it has no times to live, which read as 0.
Result<Resolved> to_resolved(const ares_addrinfo& info, std::uint16_t port, bool from_file) {
  const auto ttl_of = [from_file](int seconds) -> Duration {
    return from_file && seconds == 0 ? kHostsTtl : std::chrono::seconds(std::max(seconds, 0));
  };
  Duration aliases_ttl = Duration::max();
  for (const ares_addrinfo_cname* alias = info.cnames; alias != nullptr; alias = alias->next) {
    aliases_ttl = std::min(aliases_ttl, ttl_of(alias->ttl));
  }
  Resolved all{.addresses = {}, .ttl = aliases_ttl};
  std::vector<Address> v6;
  for (const ares_addrinfo_node* node = info.nodes; node != nullptr; node = node->ai_next) {
    all.ttl = std::min(all.ttl, ttl_of(node->ai_ttl));
    if (node->ai_family == AF_INET) {
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr, bytes.size());
      all.addresses.push_back(Address::v4(bytes, port));
    } else if (node->ai_family == AF_INET6) {
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr,
                  bytes.size());
      v6.push_back(Address::v6(bytes, port));
    }
  }
  all.addresses.insert(all.addresses.end(), v6.begin(), v6.end());
  if (all.addresses.empty()) return fail(Code::kNotResolved, "the name has no address", Side::kUpstream);
  return all;
}

}  // namespace

// Outlives a cancelled wait: c-ares calls back in any case.
class Resolver::Query final : public Operation {
 public:
  struct Shared {
    Query* query;
    std::uint16_t port;
  };

  Query(Resolver& resolver, const std::string& name, std::uint16_t port, Duration timeout)
      : Operation(resolver.loop_), resolver_(resolver), name_(name), port_(port), timeout_(timeout) {}
  ~Query() override {
    if (shared_ != nullptr) shared_->query = nullptr;
  }

  bool await_ready() {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = ARES_AI_NOSORT;
    shared_ = new Shared{this, port_};
    asking_ = true;
    ares_getaddrinfo(resolver_.channel_, name_.c_str(), nullptr, &hints, &answered, shared_);
    asking_ = false;
    if (shared_ != nullptr) resolver_.arm_timer();
    return shared_ == nullptr;  // answered from a file already
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return suspend(waiter, loop().deadline(timeout_));
  }
  Result<Resolved> await_resume() { return std::move(result_); }

 private:
  void give_up(const Error& why) override {
    if (shared_ != nullptr) std::exchange(shared_, nullptr)->query = nullptr;
    result_ = fail(why);
  }

  static void answered(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
    const std::unique_ptr<Shared> shared(static_cast<Shared*>(argument));
    if (Query* query = shared->query; query != nullptr) {
      query->shared_ = nullptr;
      if (status == ARES_SUCCESS && info != nullptr) {
        // An answer before the question has left comes from a file.
        query->result_ = to_resolved(*info, shared->port, query->asking_);
      }
      if (query->suspended()) query->resume_soon();
    }
    if (info != nullptr) ares_freeaddrinfo(info);
  }

  Resolver& resolver_;
  const std::string& name_;
  std::uint16_t port_;
  Duration timeout_;
  Shared* shared_ = nullptr;
  bool asking_ = false;
  Result<Resolved> result_ = fail(Code::kNotResolved, "the name could not be resolved", Side::kUpstream);
};

// Level-triggered: c-ares takes a part of what a TCP socket has, and comes back for the rest.
class Resolver::Watch final : private EpollPoller::Handler {
 public:
  Watch(Resolver& resolver, int fd) : resolver_(resolver), fd_(fd) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    if (watched_) resolver_.poller_.remove(fd_);
  }
  int fd() const { return fd_; }
  // False: epoll has no room for it, and the question waits for its deadline.
  bool watch(bool reads, bool writes) {
    const std::uint32_t events = (reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U);
    if (watched_) return resolver_.poller_.change(fd_, events).has_value();
    watched_ = resolver_.poller_.add(fd_, events, *this).has_value();
    return watched_;
  }

 private:
  void on_events(std::uint32_t events) override {
    Resolver& resolver = resolver_;
    const int fd = fd_;  // processing may close the socket and destroy this
    resolver.process((events & ~std::uint32_t{EPOLLOUT}) != 0 ? fd : ARES_SOCKET_BAD,
                     (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  }
  Resolver& resolver_;
  int fd_;
  bool watched_ = false;
};

Resolver::RetryTimer::RetryTimer(Resolver& owner)
    : Timer([](Timer& timer) {
        static_cast<RetryTimer&>(timer).resolver.process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      }),
      resolver(owner) {}

Resolver::Resolver(Loop& loop, EpollPoller& poller, std::string servers)
    : loop_(loop), poller_(poller), servers_(std::move(servers)), timer_(*this) {}

Resolver::~Resolver() {
  if (channel_ == nullptr) return;
  ares_destroy(channel_);
}

Result<void> Resolver::start() {
  if (channel_ != nullptr) return {};
  // Once for the process: the library's own count of its users is not safe between threads.
  static const bool library_ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  if (!library_ready) return fail(Code::kInternal, "cannot start the resolver");
  ares_options options{};
  options.timeout = kTryMilliseconds;
  options.tries = kTries;
  options.lookups = kLookups.data();
  options.sock_state_cb = [](void* self, ares_socket_t fd, int reads, int writes) {
    static_cast<Resolver*>(self)->on_socket_state(fd, reads != 0, writes != 0);
  };
  options.sock_state_cb_data = this;
  constexpr int kMask = ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &options, kMask) != ARES_SUCCESS) {
    channel_ = nullptr;
    return fail(Code::kInternal, "cannot start the resolver");
  }
  if (!servers_.empty() && ares_set_servers_ports_csv(channel_, servers_.c_str()) != ARES_SUCCESS) {
    ares_destroy(std::exchange(channel_, nullptr));
    return fail(Code::kInvalid, "not a list of name servers");
  }
  return {};
}

void Resolver::on_socket_state(int fd, bool reads, bool writes) {
  const auto found = std::ranges::find(watches_, fd, [](const auto& watch) { return watch->fd(); });
  if (!reads && !writes) {
    if (found != watches_.end()) watches_.erase(found);
    return;
  }
  if (found != watches_.end()) {
    (void)(*found)->watch(reads, writes);
    return;
  }
  auto watch = std::make_unique<Watch>(*this, fd);
  if (watch->watch(reads, writes)) watches_.push_back(std::move(watch));
}

void Resolver::process(int readable_fd, int writable_fd) {
  ares_process_fd(channel_, readable_fd, writable_fd);
  arm_timer();
}

void Resolver::arm_timer() {
  timeval until{};
  if (ares_timeout(channel_, nullptr, &until) == nullptr) {
    timer_.disarm();
    return;
  }
  loop_.arm(timer_,
            loop_.now() + std::chrono::seconds(until.tv_sec) + std::chrono::microseconds(until.tv_usec));
}

Task<Result<Resolved>> Resolver::resolve(std::string name, std::uint16_t port, Duration timeout) {
  if (auto started = start(); !started) co_return fail(started.error());
  co_return co_await Query(*this, name, port, timeout);
}

}  // namespace weir::net
