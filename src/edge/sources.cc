#include "edge/sources.h"

#include <span>

#include "lb/hash.h"
#include "net/buffer.h"

namespace weir::edge {

std::uint64_t Sources::key_of(const net::Address& client) {
  const auto bytes = std::span(client.bytes()).first(client.is_v6() ? 8 : 4);
  return lb::hash_bytes(net::as_text(std::as_bytes(bytes)), client.is_v6() ? 6 : 4);
}

Sources::Place Sources::take(const net::Address& client, std::uint32_t max) {
  const std::uint64_t key = key_of(client);
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  std::uint32_t& open = shard.open[key];
  if (open >= max) return {};  // max is above 0, so the entry was there
  ++open;
  return {this, key};
}

void Sources::give_back(std::uint64_t key) {
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.open.find(key);
  if (--found->second == 0) shard.open.erase(found);
}

}  // namespace weir::edge
