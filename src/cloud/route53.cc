#include "cloud/route53.h"

#include <pugixml.hpp>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "base/uri_path.h"

namespace weir::cloud {
namespace {

constexpr std::string_view kBase = "/2013-04-01";
constexpr const char* kNamespace = "https://route53.amazonaws.com/doc/2013-04-01/";
constexpr std::string_view kIdPrefix = "/hostedzone/";

// Entities and DTDs are not expanded: what it takes is bounded by what was read.
constexpr unsigned kParsing = pugi::parse_minimal | pugi::parse_escapes | pugi::parse_cdata;

bool read_xml(pugi::xml_document& document, const std::string& text) {
  return static_cast<bool>(document.load_buffer(text.data(), text.size(), kParsing));
}

std::unexpected<Trouble> strange() {
  return trouble(Trouble::Kind::kRefused, "Route 53 answers with something else than was asked for");
}

std::unexpected<Trouble> refusal_of(const HttpClient& client, const Answered& answer) {
  pugi::xml_document document;
  std::string code;
  std::string message;
  if (read_xml(document, answer.content)) {
    const pugi::xml_node error = document.child("ErrorResponse").child("Error");
    code = error.child_value("Code");
    message = error.child_value("Message");
    for (const pugi::xml_node one : document.child("InvalidChangeBatch").child("Messages")) {
      code = "InvalidChangeBatch";
      message += (message.empty() ? "" : "; ") + std::string(one.child_value());
    }
  }
  const bool busy = code == "Throttling" || code == "PriorRequestNotComplete";
  return trouble(
      busy ? Trouble::Kind::kBusy : Trouble::Kind::kRefused,
      "Route 53 refuses with status " + std::to_string(answer.status) +
          (code.empty() ? "" : ": " + quoted_reason(client.without_secrets(code + ' ' + message))));
}

std::string beyond_of(const pugi::xml_node& set) {
  if (set.child("AliasTarget")) return "an alias";
  if (set.child("SetIdentifier")) return "one of several by a routing policy";
  if (set.child("HealthCheckId")) return "a record with a health check";
  if (set.child("TrafficPolicyInstanceId")) return "a part of a traffic policy";
  return {};
}

Call get(std::string path, std::string query) {
  return {.method = http::Method::kGet,
          .path = std::string(kBase) + path,
          .query = std::move(query),
          .fields = {},
          .content_type = {},
          .content = {}};
}

void append_text(pugi::xml_node parent, const char* name, const std::string& text) {
  parent.append_child(name).append_child(pugi::node_pcdata).set_value(text.c_str());
}

void append_change(pugi::xml_node changes, const char* action, const RecordSet& set) {
  pugi::xml_node change = changes.append_child("Change");
  append_text(change, "Action", action);
  pugi::xml_node to = change.append_child("ResourceRecordSet");
  append_text(to, "Name", to_octal(set.name));
  append_text(to, "Type", set.type);
  append_text(to, "TTL", std::to_string(set.ttl));
  pugi::xml_node records = to.append_child("ResourceRecords");
  for (const std::string& value : set.values) {
    append_text(records.append_child("ResourceRecord"), "Value", to_octal(value));
  }
}

std::size_t characters_of(const RecordSet& set) {
  std::size_t sum = 0;
  for (const std::string& value : set.values) sum += value.size() + Route53::kCharactersOfValue;
  return sum;
}

HttpClient::Options signing(net::Env& env, HttpClient::Options options, AwsKey key) {
  options.secrets = {key.secret, key.session_token};
  options.prepare = [&env, key = std::move(key), base = options.url.path,
                     host = options.url.authority](Call& call) {
    sign(call, key, {.region = "us-east-1", .service = "route53"}, host, base + call.path,
         env.loop.clock().wall_now());
  };
  return options;
}

bool is_octal(std::string_view three) {
  return three.size() == 3 && three[0] >= '0' && three[0] <= '3' && three[1] >= '0' && three[1] <= '7' &&
         three[2] >= '0' && three[2] <= '7';
}

std::string three_digits(unsigned octet, unsigned base) {
  std::string text;
  for (const unsigned unit : {base * base, base, 1U}) {
    text += static_cast<char>('0' + octet / unit % base);
  }
  return text;
}

}  // namespace

std::string from_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || !is_octal(text.substr(i + 1, 3))) {
      out += text[i];
      if (text[i] == '\\' && i + 1 < text.size()) out += text[++i];
      continue;
    }
    const unsigned octet = static_cast<unsigned>(text[i + 1] - '0') * 64 +
                           static_cast<unsigned>(text[i + 2] - '0') * 8 +
                           static_cast<unsigned>(text[i + 3] - '0');
    if (octet == '*') {
      out += '*';
    } else {
      out += '\\' + three_digits(octet, 10);
    }
    i += 3;
  }
  return out;
}

std::string to_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet =
        i + 3 < text.size() && text[i] == '\\' ? parse_decimal(text.substr(i + 1, 3)) : std::nullopt;
    if (octet && *octet <= 255) {
      out += '\\' + three_digits(static_cast<unsigned>(*octet), 8);
      i += 3;
    } else {
      out += text[i];
      if (text[i] == '\\' && i + 1 < text.size()) out += text[++i];
    }
  }
  return out;
}

Route53::Route53(net::Env& env, HttpClient::Options options, std::string zone, AwsKey key)
    : client_(env, signing(env, std::move(options), std::move(key))), zone_(absolute_name(zone)) {}

