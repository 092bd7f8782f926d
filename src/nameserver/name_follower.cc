#include "nameserver/name_follower.h"

#include <algorithm>
#include <utility>

namespace weir::nameserver {

NameFollower::NameFollower(net::Env& env, Changed changed)
    : env_(env), changed_(std::move(changed)), ending_(env.loop) {}

void NameFollower::follow(const std::set<std::string>& names) {
  if (stopped_) return;
  for (auto one = followed_.begin(); one != followed_.end();) {
    if (names.contains(one->first)) {
      ++one;
      continue;
    }
    ending_.spawn(end(std::move(one->second)));
    one = followed_.erase(one);
  }
  for (const std::string& name : names) {
    if (followed_.size() >= kNamesMax) break;
    auto& followed = followed_[name];
    if (followed) continue;
    followed = std::make_unique<Followed>(env_.loop, name);
    followed->group.spawn(look_up(*followed));
  }
}

const NameFollower::Known* NameFollower::known(std::string_view name) const {
  const auto found = followed_.find(name);
  return found == followed_.end() ? nullptr : &found->second->known;
}

net::Task<void> NameFollower::look_up(Followed& followed) {
  Duration pause{};  // others go first
  while (co_await env_.loop.sleep(pause)) {
    pause = kPause;
    if (under_way_ >= kAtOnceMax) continue;
    ++under_way_;
    auto answer = co_await env_.network.resolve(followed.name, 0, kTimeout);
    --under_way_;
    if (!answer && answer.error().code == Code::kCancelled) co_return;
    pause = answer ? std::clamp(answer->ttl, kTtlMin, kTtlMax) : kTtlMin;
    take(followed, std::move(answer));
  }
}

void NameFollower::take(Followed& followed, Result<net::Resolved> answer) {
  Known& known = followed.known;
  if (!answer) {
    if (known.problem.empty()) {
      env_.log.warning("the name of an ALIAS can't be looked up",
                       {{"name", followed.name}, {"reason", answer.error().text}});
    }
    known.problem = answer.error().text;
    return;
  }
  known.problem.clear();
  auto& addresses = answer->addresses;
  std::ranges::sort(addresses);
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  const Duration ttl = std::clamp(answer->ttl, kTtlMin, kTtlMax);
  if (known.addresses == addresses && ttl <= known.ttl) return;
  known.ttl = known.addresses == addresses ? std::max(ttl, known.ttl) : ttl;
  known.addresses = std::move(addresses);
  changed_(followed.name);
}

net::Task<void> NameFollower::end(std::unique_ptr<Followed> followed) { co_await followed->group.stop(); }

net::Task<void> NameFollower::stop() {
  stopped_ = true;
  for (auto& [name, followed] : followed_) ending_.spawn(end(std::move(followed)));
  followed_.clear();
  co_await ending_.join();
}

}  // namespace weir::nameserver
