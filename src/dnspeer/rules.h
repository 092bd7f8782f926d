// Rules: what zones allow beside queries: who takes copies, who writes, with which keys; and the zones' last
// changes. Never changed once made; read by every core.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/formats.h"
#include "config/snapshot.h"
#include "dns/bytes.h"
#include "dnspeer/history.h"
#include "dnspeer/keys.h"

namespace weir::dnspeer {

struct ZoneRules {
  bool gives_copies = false;
  std::vector<config::Network> networks;  // none: any
  std::vector<std::string> copy_keys;     // names of Secrets; none: any, or no signature
  std::vector<std::string> write_keys;    // none: nobody writes
  std::shared_ptr<const History> history;

  // secret: of the key that signed; empty: none did.
  bool lets_copy(const dns::Ip& client, std::string_view secret) const;
  bool lets_write(std::string_view secret) const {
    return std::ranges::find(write_keys, secret) != write_keys.end();
  }
};

struct Rules {
  using Histories =
      std::map<std::string, std::shared_ptr<const History>, std::less<>>;  // by name of the zone

  // wrong: what is said of Secrets that are no keys.
  static std::shared_ptr<const Rules> of(const config::Snapshot& snapshot, const Histories& histories,
                                         std::map<std::string, std::string, std::less<>>& wrong);
  const ZoneRules* find(dns::Bytes apex) const;  // null: nothing is allowed

  Keys keys;
  std::map<std::vector<std::uint8_t>, ZoneRules> zones;  // by apex, in lower case
};

}  // namespace weir::dnspeer
