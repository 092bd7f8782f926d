#include "nameserver/worker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/patience.h"

namespace weir::nameserver {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(100);  // for want of descriptors or memory
constexpr std::uint64_t kBytesPerSecondMin = 64;             // of a query that is on its way
constexpr std::size_t kRequestBytesMax = 16UL * 1024;        // of one query by TCP; an update has no more

dns::Ip ip_of(const net::Address& address) {
  return {.octets = address.bytes(), .size = static_cast<std::uint8_t>(address.is_v6() ? 16 : 4)};
}

}  // namespace

Worker::Worker(net::Env& env, const WorkerOptions& options)
    : env_(env),
      cookies_(options.cookies),
      view_(std::make_shared<const View>(dns::Zones(), View::Sets())),
      rate_limit_(options.replies_per_second, env.random.next()),
      serving_(env.loop),
      connections_(env.loop),
      ending_(env.loop) {}

Result<net::Address> Worker::listen(net::Address at) {
  auto listener = env_.network.listen(at);
  if (!listener) return fail(listener.error());
  at.set_port((*listener)->address().port());
  auto datagrams = env_.network.datagrams(at);
  if (!datagrams) return fail(datagrams.error());
  listener_ = std::move(*listener);
  datagrams_ = std::move(*datagrams);
  return listener_->address();
}

void Worker::serve() {
  scratch_.resize(kLengthBytes + dns::kMessageBytesMax);
  serving_.spawn(serve_datagrams());
  serving_.spawn(accept_connections());
}

void Worker::close() {
  datagrams_.reset();
  listener_.reset();
}

void Worker::finish(std::function<void()> done) { ending_.spawn(run_to_end(std::move(done))); }

net::Task<void> Worker::run_to_end(std::function<void()> done) {
  co_await serving_.stop();
  co_await connections_.stop();
  close();
  done();
}

std::uint32_t Worker::wall_seconds() const {
  const auto since = env_.loop.clock().wall_now().time_since_epoch();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

dns::Answered Worker::answer(dns::Bytes message, const dns::Ip& client, bool is_stream,
                             std::uint32_t now_seconds, std::span<std::uint8_t> into) {
  const dns::Authority authority{.zones = &view_->zones(), .steering = view_.get(), .cookies = &cookies_};
  const dns::Answered answered = dns::answer(
      authority, {.message = message, .client = client, .is_stream = is_stream, .now_seconds = now_seconds},
      into);
  count(answered);
  return answered;
}

void Worker::count(const dns::Answered& answered) {
  if (answered.bytes == 0) {
    counters_.ignored.add();
  } else {
    counters_
        .replies[std::min<std::size_t>(static_cast<std::size_t>(answered.rcode), WorkerCounters::kRcodes - 1)]
        .add();
  }
}

net::Task<void> Worker::serve_datagrams() {
  for (;;) {
    const auto batch = co_await datagrams_->next_batch();
    if (!batch) {
      if (batch.error().code == Code::kCancelled) co_return;
      if (log_limit_.take(env_.loop.now())) {
        env_.log.error("queries can't be received", {{"reason", sentence_of(batch.error())}});
      }
      if (!co_await env_.loop.sleep(kPause)) co_return;
      continue;
    }
    const ViewPointer held = view_;
    const std::uint32_t now_seconds = wall_seconds();
    for (net::Datagram& datagram : *batch) answer_datagram(datagram, env_.loop.now(), now_seconds);
  }
}

void Worker::answer_datagram(net::Datagram& datagram, Instant now, std::uint32_t now_seconds) {
  counters_.udp_queries.add();
  const dns::Ip client = ip_of(datagram.peer);
  const std::span<std::uint8_t> room = datagrams_->room_for(datagram);
  const dns::Answered answered = dnspeer::is_operation(datagram.bytes)
                                     ? operate(datagram, client, now_seconds, room)
                                     : answer(datagram.bytes, client, false, now_seconds, room);
  datagram.reply_bytes = answered.bytes;
  // A cookie shows that the client is where it says.
  if (answered.bytes == 0 || answered.cookie_valid || datagram.peer.is_loopback()) return;
  switch (rate_limit_.take(client, answered.rcode, now)) {
    case RateLimit::Verdict::kSend: return;
    case RateLimit::Verdict::kTruncate:
      counters_.truncated_for_rate.add();
      datagram.reply_bytes = dnspeer::truncate_reply(room.first(answered.bytes));
      return;
    case RateLimit::Verdict::kDrop:
      counters_.dropped_for_rate.add();
      datagram.reply_bytes = 0;
      return;
  }
}

net::Task<void> Worker::accept_connections() {
  for (;;) {
    auto accepted = co_await listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Code::kCancelled || !co_await env_.loop.sleep(kPause)) co_return;
      continue;
    }
    counters_.tcp_connections.add();
    if (connections_.size() >= kConnectionsMax) {
      accepted->stream->abort();
      continue;
    }
    connections_.spawn(serve_connection(std::move(accepted->stream), ip_of(accepted->peer)));
  }
}

// One query after the other, as they come: a reply is written before the next query is read (RFC 7766 section
// 6.2.1.1 lets them wait in the socket meanwhile).
net::Task<void> Worker::serve_connection(std::unique_ptr<net::Stream> stream, dns::Ip client) {
  std::vector<std::uint8_t> input(dns::kUdpBytesPlain);
  std::size_t have = 0;
  std::optional<net::Patience> patience;  // with the message at hand
  for (;;) {
    if (!patience) {
      const bool busy = connections_.size() > kConnectionsMax / 2;
      patience.emplace(busy ? kIdleTimeoutBusy : kIdleTimeout, kBytesPerSecondMin);
    }
    const std::size_t wanted =
        have < kLengthBytes ? kLengthBytes : kLengthBytes + dns::load_u16(input.data());
    if (wanted > kRequestBytesMax) co_return stream->abort();
    if (have < wanted) {
      if (input.size() < wanted) input.resize(wanted);
      const auto got =
          co_await stream->read(std::as_writable_bytes(std::span(input)).subspan(have), *patience);
      if (!got || *got == 0) co_return;
      have += *got;
      continue;
    }
    counters_.tcp_queries.add();
    const dns::Bytes message = dns::Bytes(input).subspan(kLengthBytes, wanted - kLengthBytes);
    if (dnspeer::is_operation(message)) {
      if (!co_await operate(*stream, {message.begin(), message.end()}, client)) co_return;
    } else if (!co_await reply_on(*stream, message, client)) {
      co_return;
    }
    std::copy(input.begin() + static_cast<std::ptrdiff_t>(wanted),
              input.begin() + static_cast<std::ptrdiff_t>(have), input.begin());
    have -= wanted;
    patience.reset();
  }
}

// False: that was the last of the connection.
net::Task<bool> Worker::reply_on(net::Stream& stream, dns::Bytes message, dns::Ip client) {
  const ViewPointer held = view_;
  const dns::Answered answered =
      answer(message, client, true, wall_seconds(), std::span(scratch_).subspan(kLengthBytes));
  if (answered.bytes == 0) {
    stream.abort();
    co_return false;
  }
  dns::store_u16(scratch_.data(), static_cast<std::uint16_t>(answered.bytes));
  // Others answer while this one waits for room.
  const std::vector<std::uint8_t> reply(
      scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(kLengthBytes + answered.bytes));
  co_return (co_await stream.write(std::as_bytes(std::span(reply)), kIdleTimeout)).has_value();
}

}  // namespace weir::nameserver
