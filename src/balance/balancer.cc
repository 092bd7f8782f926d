#include "balance/balancer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "balance/shares.h"
#include "config/kinds.h"
#include "mirror/records.h"
#include "mirror/writes.h"

namespace weir::balance {
namespace {

using config::DnsWeightsSpec;
using config::Kind;
using config::ObjectPointer;
using config::RecordSetSpec;

constexpr const char* kActor = "weir";  // of the events
constexpr double kLoadMax = 1e15;       // that a number of an object can be

const RecordSetSpec& records_of(const config::Object& object) { return std::get<RecordSetSpec>(object.spec); }
const DnsWeightsSpec& weights_of(const config::Object& object) {
  return std::get<DnsWeightsSpec>(object.spec);
}

// Sets that are written from the same revision and within a millisecond have events of their own.
std::size_t event_of(const config::ObjectChange& change) {
  constexpr std::size_t kEvents = 65'536;
  return std::hash<std::string_view>()(change.name()) % kEvents;
}

// Why their loads say nothing; empty: they do.
std::string unknown_of(const config::RecordBalance& balance, const Loads& loads) {
  for (const config::BalancedProvider& one : balance.providers) {
    const auto load = loads.find(one.name);
    if (load == loads.end()) return "no edge of the provider " + one.name + " is attached";
    if (!load->second.unknown.empty()) return load->second.unknown;
  }
  return {};
}

DnsWeightsSpec computed(const RecordSetSpec& records, const Loads& loads) {
  const config::RecordBalance& balance = *records.balance;
  std::vector<Provider> providers;
  DnsWeightsSpec weights{.zone = records.zone, .providers = {}, .computed_at = {}};
  double all = 0;
  for (const config::BalancedProvider& one : balance.providers) {
    const double load = std::min(loads.find(one.name)->second.requests_per_second, kLoadMax);
    providers.push_back({config::parse_price(one.price).value_or(1), one.capacity});
    weights.providers.push_back({.provider = one.name,
                                 .price = one.price,
                                 .capacity = one.capacity,
                                 .load = static_cast<std::uint64_t>(std::llround(load))});
    all += load;
  }
  const std::vector<std::uint32_t> shares =
      shares_of(providers, {balance.share_min, balance.utilisation_max}, all);
  for (std::size_t i = 0; i < shares.size(); ++i) weights.providers[i].weight = shares[i];
  return weights;
}

// Whether they come from what is written in the balance now.
bool has_terms(const DnsWeightsSpec& weights, const RecordSetSpec& records) {
  return weights.zone == records.zone &&
         std::ranges::equal(weights.providers, records.balance->providers,
                            [](const config::ProviderWeight& left, const config::BalancedProvider& right) {
                              return left.provider == right.name && left.price == right.price &&
                                     left.capacity == right.capacity;
                            });
}

bool moves(const DnsWeightsSpec& from, const DnsWeightsSpec& to) {
  for (std::size_t i = 0; i < to.providers.size(); ++i) {
    const auto before = static_cast<std::int64_t>(from.providers[i].weight);
    if (std::abs(before - static_cast<std::int64_t>(to.providers[i].weight)) >= Balancer::kMoveMin)
      return true;
  }
  return false;
}

std::string reason_of(const DnsWeightsSpec& weights) {
  std::string text;
  for (const config::ProviderWeight& one : weights.providers) {
    text += (text.empty() ? "" : "; ") + config::sentence_of(one);
  }
  return text;
}

}  // namespace

Balancer::Balancer(net::Env& env, store::Store& store, mirror::Mirror& mirror, Sources sources)
    : env_(env), store_(store), mirror_(mirror), sources_(std::move(sources)), tasks_(env.loop) {}

void Balancer::start() { tasks_.spawn(run()); }

net::Task<void> Balancer::stop() { co_await tasks_.stop(); }

net::Task<void> Balancer::run() {
  while (co_await env_.loop.sleep(kTick)) {
    if (!store_.leads()) {
      states_.clear();
      continue;
    }
    const auto read = co_await mirror_.catch_up();
    if (!read && read.error().code == Code::kCancelled) co_return;
    if (read) co_await look();
  }
}

// All are gone through only when something has changed.
void Balancer::find_balanced() {
  if (found_at_ == mirror_.revision()) return;
  balanced_.clear();
  orphans_.clear();
  const config::Whole& objects = mirror_.objects();
  for (const ObjectPointer& one : objects.of(Kind::kRecordSet)) {
    if (records_of(*one).balance) balanced_.push_back(one);
  }
  for (const ObjectPointer& one : objects.of(Kind::kDnsWeights)) {
    const auto records = objects.find(Kind::kRecordSet, one->metadata.name);
    if (!records || !records_of(*records).balance) orphans_.push_back(one);
  }
  std::erase_if(states_, [this](const auto& entry) {
    return std::ranges::none_of(balanced_,
                                [&](const ObjectPointer& one) { return one->metadata.name == entry.first; });
  });
  found_at_ = mirror_.revision();
}

net::Task<void> Balancer::look() {
  find_balanced();
  const std::vector<ObjectPointer> orphans = orphans_;
  const std::vector<ObjectPointer> balanced = balanced_;
  for (const ObjectPointer& one : orphans) co_await drop(one);
  for (const ObjectPointer& one : balanced) co_await keep(one);
}

net::Task<void> Balancer::keep(ObjectPointer records) {
  const std::string& name = records->metadata.name;
  const RecordSetSpec& spec = records_of(*records);
  State& state = states_[name];
  const Instant now = env_.loop.now();
  if (state.revision == records->metadata.revision && now < state.due) co_return;
  if (!sources_.settled()) co_return note(name, state, "edges are still coming");
  const Loads loads = sources_.loads(std::max(kSpanMin, spec.balance->interval));
  if (std::string unknown = unknown_of(*spec.balance, loads); !unknown.empty()) {
    co_return note(name, state, std::move(unknown));
  }
  const WallTime wall = env_.loop.clock().wall_now();
  const ObjectPointer stored = mirror_.objects().find(Kind::kDnsWeights, name);
  DnsWeightsSpec next = computed(spec, loads);
  next.computed_at = wall;
  const bool same_terms = stored && has_terms(weights_of(*stored), spec);
  // Written lately, maybe by who led before.
  const auto written = same_terms ? weights_of(*stored).computed_at : std::nullopt;
  if (written && *written <= wall && wall - *written < spec.balance->interval) co_return;
  note(name, state, {});
  if (!same_terms || moves(weights_of(*stored), next)) {
    auto after = std::make_shared<config::Object>();
    after->metadata = stored ? stored->metadata : mirror::new_metadata(name, env_);
    after->metadata.organization = records->metadata.organization;
    after->metadata.updated_at = wall;
    std::string reason = reason_of(next);
    after->spec = std::move(next);
    if (!co_await write({stored, after}, std::move(reason))) co_return;
  }
  state.revision = records->metadata.revision;
  state.due = now + spec.balance->interval;
}

net::Task<void> Balancer::drop(ObjectPointer orphan) {
  co_await write({orphan, nullptr}, "no RecordSet of that name has a balance");
}

// False: not now; another look tells.
net::Task<bool> Balancer::write(config::ObjectChange change, std::string reason) {
  store::Transaction transaction;
  mirror::put_changes(transaction, std::span(&change, 1), {kActor, {}, reason}, env_.loop.clock().wall_now(),
                      mirror_.revision(), event_of(change));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) {
    if (committed.error().error.code != Code::kCancelled) {
      env_.log.warning("weights of DNS answers can't be written",
                       {{"record_set", change.name()}, {"reason", committed.error().error.text}});
    }
    co_return false;
  }
  env_.log.info(change.after ? "weights of DNS answers are computed" : "weights of DNS answers are removed",
                {{"record_set", change.name()}, {"reason", reason}});
  co_return true;
}

void Balancer::note(const std::string& name, State& state, std::string waits) {
  if (state.waits == waits) return;
  state.waits = std::move(waits);
  if (state.waits.empty()) return;
  env_.log.info("weights of DNS answers stay as they are", {{"record_set", name}, {"reason", state.waits}});
}

config::DnsWeightsStatus Balancer::status_of(const config::Object& weights) const {
  if (!store_.leads()) return {"another controller leads, and computes them"};
  const auto state = states_.find(weights.metadata.name);
  return {state == states_.end() ? std::string() : state->second.waits};
}

}  // namespace weir::balance
