#include "channel/channels.h"

#include <array>
#include <deque>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "channel/alarm.h"
#include "net/core.h"
#include "net/task_group.h"

namespace weir::channel {
namespace {

using grpc::Status;
using grpc::StatusCode;

// Of messages in one direction, until they are taken. One task puts and one takes.
template <class Message>
class Queue {
 public:
  explicit Queue(net::Loop& loop) : loop_(loop) {}

  // Waits while there is too much. False: nobody takes any more.
  net::Task<Result<bool>> put(Message message, std::size_t bytes) {
    while (bytes_ >= Channel::kBytesMax && !ended_) {
      has_room_.reset();
      if (auto waited = co_await has_room_.wait(loop_); !waited) co_return fail(waited.error());
    }
    if (ended_) co_return false;
    waiting_.emplace_back(std::move(message), bytes);
    bytes_ += bytes;
    changed_.set();
    co_return true;
  }
  // None: it has ended, and all of it was taken.
  net::Task<Result<std::optional<Message>>> take() {
    while (waiting_.empty() && !ended_) {
      changed_.reset();
      if (auto waited = co_await changed_.wait(loop_); !waited) co_return fail(waited.error());
    }
    if (waiting_.empty()) co_return std::optional<Message>();
    auto [message, bytes] = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= bytes;
    has_room_.set();
    co_return std::optional<Message>(std::move(message));
  }
  void end() {
    ended_ = true;
    changed_.set();
    has_room_.set();
  }
  bool ended() const { return ended_; }

 private:
  net::Loop& loop_;
  std::deque<std::pair<Message, std::size_t>> waiting_;
  std::size_t bytes_ = 0;
  bool ended_ = false;
  net::Event changed_;
  net::Event has_room_;
};

// Waits for room. Fails when the channel is over.
template <class Message>
net::Task<Result<void>> say(Queue<Message>& to, Message message, std::size_t bytes) {
  const auto put = co_await to.put(std::move(message), bytes);
  if (!put) co_return fail(put.error());
  if (!*put) co_return fail(Code::kClosed, "the channel has ended", Side::kUpstream);
  co_return Result<void>{};
}

std::size_t bytes_of(const FromMachine& said) {
  constexpr std::size_t kLeast = 64;
  if (const auto* output = std::get_if<ChannelOutput>(&said); output != nullptr) {
    return kLeast + output->bytes.size();
  }
  if (const auto* requests = std::get_if<ChannelRequests>(&said); requests != nullptr) {
    std::size_t bytes = kLeast;
    for (const std::string& one : requests->requests) bytes += kLeast + one.size();
    return bytes;
  }
  std::size_t bytes = kLeast;
  if (const auto* lines = std::get_if<ChannelLines>(&said); lines != nullptr) {
    for (const ChannelLine& line : *lines) bytes += kLeast + line.text.size();
  }
  return bytes;
}

Result<std::string> make_id() {
  std::array<std::byte, 16> bytes{};
  if (auto filled = net::fill_random(bytes); !filled) return fail(filled.error());
  return to_hex(bytes);
}

}  // namespace

// Between the call and who asked for it. Both have it; it goes with the last.
struct Channel::Pipe {
  Pipe(net::Loop& loop, std::string whose)
      : machine(std::move(whose)), from_machine(loop), to_machine(loop) {}
  std::string machine;
  Queue<FromMachine> from_machine;
  Queue<std::string> to_machine;  // as bytes
  void end() {
    from_machine.end();
    to_machine.end();
  }
  net::Event arrived;
  grpc::ServerCall* call = nullptr;  // while it lasts
  bool is_here = false;              // the machine is this process
};

Channel::Channel(Channels& channels, std::shared_ptr<Pipe> pipe)
    : channels_(channels), pipe_(std::move(pipe)) {}

Channel::~Channel() {
  if (pipe_->call != nullptr) pipe_->call->end({});
  if (pipe_->is_here) pipe_->end();
  channels_.leave(*pipe_);
}

net::Task<Result<std::optional<FromMachine>>> Channel::read() { return pipe_->from_machine.take(); }

net::Task<Result<void>> Channel::write(ToMachine said) {
  std::string bytes = serialize(said);
  const std::size_t size = bytes.size();
  return say(pipe_->to_machine, std::move(bytes), size);
}

class Channel::OwnEnd final : public End {
 public:
  explicit OwnEnd(std::shared_ptr<Pipe> pipe) : pipe_(std::move(pipe)) {}
  ~OwnEnd() override { pipe_->end(); }

