#include "handover/replacement.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace weir::handover {
namespace {

constexpr Duration kSendTimeout = std::chrono::seconds(5);
constexpr Duration kTakenTimeout = std::chrono::seconds(5);
// For the other's API, once the store is free; then whoever asked need not wait any more.
constexpr Duration kSettledTimeout = std::chrono::seconds(10);
constexpr Duration kReadyTimeout = std::chrono::seconds(30);  // preset of --timeout
constexpr Duration kLeftInterval = std::chrono::seconds(1);

std::optional<Duration> milliseconds(const Letter& letter, std::string_view key) {
  const auto number = letter.number(key);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(std::min<std::uint64_t>(*number, UINT32_MAX));
}

}  // namespace

Replacement::Replacement(net::Core& control, net::ListeningSockets& sockets,
                         const store::DataDirectory& directory, Log& log, Options options, Steps steps)
    : control_(control),
      sockets_(sockets),
      directory_(directory),
      log_(log),
      options_(std::move(options)),
      steps_(std::move(steps)),
      tasks_(control.loop()),
      telling_(control.loop()),
      giving_(control.loop()) {}

Replacement::~Replacement() = default;

void Replacement::open() {
  auto door = Door::open(control_.loop(), control_.poller(), options_.data_dir,
                         [this](Letter letter, Channel& who) { return asked(std::move(letter), who); });
  if (door) {
    door_ = std::move(*door);
  } else {
    log_.warning("this process can't be replaced while it runs: its socket can't be opened",
                 {{"directory", options_.data_dir}, {"reason", sentence_of(door.error())}});
  }
}

net::Task<void> Replacement::stop() {
  co_await giving_.join();
  co_await telling_.stop();
  if (!leaving_) tasks_.cancel();
  co_await tasks_.join();
  if (door_) co_await door_->stop();
}

net::Task<void> Replacement::asked(Letter letter, Channel& who) {
  Outcome outcome;
  if (letter.word != "replace") {
    outcome.refused = "it does not know how to " + letter.word;
  } else if (::getpid() == 1) {
    outcome.refused = "it is process 1 of a container, which ends with it: replace the container";
  } else if (under_way_) {
    outcome.refused = leaving_ ? "it has been replaced already and is about to end: ask again"
                               : "it is being replaced already";
  } else {
    under_way_ = true;
    net::Event done;
    tasks_.spawn(replace(std::move(letter), outcome, done));
    (void)co_await done.wait(control_.loop());
  }
  Letter answer = make_letter(outcome.refused.empty() ? "done" : "refused");
  answer.set("why", outcome.refused);
  answer.set("process", outcome.refused.empty() ? outcome.process : static_cast<std::uint64_t>(::getpid()));
  answer.set("version", outcome.version);
  answer.set("remark", outcome.remark);
  (void)co_await who.send(answer, kSendTimeout);
}

net::Task<void> Replacement::replace(Letter asked, Outcome& outcome, net::Event& done) {
  outcome.refused = co_await hand_over(asked, outcome);
  if (!outcome.refused.empty()) {
    log_.warning("this process is not replaced, and goes on", {{"reason", outcome.refused}});
    successor_.reset();
    offered_.reset();
    under_way_ = false;
    done.set();
    co_return;
  }
  leaving_ = true;
  log_.info("replaced", {{"by_process", std::to_string(outcome.process)}, {"version", outcome.version}});
  steps_.leave(outcome.process, milliseconds(asked, "limit"));
  const std::string late = co_await wait_for("settled", kSettledTimeout, outcome);
  if (!late.empty()) outcome.remark = "its API does not answer yet; see its log";
  telling_.spawn(tell_left());
  done.set();
}

// Empty, or a sentence that says why not.
net::Task<std::string> Replacement::hand_over(const Letter& asked, Outcome& outcome) {
  const std::string binary(asked.get("binary"));
  auto pair = make_pair();
  if (!pair) co_return sentence_of(pair.error());
  auto channel = Channel::create(control_.loop(), control_.poller(), std::move(pair->ours));
  if (!channel) co_return sentence_of(channel.error());
  successor_ = std::move(*channel);
  auto child = Child::start(binary, pair->theirs, options_.environment);
  pair->theirs = net::Descriptor();
  if (!child) co_return binary + " can't be started: " + why_not(child.error());
  outcome.process = static_cast<std::uint64_t>(child->id());
  log_.info("starting the process that is to replace this one",
            {{"binary", binary}, {"process", std::to_string(outcome.process)}});

  std::string why = co_await offer();
  const Duration timeout = milliseconds(asked, "timeout").value_or(kReadyTimeout);
  if (why.empty()) why = co_await wait_for("ready", timeout, outcome);
  if (why.empty()) {
    Letter go = make_letter("go");
    if (steps_.snapshot() != offered_) why = co_await enclose_state(go);
    if (why.empty()) why = co_await send_sockets();
    if (why.empty()) why = co_await send(go);
    if (why.empty()) why = co_await wait_for("taken", kTakenTimeout, outcome);
  }
  if (!why.empty()) child->kill();
  co_return why;
}

