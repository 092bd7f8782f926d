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

// What a machine does with the network; names and faults are the same for all.
class MemoryNetwork::Machine final : public net::Network {
 public:
  Machine(MemoryNetwork& network, const Address& at) : network_(network), source_(at) {
    source_.set_port(kFirstPort);
  }
  Result<std::unique_ptr<net::Listener>> listen(Address at) override { return network_.listen(at); }
  Result<void> check_unused(Address at) override { return network_.check_unused(at); }
  Task<Result<std::unique_ptr<net::Stream>>> connect(Address to, Duration timeout) override {
    return network_.connect_from(&source_, to, timeout);
  }
  Task<Result<net::Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override {
    return network_.resolve(std::move(name), port, timeout);
  }

 private:
  static constexpr std::uint16_t kFirstPort = 40000;
  MemoryNetwork& network_;
  Address source_;
};

std::unique_ptr<net::Network> MemoryNetwork::machine(const Address& at) {
  return std::make_unique<Machine>(*this, at);
}

MemoryNetwork::Place& MemoryNetwork::place(const Address& address) {
  Place& found = places_[address.to_string()];
  if (found.ip.empty()) found.ip = address.ip();
  return found;
}

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

std::unique_ptr<net::Stream> MemoryNetwork::link_to(MemoryListener& listener, Place& asked, Address& from) {
  auto link = std::make_shared<MemoryLink>(link_options, random_);
  if (asked.links.size() >= asked.links_looked_through) {  // so seldom that many links cost little
    std::erase_if(asked.links, [](const Made& old) { return old.link.expired(); });
    asked.links_looked_through = 2 * asked.links.size() + 1;
  }
  asked.links.push_back({link, from.ip()});
  auto [mine, theirs] = MemoryStream::pair(loop_, std::move(link));
  listener.push({std::move(theirs), from});
  from.set_port(static_cast<std::uint16_t>(from.port() < 65535 ? from.port() + 1 : 1024));
  return std::move(mine);
}

Task<Result<std::unique_ptr<net::Stream>>> MemoryNetwork::connect(Address to, Duration timeout) {
  return connect_from(&source, to, timeout);
}

Task<Result<std::unique_ptr<net::Stream>>> MemoryNetwork::connect_from(Address* from, Address to,
                                                                       Duration timeout) {
  ++place(to).connects;
  // The peer's kernel answers in a later turn.
  if (auto turned = co_await loop_.sleep(Duration::zero()); !turned) {
    co_return fail(turned.error().code, turned.error().text, Side::kUpstream);
  }
  Place& asked = place(to);  // places are never removed
  Place* listened = listened_place(to);
  const bool vanishes = asked.blackholed || !reaches(from->ip(), asked.ip);
  if (!vanishes && (asked.refused || listened == nullptr)) {
    co_return fail(
        Error{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, ECONNREFUSED, "cannot connect"});
  }
  MemoryListener* listener = vanishes ? nullptr : next_listener(*listened);
  if (listener != nullptr) co_return link_to(*listener, asked, *from);
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
  for (const Made& made : place(to).links) {
    if (const auto link = made.link.lock()) link->cut();
  }
}

bool MemoryNetwork::reaches(const std::string& one, const std::string& other) const {
  return obstructed_.empty() || (!obstructed_.contains({one, other}) && !obstructed_.contains({other, one}));
}

// visit(link, the way from `one` to `other`)
template <class Visit>
void MemoryNetwork::for_links_between(const std::string& one, const std::string& other, const Visit& visit) {
  for (auto& [address, at] : places_) {
    if (at.ip != one && at.ip != other) continue;
    for (const Made& made : at.links) {
      if (made.from != (at.ip == one ? other : one)) continue;
      if (const auto link = made.link.lock()) visit(*link, at.ip == other ? 0 : 1);
    }
  }
}

void MemoryNetwork::obstruct(const std::string& from, const std::string& to, bool on) {
  if (on) {
    obstructed_.emplace(from, to);
  } else {
    obstructed_.erase({from, to});
  }
  for_links_between(from, to, [on](MemoryLink& link, std::size_t way) { link.pause(way, on); });
}

void MemoryNetwork::cut_between(const std::string& one, const std::string& other) {
  if (!reaches(one, other)) return;
  for_links_between(one, other, [](MemoryLink& link, std::size_t /*way*/) { link.cut(); });
}

void MemoryNetwork::pause(Address to, Way way, bool on) {
  for (const Made& made : place(to).links) {
    if (const auto link = made.link.lock()) link->pause(way == Way::kToListener ? 0 : 1, on);
  }
}

std::uint64_t MemoryNetwork::connects(Address to) const {
  const Place* found = find(to);
  return found != nullptr ? found->connects : 0;
}

std::size_t MemoryNetwork::connected(Address to) const {
  const Place* found = find(to);
  if (found == nullptr) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(found->links, [](const Made& made) {
    const auto link = made.link.lock();
    return link && link->open(0) && link->open(1);
  }));
}

}  // namespace weir::testing
