// LedgerKeeper: which records weir has made at one provider in one zone. Written before anything is made, so
// that nothing of weir's is ever taken for somebody else's. Kept in DnsLedger objects, as many as it takes,
// since an object has a bound. On the control loop.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cloud/plan.h"
#include "config/object.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::providers {

// "cloudflare-3f2a...", and with "-2" and so on the others of that zone, whose name may be longer than an
// object's.
std::string ledger_name(std::string_view provider, std::string_view zone, std::size_t piece = 0);

class LedgerKeeper {
 public:
  static constexpr std::size_t kPiecesMax = 32;
  // Of a piece, which is written anew with each batch.
  static constexpr std::size_t kPieceRecordsMax = 10'000;
  static constexpr std::size_t kPieceBytesMax = config::kDocumentBytesMax - (std::size_t{8} << 10U);

  // As the mirror has it.
  LedgerKeeper(net::Env& env, store::Store& store, const mirror::Mirror& mirror, std::string provider,
               std::string zone, std::size_t pieces_max = kPiecesMax);

  const cloud::Ledger& records() const { return records_; }
  // Why there is no room for these; empty: there is.
  std::string refusal_of(const std::vector<std::string>& keys) const;
  // The errors are sentences; then it is as it was.
  using Kept = std::expected<void, std::string>;
  net::Task<Kept> add(std::vector<std::string> keys);
  net::Task<Kept> remove(std::vector<std::string> keys);

 private:
  struct Piece {
    config::ObjectPointer stored;  // null: there is none
    cloud::Ledger records;
    std::size_t bytes = 0;  // of them in JSON

    bool has_room_for(std::string_view key) const;
    void add(const std::string& key);
    void remove(const std::string& key);
  };
  using Pieces = std::map<std::size_t, Piece>;  // that become others

  std::expected<Pieces, std::string> with(const std::vector<std::string>& keys) const;
  net::Task<Kept> keep(Pieces changed);
  config::ObjectPointer object_of(std::size_t number, const Piece& piece, WallTime now) const;

  net::Env& env_;
  store::Store& store_;
  std::string provider_;
  std::string organization_;  // of the provider
  std::string zone_;
  store::Revision made_from_;
  std::vector<Piece> pieces_;
  cloud::Ledger records_;  // of all pieces
};

// Removes the ledgers whose provider is gone, or writes that zone no more: what was made stays there, and is
// nobody's from then on.
net::Task<void> drop_orphans(net::Env& env, store::Store& store, mirror::Mirror& mirror);

}  // namespace weir::providers
