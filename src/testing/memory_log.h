// MemoryLog: a Log that keeps what it is given, for a test to look at. Callable from every thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"

namespace weir::testing {

class MemoryLog final : public Log {
 public:
  struct Record {
    Level level = Level::kDebug;
    std::string event;
    std::vector<std::pair<std::string, std::string>> fields;

    // The value of a field, or "" when there is none.
    std::string_view field(std::string_view key) const;
  };

  void write(Level level, std::string_view event, std::initializer_list<LogField> fields) override;

  std::vector<Record> records() const;
  std::size_t count(std::string_view event) const;
  void clear();
  // One line a record: "warning event key=value key=value".
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Record> records_;
};

}  // namespace weir::testing
