// Keys: the TSIG keys (RFC 8945) that requests are signed with, each of a Secret with the values name,
// algorithm and secret. Never changed once in use; read by every core.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/snapshot.h"
#include "config/specs.h"
#include "dns/name.h"
#include "dns/tsig.h"

namespace weir::dnspeer {

// secret: name of the Secret, which is the key's where it has none of its own. The errors say what is wrong.
Result<dns::TsigKey> tsig_key_of(std::string_view secret, const config::SecretSpec& spec);

class Keys {
 public:
  struct Key {
    std::string secret;  // name of its Secret
    dns::TsigKey key;
  };

  // Of two keys with one name the first is there.
  Result<void> add(const config::Secret& secret);
  const Key* find(const dns::Name& name) const;           // null: there is none of that name
  const Key* find_secret(std::string_view secret) const;  // the same, by its Secret

 private:
  std::map<std::string, Key, std::less<>> keys_;  // by name, in lower case
};

}  // namespace weir::dnspeer
