#include "store/ledger.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace weir::store {
namespace {

constexpr std::size_t kChangeOverheadBytes = 64;  // of a row in the history, beside its key and values
constexpr std::size_t kHistorySlackDivisor = 8;

constexpr char kKeyFirst = '!';  // the printable ASCII without the space
constexpr char kKeyLast = '~';
constexpr char kAfterKeys = '\x7f';  // sorts after all that can follow a prefix

bool is_key_text(std::string_view text) {
  return text.size() <= kKeyBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= kKeyFirst && c <= kKeyLast; });
}

Error refusal(Code code, const char* text) { return {code, Side::kInternal, Retry::kNever, 0, text}; }

std::optional<Error> shape_error(const Step& step) {
  const auto invalid = [](const char* text) { return refusal(Code::kInvalid, text); };
  if (!is_key_text(step.key))
    return invalid("a key is at most 512 printable ASCII characters without spaces");
  if (step.key.empty() && step.kind != Step::Kind::kUnchanged) return invalid("an empty key");
  if (step.value.size() > kValueBytesMax) return invalid("a value is over its limit");
  if (step.kind == Step::Kind::kDelete && step.expected == 0)
    return invalid("a delete of what must not exist");
  const bool holds_only = step.kind == Step::Kind::kCheck || step.kind == Step::Kind::kUnchanged;
  if (holds_only && !step.expected) return invalid("a check that expects nothing");
  return {};
}

}  // namespace

KeyRange range_of(std::string_view prefix) { return {std::string(prefix), std::string(prefix) + kAfterKeys}; }

Result<KeyRange> range_of(std::string_view prefix, std::string_view after_key) {
  if (!is_key_text(prefix) || !is_key_text(after_key)) return fail(Code::kInvalid, "no key is like that");
  KeyRange range = range_of(prefix);
  // The least key that sorts after another one is that one with the first of all characters behind it.
  if (!after_key.empty()) range.from = std::max(range.from, std::string(after_key) + kKeyFirst);
  return range;
}

std::size_t page_limit(std::size_t wanted) { return std::clamp(wanted, std::size_t{1}, kPageEntriesMax); }

bool writes(const Step& step) { return step.kind == Step::Kind::kPut || step.kind == Step::Kind::kDelete; }

std::optional<Refused> shape_refusal(const Transaction& transaction) {
  const std::size_t none = transaction.steps.size();
  const auto invalid = [none](const char* text) { return Refused{refusal(Code::kInvalid, text), none}; };
  if (none > kTransactionStepsMax) return invalid("a transaction of too many steps");
  if (transaction.bytes() > kTransactionBytesMax) return invalid("a transaction of too many bytes");
  std::unordered_set<std::string_view> written;
  for (std::size_t i = 0; i < none; ++i) {
    const Step& step = transaction.steps[i];
    if (const auto error = shape_error(step)) return Refused{*error, i};
    if (writes(step) && !written.insert(step.key).second) {
      return Refused{refusal(Code::kInvalid, "a key is written twice"), i};
    }
  }
  if (written.empty()) return invalid("a transaction that writes nothing");
  return {};
}

std::optional<Error> step_refusal(const Step& step, const Current& current) {
  const bool exists = current.revision != 0;
  if (step.expected == 0 && exists) return refusal(Code::kExists, "the key exists");
  const bool must_exist = step.expected.value_or(0) != 0 || step.kind == Step::Kind::kDelete;
  if (must_exist && !exists) return refusal(Code::kNotFound, "no such key");
  if (step.expected && *step.expected != current.revision) {
    return refusal(Code::kConflict, "the expected revision is not the current one");
  }
  return {};
}

std::optional<Error> reach_refusal(const LedgerState& state, Revision since) {
  if (since < state.compacted) return refusal(Code::kGone, "changes since that revision are no longer kept");
  if (since > state.revision) return refusal(Code::kGone, "the store never had that revision");
  return {};
}

Error changed_refusal(bool known) {
  return refusal(Code::kConflict, known ? "something changed since the expected revision"
                                        : "it cannot be told what changed since that revision");
}

std::size_t history_bytes(std::size_t key, std::size_t value, std::size_t former_value) {
  return kChangeOverheadBytes + key + value + former_value;
}

bool is_time_to_cut(const LedgerState& state, const LedgerLimits& limits) {
  const auto over = [](std::size_t count, std::size_t max) {
    return count > max + max / kHistorySlackDivisor;
  };
  return over(state.history_changes, limits.history_changes_max) ||
         over(state.history_bytes, limits.history_bytes_max);
}

}  // namespace weir::store
