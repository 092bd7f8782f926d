// LedgerKeeper: the DnsLedger object of one provider and zone: which records weir has made there. Written
// before anything is made, so that nothing of weir's is ever taken for somebody else's. On the control loop.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/plan.h"
#include "config/object.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::providers {

// "cloudflare-3f2a...": a zone's name may be longer than an object's.
std::string ledger_name(std::string_view provider, std::string_view zone);

class LedgerKeeper {
 public:
  // As the mirror has it.
  LedgerKeeper(net::Env& env, store::Store& store, const mirror::Mirror& mirror, std::string provider,
               std::string zone);

  const cloud::Ledger& records() const { return records_; }
  // The errors are sentences; then it is as it was.
  using Kept = std::expected<void, std::string>;
  net::Task<Kept> add(std::vector<std::string> keys);
  net::Task<Kept> remove(std::vector<std::string> keys);

 private:
  net::Task<Kept> keep(cloud::Ledger records);

  net::Env& env_;
  store::Store& store_;
  std::string provider_;
  std::string zone_;
  store::Revision made_from_;
  config::ObjectPointer stored_;  // null: there is none
  cloud::Ledger records_;
};

// Removes the ledgers whose provider is gone, or writes that zone no more: what was made stays there, and is
// nobody's from then on.
net::Task<void> drop_orphans(net::Env& env, store::Store& store, mirror::Mirror& mirror);

}  // namespace weir::providers
