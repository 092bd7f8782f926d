#include "insight/log_merge.h"

#include <algorithm>

namespace weir::insight {

void LogMerge::begin(Source source, Instant now) {
  sources_[source].waited_for = now + (following_ ? kBeginPatience : kWholePatience);
}

void LogMerge::opened(Source source, Instant now) {
  const auto found = sources_.find(source);
  if (following_ && found != sources_.end()) found->second.waited_for = now + kFirstPatience;
}

void LogMerge::put(Source source, channel::ChannelLine line, Instant now) {
  const auto found = sources_.find(source);
  if (found == sources_.end() || found->second.ended) return;
  State& state = found->second;
  if (following_) state.waited_for = Instant::min();
  state.bytes += line.text.size();
  state.lines.push_back({std::move(line), now});
}

void LogMerge::end(Source source) {
  const auto found = sources_.find(source);
  if (found == sources_.end()) return;
  found->second.ended = true;
  if (found->second.lines.empty()) sources_.erase(found);
}

bool LogMerge::is_full(Source source) const {
  const auto found = sources_.find(source);
  return found != sources_.end() && found->second.bytes >= kSourceBytesMax;
}

// Of equal times, the source that began first.
LogMerge::Sources::const_iterator LogMerge::earliest() const {
  auto best = sources_.end();
  for (auto at = sources_.begin(); at != sources_.end(); ++at) {
    if (at->second.lines.empty()) continue;
    if (best == sources_.end() || at->second.lines.front().line.time < best->second.lines.front().line.time) {
      best = at;
    }
  }
  return best;
}

Instant LogMerge::due_of(const Waiting& first) const {
  Instant due = Instant::min();
  for (const auto& [source, state] : sources_) {
    if (!state.lines.empty() || state.ended) continue;
    due = std::max({due, state.waited_for, first.came + (following_ ? kPatience : kWholePatience)});
  }
  return due;
}

std::optional<LogMerge::Given> LogMerge::take(Instant now) {
  const auto found = earliest();
  if (found == sources_.end() || due_of(found->second.lines.front()) > now) return std::nullopt;
  const auto place = sources_.find(found->first);
  State& state = place->second;
  Given given(place->first, std::move(state.lines.front().line));
  state.lines.pop_front();
  state.bytes -= given.second.text.size();
  if (state.ended && state.lines.empty()) sources_.erase(place);
  return given;
}

std::optional<Instant> LogMerge::due() const {
  const auto found = earliest();
  if (found == sources_.end()) return std::nullopt;
  return due_of(found->second.lines.front());
}

}  // namespace weir::insight
