#include "testing/memory_network.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace weir::testing {

using net::Accepted;
using net::Address;
using net::Task;

class MemoryNetwork::MemoryListener final : public net::Listener {
 public:
  MemoryListener(MemoryNetwork& network, Address address) : network_(network), address_(address) {
    network_.place(address_).listeners.push_back(this);
  }
  ~MemoryListener() override {
    WEIR_CHECK(acceptor_ == nullptr);
    std::erase(network_.place(address_).listeners, this);
    for (Accepted& waiting : backlog_) waiting.stream->abort();  // nobody will accept them: reset
  }

  Address address() const override { return address_; }

  Task<Result<Accepted>> accept() override {
    for (;;) {
      Place& here = network_.place(address_);
      if (here.accept_errors > 0) {
        --here.accept_errors;
        co_return fail(here.accept_error);
      }
      if (!backlog_.empty()) {
        Accepted accepted = std::move(backlog_.front());
        backlog_.pop_front();
        co_return accepted;
      }
      if (auto woken = co_await Wait(*this); !woken) co_return fail(woken.error());
    }
  }

  bool has_room() const { return backlog_.size() < kBacklog; }
  void push(Accepted accepted) {
    backlog_.push_back(std::move(accepted));
    if (acceptor_ != nullptr) std::exchange(acceptor_, nullptr)->resume_soon();
  }

 private:
  class Wait final : public net::Operation {
   public:
    explicit Wait(MemoryListener& listener) : Operation(listener.network_.loop_), listener_(listener) {}
    ~Wait() override {
      if (listener_.acceptor_ == this) listener_.acceptor_ = nullptr;
    }
    bool await_ready() const { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      listener_.acceptor_ = this;
      return suspend(waiter, std::nullopt);
    }
    Result<void> await_resume() const { return result_; }

   private:
    void give_up(const Error& why) override {
      listener_.acceptor_ = nullptr;
      result_ = fail(why);
    }
    MemoryListener& listener_;
    Result<void> result_;
  };

  MemoryNetwork& network_;
  Address address_;
  std::deque<Accepted> backlog_;
  Wait* acceptor_ = nullptr;
};

MemoryNetwork::~MemoryNetwork() {
  for (const auto& [address, at] : places_) WEIR_CHECK(at.listeners.empty());
}

const MemoryNetwork::Place* MemoryNetwork::find(const Address& address) const {
  const auto found = places_.find(address.to_string());
  return found != places_.end() ? &found->second : nullptr;
}

MemoryNetwork::Place* MemoryNetwork::listened_place(const Address& address) {
  if (Place& exact = place(address); !exact.listeners.empty()) return &exact;
  Place& any_v4 = place(Address::v4({}, address.port()));
  if (!address.is_v6() && !any_v4.listeners.empty()) return &any_v4;
  Place& any = place(Address::v6({}, address.port()));
  return any.listeners.empty() ? nullptr : &any;
}

Result<std::unique_ptr<net::Listener>> MemoryNetwork::listen(Address at) {
  if (at.port() == 0) {
    do {
      at.set_port(next_port_++);
    } while (listened_place(at) != nullptr);
  }
  return std::make_unique<MemoryListener>(*this, at);
}

Result<void> MemoryNetwork::check_unused(Address at) {
  if (!place(at).occupied && listened_place(at) == nullptr) return {};
  return fail(Code::kAddressInUse, "cannot bind: address already in use");
}

MemoryNetwork::MemoryListener* MemoryNetwork::next_listener(Place& at) {
  for (std::size_t i = 0; i < at.listeners.size(); ++i) {
    MemoryListener* listener = at.listeners[at.next_listener++ % at.listeners.size()];
    if (listener->has_room()) return listener;
  }
  return nullptr;
}

std::unique_ptr<net::Stream> MemoryNetwork::link_to(MemoryListener& listener, Place& asked) {
  auto link = std::make_shared<MemoryLink>(link_options, random_);
  std::erase_if(asked.links, [](const auto& old) { return old.expired(); });
  asked.links.push_back(link);
  auto [mine, theirs] = MemoryStream::pair(loop_, std::move(link));
  listener.push({std::move(theirs), source});
  source.set_port(static_cast<std::uint16_t>(source.port() < 65535 ? source.port() + 1 : 1024));
  return std::move(mine);
}

