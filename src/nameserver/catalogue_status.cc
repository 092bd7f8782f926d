// What a Catalogue says of itself: what is refused, statuses of Zones and RecordSets.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "config/kinds.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "nameserver/catalogue.h"
#include "nameserver/computed_weights.h"

namespace weir::nameserver {

std::map<std::string, std::string, std::less<>> Catalogue::refused() const {
  auto all = refused_;
  if (own_refused_.empty()) return all;
  std::string& own = all[domain_];
  own += (own.empty() ? "" : "; ") + own_refused_;
  return all;
}

const dns::Zone* Catalogue::zone_of(std::string_view name) const {
  if (name == domain_) return own_.get();
  const auto served = served_.find(name);
  return served == served_.end() ? nullptr : served->second.zone.get();
}

std::shared_ptr<const dns::Zone> Catalogue::file_of(std::string_view zone) const {
  const auto served = served_.find(zone);
  return served == served_.end() ? nullptr : served->second.file;
}

config::ZoneStatus Catalogue::zone_status(std::string_view name) const {
  config::ZoneStatus status;
  if (const dns::Zone* zone = zone_of(name)) {
    status = {.serving = true, .serial = zone->serial(), .records = zone->records(), .reason = {}};
  }
  if (const auto refused = refused_.find(name); refused != refused_.end()) status.reason = refused->second;
  if (name == domain_ && !own_refused_.empty()) {
    status.reason += (status.reason.empty() ? "" : "; ") + own_refused_;
  }
  return status;
}

config::RecordSetStatus Catalogue::record_set_status(std::string_view name) const {
  config::RecordSetStatus status;
  const auto add = [&](std::string_view part) {
    const auto known = policies_.find(part);
    if (known == policies_.end()) return;
    const Steered& steered = *steered_[known->second];
    const SteeredSet& set = *steered.set;
    status.reason = steered.alias ? alias_reason(steered) : reason_of(steered);
    for (std::size_t i = 0; i < set.answers().size(); ++i) {
      const Answer& answer = set.answers()[i];
      status.answers.push_back(
          {.value = {}, .healthy = answer.healthy, .given = set.gives(i), .reason = answer.why});
      dns::write_rdata(status.answers.back().value, config::type_of(set.spec().type), answer.rdata);
    }
  };
  add(name);
  for (const auto& [end, type] : zones::kAliasParts) add(std::string(name).append(end));
  return status;
}

std::string Catalogue::reason_of(const Steered& steered) {
  const std::string& reason = steered.set->reason();
  return steered.records.spec.balance ? reason + "; " + weights_reason(steered.records) : reason;
}

// What is known of the target of an ALIAS.
std::string Catalogue::alias_reason(const Steered& steered) const {
  const std::string target = dns::name_text(steered.alias->wire());
  if (steered.followed.empty()) return "what zones here have of " + target + " is given";
  const std::string& name = steered.followed;
  const NameFollower::Known* known = names_->known(name);
  if (known == nullptr) return name + " is not looked up: there are too many names";
  if (known->addresses.empty()) {
    return name + (known->problem.empty() ? " is being looked up" : " can't be looked up: " + known->problem);
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(known->ttl).count();
  std::string reason =
      "the addresses of " + name + ", which is looked up every " + std::to_string(seconds) + " s";
  if (!known->problem.empty()) reason += "; the last time it could not be: " + known->problem;
  return reason;
}

std::string Catalogue::record_set_of(std::string_view zone, std::string_view owner, dns::Type type) const {
  const config::Zone* found = written(zone);
  if (found == nullptr) return {};
  for (const config::RecordSet& records : found->record_sets) {
    if (config::owner_name_of(records.spec) == owner && config::type_of(records.spec.type) == type) {
      return records.name;
    }
  }
  return {};
}

}  // namespace weir::nameserver
