#include "edge/replay.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "edge/edge.h"
#include "edge/proxy.h"
#include "http/h1_parser.h"
#include "http/request_body.h"
#include "http/request_id.h"
#include "net/buffer.h"

namespace weir::edge {
namespace {

using http::Known;

// Of the answer, which nobody but the log waits for.
constexpr std::uint64_t kAnswerBytesMax = std::uint64_t{16} << 20U;
constexpr Duration kAnswerLasts = std::chrono::seconds(60);
constexpr Duration kReadTimeout = std::chrono::seconds(10);
constexpr Duration kWriteTimeout = std::chrono::seconds(30);

// What was between its client and this edge.
constexpr std::uint64_t kOfTheHop =
    http::bits_of({Known::kConnection, Known::kContentLength, Known::kTransferEncoding, Known::kExpect,
                   Known::kKeepAlive, Known::kProxyConnection, Known::kUpgrade, Known::kXRequestId});

http::Method method_of(std::string_view text) {
  for (unsigned i = 0; i < static_cast<unsigned>(http::Method::kOther); ++i) {
    if (http::name_of(static_cast<http::Method>(i)) == text) return static_cast<http::Method>(i);
  }
  return http::Method::kOther;
}

http::RequestHead head_of(const capture::Exchange& exchange) {
  http::RequestHead head;
  head.method = method_of(exchange.method);
  head.method_text = exchange.method;
  head.framing = exchange.has_body ? http::Framing::kLength : http::Framing::kNone;
  head.content_length = exchange.request.body.size();
  head.authority = exchange.authority;
  head.path = exchange.path;
  if (exchange.query) head.query = *exchange.query;
  for (const auto& [name, value] : exchange.request.fields) {
    const Known known = http::known_field(name);
    if (known == Known::kOther || (http::bits_of({known}) & kOfTheHop) == 0) {
      (void)head.fields.add(known, name, value);  // there were no more of them
    }
  }
  return head;
}

// Takes what is left of an answer. What it ended with.
net::Task<http::Cut> drain(http::Response& response, std::uint64_t& bytes, net::Loop& loop) {
  const Instant until = loop.deadline(kAnswerLasts);
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) {
      co_return piece.error().code == Code::kCancelled ? http::Cut::kStopped : http::Cut::kOriginBroke;
    }
    bytes += piece->size();
    if (bytes > kAnswerBytesMax || loop.now() > until) co_return http::Cut::kClientGone;
  }
  co_return http::Cut::kNone;
}

}  // namespace

std::string why_not_again(const capture::Exchange& exchange) {
  if (exchange.is_upgrade)
    return "it asked for another protocol, as WebSocket does: that can't be sent again";
  if (exchange.request.truncated) {
    return "only the first 64 KiB of its content are kept, or not all of it came: that can't be sent again";
  }
  return {};
}

net::Task<void> Proxy::replay(Replay wanted, ReplayDone done) {
  const std::shared_ptr<const ActivePlan> active = active_;
  const auto& services = active->plan->services;
  const auto service =
      std::ranges::find_if(services, [&](const auto& one) { return one->name == wanted.service; });
  if (service == services.end()) co_return done(std::unexpected("this edge has no such service any more"));
  upstream::Upstream& upstream = *active->upstreams[static_cast<std::size_t>(service - services.begin())];
  const auto& hosts = upstream.service().hosts;
  const auto host =
      std::ranges::find_if(hosts, [&](const auto& one) { return one.shared->key == wanted.endpoint; });
  if (host == hosts.end()) co_return done(std::unexpected("the tunnel has gone"));
  const lb::Permit permit = upstream.acquire(lb::Resource::kRequests);
  if (!permit) {
    co_return done(std::unexpected("as many requests as the service allows are under way"));
  }
  http::RequestId id;
  id.assign({}, env_.random);
  http::RequestHead head = head_of(*wanted.exchange);
  std::string target = wanted.exchange->path;
  if (wanted.exchange->query) target.append("?").append(*wanted.exchange->query);
  head.target = target;
  http::TextBody body(wanted.exchange->request.body);
  http::Request request{.head = head, .peer = wanted.exchange->peer, .arrived = env_.loop.now()};
  if (wanted.exchange->has_body) request.body = &body;
  request.scheme = wanted.exchange->scheme == "https" ? "https" : "http";
  request.id = id.text();
  co_await send_again(request, upstream, static_cast<std::uint32_t>(host - hosts.begin()), done);
}

net::Task<void> Proxy::send_again(http::Request& request, upstream::Upstream& upstream, std::uint32_t index,
                                  const ReplayDone& done) {
  const upstream::PlannedService& service = upstream.service();
  record::Decision& decision = journal_.begin(request);
  decision.service = service.name;
  upstream.counts().under_way.up();
  decision.service_counts = &upstream.counts();
  if (live_ != nullptr && live_->inspects(service.name)) captures_.begin(request);
  const http::ExchangeOptions options{.response_timeout = service.spec.request_timeout,
                                      .read_timeout = kReadTimeout,
                                      .write_timeout = kWriteTimeout};
  const config::Retries no_retries;
  upstream::Retrying retrying(no_retries, upstream, request, {}, Instant::max());
  net::Buffer room = net::Buffer::acquire();
  const auto head = upstream::write_upstream_head(request, service, room.span(), env_.random);
  Result<http::ResponsePtr> response = fail(head ? Error{} : head.error());
  if (head) {
    response = co_await attempt(request, upstream, index, *head, options, retrying, Instant::max());
  }
  http::RequestEnd end;
  if (response) {
    *response = captures_.answered(request, std::move(*response));
    end.status = (*response)->head.status;
    end.head_sent = env_.loop.now();
    done(Replayed{std::string(request.id), end.status});
    end.cut = co_await drain(**response, end.body_bytes_sent, env_.loop);
    if (!(*response)->settled()) co_await (*response)->settle();
    response->reset();
  } else {
    end.status = http::status_for(response.error());
    decision.reason = name_of(response.error().code);
    const bool connecting = decision.tries_made > 0 && decision.last_try().connecting;
    decision.flags.add(record::flags_of(response.error(), connecting));
    done(Replayed{std::string(request.id), end.status});
  }
  ended(request, end);
}

// One worker stands for all.
void Edge::replay(Replay wanted, ReplayDone done) {
  Worker* worker = workers_.front().get();
  worker->env().loop.post([this, worker, wanted = std::move(wanted), done = std::move(done)]() mutable {
    worker->replay(std::move(wanted),
                   [this, done = std::move(done)](std::expected<Replayed, std::string> told) {
                     control_.loop.post([done, told = std::move(told)]() mutable { done(std::move(told)); });
                   });
  });
}

}  // namespace weir::edge
