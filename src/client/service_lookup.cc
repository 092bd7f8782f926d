#include "client/service_lookup.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "config/formats.h"
#include "dns/bytes.h"
#include "dns/message.h"
#include "dns/rdata.h"
#include "net/stream.h"
#include "zones/registry.h"

namespace weir::client {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint16_t kRcodeBits = 0x000f;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kSrvHeadBytes = 6;

// A label of any octets, as it is written in a name.
std::string escaped(std::string_view label) {
  std::string text;
  for (const char c : label) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
                       (octet >= '0' && octet <= '9') || c == '-' || c == '_';
    if (plain) {
      text += c;
      continue;
    }
    text += '\\';
    for (const int digit : {octet / 100, octet / 10 % 10, octet % 10}) text += static_cast<char>('0' + digit);
  }
  return text;
}

// The first label as it is, and all behind it.
std::string first_label(dns::Bytes name) {
  return {reinterpret_cast<const char*>(name.data()) + 1, name.empty() ? std::size_t{0} : name[0]};
}

Octets query_of(std::uint16_t id, const dns::Name& name, dns::Type type) {
  Octets query;
  for (const std::uint16_t number : {id, dns::kFlagRecursionDesired, std::uint16_t{1}, std::uint16_t{0},
                                     std::uint16_t{0}, std::uint16_t{0}}) {
    dns::append_u16(query, number);
  }
  query.insert(query.end(), name.wire().begin(), name.wire().end());
  dns::append_u16(query, static_cast<std::uint16_t>(type));
  dns::append_u16(query, dns::kClassIn);
  return query;
}

std::vector<std::string> strings_of(dns::Bytes rdata) {
  std::vector<std::string> strings;
  while (!rdata.empty()) {
    const std::size_t bytes = std::min<std::size_t>(rdata[0], rdata.size() - 1);
    if (bytes > 0) strings.emplace_back(reinterpret_cast<const char*>(rdata.data()) + 1, bytes);
    rdata = rdata.subspan(1 + bytes);
  }
  return strings;
}

}  // namespace

std::expected<ServiceName, std::string> service_name(std::string_view service, std::string_view version,
                                                     std::string_view domain) {
  const std::string behind = '.' + std::string(domain) + '.';
  std::string text;
  ServiceName made;
  // "_http._tcp" alone, or at the end.
  const std::size_t type = service.starts_with('_') ? 0 : service.rfind("._", service.rfind("._") - 1);
  if (type == std::string_view::npos) {
    text = std::string(service) + '.' + std::string(zones::kServiceLabel) + behind;
    if (!version.empty()) text = zones::version_label(version) + '.' + text;
  } else {
    made.browsed = type == 0;
    const std::string_view word = service.substr(made.browsed ? 0 : type + 1);
    if (!config::check_service_type(word).empty()) {
      return std::unexpected('"' + std::string(word.substr(0, 80)) +
                             "\" is no type of service, such as _http._tcp");
    }
    text = std::string(word) + behind;
    if (!made.browsed) text = escaped(service.substr(0, type)) + '.' + text;
    if (!version.empty() && !made.browsed)
      return std::unexpected("an instance is of one version; leave --version out");
    if (!version.empty()) text = zones::version_subtype(version) + "._sub." + text;
  }
  const auto name = dns::Name::parse(text, dns::Name());
  if (!name) return std::unexpected("\"" + text + "\" is no name of DNS: " + name.error().text);
  made.name = *name;
  return made;
}

struct ServiceLookup::Answer {
  struct Line {
    dns::Name owner;
    dns::Type type{};
    Octets rdata;
  };
  std::vector<Line> answers;  // of the type that was asked for
  std::vector<Line> more;     // addresses that came along
  std::string refused;        // why the server does not answer for that name; empty: it does

  // That of the host, of IPv4 first; empty: there is none.
  static std::string address_in(const std::vector<Line>& lines, dns::Bytes host) {
    for (const dns::Type type : {dns::Type::kA, dns::Type::kAaaa}) {
      for (const Line& line : lines) {
        if (line.type != type || !dns::same_name(line.owner.wire(), host)) continue;
        std::string text;
        dns::write_rdata(text, type, line.rdata);
        return text;
      }
    }
    return {};
  }
};

net::Task<Result<Octets>> ServiceLookup::exchange(Octets query) {
  const Instant ends = env_.loop.deadline(kLookupTimeout);
  const auto left = [this, ends] { return std::max(ends - env_.loop.now(), Duration::zero()); };
  auto stream = co_await env_.network.connect(server_, kLookupTimeout);
  if (!stream) co_return fail(stream.error());
  const std::size_t bytes = query.size();
  query.insert(query.begin(),
               {static_cast<std::uint8_t>(bytes >> 8U), static_cast<std::uint8_t>(bytes & 255U)});
  const auto written = co_await (*stream)->write(std::as_bytes(std::span(query)), left());
  if (!written) co_return fail(written.error());
  Octets reply(kLengthBytes);
  for (std::size_t filled = 0; filled < reply.size();) {
    const auto read =
        co_await (*stream)->read(std::as_writable_bytes(std::span(reply).subspan(filled)), left());
    if (!read) co_return fail(read.error());
    if (*read == 0) co_return fail(Code::kClosed, "it ends the connection", Side::kUpstream);
    filled += *read;
    if (filled == kLengthBytes && reply.size() == kLengthBytes) {
      reply.resize(kLengthBytes + dns::load_u16(reply.data()));
    }
  }
  reply.erase(reply.begin(), reply.begin() + kLengthBytes);
  co_return reply;
}

