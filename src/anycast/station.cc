#include "anycast/station.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace weir::anycast {
namespace {

constexpr unsigned kBeatsPerSilence = 4;
constexpr Duration kGoodbyeMax = std::chrono::milliseconds(200);

SpeakerOptions speaker_options(const StationOptions& options) {
  const std::vector<Wanted>& wanted = options.anycast.wanted;
  const std::vector<Route> none(wanted.size(), Route::kWithdrawn);
  SpeakerOptions made{.bird_socket = options.bird_socket,
                      .include_path = options.include_path,
                      .nothing = include_text(options.anycast.site, wanted, none),
                      .protocols = {}};
  for (const Wanted& one : wanted) made.protocols.push_back(protocol_of(one));
  return made;
}

std::optional<net::Address> address_of(const sockaddr* at) {
  if (at == nullptr) return std::nullopt;
  if (at->sa_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(at)->sin_addr, bytes.size());
    return net::Address::v4(bytes, 0);
  }
  if (at->sa_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(at)->sin6_addr, bytes.size());
    return net::Address::v6(bytes, 0);
  }
  return std::nullopt;
}

}  // namespace

bool is_local(const net::Address& address) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next) {
    found = address_of(one->ifa_addr) == address;
  }
  ::freeifaddrs(all);
  return found;
}

std::expected<std::unique_ptr<Station>, std::string> Station::begin(StationOptions options) {
  const std::filesystem::path path = options.include_path;
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return std::unexpected(folder +
                           " (--bird-include): " + why_not(system_error(errno, "cannot be written to")));
  }
  auto line = start_speaker(speaker_options(options));
  if (!line) return std::unexpected(line.error());
  return std::unique_ptr<Station>(new Station(std::move(options), std::move(*line)));
}

std::expected<void, std::string> Station::make(net::Env& env, net::EpollPoller& poller, Told told) {
  auto heard = net::duplicate(line_.get(), "the line to the speaker can't be doubled");
  if (!heard) return std::unexpected(sentence_of(heard.error()));
  auto channel = handover::Channel::create(env.loop, poller, std::move(*heard));
  if (!channel) return std::unexpected(sentence_of(channel.error()));
  channel_ = std::move(*channel);
  loop_ = &env.loop;
  tasks_.emplace(env.loop);
  anycast_.emplace(
      env, options_.anycast,
      Surroundings{.why_not_served = std::move(told.why_not_served),
                   .is_local = is_local,
                   .say = [this](std::uint64_t number, std::string text) { say(number, std::move(text)); },
                   .report = std::move(told.report)});
  return {};
}

void Station::start(std::uint16_t port, bool takes_over) {
  tasks_->spawn(listen());
  if (takes_over) {
    anycast_->start(port, read_include_file(options_.include_path));
  } else {
    anycast_->start(port, std::nullopt);
  }
  tasks_->spawn(beat());
}

void Station::say(std::uint64_t number, std::string text) {
  waiting_ = handover::make_letter(std::string(kAnnounceWord));
  waiting_->set(kNumberField, number);
  waiting_->set(kTextField, std::move(text));
  flush();
}

// Only the last counts of what could not be said so far.
void Station::flush() {
  if (!waiting_) return;
  const auto sent = handover::send_now(line_, *waiting_, Duration::zero());
  if (sent || sent.error().code != Code::kTimedOut) waiting_.reset();
}

net::Task<void> Station::beat() {
  const Duration pause = SpeakerOptions{}.silence / kBeatsPerSilence;
  const handover::Letter well = handover::make_letter(std::string(kBeatWord));
  do {
    flush();
    if (!waiting_) (void)handover::send_now(line_, well, Duration::zero());
  } while (co_await loop_->sleep(pause));
}

net::Task<void> Station::listen() {
  for (;;) {
    const auto letter = co_await channel_->receive(Duration::max());
    if (!letter) {
      if (letter.error().code != Code::kCancelled) anycast_->deserted();
      co_return;
    }
    take(*letter);
  }
}

void Station::take(const handover::Letter& letter) {
  const std::uint64_t number = letter.number(kNumberField).value_or(0);
  if (letter.word == kLoadedWord) anycast_->loaded(number);
  if (letter.word == kSilentWord) anycast_->silenced();
  if (letter.word == kFailedWord) {
    anycast_->failed(number, std::string(letter.get(kReasonField)), !letter.get(kWithdrawnField).empty());
  }
}

net::Task<void> Station::drain() {
  co_await anycast_->drain();
  co_await stop();
}

net::Task<void> Station::leave() {
  if (line_) (void)handover::send_now(line_, handover::make_letter(std::string(kLeaveWord)), kGoodbyeMax);
  co_await stop();
}

net::Task<void> Station::stop() {
  co_await anycast_->stop();
  co_await tasks_->stop();
  channel_.reset();
  line_ = {};
}

}  // namespace weir::anycast
