// Violation: what is wrong with what a person wrote, and where. Validation reports all of them at once.
// Values; made and read on the cold path only.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::config {

struct Violation {
  std::string field;    // "spec.listeners[0].hostnames[1]"; empty: the document as a whole
  std::string message;  // a predicate on the field: "must be a duration such as 5s"
  std::string object;   // "LoadBalancer/web" when several objects were looked at; else empty

  friend bool operator==(const Violation&, const Violation&) = default;
};
using Violations = std::vector<Violation>;

template <class T>
using Checked = std::expected<T, Violations>;

// One line each: "LoadBalancer/web: spec.routes[0].backends[0].service: names no Service".
inline std::string to_text(const Violations& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    if (!text.empty()) text += '\n';
    if (!violation.object.empty()) text += violation.object + ": ";
    if (!violation.field.empty()) text += violation.field + ": ";
    text += violation.message;
  }
  return text;
}

// Collects violations while a value is walked; knows the path walked so far.
class Report {
 public:
  static constexpr std::size_t kViolationsMax =
      100;  // nobody reads more; hostile input could ask for millions

  explicit Report(std::string object = {}) : object_(std::move(object)) {}

  void add(std::string message) {
    if (!full()) violations_.push_back({path_, std::move(message), object_});
  }
  bool full() const { return violations_.size() >= kViolationsMax; }
  std::size_t size() const { return violations_.size(); }
  Violations take() { return std::move(violations_); }

  // One level down, for as long as it lives.
  class Step {
   public:
    Step(Report& report, std::string_view field) : report_(report), length_(report.path_.size()) {
      if (length_ > 0) report.path_ += '.';
      report.path_ += field;
    }
    Step(Report& report, std::size_t index) : report_(report), length_(report.path_.size()) {
      report.path_ += '[' + std::to_string(index) + ']';
    }
    ~Step() { report_.path_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Report& report_;
    std::size_t length_;
  };

 private:
  std::string object_;
  std::string path_;
  Violations violations_;
};

// One violation for a field that is there and may not be.
inline void refuse_field(bool there, std::string_view name, std::string message, Report& report) {
  if (!there) return;
  const Report::Step field(report, name);
  report.add(std::move(message));
}

}  // namespace weir::config
