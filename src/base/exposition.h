// Exposition: numbers as Prometheus reads them (text format, version 0.0.4), appended to a text. A value on
// the core of who writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

class Exposition {
 public:
  explicit Exposition(std::string& out) : out_(out) {}

  // type: counter, gauge, histogram. The samples that follow are of this family.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  // labels: complete, like {service="web"}; their values are names that need no escaping.
  void sample(std::uint64_t value, std::string_view labels = {}, std::string_view suffix = {}) {
    sample(std::to_string(value), labels, suffix);
  }
  void sample(const std::string& value, std::string_view labels, std::string_view suffix) {
    out_.append(name_).append(suffix).append(labels).append(" ").append(value).append("\n");
  }
  // A family of one sample.
  void single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    family(name, type, help);
    sample(value);
  }

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace weir
