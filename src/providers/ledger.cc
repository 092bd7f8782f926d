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

// As an item of a list: with quotes and a comma, and a backslash before some.
std::size_t json_bytes(std::string_view key) {
  constexpr std::size_t kAround = 3;
  const auto escaped = std::ranges::count_if(key, [](char c) { return c == '\\' || c == '"'; });
  return key.size() + kAround + static_cast<std::size_t>(escaped);
}

bool is_orphan(const config::Whole& objects, const DnsLedgerSpec& ledger) {
  const auto provider = objects.find(Kind::kDnsProvider, ledger.provider);
  if (!provider) return true;
  const auto& zones = std::get<DnsProviderSpec>(provider->spec).zones;
  return std::ranges::find(zones, ledger.zone) == zones.end();
}

}  // namespace

std::string ledger_name(std::string_view provider, std::string_view zone, std::size_t piece) {
  constexpr std::size_t kProviderBytes = 30;
  constexpr std::size_t kHashBytes = 24;
  const auto hash = auth::sha256({auth::bytes_of(provider), auth::bytes_of("/"), auth::bytes_of(zone)});
  return std::string(provider.substr(0, kProviderBytes)) + '-' + to_hex(hash).substr(0, kHashBytes) +
         (piece == 0 ? std::string() : '-' + std::to_string(piece + 1));
}

bool LedgerKeeper::Piece::has_room_for(std::string_view key) const {
  return records.size() < kPieceRecordsMax && bytes + json_bytes(key) <= kPieceBytesMax;
}

void LedgerKeeper::Piece::add(const std::string& key) {
  if (records.insert(key).second) bytes += json_bytes(key);
}

void LedgerKeeper::Piece::remove(const std::string& key) {
  if (records.erase(key) > 0) bytes -= json_bytes(key);
}

LedgerKeeper::LedgerKeeper(net::Env& env, store::Store& store, const mirror::Mirror& mirror,
                           std::string provider, std::string zone, std::size_t pieces_max)
    : env_(env),
      store_(store),
      provider_(std::move(provider)),
      zone_(std::move(zone)),
      made_from_(mirror.revision()),
      pieces_(pieces_max) {
  const auto provider_object = mirror.objects().find(Kind::kDnsProvider, provider_);
  if (provider_object) organization_ = provider_object->metadata.organization;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    Piece& piece = pieces_[i];
    piece.stored = mirror.objects().find(Kind::kDnsLedger, ledger_name(provider_, zone_, i));
    if (!piece.stored) continue;
    for (const std::string& key : std::get<DnsLedgerSpec>(piece.stored->spec).records) piece.add(key);
    records_.insert(piece.records.begin(), piece.records.end());
  }
}

// The pieces that these, which are new, are put into.
std::expected<LedgerKeeper::Pieces, std::string> LedgerKeeper::with(
    const std::vector<std::string>& keys) const {
  Pieces changed;
  std::size_t at = 0;
  const auto now = [&](std::size_t number) -> const Piece& {
    const auto found = changed.find(number);
    return found == changed.end() ? pieces_[number] : found->second;
  };
  for (const std::string& key : keys) {
    if (records_.contains(key)) continue;
    while (at < pieces_.size() && !now(at).has_room_for(key)) ++at;
    if (at == pieces_.size()) {
      return std::unexpected("the zone has more record sets than weir can remember to have made: at most " +
                             std::to_string(pieces_.size()) + " DnsLedgers of " +
                             std::to_string(kPieceRecordsMax) + " record sets or " +
                             std::to_string(kPieceBytesMax / 1024) + " KiB each");
    }
    changed.try_emplace(at, pieces_[at]).first->second.add(key);
  }
  return changed;
}

std::string LedgerKeeper::refusal_of(const std::vector<std::string>& keys) const {
  const auto changed = with(keys);
  return changed ? std::string() : changed.error();
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::add(std::vector<std::string> keys) {
  auto changed = with(keys);
  if (!changed) co_return std::unexpected(changed.error());
  co_return co_await keep(std::move(*changed));
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::remove(std::vector<std::string> keys) {
  Pieces changed;
  for (const std::string& key : keys) {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (!pieces_[i].records.contains(key)) continue;
      changed.try_emplace(i, pieces_[i]).first->second.remove(key);
    }
  }
  co_return co_await keep(std::move(changed));
}

// Null: it is empty, and not the first.
config::ObjectPointer LedgerKeeper::object_of(std::size_t number, const Piece& piece, WallTime now) const {
  if (piece.records.empty() && number > 0) return nullptr;
  auto object = std::make_shared<config::Object>();
  object->metadata = piece.stored ? piece.stored->metadata
                                  : mirror::new_metadata(ledger_name(provider_, zone_, number), env_);
  object->metadata.organization = organization_;
  object->metadata.updated_at = now;
  object->spec = DnsLedgerSpec{
      .provider = provider_, .zone = zone_, .records = {piece.records.begin(), piece.records.end()}};
  return object;
}

net::Task<LedgerKeeper::Kept> LedgerKeeper::keep(Pieces changed) {
  if (changed.empty()) co_return Kept{};
  const WallTime now = env_.loop.clock().wall_now();
  std::vector<config::ObjectChange> changes;
  for (const auto& [number, piece] : changed) {
    changes.push_back({piece.stored, object_of(number, piece, now)});
  }
  store::Transaction transaction;
  mirror::put_changes(transaction, changes, actor_of(provider_), now, made_from_, event_of(changes.front()));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) {
    co_return std::unexpected(std::string("the DnsLedger can't be written: ") + committed.error().error.text);
  }
  made_from_ = *committed;
  auto change = changes.begin();
  for (auto& [number, piece] : changed) {
    piece.stored = (change++)->after;
    if (piece.stored) {
      auto stored = std::make_shared<config::Object>(*piece.stored);
      stored->metadata.revision = *committed;
      piece.stored = std::move(stored);
    }
    for (const std::string& key : pieces_[number].records) {
      if (!piece.records.contains(key)) records_.erase(key);
    }
    records_.insert(piece.records.begin(), piece.records.end());
    pieces_[number] = std::move(piece);
  }
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
