#include "anycast/anycast.h"

#include <algorithm>
#include <span>
#include <utility>

#include "anycast/self_check.h"
#include "base/exposition.h"

namespace weir::anycast {
namespace {

report::AnycastRoute reported_as(Route route) {
  switch (route) {
    case Route::kAnnounced: return report::AnycastRoute::kAnnounced;
    case Route::kPrepended: return report::AnycastRoute::kPrepended;
    case Route::kWithdrawn: break;
  }
  return report::AnycastRoute::kWithdrawn;
}

const report::AnycastOthers* find_others(const report::Reply& reply, std::string_view network) {
  const auto found = std::ranges::find(reply.anycast, network, &report::AnycastOthers::network);
  return found == reply.anycast.end() ? nullptr : &*found;
}

}  // namespace

Anycast::Anycast(net::Env& env, AnycastOptions options, Surroundings around)
    : env_(env), options_(std::move(options)), around_(std::move(around)), tasks_(env.loop) {
  for (const Wanted& wanted : options_.wanted) {
    addresses_.push_back(
        {.wanted = wanted, .network = network_of(wanted), .decider = Decider(options_.policy)});
  }
}

void Anycast::start(std::uint16_t port, std::optional<std::string_view> inherited) {
  if (std::exchange(started_, true)) return;
  port_ = port;
  if (inherited) {
    const std::vector<Route> routes = read_include(*inherited, options_.wanted);
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      addresses_[i].decider = Decider(options_.policy, routes[i], env_.loop.now());
      // It was well a moment ago; its own listener is asked soon.
      if (routes[i] != Route::kWithdrawn) addresses_[i].unchecked.clear();
    }
  }
  for (Address& address : addresses_) {
    address.is_local = around_.is_local(address.wanted.address);
    if (!address.is_local) {
      env_.log.error("an anycast address is not announced: no interface of this machine has it",
                     {{"address", address.wanted.address.ip()},
                      {"remedy", "ip address add " + address.wanted.address.ip() +
                                     (address.wanted.address.is_v6() ? "/128" : "/32") + " dev lo"}});
    }
  }
  look();
  tasks_.spawn(watch());
  for (Address& address : addresses_) tasks_.spawn(check(address));
}

net::Task<void> Anycast::watch() {
  while (co_await env_.loop.sleep(kLook)) look();
}

net::Task<void> Anycast::check(Address& address) {
  net::Address at = address.wanted.address;
  at.set_port(port_);
  for (;;) {
    address.is_local = around_.is_local(address.wanted.address);
    // Else it would be another site's listener that answers.
    if (address.is_local) {
      const Instant began = env_.loop.now();
      std::string why = co_await check_listener(env_, at);
      const bool late = !why.empty() && env_.loop.now() - began >= kCheckTimeout;
      address.late_checks = late ? address.late_checks + 1 : 0;
      if (!late || address.late_checks >= kLateChecksMax) address.unchecked = std::move(why);
    }
    if (!co_await env_.loop.sleep(kCheck)) co_return;
    look();
  }
}

std::string Anycast::why_not(const Address& address) const {
  if (!address.is_local) return "no interface of this machine has the address";
  if (!address.unchecked.empty()) return address.unchecked;
  return around_.why_not_served(address.wanted.balancer, Share::kAny);
}

// Those who know least about others decide, so that none is lost by what only one believes.
Sight Anycast::sight_of(const Address& address) const {
  Sight sight{.why_not = why_not(address), .ending = ending_, .hurried = hurried_};
  if (sight.why_not.empty() && address.decider.is_new()) {
    sight.not_yet = around_.why_not_served(address.wanted.balancer, Share::kAll);
  }
  bool attached = false;
  bool answered = true;
  for (const auto& [number, controller] : controllers_) {
    const report::AnycastOthers* others = find_others(controller.reply, address.network);
    if (controller.lost && env_.loop.now() - *controller.lost >= kBelieved) continue;
    if (!controller.lost) {
      attached = true;
      answered = answered && others != nullptr && others->asked;
      sight.ordered = sight.ordered || controller.reply.withdraw;
    }
    const std::uint32_t count = others == nullptr ? 0 : others->others;
    sight.others = std::min(sight.others.value_or(count), count);
  }
  sight.answered = answered && attached;
  return sight;
}

void Anycast::look() {
  if (!started_) return;
  bool any = false;
  for (Address& address : addresses_) any = look_at(address, sight_of(address)) || any;
  say();
  report();
  if (any) changed_.set();
}

// True: something is another.
bool Anycast::look_at(Address& address, const Sight& sight) {
  const Route before = address.decider.route();
  const bool was_kept = address.decider.kept();
  address.decider.look(sight, env_.loop.now());
  if (before == address.decider.route() && was_kept == address.decider.kept()) return false;
  if (address.decider.route() == Route::kWithdrawn) ++address.withdrawals;
  tell_log(address, before, was_kept);
  return true;
}

