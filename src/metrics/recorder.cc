#include "metrics/recorder.h"

#include <optional>

#include "base/exposition.h"

namespace weir::metrics {

Recorder::Recorder(net::Env& env, std::string file)
    : env_(env),
      file_(std::move(file)),
      history_(env.loop.clock().wall_now()),
      run_(env.random.next()),
      stepped_(env.loop.now()),
      restored_(file_.empty()),
      tasks_(env.loop),
      self_(std::make_shared<Recorder*>(this)) {}

Recorder::~Recorder() {
  *self_ = nullptr;
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Recorder::start() {
  if (!file_.empty()) thread_ = std::thread([this, self = self_] { work(self); });
  tasks_.spawn(sample());
}

net::Task<void> Recorder::stop() {
  co_await tasks_.stop();
  history_.flush(env_.loop.clock().wall_now(),
                 [this](std::int64_t slot, const Window& window) { keep(slot, window); });
}

net::Task<void> Recorder::sample() {
  for (;;) {
    const Duration wait = report::until_interval_end(env_.loop.clock().wall_now());
    if (!co_await env_.loop.sleep(wait)) co_return;
    span_ = env_.loop.now() - std::exchange(stepped_, env_.loop.now());
    ++steps_;
    for (const Sampler& sampler : samplers_) sampler(*this);
    if (!restored_) continue;
    history_.tick(env_.loop.clock().wall_now(),
                  [this](std::int64_t slot, const Window& window) { keep(slot, window); });
  }
}

void Recorder::say(const std::string& source, std::vector<report::Measured> measured) {
  history_.take(source,
                {.run = run_, .sequence = steps_, .span = span_, .age = {}, .measured = std::move(measured)},
                env_.loop.clock().wall_now());
}

void Recorder::take(const std::string& source, const std::vector<report::Interval>& intervals) {
  for (const report::Interval& one : intervals) {
    history_.take(source, one, env_.loop.clock().wall_now());
  }
}

void Recorder::restore(const Window& window) { history_.restore(window, env_.loop.clock().wall_now()); }

void Recorder::keep(std::int64_t slot, const Window& window) {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() == kWaitingMax) waiting_.pop_front();
    waiting_.push_back({slot, window});
  }
  wake_.notify_one();
}

// The thread's.
void Recorder::work(const std::shared_ptr<Recorder*>& self) {
  Archive archive;
  const auto opened = archive.open(file_, [this](std::string_view why) {
    env_.log.warning("the metrics that were kept are lost: their file is begun anew",
                     {{"file", file_}, {"reason", std::string(why)}});
  });
  if (!opened) {
    env_.log.error("metrics are not kept on disk",
                   {{"file", file_}, {"reason", opened.error().text}, {"detail", archive.message()}});
  }
  const auto in_loop = [this, &self](std::move_only_function<void(Recorder&)> work) {
    env_.loop.post([self, work = std::move(work)]() mutable {
      if (*self != nullptr) work(**self);
    });
  };
  if (opened) {
    (void)archive.read([&in_loop](Window window) {
      in_loop([kept = std::move(window)](Recorder& recorder) { recorder.restore(kept); });
    });
  }
  in_loop([](Recorder& recorder) { recorder.restored_ = true; });
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Written written = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (opened) write(archive, written);
    lock.lock();
  }
}

void Recorder::write(Archive& archive, const Written& written) {
  const std::int64_t from = written.slot - (kKept / kWindow);
  if (archive.put(written.slot, to_bytes(written.window), from)) return;
  env_.log.error("a window of metrics can't be written", {{"file", file_}, {"reason", archive.message()}});
}

void Recorder::write_metrics(std::string& out) const {
  Exposition exposition(out);
  exposition.single("weir_history_series", "gauge", "Series that are kept for a day.", history_.series());
  exposition.single("weir_history_bytes", "gauge", "Of their points, packed.", history_.bytes());
  exposition.single("weir_history_passed_over_total", "counter",
                    "Intervals of machines that were not taken: there are too many.", history_.passed_over());
}

}  // namespace weir::metrics
