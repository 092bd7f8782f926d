#include "api/objects.h"

#include <utility>

#include "mirror/records.h"

namespace weir::api {
namespace {

constexpr std::size_t kFilteredPageEntries = 1000;  // read at once when a filter will drop some

std::unexpected<Problem> unreadable(std::string_view key) {
  return refuse(500, "unreadable", std::string(key) + " in the store can't be read by this version of weir");
}

// Takes the matching objects of pages until there are enough.
class Collector {
 public:
  struct Wanted {
    const Query& query;
    const StatusSource& status;
    const mirror::Sight& sight;
    config::Kind kind;
    std::size_t prefix_bytes;
  };
  Collector(Wanted wanted, std::string last) : wanted_(wanted), last_(std::move(last)) {}

  // True when the listing is full, and where it goes on is known.
  Answer<bool> take(const store::Page& page, Listing& listing) {
    for (const store::Entry& entry : page.entries) {
      const std::string_view name = std::string_view(entry.key).substr(wanted_.prefix_bytes);
      if (!wanted_.sight.may_see(wanted_.kind, name, entry.value)) continue;
      auto object = mirror::decode(entry.value, entry.revision);
      if (!object && !wanted_.sight.is_whole()) continue;  // whose it is can't be told
      if (!object) return unreadable(entry.key);
      if (!wanted_.sight.sees(*object)) continue;
      if (!matches(wanted_.query.labels, object->metadata.labels)) continue;
      const bool enough = wanted_.query.limit && listing.items.size() == *wanted_.query.limit;
      if (enough || (bytes_ >= kListPageBytesMax && !listing.items.empty())) {
        listing.next = Cursor{listing.revision, last_};
        return true;
      }
      last_ = name;
      listing.items.push_back(shown(std::move(*object), wanted_.status, wanted_.sight));
      bytes_ += listing.items.back().size();
    }
    return false;
  }

 private:
  Wanted wanted_;
  std::string last_;  // name of the last one taken
  std::size_t bytes_ = 0;
};

}  // namespace

std::string shown(config::Object object, const StatusSource& status, const mirror::Sight& sight) {
  if (status) object.status = status(object);
  sight.redact(object);
  return config::to_json(object, config::Secrets::kHide);
}

net::Task<Answer<config::Object>> read_object(store::Store& store, const config::KindInfo& kind,
                                              std::string name, mirror::Sight sight) {
  const auto not_there = [&] {
    return refuse(404, "not-found", "there is no " + std::string(kind.name) + '/' + name);
  };
  const auto entry = co_await store.get(mirror::key_of(kind.kind, name));
  if (!entry && entry.error().code == Code::kNotFound) co_return not_there();
  if (!entry) co_return refuse(problem_of(entry.error()));
  if (!sight.may_see(kind.kind, name, entry->value)) co_return not_there();
  auto object = mirror::decode(entry->value, entry->revision);
  if (!object && !sight.is_whole()) co_return not_there();
  if (!object) co_return unreadable(entry->key);
  if (!sight.sees(*object)) co_return not_there();
  co_return std::move(*object);
}

net::Task<Answer<Listing>> read_list(store::Store& store, const config::KindInfo& kind, Query query,
                                     const StatusSource& status, mirror::Sight sight) {
  const std::string prefix = mirror::prefix_of(kind.kind);
  Listing listing;
  std::string after_key;
  std::string last;
  if (!query.continue_token.empty()) {
    Cursor cursor = parse_token(query.continue_token).value_or(Cursor{});
    listing.revision = cursor.revision;
    last = std::move(cursor.name);
    after_key = prefix + last;
  }
  // One more than wanted tells whether there is another page.
  const std::size_t entries =
      query.limit && query.labels.empty() && sight.is_whole() ? *query.limit + 1 : kFilteredPageEntries;
  Collector collector({query, status, sight, kind.kind, prefix.size()}, std::move(last));
  for (;;) {
    const auto page = co_await store.list(prefix, after_key, entries);
    if (!page) co_return refuse(problem_of(page.error()));
    if (listing.revision == 0) listing.revision = page->revision;
    if (listing.revision > page->revision) {
      co_return refuse(410, "gone", "the list that ?continue goes on with is not of this store");
    }
    const auto full = collector.take(*page, listing);
    if (!full) co_return refuse(full.error());
    if (*full || !page->more) co_return listing;
    after_key = page->entries.back().key;
  }
}

}  // namespace weir::api
