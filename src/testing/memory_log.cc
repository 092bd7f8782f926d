#include "testing/memory_log.h"

#include <algorithm>
#include <array>

namespace weir::testing {

std::string_view MemoryLog::Record::field(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return value;
  }
  return "";
}

void MemoryLog::write(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  Record record{.level = level, .event = std::string(event), .fields = {}};
  for (const LogField& field : fields) record.fields.emplace_back(field.key, field.value);
  const std::scoped_lock lock(mutex_);
  records_.push_back(std::move(record));
}

std::vector<MemoryLog::Record> MemoryLog::records() const {
  const std::scoped_lock lock(mutex_);
  return records_;
}

std::size_t MemoryLog::count(std::string_view event) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(records_, event, &Record::event));
}

void MemoryLog::clear() {
  const std::scoped_lock lock(mutex_);
  records_.clear();
}

std::string MemoryLog::text() const {
  constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};
  std::string text;
  for (const Record& record : records()) {
    text += std::string(kLevels.at(static_cast<std::size_t>(record.level))) + " " + record.event;
    for (const auto& [key, value] : record.fields) text += " " + key + "=" + value;
    text += "\n";
  }
  return text;
}

}  // namespace weir::testing
