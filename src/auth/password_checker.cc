#include "auth/password_checker.h"

#include <algorithm>
#include <utility>

#include "auth/password.h"
#include "net/core.h"

namespace weir::auth {

class PasswordChecker::Wait final : public net::Operation {
 public:
  Wait(net::Loop& loop, PasswordChecker& checker, Question question)
      : Operation(loop), checker_(checker), question_(std::move(question)) {}
  ~Wait() override { leave(); }

  bool await_ready() {
    ticket_ = std::make_shared<Ticket>(loop(), this);
    answer_.verdict = checker_.admit(question_, ticket_);
    return answer_.verdict != Verdict::kRight;
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return suspend(waiter, loop().deadline(kWaitMax));
  }
  Hashed await_resume() { return std::move(answer_); }

  void answered(const Hashed& answer) {
    leave();
    answer_ = answer;
    resume();
  }

 private:
  void give_up(const Error& why) override {
    leave();
    answer_.verdict = why.code == Code::kCancelled ? Verdict::kCancelled : Verdict::kBusy;
  }
  void leave() {
    if (ticket_ == nullptr) return;
    ticket_->wait = nullptr;
    std::exchange(ticket_, nullptr)->abandoned.store(true, std::memory_order_relaxed);
  }

  PasswordChecker& checker_;
  Question question_;
  std::shared_ptr<Ticket> ticket_;
  Hashed answer_;
};

net::Task<PasswordChecker::Verdict> PasswordChecker::check(net::Loop& loop, Question question) {
  const Hashed answer = co_await Wait(loop, *this, std::move(question));
  co_return answer.verdict;
}

net::Task<PasswordChecker::Hashed> PasswordChecker::hash(net::Loop& loop, FailureThrottle::Source source,
                                                         std::string password) {
  Question question{.key = {}, .source = source, .hash = {}, .password = std::move(password)};
  // Nobody shares a salt with somebody else.
  if (!net::fill_random(question.key)) co_return Hashed{.verdict = Verdict::kWrong, .hash = {}};
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

PasswordChecker::Hashed PasswordChecker::answer_to(const Question& question) {
  if (!question.hash.empty()) {
    const bool right = password_matches(question.hash, question.password);
    return {.verdict = right ? Verdict::kRight : Verdict::kWrong, .hash = {}};
  }
  auto made = hash_password(question.password);
  if (!made) return {.verdict = Verdict::kWrong, .hash = {}};
  return {.verdict = Verdict::kRight, .hash = std::move(*made)};
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
  const Hashed answer = answer_to(first->question);
  lock.lock();
  const std::vector<std::shared_ptr<Ticket>> tickets = std::move(first->tickets);
  line_.erase(first);
  lock.unlock();
  for (const std::shared_ptr<Ticket>& ticket : tickets) {
    ticket->loop.post([ticket, answer] {
      if (ticket->wait != nullptr) ticket->wait->answered(answer);
    });
  }
  return true;
}

}  // namespace weir::auth
