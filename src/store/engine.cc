#include "store/engine.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

namespace weir::store {
namespace {

constexpr std::string_view kFileName = "store.db";

// For as long as it lives, this thread (and those that it starts) get no signals: they are for the main
// thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

bool has_content(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

// The first `count` of a queue; the rest stays, in order.
template <class T>
std::vector<T> take_front(std::vector<T>& queue, std::size_t count) {
  if (count == queue.size()) return std::exchange(queue, {});
  const auto end = queue.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<T> front(std::make_move_iterator(queue.begin()), std::make_move_iterator(end));
  queue.erase(queue.begin(), end);
  return front;
}

}  // namespace

Opened<std::unique_ptr<Engine>> Engine::open(Options options) {
  std::shared_ptr<const DataDirectory> directory = std::move(options.taken);
  std::string path = ":memory:";
  if (!directory && !options.directory.empty()) {
    auto opened = DataDirectory::open(std::move(options.directory));
    if (!opened) return std::unexpected(opened.error());
    directory = std::make_shared<const DataDirectory>(std::move(*opened));
  }
  if (directory) {
    if (!options.make && !has_content(directory->path_of(kFileName))) {
      return std::unexpected(
          OpenFailure{{Code::kNotFound, Side::kInternal, Retry::kNever, ENOENT, "there is no store"},
                      "there is no store " + directory->path_of(kFileName) +
                          "; put a backup there, or start weir again to begin with an empty one"});
    }
    auto file = directory->private_file(kFileName);
    if (!file) return std::unexpected(file.error());
    path = std::move(*file);
  }
  auto ledger = Ledger::open(path, options.limits);
  if (!ledger) return std::unexpected(ledger.error());
  std::unique_ptr<Engine> engine(new Engine(std::move(directory), std::move(*ledger)));
  if (options.threaded) {
    if (auto started = engine->start(); !started) return std::unexpected(started.error());
  }
  return engine;
}

Opened<void> Engine::start() {
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread(&Engine::run, this);
  } catch (const std::system_error& error) {
    return std::unexpected(OpenFailure{system_error(error.code().value(), "cannot start the store's thread"),
                                       std::string("cannot start the store's thread: ") + error.what()});
  }
  pthread_setname_np(thread_.native_handle(), "weir-store");
  return {};
}

Engine::~Engine() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

bool Engine::admit(std::size_t bytes) const {
  return reads_.size() + commits_.done.size() < kWaitingMax && commits_bytes_ + bytes <= kWaitingBytesMax;
}

bool Engine::read(Read work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!admit(0)) return false;
    reads_.push_back(std::move(work));
  }
  thread_.joinable() ? work_.notify_one() : static_cast<void>(serve_one_round());
  return true;
}

bool Engine::commit(Transaction transaction, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t bytes = transaction.bytes();
    if (!admit(bytes)) return false;
    commits_bytes_ += bytes;
    commits_.transactions.push_back(std::move(transaction));
    commits_.done.push_back(std::move(done));
  }
  thread_.joinable() ? work_.notify_one() : static_cast<void>(serve_one_round());
  return true;
}

std::uint64_t Engine::follow(Follower follower) {
  const std::scoped_lock lock(followers_mutex_);
  followers_.emplace(++follower_id_, std::move(follower));
  return follower_id_;
}

void Engine::unfollow(std::uint64_t id) {
  const std::scoped_lock lock(followers_mutex_);
  followers_.erase(id);
}

void Engine::run() {
  while (serve_one_round()) {
  }
}

// False: told to stop, and nothing is left to do.
bool Engine::serve_one_round() {
  std::vector<Read> reads;
  Commits commits;
  {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return stopping_ || !reads_.empty() || !commits_.done.empty(); });
    if (reads_.empty() && commits_.done.empty()) return false;
    reads = std::exchange(reads_, {});
    const std::size_t count = std::min(commits_.done.size(), kGroupMax);
    commits.transactions = take_front(commits_.transactions, count);
    commits.done = take_front(commits_.done, count);
    for (const Transaction& transaction : commits.transactions) commits_bytes_ -= transaction.bytes();
  }
  serve(std::move(reads), std::move(commits));
  return true;
}

// Reads go first: whatever they overtake has not been answered yet, so nobody can tell.
void Engine::serve(std::vector<Read> reads, Commits commits) {
  for (Read& work : reads) work(*ledger_);
  if (commits.done.empty()) return;
  std::vector<Committed> results = ledger_->commit(commits.transactions);
  if (const Revision now = ledger_->revision(); now != revision_.load(std::memory_order_relaxed)) {
    revision_.store(now, std::memory_order_release);
    const std::scoped_lock lock(followers_mutex_);
    for (auto& [id, follower] : followers_) follower(now);
  }
  for (std::size_t i = 0; i < results.size(); ++i) commits.done[i](std::move(results[i]));
}

}  // namespace weir::store
