#include "cloud/rfc2136.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/host_port.h"
#include "cloud/update.h"
#include "dns/message.h"
#include "net/stream.h"

namespace weir::cloud {
namespace {

constexpr std::size_t kLengthBytes = 2;

// What came for a request.
struct Answer {
  Octets message;
  dns::Rcode rcode = dns::Rcode::kNoError;
  dns::TsigError error = dns::TsigError::kNone;  // what the server found wrong with our signature
  bool proven = false;                           // signed by the key
};

// One connection to the server: a request, and the messages of its answer. The sentences begin with what the
// server does.
class Session {
 public:
  // lost: what it means when the connection ends after the request.
  Session(net::Env& env, const tls::Host& server, dns::TsigKey key, Duration timeout, Trouble::Kind lost)
      : env_(env),
        server_(server),
        chain_(std::move(key)),
        lost_(lost),
        ends_(env.loop.deadline(Rfc2136::kConnectTimeout + timeout)) {}

  std::unexpected<Trouble> refuse(Trouble::Kind kind, const std::string& what) const {
    return trouble(kind, with_port(server_.name, server_.port) + ' ' + what);
  }

  net::Task<Told<void>> ask(Octets request) {
    auto stream = co_await tls::dial(env_, server_, nullptr, Rfc2136::kConnectTimeout);
    if (!stream) co_return fail(stream.error(), Trouble::Kind::kUnreachable);
    stream_ = std::move(*stream);
    id_ = dns::load_u16(request.data());
    const std::size_t plain = request.size();
    request.insert(request.begin(), kLengthBytes, 0);
    request.resize(kLengthBytes + plain + dns::kTsigBytesMax);
    const std::size_t bytes = chain_.sign(std::span(request).subspan(kLengthBytes), plain, now());
    dns::store_u16(request.data(), static_cast<std::uint16_t>(bytes));
    const auto written =
        co_await stream_->write(std::as_bytes(std::span(request).first(kLengthBytes + bytes)), left());
    if (!written) co_return fail(written.error(), lost_);
    co_return Told<void>{};
  }

  net::Task<Told<Answer>> answer() {
    std::array<std::uint8_t, kLengthBytes> length{};
    if (const auto read = co_await fill(length); !read) co_return std::unexpected(read.error());
    Answer answer;
    answer.message.resize(dns::load_u16(length.data()));
    if (const auto read = co_await fill(answer.message); !read) co_return std::unexpected(read.error());
    if (const std::string wrong = check(answer); !wrong.empty()) co_return refuse(lost_, wrong);
    co_return answer;
  }

 private:
  Duration left() const { return std::max(ends_ - env_.loop.now(), Duration::zero()); }
  std::uint64_t now() const {
    const auto since = env_.loop.clock().wall_now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  }

  std::unexpected<Trouble> fail(const Error& error, Trouble::Kind kind) const {
    if (error.code == Code::kCancelled) return trouble(Trouble::Kind::kCancelled, "told to stop");
    return refuse(kind, "can't be asked: " + sentence_of(error));
  }

  net::Task<Told<void>> fill(std::span<std::uint8_t> into) {
    while (!into.empty()) {
      const auto read = co_await stream_->read(std::as_writable_bytes(into), left());
      if (!read) co_return fail(read.error(), lost_);
      if (*read == 0) co_return refuse(lost_, "ends the connection before its answer does");
      into = into.subspan(*read);
    }
    co_return Told<void>{};
  }

  // What is wrong with it, if anything is. What can't be proven is told apart by whoever asked.
  std::string check(Answer& answer) {
    const auto tsig = dns::find_tsig(answer.message);
    if (!tsig) return "sends something that is no message of DNS";
    const std::uint16_t flags = dns::load_u16(&answer.message[2]);
    if (dns::load_u16(answer.message.data()) != id_ || (flags & dns::kFlagResponse) == 0) {
      return "sends something that is no answer";
    }
    if ((flags & dns::kFlagTruncated) != 0) return "cuts its answer off";
    answer.rcode = static_cast<dns::Rcode>(flags & 15U);
    if (*tsig) answer.error = (*tsig)->error;
    const bool is_signed = *tsig && !(*tsig)->mac.empty();
    if (!is_signed && answer.rcode != dns::Rcode::kNoError) return {};
    if (!is_signed) return "does not sign its answer";
    const dns::TsigError found = chain_.check(answer.message, **tsig, now());
    if (found == dns::TsigError::kBadTime) return "signs with a time that is not this machine's";
    if (found != dns::TsigError::kNone) return "signs its answer with another key";
    answer.proven = true;
    return {};
  }

