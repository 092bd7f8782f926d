#include "anycast/bird.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::anycast {
namespace {

std::unexpected<std::string> refused(const BirdReply& reply) {
  return std::unexpected("BIRD: " + reply.text + " (" + std::to_string(reply.code) + ")");
}

}  // namespace

Bird::Done Bird::connect() {
  if (connected()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) {
    return std::unexpected("the path of BIRD's control socket is empty or too long");
  }
  std::ranges::copy(path_, address.sun_path);
  socket_ = net::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  reader_ = {};
  const Instant until = clock_.now() + kConnectMax;
  if (!socket_ ||
      ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return lose(path_ + ": " + why_not(system_error(errno, "cannot be connected to")));
  }
  const auto greeting = read_reply(until);
  if (!greeting) return std::unexpected(greeting.error());
  if (greeting->code != kBirdWelcome)
    return lose("what answers on the control socket does not greet like BIRD");
  return {};
}

Bird::Done Bird::load() {
  const auto reply = ask("configure soft");
  if (!reply) return std::unexpected(reply.error());
  const bool done =
      reply->code == kBirdReconfigured || reply->code == kBirdReconfiguring || reply->code == kBirdQueued;
  if (!done) return refused(*reply);
  return {};
}

Bird::Done Bird::disable(std::string_view protocol) {
  const auto reply = ask("disable " + std::string(protocol));
  if (!reply) return std::unexpected(reply.error());
  if (reply->is_error() && reply->code < kBirdSyntaxErrors) return refused(*reply);
  return {};
}

Bird::Done Bird::look() {
  const auto reply = ask("show status");
  if (!reply) return std::unexpected(reply.error());
  if (reply->code != kBirdStatus) return refused(*reply);
  return {};
}

std::expected<BirdReply, std::string> Bird::ask(std::string_view command) {
  if (!connected()) return std::unexpected("BIRD is not there");
  std::string line = std::string(command) + "\n";
  const Instant until = clock_.now() + kCommandMax;
  for (std::string_view left = line; !left.empty();) {
    const ssize_t sent = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return lose("BIRD is gone");
    } else if (!wait_for(POLLOUT, until)) {
      return lose("BIRD takes no commands");
    }
  }
  return read_reply(until);
}

std::expected<BirdReply, std::string> Bird::read_reply(Instant until) {
  auto reply = reader_.next();
  while (reply && !*reply) {
    std::array<char, 4096> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): it is written at once
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
      reply = reader_.take({bytes.data(), static_cast<std::size_t>(got)});
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      return lose("BIRD is gone");
    } else if (!wait_for(POLLIN, until)) {
      return lose("BIRD does not answer");
    }
  }
  if (!reply) return lose(reply.error().text);
  return std::move(**reply);
}

std::unexpected<std::string> Bird::lose(std::string why) {
  close();
  return std::unexpected(std::move(why));
}

// False: it is too late.
bool Bird::wait_for(short events, Instant until) {
  const Duration left = std::max(until - clock_.now(), Duration::zero());
  pollfd one{.fd = socket_.get(), .events = events, .revents = 0};
  const int ready =
      ::poll(&one, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  return ready > 0 || (ready < 0 && errno == EINTR && clock_.now() < until);
}

}  // namespace weir::anycast
