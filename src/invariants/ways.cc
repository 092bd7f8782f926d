#include "invariants/ways.h"

#include <algorithm>

namespace weir::invariants {
namespace {

std::pair<std::string, std::string> pair_of(std::string_view one, std::string_view other) {
  return {std::string(std::min(one, other)), std::string(std::max(one, other))};
}

}  // namespace

void Ways::see(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kCame:
      sessions_[event.node] = {.service = event.key, .instance = event.text, .account = event.mark, .at = {}};
      break;
    case Event::Kind::kWent: {
      Session& session = sessions_[event.node];
      if (!session.at.empty()) session.left = event.at;
      session.at.clear();
      session.gone = true;
      break;
    }
    case Event::Kind::kAttached: sessions_[event.node].at.emplace(event.text, event.at); break;
    case Event::Kind::kDetached: {
      Session& session = sessions_[event.node];
      session.refused |= !event.mark.empty();
      if (session.at.erase(event.text) > 0) session.left = event.at;
      break;
    }
    case Event::Kind::kParted: whole_since_[pair_of(event.node, event.key)] = Duration::max(); break;
    case Event::Kind::kJoined: whole_since_[pair_of(event.node, event.key)] = event.at; break;
    default: break;
  }
}

Duration Ways::whole_since(std::string_view one, std::string_view other) const {
  const auto found = whole_since_.find(pair_of(one, other));
  return found == whole_since_.end() ? Duration{} : found->second;
}

std::string_view machine_of(std::string_view session) { return session.substr(0, session.find('.')); }

}  // namespace weir::invariants
