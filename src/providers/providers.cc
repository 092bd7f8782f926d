#include "providers/providers.h"

#include <algorithm>
#include <variant>

#include "mirror/waking.h"
#include "providers/ledger.h"

namespace weir::providers {
namespace {

using config::DnsProviderSpec;
using config::Kind;
using config::Object;
using config::ObjectPointer;

constexpr std::size_t kReasonBytesMax = 4096;  // as the table says

const DnsProviderSpec& provider_of(const Object& object) { return std::get<DnsProviderSpec>(object.spec); }

// As a table takes a text: what providers say is theirs.
std::string one_line(std::string text) {
  if (text.size() > kReasonBytesMax) {
    text.resize(kReasonBytesMax);
    while (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80) text.pop_back();
  }
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

Providers::Providers(net::Env& env, store::Store& store, mirror::Mirror& mirror, Sources sources)
    : env_(env),
      store_(store),
      mirror_(mirror),
      follower_(mirror),
      sources_(std::move(sources)),
      started_(env.loop.now()),
      tasks_(env.loop) {}

void Providers::start() {
  started_ = env_.loop.now();
  tasks_.spawn(mirror::wake_by_store(env_.loop, store_, mirror_, wake_, kTick, kLookPause));
  tasks_.spawn(run());
}

net::Task<void> Providers::stop() {
  co_await tasks_.stop();
  for (auto& [key, state] : states_) co_await state.names->stop();
}

net::Task<void> Providers::end(std::unique_ptr<nameserver::NameFollower> names) { co_await names->stop(); }

net::Task<void> Providers::run() {
  for (;;) {
    wake_.reset();
    const auto changes = co_await follower_.catch_up();
    if (!changes && changes.error().code == Code::kCancelled) co_return;
    if (changes) take(*changes);
    keep_states();
    const bool leads = changes && store_.leads();
    if (leads && !std::exchange(led_, leads)) {
      for (auto& [key, state] : states_) touch(state);
    }
    led_ = leads;
    if (leads) {
      co_await drop_orphans(env_, store_, mirror_);
      if (sources_.settled()) {
        look_at_health();
        begin_due();
      }
    }
    if (!co_await wake_.wait(env_.loop)) co_return;
  }
}

// A state for each zone of each provider, and no more.
void Providers::keep_states() {
  std::set<Key> wanted;
  for (const ObjectPointer& object : mirror_.objects().of(Kind::kDnsProvider)) {
    for (const std::string& zone : provider_of(*object).zones) wanted.insert({object->metadata.name, zone});
  }
  for (auto state = states_.begin(); state != states_.end();) {
    if (state->second.busy || wanted.contains(state->first)) {
      ++state;
      continue;
    }
    tasks_.spawn(end(std::move(state->second.names)));
    state = states_.erase(state);
  }
  for (const Key& key : wanted) state_of(key);
}

Providers::State& Providers::state_of(const Key& key) {
  const auto [place, is_new] = states_.try_emplace(key);
  State& state = place->second;
  if (!is_new) return state;
  state.status.zone = key.second;
  state.status.reason = "not compared yet";
  state.names = std::make_unique<nameserver::NameFollower>(env_, [this, key](const std::string& /*name*/) {
    const auto found = states_.find(key);
    if (found == states_.end()) return;
    touch(found->second);
    wake_.set();
  });
  touch(state);
  return state;
}

// Accounts have their limits: what is asked with the same Secret keeps them together.
std::shared_ptr<cloud::Pace> Providers::pace_of(const std::string& provider) {
  const ObjectPointer object = mirror_.objects().find(Kind::kDnsProvider, provider);
  auto& pace = paces_[object ? provider_of(*object).credentials : std::string()];
  if (!pace) pace = std::make_shared<cloud::Pace>();
  return pace;
}

void Providers::touch(State& state) {
  const Instant due = env_.loop.now() + kDebounce;
  if (!state.due || *state.due > due) state.due = due;
  state.retry = {};
}

// What may make a zone another than it is at a provider.
void Providers::take(const std::vector<config::ObjectChange>& changes) {
  std::set<std::string, std::less<>> zones;
  std::set<std::string, std::less<>> services;
  std::set<std::string, std::less<>> secrets;
  std::set<std::string, std::less<>> providers;
  for (const config::ObjectChange& change : changes) {
    for (const ObjectPointer& object : {change.before, change.after}) {
      if (!object) continue;
      if (const std::string* joined = config::service_joined_by(*object)) services.insert(*joined);
      if (const auto* set = std::get_if<config::RecordSetSpec>(&object->spec)) zones.insert(set->zone);
    }
    switch (change.kind()) {
      case Kind::kZone: zones.insert(change.name()); break;
      case Kind::kService: services.insert(change.name()); break;
      case Kind::kSecret: secrets.insert(change.name()); break;
      case Kind::kDnsProvider: providers.insert(change.name()); break;
      default: break;
    }
  }
  for (auto& [key, state] : states_) {
    const ObjectPointer object = mirror_.objects().find(Kind::kDnsProvider, key.first);
    const bool touches_zone =
        !zones.empty() &&
        std::ranges::any_of(zones_behind(mirror_.objects(), key.second),
                            [&zones](const std::string& zone) { return zones.contains(zone); });
    const bool follows = std::ranges::any_of(
        state.seen, [&services](const auto& one) { return services.contains(one.first); });
    if (touches_zone || providers.contains(key.first) || follows ||
        (object && secrets.contains(provider_of(*object).credentials))) {
      touch(state);
    }
  }
}

Providers::Seen Providers::seen_of(const std::string& zone) const {
  Seen seen;
  for (const std::string& service : services_of(mirror_.objects(), zone)) {
    const config::ServiceStatus status = sources_.health(service);
    std::vector<config::EndpointHealth>& healths = seen[service];
    for (const config::EndpointStatus& endpoint : status.endpoints) healths.push_back(endpoint.health);
  }
  return seen;
}

// Nobody tells of endpoints that become another here.
void Providers::look_at_health() {
  for (auto& [key, state] : states_) {
    Seen seen = seen_of(key.second);
    if (seen == state.seen) continue;
    state.seen = std::move(seen);
    touch(state);
  }
}

void Providers::begin_due() {
  const Instant now = env_.loop.now();
  for (auto& [key, state] : states_) {
    const bool due = state.due ? *state.due <= now : state.compare_at <= now;
    if (state.busy || !due) continue;
    if (busy_ == kAtOnceMax) return;
    const ObjectPointer object = mirror_.objects().find(Kind::kDnsProvider, key.first);
    if (!object) continue;
    state.due.reset();
    tasks_.spawn(sync(key, provider_of(*object).automatic ? Mode::kWrite : Mode::kCompare));
  }
}

net::Task<void> Providers::sync(Key key, Mode mode) { co_await work(std::move(key), mode); }

// One at a time for each zone.
net::Task<Outcome> Providers::work(Key key, Mode mode) {
  State& state = state_of(key);
  state.busy = true;
  ++busy_;
  Outcome outcome = co_await synchronise({.env = env_,
                                          .store = store_,
                                          .mirror = mirror_,
                                          .health = sources_.health,
                                          .provider = key.first,
                                          .zone = key.second,
                                          .mode = mode,
                                          .patient = env_.loop.now() - started_ < kPatience,
                                          .names = *state.names,
                                          .pace = pace_of(key.first)});
  --busy_;
  state.busy = false;
  if (!outcome.cancelled) note(key, outcome, mode);
  wake_.set();
  co_return outcome;
}

void Providers::note(const Key& key, const Outcome& outcome, Mode mode) {
  State& state = state_of(key);
  const Instant now = env_.loop.now();
  const ObjectPointer object = mirror_.objects().find(Kind::kDnsProvider, key.first);
  state.compare_at = now + (object ? provider_of(*object).interval : kRetryMax);
  config::DnsProviderZoneStatus& status = state.status;
  const std::string reason = one_line(outcome.reason());
  if (reason != status.reason || outcome.written > 0) {
    env_.log.info(reason.empty() ? "a zone is at its provider as it shall be"
                                 : "a zone is not at its provider as it shall be",
                  {{"provider", key.first},
                   {"zone", key.second},
                   {"changes", std::to_string(outcome.written)},
                   {"reason", reason}});
  }
  status.zone = key.second;
  status.synced = outcome.is_synced();
  if (status.synced) status.synced_at = env_.loop.clock().wall_now();
  status.records = outcome.records;
  status.reason = reason;
  const bool again = !outcome.error.empty() && outcome.worth_a_retry && mode != Mode::kCompare;
  if (!again) {
    state.retry = {};
    return;
  }
  state.retry = state.retry == Duration{} ? kRetryFirst : std::min(kRetryMax, 2 * state.retry);
  if (!state.due) state.due = now + std::max(state.retry, outcome.wait);
}

config::DnsProviderStatus Providers::status_of(const Object& provider) const {
  config::DnsProviderStatus status;
  for (const std::string& zone : provider_of(provider).zones) {
    const auto found = states_.find({provider.metadata.name, zone});
    config::DnsProviderZoneStatus& one = status.zones.emplace_back();
    if (found != states_.end()) one = found->second.status;
    one.zone = zone;
    if (!store_.leads()) one.reason = "another controller leads, and writes it";
  }
  return status;
}

void Providers::ask(std::string provider, Mode mode, Asked done) {
  tasks_.spawn(answer(std::move(provider), mode, std::move(done)));
}

net::Task<void> Providers::answer(std::string provider, Mode mode, Asked done) {
  constexpr Duration kPause = std::chrono::milliseconds(50);
  const auto read = co_await mirror_.catch_up();
  const ObjectPointer object = mirror_.objects().find(Kind::kDnsProvider, provider);
  if (!read || !object) {
    done(std::unexpected(read ? "there is no DnsProvider/" + provider : std::string(read.error().text)));
    co_return;
  }
  std::vector<Outcome> outcomes;
  for (const std::string& zone : provider_of(*object).zones) {
    const Key key{provider, zone};
    while (state_of(key).busy) {
      if (!co_await env_.loop.sleep(kPause)) co_return;
    }
    outcomes.push_back(co_await work(key, mode));
    if (outcomes.back().cancelled) co_return;
  }
  done(outcomes_json(provider, outcomes));
}

}  // namespace weir::providers
