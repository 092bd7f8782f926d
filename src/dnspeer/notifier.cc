#include "dnspeer/notifier.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "config/formats.h"
#include "dns/message.h"
#include "dns/name.h"

namespace weir::dnspeer {
namespace {

constexpr Duration kResolveTimeout = std::chrono::seconds(5);

std::uint64_t seconds_of(net::Env& env) {
  const auto since = env.loop.clock().wall_now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

// RFC 1996 section 3.7: the zone as the question, and its SOA as the answer.
std::vector<std::uint8_t> notice_of(const dns::Zone& zone) {
  const dns::Node& apex = *zone.first();
  const dns::Bytes soa = dns::packed_of(apex, *dns::set_of(apex, dns::Type::kSoa));
  std::vector<std::uint8_t> message(dns::kHeaderBytes + zone.apex().size() + 4 + soa.size());
  dns::ByteWriter out(message);
  out.u16(0);
  out.u16(static_cast<std::uint16_t>(static_cast<unsigned>(dns::Opcode::kNotify) << 11U) |
          dns::kFlagAuthoritative);
  for (const unsigned count : {1U, 1U, 0U, 0U}) out.u16(static_cast<std::uint16_t>(count));
  out.bytes(zone.apex());
  out.u16(static_cast<std::uint16_t>(dns::Type::kSoa));
  out.u16(dns::kClassIn);
  out.bytes(soa);
  return message;
}

}  // namespace

void Notifier::tell(const config::Zone& zone, const dns::Zone& made, const Keys& keys) {
  static const std::vector<std::string> kNobody;
  const std::vector<std::string>& servers = zone.spec.transfers ? zone.spec.transfers->notify : kNobody;
  std::erase_if(notices_, [&](const auto& one) {
    return one.first.first == zone.name && std::ranges::find(servers, one.first.second) == servers.end();
  });
  for (const std::string& server : servers) {
    const auto [found, is_new] = notices_.try_emplace({zone.name, server});
    if (is_new) found->second = std::make_shared<Notice>();
    Notice& notice = *found->second;
    if (!is_new && notice.serial == made.serial()) continue;
    notice.serial = made.serial();
    notice.message = notice_of(made);
    notice.key.reset();
    for (const std::string& secret : zone.spec.transfers->keys) {
      const Keys::Key* key = keys.find_secret(secret);
      if (key == nullptr) continue;
      notice.key = key->key;
      break;
    }
    notice.is_news = true;
    notice.heard.set();
    if (notice.under_way || stopping_) continue;
    if (under_way_ == kNoticesMax) {
      env_.log.warning("too many servers are being told of changes",
                       {{"zone", zone.name}, {"server", server}});
      continue;
    }
    tasks_.spawn(tell_server(found->first, found->second));
  }
}

void Notifier::forget(std::string_view zone) {
  std::erase_if(notices_, [&](const auto& one) { return one.first.first == zone; });
}

net::Task<void> Notifier::tell_server(Server server, std::shared_ptr<Notice> notice) {
  ++under_way_;
  notice->under_way = true;
  Duration pause = kNoticePause;
  int tries = 0;
  while (tries < kNoticeTriesMax || notice->is_news) {
    if (std::exchange(notice->is_news, false)) {
      tries = 0;
      pause = kNoticePause;
    }
    ++tries;
    const auto known = notices_.find(server);
    if (known == notices_.end() || known->second != notice) break;
    if (co_await try_once(server.second, notice, pause)) {
      if (notice->is_news) continue;
      break;
    }
    if (stopping_) break;
    pause *= 2;
    if (tries < kNoticeTriesMax || notice->is_news) continue;
    counters_.given_up.add();
    env_.log.warning("a server does not answer that a zone has changed",
                     {{"zone", server.first}, {"server", server.second}});
  }
  notice->under_way = false;
  --under_way_;
}

// Whether it answered, or there is something newer to tell.
net::Task<bool> Notifier::try_once(std::string server, std::shared_ptr<Notice> notice, Duration patience) {
  const Instant until = env_.loop.deadline(patience);
  const auto address = config::parse_address(server);
  if (!address) co_return true;
  const auto resolved = co_await env_.network.resolve(address->host, address->port, kResolveTimeout);
  net::Datagrams* datagrams = resolved ? socket_for(resolved->addresses.front()) : nullptr;
  notice->heard.reset();
  if (notice->is_news) co_return true;
  if (datagrams != nullptr) {
    notice->peer = resolved->addresses.front();
    notice->id = static_cast<std::uint16_t>(env_.random.next());
    std::vector<std::uint8_t> message = notice->message;
    dns::store_u16(message.data(), notice->id);
    if (notice->key) {
      const std::size_t bytes = message.size();
      message.resize(bytes + dns::kTsigBytesMax);
      message.resize(dns::TsigChain(*notice->key).sign(message, bytes, seconds_of(env_)));
    }
    counters_.sent.add();
    datagrams->send({.peer = notice->peer, .local = {}}, message);
  }
  const std::uint64_t wait = ++notice->waits;
  tasks_.spawn(give_up_late(notice, wait, until - env_.loop.now()));
  const auto heard = co_await notice->heard.wait(env_.loop);
  ++notice->waits;
  co_return heard && !std::exchange(notice->too_late, false);
}

// Ends that wait, unless it has ended by then.
net::Task<void> Notifier::give_up_late(std::shared_ptr<Notice> notice, std::uint64_t wait,
                                       Duration patience) {
  if (!co_await env_.loop.sleep(patience) || notice->waits != wait || notice->heard.is_set()) co_return;
  notice->too_late = true;
  notice->heard.set();
}

net::Datagrams* Notifier::socket_for(const net::Address& peer) {
  Socket& socket = sockets_[peer.is_v6() ? 1 : 0];
  if (socket.datagrams || socket.failed) return socket.datagrams.get();
  net::Address from = peer.is_v6() ? net::Address::v6({}, 0) : net::Address();
  if (at_.is_v6() == peer.is_v6() && (!at_.is_loopback() || peer.is_loopback())) from = at_;
  from.set_port(0);
  auto opened = env_.network.datagrams(from);
  if (!opened) {
    socket.failed = true;
    env_.log.error("no server can be told of changes", {{"reason", sentence_of(opened.error())}});
    return nullptr;
  }
  socket.datagrams = std::move(*opened);
  tasks_.spawn(receive(*socket.datagrams));
  return socket.datagrams.get();
}

net::Task<void> Notifier::receive(net::Datagrams& datagrams) {
  for (;;) {
    const auto batch = co_await datagrams.next_batch();
    if (!batch && batch.error().code == Code::kCancelled) co_return;
    if (!batch && !co_await env_.loop.sleep(kNoticePause)) co_return;
    if (!batch) continue;
    for (const net::Datagram& one : *batch) take(one.bytes, one.peer);
  }
}

// Any answer is one: the server has heard of it (RFC 1996 section 3.8).
void Notifier::take(dns::Bytes reply, const net::Address& from) {
  if (reply.size() < dns::kHeaderBytes) return;
  const std::uint16_t flags = dns::load_u16(reply.data() + 2);
  if ((flags & dns::kFlagResponse) == 0 || dns::opcode_of(flags) != dns::Opcode::kNotify) return;
  for (const auto& [server, notice] : notices_) {
    if (!notice->under_way || notice->is_news || notice->id != dns::load_u16(reply.data())) continue;
    if (notice->peer != from || notice->heard.is_set()) continue;
    counters_.answered.add();
    const unsigned rcode = flags & 15U;
    if (rcode != 0) {
      env_.log.warning("a server does not want to hear that a zone has changed",
                       {{"zone", server.first}, {"server", server.second}, {"code", std::to_string(rcode)}});
    }
    notice->heard.set();
    return;
  }
}

net::Task<void> Notifier::stop() {
  stopping_ = true;
  co_await tasks_.stop();
}

}  // namespace weir::dnspeer
