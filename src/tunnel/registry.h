// Registry: which origins are attached to this process, and on which core. One for all cores, with a lock
// that is taken when a connection is opened, never for its bytes. Attachments: those of one core, and the way
// from it to the others.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::tunnel {

// One origin's place in a session. On the session's core; kept by whoever is using it, so it may outlive the
// session, and then refuses.
class Way {
 public:
  virtual ~Way() = default;
  // client: of whom the origin is told. kConnectFailed: nothing was sent to the origin.
  virtual net::Task<Result<std::unique_ptr<net::Stream>>> open(net::Address client, Duration timeout) = 0;
  // Another way leads to the origin from now on.
  virtual void replaced() {}
  // Whose origin it is: a User, or kAnonymous; empty: it is for everybody's service.
  virtual std::string_view account() const { return {}; }
};

class Attachments;

class Registry {
 public:
  // The core that has it now; null: it is not attached here.
  Attachments* find(const net::Address& origin) const;
  // Whether it is, and is of that account. A name may be another one's here than where a visitor comes from.
  bool has(const net::Address& origin, std::string_view account) const;
  std::size_t size() const;
  // Until then origins come that were attached to the process before this one: who asks for one that isn't
  // here waits for it. From any thread.
  void expect_until(Instant at) { expecting_until_.store(at, std::memory_order_relaxed); }
  bool expects(Instant now) const { return now < expecting_until_.load(std::memory_order_relaxed); }

 private:
  friend class Attachments;
  mutable std::mutex mutex_;
  struct Held {
    Attachments* core = nullptr;
    std::string account;
  };
  std::map<net::Address, Held> held_;  // guarded
  std::atomic<Instant> expecting_until_{Instant()};
};

class Attachments {
 public:
  // Before any core runs; outlives whatever connects.
  Attachments(Registry& registry, net::Env& env);
  ~Attachments();
  Attachments(const Attachments&) = delete;
  Attachments& operator=(const Attachments&) = delete;

  // --- on the core's own loop
  // In place of whichever way led to the origin before, on any core, which is told. False: what is there is
  // another account's, and stays.
  [[nodiscard]] bool attach(const net::Address& origin, std::shared_ptr<Way> way);
  bool has(const net::Address& origin, const Way& way) const { return find(origin).get() == &way; }
  // Unless another has come to its place.
  void detach(const net::Address& origin, const Way& way);
  // Whether it is attached to this process, on whichever core.
  bool reaches(const net::Address& origin) const { return registry_.find(origin) != nullptr; }
  bool reaches(const net::Address& origin, std::string_view account) const {
    return registry_.has(origin, account);
  }
  // From this core to wherever the origin is attached. kConnectFailed: it is not, or it refused.
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address client, net::Address origin,
                                                          Duration timeout);
  // Ends what goes on for other cores; before the loop ends.
  net::Task<void> stop() { co_await tasks_.stop(); }

 private:
  struct Asked;
  net::Task<Attachments*> find_core(net::Address origin, Duration timeout);
  std::shared_ptr<Way> find(const net::Address& origin) const;
  void replace(const net::Address& origin);
  net::Task<void> serve(std::shared_ptr<Asked> asked);

  Registry& registry_;
  net::Env& env_;
  std::map<net::Address, std::shared_ptr<Way>> ways_;
  net::TaskGroup tasks_;
};

}  // namespace weir::tunnel
