// handshakes: new TLS 1.3 connections to one server on loopback, one after another in each of so many places.
// It is the load of `./dev bench handshake`, on AWS-LC, so that it takes as little of the machine as can be:
// a client's half of a full handshake costs about what the server's does. One thread, epoll.
//
//   handshakes --port PORT --host NAME --connections N --seconds S --body BYTES [--resume]
//
// A connection: TCP, handshake, one GET with Connection: close, the whole response, and closed by whoever is
// first: Envoy would wait a second for its client. It counts when its response was 200 with a body of BYTES.
// --resume: with the ticket of the place's connection before, used once. The server's certificate proves its
// key, but whose it is is not asked. Prints one line of JSON.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
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
constexpr std::uint32_t kSourceAddresses = 64;      // 127.0.1.1 and on: source ports never run short
constexpr std::chrono::seconds kConnectionTime{5};  // then the place is stuck
constexpr std::size_t kHeadBytesMax = std::size_t{16} << 10U;

struct Options {
  std::uint16_t port = 0;
  std::string host;
  std::size_t connections = 1;
  std::chrono::seconds duration{1};
  std::size_t body_bytes = 0;
  bool resume = false;
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "handshakes: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// One connection at a time.
struct Place {
  std::uint32_t number = 0;
  int fd = -1;
  SSL* ssl = nullptr;
  SSL_SESSION* session = nullptr;  // what the next connection resumes
  Clock::time_point begin;
  bool asked = false;
  std::string response;
};

enum class Outcome : std::uint8_t { kWaiting, kDone, kFailed };

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), places_(options_.connections) {
    context_ = SSL_CTX_new(TLS_method());
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (context_ == nullptr || epoll_ < 0) die("start");
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context_, "X25519");
    SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
    static constexpr std::array<std::uint8_t, 9> kHttp1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(context_, kHttp1.data(), kHttp1.size());
    if (options_.resume) {
      SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(context_, keep_session);
    }
    request_ = "GET / HTTP/1.1\r\nHost: " + options_.host + "\r\nConnection: close\r\n\r\n";
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
      if (count == 0) give_up(now);
    }
    report(seconds(now - begin));
  }

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto& place = *static_cast<Place*>(SSL_get_app_data(ssl));
    SSL_SESSION_free(place.session);
    place.session = session;
    return 1;
  }

  void open(Place& place) {
    place.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (place.fd < 0) die("socket");
    const int on = 1;
    setsockopt(place.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(place.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl((127U << 24U) + 256 + 1 + place.number % kSourceAddresses);
    sockaddr_in to = from;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(options_.port);
    if (bind(place.fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) die("bind");
    if (connect(place.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
      die("connect");
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u32 = place.number}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, place.fd, &event) != 0) die("epoll_ctl");

    place.ssl = SSL_new(context_);
    if (place.ssl == nullptr) die("SSL_new");
    SSL_set_app_data(place.ssl, &place);
    SSL_set_fd(place.ssl, place.fd);
    SSL_set_tlsext_host_name(place.ssl, options_.host.c_str());
    SSL_set_connect_state(place.ssl);
    if (SSL_SESSION* session = std::exchange(place.session, nullptr)) {
      SSL_set_session(place.ssl, session);
      SSL_SESSION_free(session);
    }
    place.begin = Clock::now();
    place.asked = false;
    place.response.clear();
  }

  void close(Place& place) {
    SSL_free(place.ssl);
    place.ssl = nullptr;
    ::close(place.fd);
  }

  void turn(Place& place) {
    const Outcome outcome = advance(place);
    if (outcome == Outcome::kWaiting) return;
    if (outcome == Outcome::kDone) {
      times_.push_back(seconds(Clock::now() - place.begin));
      if (SSL_session_reused(place.ssl) != 0) ++resumed_;
      if (tls_.empty()) describe(place.ssl);
    } else {
      ++errors_;
    }
    close(place);
    open(place);
  }

  Outcome advance(Place& place) {
    if (SSL_in_init(place.ssl) != 0) {
      const int done = SSL_do_handshake(place.ssl);
      if (done != 1) return waiting_or_failed(place, done);
    }
    if (!place.asked) {
      const int sent = SSL_write(place.ssl, request_.data(), static_cast<int>(request_.size()));
      if (sent <= 0) return waiting_or_failed(place, sent);
      place.asked = true;
    }
    std::array<char, 4096> buffer;
    while (true) {
      const int got = SSL_read(place.ssl, buffer.data(), static_cast<int>(buffer.size()));
      if (got > 0) {
        place.response.append(buffer.data(), static_cast<std::size_t>(got));
        if (place.response.size() > kHeadBytesMax + options_.body_bytes) return Outcome::kFailed;
        if (whole(place.response)) return Outcome::kDone;
        continue;
      }
      return waiting_or_failed(place, got);
    }
  }

  static Outcome waiting_or_failed(Place& place, int result) {
    const int error = SSL_get_error(place.ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Outcome::kWaiting
                                                                         : Outcome::kFailed;
  }

  bool whole(std::string_view response) const {
    const std::size_t head = response.find("\r\n\r\n");
    return response.starts_with("HTTP/1.1 200") && head != std::string_view::npos &&
           response.size() - head - 4 == options_.body_bytes;
  }

  // Nothing came for a while: places that wait too long have failed.
  void give_up(Clock::time_point now) {
    for (Place& place : places_) {
      if (now - place.begin < kConnectionTime) continue;
      ++errors_;
      close(place);
      open(place);
    }
  }

  // "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519"
  void describe(SSL* ssl) {
    tls_ = std::string(SSL_get_version(ssl)) + " " + SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)) +
           " " + SSL_get_curve_name(SSL_get_curve_id(ssl));
  }

  // Of sorted times, the smallest that at least `share` of them do not exceed.
  double quantile(double share) const {
    if (times_.empty()) return 0;
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1));
    return times_[rank];
  }

  void report(double took) {
    std::ranges::sort(times_);
    std::printf(
        R"({"requests": %zu, "resumed": %zu, "errors": %zu, "seconds": %.6f, "p50_s": %.6f, "p99_s": %.6f, )"
        R"("tls": "%s"})"
        "\n",
        times_.size(), resumed_, errors_, took, quantile(0.5), quantile(0.99), tls_.c_str());
  }

  Options options_;
  std::vector<Place> places_;
  SSL_CTX* context_ = nullptr;
  int epoll_ = -1;
  std::string request_;
  std::string tls_;
  std::vector<double> times_;  // from connect() to the whole response
  std::size_t resumed_ = 0;
  std::size_t errors_ = 0;
};

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--resume") {
      options.resume = true;
      continue;
    }
    const char* value = i + 1 < count ? arguments[++i] : "";
    const auto number = std::strtoul(value, nullptr, 10);
    if (name == "--port") options.port = static_cast<std::uint16_t>(number);
    if (name == "--host") options.host = value;
    if (name == "--connections") options.connections = number;
    if (name == "--seconds") options.duration = std::chrono::seconds(number);
    if (name == "--body") options.body_bytes = number;
  }
  if (options.port == 0 || options.host.empty() || options.connections == 0) {
    std::fputs(
        "usage: handshakes --port PORT --host NAME --connections N --seconds S --body BYTES [--resume]\n",
        stderr);
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  Load load(parse(count, arguments));
  load.run();
  std::fflush(stdout);
  _exit(0);  // the rest goes with the process
}
