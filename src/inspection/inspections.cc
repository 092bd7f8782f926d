#include "inspection/inspections.h"

#include <algorithm>
#include <ranges>

namespace weir::inspection {

Inspections::~Inspections() {
  *self_ = nullptr;
  for (const auto& [at, looked] : looked_) live_.end(looked.watch);
}

std::size_t Inspections::Kept::bytes() const {
  return sizeof(Kept) + told.line.size() + (told.exchange ? told.exchange->bytes() : 0);
}

bool Inspections::look(const Endpoint& at) {
  auto found = looked_.find(at);
  if (found == looked_.end()) {
    if (looked_.size() >= kEndpointsMax) return false;
    found = looked_.try_emplace(at).first;
    found->second.watch = live_.inspect(at.service, at.key, loop_, [self = self_, at](Told told) {
      if (*self != nullptr) (*self)->keep(at, std::move(told));
    });
  }
  found->second.until = loop_.deadline(kLingers);
  if (!sweep_.armed()) loop_.arm(sweep_, found->second.until);
  return true;
}

void Inspections::keep(const Endpoint& at, Told told) {
  const auto found = looked_.find(at);
  if (found == looked_.end()) return;
  Looked& looked = found->second;
  for (const auto& [number, follower] : looked.followers) follower(told);
  looked.kept.push_back({.number = ++last_, .told = std::move(told)});
  bytes_ += looked.kept.back().bytes();
  if (looked.kept.size() > kKeptMax) drop_oldest(looked);
  while (bytes_ > kBytesMax) {
    Looked* oldest = nullptr;
    for (Looked& one : looked_ | std::views::values) {
      if (one.kept.empty()) continue;
      if (oldest == nullptr || one.kept.front().number < oldest->kept.front().number) oldest = &one;
    }
    drop_oldest(*oldest);
  }
}

void Inspections::drop_oldest(Looked& of) {
  bytes_ -= of.kept.front().bytes();
  of.kept.pop_front();
}

std::vector<std::string> Inspections::latest(const Endpoint& at) const {
  std::vector<std::string> lines;
  const auto found = looked_.find(at);
  if (found == looked_.end()) return lines;
  for (const Kept& one : found->second.kept) lines.push_back(one.told.line);
  return lines;
}

const Inspections::Told* Inspections::find(const Endpoint& at, std::string_view id) const {
  const auto found = looked_.find(at);
  if (found == looked_.end()) return nullptr;
  const auto& kept = found->second.kept;
  const auto newest =
      std::ranges::find_if(kept.rbegin(), kept.rend(), [id](const Kept& one) { return one.told.id == id; });
  return newest == kept.rend() ? nullptr : &newest->told;
}

std::uint64_t Inspections::follow(const Endpoint& at, std::function<void(const Told&)> told) {
  looked_.at(at).followers.emplace(++last_, std::move(told));
  return last_;
}

void Inspections::leave(std::uint64_t follower) {
  for (Looked& one : looked_ | std::views::values) {
    if (one.followers.erase(follower) > 0) one.until = loop_.deadline(kLingers);
  }
}

void Inspections::sweep() {
  const Instant now = loop_.now();
  Instant next = Instant::max();
  for (auto one = looked_.begin(); one != looked_.end();) {
    Looked& looked = one->second;
    if (!looked.followers.empty()) looked.until = loop_.deadline(kLingers);
    if (looked.until > now) {
      next = std::min(next, looked.until);
      ++one;
      continue;
    }
    live_.end(looked.watch);
    while (!looked.kept.empty()) drop_oldest(looked);
    one = looked_.erase(one);
  }
  if (!looked_.empty()) loop_.arm(sweep_, next);
}

}  // namespace weir::inspection
