// The files of the web console, as console/build.mjs has packed them, and the answers to requests for them.
// They are part of the program, compressed beforehand. On any core: nothing of it ever changes.
#pragma once

#include <span>
#include <string_view>

#include "http/service.h"

namespace weir::console {

struct File {
  std::string_view path;  // /assets/NAME-HASH.js: under this name, the content never changes; or /index.html
  std::string_view media_type;
  std::string_view hash;  // of the content
  std::string_view plain;
  std::string_view gzip;    // empty: hardly smaller
  std::string_view brotli;  // the same
};

// Those of this program.
std::span<const File> files();

// Null: this is no request for the console. Assets are asked for by their names; every other path that a
// browser navigates to is a place within the console, whose page is one for all of them.
http::ResponsePtr answer(const http::Request& request, std::span<const File> of = files());

}  // namespace weir::console
