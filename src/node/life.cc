#include "node/life.h"

#include <algorithm>
#include <utility>

namespace weir::node {

Duration pause_after(unsigned failures) {
  if (failures < 2) return {};
  constexpr unsigned kDoublingsMax = 10;
  return std::min<Duration>(Life::kPauseFirst * (1U << std::min(failures - 2, kDoublingsMax)),
                            Life::kPauseLongest);
}

bool Life::kept() const {
  return wanted_ &&
         std::ranges::all_of(seen_, [this](const Seen& one) { return one.digest == wanted_->digest; });
}

bool Life::any_runs() const { return std::ranges::any_of(seen_, &Seen::running); }

bool Life::all_run() const {
  return wanted_ && seen_.size() == wanted_->containers && std::ranges::all_of(seen_, &Seen::running);
}

void Life::want(std::optional<Wanted> wanted, Instant now) {
  if (wanted == wanted_) return;
  const bool other = wanted && wanted_ && wanted->digest != wanted_->digest;
  wanted_ = std::move(wanted);
  if (wanted_) drain_ = wanted_->drain;
  if (running_ && started_ && wanted_ && !wanted_->probed) ready_ = true;
  if (other) {  // what went wrong with the one before says nothing about it
    failures_ = 0;
    not_before_ = now;
    failed_ = false;
    reason_.clear();
  }
  if (kept()) drained_.reset();
  judge(now, false);
}

void Life::see(std::vector<Seen> seen, Instant now) {
  const bool ran = any_runs();
  seen_ = std::move(seen);
  if (ran && !any_runs()) removable_ = now + kLinger;
  if (!std::exchange(seen_any_, true)) found_ = any_runs();
  judge(now, true);
}

// fresh: what was seen is newer than what was done.
void Life::judge(Instant now, bool fresh) {
  const bool runs = kept() && all_run();
  const bool ended = running_ || (fresh && std::exchange(launched_, false));
  if (runs && !running_) {
    running_since_ = now;
    started_ = !wanted_->slow;
    ready_ = started_ && !wanted_->probed;
    failed_ = false;
    restart_ = false;
    if (started_) reason_.clear();
  } else if (!runs && ended && kept()) {
    note_end(now);
  }
  running_ = runs;
}

// By itself, or since a probe said so.
void Life::note_end(Instant now) {
  if (now - running_since_ >= kSteady) failures_ = 0;
  ++failures_;
  ++restarts_;
  not_before_ = now + pause_after(failures_);
  ready_ = false;
  found_ = false;
  failed_ = false;
  if (restart_) return;
  const auto ended = std::ranges::find(seen_, false, &Seen::running);
  reason_ = ended == seen_.end() ? "a container is gone"
                                 : "the container " + ended->name + " ended with exit code " +
                                       std::to_string(ended->exit_code);
}

void Life::start_failed(std::string why, Instant now) {
  starting_ = false;
  // podman holds the ports of what it could not start for a while: what was wrong first is wrong still.
  const bool is_echo = failed_ && why.starts_with("the port ");
  if (!is_echo) reason_ = std::move(why);
  failed_ = true;
  not_before_ = now + pause_after(++failures_ + 1);
}

void Life::retry(Instant now) {
  if (!failed_) return;
  failures_ = 0;
  not_before_ = now;
}

void Life::launched(Instant now) {
  starting_ = false;
  launched_ = true;
  running_since_ = now;
}

void Life::passed_startup() {
  started_ = true;
  ready_ = wanted_ && !wanted_->probed;
  reason_.clear();
}

void Life::set_ready(bool ready, std::string why) {
  if (!running_ || !started_) return;
  ready_ = ready;
  reason_ = std::move(why);
}

void Life::must_restart(std::string why) {
  if (!running_) return;
  restart_ = true;
  ready_ = false;
  reason_ = std::move(why);
}

Decision Life::next(Instant now) {
  if (!wanted_ && seen_.empty()) return {Step::kLeave, std::nullopt};
  if (!kept()) {
    if (!any_runs()) {
      drained_.reset();
      if (now < removable_) return {Step::kWait, removable_};
      return {Step::kRemove, std::nullopt};
    }
    // Who was never ready has nobody to take leave of.
    const bool was_ready = std::exchange(ready_, false) || std::exchange(found_, false);
    if (!drained_) drained_ = was_ready ? now + drain_ : now;
    if (now < *drained_) return {Step::kWait, drained_};
    return {Step::kStop, std::nullopt};
  }
  if (running_) return {restart_ ? Step::kStop : Step::kWait, std::nullopt};
  if (now < not_before_) {
    // Those beside the one that has ended wait with it.
    if (any_runs()) return {Step::kStop, std::nullopt};
    return {Step::kWait, not_before_};
  }
  return {any_runs() ? Step::kStop : Step::kStart, std::nullopt};
}

State Life::state(Instant now) const {
  if (!kept() && !seen_.empty()) return State::kStopping;
  if (running_) {
    if (!started_) return State::kStarting;
    return ready_ ? State::kReady : State::kRunning;
  }
  if (!wanted_) return State::kStopping;
  if (failed_) return State::kFailed;
  if (now < not_before_) return State::kBackingOff;
  return starting_ ? State::kStarting : State::kPending;
}

}  // namespace weir::node
