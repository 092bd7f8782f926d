#include "testing/peer.h"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/task_group.h"

namespace weir::testing {
namespace {

// A script has no deadlines of its own: those under test fire first.
constexpr Duration kNoDeadline = std::chrono::hours(24 * 365);

net::Address parse_or_abort(std::string_view text) {
  const auto address = net::Address::parse(text);
  WEIR_CHECK(address.has_value());
  return *address;
}

}  // namespace

class Peer::State {
 public:
  State(FakeEnv& fake, std::unique_ptr<net::Stream> stream)
      : fake_(fake), group_(fake.loop), stream_(std::move(stream)) {
    read_again();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { close(); }

  void send(std::string_view text) {
    outgoing_ += text;
    if (stream_ && !writing_) {
      writing_ = true;
      group_.spawn(write_all(*this));
    }
    fake_.run_until_idle();
  }

  void read_again() {
    if (!stream_ || reading_) return;
    reading_ = std::make_unique<net::TaskGroup>(fake_.loop);
    reading_->spawn(read_all(*this));
    fake_.run_until_idle();
  }

  void stop_reading() {
    if (!reading_) return;
    reading_->cancel();
    fake_.run_until_idle();
    reading_.reset();
  }

  void finish() {
    if (stream_) (void)stream_->shutdown_write();
    fake_.run_until_idle();
  }

  void close() {
    stop_reading();
    group_.cancel();
    fake_.run_until_idle();
    stream_.reset();
    fake_.run_until_idle();
  }

  void abort() {
    if (stream_) stream_->abort();
    close();
  }

  FakeEnv& fake_;
  net::TaskGroup group_;
  std::unique_ptr<net::TaskGroup> reading_;
  std::unique_ptr<net::Stream> stream_;
  std::string outgoing_;
  std::string received_;
  bool writing_ = false;
  bool ended_ = false;
  bool reset_ = false;

 private:
  static net::Task<void> read_all(State& state) {
    std::array<std::byte, 4096> bytes{};
    while (!state.ended_ && !state.reset_) {
      const auto got = co_await state.stream_->read(bytes, kNoDeadline);
      if (!got) {
        state.reset_ = got.error().code == Code::kReset;
        co_return;
      }
      state.ended_ = *got == 0;
      state.received_ += net::as_text(net::Slice(bytes).first(*got));
    }
  }

  static net::Task<void> write_all(State& state) {
    while (!state.outgoing_.empty()) {
      constexpr std::size_t kPieceBytes = 4096;  // so that unsent_bytes() tells what has gone
      const std::string piece = state.outgoing_.substr(0, kPieceBytes);
      const auto put = co_await state.stream_->write(net::as_slice(piece), kNoDeadline);
      if (!put) break;
      state.outgoing_.erase(0, piece.size());
    }
    state.writing_ = false;
  }
};

Peer::Peer(FakeEnv& fake, std::string_view address) {
  auto made = fake.run(fake.network.connect(parse_or_abort(address), kNoDeadline));
  state_ = std::make_unique<State>(fake, made && *made ? std::move(**made) : nullptr);
}
Peer::Peer(FakeEnv& fake, std::unique_ptr<net::Stream> stream)
    : state_(std::make_unique<State>(fake, std::move(stream))) {}
Peer::Peer(Peer&&) noexcept = default;
Peer& Peer::operator=(Peer&&) noexcept = default;
Peer::~Peer() = default;

bool Peer::connected() const { return state_->stream_ != nullptr; }
void Peer::send(std::string_view text) { state_->send(text); }
std::size_t Peer::unsent_bytes() const {
  state_->fake_.run_until_idle();
  return state_->outgoing_.size();
}

const std::string& Peer::received() const {
  state_->fake_.run_until_idle();
  return state_->received_;
}
std::string Peer::take() {
  state_->fake_.run_until_idle();
  return std::exchange(state_->received_, {});
}
std::string Peer::take_until(std::string_view end) {
  const std::size_t found = received().find(end);
  if (found == std::string::npos) return "";
  std::string taken = state_->received_.substr(0, found + end.size());
  state_->received_.erase(0, taken.size());
  return taken;
}

bool Peer::ended() const {
  state_->fake_.run_until_idle();
  return state_->ended_;
}
bool Peer::reset() const {
  state_->fake_.run_until_idle();
  return state_->reset_;
}

void Peer::stop_reading() { state_->stop_reading(); }
void Peer::read_again() { state_->read_again(); }
void Peer::finish() { state_->finish(); }
void Peer::close() { state_->close(); }
void Peer::abort() { state_->abort(); }

class PeerListener::State {
 public:
  State(FakeEnv& fake, net::Address at) : fake_(fake), group_(fake.loop) {
    auto listening = fake.network.listen(at);
    WEIR_CHECK(listening.has_value());
    listener_ = std::move(*listening);
    group_.spawn(accept_all(*this));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    group_.cancel();
    fake_.run_until_idle();
  }

