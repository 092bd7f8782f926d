#include "api/content.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "config/documents.h"
#include "config/kinds.h"

namespace weir::api {
namespace {

struct MediaLine {
  std::string_view type;
  Media media;
};
constexpr std::array kMedia{
    MediaLine{"application/json", Media::kJson},
    MediaLine{"application/yaml", Media::kYaml},
    MediaLine{"application/x-yaml", Media::kYaml},
    MediaLine{"text/yaml", Media::kYaml},
    MediaLine{"text/x-yaml", Media::kYaml},
    MediaLine{"application/merge-patch+json", Media::kMergePatch},
};

std::unexpected<Problem> too_large(std::size_t bytes_max) {
  return refuse(413, "too-large", "the content is larger than " + std::to_string(bytes_max) + " bytes");
}

using config::Origin;

std::unexpected<Problem> malformed(std::string detail, config::Violations violations = {}) {
  return refuse(400, "malformed", std::move(detail), std::move(violations));
}

// What was refused is either no JSON at all, or JSON that is no object of ours.
std::unexpected<Problem> refuse_json(std::string_view json, config::Violations violations) {
  if (!nlohmann::json::accept(json)) return malformed("the content is not JSON", std::move(violations));
  return refuse(invalid(std::move(violations)));
}

Answer<std::vector<config::Document>> read_documents(std::string_view content) {
  auto documents = config::read_yaml(content);
  if (!documents)
    return malformed("the content is not YAML that is taken here", std::move(documents.error()));
  if (documents->empty()) return malformed("the content holds no object");
  return std::move(*documents);
}

Answer<config::Object> read_one(Media media, std::string_view content) {
  if (content.empty()) return malformed("the request has no content");
  std::vector<config::Document> documents;
  if (media == Media::kYaml) {
    auto read = read_documents(content);
    if (!read) return refuse(std::move(read.error()));
    if (read->size() > 1) return malformed("the content holds several objects; POST them to /v1/apply");
    documents = std::move(*read);
    content = documents.front().json;
  }
  auto object = config::parse_object(content, Origin::kClient);
  if (!object) return refuse_json(content, std::move(object.error()));
  return std::move(*object);
}

// As one JSON list, which the violations of each count their place in.
Answer<std::string> list_of_documents(std::string_view content) {
  const auto documents = read_documents(content);
  if (!documents) return refuse(documents.error());
  // {"objects": [...]} and [...] are YAML too.
  if (documents->size() == 1) {
    const std::string& only = documents->front().json;
    if (only.starts_with('[') || only.starts_with("{\"objects\":")) return only;
  }
  std::string list = "[";
  for (const config::Document& document : *documents) {
    if (list.size() > 1) list += ',';
    list += document.json;
  }
  return list + ']';
}

}  // namespace

Answer<Media> media_of(const http::RequestHead& head) {
  const bool patch = head.method == http::Method::kPatch;
  const std::string_view value = head.fields.value_of(http::Known::kContentType);
  const std::string_view type = trim(value.substr(0, value.find(';')));
  if (head.fields.has(http::Known::kContentEncoding)) {
    return refuse(415, "unsupported-media-type", "send the content without Content-Encoding");
  }
  if (type.empty() && !patch) return Media::kJson;
  const auto* found = std::ranges::find_if(
      kMedia, [type](const MediaLine& line) { return equal_ignoring_case(line.type, type); });
  // Most clients call every JSON application/json, and there is only one kind of patch here.
  const bool fits =
      found != kMedia.end() && (patch ? found->media != Media::kYaml : found->media != Media::kMergePatch);
  if (!fits) {
    return refuse(
        415, "unsupported-media-type",
        patch ? "send PATCH with Content-Type: application/merge-patch+json (RFC 7396) or application/json"
              : "send Content-Type: application/json or application/yaml");
  }
  return patch ? Media::kMergePatch : found->media;
}

net::Task<Answer<std::string>> read_content(http::Request& request, std::size_t bytes_max) {
  std::string content;
  if (request.body == nullptr) co_return content;
  if (request.head.framing == http::Framing::kLength && request.head.content_length > bytes_max) {
    co_return too_large(bytes_max);
  }
  if (request.head.expect_continue && request.interim != nullptr) {
    http::ResponseHead head;
    head.status = 100;
    head.reason = http::reason_of(100);
    if (const auto sent = co_await request.interim->send_interim(head); !sent) {
      co_return refuse(problem_of(sent.error()));
    }
  }
  while (!request.body->at_end()) {
    const auto piece = co_await request.body->read();
    if (!piece) co_return refuse(problem_of(piece.error()));
    if (content.size() + piece->size() > bytes_max) co_return too_large(bytes_max);
    content.append(net::as_text(*piece));
  }
  co_return content;
}

Answer<std::vector<Intent>> object_intents(Verb verb, const Target& target, Media media,
                                           std::string_view content, Precondition precondition) {
  std::vector<Intent> intents(1);
  Intent& intent = intents.front();
  intent.verb = verb;
  intent.kind = target.kind->kind;
  intent.name = target.name;
  intent.precondition = std::move(precondition);
  if (verb == Verb::kDelete) return intents;
  if (verb == Verb::kPatch) {
    if (content.empty()) return malformed("the request has no content");
    intent.patch = content;
    return intents;
  }
  auto object = read_one(media, content);
  if (!object) return refuse(std::move(object.error()));
  config::Violations violations;
  if (object->kind() != intent.kind) {
    violations.push_back({"kind", "must be " + std::string(target.kind->name) + ", as the path says", {}});
  }
  if (verb == Verb::kReplace && object->metadata.name != intent.name) {
    violations.push_back({"metadata.name", "must be " + intent.name + ", as the path says", {}});
  }
  if (!violations.empty()) return refuse(invalid(std::move(violations)));
  intent.name = object->metadata.name;
  intent.wanted = std::move(*object);
  return intents;
}

Answer<std::vector<Intent>> apply_intents(Media media, std::string_view content) {
  if (content.empty()) return malformed("the request has no content");
  std::string list;
  if (media == Media::kYaml) {
    auto documents = list_of_documents(content);
    if (!documents) return refuse(std::move(documents.error()));
    list = std::move(*documents);
    content = list;
  }
  auto objects = config::parse_objects(content, Origin::kClient);
  if (!objects) return refuse_json(content, std::move(objects.error()));
  std::vector<Intent> intents;
  intents.reserve(objects->size());
  for (config::Object& object : *objects) {
    Intent& intent = intents.emplace_back();
    intent.verb = Verb::kApply;
    intent.kind = object.kind();
    intent.name = object.metadata.name;
    intent.wanted = std::move(object);
  }
  return intents;
}

}  // namespace weir::api
