#include "providers/ledger.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "auth/crypto.h"
#include "base/text.h"
#include "mirror/records.h"
#include "mirror/writes.h"

namespace weir::providers {
namespace {

using config::DnsLedgerSpec;
using config::DnsProviderSpec;
using config::Kind;

mirror::Actor actor_of(const std::string& provider) {
  return {.name = "dnsprovider/" + provider, .remote_address = {}};
}

// Ledgers that are written from the same revision and within a millisecond have events of their own.
std::size_t event_of(const config::ObjectChange& change) {
  constexpr std::size_t kEvents = 65'536;
  return std::hash<std::string_view>()(change.name()) % kEvents;
}

bool is_orphan(const config::Whole& objects, const DnsLedgerSpec& ledger) {
  const auto provider = objects.find(Kind::kDnsProvider, ledger.provider);
  if (!provider) return true;
  const auto& zones = std::get<DnsProviderSpec>(provider->spec).zones;
  return std::ranges::find(zones, ledger.zone) == zones.end();
}

}  // namespace

std::string ledger_name(std::string_view provider, std::string_view zone) {
  constexpr std::size_t kProviderBytes = 30;
  constexpr std::size_t kHashBytes = 24;
  const auto hash = auth::sha256({auth::bytes_of(provider), auth::bytes_of("/"), auth::bytes_of(zone)});
  return std::string(provider.substr(0, kProviderBytes)) + '-' + to_hex(hash).substr(0, kHashBytes);
}

LedgerKeeper::LedgerKeeper(net::Env& env, store::Store& store, const mirror::Mirror& mirror,
                           std::string provider, std::string zone)
    : env_(env),
      store_(store),
      provider_(std::move(provider)),
      zone_(std::move(zone)),
      made_from_(mirror.revision()),
      stored_(mirror.objects().find(Kind::kDnsLedger, ledger_name(provider_, zone_))) {
  if (!stored_) return;
  const auto& spec = std::get<DnsLedgerSpec>(stored_->spec);
  records_.insert(spec.records.begin(), spec.records.end());
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::add(std::vector<std::string> keys) {
  cloud::Ledger records = records_;
  records.insert(keys.begin(), keys.end());
  co_return co_await keep(std::move(records));
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::remove(std::vector<std::string> keys) {
  cloud::Ledger records = records_;
  for (const std::string& key : keys) records.erase(key);
  co_return co_await keep(std::move(records));
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::keep(cloud::Ledger records) {
  if (records == records_) co_return Kept{};
  const WallTime now = env_.loop.clock().wall_now();
  auto after = std::make_shared<config::Object>();
  after->metadata = stored_ ? stored_->metadata : mirror::new_metadata(ledger_name(provider_, zone_), env_);
  after->metadata.updated_at = now;
  after->spec =
      DnsLedgerSpec{.provider = provider_, .zone = zone_, .records = {records.begin(), records.end()}};
  if (mirror::encode(*after).size() > config::kDocumentBytesMax) {
    co_return std::unexpected("the zone has more record sets than a DnsLedger can name");
  }
  const config::ObjectChange change{stored_, after};
  store::Transaction transaction;
  mirror::put_changes(transaction, std::span(&change, 1), actor_of(provider_), now, made_from_,
                      event_of(change));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) {
    co_return std::unexpected(std::string("the DnsLedger can't be written: ") + committed.error().error.text);
  }
  after->metadata.revision = *committed;
  made_from_ = *committed;
  stored_ = std::move(after);
  records_ = std::move(records);
  co_return Kept{};
}

net::Task<void> drop_orphans(net::Env& env, store::Store& store, mirror::Mirror& mirror) {
  std::vector<config::ObjectPointer> orphans;
  for (const config::ObjectPointer& object : mirror.objects().of(Kind::kDnsLedger)) {
    if (is_orphan(mirror.objects(), std::get<DnsLedgerSpec>(object->spec))) orphans.push_back(object);
  }
  for (const config::ObjectPointer& orphan : orphans) {
    const config::ObjectChange change{orphan, nullptr};
    store::Transaction transaction;
    mirror::put_changes(transaction, std::span(&change, 1),
                        actor_of(std::get<DnsLedgerSpec>(orphan->spec).provider), env.loop.clock().wall_now(),
                        mirror.revision(), event_of(change));
    // Refused: somebody else has written it, and the next look tells.
    if (!co_await store.commit(std::move(transaction))) co_return;
  }
}

}  // namespace weir::providers
