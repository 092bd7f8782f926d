// connections: new TCP connections to one port on loopback, one after another in each of so many places: the
// load of `./dev bench tcp` where each connection is new. One thread, epoll.
//
//   connections --port PORT --host NAME --connections N --seconds S --body BYTES
//
// A connection: connect, one GET with Connection: close, the whole response and the end of the stream after
// it, close. So it is the origin that closes first, and no port is kept from those who connect (TIME_WAIT
// stays with those who accept). It counts when its response was 200 with a body of BYTES. Prints one line of
// JSON.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEventsPerTurn = 256;
constexpr int kTurnMilliseconds = 100;              // so that the end of the run is noticed
constexpr std::size_t kErrorsMax = 100;             // a run with errors is void: no need to go on
constexpr std::chrono::seconds kConnectionTime{5};  // then the place is stuck
constexpr std::size_t kHeadBytesMax = std::size_t{16} << 10U;

struct Options {
  std::uint16_t port = 0;
  std::string host;
  std::size_t connections = 1;
  std::chrono::seconds duration{1};
  std::size_t body_bytes = 0;
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "connections: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// One connection at a time.
struct Place {
  std::uint32_t number = 0;
  int fd = -1;
  Clock::time_point begin;
  bool asked = false;
  std::string response;
};

enum class Outcome : std::uint8_t { kWaiting, kDone, kFailed };

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)), places_(options_.connections), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
    request_ = "GET / HTTP/1.1\r\nHost: " + options_.host + "\r\nConnection: close\r\n\r\n";
    to_.sin_family = AF_INET;
    to_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to_.sin_port = htons(options_.port);
  }

  void run() {
    const auto begin = Clock::now();
    const auto end = begin + options_.duration;
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
      places_[i].number = i;
      open(places_[i]);
    }
    std::array<epoll_event, kEventsPerTurn> events;
    auto now = begin;
    while (now < end && errors_ < kErrorsMax) {
      const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, kTurnMilliseconds);
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < count; ++i) turn(places_[events[static_cast<std::size_t>(i)].data.u32]);
      now = Clock::now();
      if (now - looked_ > kConnectionTime / 5) give_up(now);
    }
    report(seconds(now - begin));
  }

 private:
  void open(Place& place) {
    place.begin = Clock::now();
    place.asked = false;
    place.response.clear();
    place.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (place.fd < 0) die("socket");
    const int on = 1;
    setsockopt(place.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(place.fd, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) != 0 && errno != EINPROGRESS) {
      die("connect");
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u32 = place.number}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, place.fd, &event) != 0) die("epoll_ctl");
  }

  void turn(Place& place) {
    const Outcome outcome = advance(place);
    if (outcome == Outcome::kWaiting) return;
    if (outcome == Outcome::kDone) {
      times_.push_back(seconds(Clock::now() - place.begin));
    } else {
      ++errors_;
    }
    close(place.fd);
    open(place);
  }

  Outcome advance(Place& place) {
    if (!place.asked) {
      const ssize_t sent = send(place.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN ? Outcome::kWaiting : Outcome::kFailed;
      if (sent != static_cast<ssize_t>(request_.size())) return Outcome::kFailed;
      place.asked = true;
    }
    std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t got = recv(place.fd, buffer.data(), buffer.size(), 0);
      if (got < 0) return errno == EAGAIN ? Outcome::kWaiting : Outcome::kFailed;
      if (got == 0) return whole(place.response) ? Outcome::kDone : Outcome::kFailed;
      place.response.append(buffer.data(), static_cast<std::size_t>(got));
      if (place.response.size() > kHeadBytesMax + options_.body_bytes) return Outcome::kFailed;
    }
  }

  bool whole(std::string_view response) const {
    const std::size_t head = response.find("\r\n\r\n");
    return response.starts_with("HTTP/1.1 200") && head != std::string_view::npos &&
           response.size() - head - 4 == options_.body_bytes;
  }

  // Places that wait too long have failed.
  void give_up(Clock::time_point now) {
    looked_ = now;
    for (Place& place : places_) {
      if (now - place.begin < kConnectionTime) continue;
      ++errors_;
      close(place.fd);
      open(place);
    }
  }

  // Of sorted times, the smallest that at least `share` of them do not exceed.
  double quantile(double share) const {
    if (times_.empty()) return 0;
    return times_[static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1))];
  }

  void report(double took) {
    std::ranges::sort(times_);
    std::printf(R"({"requests": %zu, "errors": %zu, "seconds": %.6f, "p50_s": %.6f, "p99_s": %.6f})"
                "\n",
                times_.size(), errors_, took, quantile(0.5), quantile(0.99));
  }

  const Options options_;
  std::vector<Place> places_;
  const int epoll_;
  sockaddr_in to_{};
  std::string request_;
  std::vector<double> times_;  // from before connect() to the end of the stream
  std::size_t errors_ = 0;
  Clock::time_point looked_ = Clock::now();  // for places that wait too long
};

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    const char* value = i + 1 < count ? arguments[++i] : "";
    const auto number = std::strtoul(value, nullptr, 10);
    if (name == "--port") options.port = static_cast<std::uint16_t>(number);
    if (name == "--host") options.host = value;
    if (name == "--connections") options.connections = number;
    if (name == "--seconds") options.duration = std::chrono::seconds(number);
    if (name == "--body") options.body_bytes = number;
  }
  if (options.port == 0 || options.host.empty() || options.connections == 0) {
    std::fputs("usage: connections --port PORT --host NAME --connections N --seconds S --body BYTES\n",
               stderr);
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  Load(parse(count, arguments)).run();
  std::fflush(stdout);
  _exit(0);  // the rest goes with the process
}
