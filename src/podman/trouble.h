// Trouble: why podman did not do something, as one sentence. A value.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace weir::podman {

// Why something was not done.
struct Trouble {
  enum class Kind : std::uint8_t {
    kRefused,      // by podman: the same again is refused again, until something else changes
    kNotThere,     // what it is about
    kUnreachable,  // podman does not answer; whether it was done is not known
    kCancelled,
  };
  Kind kind = Kind::kRefused;
  std::string sentence;
};
template <class T>
using Told = std::expected<T, Trouble>;

inline Trouble trouble_of(const Error& error) {
  if (error.code == Code::kCancelled) return {Trouble::Kind::kCancelled, "told to stop"};
  return {Trouble::Kind::kUnreachable, "podman does not answer: " + sentence_of(error)};
}

template <class T>
Told<T> told(Result<T> result) {
  if (!result) return std::unexpected(trouble_of(result.error()));
  return std::move(*result);
}

}  // namespace weir::podman
