// PasswordChecker: compares passwords with their hashes, and makes hashes, beside the loops, since one of
// either takes as long as a thousand requests. A question waits in line for the one thread that answers; the
// task that asks is suspended meanwhile, and its loop goes on. Equal questions that wait at the same time get
// one answer, as a browser sends the same credentials with everything that a page needs.
//
// One for all cores, asked from any. Bounded: so many questions in line, fewer of one source, so that who
// guesses fills his own part only; beyond, the answer is at once that there is no room.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "auth/crypto.h"
#include "auth/failure_throttle.h"
#include "net/loop.h"
#include "net/task.h"

namespace weir::auth {

class PasswordChecker {
 public:
  static constexpr std::size_t kQuestionsMax = 64;         // 3 s of bcrypt at cost 10
  static constexpr std::size_t kQuestionsOfSourceMax = 8;  // different ones: the people of one household
  static constexpr Duration kWaitMax =
      std::chrono::seconds(10);  // for an answer; nobody waits longer for a page

  struct Question {
    Digest key;  // of hash and password: equal for equal questions
    FailureThrottle::Source source;
    std::string hash;
    std::string password;
  };
  enum class Verdict : std::uint8_t { kRight, kWrong, kSourceBusy, kBusy, kCancelled };
  struct Hashed {
    Verdict verdict = Verdict::kBusy;  // kRight: there is one; kWrong: it could not be made
    std::string hash;
  };

  PasswordChecker() = default;
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  // Questions are answered on this loop, which has nothing else to do, runs on a thread of its own, and ends
  // before this does. Before the first question.
  void answer_on(net::Loop& loop) { answering_ = &loop; }

  // From the task of any loop, which outlives this. kBusy also when no answer came in kWaitMax.
  net::Task<Verdict> check(net::Loop& loop, Question question);
  // A hash of a password that somebody chose, in the same line.
  net::Task<Hashed> hash(net::Loop& loop, FailureThrottle::Source source, std::string password);

  // Answers the question that has waited longest, here and now; false: nobody waits. On one thread only: the
  // answering loop's, or that of a test without one.
  bool answer_one();

 private:
  class Wait;
  // Between who waits and who answers: neither knows whether the other is still there.
  struct Ticket {
    net::Loop& loop;
    Wait* wait;  // touched on `loop` only; null: gone
    std::atomic<bool> abandoned = false;
  };
  struct Waiting {
    Question question;  // without a hash: one is to be made
    std::vector<std::shared_ptr<Ticket>> tickets;
  };

  static Hashed answer_to(const Question& question);
  // kRight: the ticket is in line.
  Verdict admit(Question& question, const std::shared_ptr<Ticket>& ticket);

  std::mutex mutex_;
  std::list<Waiting> line_;  // the first may be being answered
  net::Loop* answering_ = nullptr;
};

}  // namespace weir::auth
