// Zones from lines of text, queries from words, and replies as lines, for the tests of this room. Knows just
// the types that they need: no parser of zone files.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "dns/answer.h"
#include "dns/message.h"
#include "dns/zone.h"
#include "net/network.h"

namespace weir::dns::fixture {

using Octets = std::vector<std::uint8_t>;

inline const std::map<std::string, Type, std::less<>>& types() {
  static const std::map<std::string, Type, std::less<>> kTypes = {{"A", Type::kA},
                                                                  {"NS", Type::kNs},
                                                                  {"CNAME", Type::kCname},
                                                                  {"SOA", Type::kSoa},
                                                                  {"PTR", Type::kPtr},
                                                                  {"MX", Type::kMx},
                                                                  {"TXT", Type::kTxt},
                                                                  {"AAAA", Type::kAaaa},
                                                                  {"SRV", Type::kSrv},
                                                                  {"HTTPS", Type::kHttps},
                                                                  {"DS", Type::kDs},
                                                                  {"ANY", Type::kAny},
                                                                  {"OPT", Type::kOpt},
                                                                  {"AXFR", Type::kAxfr},
                                                                  {"DNAME", Type::kDname},
                                                                  {"HINFO", static_cast<Type>(13)},
                                                                  {"TSIG", static_cast<Type>(250)}};
  return kTypes;
}
inline Type type_of(const std::string& text) { return types().at(text); }
inline std::string type_text(Type type) {
  for (const auto& [text, number] : types()) {
    if (number == type) return text;
  }
  return "TYPE" + std::to_string(static_cast<int>(type));
}

inline Name name(std::string_view text) { return *Name::parse(text, Name()); }

// Numbers of so many octets, then a name: what most types are.
inline Octets rdata(Type type, std::istream& words) {
  Octets out;
  const auto number = [&](int octets) {
    unsigned long value = 0;
    words >> value;
    for (int i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  std::string word;
  const auto add_name = [&] {
    words >> word;
    const Name parsed = name(word);
    out.insert(out.end(), parsed.wire().begin(), parsed.wire().end());
  };
  const auto numbers = [&](int count, int octets) {
    for (int i = 0; i < count; ++i) number(octets);
  };
  switch (type) {
    case Type::kA:
    case Type::kAaaa: {
      words >> word;
      const auto bytes = net::Address::parse_ip(word, 0)->bytes();
      out.assign(bytes.begin(), bytes.begin() + (type == Type::kA ? 4 : 16));
      break;
    }
    case Type::kMx:
    case Type::kHttps:
      number(2);
      add_name();
      break;
    case Type::kSrv:
      numbers(3, 2);
      add_name();
      break;
    case Type::kSoa:
      add_name();
      add_name();
      numbers(5, 4);
      break;
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: add_name(); break;
    default:  // a string
      words >> word;
      out.push_back(static_cast<std::uint8_t>(word.size()));
      out.insert(out.end(), word.begin(), word.end());
  }
  return out;
}

// "owner TTL TYPE rdata" or "owner steer TYPE policy" in lines; an empty text: it was added.
inline std::string add_lines(ZoneBuilder& builder, std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string owner;
    std::string ttl;
    std::string type;
    if (!(words >> owner >> ttl >> type)) continue;
    const Name parsed = name(owner);
    Result<void> added;
    if (ttl == "steer") {
      std::uint32_t policy = 0;
      words >> policy;
      added = builder.steer(parsed.wire(), type_of(type), policy);
    } else {
      const auto seconds = static_cast<std::uint32_t>(std::stoul(ttl));
      added = builder.add(parsed.wire(), type_of(type), seconds, rdata(type_of(type), words));
    }
    if (!added) return added.error().text;
  }
  return "";
}

inline std::shared_ptr<const Zone> zone(std::string_view apex, std::string_view text) {
  ZoneBuilder builder(name(apex).wire());
  REQUIRE(add_lines(builder, text) == "");
  auto built = std::move(builder).build();
  if (!built) FAIL(built.error().text);
  return std::make_shared<const Zone>(std::move(*built));
}

inline Octets query(std::string_view owner, std::string_view type, std::string_view opt = {}) {
  Octets out = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(opt.empty() ? 0 : 1)};
  const Name parsed = name(owner);
  out.insert(out.end(), parsed.wire().begin(), parsed.wire().end());
  const auto number = static_cast<std::uint16_t>(type_of(std::string(type)));
  out.insert(out.end(), {static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number), 0, 1});
  out.insert(out.end(), opt.begin(), opt.end());
  return out;
}

