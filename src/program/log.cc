#include "program/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <string>

namespace weir::program {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// event key=value key="a value with spaces"
std::string as_text(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    if (field.value.empty()) continue;
    line.append(" ").append(field.key).append("=");
    const bool plain = field.value.find_first_of(" \"=\n\r\t\\") == std::string::npos;
    // A value may come from outside: JSON's quoting keeps it on its line.
    line += plain ? field.value
                  : nlohmann::json(field.value).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }
  return line;
}

std::string as_json(std::string_view event, std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line{{"event", event}};
  for (const LogField& field : fields) line[std::string(field.key)] = field.value;
  const std::string text = line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);  // the pattern brings the braces, the time and the level
}

class SpdLog final : public Log {
 public:
  SpdLog(Level least, bool json)
      : logger_("weir", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()), json_(json) {
    logger_.set_level(to_spdlog(least));
    logger_.flush_on(spdlog::level::info);
    logger_.set_pattern(
        json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v",
        spdlog::pattern_time_type::utc);
  }

  void write(Level level, std::string_view event, std::initializer_list<LogField> fields) override {
    if (!logger_.should_log(to_spdlog(level))) return;
    logger_.log(to_spdlog(level), "{}", json_ ? as_json(event, fields) : as_text(event, fields));
  }

 private:
  spdlog::logger logger_;
  bool json_;
};

}  // namespace

std::unique_ptr<Log> make_log(Level least, bool json) { return std::make_unique<SpdLog>(least, json); }

}  // namespace weir::program
