// What browsers are shown on their way to a provider of identities and back. Pure; on any core.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/service.h"

namespace weir::oidc {

// Elsewhere, by an answer that no cache keeps; the page there is not told where they come from.
std::unique_ptr<http::TextResponse> sent_to(std::string location);

struct Page {
  int status = 200;
  std::string_view heading;   // static
  std::string_view sentence;  // without its "."
  std::string link;           // a path of this site
  std::string_view link_text;
};
// A page without scripts, which nobody frames and no cache keeps.
std::unique_ptr<http::TextResponse> shown(const Page& page);

}  // namespace weir::oidc
