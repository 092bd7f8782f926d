#include "agent/link.h"

#include <utility>
#include <variant>

#include "h2/server_connection.h"
#include "net/pump.h"

namespace weir::agent {
namespace {

// Who waits for too long, and for what, is the edge's to judge: it knows the visitor.
constexpr Duration kPatience = Duration::max();

http::ServerOptions server_options() {
  return {.write_timeout = std::chrono::seconds(10),
          .client_rate_min = 0,
          .linger_timeout = std::chrono::seconds(1),
          .keepalive_interval = kKeepaliveInterval,
          .keepalive_timeout = kKeepaliveTimeout};
}

}  // namespace

Link::Limit::Limit(Link& owner)
    : Timer([](net::Timer& timer) { static_cast<Limit&>(timer).link.ended_.set(); }), link(owner) {}

Link::Link(net::Env& env, LinkOwner& owner, const Offers& offers, Options options)
    : env_(env),
      owner_(owner),
      offers_(offers),
      options_(std::move(options)),
      calls_(env.loop, {.message_bytes_max = wire::kMessageBytesMax}),
      server_(env, calls_, server_options()) {
  calls_.add(std::string(wire::kSessionPath), [this](grpc::ServerCall& call) { return converse(call); });
}

Link::~Link() = default;

net::Task<Result<void>> Link::run() {
  auto stream =
      co_await tls::dial(env_, options_.edge, options_.tls, kConnectTimeout, std::string(wire::kServerName));
  if (!stream) co_return fail(stream.error());
  env_.loop.arm(limit_, env_.loop.deadline(kWelcomeTimeout));
  net::TaskGroup connection(env_.loop);
  connection.spawn(serve_connection(std::move(*stream)));
  const auto ended = co_await ended_.wait(env_.loop);
  co_await connection.stop();
  limit_.disarm();
  leaving_.clear();
  left_.notify();
  if (!ended) co_return fail(ended.error());
  if (finishing_) co_return Result<void>{};
  if (!refused_.empty()) co_return fail(Code::kUnauthenticated, "the edge refuses the agent");
  co_return fail(Code::kClosed,
                 welcomed() ? "the connection to the edge was lost" : "the edge did not answer");
}

net::Task<void> Link::serve_connection(std::unique_ptr<net::Stream> stream) {
  const auto connection = h2::make_tunnel_connection(server_, {.stream = std::move(stream)}, *this);
  co_await connection->run();
  ended_.set();
}

// --- the call

net::Task<grpc::Status> Link::converse(grpc::ServerCall& call) {
  if (std::exchange(conversing_, true)) {
    co_return grpc::Status{grpc::StatusCode::kFailedPrecondition, "there is such a call already"};
  }
  outbox_.push_front(options_.hello);
  net::TaskGroup speaker(env_.loop);
  speaker.spawn(speak(call));
  grpc::Status status = co_await listen(call);
  co_await speaker.stop();
  ended_.set();
  co_return status;
}

net::Task<grpc::Status> Link::listen(grpc::ServerCall& call) {
  for (;;) {
    const auto read = co_await call.read();
    if (!read || !*read) co_return grpc::Status{};
    const auto message = wire::parse_from_edge(**read);
    if (!message) co_return grpc::Status{grpc::StatusCode::kInvalidArgument, message.error().text};
    if (const auto* welcome = std::get_if<wire::Welcome>(&*message); welcome != nullptr) {
      hear(*welcome);
    } else if (const auto* answer = std::get_if<wire::Registered>(&*message); answer != nullptr) {
      owner_.registered(*this, *answer);
    } else if (const auto* gone = std::get_if<wire::Unregistered>(&*message); gone != nullptr) {
      hear(*gone);
    } else if (const auto* line = std::get_if<wire::RequestLine>(&*message); line != nullptr) {
      owner_.request(*this, *line);
    } else {
      owner_.draining(*this);
    }
  }
}

net::Task<void> Link::speak(grpc::ServerCall& call) {
  for (;;) {
    if (outbox_.empty()) {
      if (!co_await spoken_.wait(env_.loop)) co_return;
      spoken_.reset();
      continue;
    }
    std::string message = wire::serialize(outbox_.front());
    outbox_.pop_front();
    if (!co_await call.write(std::move(message))) co_return;
  }
}

void Link::say(wire::FromAgent message) {
  outbox_.push_back(std::move(message));
  spoken_.set();
}

void Link::hear(const wire::Welcome& welcome) {
  if (!welcome.refused.empty()) {
    refused_ = welcome.refused;
    return;
  }
  if (welcomed()) return;
  welcome_ = welcome;
  if (!finishing_) limit_.disarm();
  owner_.welcomed(*this);
  for (const auto& [service, offered] : offers_) offer(offered);
}

void Link::hear(const wire::Unregistered& gone) {
  leaving_.erase(gone.origin);
  left_.notify();
}

void Link::offer(const Offer& offer) {
  if (!welcomed()) return;
  say(offer.wanted);
  if (!offer.up) tell_health(offer);
}

void Link::withdraw(const wire::Origin& origin) {
  if (welcomed()) say(wire::Unregister{origin});
}

void Link::tell_health(const Offer& offer) {
  if (welcomed()) say(wire::Health{.origin = offer.wanted.origin, .up = offer.up, .reason = offer.reason});
}

net::Task<void> Link::withdraw_all(Duration timeout) {
  if (!welcomed() || ended_.is_set()) co_return;
  for (const auto& [service, offered] : offers_) {
    leaving_.insert(offered.wanted.origin);
    withdraw(offered.wanted.origin);
  }
  const Instant deadline = env_.loop.deadline(timeout);
  while (!leaving_.empty()) {
    if (!co_await left_.wait(env_.loop, deadline - env_.loop.now())) co_return;
  }
}

// The goodbye ends the session at the edge with all its streams, so it comes last.
void Link::finish(Duration limit) {
  finishing_ = true;
  if (!welcomed()) {
    ended_.set();
    return;
  }
  env_.loop.arm(limit_, env_.loop.deadline(limit));
  if (streams_ == 0) say(wire::Goodbye{});
}

// --- visitors

net::Task<void> Link::serve(h2::ConnectRequest& request) {
  ++streams_;
  co_await carry(request);
  if (--streams_ == 0 && finishing_) say(wire::Goodbye{});
}

net::Task<void> Link::carry(h2::ConnectRequest& request) {
  const auto found = offers_.find(request.head().authority);
  if (found == offers_.end()) {
    request.refuse(404, "the agent has no such service");
    co_return;
  }
  auto origin = co_await tls::dial(env_, found->second.target, found->second.tls, kOriginTimeout);
  if (!origin) {
    request.refuse(503, "the origin does not accept connections");
    co_return;
  }
  std::unique_ptr<net::Stream> visitor = request.accept();
  if (visitor != nullptr) co_await net::carry(std::move(visitor), std::move(*origin), kPatience);
}

}  // namespace weir::agent
