// What a worker does with requests that are more than a query: signed ones (RFC 8945), copies of zones (RFC
// 5936, 1995), updates (RFC 2136).
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dns/message.h"
#include "dns/name.h"
#include "nameserver/worker.h"

namespace weir::nameserver {
namespace {

std::string text_of(const dns::Ip& ip) {
  if (ip.size == 16) return net::Address::v6(ip.octets, 0).ip();
  return net::Address::v4({ip.octets[0], ip.octets[1], ip.octets[2], ip.octets[3]}, 0).ip();
}

std::string_view text_of(dns::TsigError error) {
  switch (error) {
    case dns::TsigError::kBadSig: return "BADSIG: the signature is not the key's";
    case dns::TsigError::kBadKey: return "BADKEY: there is no such key here";
    case dns::TsigError::kBadTime: return "BADTIME: it was signed more than 5 minutes from now";
    case dns::TsigError::kBadTrunc: return "BADTRUNC: the signature is cut off";
    case dns::TsigError::kNone: break;
  }
  return "the signature has no right form";
}

// Of a reply by UDP.
std::size_t limit_of(dns::Bytes message) {
  dns::Query query;
  (void)dns::read_query(message, query);
  return std::clamp(query.opt.udp_bytes, dns::kUdpBytesPlain, dns::kUdpBytesMax);
}

// The type of the one question; nothing: it is no query.
std::optional<dns::Type> type_asked(const dnspeer::Exchange& exchange) {
  dns::Query query;
  if (exchange.opcode() != dns::Opcode::kQuery || !dns::read_query(exchange.message(), query)) {
    return std::nullopt;
  }
  return query.name.empty() ? std::nullopt : std::optional(query.type);
}

bool asks_for_copy(const dnspeer::Exchange& exchange) {
  const auto type = type_asked(exchange);
  return type == dns::Type::kAxfr || type == dns::Type::kIxfr;
}

// One of a few at a time.
class Place {
 public:
  explicit Place(std::size_t& count) : count_(count) { ++count_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { --count_; }

 private:
  std::size_t& count_;
};

net::Task<bool> write_message(net::Stream& stream, std::span<std::uint8_t> room, std::size_t bytes) {
  if (bytes == 0) {
    stream.abort();
    co_return false;
  }
  dns::store_u16(room.data(), static_cast<std::uint16_t>(bytes));
  const auto message = std::as_bytes(room.first(kLengthBytes + bytes));
  co_return (co_await stream.write(message, kIdleTimeout)).has_value();
}

}  // namespace

void Worker::log_refusal(std::string_view what, const dnspeer::Exchange& exchange, const dns::Ip& client,
                         std::string_view reason) {
  if (!refusals_limit_.take(env_.loop.now())) return;
  env_.log.warning(
      std::string(what) + " refused",
      {{"client", text_of(client)}, {"key", exchange.secret()}, {"reason", std::string(reason)}});
}

dns::Answered Worker::say(dnspeer::Exchange& exchange, dns::Rcode rcode, std::span<std::uint8_t> room) {
  const dns::Answered answered{.bytes = exchange.say(room, rcode, wall_seconds()), .rcode = rcode};
  count(answered);
  return answered;
}

dns::Answered Worker::answer_signed(dnspeer::Exchange& exchange, const dns::Ip& client, bool is_stream,
                                    std::uint32_t now_seconds, std::span<std::uint8_t> room) {
  const std::size_t limit = is_stream ? room.size() : limit_of(exchange.message());
  const std::size_t kept = exchange.signature_bytes();
  const std::size_t free = std::max(limit - std::min(limit, kept), std::size_t{dns::kUdpBytesPlain});
  dns::Answered answered = answer(exchange.message(), client, is_stream, now_seconds, room.first(free));
  if (answered.bytes != 0 && answered.bytes + kept > limit) answered.bytes = dnspeer::truncate_reply(room);
  answered.bytes = exchange.end(room, answered.bytes, now_seconds);
  return answered;
}

std::optional<dnspeer::Transfer> Worker::transfer_for(const dnspeer::Exchange& exchange,
                                                      const dns::Ip& client, bool is_stream,
                                                      dns::Rcode& rcode) {
  const auto question = dnspeer::read_transfer(exchange.message());
  if (!question) {
    rcode = dns::Rcode::kFormErr;
    return std::nullopt;
  }
  const dns::HashedName name(question->zone.wire());
  const dns::Zone* zone = view_->zones().find(name, dns::Type::kSoa);
  if (zone == nullptr || !dns::same_name(zone->apex(), name.wire())) {
    rcode = dns::Rcode::kNotAuth;  // RFC 5936 section 2.2.1
    return std::nullopt;
  }
  const dnspeer::ZoneRules* rules = view_->rules().find(zone->apex());
  rcode = dns::Rcode::kRefused;
  if (rules == nullptr || !rules->lets_copy(client, exchange.secret())) {
    log_refusal("a copy of " + question->zone.to_text(), exchange, client,
                rules == nullptr || !rules->gives_copies
                    ? "there is no Zone of that name, or it has no spec.transfers"
                    : "spec.transfers of the Zone does not let this client take it");
    return std::nullopt;
  }
  if (!is_stream && question->type == dns::Type::kAxfr) return std::nullopt;  // section 4.2
  if (is_stream && transfers_ >= kTransfersMax) {
    log_refusal("a copy of " + question->zone.to_text(), exchange, client, "too many are being taken");
    return std::nullopt;
  }
  dnspeer::TransferSource source{
      .held = view_,
      .zone = zone,
      .history = rules->history,
      .steered = [view = view_](std::uint32_t policy, dns::Type type) { return view->copied(policy, type); }};
  return std::optional<dnspeer::Transfer>(std::in_place, std::move(source), exchange.message(), *question,
                                          is_stream);
}

bool Worker::takes_update(const dnspeer::Exchange& exchange, const dns::Ip& client, dns::Rcode& rcode) {
  rcode = dns::Rcode::kRefused;
  if (!update_sink_) {
    log_refusal("an update", exchange, client, "this name server is led by controllers, which take updates");
  } else if (!exchange.is_signed()) {
    log_refusal("an update", exchange, client, "it is not signed");
  } else if (updates_ >= kUpdatesMax) {
    rcode = dns::Rcode::kServFail;
    log_refusal("an update", exchange, client, "too many wait");
  } else {
    return true;
  }
  return false;
}

void Worker::start_update(const dnspeer::Exchange& exchange, const dns::Ip& client,
                          std::function<void(dns::Rcode)> done) {
  counters_.updates.add();
  ++updates_;
  const dns::Bytes message = exchange.message();
  dnsupdate::UpdateRequest request{
      .message = {message.begin(), message.end()}, .secret = exchange.secret(), .from = text_of(client)};
  update_sink_(std::move(request), [this, done = std::move(done)](dns::Rcode rcode) {
    --updates_;
    done(rcode);
  });
}

dns::Answered Worker::operate(const net::Datagram& datagram, const dns::Ip& client, std::uint32_t now_seconds,
                              std::span<std::uint8_t> room) {
  auto exchange = std::make_shared<dnspeer::Exchange>(datagram.bytes, view_->rules().keys, now_seconds);
  if (exchange->rcode() != dns::Rcode::kNoError) {
    log_refusal("a signed request", *exchange, client, text_of(exchange->error()));
    return say(*exchange, exchange->rcode(), room);
  }
  dns::Rcode rcode = dns::Rcode::kRefused;
  if (exchange->opcode() == dns::Opcode::kUpdate) {
    if (!takes_update(*exchange, client, rcode)) return say(*exchange, rcode, room);
    const net::Correspondent to = datagrams_->correspondent_of(datagram);
    start_update(*exchange, client, [this, exchange, to](dns::Rcode done) {
      std::array<std::uint8_t, dns::kUdpBytesPlain> room;
      const dns::Answered answered = say(*exchange, done, room);
      if (datagrams_) datagrams_->send(to, std::span(room).first(answered.bytes));
    });
    return {};
  }
  if (!asks_for_copy(*exchange)) return answer_signed(*exchange, client, false, now_seconds, room);
  auto copy = transfer_for(*exchange, client, false, rcode);
  if (!copy) return say(*exchange, rcode, room);
  const std::span<std::uint8_t> allowed = room.first(limit_of(exchange->message()));
  std::size_t bytes = copy->next(allowed, exchange->signature_bytes());
  bytes = exchange->end(allowed, bytes, now_seconds);
  const dns::Answered answered{.bytes = bytes, .rcode = dns::Rcode::kNoError};
  count(answered);
  return answered;
}

// False: that was the last of the connection.
net::Task<bool> Worker::operate(net::Stream& stream, std::vector<std::uint8_t> message, dns::Ip client) {
  dnspeer::Exchange exchange(message, view_->rules().keys, wall_seconds());
  std::vector<std::uint8_t> room(kLengthBytes + dns::kMessageBytesMax);
  const std::span<std::uint8_t> reply = std::span(room).subspan(kLengthBytes);
  dns::Rcode rcode = exchange.rcode();
  if (rcode != dns::Rcode::kNoError) {
    log_refusal("a signed request", exchange, client, text_of(exchange.error()));
    co_return co_await write_message(stream, room, say(exchange, rcode, reply).bytes);
  }
  if (exchange.opcode() == dns::Opcode::kUpdate) {
    if (takes_update(exchange, client, rcode)) {
      struct Waiting {
        net::Event done;
        dns::Rcode rcode = dns::Rcode::kServFail;
      };
      const auto waiting = std::make_shared<Waiting>();
      start_update(exchange, client, [waiting](dns::Rcode done) {
        waiting->rcode = done;
        waiting->done.set();
      });
      if (!co_await waiting->done.wait(env_.loop)) co_return false;
      rcode = waiting->rcode;
    }
    co_return co_await write_message(stream, room, say(exchange, rcode, reply).bytes);
  }
  if (!asks_for_copy(exchange)) {
    const dns::Answered answered = answer_signed(exchange, client, true, wall_seconds(), reply);
    co_return co_await write_message(stream, room, answered.bytes);
  }
  auto copy = transfer_for(exchange, client, true, rcode);
  if (!copy) co_return co_await write_message(stream, room, say(exchange, rcode, reply).bytes);
  co_return co_await transfer(stream, exchange, std::move(*copy));
}

net::Task<bool> Worker::transfer(net::Stream& stream, dnspeer::Exchange& exchange, dnspeer::Transfer copy) {
  const Place place(transfers_);
  counters_.transfers.add();
  count({.bytes = 1, .rcode = dns::Rcode::kNoError});
  std::vector<std::uint8_t> room(kLengthBytes + dns::kMessageBytesMax);
  const std::span<std::uint8_t> reply = std::span(room).subspan(kLengthBytes);
  while (std::size_t bytes = copy.next(reply, exchange.signature_bytes())) {
    bytes = exchange.end(reply, bytes, wall_seconds());
    if (!co_await write_message(stream, room, bytes)) co_return false;
  }
  if (!copy.ended()) stream.abort();
  co_return copy.ended();
}

}  // namespace weir::nameserver
