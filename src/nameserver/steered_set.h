// SteeredSet: the records of one RecordSet whose replies depend on health, weight and turn. Its choices are
// made when health changes, so that a query only takes the next of them. Read by every core at once: the turn
// is the one thing that they share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/specs.h"
#include "config/specs_dns.h"
#include "dns/name.h"
#include "dns/steering.h"
#include "nameserver/places.h"

namespace weir::nameserver {

// One record of the set, as it was written or as an endpoint brought it.
struct Answer {
  std::vector<std::uint8_t> rdata;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  bool healthy = true;
  std::string why;  // it is not; for people
  std::vector<std::string> places{};
  std::string provider{};  // of a balance
  friend bool operator==(const Answer&, const Answer&) = default;
};

// The turn goes on where it was when the set is made anew.
using Turn = std::shared_ptr<std::atomic<std::uint32_t>>;

class SteeredSet {
 public:
  // Of an ALIAS: whose addresses the answers are, and whether any are known yet.
  struct Alias {
    dns::Name target;
    bool known = false;
  };
  // fallback: of all_down: FALLBACK. geography: of the policy GEO.
  SteeredSet(config::RecordSetSpec spec, std::uint32_t ttl_seconds, std::vector<Answer> answers,
             const std::vector<std::vector<std::uint8_t>>& fallback, Turn turn,
             const Geography& geography = {}, std::optional<Alias> alias = std::nullopt);

  dns::Chosen choose(const dns::Client& client) const;
  // The same without taking a turn: what the client with that address would get now.
  dns::Chosen peek(const dns::Client& client) const;

  // Whether it was made by these words.
  bool is_of(const config::RecordSetSpec& spec, std::uint32_t ttl_seconds) const {
    return ttl_seconds_ == ttl_seconds && spec_ == spec;
  }
  const config::RecordSetSpec& spec() const { return spec_; }
  std::uint32_t ttl_seconds() const { return ttl_seconds_; }
  const std::vector<Answer>& answers() const { return answers_; }
  // Null: it is no ALIAS.
  const dns::Name* alias() const { return alias_ ? &alias_->target : nullptr; }
  bool fails() const { return alias_ && !alias_->known; }
  // Of GEO: who gets what from where is decided there.
  const Places* places() const { return places_.get(); }
  // Whether the one at that place is chosen, now or in its turn.
  bool gives(std::size_t place) const { return std::ranges::find(chosen_, place) != chosen_.end(); }
  // Why these can be chosen and others can't, in a sentence.
  const std::string& reason() const { return reason_; }
  const Turn& turn() const { return turn_; }

 private:
  // Records that lie one after the other, twice over: as many as are wanted can begin with any of them.
  struct Ring {
    Ring() = default;
    Ring(const std::vector<std::vector<std::uint8_t>>& records, dns::Type type, std::uint32_t ttl_seconds);
    std::vector<std::uint8_t> packed;
    std::vector<std::uint32_t> begins;  // of each record, twice over, and the end
    std::size_t size() const { return begins.empty() ? 0 : (begins.size() - 1) / 2; }
  };

  std::vector<std::size_t> choices();
  std::vector<std::size_t> healthy_of_priorities();
  void plan_stickiness();
  void plan_places(const std::vector<std::vector<std::uint8_t>>& fallback, const Geography& geography);
  Ring ring_of(const std::vector<std::size_t>& places) const;
  dns::Chosen in_turn(std::uint32_t turn) const;
  dns::Chosen sticky(const dns::Client& client) const;
  dns::Chosen closest(const dns::Client& client, bool takes_turn) const;
  dns::Chosen beginning_with(std::size_t record) const;

  // Of GEO: a ring for each group of answers, with a turn of its own; the first is for who is in none of the
  // places.
  struct Group {
    Ring ring;
    std::vector<std::size_t> answers;  // in the ring, by their places in answers_; of a fallback: none
    mutable std::atomic<std::uint32_t> turn{0};
  };

  // --- what a query touches
  std::shared_ptr<const Places> places_;
  std::unique_ptr<const Alias> alias_;
  Turn turn_;
  Ring ring_;
  std::vector<std::uint16_t> schedule_;  // by turn: the record of the ring that is first; empty: each in turn
  std::size_t count_ = 0;                // of records in a reply
  std::unique_ptr<Group[]> groups_;
  // Of `sticky`: by hash, the same whatever is healthy: places in answers_, and where each is in the ring
  bool sticky_ = false;
  std::vector<std::uint16_t> slots_;
  std::vector<std::uint16_t> ring_of_;

  // --- and what it does not
  config::RecordSetSpec spec_;
  std::uint32_t ttl_seconds_;
  std::vector<Answer> answers_;
  std::vector<std::size_t> chosen_;  // in the ring: places in answers_; of a fallback: none
  std::string reason_;
};

}  // namespace weir::nameserver
