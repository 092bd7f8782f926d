// WEIR_CHECK: for what cannot be false unless the program is wrong. Aborts in every build, with the place.
#pragma once

namespace weir {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace weir

#define WEIR_CHECK(condition)                                  \
  (__builtin_expect(static_cast<bool>(condition), 1) ? void(0) \
                                                     : ::weir::check_failed(#condition, __FILE__, __LINE__))
