// Content: what a request carries: its media type, its bytes, read whole within a bound, and what they ask
// for. Hostile until it has become intents. On the core of the connection.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/plan.h"
#include "api/problem.h"
#include "api/routes.h"
#include "http/service.h"
#include "net/task.h"

namespace weir::api {

enum class Media : std::uint8_t { kJson, kYaml, kMergePatch };

// Content without a Content-Type is taken for JSON; what is not known is refused with 415. A patch must say
// that it is one.
Answer<Media> media_of(const http::RequestHead& head);

// Sends 100 (Continue) when the client waits for it. 413 beyond bytes_max, before anything is read when the
// length is known.
net::Task<Answer<std::string>> read_content(http::Request& request, std::size_t bytes_max);

// One object for POST and PUT, a patch for PATCH, nothing for DELETE. What the path says must be what the
// content says.
Answer<std::vector<Intent>> object_intents(Verb verb, const Target& target, Media media,
                                           std::string_view content, Precondition precondition);
// For POST /v1/apply: {"objects": [...]}, a list, or YAML documents.
Answer<std::vector<Intent>> apply_intents(Media media, std::string_view content);

}  // namespace weir::api
