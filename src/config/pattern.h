// Pattern: a regular expression that takes linear time (RE2), matched against a whole text. Immutable; read
// by every core at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace weir::config {

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // What is wrong with it; empty: nothing.
  std::string problem() const;
  bool matches(std::string_view text) const;

 private:
  std::unique_ptr<re2::RE2> compiled_;
};

}  // namespace weir::config
