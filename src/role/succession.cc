#include "role/succession.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "base/exposition.h"
#include "handover/child.h"
#include "role/moved_connections.h"

namespace weir::role {
namespace {

// A port of the other process that nothing here has asked for by then is not wanted any more.
constexpr Duration kUnclaimed = std::chrono::seconds(30);

}  // namespace

Succession::Succession(Log& log, Options options) : log_(log), options_(std::move(options)) {}
Succession::~Succession() = default;

std::expected<void, std::string> Succession::begin() {
  if (!options_.takes_over) return {};
  auto made = handover::Successor::create(net::Descriptor(handover::kChildDescriptor), options_.version);
  if (!made) return std::unexpected(made.error());
  successor_ = std::move(*made);
  return {};
}

std::vector<net::ListeningSockets::One> Succession::inherited() {
  if (!successor_) return {};
  return std::exchange(successor_->offered().sockets, {});
}

std::expected<store::DataDirectory, std::string> Succession::directory() {
  auto taken = successor_
                   ? store::DataDirectory::share(options_.data_dir, std::move(successor_->offered().lock))
                   : store::DataDirectory::open(options_.data_dir);
  if (!taken) return std::unexpected(taken.error().sentence);
  return std::move(*taken);
}

void Succession::give(TrafficOptions& options) const {
  if (!successor_) return;
  options.snapshot = successor_->offered().snapshot;
  options.remembered = successor_->offered().remembered;
}

void Succession::refuse(const std::string& sentence) {
  if (successor_) successor_->refuse(sentence);
}

std::expected<void, std::string> Succession::start(Process& process, const store::DataDirectory& directory,
                                                   Ending& ending, Parts parts) {
  process_ = &process;
  directory_ = &directory;
  ending_ = &ending;
  parts_ = std::move(parts);
  tasks_ = std::make_unique<net::TaskGroup>(process.control().loop());
  replacement_ = std::make_unique<handover::Replacement>(
      process.control(), process.sockets(), directory, log_,
      handover::Replacement::Options{
          .data_dir = options_.data_dir, .version = options_.version, .environment = options_.environment},
      handover::Replacement::Steps{
          .snapshot = [this] { return parts_.traffic != nullptr ? parts_.traffic->in_force() : nullptr; },
          .remembered = [this] { return parts_.traffic->edge().remembered(); },
          .leave =
              [this](std::uint64_t by, std::optional<Duration> limit) {
                options_.tell_manager("MAINPID=" + std::to_string(by));
                ending_->leave(leave(limit));
              },
          .connections = [this] { return connections(); }});
  if (is_ready_) announce();
  if (!successor_) return {};
  return successor_->begin(
      process.control(), log_,
      {.go = [this](std::string_view snapshot, auto late) { return go(snapshot, std::move(late)); },
       .moved = [this](handover::Letter letter) { adopt(std::move(letter)); },
       .released = [this] { parts_.take_control(); }});
}

std::expected<void, std::string> Succession::go(std::string_view snapshot,
                                                std::vector<net::ListeningSockets::One> late) {
  if (auto done = directory_->sign(); !done) return std::unexpected(done.error().sentence);
  parts_.take_clients();
  process_->release(std::move(late));
  if (!snapshot.empty() && parts_.traffic != nullptr) {
    if (auto applied = parts_.traffic->apply_text(snapshot); !applied) {
      log_.error("what changed during the handover is not in force yet", {{"reason", applied.error()}});
    }
  }
  tasks_->spawn(drop_rest());
  return {};
}

net::Task<void> Succession::drop_rest() {
  if (co_await process_->control().loop().sleep(kUnclaimed)) process_->sockets().drop_rest();
}

void Succession::ready() {
  if (std::exchange(is_ready_, true) || !replacement_) return;
  announce();
}

void Succession::announce() {
  options_.tell_manager("READY=1");
  replacement_->open();
  if (successor_) successor_->settled();
}

std::uint64_t Succession::connections() const {
  return parts_.traffic != nullptr ? parts_.traffic->edge().carried().connections : 0;
}

net::Task<void> Succession::leave(std::optional<Duration> limit) {
  net::Loop& loop = process_->control().loop();
  net::TaskGroup leaving(loop);
  if (parts_.traffic != nullptr) leaving.spawn(leave_traffic(limit));
  leaving.spawn(parts_.leave());
  co_await parts_.give_control();
  if (parts_.traffic != nullptr) parts_.traffic->let_go();
  co_await replacement_->release();
  if (successor_) {
    for (handover::Letter& letter : co_await successor_->hand_on()) replacement_->give(std::move(letter));
  }
  co_await leaving.join();
  co_await parts_.end();
  co_await stop();
}

edge::Heir Succession::heir() {
  const auto give = [this](auto moved) {
    process_->control().loop().post(
        [this, letter = to_letter(std::move(moved))]() mutable { replacement_->give(std::move(letter)); });
  };
  return {.connection = [give](edge::MovedConnection moved) { give(std::move(moved)); },
          .idle = [give](http::Incoming idle) { give(std::move(idle)); }};
}

void Succession::adopt(handover::Letter letter) {
  if (parts_.traffic == nullptr || parts_.traffic->edge().workers() == 0) return;
  const std::size_t place = next_worker_++ % parts_.traffic->edge().workers();
  process_->worker(place).loop().post([this, place, taken = std::move(letter)]() mutable {
    edge::Edge& edge = parts_.traffic->edge();
    const auto take = [&](auto moved) {
      if (moved) return edge.adopt(place, std::move(*moved));
      log_.error("a connection of another process is lost", {{"reason", sentence_of(moved.error())}});
    };
    if (taken.word == kPairWord) {
      take(read_moved(process_->worker(place), std::move(taken)));
    } else {
      take(read_idle(process_->worker(place), std::move(taken)));
    }
  });
}

net::Task<void> Succession::leave_traffic(std::optional<Duration> limit) {
  co_await parts_.traffic->edge().leave(limit, heir());
}

net::Task<void> Succession::stop() {
  if (replacement_) co_await replacement_->stop();
  if (successor_) co_await successor_->stop();
  if (tasks_) co_await tasks_->stop();
  replacement_.reset();
  successor_.reset();
}

void Succession::write_metrics(std::string& out) const {
  if (!successor_) return;
  const auto [processes, connections] = successor_->predecessors();
  Exposition exposition(out);
  exposition.single("weir_replaced_processes", "gauge",
                    "Processes that were replaced and still have connections.", processes);
  exposition.single("weir_replaced_process_connections", "gauge", "Connections that those have.",
                    connections);
}

}  // namespace weir::role