net::Task<std::string> Replacement::offer() {
  Letter letter = make_letter("offer");
  letter.set("protocol", kProtocol);
  letter.set("version", options_.version);
  letter.set("process", static_cast<std::uint64_t>(::getpid()));
  auto lock = directory_.lock();
  if (!lock) co_return sentence_of(lock.error());
  letter.enclose("lock", std::move(*lock));
  if (auto why = co_await enclose_state(letter); !why.empty()) co_return why;
  if (auto why = co_await send(letter); !why.empty()) co_return why;
  if (auto why = co_await send_sockets(); !why.empty()) co_return why;
  const Letter offered = make_letter("offered");
  co_return co_await send(offered);
}

net::Task<std::string> Replacement::enclose_state(Letter& letter) {
  offered_ = steps_.snapshot();
  if (!offered_) co_return std::string();
  auto snapshot = enclose_text(config::snapshot_text(*offered_));
  if (!snapshot) co_return sentence_of(snapshot.error());
  auto remembered = enclose_text(steps_.remembered());
  if (!remembered) co_return sentence_of(remembered.error());
  letter.enclose("snapshot", std::move(*snapshot));
  letter.enclose("remembered", std::move(*remembered));
  co_return std::string();
}

// All of them each time: those that it has had already are as good as those that it hasn't.
net::Task<std::string> Replacement::send_sockets() {
  auto open = sockets_.open();
  if (!open) co_return sentence_of(open.error());
  for (std::size_t begin = 0; begin < open->size();) {
    Letter letter = make_letter("sockets");
    for (; begin < open->size() && letter.enclosed.size() < kEnclosedMax; ++begin) {
      auto& [at, socket] = (*open)[begin];
      letter.enclose("socket " + at.to_string(), std::move(socket));
    }
    if (auto why = co_await send(letter); !why.empty()) co_return why;
  }
  co_return std::string();
}

net::Task<std::string> Replacement::send(const Letter& letter) {
  const auto sent = co_await successor_->send(letter, kSendTimeout);
  if (sent) co_return std::string();
  if (sent.error().code != Code::kClosed) co_return "the new process: " + sentence_of(sent.error());
  // What it said last is there to be read.
  Outcome none;
  co_return co_await wait_for("none", kSendTimeout, none);
}

net::Task<std::string> Replacement::wait_for(std::string_view wanted, Duration timeout, Outcome& outcome) {
  const Instant until = control_.loop().deadline(timeout);
  for (;;) {
    auto letter = co_await successor_->receive(until - control_.loop().now());
    if (!letter && letter.error().code == Code::kTimedOut) {
      co_return "the new process was not " + std::string(wanted) + " within " +
          std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count()) + " s";
    }
    if (!letter && letter.error().code == Code::kClosed) {
      co_return std::string("the new process has ended without being ready; the log says what it said");
    }
    if (!letter) co_return "the new process can't be heard: " + sentence_of(letter.error());
    if (letter->word == "failed") co_return "the new process: " + std::string(letter->get("why"));
    if (letter->word == "ready") outcome.version = letter->get("version");
    if (letter->word == wanted) co_return std::string();
  }
}

void Replacement::give(Letter letter) {
  given_.push_back(std::move(letter));
  if (given_.size() == 1) giving_.spawn(send_given());
}

// What can't be sent is lost: the other process has gone.
net::Task<void> Replacement::send_given() {
  std::size_t lost = 0;
  while (!given_.empty()) {
    if (!co_await successor_->send(given_.front(), kSendTimeout)) ++lost;
    given_.pop_front();
  }
  if (lost > 0) {
    log_.error("connections were lost: the process that was to go on with them has gone",
               {{"connections", std::to_string(lost)}});
  }
}

net::Task<void> Replacement::release() {
  if (successor_ && !std::exchange(released_, true)) (void)co_await send(make_letter("released"));
}

net::Task<void> Replacement::tell_left() {
  std::uint64_t told = UINT64_MAX;
  do {
    const std::uint64_t connections = steps_.connections();
    if (std::exchange(told, connections) == connections) continue;
    Letter left = make_letter("left");
    left.set("connections", connections);
    if (!(co_await successor_->send(left, kSendTimeout))) co_return;
  } while (co_await control_.loop().sleep(kLeftInterval));
}

}  // namespace weir::handover
