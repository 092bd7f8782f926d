#include "handover/successor.h"

#include <chrono>
#include <utility>

#include "config/snapshot.h"

namespace weir::handover {
namespace {

constexpr Duration kOfferTimeout = std::chrono::seconds(10);  // a large snapshot takes its time
constexpr Duration kSayTimeout = std::chrono::seconds(5);
constexpr std::size_t kRememberedBytesMax = 64UL * 1024 * 1024;
constexpr std::string_view kSocketPrefix = "socket ";

std::unexpected<std::string> lost(const Error& error) {
  return std::unexpected("the running process can't be heard: " + sentence_of(error));
}

}  // namespace

std::expected<std::unique_ptr<Successor>, std::string> Successor::create(net::Descriptor socket,
                                                                         std::string version) {
  std::unique_ptr<Successor> made(new Successor(std::move(socket), std::move(version)));
  if (auto heard = made->hear_offer(); !heard) {
    made->refuse(heard.error());
    return std::unexpected(heard.error());
  }
  return made;
}

Successor::~Successor() = default;

// To its end, also when it can't be taken: what is not read when a socket closes costs the other side the
// word why.
std::expected<void, std::string> Successor::hear_offer() {
  std::expected<void, std::string> heard;
  for (;;) {
    auto letter = receive_now(socket_, kOfferTimeout);
    if (!letter && !heard) return heard;
    if (!letter) return lost(letter.error());
    if (letter->word == "offer") {
      process_ = letter->number("process").value_or(0);
      const auto protocol = letter->number("protocol").value_or(0);
      if (protocol != kProtocol) {
        heard = std::unexpected("the running weir " + std::string(letter->get("version")) +
                                " hands over in another way than this one (" + std::to_string(protocol) +
                                " instead of " + std::to_string(kProtocol) + "): stop it and start this one");
      }
    }
    if (heard) heard = take(*letter);
    if (letter->word == "offered") return heard;
  }
}

std::expected<void, std::string> Successor::take(Letter& letter) {
  if (auto lock = letter.take("lock")) offered_.lock = std::move(lock);
  const auto text = [&](std::string_view name, std::size_t bytes_max,
                        std::string& into) -> std::expected<void, std::string> {
    const net::Descriptor enclosed = letter.take(name);
    if (!enclosed) return {};
    auto read = read_enclosed(enclosed, bytes_max);
    if (!read) return lost(read.error());
    into = std::move(*read);
    return {};
  };
  std::string& snapshot = lines_.empty() ? offered_.snapshot : later_snapshot_;
  if (auto read = text("snapshot", config::kSnapshotBytesMax, snapshot); !read) return read;
  if (auto read = text("remembered", kRememberedBytesMax, offered_.remembered); !read) return read;
  for (auto& [name, descriptor] : letter.enclosed) {
    if (!descriptor || !name.starts_with(kSocketPrefix)) continue;
    const auto at = net::Address::parse(std::string_view(name).substr(kSocketPrefix.size()));
    if (at) offered_.sockets.push_back({*at, std::move(descriptor)});
  }
  return {};
}

void Successor::refuse(const std::string& sentence) {
  if (!socket_) return;
  Letter letter = make_letter("failed");
  letter.set("why", sentence);
  (void)send_now(socket_, letter, kSayTimeout);
}

std::expected<void, std::string> Successor::begin(net::Core& control, Log& log, Steps steps) {
  auto channel = Channel::create(control.loop(), control.poller(), std::move(socket_));
  if (!channel) return lost(channel.error());
  lines_.push_back(std::make_unique<Line>(Line{.process = process_, .channel = std::move(*channel)}));
  steps_ = std::move(steps);
  log_ = &log;
  control_ = &control;
  tasks_ = std::make_unique<net::TaskGroup>(control.loop());
  tasks_->spawn(run());
  return {};
}

net::Task<void> Successor::stop() {
  if (tasks_) co_await tasks_->stop();
}

net::Task<void> Successor::say(Letter letter) {
  (void)co_await channel().send(letter, kSayTimeout);  // who has gone need not know
}

void Successor::settled() {
  if (tasks_) tasks_->spawn(say(make_letter("settled")));
}

net::Task<void> Successor::run() {
  if (!co_await control_->loop().sleep(Duration::zero())) co_return;
  Letter ready = make_letter("ready");
  ready.set("version", version_);
  co_await say(std::move(ready));
  co_await hear_all(*lines_.front());
}

net::Task<void> Successor::hear_all(Line& line) {
  for (;;) {
    auto letter = co_await line.channel->receive(Duration::max());
    if (letter) {
      if (!co_await hear(line, std::move(*letter))) co_return;
      continue;
    }
    if (letter.error().code == Code::kCancelled) co_return;
    gone(line);
    co_return;
  }
}

// False: this process ends.
net::Task<bool> Successor::hear(Line& line, Letter letter) {
  if (auto taken = take(letter); !taken) {
    log_->error("a part of the handover is lost", {{"reason", taken.error()}});
  }
  if (letter.word == "go") co_return co_await go();
  if (letter.word == "released" && !std::exchange(released_, true)) steps_.released();
  if (letter.word == "left") line.connections = letter.number("connections").value_or(0);
  if (letter.word == "before") add_line(std::move(letter));
  if (letter.word == "pair" || letter.word == "idle") steps_.moved(std::move(letter));
  co_return true;
}

net::Task<bool> Successor::go() {
  if (std::exchange(has_gone_on_, true)) co_return true;
  auto done = steps_.go(later_snapshot_, std::move(offered_.sockets));
  if (!done) {
    Letter failed = make_letter("failed");
    failed.set("why", done.error());
    co_await say(std::move(failed));
    co_return false;
  }
  later_snapshot_.clear();
  log_->info("taken over", {{"from_process", std::to_string(process_)}});
  co_await say(make_letter("taken"));
  co_return true;
}

void Successor::add_line(Letter letter) {
  auto channel = Channel::create(control_->loop(), control_->poller(), letter.take("line"));
  if (!channel) {
    return log_->warning(
        "a process that was replaced is not counted",
        {{"process", std::string(letter.get("process"))}, {"reason", sentence_of(channel.error())}});
  }
  lines_.push_back(std::make_unique<Line>(Line{.process = letter.number("process").value_or(0),
                                               .connections = letter.number("connections").value_or(0),
                                               .channel = std::move(*channel)}));
  tasks_->spawn(hear_all(*lines_.back()));
}

net::Task<std::vector<Letter>> Successor::hand_on() {
  co_await tasks_->stop();
  std::vector<Letter> letters;
  for (const auto& line : lines_) {
    if (line->gone) continue;
    auto socket = line->channel->duplicate();
    if (!socket) continue;
    Letter letter = make_letter("before");
    letter.set("process", line->process);
    letter.set("connections", line->connections);
    letter.enclose("line", std::move(*socket));
    letters.push_back(std::move(letter));
  }
  co_return letters;
}

Successor::Predecessors Successor::predecessors() const {
  Predecessors all;
  if (!has_gone_on_) return all;
  for (const auto& line : lines_) {
    if (line->gone) continue;
    ++all.processes;
    all.connections += line->connections;
  }
  return all;
}

// Whether it has ended as it was meant to or not, what it had is ours.
void Successor::gone(Line& line) {
  line.gone = true;
  if (&line != lines_.front().get()) return;
  if (!std::exchange(has_gone_on_, true)) {
    log_->warning("the process to take over from has gone before it has given the word",
                  {{"process", std::to_string(process_)}});
    (void)steps_.go({}, std::move(offered_.sockets));
  } else {
    log_->info("the process before this one has ended", {{"process", std::to_string(process_)}});
  }
  if (!std::exchange(released_, true)) steps_.released();
}

}  // namespace weir::handover
