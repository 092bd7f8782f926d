#include "cloud/cloudflare.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/uri_path.h"
#include "cloud/cloudflare_record.h"

namespace weir::cloud {
namespace {

constexpr std::uint64_t kGoneCode = 81044;  // "Record does not exist"

const Tree* first_error(const Tree& tree) {
  const Tree* errors = list_at(tree, "errors");
  return errors == nullptr || errors->empty() ? nullptr : &errors->front();
}

std::unexpected<Trouble> refusal_of(const HttpClient& client, const Answered& answer) {
  const Tree tree = parse_json(answer.content);
  std::string why = "Cloudflare refuses with status " + std::to_string(answer.status);
  auto kind = Trouble::Kind::kRefused;
  if (const Tree* error = first_error(tree); error != nullptr) {
    const auto code = number_at(*error, "code");
    why += ": " + (code ? std::to_string(*code) + ' ' : std::string()) +
           quoted_reason(client.without_secrets(text_at(*error, "message")));
    if (code == kGoneCode) kind = Trouble::Kind::kBusy;  // somebody was quicker: look again
  }
  return trouble(kind, why);
}

// The answer's whole, when it says that it went well.
Told<Tree> taken(const HttpClient& client, const Answered& answer) {
  Tree tree = parse_json(answer.content);
  if (answer.status != 200 || !flag_at(tree, "success")) return refusal_of(client, answer);
  return tree;
}

std::unexpected<Trouble> strange() {
  return trouble(Trouble::Kind::kRefused, "Cloudflare answers with something else than was asked for");
}

// Of one set, the record of that data, as the API takes it.
Tree record_of(const RecordSet& set, const std::string& value) {
  Tree record = cloudflare_data(set.type, value).value_or(Tree::object());
  record["name"] = set.name.substr(0, set.name.size() - 1);
  record["ttl"] = set.ttl;
  record["proxied"] = false;
  return record;
}

bool can_be_proxied(std::string_view type) { return type == "A" || type == "AAAA" || type == "CNAME"; }

}  // namespace

Cloudflare::Cloudflare(net::Env& env, HttpClient::Options options, std::string zone, std::string token)
    : client_(env, keeping(std::move(options), token)),
      zone_(absolute_name(zone)),
      token_(std::move(token)) {}

Call Cloudflare::call(http::Method method, std::string path, std::string query) const {
  Call call{.method = method, .path = std::move(path), .query = std::move(query)};
  call.fields = {{"Authorization", "Bearer " + token_}, {"Accept", "application/json"}};
  call.content_type = "application/json";
  return call;
}

std::string Cloudflare::fit(RecordSet& wanted) const {
  wanted.ttl = std::clamp(wanted.ttl, kTtlMin, kTtlMax);
  for (const std::string& value : wanted.values) {
    if (const auto record = cloudflare_data(wanted.type, value); !record) return record.error();
  }
  return {};
}

net::Task<Told<std::string>> Cloudflare::find_zone() {
  const std::string name = zone_.substr(0, zone_.size() - 1);
  const auto answer = co_await client_.ask(call(http::Method::kGet, "/zones", "name=" + encoded(name)));
  if (!answer) co_return std::unexpected(answer.error());
  const auto tree = taken(client_, *answer);
  if (!tree) co_return std::unexpected(tree.error());
  const Tree* zones = list_at(*tree, "result");
  if (zones == nullptr) co_return strange();
  for (const Tree& zone : *zones) {
    std::string id = text_at(zone, "id");
    if (absolute_name(text_at(zone, "name")) == zone_ && !id.empty()) co_return id;
  }
  co_return trouble(Trouble::Kind::kRefused,
                    "Cloudflare has no zone " + name + " that this token may see (make it there first)");
}

// How many pages there are.
net::Task<Told<std::size_t>> Cloudflare::read_page(std::size_t page, std::vector<RecordSet>& sets) {
  const auto answer = co_await client_.ask(
      call(http::Method::kGet, "/zones/" + encoded(id_) + "/dns_records",
           "page=" + std::to_string(page) + "&per_page=" + std::to_string(kPageRecords)));
  if (!answer) co_return std::unexpected(answer.error());
  const auto tree = taken(client_, *answer);
  if (!tree) co_return std::unexpected(tree.error());
  const Tree* records = list_at(*tree, "result");
  const Tree* info = field_at(*tree, "result_info");
  const auto pages = info == nullptr ? std::nullopt : number_at(*info, "total_pages");
  if (records == nullptr || records->size() > kPageRecords || !pages || *pages > kPagesMax) {
    co_return strange();
  }
  for (const Tree& record : *records) {
    const auto ttl = number_at(record, "ttl");
    const std::string value = value_of_cloudflare(record);
    RecordSet set{.name = absolute_name(text_at(record, "name")),
                  .type = text_at(record, "type"),
                  .ttl = static_cast<std::uint32_t>(std::min<std::uint64_t>(ttl.value_or(0), UINT32_MAX)),
                  .values = {value}};
    const std::string id = text_at(record, "id");
    if (id.empty() || set.type.empty() || value.empty() || !is_below(set.name, zone_)) co_return strange();
    if (flag_at(record, "proxied") && can_be_proxied(set.type)) set.beyond = "proxied";
    if (is_providers_own(set, zone_)) continue;
    kept_[key_of(set)].push_back({id, normal_value(set.type, value), set.ttl});
    sets.push_back(std::move(set));
  }
  co_return static_cast<std::size_t>(*pages);
}

net::Task<Told<RecordSets>> Cloudflare::read() {
  kept_.clear();
  auto id = co_await find_zone();
  if (!id) co_return std::unexpected(id.error());
  id_ = std::move(*id);
  std::vector<RecordSet> sets;
  std::size_t pages = 1;
  for (std::size_t page = 1; page <= pages; ++page) {
    const auto read = co_await read_page(page, sets);
    if (!read) co_return std::unexpected(read.error());
    pages = *read;
  }
  co_return normal_sets(std::move(sets));
}

std::size_t Cloudflare::batch_size(std::span<const Change> changes) const {
  return whole_names(changes, kBatchRecordsMax, [](const Change& change) {
    return change.before.values.size() + change.after.values.size();
  });
}

net::Task<Told<void>> Cloudflare::write(std::span<const Change> batch) {
  Tree deletes = Tree::array();
  Tree puts = Tree::array();
  Tree posts = Tree::array();
  for (const Change& change : batch) {
    std::vector<std::string> to_make = change.after.values;
    const auto kept = kept_.find(key_of(change.either()));
    if (change.action != Action::kCreate && kept == kept_.end()) co_return strange();
    if (change.action != Action::kCreate) {
      for (const Kept& record : kept->second) {
        const bool stays = std::erase(to_make, record.value) > 0;
        if (!stays) {
          deletes.push_back(Tree{{"id", record.id}});
        } else if (record.ttl != change.after.ttl) {
          Tree put = record_of(change.after, record.value);
          put["id"] = record.id;
          puts.push_back(std::move(put));
        }
      }
    }
    for (const std::string& value : to_make) posts.push_back(record_of(change.after, value));
  }
  Tree content = Tree::object();
  if (!deletes.empty()) content["deletes"] = std::move(deletes);
  if (!puts.empty()) content["puts"] = std::move(puts);
  if (!posts.empty()) content["posts"] = std::move(posts);
  Call post = call(http::Method::kPost, "/zones/" + encoded(id_) + "/dns_records/batch");
  post.content = text_of(content);
  const auto answer = co_await client_.ask(std::move(post));
  if (!answer) co_return std::unexpected(answer.error());
  if (const auto tree = taken(client_, *answer); !tree) co_return std::unexpected(tree.error());
  co_return Told<void>{};
}

}  // namespace weir::cloud
