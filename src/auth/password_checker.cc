#include "auth/password_checker.h"

#include <algorithm>
#include <utility>

#include "auth/password.h"

namespace weir::auth {

class PasswordChecker::Wait final : public net::Operation {
 public:
  Wait(net::Loop& loop, PasswordChecker& checker, Question question)
      : Operation(loop), checker_(checker), question_(std::move(question)) {}
  ~Wait() override { leave(); }

  bool await_ready() {
    ticket_ = std::make_shared<Ticket>(loop(), this);
    verdict_ = checker_.admit(question_, ticket_);
    return verdict_ != Verdict::kRight;
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return suspend(waiter, loop().deadline(kWaitMax));
  }
  Verdict await_resume() const { return verdict_; }

  void answered(bool right) {
    leave();
    verdict_ = right ? Verdict::kRight : Verdict::kWrong;
    resume();
  }

 private:
  void give_up(const Error& why) override {
    leave();
    verdict_ = why.code == Code::kCancelled ? Verdict::kCancelled : Verdict::kBusy;
  }
  void leave() {
    if (ticket_ == nullptr) return;
    ticket_->wait = nullptr;
    std::exchange(ticket_, nullptr)->abandoned.store(true, std::memory_order_relaxed);
  }

  PasswordChecker& checker_;
  Question question_;
  std::shared_ptr<Ticket> ticket_;
  Verdict verdict_ = Verdict::kBusy;
};

net::Task<PasswordChecker::Verdict> PasswordChecker::check(net::Loop& loop, Question question) {
  co_return co_await Wait(loop, *this, std::move(question));
}

PasswordChecker::Verdict PasswordChecker::admit(Question& question, const std::shared_ptr<Ticket>& ticket) {
  {
    const std::scoped_lock lock(mutex_);
    const auto equal = std::ranges::find_if(
        line_, [&question](const Waiting& waiting) { return waiting.question.key == question.key; });
    if (equal != line_.end()) {
      equal->tickets.push_back(ticket);
      return Verdict::kRight;
    }
    const auto of_source = std::ranges::count_if(
        line_, [&question](const Waiting& waiting) { return waiting.question.source == question.source; });
    if (static_cast<std::size_t>(of_source) >= kQuestionsOfSourceMax) return Verdict::kSourceBusy;
    if (line_.size() >= kQuestionsMax) return Verdict::kBusy;
    line_.push_back({std::move(question), {ticket}});
  }
  if (answering_ != nullptr) answering_->post([this] { (void)answer_one(); });
  return Verdict::kRight;
}

bool PasswordChecker::answer_one() {
  std::unique_lock lock(mutex_);
  const auto abandoned = [](const Waiting& waiting) {
    return std::ranges::all_of(waiting.tickets, [](const std::shared_ptr<Ticket>& ticket) {
      return ticket->abandoned.load(std::memory_order_relaxed);
    });
  };
  line_.remove_if(abandoned);
  if (line_.empty()) return false;
  const auto first = line_.begin();  // stays where it is: others only join it
  lock.unlock();
  const bool right = password_matches(first->question.hash, first->question.password);
  lock.lock();
  const std::vector<std::shared_ptr<Ticket>> tickets = std::move(first->tickets);
  line_.erase(first);
  lock.unlock();
  for (const std::shared_ptr<Ticket>& ticket : tickets) {
    ticket->loop.post([ticket, right] {
      if (ticket->wait != nullptr) ticket->wait->answered(right);
    });
  }
  return true;
}

}  // namespace weir::auth