void Anycast::tell_log(const Address& address, Route before, bool was_kept) const {
  const Decider& decider = address.decider;
  if (decider.kept() && !was_kept) {
    env_.log.error("an anycast address stays announced: nobody else is known to announce it",
                   {{"network", address.network}, {"reason", decider.reason()}});
  }
  if (decider.route() == before) return;
  const std::string_view event = decider.route() == Route::kAnnounced   ? "anycast address announced"
                                 : decider.route() == Route::kPrepended ? "anycast address prepended"
                                                                        : "anycast address withdrawn";
  const bool wanted = decider.route() != Route::kWithdrawn || ending_;
  env_.log.write(wanted ? Level::kInfo : Level::kWarning, event,
                 {{"network", address.network},
                  {"reason", decider.reason()},
                  {"hold", format_duration(decider.hold())}});
}

void Anycast::say() {
  std::vector<Route> routes;
  for (const Address& address : addresses_) routes.push_back(address.decider.route());
  std::string text = include_text(options_.site, options_.wanted, routes);
  if (text == said_) return;
  said_ = std::move(text);
  around_.say(++number_, said_);
}

void Anycast::report() {
  std::vector<report::AnycastSeen> seen;
  for (const Address& address : addresses_) {
    const Decider& decider = address.decider;
    seen.push_back(
        {.network = address.network,
         .route = reported_as(decider.route()),
         .asks = decider.asks(),
         .reason = decider.kept() ? "nobody else announces it: " + decider.reason() : decider.reason()});
  }
  if (seen == reported_) return;
  reported_ = seen;
  if (around_.report) around_.report(std::move(seen));
}

void Anycast::loaded(std::uint64_t number) {
  in_force_ = number;
  if (!std::exchange(bird_is_well_, true)) {
    env_.log.info("BIRD has taken the announcements up", {{"number", std::to_string(number)}});
  }
  changed_.set();
}

void Anycast::failed(std::uint64_t number, const std::string& reason, bool withdrawn) {
  bird_is_well_ = false;
  if (withdrawn) in_force_ = number;
  env_.log.error("BIRD does not take the announcements up",
                 {{"reason", reason}, {"withdrawn_though", withdrawn ? "yes" : "no"}});
  changed_.set();
}

void Anycast::silenced() {
  env_.log.error("this process was silent for too long: its announcements were withdrawn");
  for (Address& address : addresses_) {
    if (address.decider.route() != Route::kWithdrawn) ++address.withdrawals;
    address.decider.lost(env_.loop.now());
  }
  said_.clear();
  look();
}

void Anycast::deserted() {
  bird_is_well_ = false;
  deserted_ = true;
  env_.log.error("nobody speaks with BIRD any more: announcements stay as they are until weir is restarted");
  changed_.set();
}

void Anycast::hear(std::size_t controller, std::optional<report::Reply> reply) {
  const auto found = controllers_.find(controller);
  if (reply) {
    controllers_[controller] = {.reply = std::move(*reply), .lost = std::nullopt};
  } else if (found != controllers_.end() && !found->second.lost) {
    found->second.lost = env_.loop.now();
  }
  look();
}

net::Task<void> Anycast::drain() {
  if (!started_) co_return;
  ending_ = true;
  const bool any = std::ranges::any_of(
      addresses_, [](const Address& one) { return one.decider.route() != Route::kWithdrawn; });
  look();
  const auto withdrawn = [this] {
    return std::ranges::all_of(addresses_,
                               [](const Address& one) { return one.decider.route() == Route::kWithdrawn; });
  };
  while (!withdrawn()) {
    changed_.reset();
    if (!co_await changed_.wait(env_.loop)) co_return;
  }
  const Instant until = env_.loop.deadline(kLoadedMax);
  while (!in_force() && env_.loop.now() < until && !hurried_) {
    if (!co_await env_.loop.sleep(kLook)) co_return;
  }
  if (any && !hurried_) (void)co_await env_.loop.sleep(kSettle);
}

void Anycast::hurry() {
  hurried_ = true;
  look();
}

net::Task<void> Anycast::stop() {
  started_ = false;
  co_await tasks_.stop();
}

void Anycast::write_metrics(std::string& out) const {
  Exposition exposition(out);
  const auto each = [&](const auto& value) {
    for (const Address& address : addresses_) {
      exposition.sample(static_cast<std::uint64_t>(value(address)), "{network=\"" + address.network + "\"}");
    }
  };
  exposition.family("weir_anycast_announced", "gauge", "Whether this edge announces the address.");
  each([](const Address& one) { return one.decider.route() != Route::kWithdrawn; });
  exposition.family("weir_anycast_prepended", "gauge", "Whether it does so as one that drains.");
  each([](const Address& one) { return one.decider.route() == Route::kPrepended; });
  exposition.family("weir_anycast_kept", "gauge",
                    "Whether it does so although it should not, since nobody else does.");
  each([](const Address& one) { return one.decider.kept(); });
  exposition.family("weir_anycast_withdrawals", "counter", "How often the address was withdrawn.");
  each([](const Address& one) { return one.withdrawals; });
  exposition.single("weir_anycast_bird_up", "gauge", "Whether BIRD has taken the announcements up.",
                    bird_is_well_ && in_force() ? 1 : 0);
}

}  // namespace weir::anycast
