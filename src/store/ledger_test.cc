#include "store/ledger.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "store/backend_fixture.h"

namespace weir::store {
namespace {

Transaction put(std::string key, std::string value, std::optional<Revision> expected = {}) {
  Transaction transaction;
  transaction.put(std::move(key), std::move(value), expected);
  return transaction;
}

Transaction removal(std::string key, std::optional<Revision> expected = {}) {
  Transaction transaction;
  transaction.remove(std::move(key), expected);
  return transaction;
}

Committed commit(Ledger& ledger, const Transaction& transaction) {
  return ledger.commit({&transaction, 1}).at(0);
}

std::vector<std::string> keys(const Page& page) {
  std::vector<std::string> found;
  for (const Entry& entry : page.entries) found.push_back(entry.key);
  return found;
}

TEST_CASE("an entry keeps when it was created, and knows when it changed") {
  const auto ledger = fresh_ledger(each_backend());
  CHECK(ledger->revision() == 0);
  CHECK(ledger->get("a").error().code == Code::kNotFound);
  CHECK(*commit(*ledger, put("a", "one")) == 1);
  CHECK(*commit(*ledger, put("b", "two")) == 2);
  CHECK(*commit(*ledger, put("a", "three")) == 3);
  CHECK(*ledger->get("a") == Entry{"a", "three", 3, 1});
  CHECK(*commit(*ledger, removal("a")) == 4);
  CHECK(ledger->get("a").error().code == Code::kNotFound);
  CHECK(*commit(*ledger, put("a", "four")) == 5);
  CHECK(*ledger->get("a") == Entry{"a", "four", 5, 5});
  CHECK(ledger->revision() == 5);
}

TEST_CASE("values are bytes: empty, with zeros, large") {
  const auto ledger = fresh_ledger(each_backend());
  const std::string large(kValueBytesMax, 'x');
  for (const std::string& value : {std::string(), std::string("\0a\0", 3), std::string("\xff\xfe"), large}) {
    REQUIRE(commit(*ledger, put("k", value)));
    CHECK(ledger->get("k")->value == value);
    CHECK(ledger->changes(ledger->revision() - 1, 1)->changes.at(0).value == value);
  }
  CHECK(commit(*ledger, put("k", large + "x")).error().error.code == Code::kInvalid);
}

// The store before each: "there" at revision 1, "other" at revision 2.
TEST_CASE("what a transaction is refused for, and at which step") {
  struct Case {
    const char* name;
    std::function<void(Transaction&)> steps;
    Code want;
    std::size_t step;
  };
  const std::vector<Case> cases{
      {"nothing", [](Transaction&) {}, Code::kInvalid, 0},
      {"only a check", [](Transaction& t) { t.check("there", 1); }, Code::kInvalid, 1},
      {"create what exists", [](Transaction& t) { t.put("new", ""), t.put("there", "", 0); }, Code::kExists,
       1},
      {"replace what is gone", [](Transaction& t) { t.put("gone", "", 1); }, Code::kNotFound, 0},
      {"replace an old revision", [](Transaction& t) { t.put("other", "", 1); }, Code::kConflict, 0},
      {"a revision that is not there yet", [](Transaction& t) { t.put("other", "", 9); }, Code::kConflict, 0},
      {"delete what is gone", [](Transaction& t) { t.put("new", ""), t.remove("gone"); }, Code::kNotFound, 1},
      {"delete an old revision", [](Transaction& t) { t.remove("other", 1); }, Code::kConflict, 0},
      {"delete what must not exist", [](Transaction& t) { t.remove("gone", 0); }, Code::kInvalid, 0},
      {"a check of another key", [](Transaction& t) { t.put("a", ""), t.check("there", 2); }, Code::kConflict,
       1},
      {"a check of a missing key", [](Transaction& t) { t.put("a", ""), t.check("b", 2); }, Code::kNotFound,
       1},
      {"a check that a key is free", [](Transaction& t) { t.put("a", ""), t.check("there", 0); },
       Code::kExists, 1},
      {"a prefix that changed", [](Transaction& t) { t.put("a", ""), t.unchanged("oth", 1); },
       Code::kConflict, 1},
      {"anything changed", [](Transaction& t) { t.put("a", ""), t.unchanged("", 1); }, Code::kConflict, 1},
      {"unchanged since the future", [](Transaction& t) { t.put("a", ""), t.unchanged("", 3); },
       Code::kConflict, 1},
      {"a key twice", [](Transaction& t) { t.put("a", ""), t.remove("there"), t.put("a", ""); },
       Code::kInvalid, 2},
      {"no key", [](Transaction& t) { t.put("a", ""), t.put("", ""); }, Code::kInvalid, 1},
      {"a space in a key", [](Transaction& t) { t.put("a b", ""); }, Code::kInvalid, 0},
      {"a control byte in a key", [](Transaction& t) { t.put(std::string("a\0", 2), ""); }, Code::kInvalid,
       0},
      {"a byte over ASCII in a key", [](Transaction& t) { t.put("\x7f", ""); }, Code::kInvalid, 0},
      {"a long key", [](Transaction& t) { t.put(std::string(kKeyBytesMax + 1, 'k'), ""); }, Code::kInvalid,
       0},
      {"too many steps",
       [](Transaction& t) {
         for (std::size_t i = 0; i <= kTransactionStepsMax; ++i) t.put(std::to_string(i), "");
       },
       Code::kInvalid, kTransactionStepsMax + 1},
      {"too many bytes",
       [](Transaction& t) {
         for (const char* key : {"1", "2", "3", "4", "5", "6", "7", "8"})
           t.put(key, std::string(kValueBytesMax, 'x'));
       },
       Code::kInvalid, 8},
  };
  const auto ledger = fresh_ledger(each_backend());
  REQUIRE(commit(*ledger, put("there", "x")));
  REQUIRE(commit(*ledger, put("other", "y")));
  for (const Case& expected : cases) {
    CAPTURE(expected.name);
    Transaction transaction;
    expected.steps(transaction);
    const Committed result = commit(*ledger, transaction);
    REQUIRE_FALSE(result);
    CHECK(name_of(result.error().error.code) == name_of(expected.want));
    CHECK(result.error().step == expected.step);
    CHECK(ledger->revision() == 2);
    CHECK(keys(*ledger->list("", "", 100)) == std::vector<std::string>{"other", "there"});
    CHECK(ledger->changes(0, 100)->changes.size() == 2);
  }
}

TEST_CASE("what holds is not refused, and a transaction has one revision") {
  const auto ledger = fresh_ledger(each_backend());
  Transaction first;
  first.put("a", "1", 0);
  first.put("b", "2");
  first.check("c", 0);
  CHECK(*commit(*ledger, first) == 1);
  Transaction second;
  second.put("a", "3", 1);
  second.remove("b", 1);
  second.put("c", "4", 0);
  second.unchanged("", 1);
  CHECK(*commit(*ledger, second) == 2);
  CHECK(ledger->list("", "", 10)->entries == std::vector<Entry>{{"a", "3", 2, 1}, {"c", "4", 2, 2}});
  CHECK(ledger->changes(0, 10)->changes ==
        std::vector<Change>{
            {"a", "1", 1, 1}, {"b", "2", 1, 1}, {"a", "3", 2, 1}, {"b", {}, 2, 1}, {"c", "4", 2, 2}});
  Transaction third;  // a deletion is a change, and another prefix is none
  third.put("x/1", "5");
  third.unchanged("a", 2);
  CHECK(*commit(*ledger, third) == 3);
  Transaction fourth;
  fourth.put("d", "6");
  fourth.unchanged("b", 1);
  CHECK(commit(*ledger, fourth).error().error.code == Code::kConflict);
}

TEST_CASE("a list is a range of keys in their order, page by page") {
  const auto ledger = fresh_ledger(each_backend());
  for (const char* key : {"services/b", "services/a", "services/a-1", "services", "service/z", "services0",
                          "services/~", "services/!", "tokens/a"}) {
    REQUIRE(commit(*ledger, put(key, key)));
  }
  const std::vector<std::string> all{"services/!", "services/a", "services/a-1", "services/b", "services/~"};
  CHECK(keys(*ledger->list("services/", "", 100)) == all);
  CHECK(ledger->list("", "", 100)->entries.size() == 9);
  CHECK(keys(*ledger->list("zebra", "", 100)).empty());
  CHECK(keys(*ledger->list("services/", "tokens/a", 100)).empty());
  CHECK(keys(*ledger->list("services/", "a", 100)) == all);
  CHECK(ledger->list("caf\xc3\xa9", "", 1).error().code == Code::kInvalid);

  std::vector<std::string> paged;
  std::string after;
  for (bool more = true; more;) {
    const auto page = ledger->list("services/", after, 2);
    REQUIRE(page);
    CHECK(page->entries.size() <= 2);
    CHECK(page->revision == 9);
    for (const Entry& entry : page->entries) paged.push_back(entry.key);
    after = page->entries.back().key;
    more = page->more;
  }
  CHECK(paged == all);
}

TEST_CASE("a page ends early rather than to be too large, but has at least one entry") {
  const auto ledger = fresh_ledger(each_backend());
  for (const char* key : {"1", "2", "3"})
    REQUIRE(commit(*ledger, put(key, std::string(kValueBytesMax, 'x'))));
  const auto page = ledger->list("", "", 100);
  CHECK(page->entries.size() == 2);
  CHECK(page->more);
  CHECK(keys(*ledger->list("", "2", 100)) == std::vector<std::string>{"3"});
  CHECK_FALSE(ledger->list("", "2", 100)->more);
  CHECK(ledger->changes(0, 100)->changes.size() == 2);
  CHECK(ledger->changes(0, 100)->more);
}

TEST_CASE("changes come in order, a transaction as a whole, from any revision on") {
  const auto ledger = fresh_ledger(each_backend());
  for (int i = 0; i < 3; ++i) {
    Transaction transaction;
    for (const char* key : {"a", "b", "c"}) transaction.put(key, std::to_string(i));
    REQUIRE(commit(*ledger, transaction));
  }
  for (const std::size_t limit : {1U, 2U, 3U}) {
    const auto found = ledger->changes(0, limit);
    CHECK(found->changes.size() == 3);
    CHECK(found->revision == 1);
    CHECK(found->more);
  }
  CHECK(ledger->changes(0, 4)->changes.size() == 6);
  CHECK(ledger->changes(1, 100)->changes.size() == 6);
  CHECK(ledger->changes(1, 100)->revision == 3);
  CHECK_FALSE(ledger->changes(1, 100)->more);
  CHECK_FALSE(ledger->changes(2, 3)->more);
  CHECK(ledger->changes(3, 100)->changes.empty());
  CHECK(ledger->changes(3, 100)->revision == 3);
  CHECK(ledger->changes(4, 100).error().code == Code::kGone);
}

TEST_CASE("each transaction of a group has its own answer and sees the ones before it") {
  const auto ledger = fresh_ledger(each_backend());
  const std::vector<Transaction> group{put("a", "1", 0), put("a", "2", 0), put("a", "3", 1), removal("b"),
                                       put("c", "4")};
  const std::vector<Committed> results = ledger->commit(group);
  REQUIRE(results.size() == 5);
  CHECK(*results[0] == 1);
  CHECK(results[1].error().error.code == Code::kExists);
  CHECK(*results[2] == 2);
  CHECK(results[3].error().error.code == Code::kNotFound);
  CHECK(*results[4] == 3);
  CHECK(*ledger->get("a") == Entry{"a", "3", 2, 1});
}

TEST_CASE("history is cut at its oldest end, in whole revisions, by number and by bytes") {
  const Backend backend = each_backend();
  struct Case {
    LedgerLimits limits;
    std::size_t value_bytes;
    std::size_t kept_min;
    std::size_t kept_max;
  };
  for (const Case& expected :
       {Case{.limits = {.history_changes_max = 80}, .value_bytes = 1, .kept_min = 80, .kept_max = 90},
        Case{.limits = {.history_bytes_max = 16'000}, .value_bytes = 1000, .kept_min = 6, .kept_max = 8}}) {
    const auto ledger = fresh_ledger(backend, expected.limits);
    const std::string value(expected.value_bytes, 'x');
    for (int i = 0; i < 500; ++i) {
      Transaction transaction;
      transaction.put("a", value);
      transaction.put("b", value);
      REQUIRE(commit(*ledger, transaction));
    }
    Revision oldest = ledger->revision();
    while (ledger->changes(oldest - 1, 1)) --oldest;
    const auto kept = ledger->changes(oldest, 10'000);
    CHECK(kept->changes.size() >= expected.kept_min);
    CHECK(kept->changes.size() <= expected.kept_max);
    CHECK(kept->changes.size() % 2 == 0);
    CHECK(kept->changes.front().revision == oldest + 1);
    CHECK(ledger->changes(0, 1).error().code == Code::kGone);
    Transaction guarded;
    guarded.put("c", "");
    guarded.unchanged("z", 1);  // cannot be told any more
    CHECK(commit(*ledger, guarded).error().error.code == Code::kConflict);
  }
}

TEST_CASE("the past: what was at a revision of every key that was written since") {
  const auto ledger = fresh_ledger(each_backend());
  CHECK(ledger->before(0)->entries.empty());
  CHECK(ledger->before(1).error().code == Code::kGone);
  REQUIRE(commit(*ledger, put("a", "one")));
  REQUIRE(commit(*ledger, put("b", std::string("\0two", 4))));
  REQUIRE(commit(*ledger, put("a", "three")));
  Transaction transaction;
  transaction.remove("b");
  transaction.put("c", "");
  REQUIRE(commit(*ledger, transaction));
  REQUIRE(commit(*ledger, put("a", "four")));
  REQUIRE(commit(*ledger, put("b", "five")));
  CHECK(ledger->before(0)->entries == std::vector<Former>{{"a", {}, 0, 0}, {"b", {}, 0, 0}, {"c", {}, 0, 0}});
  CHECK(ledger->before(2)->entries ==
        std::vector<Former>{{"a", "one", 1, 1}, {"b", std::string("\0two", 4), 2, 2}, {"c", {}, 0, 0}});
  CHECK(ledger->before(4)->entries == std::vector<Former>{{"a", "three", 3, 1}, {"b", {}, 0, 0}});
  CHECK(ledger->before(4)->revision == 6);
  CHECK(ledger->before(6)->entries.empty());
  CHECK(ledger->before(7).error().code == Code::kGone);
}

TEST_CASE("the past is told as far as the history reaches, also within a group that writes a key often") {
  const auto ledger = fresh_ledger(each_backend(), {.history_changes_max = 8});
  std::vector<Transaction> group;
  for (int i = 1; i <= 30; ++i) group.push_back(put("k", std::to_string(i)));
  for (const Committed& result : ledger->commit(group)) CHECK(result);
  REQUIRE(commit(*ledger, put("other", "")));
  CHECK(ledger->before(10).error().code == Code::kGone);
  CHECK(ledger->before(25)->entries == std::vector<Former>{{"k", "25", 25, 1}, {"other", {}, 0, 0}});
}

TEST_CASE("the newest transaction stays in the history, whatever its size") {
  const auto ledger = fresh_ledger(each_backend(), {.history_changes_max = 4});
  REQUIRE(commit(*ledger, put("old", "")));
  Transaction transaction;
  for (int i = 0; i < 100; ++i) transaction.put(std::to_string(i), "");
  REQUIRE(commit(*ledger, transaction));
  CHECK(ledger->changes(1, 1)->changes.size() == 100);
  CHECK(ledger->changes(0, 1).error().code == Code::kGone);
  REQUIRE(commit(*ledger, put("new", "")));
  CHECK(ledger->changes(2, 1)->changes.size() == 1);
  CHECK(ledger->changes(1, 1).error().code == Code::kGone);
}

TEST_CASE(
    "no room: the transaction that does not fit fails alone, nothing of it is done, smaller ones go on") {
  const auto ledger = fresh_ledger(Backend::kSqlite, {.file_pages_max = 100});
  const std::string large(300'000, 'x');
  const std::vector<Transaction> group{put("a", "1"), put("b", large), put("c", "2")};
  const std::vector<Committed> results = ledger->commit(group);
  CHECK(*results[0] == 1);
  REQUIRE_FALSE(results[1]);
  CHECK(results[1].error().error.code == Code::kIo);
  CHECK(results[1].error().error.os_errno == ENOSPC);
  CHECK(results[1].error().step == 1);
  CHECK(*results[2] == 2);
  CHECK(keys(*ledger->list("", "", 10)) == std::vector<std::string>{"a", "c"});
  CHECK(ledger->changes(0, 10)->changes.size() == 2);
  CHECK(*commit(*ledger, put("a", "3", 1)) == 3);
}

}  // namespace
}  // namespace weir::store
