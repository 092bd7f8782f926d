#include "store/copy.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "store/data_directory.h"
#include "store/postgres_ledger.h"
#include "store/sqlite_ledger.h"

namespace weir::store {
namespace {

struct End {
  std::optional<DataDirectory> directory;  // its lock
  std::unique_ptr<Ledger> ledger;
  std::string shown;
};

std::unexpected<OpenFailure> refuse(const Error& error, std::string sentence) {
  return std::unexpected(OpenFailure{error, std::move(sentence)});
}

constexpr Error kNothingThere{Code::kNotFound, Side::kInternal, Retry::kNever, ENOENT, "there is no store"};
constexpr Error kNotEmpty{Code::kExists, Side::kInternal, Retry::kNever, 0, "the store is not empty"};

// must_exist: a place where nothing is, is not made one.
Opened<End> open_end(const std::string& place, bool must_exist) {
  End end;
  if (PostgresAddress::is_url(place)) {
    auto address = PostgresAddress::parse(place);
    if (!address) return std::unexpected(address.error());
    end.shown = address->display();
    auto ledger = PostgresLedger::open(std::move(*address), {}, nullptr);
    if (!ledger) return std::unexpected(ledger.error());
    end.ledger = std::move(*ledger);
    return end;
  }
  end.shown = place + '/' + std::string(kStoreFileName);
  if (must_exist && ::access(end.shown.c_str(), F_OK) != 0) {
    return refuse(kNothingThere, "there is no store " + end.shown);
  }
  auto directory = DataDirectory::open(place);
  if (!directory) return std::unexpected(directory.error());
  end.directory = std::move(*directory);
  auto file = end.directory->private_file(kStoreFileName);
  if (!file) return std::unexpected(file.error());
  auto ledger = SqliteLedger::open(*file);
  if (!ledger) return std::unexpected(ledger.error());
  end.ledger = std::move(*ledger);
  return end;
}

// Source: gives the entries, then the history, part by part. What was before a change is what the change
// before it of that key made; before the first one, what the store says was there.
class Source {
 public:
  Source(Ledger& ledger, Revision earliest, Copied& copied,
         const std::function<void(std::size_t entries)>& progress)
      : ledger_(ledger), reached_(earliest), copied_(copied), progress_(progress) {}

  Result<void> begin() {
    auto past = ledger_.before(reached_);
    if (!past) return fail(past.error());
    for (Former& former : past->entries) {
      std::string key = former.key;
      former_.emplace(std::move(key), std::move(former));
    }
    return {};
  }

  Result<std::optional<Part>> next() {
    if (more_entries_) return next_entries();
    if (reached_ < copied_.revision) return next_changes();
    const auto now = ledger_.list("", "", 1);
    if (!now) return fail(now.error());
    if (now->revision != copied_.revision) {
      return fail(Code::kConflict, "it was written to meanwhile; stop all controllers that use it");
    }
    return std::optional<Part>();
  }

 private:
  Result<std::optional<Part>> next_entries() {
    auto page = ledger_.list("", after_, kPageEntriesMax);
    if (!page) return fail(page.error());
    more_entries_ = page->more;
    if (!page->entries.empty()) after_ = page->entries.back().key;
    copied_.entries += page->entries.size();
    progress_(copied_.entries);
    return Part{.entries = std::move(page->entries), .records = {}};
  }

  Result<std::optional<Part>> next_changes() {
    auto page = ledger_.changes(reached_, kPageEntriesMax);
    if (!page) return fail(page.error());
    reached_ = page->revision;
    copied_.changes += page->changes.size();
    Part part;
    for (Change& change : page->changes) {
      const bool same = !part.records.empty() && part.records.back().change.revision == change.revision;
      Record record{.position = same ? part.records.back().position + 1 : 0};
      Former& former = former_[change.key];
      record.former_value = std::exchange(former.value, change.value);
      record.former_revision = std::exchange(former.revision, change.value ? change.revision : 0);
      record.change = std::move(change);
      part.records.push_back(std::move(record));
    }
    return part;
  }

  Ledger& ledger_;
  Revision reached_;  // of the history
  Copied& copied_;
  const std::function<void(std::size_t entries)>& progress_;
  std::map<std::string, Former> former_;
  bool more_entries_ = true;
  std::string after_;
};

}  // namespace

Opened<Copied> copy_store(const std::string& from, const std::string& to,
                          const std::function<void(std::size_t entries)>& progress) {
  auto source = open_end(from, true);
  if (!source) return std::unexpected(source.error());
  auto target = open_end(to, false);
  if (!target) return std::unexpected(target.error());
  Copied copied{.revision = source->ledger->revision(), .from = source->shown, .to = target->shown};
  const auto not_empty = [&copied](Revision revision) {
    return refuse(kNotEmpty, copied.to + " is not empty (it is at revision " + std::to_string(revision) +
                                 "); a store is copied into an empty one only");
  };
  if (copied.revision == 0) return refuse(kNothingThere, "the store " + copied.from + " is empty");
  if (target->ledger->revision() != 0) return not_empty(target->ledger->revision());
  const auto failed = [](const std::string& what, const Error& error) {
    return refuse(error, what + ": " + error.text);
  };
  const auto earliest = source->ledger->earliest();
  if (!earliest) return failed("cannot read " + copied.from, earliest.error());
  Source parts(*source->ledger, *earliest, copied, progress);
  if (const auto begun = parts.begin(); !begun) {
    return failed("cannot read " + copied.from, begun.error());
  }
  std::optional<Error> unreadable;
  const auto filled = target->ledger->fill(
      [&]() {
        auto part = parts.next();
        if (!part) unreadable = part.error();
        return part;
      },
      copied.revision, *earliest);
  if (unreadable) return failed("cannot copy " + copied.from, *unreadable);
  if (!filled && filled.error().code == Code::kExists) return not_empty(1);
  if (!filled) return failed("cannot write to " + copied.to, filled.error());
  return copied;
}

}  // namespace weir::store
