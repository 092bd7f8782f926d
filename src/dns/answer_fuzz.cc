// Any octets as a query to zones that have everything: the reply, if there is one, is a message within its
// limit that has the query's id and question. The first octet is the transport and what the server does; the
// rest is the query.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "dns/answer.h"
#include "dns/message.h"
#include "dns/name.h"

namespace {

using namespace weir::dns;

using Octets = std::vector<std::uint8_t>;

Name name(std::string_view text) { return *Name::parse(text, Name()); }

Octets with_name(Octets before, std::string_view text) {
  const Name target = name(text);
  before.insert(before.end(), target.wire().begin(), target.wire().end());
  return before;
}

void add(ZoneBuilder& builder, std::string_view owner, Type type, const Octets& rdata) {
  WEIR_CHECK(builder.add(name(owner).wire(), type, 300, rdata));
}

std::shared_ptr<const Zone> build(std::string_view apex, auto fill) {
  ZoneBuilder builder(name(apex).wire());
  Octets soa = with_name(with_name({}, "ns.x."), "host.x.");
  soa.resize(soa.size() + 20);
  add(builder, apex, Type::kSoa, soa);
  add(builder, apex, Type::kNs, with_name({}, "ns.x."));
  fill(builder);
  auto zone = std::move(builder).build();
  WEIR_CHECK(zone.has_value());
  return std::make_shared<const Zone>(std::move(*zone));
}

void fill(ZoneBuilder& zone) {
  add(zone, "ns.x.", Type::kA, {192, 0, 2, 53});
  add(zone, "ns.x.", Type::kAaaa, Octets(16, 1));
  add(zone, "a.x.", Type::kCname, with_name({}, "b.x."));
  add(zone, "b.x.", Type::kCname, with_name({}, "c.y."));
  add(zone, "l.x.", Type::kCname, with_name({}, "l.x."));
  add(zone, "n.x.", Type::kCname, with_name({}, "no.x."));
  add(zone, "*.x.", Type::kMx, with_name({0, 1}, "ns.x."));
  add(zone, "*.w.x.", Type::kCname, with_name({}, "q.w.x."));
  add(zone, "e.m.p.x.", Type::kTxt, {3, 'a', 'b', 'c'});
  add(zone, "x.", Type::kHttps, with_name({0, 1}, "."));
  add(zone, "x.", Type::kSvcb, with_name({0, 0}, "."));
  add(zone, "_s.x.", Type::kSrv, with_name({0, 0, 0, 0, 0, 9}, "t.x."));
  WEIR_CHECK(zone.steer(name("t.x.").wire(), Type::kA, 1));
  WEIR_CHECK(zone.steer(name("u.x.").wire(), Type::kCname, 2));
  add(zone, "d.x.", Type::kDs, {1, 2, 3});
  const std::string_view long_label = ".quite-a-long-label-of-a-server.d.x.";
  for (char c = 'a'; c <= 'z'; ++c) {
    const std::string server = c + std::string(long_label);
    add(zone, "d.x.", Type::kNs, with_name({}, server));
    add(zone, server, Type::kA, {192, 0, 2, static_cast<std::uint8_t>(c)});
    add(zone, "m.x.", Type::kMx, with_name({0, static_cast<std::uint8_t>(c)}, std::string(1, c) + ".m.x."));
    add(zone, std::string(1, c) + ".m.x.", Type::kAaaa, Octets(16, static_cast<std::uint8_t>(c)));
    add(zone, "o.x.", Type::kTxt, Octets(200, static_cast<std::uint8_t>(c)));
  }
}

class Choosing final : public Steering {
 public:
  Chosen choose(std::uint32_t, Bytes, Type type, const Client& client) const override {
    ByteWriter out(room_);
    const Octets alias = with_name({}, "a.x.");
    write_packed(type, 5, type == Type::kCname ? Bytes(alias) : client.ip.bytes().first(4), out);
    return {out.written(), static_cast<std::uint16_t>(client.ip.octets[0] % 2), client.bits};
  }

 private:
  mutable std::array<std::uint8_t, 64> room_;
};

void check_reply(Bytes query, Bytes reply, std::size_t limit) {
  WEIR_CHECK(reply.size() <= limit);
  auto reader = MessageReader::start(reply);
  WEIR_CHECK(reader.has_value());
  const Header& header = reader->header();
  WEIR_CHECK(header.id == load_u16(query.data()));
  WEIR_CHECK((header.flags & kFlagResponse) != 0 && header.counts[0] <= 1);
  for (unsigned i = 0; i < header.counts[0]; ++i) {
    const auto question = reader->question();
    WEIR_CHECK(question.has_value());
    const std::size_t size = question->name.wire().size() + 4;
    WEIR_CHECK(same_bytes(reply.subspan(kHeaderBytes, size), query.subspan(kHeaderBytes, size)));
  }
  const unsigned records = 0U + header.counts[1] + header.counts[2] + header.counts[3];
  for (unsigned i = 0; i < records; ++i) {
    const auto record = reader->record();
    WEIR_CHECK(record.has_value());
    if (const auto at = target_at(record->type)) {
      Name target;
      WEIR_CHECK(read_name(reply, record->rdata_at + *at, target));
    }
  }
  WEIR_CHECK(reader->at_end());
  WEIR_CHECK((header.flags & kFlagTruncated) == 0 || records <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Zones zones({build("x.", fill), build("y.", [](ZoneBuilder& zone) {
                              add(zone, "c.y.", Type::kA, {192, 0, 2, 1});
                              add(zone, "c.y.", Type::kMx, with_name({0, 1}, "t.x."));
                            })});
  static const CookieSecrets secrets{{1, 2, 3}, SipKey{4, 5, 6}};
  static std::array<std::uint8_t, kMessageBytesMax> room;
  if (size == 0) return 0;
  const bool is_stream = (*data & 1U) != 0;
  Choosing steering;
  const Authority authority{&zones, (*data & 2U) != 0 ? &steering : nullptr,
                            (*data & 4U) != 0 ? &secrets : nullptr};
  const Bytes query(data + 1, size - 1);
  const Asked asked{query, {{192, 0, 2, 1}, 4}, is_stream, 1000};
  const Answered answered = answer(authority, asked, room);
  if (answered.bytes == 0) {
    WEIR_CHECK(query.size() < kHeaderBytes || (query[2] & 0x80U) != 0);
    return 0;
  }
  check_reply(query, Bytes(room).first(answered.bytes), is_stream ? kMessageBytesMax : kUdpBytesMax);
  return 0;
}
