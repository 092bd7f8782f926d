#include "store/engine.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

#include "store/postgres_ledger.h"
#include "store/postgres_watch.h"
#include "store/sqlite_ledger.h"

namespace weir::store {
namespace {

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

Engine::Engine(std::shared_ptr<const DataDirectory> directory, std::unique_ptr<Ledger> ledger)
    : directory_(std::move(directory)), ledger_(std::move(ledger)), revision_(ledger_->revision()) {}

Opened<std::unique_ptr<Engine>> Engine::open(Options options) {
  return options.url.empty() ? open_sqlite(std::move(options)) : open_postgres(options);
}

Opened<void> Engine::check(const DataDirectory& directory) {
  return SqliteLedger::check(directory.path_of(kStoreFileName));
}

Opened<std::unique_ptr<Engine>> Engine::open_sqlite(Options options) {
  std::shared_ptr<const DataDirectory> directory = std::move(options.taken);
  std::string path = ":memory:";
  if (!directory && !options.directory.empty()) {
    auto opened = DataDirectory::open(std::move(options.directory));
    if (!opened) return std::unexpected(opened.error());
    directory = std::make_shared<const DataDirectory>(std::move(*opened));
  }
  if (directory) {
    if (!options.make && !has_content(directory->path_of(kStoreFileName))) {
      return std::unexpected(
          OpenFailure{{Code::kNotFound, Side::kInternal, Retry::kNever, ENOENT, "there is no store"},
                      "there is no store " + directory->path_of(kStoreFileName) +
                          "; put a backup there, or start weir again to begin with an empty one"});
    }
    auto file = directory->private_file(kStoreFileName);
    if (!file) return std::unexpected(file.error());
    path = std::move(*file);
  }
  auto ledger = SqliteLedger::open(path, options.limits);
  if (!ledger) return std::unexpected(ledger.error());
  std::unique_ptr<Engine> engine(new Engine(std::move(directory), std::move(*ledger)));
  if (!options.threaded) return engine;
  if (engine->directory_) {  // what is in memory alone has one connection
    auto reader = SqliteLedger::open_reader(path);
    if (!reader) return std::unexpected(reader.error());
    engine->reader_ = std::move(*reader);
  }
  if (auto started = engine->start(); !started) return std::unexpected(started.error());
  return engine;
}

Opened<std::unique_ptr<Engine>> Engine::open_postgres(const Options& options) {
  const auto address = PostgresAddress::parse(options.url);
  if (!address) return std::unexpected(address.error());
  auto ledger = PostgresLedger::open(*address, options.limits, options.log);
  if (!ledger) return std::unexpected(ledger.error());
  auto reader = PostgresLedger::open(*address, options.limits, nullptr);
  if (!reader) return std::unexpected(reader.error());
  std::unique_ptr<Engine> engine(new Engine(options.taken, std::move(*ledger)));
  engine->reader_ = std::move(*reader);
  if (auto started = engine->start(); !started) return std::unexpected(started.error());
  const SignalsBlocked blocked;
  auto watch =
      PostgresWatch::start(*address, {.newest = [engine = engine.get()] { return engine->revision(); },
                                      .saw = [engine = engine.get()](Revision now) { engine->saw(now); }});
  if (!watch) return std::unexpected(watch.error());
  engine->watch_ = std::move(*watch);
  return engine;
}

Opened<void> Engine::start() {
  if (!reader_) return start(*ledger_, Work::kAll, "weir-store");
  auto started = start(*ledger_, Work::kCommits, "weir-store");
  return started ? start(*reader_, Work::kReads, "weir-store-read") : started;
}

Opened<void> Engine::start(Ledger& ledger, Work work, const char* name) {
  const SignalsBlocked blocked;
  try {
    threads_.emplace_back(&Engine::run, this, std::ref(ledger), work);
  } catch (const std::system_error& error) {
    return std::unexpected(OpenFailure{system_error(error.code().value(), "cannot start the store's thread"),
                                       std::string("cannot start the store's thread: ") + error.what()});
  }
  pthread_setname_np(threads_.back().native_handle(), name);
  return {};
}

Engine::~Engine() {
  watch_.reset();
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Engine::leads() const { return !watch_ || watch_->leads(); }

bool Engine::admit(std::size_t bytes) const {
  return reads_.size() + commits_.done.size() < kWaitingMax && commits_bytes_ + bytes <= kWaitingBytesMax;
}

bool Engine::read(Read work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!admit(0)) return false;
    reads_.push_back(std::move(work));
  }
  wake();
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
  wake();
  return true;
}

void Engine::wake() {
  if (threads_.empty()) {
    serve_one_round(*ledger_, Work::kAll);
  } else {
    work_.notify_all();
  }
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

void Engine::run(Ledger& ledger, Work work) {
  while (serve_one_round(ledger, work)) {
  }
}

// False: told to stop, and nothing is left to do.
bool Engine::serve_one_round(Ledger& ledger, Work work) {
  std::vector<Read> reads;
  Commits commits;
  {
    std::unique_lock lock(mutex_);
    const auto has_reads = [&] { return work != Work::kCommits && !reads_.empty(); };
    const auto has_commits = [&] { return work != Work::kReads && !commits_.done.empty(); };
    work_.wait(lock, [&] { return stopping_ || has_reads() || has_commits(); });
    if (!has_reads() && !has_commits()) return false;
    if (has_reads()) reads = std::exchange(reads_, {});
    if (has_commits()) {
      const std::size_t count = std::min(commits_.done.size(), kGroupMax);
      commits.transactions = take_front(commits_.transactions, count);
      commits.done = take_front(commits_.done, count);
      for (const Transaction& transaction : commits.transactions) commits_bytes_ -= transaction.bytes();
    }
  }
  serve(ledger, std::move(reads), std::move(commits));
  return true;
}

// Reads go first: whatever they overtake has not been answered yet, so nobody can tell. With a thread of
// their own they see what was committed before they began, hence all that was answered before they were
// asked.
void Engine::serve(Ledger& ledger, std::vector<Read> reads, Commits commits) {
  for (Read& work : reads) work(ledger);
  if (commits.done.empty()) return;
  std::vector<Committed> results = ledger.commit(commits.transactions);
  saw(ledger.revision());
  for (std::size_t i = 0; i < results.size(); ++i) commits.done[i](std::move(results[i]));
}

void Engine::saw(Revision revision) {
  const std::scoped_lock lock(followers_mutex_);
  if (revision <= revision_.load(std::memory_order_relaxed)) return;
  revision_.store(revision, std::memory_order_release);
  for (auto& [id, follower] : followers_) follower(revision);
}

}  // namespace weir::store