net::Task<Told<std::string>> Route53::find_zone() {
  const std::string name = zone_.substr(0, zone_.size() - 1);
  const auto answer =
      co_await client_.ask(get("/hostedzonesbyname", "dnsname=" + encoded(name) + "&maxitems=10"));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status != 200) co_return refusal_of(client_, *answer);
  pugi::xml_document document;
  if (!read_xml(document, answer->content)) co_return strange();
  std::string id;
  for (const pugi::xml_node zone : document.child("ListHostedZonesByNameResponse").child("HostedZones")) {
    if (absolute_name(from_octal(zone.child_value("Name"))) != zone_) continue;
    if (std::string_view(zone.child("Config").child_value("PrivateZone")) == "true") continue;
    if (!id.empty()) {
      co_return trouble(Trouble::Kind::kRefused, "Route 53 has several public hosted zones " + name);
    }
    const std::string_view found = zone.child_value("Id");
    id = found.starts_with(kIdPrefix) ? found.substr(kIdPrefix.size()) : found;
  }
  if (id.empty()) {
    co_return trouble(Trouble::Kind::kRefused,
                      "Route 53 has no public hosted zone " + name + " (make it there first)");
  }
  co_return id;
}

net::Task<Told<Route53::Next>> Route53::read_page(Next from, std::vector<RecordSet>& sets) {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += (query.empty() ? "" : "&") + std::string(name) + '=' + encoded(value);
  };
  add("identifier", from.identifier);
  add("maxitems", std::to_string(kPageSets));
  add("name", from.name);
  add("type", from.type);
  const auto answer = co_await client_.ask(get("/hostedzone/" + encoded(id_) + "/rrset", std::move(query)));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status != 200) co_return refusal_of(client_, *answer);
  pugi::xml_document document;
  if (!read_xml(document, answer->content)) co_return strange();
  const pugi::xml_node list = document.child("ListResourceRecordSetsResponse");
  if (!list) co_return strange();
  std::size_t count = 0;
  for (const pugi::xml_node one : list.child("ResourceRecordSets")) {
    if (++count > kPageSets) co_return strange();
    const auto ttl = parse_decimal(one.child_value("TTL"));
    RecordSet set{.name = absolute_name(from_octal(one.child_value("Name"))),
                  .type = one.child_value("Type"),
                  .values = {},
                  .beyond = beyond_of(one)};
    if (set.type.empty() || !is_below(set.name, zone_) || (!ttl && set.beyond.empty())) co_return strange();
    set.ttl = static_cast<std::uint32_t>(std::min<std::uint64_t>(ttl.value_or(0), UINT32_MAX));
    for (const pugi::xml_node record : one.child("ResourceRecords")) {
      set.values.push_back(from_octal(record.child_value("Value")));
    }
    if (is_providers_own(set, zone_)) continue;
    raw_.insert_or_assign(key_of(set), set);
    sets.push_back(std::move(set));
  }
  Next next{.name = list.child_value("NextRecordName"),
            .type = list.child_value("NextRecordType"),
            .identifier = list.child_value("NextRecordIdentifier"),
            .more = std::string_view(list.child_value("IsTruncated")) == "true"};
  if (next.more && next.name.empty()) co_return strange();
  co_return next;
}

net::Task<Told<RecordSets>> Route53::read() {
  raw_.clear();
  auto id = co_await find_zone();
  if (!id) co_return std::unexpected(id.error());
  id_ = std::move(*id);
  std::vector<RecordSet> sets;
  Next next{.name = {}, .type = {}, .identifier = {}, .more = true};
  for (std::size_t page = 0; next.more; ++page) {
    if (page == kPagesMax) co_return strange();
    auto read = co_await read_page(std::move(next), sets);
    if (!read) co_return std::unexpected(read.error());
    next = std::move(*read);
  }
  co_return normal_sets(std::move(sets));
}

std::size_t Route53::batch_size(std::span<const Change> changes) const {
  return whole_names(changes, kBatchCharactersMax, [](const Change& change) {
    const std::size_t once = characters_of(change.either());
    return change.action == Action::kReplace ? 2 * once : once;
  });
}

std::string Route53::batch_text(std::span<const Change> batch) const {
  pugi::xml_document document;
  pugi::xml_node request = document.append_child("ChangeResourceRecordSetsRequest");
  request.append_attribute("xmlns") = kNamespace;
  pugi::xml_node changes = request.append_child("ChangeBatch").append_child("Changes");
  for (const Change& change : batch) {
    if (change.action == Action::kCreate) {
      append_change(changes, "CREATE", change.after);
    } else if (change.action == Action::kReplace) {
      append_change(changes, "UPSERT", change.after);
    } else {
      const auto raw = raw_.find(key_of(change.before));  // what is deleted has to be said to the letter
      append_change(changes, "DELETE", raw == raw_.end() ? change.before : raw->second);
    }
  }
  std::ostringstream out;
  document.save(out, "", pugi::format_raw);
  return out.str();
}

net::Task<Told<void>> Route53::write(std::span<const Change> batch) {
  Call post{.method = http::Method::kPost,
            .path = std::string(kBase) + "/hostedzone/" + encoded(id_) + "/rrset/",
            .query = {},
            .fields = {},
            .content_type = "application/xml",
            .content = batch_text(batch)};
  const auto answer = co_await client_.ask(std::move(post));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status != 200) co_return refusal_of(client_, *answer);
  co_return Told<void>{};
}

}  // namespace weir::cloud
