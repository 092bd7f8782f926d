// A request comes only to an origin of the service that was asked for, and of the account that the service
// belongs to: as of the store at any time since the request was sent, or, where it came in, as of what that
// edge had of the store.
#include <fmt/format.h>

#include <algorithm>

#include "invariants/invariants.h"
#include "invariants/ways.h"

namespace weir::invariants {
namespace {

class OwnOrigin final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    ways_.see(event);
    if (event.kind == Event::Kind::kCommitted) {
      past_.see(event);
      return known(event);
    }
    if (event.kind == Event::Kind::kApplied) applied(event);
    return event.kind == Event::Kind::kReached ? reached(event) : std::nullopt;
  }

 private:
  struct Owner {
    Duration since{};
    std::string account;  // empty: there is no such service
  };

  // Names are those that agents ask for, or that writers write: none is made up.
  static std::optional<std::string> known(const Event& event) {
    const std::string_view key = event.key;
    for (const std::string_view kind : {"services/", "loadbalancers/"}) {
      if (!key.starts_with(kind)) continue;
      const std::string_view name = key.substr(kind.size());
      if (name.size() == 2 && (name[0] == 'l' || name[0] == 't')) return std::nullopt;
      return fmt::format("there is {}, which nobody has asked for", key);
    }
    return std::nullopt;
  }

  void applied(const Event& event) {
    std::map<std::string, std::vector<Owner>>& services = seen_[event.node];
    for (const auto& [key, text] : event.held) {
      if (key.starts_with("services/t")) services.try_emplace(key.substr(key.find('/') + 1));
    }
    for (auto& [service, owners] : services) {
      const auto held = event.held.find("services/" + service);
      const std::string account(held == event.held.end() ? "" : last_word(held->second));
      if (owners.empty() || owners.back().account != account) owners.push_back({event.at, account});
    }
  }

  std::optional<std::string> reached(const Event& event) const {
    const auto found = ways_.sessions().find(event.node);
    if (found == ways_.sessions().end()) return fmt::format("{} is asked, whom nobody knows", event.node);
    const Ways::Session& session = found->second;
    if (session.service != event.key) {
      return fmt::format("{} sends a request for {} to {}, which is of {}", event.text, event.key, event.node,
                         session.service);
    }
    if (owned(event, session.account)) return std::nullopt;
    return fmt::format("{} sends a request for {} to {}, which is {}'s; the service is \"{}\"", event.text,
                       event.key, event.node, session.account,
                       past_.at("services/" + event.key, past_.revision()).text);
  }

  bool owned(const Event& event, const std::string& account) const {
    const auto edge = seen_.find(event.text);
    if (edge != seen_.end()) {
      const auto owners = edge->second.find(event.key);
      if (owners != edge->second.end() && any_since(owners->second, event.since, account)) return true;
    }
    std::vector<Owner> owners;
    if (const auto values = past_.all().find("services/" + event.key); values != past_.all().end()) {
      for (const Past::Value& value : values->second) {
        owners.push_back({value.at, std::string(last_word(value.text))});
      }
    }
    return any_since(owners, event.since, account);
  }

  static bool any_since(const std::vector<Owner>& owners, Duration since, const std::string& account) {
    for (std::size_t i = 0; i < owners.size(); ++i) {
      const bool over = i + 1 < owners.size() && owners[i + 1].since < since;
      if (!over && owners[i].account == account) return true;
    }
    return false;
  }

  Ways ways_;
  Past past_;
  std::map<std::string, std::map<std::string, std::vector<Owner>>> seen_;  // by edge and service
};

}  // namespace

std::unique_ptr<Invariant> own_origin(const Edges& /*edges*/) { return std::make_unique<OwnOrigin>(); }

}  // namespace weir::invariants
