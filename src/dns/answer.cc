#include "dns/answer.h"

#include <algorithm>
#include <array>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/reply.h"

namespace weir::dns {
namespace {

enum Section : std::uint8_t { kAnswer = 1, kAuthority = 2, kAdditional = 3 };

// A set that is about to be written, wherever it comes from.
struct Records {
  Bytes packed;
  std::uint16_t count = 0;
};

class Answering {
 public:
  Answering(const Authority& authority, const Query& query, const Client& client, Reply& reply)
      : authority_(authority), query_(query), client_(client), reply_(reply), name_(query.name) {}

  // One try at all sections; false: they do not fit.
  bool write();

  Rcode rcode() const { return rcode_; }
  bool authoritative() const { return authoritative_; }
  std::uint8_t scope_bits() const { return scope_bits_; }

 private:
  bool follow(const Zone& zone, Found found);
  bool fail();
  bool negative(const Zone& zone, const Place& place);
  bool referral(const Zone& zone, const Node& cut, const Place& place);
  bool glue(const Zone& zone, const Node& cut, Records servers, std::size_t at);
  bool positive(const Records& records, const Place& place, Type type);
  void targets(const Records& records, const Place& place, Type type, std::size_t at);
  void addresses(const Place& target);
  Records records_of(const Found& found);