  net::Env& env_;
  const tls::Host& server_;
  dns::TsigChain chain_;
  Trouble::Kind lost_;
  Instant ends_;
  std::uint16_t id_ = 0;
  std::unique_ptr<net::Stream> stream_;
};

std::string why_not(const Answer& answer, const dns::TsigKey& key, const std::string& zone) {
  const std::string name = quoted_reason(key.name.to_text());
  switch (answer.rcode) {
    case dns::Rcode::kRefused: return "refuses it (REFUSED): the key " + name + " may not do that there";
    case dns::Rcode::kServFail: return "fails at it (SERVFAIL)";
    case dns::Rcode::kNotImp: return "can't do that (NOTIMP)";
    case dns::Rcode::kYxDomain:
    case dns::Rcode::kYxRrset: return "has a record set already that was not there before";
    case dns::Rcode::kNxDomain:
    case dns::Rcode::kNxRrset: return "does not have a record set any more as it was before";
    case dns::Rcode::kNotAuth: break;
    default: return "refuses it with code " + std::to_string(static_cast<unsigned>(answer.rcode));
  }
  switch (answer.error) {
    case dns::TsigError::kNone: return "does not have the zone " + zone + " (NOTAUTH)";
    case dns::TsigError::kBadKey:
      return "does not know the key " + name + ", or lets it not do that (BADKEY)";
    case dns::TsigError::kBadSig: return "has another secret for the key " + name + " (BADSIG)";
    case dns::TsigError::kBadTime: return "has another time than this machine (BADTIME)";
    case dns::TsigError::kBadTrunc: break;
  }
  return "does not take the signature (" + std::to_string(static_cast<unsigned>(answer.error)) + ')';
}

// What an answer says of an update that was not made. What is not signed may have come from anybody.
Trouble::Kind kind_of(const Answer& answer) {
  if (!answer.proven || answer.rcode == dns::Rcode::kServFail) return Trouble::Kind::kUnknown;
  switch (answer.rcode) {
    case dns::Rcode::kYxDomain:
    case dns::Rcode::kYxRrset:
    case dns::Rcode::kNxDomain:
    case dns::Rcode::kNxRrset: return Trouble::Kind::kBusy;  // the zone is read anew, and then it may be done
    default: return Trouble::Kind::kRefused;
  }
}

}  // namespace

Rfc2136::Rfc2136(net::Env& env, tls::Host server, std::string zone, dns::TsigKey key,
                 std::size_t zone_bytes_max)
    : env_(env),
      server_(std::move(server)),
      zone_(absolute_name(zone)),
      key_(std::move(key)),
      zone_bytes_max_(zone_bytes_max) {}

std::string Rfc2136::fit(RecordSet& wanted) const {
  return is_made_by_signing(wanted.type) ? "is made by the server itself" : "";
}

net::Task<Told<RecordSets>> Rfc2136::read() {
  auto request = transfer_request(zone_, static_cast<std::uint16_t>(env_.random.next()));
  if (!request) co_return trouble(Trouble::Kind::kRefused, request.error());
  Session session(env_, server_, key_, kReadTimeout, Trouble::Kind::kUnreachable);
  if (auto asked = co_await session.ask(std::move(*request)); !asked)
    co_return std::unexpected(asked.error());
  TransferReader zone(*dns::Name::parse(zone_, dns::Name()));
  std::size_t bytes = 0;
  while (!zone.ended()) {
    const auto answer = co_await session.answer();
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->rcode != dns::Rcode::kNoError) {
      const bool again = answer->rcode == dns::Rcode::kServFail;
      co_return session.refuse(again ? Trouble::Kind::kBusy : Trouble::Kind::kRefused,
                               why_not(*answer, key_, zone_));
    }
    bytes += answer->message.size();
    if (bytes > zone_bytes_max_) {
      co_return session.refuse(Trouble::Kind::kRefused,
                               "has a zone of more than " + std::to_string(zone_bytes_max_) + " octets");
    }
    if (const std::string wrong = zone.take(answer->message); !wrong.empty()) {
      co_return session.refuse(Trouble::Kind::kRefused, wrong);
    }
  }
  co_return std::move(zone).sets();
}

std::size_t Rfc2136::batch_size(std::span<const Change> changes) const {
  return whole_names(changes, kBatchBytesMax, update_bytes);
}

net::Task<Told<void>> Rfc2136::write(std::span<const Change> batch) {
  auto request = update_request(zone_, static_cast<std::uint16_t>(env_.random.next()), batch);
  if (!request) co_return trouble(Trouble::Kind::kRefused, request.error());
  Session session(env_, server_, key_, kWriteTimeout, Trouble::Kind::kUnknown);
  if (auto asked = co_await session.ask(std::move(*request)); !asked)
    co_return std::unexpected(asked.error());
  const auto answer = co_await session.answer();
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->rcode == dns::Rcode::kNoError) co_return Told<void>{};
  co_return session.refuse(kind_of(*answer), why_not(*answer, key_, zone_));
}

}  // namespace weir::cloud