  net::Task<Result<void>> write(FromMachine said) override {
    const std::size_t bytes = bytes_of(said);
    return say(pipe_->from_machine, std::move(said), bytes);
  }
  void close() override { pipe_->from_machine.end(); }
  net::Task<Result<std::optional<std::string>>> read() override { return pipe_->to_machine.take(); }

 private:
  std::shared_ptr<Pipe> pipe_;
};

Channels::~Channels() { WEIR_CHECK(open_ == 0 && awaited_.empty()); }

void Channels::leave(const Channel::Pipe& pipe) {
  --open_;
  const auto found = by_machine_.find(pipe.machine);
  if (--found->second == 0) by_machine_.erase(found);
}

net::Task<Result<std::unique_ptr<Channel>>> Channels::open(std::string machine, ChannelOpen what) {
  const auto present = by_machine_.find(machine);
  if (open_ >= kMax) co_return fail(Code::kOverloaded, "too many channels are open here");
  if (present != by_machine_.end() && present->second >= kPerMachineMax) {
    co_return fail(Code::kOverloaded, "too many channels to that machine are open here");
  }
  auto id = make_id();
  if (!id) co_return fail(id.error());
  auto pipe = std::make_shared<Channel::Pipe>(loop_, machine);
  ++open_;
  ++by_machine_[machine];
  std::unique_ptr<Channel> channel(new Channel(*this, pipe));
  awaited_.emplace(*id, pipe);
  if (!options_.order(machine, *id, serialize(what))) {
    awaited_.erase(*id);
    co_return fail(Code::kNotFound, "it is not attached", Side::kUpstream);
  }
  Alarm alarm(pipe->arrived);
  loop_.arm(alarm, loop_.deadline(kOpenTimeout));
  const auto waited = co_await pipe->arrived.wait(loop_);
  alarm.disarm();
  awaited_.erase(*id);
  if (!waited) co_return fail(waited.error());
  if (pipe->call == nullptr && !pipe->is_here && !pipe->from_machine.ended()) {
    co_return fail(Code::kTimedOut, "it does not answer", Side::kUpstream);
  }
  co_return std::move(channel);
}

std::unique_ptr<End> Channels::take(std::string_view id) {
  const auto found = awaited_.find(id);
  if (found == awaited_.end()) return nullptr;
  const std::shared_ptr<Channel::Pipe> pipe = found->second;
  awaited_.erase(found);
  pipe->is_here = true;
  pipe->arrived.set();
  return std::make_unique<Channel::OwnEnd>(pipe);
}

net::Task<Status> Channels::serve(grpc::ServerCall& call) {
  const auto first = co_await call.read();
  if (!first) co_return grpc::status_of(first.error());
  const auto said = *first ? parse_from_machine(**first) : fail(Code::kInvalid, "");
  const auto* id = said ? std::get_if<ChannelId>(&*said) : nullptr;
  if (id == nullptr) co_return Status{StatusCode::kInvalidArgument, "a channel begins with its id"};
  const auto found = awaited_.find(id->id);
  if (found == awaited_.end() || !options_.comes_from(call.request(), found->second->machine)) {
    co_return Status{StatusCode::kNotFound, "nobody waits for this channel"};
  }
  const std::shared_ptr<Channel::Pipe> pipe = found->second;
  awaited_.erase(found);
  co_return co_await carry(call, pipe);
}

namespace {

// What the asker says, as long as the call is there.
net::Task<void> send(grpc::ServerCall& call, Queue<std::string>& from) {
  for (;;) {
    auto message = co_await from.take();
    if (!message || !*message || !co_await call.write(std::move(**message))) co_return;
  }
}

net::Task<Status> receive(grpc::ServerCall& call, Queue<FromMachine>& to) {
  for (;;) {
    const auto message = co_await call.read();
    if (!message) co_return grpc::status_of(message.error());
    if (!*message) co_return Status{};
    auto said = parse_from_machine(**message);
    if (!said || std::holds_alternative<ChannelId>(*said)) {
      co_return Status{StatusCode::kInvalidArgument, "what came is no message of a channel"};
    }
    const std::size_t bytes = bytes_of(*said);
    const auto put = co_await to.put(std::move(*said), bytes);
    if (!put) co_return grpc::status_of(put.error());
  }
}

}  // namespace

net::Task<Status> Channels::carry(grpc::ServerCall& call, std::shared_ptr<Channel::Pipe> pipe) {
  pipe->call = &call;
  pipe->arrived.set();
  net::TaskGroup sending(loop_);
  sending.spawn(send(call, pipe->to_machine));
  const Status status = co_await receive(call, pipe->from_machine);
  pipe->call = nullptr;
  pipe->end();
  co_await sending.stop();
  co_return status;
}

}  // namespace weir::channel
