#include "store/postgres_watch.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace weir::store {
namespace {

constexpr const char* kListen = "LISTEN weir";
constexpr const char* kRevision = "SELECT revision FROM weir.state";
constexpr const char* kLead = "SELECT pg_try_advisory_lock(2003134834, 1)";
// A backup was put back, or a standby took over that lacks the last commits: what this process has seen is no
// longer there. Revisions go on behind it, and whoever follows the changes is told to list again.
constexpr const char* kGoOn = "UPDATE weir.state SET revision = $1, compacted = $1 WHERE revision < $1";
constexpr const char* kNotify = "SELECT pg_notify('weir', '')";

}  // namespace

Opened<std::unique_ptr<PostgresWatch>> PostgresWatch::start(PostgresAddress address, Sinks sinks) {
  const auto refuse = [](int os_errno) {
    return std::unexpected(
        OpenFailure{system_error(os_errno, "cannot watch the store"),
                    "cannot watch the store: " + std::system_category().message(os_errno)});
  };
  net::Descriptor end(::eventfd(0, EFD_CLOEXEC));
  if (!end) return refuse(errno);
  std::unique_ptr<PostgresWatch> watch(
      new PostgresWatch(std::move(address), std::move(sinks), std::move(end)));
  try {
    watch->thread_ = std::thread(&PostgresWatch::run, watch.get());
  } catch (const std::system_error& error) {
    return refuse(error.code().value());
  }
  pthread_setname_np(watch->thread_.native_handle(), "weir-store-watch");
  return watch;
}

PostgresWatch::~PostgresWatch() {
  if (!thread_.joinable()) return;
  ::eventfd_write(end_.get(), 1);
  thread_.join();
}

bool PostgresWatch::is_ending(Duration wait) const {
  pollfd ending{end_.get(), POLLIN, 0};
  return ::poll(&ending, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count())) > 0;
}

void PostgresWatch::run() {
  while (!is_ending(Duration::zero())) {
    if (auto session = PostgresSession::connect(address_)) follow(*session);
    leads_.store(false, std::memory_order_release);
    if (is_ending(kPause)) return;
  }
}

void PostgresWatch::follow(PostgresSession& session) {
  const std::array listen{PostgresQuery{kListen}};
  if (!session.run(listen, kAnswerTimeout)) return;
  while (look(session) && session.wait_for_notification(end_.get(), kPause)) {
    if (is_ending(Duration::zero())) return;
  }
}

Result<void> PostgresWatch::look(PostgresSession& session) {
  const Revision seen = sinks_.newest();
  std::vector<PostgresQuery> ask{{kRevision}};
  const bool led = leads();
  if (!led) ask.push_back({kLead});
  const auto answers = session.run(ask, kAnswerTimeout);
  if (!answers) return fail(answers.error());
  if (answers->front().size() != 1) return fail(Code::kInvalid, "the store's tables are not there");
  if (!led) leads_.store(answers->back().flag(0, 0), std::memory_order_release);
  Revision now = answers->front().integer(0, 0);
  if (now < seen) {
    now = seen + 1;
    std::vector<PostgresQuery> go_on{{kGoOn}, {kNotify}};
    go_on[0].parameters.integer(now);
    if (const auto done = session.run(go_on, kAnswerTimeout); !done) return fail(done.error());
  }
  if (now > seen) sinks_.saw(now);
  return {};
}

}  // namespace weir::store
