#include "config/pattern.h"

#include <re2/re2.h>

namespace weir::config {
namespace {

// Of the compiled program: enough for lists of hundreds of words, and too little to slow an edge down.
constexpr std::int64_t kProgramBytesMax = 256 << 10U;

re2::RE2::Options options() {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kProgramBytesMax);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // of bytes: what comes need not be UTF-8
  return options;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Pattern::Pattern(std::string_view text) : compiled_(std::make_unique<re2::RE2>(piece(text), options())) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

std::string Pattern::problem() const { return compiled_->error(); }
bool Pattern::matches(std::string_view text) const { return re2::RE2::FullMatch(piece(text), *compiled_); }

}  // namespace weir::config
