#include "record/access_log.h"

#include "base/exposition.h"

namespace weir::record {
namespace {

constexpr std::string_view kSystemLog = "/dev/log";

// A label's value, in quotes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

std::string label_of(const LineTarget& target) { return "{target=" + quoted(target.name()) + '}'; }

}  // namespace

AccessLogTarget AccessLogTarget::parse(std::string_view text) {
  if (text == "off") return {};
  if (text == "-") return {Kind::kStdout, {}};
  if (text == "syslog") return {Kind::kSyslog, std::string(kSystemLog)};
  if (constexpr std::string_view kSocket = "syslog:"; text.starts_with(kSocket)) {
    return {Kind::kSyslog, std::string(text.substr(kSocket.size()))};
  }
  if (text.starts_with("https://") || text.starts_with("http://")) {
    return {Kind::kCollector, std::string(text)};
  }
  return {Kind::kFile, std::string(text)};
}

std::string AccessLogTarget::name() const {
  switch (kind) {
    case Kind::kOff: return "off";
    case Kind::kStdout: return "stdout";
    case Kind::kSyslog: return "syslog:" + path;
    case Kind::kCollector: return path.substr(0, path.find('?'));
    case Kind::kFile: break;
  }
  return path;
}

void AccessLog::give(std::string& lines, std::uint64_t count) {
  if (lines.empty() || targets_.empty()) return lines.clear();
  for (std::size_t i = 1; i < targets_.size(); ++i) targets_[i]->give_copy(lines, count);
  targets_[0]->give(lines, count);
}

void AccessLog::reopen() {
  for (const auto& target : targets_) target->reopen();
}

void AccessLog::write_metrics(std::string& out) const {
  Exposition exposition(out);
  exposition.family("weir_access_log_lines_total", "counter",
                    "Lines of the access log that were written, or taken by the collector.");
  for (const auto& one : targets_) exposition.sample(one->written(), label_of(*one));
  exposition.family("weir_access_log_dropped_lines_total", "counter",
                    "Lines of the access log that were lost: a reader too slow, a disk or a spool full.");
  for (const auto& one : targets_) exposition.sample(one->dropped(), label_of(*one));
  std::vector<std::pair<const LineTarget*, LineTarget::Waiting>> waiting;
  for (const auto& one : targets_) {
    if (auto found = one->waiting()) waiting.emplace_back(one.get(), std::move(*found));
  }
  if (waiting.empty()) return;
  exposition.family("weir_access_log_spooled_bytes", "gauge", "Of lines that wait on disk for a collector.");
  for (const auto& [one, of] : waiting) exposition.sample(of.bytes, label_of(*one));
  exposition.family("weir_access_log_lag_seconds", "gauge", "Since the oldest of those lines came.");
  for (const auto& [one, of] : waiting) exposition.sample(of.seconds, label_of(*one));
  exposition.family("weir_access_log_failing", "gauge", "1: the collector did not take the last lines.");
  for (const auto& [one, of] : waiting) {
    const std::string label = "{target=" + quoted(one->name()) + ",error=" + quoted(of.trouble) + '}';
    exposition.sample(of.trouble.empty() ? 0 : 1, label);
  }
}

}  // namespace weir::record
