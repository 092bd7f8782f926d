#include "providers/sync.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <variant>

#include "providers/clients.h"

namespace weir::providers {
namespace {

using cloud::Action;
using cloud::Change;
using cloud::Trouble;
using config::Kind;

// Of a batch that is refused, each half is tried by itself, and so on, until it is known what is to blame.
constexpr std::size_t kRefusalsMax = 20;

std::vector<std::string> keys_of(std::span<const Change> changes, Action action) {
  std::vector<std::string> keys;
  for (const Change& change : changes) {
    if (change.action == action) keys.push_back(cloud::key_of(change.either()));
  }
  return keys;
}

// What stays as it is for want of knowledge is wanted as it is there, if it is.
void hold(Wanted& wanted, const cloud::RecordSets& there) {
  if (wanted.unsure.empty()) return;
  std::erase_if(wanted.sets, [&](const auto& set) { return wanted.unsure.contains(cloud::key_of(set)); });
  for (const cloud::RecordSet& set : there) {
    if (wanted.unsure.contains(cloud::key_of(set))) wanted.sets.push_back(set);
  }
  wanted.sets = cloud::normal_sets(std::move(wanted.sets));
  for (const auto& [key, why] : wanted.unsure) wanted.left_out.push_back(key + ": " + why);
}

// Shapes all to what the provider can hold.
void fit(const cloud::DnsClient& client, Wanted& wanted) {
  std::erase_if(wanted.sets, [&](cloud::RecordSet& set) {
    const std::string why = client.fit(set);
    if (!why.empty()) wanted.left_out.push_back(cloud::key_of(set) + ": " + why);
    return !why.empty();
  });
}

class Syncing {
 public:
  explicit Syncing(Work work)
      : work_(std::move(work)),
        ledger_(work_.env, work_.store, work_.mirror, work_.provider, work_.zone, work_.ledgers_max) {
    outcome_.zone = work_.zone;
    outcome_.records = ledger_.records().size();
  }

  net::Task<void> run() {
    auto client = client_of();
    if (!client) co_return fail(std::move(client.error()), false);
    auto wanted = wanted_sets(work_.mirror.objects(), work_.zone, work_.health, work_.patient, work_.names);
    if (!wanted) co_return fail(std::move(wanted.error()), false);
    fit(**client, *wanted);
    const auto there = co_await (*client)->read();
    if (!there) co_return fail(there.error());
    hold(*wanted, *there);
    outcome_.left_out = std::move(wanted->left_out);
    outcome_.plan = cloud::make_plan(wanted->sets, *there, ledger_.records(), percent_max_);
    const cloud::Plan& plan = outcome_.plan;
    outcome_.records = plan.kept + plan.count(Action::kReplace) + plan.count(Action::kDelete);
    if (work_.mode == Mode::kCompare || (!plan.refused.empty() && work_.mode != Mode::kForce)) co_return;
    co_await write(**client);
  }

  Outcome take() && { return std::move(outcome_); }

 private:
  void fail(std::string why, bool worth_a_retry) {
    outcome_.error = std::move(why);
    outcome_.worth_a_retry = worth_a_retry;
  }
  void fail(const Trouble& trouble) {
    outcome_.wait = trouble.wait;
    outcome_.cancelled = trouble.kind == Trouble::Kind::kCancelled;
    fail(trouble.sentence, trouble.kind != Trouble::Kind::kRefused);
  }
  void fail(const LedgerKeeper::Kept& kept) { fail(kept.error(), true); }

  std::expected<std::unique_ptr<cloud::DnsClient>, std::string> client_of() {
    const auto provider = work_.mirror.objects().find(Kind::kDnsProvider, work_.provider);
    if (!provider) return std::unexpected("there is no DnsProvider/" + work_.provider);
    const auto& spec = std::get<config::DnsProviderSpec>(provider->spec);
    percent_max_ = spec.changes_percent_max;
    const auto secret = work_.mirror.objects().find(Kind::kSecret, spec.credentials);
    if (!secret) return std::unexpected("there is no Secret/" + spec.credentials);
    return make_client(work_.env, spec, std::get<config::SecretSpec>(secret->spec).values, work_.zone,
                       work_.pace);
  }

  net::Task<void> write(cloud::DnsClient& client) {
    if (auto kept = co_await ledger_.remove(outcome_.plan.stale); !kept) co_return fail(kept);
    // Not half of a zone.
    std::string full = ledger_.refusal_of(keys_of(outcome_.plan.changes, Action::kCreate));
    if (!full.empty()) co_return fail(std::move(full), false);
    std::span<const Change> left(outcome_.plan.changes);
    while (!left.empty() && outcome_.error.empty()) {
      const auto batch = left.first(client.batch_size(left));
      left = left.subspan(batch.size());
      co_await write_batch(client, batch);
    }
  }

