// What the programs of this folder have in common: they end with a sentence when something is wrong, speak by
// lines.
#pragma once

#include <errno.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace weir::bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(1);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) die(sentence_of(result.error()));
  return *std::move(result);
}

template <class Number>
Number number_of(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number).ptr != end || text.empty()) {
    die("no number: " + std::string(text));
  }
  return number;
}

inline void say(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

class Silence final : public Log {
 public:
  void write(Level /*level*/, std::string_view /*event*/,
             std::initializer_list<LogField> /*fields*/) override {}
};

}  // namespace weir::bench