  const Authority& authority_;
  const Query& query_;
  const Client& client_;
  Reply& reply_;
  HashedName name_;
  Rcode rcode_ = Rcode::kNoError;
  bool authoritative_ = true;
  std::uint8_t scope_bits_ = 0;
  bool failed_ = false;  // of the set that was chosen last
};

Records Answering::records_of(const Found& found) {
  const RecordSet& set = *found.set;
  if (set.steered == 0) return {packed_of(*found.node, set), set.count};
  if (authority_.steering == nullptr) return {};
  const Chosen chosen = authority_.steering->choose(set.value, name_of(*found.node), set.type, client_);
  failed_ = chosen.failed;
  scope_bits_ = std::max(scope_bits_, chosen.scope_bits);
  return {chosen.packed, chosen.count};
}

bool Answering::write() {
  rcode_ = Rcode::kNoError;
  authoritative_ = true;
  const Zone* zone = authority_.zones->find(name_, query_.type);
  if (zone == nullptr) {
    rcode_ = Rcode::kRefused;
    authoritative_ = false;
    return true;
  }
  const Found found = zone->find(name_, query_.type);
  if (found.outcome != Outcome::kSet || target_at(found.set->type)) return follow(*zone, found);
  const Records records = records_of(found);
  if (records.count == 0) [[unlikely]]
    return failed_ ? fail() : negative(*zone, {query_.name, kHeaderBytes});
  return reply_.write_question_set(kAnswer, records.packed, records.count);
}

// CNAMEs as far as our zones know, then what is at the end of them.
bool Answering::follow(const Zone& zone, Found found) {
  const Zone* here = &zone;
  std::array<Bytes, kAliasesMax + 1> seen;  // names whose CNAME was written, and the one at hand
  HashedName target;
  Place place{query_.name, kHeaderBytes};
  for (std::size_t aliases = 0;; ++aliases) {
    seen[aliases] = place.name;
    switch (found.outcome) {
      case Outcome::kNoName: rcode_ = Rcode::kNxDomain; return negative(*here, place);
      case Outcome::kNoData: return negative(*here, place);
      case Outcome::kReferral: authoritative_ = aliases > 0; return referral(*here, *found.node, place);
      case Outcome::kSet:
      case Outcome::kAlias: break;
    }
    const Records records = records_of(found);
    if (found.set->steered != 0 && failed_) return fail();
    if (records.count == 0) return negative(*here, place);
    if (found.outcome == Outcome::kSet) return positive(records, place, found.set->type);
    const std::size_t at = reply_.size();
    if (!reply_.write_set(kAnswer, records.packed, records.count, place)) return false;
    place = {records.packed.subspan(kPackedHeadBytes, packed_rdata_bytes(records.packed)),
             at + kPackedHeadBytes};
    const auto known = std::span(seen).first(aliases + 1);
    if (aliases == kAliasesMax ||
        std::ranges::any_of(known, [&](Bytes name) { return same_name(name, place.name); }))
      return true;
    target.set(place.name);
    here = authority_.zones->find(target, query_.type);
    if (here == nullptr) return true;
    found = here->find(target, query_.type);
  }
}

bool Answering::fail() {
  rcode_ = Rcode::kServFail;
  authoritative_ = false;
  reply_.clear();
  return true;
}

bool Answering::negative(const Zone& zone, const Place& place) {
  return reply_.write_set(kAuthority, zone.negative_soa(), 1, ancestor(place, zone.apex()));
}

bool Answering::referral(const Zone& zone, const Node& cut, const Place& place) {
  const RecordSet& set = *set_of(cut, Type::kNs);
  const Records servers{packed_of(cut, set), set.count};
  const std::size_t at = reply_.size();
  if (!reply_.write_set(kAuthority, servers.packed, servers.count, ancestor(place, name_of(cut))))
    return false;
  return glue(zone, cut, servers, at);
}

// All addresses of servers below the cut or none (RFC 9471); those of others as far as they fit.
bool Answering::glue(const Zone& zone, const Node& cut, Records servers, std::size_t at) {
  HashedName target;
  for (const bool in_domain : {true, false}) {
    for (std::size_t i = 0; i < servers.packed.size();) {
      const Bytes record = servers.packed.subspan(i);
      const Place server{record.subspan(kPackedHeadBytes, packed_rdata_bytes(record)),
                         at + i + kPackedHeadBytes};
      i += kPackedHeadBytes + server.name.size();
      if (is_within(server.name, name_of(cut)) != in_domain || !is_within(server.name, zone.apex())) continue;
      target.set(server.name);
      const Node* node = zone.node(target.wire(), target.hash(0));
      if (node == nullptr) continue;
      for (const Type type : {Type::kA, Type::kAaaa}) {
        const RecordSet* set = set_of(*node, type);
        if (set == nullptr) continue;
        const Records addresses = records_of({Outcome::kSet, node, set});
        const auto mark = reply_.mark();
        if (reply_.write_set(kAdditional, addresses.packed, addresses.count, server)) continue;
        if (in_domain) return false;
        reply_.rewind(mark);
      }
    }
  }
  return true;
}

bool Answering::positive(const Records& records, const Place& place, Type type) {
  const std::size_t at = reply_.size();
  if (!reply_.write_set(kAnswer, records.packed, records.count, place)) return false;
  if (target_at(type)) targets(records, place, type, at);
  return true;
}

// The addresses of what the records lead to, as far as they fit.
void Answering::targets(const Records& records, const Place& place, Type type, std::size_t at) {
  std::array<Bytes, kTargetsMax> seen;
  std::size_t count = 0;
  for (std::size_t i = 0; i < records.packed.size() && count < kTargetsMax;) {
    const Bytes record = records.packed.subspan(i);
    const Bytes rdata = record.subspan(kPackedHeadBytes, packed_rdata_bytes(record));
    const std::size_t name_at = *target_at(type);
    const Bytes rest = rdata.subspan(name_at);
    Place target{rest.first(name_size(rest)), at + i + kPackedHeadBytes + name_at};
    i += kPackedHeadBytes + rdata.size();
    if (target.name.size() == 1) {
      // "." is the owner itself, unless there is no service at all (RFC 9460 section 2.5, RFC 2782, RFC 7505)
      const bool service = (type == Type::kSvcb || type == Type::kHttps) && load_u16(rdata.data()) != 0;
      if (!service) continue;
      target = place;
    }
    const auto known = std::span(seen).first(count);
    if (std::ranges::any_of(known, [&](Bytes name) { return same_name(name, target.name); })) continue;
    seen[count++] = target.name;
    addresses(target);
  }
}

void Answering::addresses(const Place& target) {
  const HashedName hashed(target.name);
  const Zone* zone = authority_.zones->find(hashed, Type::kA);
  if (zone == nullptr) return;
  for (const Type type : {Type::kA, Type::kAaaa}) {
    const Found found = zone->find(hashed, type);
    if (found.outcome != Outcome::kSet) continue;
    const Records records = records_of(found);
    const auto mark = reply_.mark();
    if (!reply_.write_set(kAdditional, records.packed, records.count, target)) reply_.rewind(mark);
  }
}

struct Cookies {
  Cookie made;
  Bytes reply;  // empty: none
  bool valid = false;
  bool wrong = false;  // a server's half that is not ours
};

void check(const Authority& authority, const Asked& asked, const Opt& opt, Cookies& cookies) {
  if (authority.cookies == nullptr || opt.cookie.empty()) return;
  const CookieCheck checked = check_cookie(opt.cookie, asked.client, asked.now_seconds, *authority.cookies);
  cookies.valid = checked == CookieCheck::kRenew || checked == CookieCheck::kFresh;
  cookies.wrong = checked == CookieCheck::kInvalid;
  if (checked == CookieCheck::kFresh) {
    cookies.reply = opt.cookie;
    return;
  }
  cookies.made = make_cookie(opt.cookie.first(kClientCookieBytes), asked.client, asked.now_seconds,
                             authority.cookies->current);
  cookies.reply = cookies.made;
}

Client client_of(const Asked& asked, const Opt& opt) {
  if (opt.subnet_bits() != 0) return {opt.subnet_ip(), opt.subnet_bits()};
  return {asked.client, static_cast<std::uint8_t>(asked.client.size * 8)};
}

// What needs no zone to be refused
Rcode refused(const Query& query) {
  if (query.record_class != kClassIn) return Rcode::kRefused;
  if (query.type == Type::kAxfr || query.type == Type::kIxfr) return Rcode::kRefused;
  if (is_meta(query.type) && query.type != Type::kAny) return Rcode::kNotImp;
  return Rcode::kNoError;
}

std::size_t limit_of(const Authority& authority, const Asked& asked, const Opt& opt) {
  if (asked.is_stream) return kMessageBytesMax;
  if (!opt.present) return kUdpBytesPlain;
  return std::clamp(opt.udp_bytes, kUdpBytesPlain, authority.udp_bytes_max);
}

}  // namespace

Answered answer(const Authority& authority, const Asked& asked, std::span<std::uint8_t> into) {
  Query query;
  const auto read = read_query(asked.message, query);
  if (!read) return {};
  Rcode rcode = *read;
  Cookies cookies;
  OptReply opt{.dnssec_ok = query.opt.dnssec_ok, .cookie = {}, .subnet = query.opt.subnet};
  if (rcode == Rcode::kNoError) {
    check(authority, asked, query.opt, cookies);
    opt.cookie = cookies.reply;
  }
  const std::size_t reserved = query.opt.present ? opt_bytes(opt) : 0;
  Reply reply(into, limit_of(authority, asked, query.opt), reserved, query.question());
  std::uint16_t flags = query.header.flags & (0x7800U | kFlagRecursionDesired | kFlagCheckingDisabled);
  flags |= kFlagResponse;
  if (rcode == Rcode::kNoError && query.name.empty()) {
    if (cookies.wrong) rcode = Rcode::kBadCookie;  // RFC 7873 section 5.4
  } else if (rcode == Rcode::kNoError && (rcode = refused(query)) == Rcode::kNoError) {
    const Client client = client_of(asked, query.opt);
    Answering answering(authority, query, client, reply);
    if (!answering.write()) {
      reply.compress();
      if (!answering.write()) {
        reply.clear();
        flags |= kFlagTruncated;
      }
    }
    rcode = answering.rcode();
    if (answering.authoritative()) flags |= kFlagAuthoritative;
    // Who says nothing about the client gets an answer for everybody (RFC 7871 section 7.2.1).
    if (query.opt.subnet_bits() != 0) opt.scope_bits = answering.scope_bits();
  }
  opt.rcode = rcode;
  const std::size_t bytes = reply.finish(query.header.id, flags, query.opt.present ? &opt : nullptr, rcode);
  return {bytes, rcode, cookies.valid};
}

}  // namespace weir::dns