  FakeEnv& fake_;
  net::TaskGroup group_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<net::Accepted> waiting_;
  net::Address last_peer_;
  std::string end_;
  std::string answer_;
  bool answering_ = false;
  std::size_t answered_ = 0;

  void serve(std::unique_ptr<net::Stream> stream) { group_.spawn(answer_all(*this, std::move(stream))); }

 private:
  static net::Task<void> accept_all(State& state) {
    for (;;) {
      auto accepted = co_await state.listener_->accept();
      if (!accepted) {
        if (accepted.error().code == Code::kCancelled) co_return;
        continue;
      }
      if (state.answering_) {
        state.serve(std::move(accepted->stream));
      } else {
        state.waiting_.push_back(std::move(*accepted));
      }
    }
  }

  static net::Task<void> answer_all(State& state, std::unique_ptr<net::Stream> stream) {
    std::array<std::byte, 4096> bytes{};
    std::string received;
    for (;;) {
      const auto got = co_await stream->read(bytes, kNoDeadline);
      if (!got || *got == 0) co_return;
      received += net::as_text(net::Slice(bytes).first(*got));
      for (std::size_t found = received.find(state.end_); found != std::string::npos;
           found = received.find(state.end_)) {
        received.erase(0, found + state.end_.size());
        ++state.answered_;
        const std::string answer = state.answer_;
        if (!co_await stream->write(net::as_slice(answer), kNoDeadline)) co_return;
      }
    }
  }
};

PeerListener::PeerListener(FakeEnv& fake, std::string_view address)
    : state_(std::make_unique<State>(fake, parse_or_abort(address))) {}
PeerListener::PeerListener(PeerListener&&) noexcept = default;
PeerListener& PeerListener::operator=(PeerListener&&) noexcept = default;
PeerListener::~PeerListener() = default;

net::Address PeerListener::address() const { return state_->listener_->address(); }
net::Address PeerListener::last_peer() const { return state_->last_peer_; }

Peer PeerListener::accept() {
  state_->fake_.run_until_idle();
  if (state_->waiting_.empty()) return {state_->fake_, std::unique_ptr<net::Stream>()};
  net::Accepted next = std::move(state_->waiting_.front());
  state_->waiting_.erase(state_->waiting_.begin());
  state_->last_peer_ = next.peer;
  return {state_->fake_, std::move(next.stream)};
}

void PeerListener::answer(std::string end, std::string answer) {
  WEIR_CHECK(!end.empty());
  state_->end_ = std::move(end);
  state_->answer_ = std::move(answer);
  state_->answering_ = true;
  for (net::Accepted& waiting : std::exchange(state_->waiting_, {})) state_->serve(std::move(waiting.stream));
  state_->fake_.run_until_idle();
}

std::size_t PeerListener::answered() const {
  state_->fake_.run_until_idle();
  return state_->answered_;
}

}  // namespace weir::testing
