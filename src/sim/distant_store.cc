#include "sim/distant_store.h"

#include <algorithm>
#include <utility>

namespace weir::sim {
namespace {

constexpr Error kAway{Code::kConnectFailed, Side::kInternal, Retry::kSafe, 0, "the database is out of reach"};

}  // namespace

net::Task<Result<store::Entry>> DistantStore::get(std::string key) {
  if (faults_.unreachable) co_return fail(kAway);
  co_return co_await near_.get(std::move(key));
}

net::Task<Result<store::Page>> DistantStore::list(std::string prefix, std::string after_key,
                                                  std::size_t limit) {
  if (faults_.unreachable) co_return fail(kAway);
  co_return co_await near_.list(std::move(prefix), std::move(after_key), limit);
}

net::Task<store::Committed> DistantStore::commit(store::Transaction transaction) {
  const std::size_t steps = transaction.steps.size();
  if (faults_.unreachable) co_return store::Committed(std::unexpect, kAway, steps);
  store::Committed committed = co_await near_.commit(std::move(transaction));
  if (!faults_.loses_answers) co_return committed;
  const auto waited = co_await loop_.sleep(kAnswerTimeout);
  const Error unknown{waited ? Code::kTimedOut : waited.error().code, Side::kInternal, Retry::kNever, 0,
                      "the answer to a commit was lost"};
  co_return store::Committed(std::unexpect, unknown, steps);
}

net::Task<Result<store::Changes>> DistantStore::changes(store::Revision after, std::size_t limit) {
  if (faults_.unreachable) co_return fail(kAway);
  co_return co_await near_.changes(after, limit);
}

net::Task<Result<store::Past>> DistantStore::before(store::Revision revision) {
  if (faults_.unreachable) co_return fail(kAway);
  co_return co_await near_.before(revision);
}

// By notification, if it comes; else when it is looked for the next time.
net::Task<Result<store::Revision>> DistantStore::wait_past(store::Revision after, Duration timeout) {
  const Instant until = loop_.deadline(timeout);
  for (;;) {
    const Instant look = std::min(until, loop_.deadline(kLook));
    auto told = co_await near_.wait_past(after, look - loop_.now());
    if (!told && told.error().code != Code::kTimedOut) co_return told;
    if (told && (faults_.deaf || faults_.unreachable)) {
      if (auto slept = co_await loop_.sleep(look - loop_.now()); !slept) co_return fail(slept.error());
    }
    if (told && !faults_.unreachable) co_return told;
    if (loop_.now() >= until) co_return fail(Code::kTimedOut, "deadline passed");
  }
}

}  // namespace weir::sim