net::Task<ServiceLookup::Asked> ServiceLookup::ask(dns::Name name, dns::Type type) {
  const std::string server = "the name server " + server_.to_string();
  const auto id = static_cast<std::uint16_t>(env_.random.next());
  const auto reply = co_await exchange(query_of(id, name, type));
  if (!reply) co_return std::unexpected(server + " can't be asked: " + sentence_of(reply.error()));
  const auto wrong = [&server](const char* what) { return std::unexpected(server + ' ' + what); };
  auto reader = dns::MessageReader::start(*reply);
  if (!reader || reader->header().id != id || (reader->header().flags & dns::kFlagResponse) == 0) {
    co_return wrong("gives no answer to what was asked");
  }
  const dns::Header header = reader->header();
  Answer answer;
  const auto rcode = static_cast<dns::Rcode>(header.flags & kRcodeBits);
  if (rcode == dns::Rcode::kNxDomain) co_return answer;
  if (rcode == dns::Rcode::kRefused) {
    answer.refused = server + " refuses to answer for that domain; --domain names another";
    co_return answer;
  }
  if (rcode != dns::Rcode::kNoError) co_return wrong("answers with an error");
  for (std::uint16_t i = 0; i < header.counts[0]; ++i) {
    if (!reader->question()) co_return wrong("gives an answer that breaks the format");
  }
  for (std::size_t section = 1; section < header.counts.size(); ++section) {
    for (std::uint16_t i = 0; i < header.counts[section]; ++i) {
      const auto record = reader->record();
      Octets rdata;
      if (!record || (record->type != dns::Type::kOpt && !dns::copy_rdata(*reply, *record, rdata))) {
        co_return wrong("gives an answer that breaks the format");
      }
      const bool is_address = record->type == dns::Type::kA || record->type == dns::Type::kAaaa;
      if (section == 1 && record->type == type) {
        answer.answers.push_back({record->owner, record->type, std::move(rdata)});
      } else if (is_address) {
        answer.more.push_back({record->owner, record->type, std::move(rdata)});
      }
    }
  }
  co_return answer;
}

// What the SRV records of the name lead to.
net::Task<std::expected<void, std::string>> ServiceLookup::add_instance(dns::Name instance, bool browsed,
                                                                        std::vector<ServicePlace>& to) {
  const auto found = co_await ask(instance, dns::Type::kSrv);
  if (!found) co_return std::unexpected(found.error());
  if (!found->refused.empty()) co_return std::unexpected(found->refused);
  std::vector<std::string> text;
  if (browsed && !found->answers.empty()) {
    const auto told = co_await ask(instance, dns::Type::kTxt);
    if (!told) co_return std::unexpected(told.error());
    if (!told->answers.empty()) text = strings_of(told->answers.front().rdata);
  }
  for (const Answer::Line& line : found->answers) {
    const dns::Bytes target = dns::Bytes(line.rdata).subspan(kSrvHeadBytes);
    if (target.size() == 1) continue;  // RFC 2782: decidedly not available
    std::string host = Answer::address_in(found->more, target);
    for (const dns::Type type : {dns::Type::kA, dns::Type::kAaaa}) {
      if (!host.empty()) break;
      const auto asked = co_await ask(dns::Name(target), type);
      if (!asked) co_return std::unexpected(asked.error());
      // Behind an alias it has another owner.
      if (!asked->answers.empty()) dns::write_rdata(host, type, asked->answers.front().rdata);
    }
    if (host.empty()) {
      host = dns::name_text(target);
      host.pop_back();
    }
    to.push_back({.host = std::move(host),
                  .port = dns::load_u16(line.rdata.data() + 4),
                  .priority = dns::load_u16(line.rdata.data()),
                  .weight = dns::load_u16(line.rdata.data() + 2),
                  .instance = browsed ? first_label(instance.wire()) : std::string(),
                  .text = text});
  }
  co_return std::expected<void, std::string>{};
}

net::Task<ServiceLookup::Places> ServiceLookup::find(ServiceName name) {
  std::vector<dns::Name> names{name.name};
  if (name.browsed) {
    const auto browsed = co_await ask(name.name, dns::Type::kPtr);
    if (!browsed) co_return std::unexpected(browsed.error());
    if (!browsed->refused.empty()) co_return std::unexpected(browsed->refused);
    names.clear();
    for (const Answer::Line& line : browsed->answers) names.emplace_back(line.rdata);
  }
  std::vector<ServicePlace> places;
  for (const dns::Name& one : names) {
    if (places.size() >= kInstancesMax) break;
    if (const auto added = co_await add_instance(one, name.browsed, places); !added) {
      co_return std::unexpected(added.error());
    }
  }
  co_return places;
}

std::expected<net::Address, std::string> system_name_server(std::string_view resolv_conf) {
  constexpr std::string_view kWord = "nameserver";
  while (!resolv_conf.empty()) {
    const std::size_t end = resolv_conf.find('\n');
    std::string_view line = trim(resolv_conf.substr(0, end));
    resolv_conf.remove_prefix(end == std::string_view::npos ? resolv_conf.size() : end + 1);
    if (!line.starts_with(kWord)) continue;
    line.remove_prefix(kWord.size());
    if (line.empty() || (line.front() != ' ' && line.front() != '\t')) continue;
    const auto address = net::Address::parse_ip(trim(line), kDnsPort);
    if (address) return *address;
  }
  return std::unexpected("/etc/resolv.conf names no name server; --dns ADDRESS does");
}

}  // namespace weir::client
