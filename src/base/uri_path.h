// The path of a URI in its one normal form (RFC 3986 section 6.2.2), so that what a rule is written about is
// what is compared, and what the next server reads. Pure functions on bytes; every core.
//
// Normal: unreserved characters are not percent-encoded; the digits of other encodings are upper case; there
// are no
// "." and ".." segments and no empty ones but the last.
#pragma once

#include <string>
#include <string_view>

namespace weir {

struct PathForm {
  bool valid = true;         // each "%" begins an encoding, of another byte than NUL
  bool normal = true;        // normal_path() would change nothing
  bool hides_slash = false;  // has %2F, %5C or a backslash: what some servers read as a "/", and others don't
};

// path: from its "/" on, without a query.
PathForm form_of(std::string_view path);
// Of a valid path. What form_of() calls a hidden slash stays as it is, being neither a separator nor none.
std::string normal_path(std::string_view path);

// Any text as a part of a path or of a query: all but unreserved characters, and those of `kept`, is
// percent-encoded.
std::string encoded(std::string_view text, std::string_view kept = {});

// False: the path is normal and hides nothing; a few instructions for each 16 bytes. True: ask form_of().
bool may_not_be_normal(std::string_view path);

}  // namespace weir
