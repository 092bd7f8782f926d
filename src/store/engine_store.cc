#include "store/engine_store.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/check.h"
#include "net/operation.h"

namespace weir::store {
namespace {

constexpr Error kTooMuchWaits{Code::kOverloaded, Side::kInternal, Retry::kSafe, 0,
                              "too much waits for the store already"};

// What a task waits for while the engine works: in the frame of the task. The answer finds it by a slot,
// which is emptied when the task gives up first.
template <class T>
class Answer final : public net::Operation {
 public:
  explicit Answer(net::Loop& loop) : Operation(loop), slot_(std::make_shared<Slot>(this)) {}
  ~Answer() override { slot_->answer = nullptr; }

  // For any thread: gives a value to the task, if it still waits.
  std::move_only_function<void(T)> giver() {
    return [slot = slot_, &loop = loop()](T value) {
      loop.post([slot, value = std::move(value)]() mutable {
        if (slot->answer != nullptr) slot->answer->complete(std::move(value));
      });
    };
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return suspend(waiter, loop().now() + kAnswerTimeout);
  }
  T await_resume() { return std::move(*value_); }

 private:
  struct Slot {
    Answer* answer;
  };
  void complete(T value) {
    slot_->answer = nullptr;
    value_ = std::move(value);
    resume();
  }
  void give_up(const Error& why) override {
    slot_->answer = nullptr;
    value_.emplace(std::unexpect, why);
  }

  std::shared_ptr<Slot> slot_;
  std::optional<T> value_;
};

}  // namespace

class EngineStore::Waiter final : public net::Operation {
 public:
  Waiter(EngineStore& store, Revision revision, Duration timeout)
      : Operation(store.loop_), after(revision), store_(store), timeout_(timeout) {}
  ~Waiter() override { store_.remove(*this); }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    if (!suspend(waiter, loop().now() + timeout_)) return false;
    store_.add(*this);
    return true;
  }
  Result<Revision> await_resume() const { return result; }

  const Revision after;
  Result<Revision> result = Revision{0};
  std::optional<std::size_t> place;  // among the store's waiters

 private:
  void give_up(const Error& why) override {
    store_.remove(*this);
    result = fail(why);
  }
  EngineStore& store_;
  Duration timeout_;
};

EngineStore::EngineStore(Engine& engine, net::Loop& loop)
    : engine_(engine), loop_(loop), slot_(std::make_shared<Slot>(this)) {
  following_ = engine_.follow([slot = slot_, &loop](Revision revision) {
    loop.post([slot, revision] {
      if (slot->store != nullptr) slot->store->saw(revision);
    });
  });
  seen_ = engine_.revision();
}

EngineStore::~EngineStore() {
  WEIR_CHECK(waiters_.empty());
  engine_.unfollow(following_);
  slot_->store = nullptr;
}

void EngineStore::saw(Revision revision) {
  seen_ = std::max(seen_, revision);
  for (std::size_t i = waiters_.size();
       i-- > 0;) {  // remove() moves the last one, which was looked at already
    Waiter& waiter = *waiters_[i];
    if (waiter.after >= seen_) continue;
    remove(waiter);
    waiter.result = seen_;
    waiter.resume_soon();
  }
}

void EngineStore::add(Waiter& waiter) {
  waiter.place = waiters_.size();
  waiters_.push_back(&waiter);
}

void EngineStore::remove(Waiter& waiter) {
  if (!waiter.place) return;
  Waiter* last = waiters_.back();
  waiters_[*waiter.place] = last;
  last->place = waiter.place;
  waiters_.pop_back();
  waiter.place.reset();
}

net::Task<Result<Entry>> EngineStore::get(std::string key) {
  Answer<Result<Entry>> answer(loop_);
  const bool taken = engine_.read(
      [key = std::move(key), give = answer.giver()](Ledger& ledger) mutable { give(ledger.get(key)); });
  if (!taken) co_return fail(kTooMuchWaits);
  co_return co_await answer;
}

net::Task<Result<Page>> EngineStore::list(std::string prefix, std::string after_key, std::size_t limit) {
  Answer<Result<Page>> answer(loop_);
  const bool taken = engine_.read(
      [prefix = std::move(prefix), after_key = std::move(after_key), limit,
       give = answer.giver()](Ledger& ledger) mutable { give(ledger.list(prefix, after_key, limit)); });
  if (!taken) co_return fail(kTooMuchWaits);
  co_return co_await answer;
}

net::Task<Committed> EngineStore::commit(Transaction transaction) {
  Answer<Committed> answer(loop_);
  const std::size_t steps = transaction.steps.size();
  if (!engine_.commit(std::move(transaction), answer.giver())) {
    co_return Committed(std::unexpect, kTooMuchWaits, steps);
  }
  Committed result = co_await answer;
  const bool given_up = !result && (result.error().error.code == Code::kCancelled ||
                                    result.error().error.code == Code::kTimedOut);
  if (given_up) result.error().step = steps;
  co_return result;
}

net::Task<Result<Changes>> EngineStore::changes(Revision after, std::size_t limit) {
  Answer<Result<Changes>> answer(loop_);
  const bool taken = engine_.read(
      [after, limit, give = answer.giver()](Ledger& ledger) mutable { give(ledger.changes(after, limit)); });
  if (!taken) co_return fail(kTooMuchWaits);
  co_return co_await answer;
}

net::Task<Result<Past>> EngineStore::before(Revision revision) {
  Answer<Result<Past>> answer(loop_);
  const bool taken = engine_.read(
      [revision, give = answer.giver()](Ledger& ledger) mutable { give(ledger.before(revision)); });
  if (!taken) co_return fail(kTooMuchWaits);
  co_return co_await answer;
}

net::Task<Result<Revision>> EngineStore::wait_past(Revision after, Duration timeout) {
  if (seen_ > after) co_return seen_;
  Waiter waiter(*this, after, timeout);
  co_return co_await waiter;
}

}  // namespace weir::store
