#include "cloud/powerdns.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/uri_path.h"
#include "cloud/json.h"

namespace weir::cloud {
namespace {

std::string refusal_of(const HttpClient& client, const Answered& answer) {
  const Tree tree = parse_json(answer.content);
  const std::string why = text_at(tree, "error");
  return "PowerDNS refuses with status " + std::to_string(answer.status) +
         (why.empty() ? "" : ": " + quoted_reason(client.without_secrets(why)));
}

Told<RecordSet> read_set(const Tree& rrset) {
  constexpr const char* kStrange = "PowerDNS answers with something that is no record set";
  const auto ttl = number_at(rrset, "ttl");
  RecordSet set{.name = text_at(rrset, "name"), .type = text_at(rrset, "type"), .values = {}};
  const Tree* records = list_at(rrset, "records");
  if (!ttl || *ttl > UINT32_MAX || !set.name.ends_with('.') || set.type.empty() || records == nullptr) {
    return trouble(Trouble::Kind::kRefused, kStrange);
  }
  set.ttl = static_cast<std::uint32_t>(*ttl);
  for (const Tree& record : *records) {
    const std::string content = text_at(record, "content");
    if (content.empty()) return trouble(Trouble::Kind::kRefused, kStrange);
    if (flag_at(record, "disabled")) set.beyond = "disabled";
    set.values.push_back(content);
  }
  if (set.type == "LUA" || set.type == "ALIAS") set.beyond = "what is made anew for each answer";
  return set;
}

Tree rrset_of(const Change& change) {
  const RecordSet& set = change.either();
  Tree rrset{{"name", set.name}, {"type", set.type}};
  if (change.action == Action::kDelete) {
    rrset["changetype"] = "DELETE";
    return rrset;
  }
  rrset["changetype"] = "REPLACE";
  rrset["ttl"] = set.ttl;
  Tree& records = rrset["records"] = Tree::array();
  for (const std::string& value : set.values) {
    records.push_back(Tree{{"content", value}, {"disabled", false}});
  }
  return rrset;
}

}  // namespace

PowerDns::PowerDns(net::Env& env, HttpClient::Options options, std::string zone, std::string api_key)
    : client_(env, keeping(std::move(options), api_key)),
      zone_(absolute_name(zone)),
      api_key_(std::move(api_key)) {}

Call PowerDns::call(http::Method method) const {
  Call call{.method = method, .path = "/api/v1/servers/localhost/zones/" + encoded(zone_)};
  call.fields = {{"X-API-Key", api_key_}, {"Accept", "application/json"}};
  return call;
}

net::Task<Told<RecordSets>> PowerDns::read() {
  const auto answer = co_await client_.ask(call(http::Method::kGet));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status == 404) {
    co_return trouble(Trouble::Kind::kRefused, "PowerDNS has no zone " + zone_ + " (make it there first)");
  }
  if (answer->status != 200) co_return trouble(Trouble::Kind::kRefused, refusal_of(client_, *answer));
  const Tree tree = parse_json(answer->content);
  const Tree* rrsets = list_at(tree, "rrsets");
  if (rrsets == nullptr || absolute_name(text_at(tree, "name")) != zone_) {
    co_return trouble(Trouble::Kind::kRefused, "PowerDNS answers with something that is not the zone");
  }
  std::vector<RecordSet> sets;
  for (const Tree& rrset : *rrsets) {
    auto set = read_set(rrset);
    if (!set) co_return std::unexpected(set.error());
    if (!is_providers_own(*set, zone_)) sets.push_back(std::move(*set));
  }
  co_return normal_sets(std::move(sets));
}

std::size_t PowerDns::batch_size(std::span<const Change> changes) const {
  return whole_names(changes, kBatchValuesMax,
                     [](const Change& change) { return change.either().values.size(); });
}

net::Task<Told<void>> PowerDns::write(std::span<const Change> batch) {
  Tree rrsets = Tree::array();
  for (const Change& change : batch) rrsets.push_back(rrset_of(change));
  Call patch = call(http::Method::kPatch);
  patch.content_type = "application/json";
  patch.content = text_of(Tree{{"rrsets", std::move(rrsets)}});
  const auto answer = co_await client_.ask(std::move(patch));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status == 204 || answer->status == 200) co_return Told<void>{};
  co_return trouble(Trouble::Kind::kRefused, refusal_of(client_, *answer));
}

}  // namespace weir::cloud
