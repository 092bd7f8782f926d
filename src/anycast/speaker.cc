#include "anycast/speaker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "handover/channel.h"

namespace weir::anycast {
namespace {

constexpr std::size_t kIncludeBytesMax = 64UL * 1024;
constexpr Duration kSayMax = std::chrono::milliseconds(100);
// For BIRD, once more, when the edge has gone.
constexpr int kLastTries = 5;

std::unexpected<std::string> cannot_write(const std::string& path) {
  return std::unexpected(path + ": " + why_not(system_error(errno, "cannot be written")));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Keeps nothing of the edge's but its end of the socket, so that nobody waits for what is closed there.
[[noreturn]] void become_speaker(net::Descriptor edge, const SpeakerOptions& options) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) (void)::signal(signal, SIG_IGN);
  (void)::prctl(PR_SET_NAME, "weir-anycast");
  const int nothing = ::open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= 2; ++standard) (void)::dup2(nothing, standard);
  const auto kept = static_cast<unsigned>(edge.get());
  if (kept > 3) (void)::close_range(3, kept - 1, 0);
  (void)::close_range(kept + 1, ~0U, 0);
  {
    Speaker speaker(std::move(edge), options);
    speaker.run();
  }
  ::_exit(0);
}

}  // namespace

std::expected<void, std::string> write_include(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  {
    const net::Descriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file || ::fchmod(file.get(), 0644) != 0 || !write_all(file.get(), text)) return cannot_write(fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return cannot_write(path);
  return {};
}

std::string read_include_file(const std::string& path) {
  const net::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text(kIncludeBytesMax, '\0');
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : 0;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

Speaker::Speaker(net::Descriptor edge, SpeakerOptions options)
    : edge_(std::move(edge)),
      options_(std::move(options)),
      bird_(options_.bird_socket),
      retry_(options_.retry_first),
      heard_at_(clock_.now()) {}

void Speaker::run() {
  for (;;) {
    wait();
    if (!hear()) return;
    const Instant now = clock_.now();
    if (!silenced_ && number_ > 0 && now - heard_at_ >= options_.silence) fall_silent();
    if (number_ == 0) continue;  // nothing is wanted so far
    if (!due_ && bird_.connected() && now >= look_at_) {
      look_at_ = now + options_.look_interval;
      if (!bird_.look()) bird_.close();
      if (read_include_file(options_.include_path) != wanted_)
        due_ = true;  // somebody else has written there
    }
    if (!bird_.connected()) due_ = true;
    if (due_ && now >= retry_at_) (void)apply();
  }
}

// Until there is something to do. What BIRD has by itself is its end.
void Speaker::wait() {
  std::array<pollfd, 2> both{pollfd{.fd = edge_.get(), .events = POLLIN, .revents = 0},
                             pollfd{.fd = bird_.descriptor(), .events = POLLIN, .revents = 0}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience()).count();
  (void)::poll(both.data(), both.size(), static_cast<int>(milliseconds));
}

Duration Speaker::patience() {
  const Instant now = clock_.now();
  Instant until = now + options_.look_interval;
  if (number_ > 0 && !silenced_) until = std::min(until, heard_at_ + options_.silence);
  if (number_ > 0) until = std::min(until, due_ ? retry_at_ : look_at_);
  return std::max(until - now, Duration::zero());
}

bool Speaker::hear() {
  pollfd bird{.fd = bird_.descriptor(), .events = POLLIN, .revents = 0};
  if (bird_.connected() && ::poll(&bird, 1, 0) != 0) {
    bird_.close();
    retry_at_ = clock_.now();
  }
  for (;;) {
    const auto letter = handover::receive_now(edge_, Duration::zero());
    if (!letter && letter.error().code == Code::kTimedOut) return true;
    if (letter && letter->word != kLeaveWord) {
      take(*letter);
      continue;
    }
    if (letter || number_ == 0) return false;
    wanted_ = options_.nothing;
    const auto pause = static_cast<int>(options_.retry_first / std::chrono::milliseconds(1));
    for (int i = 0; i < kLastTries && !apply(); ++i) (void)::poll(nullptr, 0, pause);
    return false;
  }
}

void Speaker::take(const handover::Letter& letter) {
  heard_at_ = clock_.now();
  if (letter.word == kAnnounceWord) {
    number_ = letter.number(kNumberField).value_or(number_ + 1);
    wanted_ = letter.get(kTextField);
    due_ = true;
    retry_at_ = heard_at_;
    retry_ = options_.retry_first;
    silenced_ = false;
  } else if (std::exchange(silenced_, false)) {
    say(kSilentWord);
  }
}

void Speaker::fall_silent() {
  silenced_ = true;
  wanted_ = options_.nothing;
  due_ = true;
  retry_at_ = clock_.now();
}

bool Speaker::apply() {
  auto done = write_include(options_.include_path, wanted_);
  if (done) done = bird_.connect();
  if (done) done = bird_.load();
  if (done) {
    due_ = false;
    retry_ = options_.retry_first;
    look_at_ = clock_.now() + options_.look_interval;
    told_.clear();
    say(kLoadedWord);
    return true;
  }
  // Its configuration may be wrong in a part that is not ours: to withdraw, it is not needed.
  const bool withdrawn = disable_others();
  retry_at_ = clock_.now() + retry_;
  retry_ = std::min(retry_ / 5 * 8, options_.retry_longest);
  const std::string now = std::to_string(number_) + (withdrawn ? "+" : "-") + done.error();
  if (std::exchange(told_, now) != now) say(kFailedWord, done.error(), withdrawn);
  return withdrawn;
}

// Those that are not wanted, by the way that is left. True: they are not announced.
bool Speaker::disable_others() {
  if (!bird_.connect()) return false;
  return std::ranges::all_of(options_.protocols, [this](const std::string& protocol) {
    return wanted_.contains(protocol + " {") || bird_.disable(protocol).has_value();
  });
}

void Speaker::say(std::string_view word, std::string reason, bool withdrawn) {
  handover::Letter letter = handover::make_letter(std::string(word));
  letter.set(kNumberField, number_);
  if (!reason.empty()) letter.set(kReasonField, std::move(reason));
  if (withdrawn) letter.set(kWithdrawnField, "yes");
  (void)handover::send_now(edge_, letter, kSayMax);  // that it has gone is heard soon
}

std::expected<net::Descriptor, std::string> start_speaker(const SpeakerOptions& options) {
  auto pair = handover::make_pair();
  if (!pair) return std::unexpected(sentence_of(pair.error()));
  const pid_t first = ::fork();
  if (first < 0) {
    return std::unexpected("no process can be started: " + why_not(system_error(errno, "fork")));
  }
  if (first == 0) {
    // Nobody here waits for it when it ends: that is for the first process of the machine.
    if (::fork() != 0) ::_exit(0);
    pair->ours = {};
    become_speaker(std::move(pair->theirs), options);
  }
  (void)::waitpid(first, nullptr, 0);
  return std::move(pair->ours);
}

}  // namespace weir::anycast