inline std::string rdata_text(const Record& record, Bytes message) {
  std::string text;
  std::size_t at = record.rdata_at;
  const auto number = [&](std::size_t octets) {
    unsigned value = 0;
    for (std::size_t i = 0; i < octets; ++i) value = value << 8U | message[at++];
    text += std::to_string(value) + " ";
  };
  const auto add_name = [&] {
    Name read;
    at = *read_name(message, at, read);
    text += read.to_text() + " ";
  };
  switch (record.type) {
    case Type::kA:
      text = net::Address::v4({record.rdata[0], record.rdata[1], record.rdata[2], record.rdata[3]}, 0).ip();
      return text;
    case Type::kAaaa: {
      std::array<std::uint8_t, 16> octets;
      std::ranges::copy(record.rdata, octets.begin());
      return net::Address::v6(octets, 0).ip();
    }
    case Type::kSrv:
      number(2);
      number(2);
      [[fallthrough]];
    case Type::kMx:
    case Type::kHttps: number(2); [[fallthrough]];
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: add_name(); break;
    case Type::kSoa:
      add_name();
      add_name();
      for (int i = 0; i < 5; ++i) number(4);
      break;
    default: return std::to_string(record.rdata.size()) + " octets";
  }
  text.pop_back();
  return text;
}

// "NXDOMAIN aa" and a line for each record, without OPT: "au example. 3600 SOA ...". Stops at what is no
// message.
inline std::string show(Bytes message) {
  auto reader = MessageReader::start(message);
  if (!reader) return "no message";
  const Header& header = reader->header();
  static const std::map<int, std::string> kRcodes = {{0, "NOERROR"},  {1, "FORMERR"}, {2, "SERVFAIL"},
                                                     {3, "NXDOMAIN"}, {4, "NOTIMP"},  {5, "REFUSED"}};
  std::string text =
      kRcodes.contains(header.flags & 15) ? kRcodes.at(header.flags & 15) : std::to_string(header.flags & 15);
  if ((header.flags & kFlagAuthoritative) != 0) text += " aa";
  if ((header.flags & kFlagTruncated) != 0) text += " tc";
  text += "\n";
  for (int i = 0; i < header.counts[0]; ++i) {
    if (!reader->question()) return text + "no question";
  }
  static constexpr std::array<std::string_view, 4> kSections = {"", "an ", "au ", "ad "};
  for (std::size_t section = 1; section < 4; ++section) {
    for (int i = 0; i < header.counts[section]; ++i) {
      const auto record = reader->record();
      if (!record) return text + "no record";
      if (record->type == Type::kOpt) continue;
      text += std::string(kSections[section]) + record->owner.to_text() + " " +
              std::to_string(record->ttl_seconds) + " " + fixture::type_text(record->type) + " " +
              rdata_text(*record, message) + "\n";
    }
  }
  return text + (reader->at_end() ? "" : "more octets");
}

struct Server {
  Zones zones;
  Authority authority{.zones = &zones};
  Answered answered;
  Octets reply;
  bool is_stream = false;

  explicit Server(std::vector<std::shared_ptr<const Zone>> list) : zones(std::move(list)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string ask(const Octets& message) {
    std::vector<std::uint8_t> room(kMessageBytesMax);
    const Asked asked{message, {{192, 0, 2, 77}, 4}, is_stream, 1559731985};
    answered = answer(authority, asked, room);
    reply.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(answered.bytes));
    return reply.empty() ? "silence" : show(reply);
  }
  std::string ask(std::string_view owner, std::string_view type, std::string_view opt = {}) {
    return ask(query(owner, type, opt));
  }
};

// Lines as tests write them: without the indent and the first end of line.
inline std::string lines(std::string_view text) {
  std::string out;
  std::istringstream in{std::string(text)};
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start != std::string::npos) out += line.substr(start) + "\n";
  }
  return out;
}

}  // namespace weir::dns::fixture
