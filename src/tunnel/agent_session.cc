#include "tunnel/agent_session.h"

#include <utility>
#include <variant>

#include "tunnel/limits.h"
#include "tunnel/visit.h"

namespace weir::tunnel {
namespace {

// An end that is no failure.
constexpr std::string_view kSaidGoodbye = "the agent has left";

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

net::Task<void> AgentSession::run(std::unique_ptr<net::Stream> stream) {
  connection_ = std::make_shared<h2::ClientConnection>(std::move(stream), kPeerWriteTimeout, nullptr,
                                                       h2::Carries::kTunnels);
  connection_->keep_alive(kPeerKeepaliveInterval, kPeerKeepaliveTimeout);
  net::TaskGroup connection_task(env_.loop);
  connection_task.spawn(h2::ClientConnection::run(connection_));
  co_await converse();
  connection_->retire();
  co_await connection_task.stop();
  connection_ = nullptr;
}

net::Task<void> AgentSession::converse() {
  call_ = std::make_unique<grpc::ClientCall>(
      connection_, "https", "agent", wire::kSessionPath, grpc::Metadata{}, std::nullopt,
      grpc::ClientCall::Options{.message_bytes_max = wire::kMessageBytesMax,
                                .write_timeout = kPeerWriteTimeout});
  tasks_.spawn(speak());
  listener_ = &co_await net::current_context();
  env_.loop.arm(limit_, env_.loop.deadline(kAgentHelloTimeout));
  const std::string why = co_await follow();
  limit_.disarm();
  if (std::exchange(welcomed_, false)) {
    for (const auto& [origin, wanted] : std::exchange(origins_, {})) gate_.unregistered(*this, origin);
    gate_.ended(*this, why);
  }
  co_await take_leave();
  co_await tasks_.stop();  // who speaks has the call
  call_.reset();
}

// What was said last is heard, within limits.
net::Task<void> AgentSession::take_leave() {
  hung_up_ = true;
  spoken_.set();
  if (!connection_->usable()) co_return;
  env_.loop.arm(limit_, env_.loop.deadline(kAgentFarewell));
  co_await tasks_.join();
  call_->half_close();
  for (;;) {
    const auto read = co_await call_->read();
    if (!read || !*read) break;
  }
  limit_.disarm();
}

AgentSession::Limit::Limit(AgentSession& owner)
    : Timer([](net::Timer& timer) {
        AgentSession& session = static_cast<Limit&>(timer).session;
        if (!session.welcomed_) session.listener_->interrupt();
      }),
      session(owner) {}

net::Task<void> AgentSession::speak() {
  for (;;) {
    if (outbox_.empty()) {
      if (hung_up_) co_return;
      if (!co_await spoken_.wait(env_.loop)) co_return;
      spoken_.reset();
      continue;
    }
    std::string message = wire::serialize(outbox_.front());
    outbox_.pop_front();
    if (!co_await call_->write(std::move(message))) co_return;
  }
}

void AgentSession::say(wire::FromEdge message) {
  if (outbox_.size() >= kAgentOutboxMax) return;
  outbox_.push_back(std::move(message));
  spoken_.set();
}

// Why it has ended, for the log.
net::Task<std::string> AgentSession::follow() {
  for (;;) {
    const auto read = co_await call_->read();
    if (!read) co_return welcomed_ ? "ended here" : "no hello came in time";
    if (!*read) co_return call_->status().message;
    const auto message = wire::parse_from_agent(**read);
    if (!message) co_return message.error().text;
    if (const auto* hello = std::get_if<wire::Hello>(&*message); hello != nullptr) {
      if (!greet(*hello)) co_return "refused";
      continue;
    }
    if (!welcomed_) co_return "no hello came first";
    if (std::holds_alternative<wire::Goodbye>(*message)) co_return std::string(kSaidGoodbye);
    std::visit(Overloaded{[this](const wire::Register& wanted) { hear(wanted); },
                          [this](const wire::Unregister& gone) { hear(gone); },
                          [this](const wire::Health& health) { hear(health); }, [](const wire::Hello&) {},
                          [](const wire::Goodbye&) {}},
               *message);
  }
}

bool AgentSession::greet(const wire::Hello& hello) {
  if (welcomed_) return false;
  wire::Welcome welcome = options_.welcome;
  agent_ = hello.agent;
  auto account = gate_.hello(*this, {.agent = hello.agent,
                                     .version = hello.version,
                                     .token = hello.credential,
                                     .looks_on = hello.looks_on});
  if (account) {
    account_ = *std::move(account);
    welcomed_ = true;
    options_.stranger.known();
  } else {
    welcome = {.edge = {}, .provider = {}, .region = {}, .refused = std::move(account.error())};
  }
  say(std::move(welcome));
  return welcomed_;
}

void AgentSession::hear(const wire::Register& wanted) {
  wire::Registered answer{.origin = wanted.origin, .urls = {}, .refused = {}};
  if (!origins_.contains(wanted.origin) && origins_.size() >= kAgentServicesMax) {
    answer.refused = "the session has as many services as one may have";
  } else if (auto urls = gate_.registered(*this, wanted); !urls) {
    answer.refused = std::move(urls.error());
    if (origins_.erase(wanted.origin) > 0) gate_.unregistered(*this, wanted.origin);
  } else {
    answer.urls = *std::move(urls);
    origins_.insert_or_assign(wanted.origin, wanted);
  }
  say(std::move(answer));
}

// Answered when no new connection can come any more: the gate has forgotten it by then.
void AgentSession::hear(const wire::Unregister& gone) {
  if (origins_.erase(gone.origin) > 0) gate_.unregistered(*this, gone.origin);
  say(wire::Unregistered{gone.origin});
}

void AgentSession::hear(const wire::Health& health) {
  if (origins_.contains(health.origin)) gate_.health(*this, health);
}

void AgentSession::end(std::string sentence) {
  if (!welcomed_) return;
  say(wire::Welcome{.edge = {}, .provider = {}, .region = {}, .refused = std::move(sentence)});
  listener_->interrupt();
}

void AgentSession::expel(wire::Origin origin, std::string sentence) {
  if (origins_.erase(origin) == 0) return;
  gate_.unregistered(*this, origin);
  say(wire::Registered{.origin = std::move(origin), .urls = {}, .refused = std::move(sentence)});
}

void AgentSession::tell(const wire::Origin& origin, std::vector<std::string> urls) {
  if (origins_.contains(origin))
    say(wire::Registered{.origin = origin, .urls = std::move(urls), .refused = {}});
}

void AgentSession::log(std::string_view service, std::string line) {
  if (outbox_.size() < kAgentOutboxMax / 2) say(wire::RequestLine{std::string(service), std::move(line)});
}

net::Task<Result<std::unique_ptr<net::Stream>>> AgentSession::open(std::string service, net::Address client,
                                                                   Duration timeout) {
  if (connection_ == nullptr || !welcomed_) {
    co_return fail({Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "the agent is gone"});
  }
  co_return co_await ask(
      connection_, {.service = std::move(service), .instance = {}, .client = client, .account = {}}, timeout);
}

}  // namespace weir::tunnel