Task<Result<std::unique_ptr<net::Stream>>> MemoryNetwork::connect(Address to, Duration timeout) {
  ++place(to).connects;
  // The peer's kernel answers in a later turn.
  if (auto turned = co_await loop_.sleep(Duration::zero()); !turned) {
    co_return fail(turned.error().code, turned.error().text, Side::kUpstream);
  }
  Place& asked = place(to);  // places are never removed
  Place* listened = listened_place(to);
  if (!asked.blackholed && (asked.refused || listened == nullptr)) {
    co_return fail(
        Error{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, ECONNREFUSED, "cannot connect"});
  }
  MemoryListener* listener = asked.blackholed ? nullptr : next_listener(*listened);
  if (listener != nullptr) co_return link_to(*listener, asked);
  if (auto waited = co_await loop_.sleep(timeout); !waited) {
    co_return fail(waited.error().code, waited.error().text, Side::kUpstream);
  }
  co_return fail(Code::kTimedOut, "deadline passed", Side::kUpstream, Retry::kSafe);
}

Task<Result<net::Resolved>> MemoryNetwork::resolve(std::string name, std::uint16_t port, Duration timeout) {
  if (auto literal = Address::parse_ip(name, port)) {
    co_return net::Resolved{{*literal}, Duration::max()};
  }
  Name& entry = names_[to_lower(name)];  // entries are never removed
  ++entry.resolutions;
  if (auto turned = co_await loop_.sleep(Duration::zero()); !turned) co_return fail(turned.error());
  if (entry.muted) {
    if (auto waited = co_await loop_.sleep(timeout); !waited) co_return fail(waited.error());
    co_return fail(Code::kTimedOut, "deadline passed");
  }
  if (entry.addresses.empty()) {
    co_return fail(Code::kNotResolved, "the name could not be resolved", Side::kUpstream);
  }
  net::Resolved resolved{entry.addresses, entry.ttl};
  for (Address& address : resolved.addresses) address.set_port(port);
  co_return resolved;
}

void MemoryNetwork::set_name(std::string_view name, std::vector<Address> addresses, Duration ttl) {
  Name& entry = names_[to_lower(name)];
  entry.addresses = std::move(addresses);
  entry.ttl = ttl;
  entry.muted = false;
}

void MemoryNetwork::remove_name(std::string_view name) { set_name(name, {}, {}); }

void MemoryNetwork::mute_name(std::string_view name) { names_[to_lower(name)].muted = true; }

std::uint64_t MemoryNetwork::resolutions(std::string_view name) const {
  const auto found = names_.find(to_lower(name));
  return found != names_.end() ? found->second.resolutions : 0;
}

void MemoryNetwork::refuse(Address to, bool on) { place(to).refused = on; }

void MemoryNetwork::blackhole(Address to, bool on) { place(to).blackholed = on; }

void MemoryNetwork::fail_accepts(Address at, const Error& error, std::size_t times) {
  place(at).accept_error = error;
  place(at).accept_errors = times;
}

void MemoryNetwork::cut(Address to) {
  for (const auto& weak : place(to).links) {
    if (const auto link = weak.lock()) link->cut();
  }
}

void MemoryNetwork::pause(Address to, Way way, bool on) {
  for (const auto& weak : place(to).links) {
    if (const auto link = weak.lock()) link->pause(way == Way::kToListener ? 0 : 1, on);
  }
}

std::uint64_t MemoryNetwork::connects(Address to) const {
  const Place* found = find(to);
  return found != nullptr ? found->connects : 0;
}

std::size_t MemoryNetwork::connected(Address to) const {
  const Place* found = find(to);
  if (found == nullptr) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(found->links, [](const auto& weak) {
    const auto link = weak.lock();
    return link && link->open(0) && link->open(1);
  }));
}

}  // namespace weir::testing
