// FieldSection: one field section as it is decoded (RFC 9113 section 8.2): copies into the stream's arena
// what a head then refers to, apart from the pseudo-header fields, puts cookies together again, and keeps to
// the limits. Part of a stream, on its core.
#pragma once

#include <cstddef>
#include <string_view>

#include "h2/arena.h"
#include "http/fields.h"

namespace weir::h2 {

class FieldSection {
 public:
  struct Pseudo {
    std::string_view method;
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view protocol;  // RFC 8441 section 4
    std::string_view status;
  };

  explicit FieldSection(Arena& arena) : arena_(arena) {}

  // The fields outlive the section's decoding.
  void begin(http::Fields& into);
  // In the order of the wire; the decoder has checked that it is lower case and what RFC 9113 allows.
  void add(std::string_view name, std::string_view value);
  void finish();

  const Pseudo& pseudo() const { return pseudo_; }
  // A limit was passed; what came behind it was dropped.
  bool too_large() const { return too_large_; }
  // Dropped or not.
  std::size_t decoded_bytes() const { return decoded_bytes_; }

 private:
  struct Crumb {  // lies in front of its text, unaligned
    char* next;
    std::size_t bytes;
  };
  void add_pseudo(std::string_view name, std::string_view value);
  void add_crumb(std::string_view value);
  void join_crumbs();

  Arena& arena_;
  http::Fields* fields_ = nullptr;
  Pseudo pseudo_;
  std::size_t decoded_bytes_ = 0;
  bool too_large_ = false;
  char* first_crumb_ = nullptr;
  char* last_crumb_ = nullptr;
  std::size_t crumbs_ = 0;
  std::size_t crumb_bytes_ = 0;
};

// "content-length": as HTTP/2 wants names; empty for kOther. Static text.
std::string_view lower_name_of(http::Known known);

}  // namespace weir::h2