  // Whole, or in halves of whole names when it is refused.
  net::Task<void> write_batch(cloud::DnsClient& client, std::span<const Change> batch) {
    std::vector<std::span<const Change>> todo{batch};
    while (!todo.empty() && outcome_.error.empty()) {
      const auto part = todo.back();
      todo.pop_back();
      const auto created = keys_of(part, Action::kCreate);
      if (auto kept = co_await ledger_.add(created); !kept) co_return fail(kept);
      const auto told = co_await client.write(part);
      if (told) {
        if (auto kept = co_await ledger_.remove(keys_of(part, Action::kDelete)); !kept) co_return fail(kept);
        outcome_.written += part.size();
        outcome_.records += created.size();
        outcome_.records -= keys_of(part, Action::kDelete).size();
        continue;
      }
      if (told.error().kind != Trouble::Kind::kRefused) {
        if (told.error().kind == Trouble::Kind::kBusy || told.error().kind == Trouble::Kind::kUnreachable) {
          if (auto kept = co_await ledger_.remove(created); !kept) co_return fail(kept);
        }
        co_return fail(told.error());
      }
      if (auto kept = co_await ledger_.remove(created); !kept) co_return fail(kept);
      split(part, told.error().sentence, todo);
    }
  }

  void split(std::span<const Change> part, const std::string& why,
             std::vector<std::span<const Change>>& todo) {
    const std::string& first = part.front().either().name;
    const bool one_name = part.back().either().name == first;
    if (one_name) outcome_.refused.push_back(first + ": " + why);
    if (++refusals_ >= kRefusalsMax) return fail(why, true);
    if (one_name) return;
    std::size_t half = part.size() / 2;
    while (half < part.size() && part[half].either().name == part[half - 1].either().name) ++half;
    if (half == part.size()) {
      half = part.size() / 2;
      while (part[half].either().name == part[half - 1].either().name) --half;
    }
    todo.push_back(part.subspan(half));
    todo.push_back(part.first(half));
  }

  Work work_;
  LedgerKeeper ledger_;
  std::uint32_t percent_max_ = 0;
  std::size_t refusals_ = 0;
  Outcome outcome_;
};

// --- JSON

using Tree = nlohmann::ordered_json;

Tree records_of(const cloud::RecordSet& set) { return Tree{{"ttl", set.ttl}, {"values", set.values}}; }

Tree change_of(const Change& change) {
  Tree tree{{"action", cloud::word_of(change.action)}, {"record", cloud::key_of(change.either())}};
  if (change.action != Action::kCreate) tree["before"] = records_of(change.before);
  if (change.action != Action::kDelete) tree["after"] = records_of(change.after);
  return tree;
}

Tree outcome_of(const Outcome& outcome) {
  const cloud::Plan& plan = outcome.plan;
  Tree changes = Tree::array();
  for (const Change& change : plan.changes) {
    if (changes.size() == kChangesShownMax) break;
    changes.push_back(change_of(change));
  }
  Tree conflicts = Tree::array();
  for (const cloud::Conflict& conflict : plan.conflicts) {
    if (conflicts.size() == kChangesShownMax) break;
    conflicts.push_back(Tree{{"record", conflict.key}, {"reason", conflict.why}});
  }
  Tree tree{{"zone", outcome.zone},
            {"synced", outcome.is_synced()},
            {"written", outcome.written},
            {"create", plan.count(Action::kCreate)},
            {"replace", plan.count(Action::kReplace)},
            {"delete", plan.count(Action::kDelete)}};
  tree["more"] = plan.changes.size() - changes.size();
  tree["changes"] = std::move(changes);
  tree["kept"] = plan.kept;
  tree["foreign"] = plan.foreign;
  tree["conflicts"] = std::move(conflicts);
  std::vector<std::string> left_out = outcome.left_out;
  left_out.insert(left_out.end(), outcome.refused.begin(), outcome.refused.end());
  tree["left_out"] = left_out;
  if (!plan.refused.empty()) tree["refused"] = plan.refused;
  if (!outcome.error.empty()) tree["error"] = outcome.error;
  return tree;
}

}  // namespace

bool Outcome::is_synced() const {
  return error.empty() && plan.conflicts.empty() && left_out.empty() && refused.empty() &&
         written == plan.changes.size();
}

std::string Outcome::reason() const {
  std::string text = error;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  const bool held = !plan.refused.empty() && written == 0 && error.empty() && !plan.changes.empty();
  if (held) add(plan.refused);
  for (const std::string& one : refused) add(one);
  for (const cloud::Conflict& conflict : plan.conflicts) add(conflict.key + ' ' + conflict.why);
  for (const std::string& one : left_out) add(one);
  if (text.empty() && written < plan.changes.size()) {
    text = std::to_string(plan.changes.size() - written) + " changes are to be made";
  }
  return text;
}

net::Task<Outcome> synchronise(Work work) {
  Syncing syncing(std::move(work));
  co_await syncing.run();
  co_return std::move(syncing).take();
}

std::string outcomes_json(const std::string& provider, const std::vector<Outcome>& outcomes) {
  Tree zones = Tree::array();
  for (const Outcome& outcome : outcomes) zones.push_back(outcome_of(outcome));
  return Tree{{"provider", provider}, {"zones", std::move(zones)}}.dump(-1, ' ', false,
                                                                        Tree::error_handler_t::replace);
}

}  // namespace weir::providers
